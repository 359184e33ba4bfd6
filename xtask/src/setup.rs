//! `setup`: brings a machine to where `zc` builds, in steps that are shown before they are taken.
//!
//! On Debian the compiler for the BPF target comes from Debian (its security archive carries a
//! current one), which is linked under a name of ours and touches no toolchain of the user's.
//! Elsewhere it is a nightly with `rust-src`.

use std::env;
use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::apt::{self, Program};
use crate::linker;
use crate::privilege;
use crate::shell;
use crate::toolchain::{self, Toolchain};

/// Debian's compiler, with the sources of `core`.
const DEBIAN_TOOLCHAIN: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// The clippy that goes with it.
const DEBIAN_CLIPPY: &str = "rust-web-clippy";

/// The LLVM of Debian's compiler, for the first step; afterwards the compiler itself is asked.
const DEBIAN_LLVM: u32 = 22;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only say what is there and what is missing; exit with 1 if anything is
    #[arg(long)]
    check: bool,
}

/// Something that is missing, and what brings it; nothing we can run if there are no commands.
struct Step {
    what: String,
    why: String,
    commands: Vec<Command>,
}

/// What a verb needs besides the toolchain and the linker.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Needs<'a> {
    pub(crate) programs: &'a [Program],
    /// Clippy in the eBPF toolchain; left out where it cannot be had.
    pub(crate) ebpf_clippy: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.check {
        return check();
    }
    prepare(Needs::default())?;
    check()
}

/// Installs what is missing, or fails with the commands that would.
pub(crate) fn prepare(needs: Needs<'_>) -> Result<()> {
    let steps = plan(needs)?;
    if steps.is_empty() {
        return Ok(());
    }
    // A step without commands is for the user to take.
    let may_install = privilege::is_root()
        && apt::is_here()
        && steps.iter().all(|step| !step.commands.is_empty());
    show(&steps, may_install);
    if !may_install {
        bail!("not everything is here: see above; then run this again");
    }
    for step in steps {
        for mut command in step.commands {
            shell::run(&mut command)?;
        }
    }
    if let Some(step) = plan(needs)?.first() {
        bail!("{} is still missing after the installation: {}", step.what, step.why);
    }
    Ok(())
}

/// Reports on each part; an error if one is missing.
fn check() -> Result<()> {
    match toolchain::find() {
        Ok(found) => println!(
            "ok       eBPF toolchain '{}': {}, in {}",
            found.name,
            found.version,
            found.sysroot.display()
        ),
        Err(why) => println!("MISSING  eBPF toolchain: {why}"),
    }
    match linker::find(toolchain::find().ok().and_then(|found| found.llvm)) {
        Ok(found) => println!("ok       {found}"),
        Err(why) => println!("MISSING  bpf-linker: {why}"),
    }
    let steps = plan(Needs::default())?;
    if steps.is_empty() {
        return Ok(());
    }
    show(&steps, false);
    bail!("not everything is here: see above; `cargo xtask setup` as root on Debian does it")
}

fn show(steps: &[Step], will_run: bool) {
    let root = privilege::is_root();
    eprintln!(
        "xtask: {}",
        if will_run { "going to install" } else { "missing, and what brings it" }
    );
    for step in steps {
        eprintln!("  {} ({})", step.what, step.why);
        for command in &step.commands {
            let sudo = if command.get_program() == "apt-get" && !root { "sudo " } else { "" };
            eprintln!("    {sudo}{}", shell::display(command));
        }
    }
}

fn plan(needs: Needs<'_>) -> Result<Vec<Step>> {
    let found = toolchain::find();
    let llvm = found.as_ref().map_or(Some(DEBIAN_LLVM), |toolchain| toolchain.llvm);

    // Debian's packages come in one go, before the steps that build on them.
    let mut packages: Vec<String> = Vec::new();
    let mut steps = Vec::new();
    match &found {
        Ok(toolchain) if needs.ebpf_clippy && lacks_clippy(toolchain) => {
            packages.push(DEBIAN_CLIPPY.to_owned());
        }
        Ok(_) => {}
        Err(why) if env::var_os(toolchain::OVERRIDE).is_some() => {
            // Somebody chose; installing another would not change that.
            steps.push(toolchain_step(&format!("{why}; name another, or unset it"), None));
        }
        Err(why) if is_debian_usable() => {
            packages.extend(DEBIAN_TOOLCHAIN.map(str::to_owned));
            packages.extend(needs.ebpf_clippy.then(|| DEBIAN_CLIPPY.to_owned()));
            let link = ["toolchain", "link", toolchain::LINKED, "/usr"];
            steps.push(toolchain_step(why, Some(shell::command("rustup", &link))));
        }
        Err(why) => {
            let install =
                ["toolchain", "install", "nightly", "--profile=minimal", "--component=rust-src"];
            steps.push(toolchain_step(why, Some(shell::command("rustup", &install))));
        }
    }
    if let Err(why) = linker::find(llvm) {
        packages.extend(linker::packages(llvm));
        steps.push(Step {
            what: format!("bpf-linker {} (other ways: {})", linker::VERSION, linker::HOME),
            why,
            commands: vec![linker::install(llvm)],
        });
    }
    let programs = needs.programs.iter().filter(|program| program.is_missing());
    packages.extend(programs.map(|program| program.package.to_owned()));

    packages.retain(|package| !apt::is_installed(package));
    if !packages.is_empty() {
        let what = format!("the packages that Debian calls {}", packages.join(", "));
        let commands = if apt::is_here() { apt::commands(&packages)? } else { Vec::new() };
        steps.insert(0, Step { what, why: "not installed".to_owned(), commands });
    }
    Ok(steps)
}

fn toolchain_step(why: &str, command: Option<Command>) -> Step {
    Step {
        what: "a Rust toolchain for the BPF target".to_owned(),
        why: why.to_owned(),
        commands: command.into_iter().collect(),
    }
}

/// Whether Debian's compiler can be installed here. It excludes Debian's own rustup.
fn is_debian_usable() -> bool {
    apt::is_here() && !apt::is_installed("rustup")
}

/// Whether clippy for the eBPF crate is a package away; a nightly brings its own.
fn lacks_clippy(toolchain: &Toolchain) -> bool {
    toolchain.name == toolchain::LINKED && apt::is_here() && !toolchain.has("cargo-clippy")
}
