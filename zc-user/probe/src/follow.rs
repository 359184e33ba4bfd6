//! Which processes a run follows. The others cost it a look at each event, and take no slot.

use std::{
    collections::BTreeSet,
    fs,
    os::fd::AsFd as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{HashMap as BpfHashMap, Map, MapData},
};
use zc_common::follow::{CGROUP_PATH_LEN, CGROUPS, CHUNK, CgroupPath, FOLLOWED, IGNORED, PARENT};

use super::{
    names::{
        cgroup::mount_point,
        identity::{self, Stat},
        namespace::{has_host_cgroups, has_host_pids},
    },
    object::map,
    records::Chunk,
};
use zc_model::snapshot::ProcessId;

/// Which processes are followed: from their birth, or from when the probes are attached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Follow {
    /// All of the machine, and the kernel's own threads.
    #[default]
    All,
    /// What this process starts from now on, and what descends from that.
    Children,
    /// These processes, and what descends from them. They exist; one that ends before the kernel side looks is
    /// not followed, nor is another one that gets its number.
    Processes(Vec<ProcessId>),
    /// The processes in these control groups and below them, and what descends from those.
    Cgroups(Vec<Cgroup>),
}

/// A control group of cgroup v2, which need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    /// From the root of the hierarchy, as the kernel writes it.
    path: String,
    directory: PathBuf,
}

impl Follow {
    /// The processes in these control groups, whose paths are those of `/proc/PID/cgroup`, with or without
    /// the first `/`; whether the groups exist now or later. All processes where one of the paths is a
    /// pattern, and in a container, where processes and control groups have other names than in the kernel:
    /// then they have to be looked at as they come.
    #[must_use]
    pub fn cgroups(paths: &[String]) -> Self {
        let find = |root: PathBuf| {
            let group = |path: &String| {
                let path = path.trim_matches('/');
                let group = Cgroup { path: format!("/{path}"), directory: root.join(path) };
                let is_plain = path.split('/').all(|name| !matches!(name, "." | ".."));
                let fits = group.path.len() < CGROUP_PATH_LEN;
                (is_plain && fits && !path.contains('*')).then_some(group)
            };
            paths.iter().map(group).collect::<Option<Vec<_>>>()
        };
        let is_host = |_: &PathBuf| has_host_pids() && has_host_cgroups();
        match mount_point().filter(is_host).and_then(find) {
            Some(groups) if groups.len() <= CGROUPS as usize => Self::Cgroups(groups),
            _ => Self::All,
        }
    }

    /// Whether some processes are not followed.
    #[must_use]
    pub fn is_selective(&self) -> bool {
        *self != Self::All
    }

    /// Whether the members of control groups are followed.
    pub(super) fn is_by_cgroup(&self) -> bool {
        matches!(self, Self::Cgroups(_))
    }

    /// The processes that are followed because they are there now, without their children to come.
    fn present(&self) -> Result<Vec<ProcessId>> {
        Ok(match self {
            Self::All | Self::Children => Vec::new(),
            Self::Processes(roots) => {
                let mut found = descendants(roots, &processes()?);
                // This process shows what it costs in another place.
                let own = std::process::id();
                found.retain(|process| process.pid != own);
                found
            }
            Self::Cgroups(groups) => {
                let mut members = Vec::new();
                groups.iter().for_each(|group| gather(&group.directory, &mut members));
                members.into_iter().filter_map(|pid| Some(Stat::of(pid).ok()?.id)).collect()
            }
        })
    }
}

impl Cgroup {
    /// Tells the kernel side about it.
    fn tell(&self, ebpf: &mut Ebpf) -> Result<()> {
        const REFUSED: &str = "cannot follow a control group";
        // The id of a control group is the number of its inode (`kernfs_ino`, `include/linux/kernfs.h`, 5.10
        // to 7.2).
        let id = fs::metadata(&self.directory).map_or(0, |directory| directory.ino());
        let mut path = [0; CGROUP_PATH_LEN];
        path[..self.path.len()].copy_from_slice(self.path.as_bytes());
        let paths = ebpf.map_mut(map::CGROUP_PATHS).context("no map CGROUP_PATHS")?;
        let mut paths: BpfHashMap<&mut MapData, CgroupPath, u64> = BpfHashMap::try_from(paths)?;
        paths.insert(path, id, 0).context(REFUSED)?;
        let ids = ebpf.map_mut(map::FOLLOWED_CGROUPS).context("no map FOLLOWED_CGROUPS")?;
        let mut ids: BpfHashMap<&mut MapData, u64, u8> = BpfHashMap::try_from(ids)?;
        if id != 0 { ids.insert(id, 1, 0).context(REFUSED) } else { Ok(()) }
    }
}

/// Adds the processes in a control group and below it. One that has just been removed has none.
fn gather(directory: &Path, members: &mut Vec<u32>) {
    // Of a threaded group only the threads can be read: then the processes that they belong to are members.
    let read = |name| fs::read_to_string(directory.join(name));
    if let Ok(text) = read("cgroup.procs") {
        members.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
    } else if let Ok(text) = read("cgroup.threads") {
        let threads = text.lines().filter_map(|line| line.parse().ok());
        members.extend(threads.filter_map(identity::process_of));
    }
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            gather(&entry.path(), members);
        }
    }
}

