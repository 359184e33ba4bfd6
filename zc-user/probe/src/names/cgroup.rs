//! cgroup ids to paths.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use super::namespace;

/// Ids remembered. When there are more, all are forgotten: those that are still needed are learned again.
const REMEMBERED: usize = 16_384;

/// How often the hierarchy is searched, at most: it takes milliseconds.
const SEARCHES: Duration = Duration::from_secs(1);

/// Where the hierarchy of cgroup v2 is mounted.
pub(crate) fn mount_point() -> Option<PathBuf> {
    mounts("cgroup2").into_iter().next()
}

/// Where file systems of this type are mounted.
fn mounts(wanted: &str) -> Vec<PathBuf> {
    // Mounted directories may have names of any bytes.
    let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mounts = String::from_utf8_lossy(&mounts);
    let place = |line: &str| {
        // The fields after the hyphen are the type of the file system and what is mounted.
        let (place, kind) = line.split_once(" - ")?;
        if kind.split(' ').next() != Some(wanted) {
            return None;
        }
        place.split(' ').nth(4).map(PathBuf::from)
    };
    mounts.lines().filter_map(place).collect()
}

/// Which of `paths` no control group has now; patterns, which have a `*`, may match one that comes later.
///
/// # Errors
/// Why none of them can be followed: there is none, and no pattern.
pub fn missing(paths: &[String]) -> Result<Vec<&str>, NoGroup> {
    missing_in(mount_point().as_deref(), &mounts("cgroup"), paths)
}

/// There is no such control group.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot follow control group '{path}': {why}")]
pub struct NoGroup {
    path: String,
    why: String,
}

fn missing_in<'p>(
    root: Option<&Path>,
    others: &[PathBuf],
    paths: &'p [String],
) -> Result<Vec<&'p str>, NoGroup> {
    let below = |root: &Path, path: &str| {
        let path = path.trim_matches('/');
        let is_plain = path.split('/').all(|name| !matches!(name, "." | ".."));
        is_plain && root.join(path).is_dir()
    };
    let exists = |path: &str| root.is_some_and(|root| below(root, path));
    let missing: Vec<_> = paths
        .iter()
        .map(String::as_str)
        .filter(|path| !path.contains('*') && !exists(path))
        .collect();
    let Some(first) = missing.first().filter(|_| missing.len() == paths.len()) else {
        return Ok(missing);
    };
    let why = match root {
        None => "cgroup v2 is not mounted here; mount -t cgroup2 none /sys/fs/cgroup does that"
            .to_owned(),
        Some(root) => {
            let tree = root.display();
            match others.iter().find(|other| below(other, first)) {
                Some(other) => format!(
                    "it is one of cgroup v1 (in {}), and only those of cgroup v2 (in {tree}) can be followed; \
                     see `find {tree} -type d`",
                    other.display()
                ),
                None => format!(
                    "there is no such group of cgroup v2 in {tree}; see `find {tree} -type d`; for one that comes later \
                     give a pattern, such as '{first}*'"
                ),
            }
        }
    };
    Err(NoGroup { path: (*first).to_owned(), why })
}

/// cgroup v2 paths by id. An id names a directory for as long as that exists.
pub struct Cgroups {
    by_id: HashMap<u64, Arc<str>>,
    /// When the hierarchy was searched.
    searched: Option<Instant>,
    /// Where it is mounted.
    root: Option<PathBuf>,
    /// Whether paths here are those of the whole machine. In a cgroup namespace of our own they are relative to a
    /// group whose path is unknown.
    host_paths: bool,
    /// The id of the root, where hierarchies of v1 are mounted: processes that are in a group there are in the root
    /// of this one.
    meaningless: Option<u64>,
    /// Whether `/proc/PID` is the process that the kernel side calls so.
    host_pids: bool,
}

impl Default for Cgroups {
    fn default() -> Self {
        let root = mount_point();
        let id = root.as_ref().and_then(|root| fs::metadata(root).ok()).map(|found| found.ino());
        Self {
            by_id: HashMap::new(),
            searched: None,
            host_paths: namespace::has_host_cgroups(),
            meaningless: id.filter(|_| !mounts("cgroup").is_empty()),
            root,
            host_pids: namespace::has_host_pids(),
        }
    }
}

