//! Names for what the kernel side knows by number.

pub mod about;
pub mod cgroup;
pub mod identity;
pub mod namespace;
pub mod user;
