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
    /// Whether `/proc/PID` is the process that the kernel side calls so.
    host_pids: bool,
}

impl Default for Cgroups {
    fn default() -> Self {
        Self { by_id: HashMap::new(), searched: None, host_pids: namespace::has_host_pids() }
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
        if !namespace::has_host_cgroups()
            || self.searched.is_some_and(|searched| searched.elapsed() < SEARCHES)
        {
            return;
        }
        self.searched = Some(Instant::now());
        if let Some(root) = mount_point() {
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
