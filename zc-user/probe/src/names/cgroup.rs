//! cgroup ids to paths.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use super::namespace;

/// Ids remembered; further ones are looked up again each time they are asked for.
const REMEMBERED: usize = 16_384;

/// How often the hierarchy is searched, at most: it takes milliseconds.
const SEARCHES: Duration = Duration::from_secs(1);

/// Where the hierarchy of cgroup v2 is mounted.
pub(crate) fn mount_point() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    mounts.lines().find_map(|line| {
        // The fields after the hyphen are the type of the file system and what is mounted.
        let (place, kind) = line.split_once(" - ")?;
        if !kind.starts_with("cgroup2 ") {
            return None;
        }
        place.split(' ').nth(4).map(PathBuf::from)
    })
}

/// cgroup v2 paths by id. An id names a directory for as long as that exists.
pub struct Cgroups {
    by_id: HashMap<u64, Arc<str>>,
    /// When the hierarchy was searched.
    searched: Option<Instant>,
    /// Where it is mounted, if paths here are those of the whole machine.
    root: Option<PathBuf>,
    /// Whether `/proc/PID` is the process that the kernel side calls so.
    host_pids: bool,
}

impl Default for Cgroups {
    fn default() -> Self {
        Self {
            by_id: HashMap::new(),
            searched: None,
            root: mount_point().filter(|_| namespace::has_host_cgroups()),
            host_pids: namespace::has_host_pids(),
        }
    }
}

impl Cgroups {
    /// The path of cgroup `id`, learned from a living member, or from its directory. `None` when both have gone
    /// before anybody asked.
    pub fn name(&mut self, id: u64, pid: u32, exited: bool) -> Option<Arc<str>> {
        if id == 0 {
            return None;
        }
        if let Some(path) = self.by_id.get(&id) {
            return Some(Arc::clone(path));
        }
        if exited || !self.host_pids {
            self.search();
            return self.by_id.get(&id).map(Arc::clone);
        }
        let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        // The unified hierarchy is number 0: "0::/path".
        let path: Arc<str> = text.lines().find_map(|line| line.strip_prefix("0::"))?.into();
        if let Some(root) = &self.root {
            // The process may have been moved since.
            let directory = fs::metadata(root.join(path.trim_start_matches('/')));
            if directory.map_or(0, |found| found.ino()) != id {
                self.search();
                return self.by_id.get(&id).map(Arc::clone);
            }
        }
        self.learn(id, &path);
        Some(path)
    }

    fn learn(&mut self, id: u64, path: &Arc<str>) {
        if self.by_id.len() < REMEMBERED {
            self.by_id.insert(id, Arc::clone(path));
        }
    }

    /// Learns the paths of all groups that exist.
    fn search(&mut self) {
        let Some(root) = self.root.clone() else { return };
        if self.searched.is_none_or(|searched| searched.elapsed() >= SEARCHES) {
            self.searched = Some(Instant::now());
            self.gather(&root, "");
        }
    }

    /// Learns the paths of a group and of those below it. The id of a group is the number of its inode
    /// (`kernfs_ino`, `include/linux/kernfs.h`, 5.10 to 7.2).
    fn gather(&mut self, directory: &Path, path: &str) {
        if let Ok(found) = fs::metadata(directory) {
            self.learn(found.ino(), &if path.is_empty() { "/" } else { path }.into());
        }
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir())
                && let Some(name) = entry.file_name().to_str()
            {
                self.gather(&entry.path(), &format!("{path}/{name}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_member_that_has_been_moved_does_not_rename_the_group_that_it_left() {
        let root = TempDir::new().unwrap();
        let left = root.path().join("left");
        fs::create_dir_all(left.join("below")).unwrap();
        let id = |directory: &Path| fs::metadata(directory).unwrap().ino();
        let mut cgroups = Cgroups {
            by_id: HashMap::new(),
            searched: None,
            root: Some(root.path().to_owned()),
            host_pids: true,
        };
        // This process is not in that group, which may be in no hierarchy at all.
        let own = std::process::id();
        assert_eq!(cgroups.name(id(&left), own, false).as_deref(), Some("/left"));
        assert_eq!(
            cgroups.name(id(&left.join("below")), own, true).as_deref(),
            Some("/left/below")
        );
        assert_eq!(cgroups.name(u64::MAX, own, false), None);
    }
}
