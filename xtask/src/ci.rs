//! `ci`: all checks that a change must pass before it is merged. All of them run even if one fails,
//! and the last lines list which passed, which failed, and which were skipped.

use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::hygiene;
use crate::pictures;
use crate::setup::{self, Needs};
use crate::shell;
use crate::test;
use crate::toolchain::{self, Toolchain, on_path};
use crate::walls;
use crate::words::{self, Subjects};
use crate::workspace;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Skip the tests, for a separate `cargo xtask test`
    #[arg(long)]
    no_tests: bool,

    /// Install the tools that check spelling and dependencies first (compiles for minutes)
    #[arg(long)]
    install_tools: bool,
}

/// Programs that some checks need, and the crates that contain them.
const TOOLS: [(&str, &str); 2] = [("typos", "typos-cli"), ("cargo-deny", "cargo-deny")];

/// How a check ended.
enum Outcome {
    Held,
    Failed(String),
    /// Not run, and why.
    Skipped(String),
}

type Check = fn() -> Result<Outcome>;

const CHECKS: [(&str, Check); 11] = [
    ("format", format),
    ("files", files),
    ("words", words),
    ("commits", commits),
    ("walls", walls),
    ("spelling", spelling),
    ("clippy, host", clippy_host),
    ("clippy, eBPF", clippy_ebpf),
    ("dependencies", dependencies),
    ("pictures", pictures),
    (TESTS, tests),
];

const TESTS: &str = "tests";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::prepare(Needs { programs: &test::PROGRAMS, ebpf_clippy: true })?;

    if arguments.install_tools {
        for (_, package) in TOOLS.iter().filter(|(name, _)| on_path(name).is_none()) {
            shell::run(&mut shell::cargo(&["install", "--locked", package]))?;
        }
    }

    let mut outcomes = Vec::new();
    for (name, check) in CHECKS {
        if name == TESTS && arguments.no_tests {
            continue;
        }
        eprintln!("\n== {name}");
        let outcome = check().unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        outcomes.push((name, outcome));
    }

    println!();
    let mut failed = 0;
    for (name, outcome) in outcomes {
        match outcome {
            Outcome::Held => println!("ok       {name}"),
            Outcome::Skipped(why) => println!("SKIPPED  {name}: {why}"),
            Outcome::Failed(why) => {
                failed += 1;
                println!("FAILED   {name}: {why}");
            }
        }
    }
    if failed > 0 {
        bail!("{failed} of the checks failed");
    }
    Ok(())
}

fn format() -> Result<Outcome> {
    shell::run(&mut shell::cargo(&["fmt", "--all", "--check"]))?;
    Ok(Outcome::Held)
}

fn files() -> Result<Outcome> {
    hygiene::no_private_paths()?;
    Ok(Outcome::Held)
}

fn words() -> Result<Outcome> {
    Ok(none_of("refused words", &words::in_files(&[])?))
}

fn commits() -> Result<Outcome> {
    Ok(match words::in_subjects()? {
        Subjects::Searched(findings) => none_of("refused subjects", &findings),
        Subjects::Unknown(why) => Outcome::Skipped(why),
    })
}

fn walls() -> Result<Outcome> {
    Ok(none_of("dependencies through a wall", &walls::breaches()?))
}

/// Passed if there are no findings of this kind.
fn none_of(kind: &str, findings: &[String]) -> Outcome {
    if findings.is_empty() {
        return Outcome::Held;
    }
    Outcome::Failed(format!("{kind}:\n  {}", findings.join("\n  ")))
}

fn spelling() -> Result<Outcome> {
    if on_path("typos").is_none() {
        return Ok(no_tool("typos"));
    }
    shell::run(&mut shell::command("typos", &[]))?;
    Ok(Outcome::Held)
}

fn clippy_host() -> Result<Outcome> {
    let arguments =
        ["clippy", "--workspace", "--exclude", "zc-ebpf", "--all-targets", "--", "-D", "warnings"];
    shell::run(&mut shell::cargo(&arguments))?;
    let without_lab = ["clippy", "-p", "zc-user", "--no-default-features", "--", "-D", "warnings"];
    shell::run(&mut shell::cargo(&without_lab))?;
    Ok(Outcome::Held)
}

/// Separate from the host's: cargo unifies features within one invocation, and `zc-common` must be
/// checked without its feature `user`.
fn clippy_ebpf() -> Result<Outcome> {
    let toolchain = toolchain::find().map_err(anyhow::Error::msg)?;
    if !toolchain.has("cargo-clippy") {
        let why = format!("toolchain '{}' has no clippy", toolchain.name);
        return Ok(Outcome::Skipped(why));
    }
    shell::run(ebpf_cargo(&toolchain, "clippy")?.args(["--", "-D", "warnings"]))?;
    Ok(Outcome::Held)
}

/// A cargo command on the eBPF crate, as the build script of `zc-user` would run it.
fn ebpf_cargo(toolchain: &Toolchain, verb: &str) -> Result<Command> {
    let target = if cfg!(target_endian = "big") { "bpfeb" } else { "bpfel" };
    let mut command = shell::command("rustup", &["run", &toolchain.name, "cargo", verb]);
    command
        .args(["--package", "zc-ebpf", "--release", "-Z", "build-std=core"])
        .args(["--target", &format!("{target}-unknown-none")])
        .arg("--target-dir")
        .arg(workspace::target()?.join("ebpf-clippy"))
        .env("RUSTFLAGS", format!("--cfg=bpf_target_arch=\"{}\"", std::env::consts::ARCH));
    if toolchain.needs_bootstrap {
        command.env("RUSTC_BOOTSTRAP", "1");
    }
    for variable in ["RUSTC", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH", "CARGO_ENCODED_RUSTFLAGS"] {
        command.env_remove(variable);
    }
    Ok(command)
}

fn dependencies() -> Result<Outcome> {
    if on_path("cargo-deny").is_none() {
        return Ok(no_tool("cargo-deny"));
    }
    shell::run(&mut shell::cargo(&["deny", "check", "bans", "licenses", "sources"]))?;
    // The advisories are a repository on the network, and change from day to day for an unchanged
    // tree: a machine that cannot fetch them skips this part.
    if !shell::succeeds(&mut shell::cargo(&["deny", "fetch", "db"])) {
        return Ok(Outcome::Skipped("advisories only: cannot fetch their database".to_owned()));
    }
    shell::run(&mut shell::cargo(&["deny", "check", "advisories"]))?;
    Ok(Outcome::Held)
}

/// The tests have them as well: they are checked where those are left out, too.
fn pictures() -> Result<Outcome> {
    pictures::check()?;
    Ok(Outcome::Held)
}

fn tests() -> Result<Outcome> {
    test::tests(&[])?;
    Ok(Outcome::Held)
}

/// The tool is not installed by default: compiling it takes longer than all checks together.
fn no_tool(name: &str) -> Outcome {
    Outcome::Skipped(format!(
        "no '{name}' on PATH; install it with `cargo xtask ci --install-tools`"
    ))
}