impl Cgroups {
    /// The path of cgroup `id`, learned from a living member, or from its directory. `None` when both have gone
    /// before the first look, where paths are relative to an unknown group, and for the root on a host with groups
    /// of v1.
    pub fn name(&mut self, id: u64, pid: u32, exited: bool) -> Option<Arc<str>> {
        if id == 0 || !self.host_paths || self.meaningless == Some(id) {
            return None;
        }
        if let Some(path) = self.by_id.get(&id) {
            return Some(Arc::clone(path));
        }
        if exited || !self.host_pids {
            return self.search(id);
        }
        let text = fs::read(format!("/proc/{pid}/cgroup")).ok()?;
        // The unified hierarchy is number 0: "0::/path".
        let path = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"0::"))?;
        // Without its directory the path may be that of another group: the process may have been moved since.
        let relative = OsStr::from_bytes(path.strip_prefix(b"/").unwrap_or(path));
        let directory = fs::metadata(self.root.as_ref()?.join(relative));
        if directory.map_or(0, |found| found.ino()) != id {
            return self.search(id);
        }
        let path = String::from_utf8_lossy(path).into();
        self.learn(id, &path);
        Some(path)
    }

    fn learn(&mut self, id: u64, path: &Arc<str>) {
        if self.by_id.len() >= REMEMBERED {
            self.by_id.clear();
        }
        self.by_id.insert(id, Arc::clone(path));
    }

    /// Learns the paths of all groups that exist, as far as there is room, and that of `wanted` in any case.
    fn search(&mut self, wanted: u64) -> Option<Arc<str>> {
        let root = self.root.clone()?;
        if self.searched.is_some_and(|searched| searched.elapsed() < SEARCHES) {
            return None;
        }
        self.searched = Some(Instant::now());
        // Not before: the names of groups that are gone are known here only.
        if self.by_id.len() >= REMEMBERED {
            self.by_id.clear();
        }
        self.gather(&root, "", wanted);
        self.by_id.get(&wanted).map(Arc::clone)
    }

    /// Learns the paths of a group and of those below it. The id of a group is the number of its inode
    /// (`kernfs_ino`, `include/linux/kernfs.h`, 5.10 to 7.2).
    fn gather(&mut self, directory: &Path, path: &str, wanted: u64) {
        if let Ok(found) = fs::metadata(directory)
            && (self.by_id.len() < REMEMBERED || found.ino() == wanted)
        {
            self.by_id.insert(found.ino(), if path.is_empty() { "/" } else { path }.into());
        }
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let path = format!("{path}/{}", entry.file_name().display());
                self.gather(&entry.path(), &path, wanted);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// Of a host with cgroup v2 alone, mounted at `root`.
    fn mounted_at(root: &Path) -> Cgroups {
        Cgroups {
            by_id: HashMap::new(),
            searched: None,
            root: Some(root.to_owned()),
            host_paths: true,
            meaningless: None,
            host_pids: true,
        }
    }

    #[test]
    fn a_member_that_has_been_moved_does_not_rename_the_group_that_it_left() {
        let root = TempDir::new().unwrap();
        let left = root.path().join("left");
        fs::create_dir_all(left.join("below")).unwrap();
        let id = |directory: &Path| fs::metadata(directory).unwrap().ino();
        let mut cgroups = mounted_at(root.path());
        // This process is not in that group, which may be in no hierarchy at all.
        let own = std::process::id();
        assert_eq!(cgroups.name(id(&left), own, false).as_deref(), Some("/left"));
        assert_eq!(
            cgroups.name(id(&left.join("below")), own, true).as_deref(),
            Some("/left/below")
        );
        assert_eq!(cgroups.name(u64::MAX, own, false), None);
        assert_eq!(cgroups.name(id(root.path()), own, true).as_deref(), Some("/"));

        // With groups of v1, that is where processes are of which nothing is known.
        cgroups.meaningless = Some(id(root.path()));
        assert_eq!(cgroups.name(id(root.path()), own, true), None);
        assert_eq!(cgroups.name(id(&left), own, false).as_deref(), Some("/left"));
        // In a namespace of our own, the root of the mount is some group.
        cgroups.host_paths = false;
        assert_eq!(cgroups.name(id(&left), own, false), None);
    }

    #[test]
    fn groups_that_are_not_there_are_missing() {
        let root = TempDir::new().unwrap();
        let older = TempDir::new().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        fs::create_dir_all(older.path().join("old")).unwrap();
        let others = [older.path().to_owned()];
        let missing = |paths: &[&str]| {
            let paths: Vec<_> = paths.iter().map(|path| (*path).to_owned()).collect();
            missing_in(Some(root.path()), &others, &paths)
                .map(|missing| missing.into_iter().map(str::to_owned).collect::<Vec<_>>())
                .map_err(|error| error.to_string())
        };
        for there in ["/", "/a", "a/b/", "/later*"] {
            assert_eq!(missing(&[there]), Ok(vec![]), "{there}");
        }
        assert_eq!(missing(&["/a", "/later"]), Ok(vec!["/later".to_owned()]));
        assert_eq!(missing(&[]), Ok(vec![]));
        for (path, why) in [("/nope", "no such group of"), ("/a/../a", "no such"), ("/old", "v1")] {
            let error = missing(&[path]).unwrap_err();
            assert!(error.contains(&format!("'{path}'")) && error.contains(why), "{error}");
        }
        let nowhere = missing_in(None, &[], &["/a".to_owned()]).unwrap_err();
        assert!(nowhere.to_string().contains("not mounted"), "{nowhere}");
    }

    #[test]
    fn groups_are_named_however_many_there_were() {
        let root = TempDir::new().unwrap();
        let group = root.path().join("new");
        fs::create_dir(&group).unwrap();
        let id = fs::metadata(&group).unwrap().ino();
        let mut cgroups = mounted_at(root.path());
        let gone = || (1..=REMEMBERED as u64).map(|n| (u64::MAX - n, "/gone".into()));
        cgroups.by_id.extend(gone());
        // Its process has ended.
        assert_eq!(cgroups.name(id, std::process::id(), true).as_deref(), Some("/new"));
        assert!(cgroups.by_id.len() <= REMEMBERED);
        cgroups.by_id.extend(gone());
        cgroups.learn(id, &"/new".into());
        assert!(cgroups.by_id.len() <= REMEMBERED);
        assert_eq!(cgroups.name(id, std::process::id(), true).as_deref(), Some("/new"));
    }

    #[test]
    fn a_group_may_have_any_name() {
        let root = TempDir::new().unwrap();
        let group = root.path().join(OsStr::from_bytes(b"\xff a (deleted)"));
        fs::create_dir(&group).unwrap();
        let mut cgroups = mounted_at(root.path());
        let id = fs::metadata(&group).unwrap().ino();
        let name = cgroups.name(id, std::process::id(), false);
        assert_eq!(name.as_deref(), Some("/\u{fffd} a (deleted)"));
    }
}
