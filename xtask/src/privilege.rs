//! Root, and how to get it: attaching eBPF programs needs privileges that building must not have.

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

/// The command as root: as it is, or through sudo, which may ask for a password.
///
/// # Errors
///
/// There is neither root nor sudo.
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

/// What to put before a command so that it runs as root and keeps its environment.
pub(crate) fn prefix() -> Result<Vec<&'static str>> {
    if is_root() {
        return Ok(Vec::new());
    }
    if on_path("sudo").is_some() {
        return Ok(vec!["sudo", "-E"]);
    }
    bail!("attaching eBPF programs needs root, and there is no sudo: run this as root")
}
