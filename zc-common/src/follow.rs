//! Which processes a run follows, when it does not follow all: what user space and the kernel side tell
//! each other about a process, by its id.

/// Nothing is counted for it.
pub const IGNORED: u8 = 0;

/// It is followed, and so are the processes that it makes.
pub const FOLLOWED: u8 = 1;

/// The processes that it makes are followed, and it is not: `zc` itself, when it runs a command.
pub const PARENT: u8 = 2;

/// Processes in one element of the table: an element takes eight bytes at least.
pub const CHUNK: usize = 64;

/// Control groups that can be followed.
pub const CGROUPS: u32 = 64;

/// The path of a control group from the root of its hierarchy, as the kernel writes it; zeros behind.
pub type CgroupPath = [u8; CGROUP_PATH_LEN];

/// Bytes of a path, the zero at the end included.
pub const CGROUP_PATH_LEN: usize = 256;
