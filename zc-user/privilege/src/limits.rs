//! Limits of resources: raised for `zc`, and as they were for the commands that it starts.

use std::sync::OnceLock;

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CapabilitySet, capabilities},
};

/// What is raised.
const RAISED: [Resource; 2] = [Resource::Nofile, Resource::Memlock];

/// How the limits were before.
static BEFORE: OnceLock<[Rlimit; 2]> = OnceLock::new();

/// Allows as many open files as this process may have: maps, programs and links are open files. Allows as much
/// locked memory as there is, where this process may: kernels before 5.11 count programs and maps against that
/// limit.
pub fn raise() {
    BEFORE.get_or_init(|| RAISED.map(getrlimit));
    let files = getrlimit(Resource::Nofile);
    // A limit stays as it is where the kernel refuses: what does not fit is refused with a reason.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files });
    let _ = setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None });
}

/// Starts a command with `start`, under the limits as they were. Not in the child: what runs there between its
/// fork and its execution would be counted.
pub fn as_before<T>(start: impl FnOnce() -> T) -> T {
    let Some(before) = BEFORE.get() else { return start() };
    let now = RAISED.map(getrlimit);
    // Who lowers the hard limit without this could not raise it again.
    let may_raise =
        capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_RESOURCE));
    for ((resource, before), now) in RAISED.into_iter().zip(before).zip(now) {
        let maximum = if may_raise { before.maximum } else { now.maximum };
        let _ = setrlimit(resource, Rlimit { current: before.current, maximum });
    }
    let started = start();
    for (resource, now) in RAISED.into_iter().zip(now) {
        let _ = setrlimit(resource, now);
    }
    started
}
