//! Whether this process sees the machine as the kernel side does.
//!
//! The programs see the initial namespaces. In others, the same process has another number, and
//! capabilities count for less.

use std::{fs, os::unix::fs::MetadataExt as _};

/// `PROC_USER_INIT_INO`, `PROC_PID_INIT_INO` and `PROC_CGROUP_INIT_INO` of `include/linux/proc_ns.h`: fixed since 3.8.
const INITIAL_USER: u64 = 0xefff_fffd;
const INITIAL_PID: u64 = 0xefff_fffc;
const INITIAL_CGROUP: u64 = 0xefff_fffb;

/// Process ids here are those of the whole machine.
#[must_use]
pub fn has_host_pids() -> bool {
    is_initial("pid", INITIAL_PID)
}

/// Paths of control groups here are those of the whole machine.
#[must_use]
pub fn has_host_cgroups() -> bool {
    is_initial("cgroup", INITIAL_CGROUP)
}

/// Capabilities here count for the whole machine.
#[must_use]
pub fn has_host_users() -> bool {
    is_initial("user", INITIAL_USER)
}

/// A kernel without this kind of namespace has the initial one only.
fn is_initial(kind: &str, inode: u64) -> bool {
    fs::metadata(format!("/proc/self/ns/{kind}")).map_or(true, |found| found.ino() == inode)
}
