//! What a process has in the kernel, and whether it is gone. By id: other instances may run.

use std::{
    collections::BTreeSet,
    fs, io,
    os::fd::{FromRawFd as _, OwnedFd},
};

use super::zc::until;

/// eBPF objects held by descriptors of one process.
#[derive(Debug, Default)]
pub(crate) struct Held {
    programs: BTreeSet<u32>,
    maps: BTreeSet<u32>,
    links: BTreeSet<u32>,
}

impl Held {
    /// What `pid` holds now: something of each kind.
    #[track_caller]
    pub(crate) fn by(pid: u32) -> Self {
        let mut held = Self::default();
        for entry in fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
            let field = |name: &str| {
                let value = text.lines().find_map(|line| line.strip_prefix(name))?;
                value.trim().parse::<u32>().ok()
            };
            // A link's descriptor tells its program too.
            held.links.extend(field("link_id:"));
            held.programs.extend(field("prog_id:"));
            held.maps.extend(field("map_id:"));
        }
        let Self { programs, maps, links } = &held;
        assert!(programs.len() >= 5 && maps.len() >= 4 && links.len() >= 5, "{held:?}");
        let unknown: Vec<_> = held.objects().filter(|(open, id)| !exists(*open, *id)).collect();
        assert!(unknown.is_empty(), "the kernel does not know {unknown:?}");
        held
    }

    /// Waits until the kernel has none of it any more.
    #[track_caller]
    pub(crate) fn is_gone(&self) {
        // Freed after the readers of the moment have left: a matter of milliseconds.
        let left = || self.objects().find(|(open, id)| exists(*open, *id));
        until(&format!("nothing is left of {self:?}"), || left().is_none());
    }

    /// Each with the command that opens it.
    fn objects(&self) -> impl Iterator<Item = (libc::c_int, u32)> + '_ {
        let kinds = [(LINK, &self.links), (PROGRAM, &self.programs), (MAP, &self.maps)];
        kinds.into_iter().flat_map(|(open, ids)| ids.iter().map(move |id| (open, *id)))
    }
}

/// Commands of bpf(2) that open an object by its id, `include/uapi/linux/bpf.h`.
const PROGRAM: libc::c_int = 13;
const MAP: libc::c_int = 14;
const LINK: libc::c_int = 30;

/// Whether the kernel still has the object. Only this one is asked about: a list of all of them fails
/// when an object of another program goes while it is made.
fn exists(open: libc::c_int, id: u32) -> bool {
    let attributes = [id, 0, 0];
    // SAFETY: the attributes live until the call returns; the descriptor that it returns is ours.
    let fd = unsafe {
        let size = size_of_val(&attributes);
        let fd = libc::syscall(libc::SYS_bpf, open, attributes.as_ptr(), size);
        (fd >= 0).then(|| OwnedFd::from_raw_fd(fd as libc::c_int))
    };
    let error = io::Error::last_os_error();
    match (fd, error.raw_os_error()) {
        (Some(_), _) => true,
        // Nothing uses the link any more, and it is about to go.
        (None, Some(libc::EAGAIN)) => true,
        (None, Some(libc::ENOENT)) => false,
        (None, _) => panic!("object {id}: {error}"),
    }
}
