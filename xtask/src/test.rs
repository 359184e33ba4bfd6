//! `test`: every test of the workspace. Those on the live kernel are ordinary tests that need root
//! and a few programs to observe.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::apt::Program;
use crate::privilege;
use crate::python;
use crate::setup::{self, Needs};
use crate::shell;
use crate::workspace;

/// The programs that the tests observe, drive, or compare with.
pub(crate) const PROGRAMS: [Program; 22] = [
    Program { name: "nginx", package: "nginx-light" },
    Program { name: "javac", package: "default-jdk-headless" },
    Program { name: "/usr/share/java/netty-transport.jar", package: "libnetty-java" },
    Program { name: "tmux", package: "tmux" },
    Program { name: "python3", package: "python3" },
    Program { name: "/usr/share/doc/python3-venv/copyright", package: "python3-venv" },
    Program { name: "ip", package: "iproute2" },
    Program { name: "ps", package: "procps" },
    Program { name: "mkfs.btrfs", package: "btrfs-progs" },
    Program { name: "mkfs.xfs", package: "xfsprogs" },
    Program { name: "fio", package: "fio" },
    Program { name: "iperf3", package: "iperf3" },
    Program { name: "rsync", package: "rsync" },
    Program { name: "git", package: "git" },
    Program { name: "zstd", package: "zstd" },
    Program { name: "openssl", package: "openssl" },
    Program { name: "sqlite3", package: "sqlite3" },
    Program { name: "redis-server", package: "redis-server" },
    Program { name: "redis-benchmark", package: "redis-tools" },
    Program { name: "perf", package: "linux-perf" },
    Program { name: "chromium-headless-shell", package: "chromium-headless-shell" },
    Program { name: "promtool", package: "prometheus" },
];

/// The file in the target directory that lists the tests that the last run skipped, and why. The test
/// programs write it, and it is shown once more when all of them have ended.
const SKIPPED: &str = "skipped-tests";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Parts of test names, and anything else that the test program takes
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    filters: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::prepare(Needs { programs: &PROGRAMS, ..Needs::default() })?;
    tests(&arguments.filters)
}

/// Runs the tests. The set-up has been done before.
pub(crate) fn tests(filters: &[String]) -> Result<()> {
    let skipped = workspace::target()?.join(SKIPPED);
    fs::write(&skipped, "").with_context(|| format!("cannot write '{}'", skipped.display()))?;
    let mut command = command();
    command.args(filters).env("ZC_TEST_SKIPS", &skipped);
    if let Some(python) = python::prepare()? {
        command.env("ZC_TEST_PYTHON", python);
    }

    let prefix = privilege::prefix()?;
    if !prefix.is_empty() {
        // Cargo itself stays without privileges, so that nothing under target/ belongs to root.
        let triple = workspace::host_triple()?.to_uppercase().replace('-', "_");
        command.env(format!("CARGO_TARGET_{triple}_RUNNER"), prefix.join(" "));
    }
    let outcome = shell::run(&mut command);
    let list = fs::read_to_string(&skipped)
        .with_context(|| format!("cannot read '{}'", skipped.display()))?;
    print!("{}", skipped_by_reason(&list));
    outcome
}

/// A paragraph for each reason why tests were skipped, from lines `SKIPPED: name: reason`.
fn skipped_by_reason(list: &str) -> String {
    let mut reasons = BTreeMap::<_, Vec<_>>::new();
    for line in list.lines() {
        let skip = line.strip_prefix("SKIPPED: ").unwrap_or(line);
        let (name, why) = skip.split_once(": ").unwrap_or((skip, "no reason given"));
        reasons.entry(why).or_default().push(name);
    }
    let paragraph = |(why, names): (&str, Vec<&str>)| {
        format!("\n{} skipped: {why}:\n  {}\n", names.len(), names.join("\n  "))
    };
    reasons.into_iter().map(paragraph).collect()
}

/// `cargo test`, up to where the filters go.
pub(crate) fn command() -> Command {
    // The eBPF crate has no std, and is built by the build script of zc-user.
    shell::cargo(&["test", "--workspace", "--exclude", "zc-ebpf", "--no-fail-fast", "--"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_tests_are_shown_by_reason() {
        let list =
            "SKIPPED: a::b: no disk: full\nSKIPPED: c: old kernel\nSKIPPED: d: no disk: full\n";
        let shown = "\n2 skipped: no disk: full:\n  a::b\n  d\n\n1 skipped: old kernel:\n  c\n";
        assert_eq!(skipped_by_reason(list), shown);
        assert_eq!(skipped_by_reason(""), "");
    }
}
