//! Debian packages: which programs they contain, and how to install them without side effects.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shell;
use crate::toolchain::on_path;
use crate::workspace;
use mirror::Mirrors;

pub(crate) mod mirror;

/// A program, or the full path of a file, and the Debian package that contains it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
}

impl Program {
    /// Also searches the directories of root's `PATH`: many kernel tools are in `sbin`.
    pub(crate) fn is_missing(self) -> bool {
        let in_sbin = ["/usr/local/sbin", "/usr/sbin", "/sbin"]
            .into_iter()
            .any(|directory| Path::new(directory).join(self.name).is_file());
        on_path(self.name).is_none() && !in_sbin
    }
}

/// Whether this system installs packages with apt.
pub(crate) fn is_here() -> bool {
    on_path("apt-get").is_some() && on_path("dpkg-query").is_some()
}

/// Whether the package is completely installed.
pub(crate) fn is_installed(package: &str) -> bool {
    installed_version(package).is_some()
}

/// A package, and another that needs the same version of it: on machines that have the latter from the
/// backports, such as some cloud images, the former must come from the backports, too.
const SIBLINGS: [(&str, &str); 1] = [("qemu-system-x86", "qemu-utils")];

/// The keys that sign Debian's archive.
pub(crate) const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The commands that install the packages, to be printed or run.
pub(crate) fn commands(packages: &[String]) -> Result<Vec<Command>> {
    let (newer, usual): (Vec<_>, Vec<_>) =
        packages.iter().cloned().partition(|package| needs_backports(package));
    let mut commands = vec![apt_get(&["update"])];
    if !usual.is_empty() {
        commands.push(install(&usual));
    }
    if !newer.is_empty() {
        let suite = format!("{}-backports", codename()?);
        let mut install = install(&newer);
        install.args(["--target-release", &suite]);
        let mirrors = Mirrors::of_this_machine()?;
        if !mirrors.have(&suite) {
            // For these two commands only: the machine's own sources stay as they are.
            let list = sources_with(&suite, &mirrors)?;
            let list = format!("Dir::Etc::SourceList={}", list.display());
            let mut update = apt_get(&["update"]);
            update.args(["-o", &list]);
            install.args(["-o", &list]);
            commands.push(update);
        }
        commands.push(install);
    }
    Ok(commands)
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut command = shell::command("apt-get", arguments);
    command
        // Another apt may hold the lock; on a new cloud machine one usually does.
        .args(["-o", "DPkg::Lock::Timeout=300"])
        .env("DEBIAN_FRONTEND", "noninteractive")
        // The tests need the program nginx, not a web server that starts on port 80.
        .env("SYSTEMD_OFFLINE", "1");
    command
}

fn install(packages: &[String]) -> Command {
    // Never remove a package of the user's: Debian's compilers conflict with one another.
    let mut install = apt_get(&["install", "--yes", "--no-remove", "--no-install-recommends"]);
    install.args(packages);
    install
}

fn needs_backports(package: &str) -> bool {
    SIBLINGS
        .iter()
        .filter(|(needed, _)| *needed == package)
        .any(|(_, sibling)| installed_version(sibling).is_some_and(|it| is_backport(&it)))
}

/// A version from the backports contains `~bpo`: `1:10.0.2+ds-2+deb13u1~bpo12+1`.
fn is_backport(version: &str) -> bool {
    version.contains("~bpo")
}

/// The version of a package, if it is completely installed.
fn installed_version(package: &str) -> Option<String> {
    let query = ["--show", "--showformat=${db:Status-Status} ${Version}", package];
    let answer = shell::capture(&mut shell::command("dpkg-query", &query)).ok()?;
    answer.strip_prefix("installed ").map(str::to_owned)
}

/// The name of this Debian release.
fn codename() -> Result<String> {
    let path = "/etc/os-release";
    let text = fs::read_to_string(path).with_context(|| format!("cannot read '{path}'"))?;
    let name = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let name = name.with_context(|| format!("'{path}' has no VERSION_CODENAME"))?;
    Ok(name.trim_matches('"').to_owned())
}

/// Writes a replacement for `/etc/apt/sources.list`: its lines, and one for `suite`.
fn sources_with(suite: &str, mirrors: &Mirrors) -> Result<PathBuf> {
    let archives = mirrors.archives(suite)?;
    let archive = archives.first().with_context(|| format!("no archive for {suite}"))?;
    let directory = workspace::target()?.join("apt");
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot create '{}'", directory.display()))?;
    let mut text = fs::read_to_string("/etc/apt/sources.list").unwrap_or_default();
    text.push_str(&format!("\ndeb [signed-by={KEYRING}] {archive} {suite} main\n"));
    let path = directory.join(format!("{suite}.list"));
    fs::write(&path, text).with_context(|| format!("cannot write '{}'", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backport_is_recognised_by_its_version() {
        assert!(is_backport("1:10.0.2+ds-2+deb13u1~bpo12+1"));
        assert!(!is_backport("1:7.2+dfsg-7+deb12u18+b3"));
    }
}