/// Every process that there is.
fn processes() -> Result<Vec<Stat>> {
    let entries = fs::read_dir("/proc").context("cannot read /proc")?;
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(pids.filter_map(|pid| Stat::of(pid).ok()).collect())
}

/// These processes, if they are still there, and what descends from them.
fn descendants(roots: &[ProcessId], all: &[Stat]) -> Vec<ProcessId> {
    let mut found: Vec<_> =
        all.iter().map(|process| process.id).filter(|id| roots.contains(id)).collect();
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        let children = all.iter().filter(|it| it.parent == parent.pid && !roots.contains(&it.id));
        found.extend(children.map(|it| it.id));
        at += 1;
    }
    found
}

/// How often processes are looked for, at most: a process may make others faster than they are found.
const LOOKS: u32 = 16;

/// What the kernel side knows of each process.
pub(super) struct Table {
    /// Holds a byte for each process, by its id.
    processes: Chunk,
}

impl Table {
    /// Elements of the table: there are no ids above `PID_MAX_LIMIT` (`include/linux/threads.h`), whatever
    /// `kernel.pid_max` becomes while this runs.
    pub(super) const CHUNKS: u32 = 4 * 1024 * 1024 / CHUNK as u32;

    /// Tells the kernel side whom it follows, before it looks. `None` when that is everybody.
    pub(super) fn fill(ebpf: &mut Ebpf, follow: &Follow) -> Result<Option<Self>> {
        if !follow.is_selective() {
            return Ok(None);
        }
        let Some(Map::Array(array)) = ebpf.map(map::PROCESSES) else {
            anyhow::bail!("the object has no table of processes")
        };
        let bytes = Self::CHUNKS as usize * CHUNK;
        let processes = Chunk::map(array.fd().as_fd(), 0, bytes)
            .context("cannot map the table of processes")?;
        let table = Self { processes };
        if *follow == Follow::Children {
            table.note(std::process::id(), PARENT);
        }
        if let Follow::Cgroups(groups) = follow {
            groups.iter().try_for_each(|group| group.tell(ebpf))?;
        }
        Ok(Some(table))
    }

    /// Follows the processes that are there, until a look finds no other. To be called when the kernel side sees
    /// births, and before it asks for any process: one that ended earlier may have left its number to another.
    pub(super) fn renew(&self, ebpf: &mut Ebpf, follow: &Follow) -> Result<()> {
        if let Follow::Cgroups(groups) = follow {
            groups.iter().try_for_each(|group| group.tell(ebpf))?;
        }
        let mut noted = BTreeSet::new();
        for _ in 0..LOOKS {
            let mut is_new = false;
            for process in follow.present()? {
                is_new |= self.note(process.pid, FOLLOWED);
                noted.insert(process);
            }
            if !is_new {
                break;
            }
        }
        // One may have ended between the look at it and its note, which the next one then has.
        let replaced = |process: &ProcessId| {
            let now = Stat::of(process.pid).ok()?.id;
            (!noted.contains(&now)).then_some(now)
        };
        let replaced: Vec<_> = noted.iter().filter_map(replaced).collect();
        if !replaced.is_empty() {
            let present = follow.present()?;
            for process in replaced.iter().filter(|process| !present.contains(process)) {
                self.note(process.pid, IGNORED);
            }
        }
        Ok(())
    }

    /// Whether that was not noted already.
    fn note(&self, pid: u32, state: u8) -> bool {
        if (pid as usize) >= Self::CHUNKS as usize * CHUNK {
            return false;
        }
        // SAFETY: inside the mapping, of which bytes are read and written whole.
        unsafe {
            let place = self.processes.address().add(pid as usize);
            place.read_volatile() != state && {
                place.write_volatile(state);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, parent: u32) -> Stat {
        let text = format!("{pid} (x) S {parent} 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {pid} 0 0");
        Stat::parse(pid, text.as_bytes()).unwrap()
    }

    #[test]
    fn descendants_are_found_in_whatever_order_they_are_listed() {
        let all = [(30, 20), (20, 10), (10, 1), (11, 1), (1, 0), (2, 0), (21, 10)];
        let all = all.map(|(pid, parent)| process(pid, parent));
        let roots = [all[2].id, all[1].id];
        let pids = |found: Vec<ProcessId>| {
            let mut pids: Vec<_> = found.into_iter().map(|id| id.pid).collect();
            pids.sort_unstable();
            pids
        };
        assert_eq!(pids(descendants(&roots[..1], &all)), [10, 20, 21, 30]);
        assert_eq!(pids(descendants(&roots, &all)), [10, 20, 21, 30], "each once");
        let earlier = ProcessId { start_ns: roots[0].start_ns - 1, ..roots[0] };
        assert!(descendants(&[earlier], &all).is_empty(), "its number is another process's");
    }

    #[test]
    fn the_running_processes_have_the_parents_that_they_say() {
        let own = std::process::id();
        let found = processes().unwrap().into_iter().find(|process| process.id.pid == own);
        assert_eq!(found.unwrap().parent, std::os::unix::process::parent_id());
    }

    #[test]
    fn a_group_that_has_to_be_looked_for_leaves_all() {
        assert_eq!(Follow::cgroups(&["/system.*".into()]), Follow::All);
        assert_eq!(Follow::cgroups(&["long".repeat(CGROUP_PATH_LEN)]), Follow::All);
    }
}
