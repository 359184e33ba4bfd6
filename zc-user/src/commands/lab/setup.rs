//! `zc lab setup`: check what the scenarios need, and install it.

use std::{
    collections::BTreeSet,
    env,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result};
use rustix::process::geteuid;

use zc_lab::{catalog::SCENARIOS, need::Need};

/// Lists what is installed, and installs what is missing unless `check` is set.
pub(super) fn run(check: bool) -> Result<ExitCode> {
    let wanted = wanted();
    let missing = list(&wanted)?;
    if missing.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let packages = packages(&missing);
    let apt = commands(&packages);
    if check || !geteuid().is_root() || !is_debian() {
        let how = apt.iter().map(|command| format!("  {}\n", shown(command))).collect::<String>();
        say(&format!("\nOn Debian, `sudo zc lab setup` runs:\n{how}"))?;
        if !is_debian() {
            say("On this system, install the corresponding packages.\n")?;
        }
        return Ok(ExitCode::FAILURE);
    }
    for mut command in apt {
        say(&format!("\n{}\n", shown(&command)))?;
        // Old package lists may be good enough; the check afterwards reports what is missing.
        command.status().context("cannot run apt-get")?;
    }
    say("\n")?;
    let missing = list(&wanted)?;
    Ok(if missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Each need, with the scenarios that have it.
fn wanted() -> Vec<(&'static Need, Vec<&'static str>)> {
    let mut wanted: Vec<(&Need, Vec<&str>)> = Vec::new();
    for scenario in SCENARIOS {
        for need in scenario.needs {
            match wanted.iter_mut().find(|(known, _)| known == need) {
                Some((_, ids)) => ids.push(scenario.id),
                None => wanted.push((need, vec![scenario.id])),
            }
        }
    }
    wanted
}

/// Prints what is installed, and returns what is missing.
fn list(wanted: &[(&'static Need, Vec<&'static str>)]) -> Result<Vec<&'static Need>> {
    let mut missing = Vec::new();
    for (need, ids) in wanted {
        let (name, package, ids) = (need.name, need.package, ids.join(", "));
        if need.find().is_some() {
            say(&format!("{name:<12} installed\n"))?;
        } else {
            say(&format!("{name:<12} missing: package {package}, for {ids}\n"))?;
            missing.push(*need);
        }
    }
    Ok(missing)
}

fn packages(missing: &[&Need]) -> BTreeSet<&'static str> {
    missing.iter().map(|need| need.package).collect()
}

/// The commands that install them.
fn commands(packages: &BTreeSet<&'static str>) -> [Command; 2] {
    let apt = || {
        let mut command = Command::new("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            // Only the program is needed, not a web server that starts on port 80.
            .env("SYSTEMD_OFFLINE", "1")
            // On a fresh machine another apt process holds the lock for a while.
            .args(["-o", "DPkg::Lock::Timeout=300"]);
        command
    };
    let (mut update, mut install) = (apt(), apt());
    update.arg("update");
    // No package of the user may be removed for it.
    install.args(["install", "--yes", "--no-remove", "--no-install-recommends"]).args(packages);
    [update, install]
}

/// A command as a user would type it.
fn shown(command: &Command) -> String {
    let variables = command.get_envs().filter_map(|(name, value)| {
        Some(format!("{}={}", name.to_string_lossy(), value?.to_string_lossy()))
    });
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let words = words.map(|word| word.to_string_lossy().into_owned());
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

fn is_debian() -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).chain([PathBuf::from("/usr/bin")]);
    Path::new("/etc/debian_version").exists()
        && on_path.into_iter().any(|directory| directory.join("apt-get").is_file())
}

/// Flushes, so that the output of apt-get follows it.
fn say(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}

#[cfg(test)]
mod tests {
    use super::*;
    use zc_lab::need::{JAVA, JAVAC, NGINX};

    #[test]
    fn a_package_is_installed_once_and_the_command_is_shown_whole() {
        let packages = packages(&[&NGINX, &JAVA, &JAVAC]);
        let [update, install] = commands(&packages);
        let prefix = "DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 apt-get -o \
                      DPkg::Lock::Timeout=300";
        assert_eq!(shown(&update), format!("{prefix} update"));
        assert_eq!(
            shown(&install),
            format!(
                "{prefix} install --yes --no-remove --no-install-recommends default-jdk-headless \
                 nginx-light"
            )
        );
    }

    #[test]
    fn every_need_of_a_program_is_wanted_for_it() {
        let wanted = wanted();
        let for_netty = wanted.iter().filter(|(_, ids)| ids.contains(&"netty_file_region")).count();
        assert_eq!(for_netty, 3);
    }
}
