//! Debian packages: which programs they bring, and how to install them without side effects.

use std::path::Path;
use std::process::Command;

use crate::shell;
use crate::toolchain::on_path;

/// A program, or the full path of a file, and the Debian package that brings it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
}

impl Program {
    /// Looks where root's `PATH` looks too: many tools for the kernel are in `sbin`.
    pub(crate) fn is_missing(self) -> bool {
        let in_sbin = ["/usr/local/sbin", "/usr/sbin", "/sbin"]
            .into_iter()
            .any(|directory| Path::new(directory).join(self.name).is_file());
        on_path(self.name).is_none() && !in_sbin
    }
}

/// Whether this is a system whose packages we know how to install.
pub(crate) fn is_here() -> bool {
    on_path("apt-get").is_some() && on_path("dpkg-query").is_some()
}

/// Whether dpkg has the package fully installed.
pub(crate) fn is_installed(package: &str) -> bool {
    let query = ["--show", "--showformat=${db:Status-Status}", package];
    shell::capture(&mut shell::command("dpkg-query", &query))
        .is_ok_and(|status| status == "installed")
}

/// The commands that install the packages, for showing or for running.
pub(crate) fn commands(packages: &[String]) -> Vec<Command> {
    let apt = |arguments: &[&str]| {
        let mut command = shell::command("apt-get", arguments);
        command
            // Somebody else's apt may hold the lock; on a fresh cloud machine it usually does.
            .args(["-o", "DPkg::Lock::Timeout=300"])
            .env("DEBIAN_FRONTEND", "noninteractive")
            // The tests need the program nginx, not a web server that starts on port 80.
            .env("SYSTEMD_OFFLINE", "1");
        command
    };
    // Nothing of the user's may go for it: Debian's compilers exclude one another.
    let mut install = apt(&["install", "--yes", "--no-remove", "--no-install-recommends"]);
    install.args(packages);
    vec![apt(&["update"]), install]
}
