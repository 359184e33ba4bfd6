//! The running kernel.

use rustix::system::uname;

/// Major and minor version of the running kernel; zeros if the kernel reports none.
pub(crate) fn version() -> (u32, u32) {
    let name = uname();
    let release = name.release().to_string_lossy();
    let mut parts = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().ok());
    let mut part = || parts.next().flatten().unwrap_or(0);
    (part(), part())
}
