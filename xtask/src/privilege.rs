//! Running commands as root: attaching eBPF programs needs root, and building must not be done as
//! root.

use std::os::unix::fs::MetadataExt as _;
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell;
use crate::toolchain::on_path;

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    // The kernel gives /proc/self to the effective user.
    std::fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

/// The command, run as root: unchanged if this process is root, else through sudo, which may ask for
/// a password.
///
/// # Errors
///
/// This process is not root, and sudo is not installed.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Result<Command> {
    match prefix()?.as_slice() {
        [] => Ok(shell::command(program, arguments)),
        [sudo, rest @ ..] => {
            let words: Vec<&str> =
                rest.iter().chain([&program]).chain(arguments).copied().collect();
            Ok(shell::command(sudo, &words))
        }
    }
}

/// What to put in front of a command to run it as root with the same environment.
pub(crate) fn prefix() -> Result<Vec<&'static str>> {
    if is_root() {
        return Ok(Vec::new());
    }
    if on_path("sudo").is_some() {
        return Ok(vec!["sudo", "-E"]);
    }
    bail!(
        "cannot attach eBPF programs: this needs root, and sudo is not installed; run this as root"
    )
}
