//! `setup`: installs what building `zc` needs, and prints the steps first.
//!
//! On Debian the compiler for the BPF target is a Debian package (the security archive has a current
//! one). It is linked as a toolchain with a name of its own, so the user's toolchains stay as they
//! are. Elsewhere the compiler is a nightly with `rust-src`.

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

/// The LLVM of Debian's compiler, for the time before it is installed; later the compiler reports it.
const DEBIAN_LLVM: u32 = 22;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Check only: print what is installed and what is missing; exit 1 if anything is
    #[arg(long)]
    check: bool,
}

/// Something that is missing, and the commands that install it. Without commands, the user has to
/// install it.
struct Step {
    what: String,
    why: String,
    commands: Vec<Command>,
}

/// What a verb needs besides the toolchain and the linker.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Needs<'a> {
    pub(crate) programs: &'a [Program],
    /// Clippy in the eBPF toolchain, if it is available.
    pub(crate) ebpf_clippy: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.check {
        return check();
    }
    prepare(Needs::default())?;
    check()
}

/// Installs what is missing, or fails and prints the commands that would install it.
pub(crate) fn prepare(needs: Needs<'_>) -> Result<()> {
    let steps = plan(needs)?;
    if steps.is_empty() {
        return Ok(());
    }
    // A step without commands is the user's.
    let may_install = privilege::is_root()
        && apt::is_here()
        && steps.iter().all(|step| !step.commands.is_empty());
    show(&steps, may_install);
    if !may_install {
        bail!("cannot continue: something is missing; run the commands above, then run this again");
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

/// Prints the state of each part; an error if one is missing.
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
    bail!("something is missing: see above; on Debian, run `cargo xtask setup` as root")
}

fn show(steps: &[Step], will_run: bool) {
    let root = privilege::is_root();
    eprintln!(
        "xtask: {}",
        if will_run { "installing" } else { "missing, with the commands that install it" }
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

    // All Debian packages are installed first, at once: the other steps need them.
    let mut packages: Vec<String> = Vec::new();
    let mut steps = Vec::new();
    match &found {
        Ok(toolchain) if needs.ebpf_clippy && lacks_clippy(toolchain) => {
            packages.push(DEBIAN_CLIPPY.to_owned());
        }
        Ok(_) => {}
        Err(why) if env::var_os(toolchain::OVERRIDE).is_some() => {
            // The user chose a toolchain: installing another one would not change that.
            steps.push(toolchain_step(&format!("{why}; set it to another one, or unset it"), None));
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
            what: format!(
                "bpf-linker {} (other ways to install it: {})",
                linker::VERSION,
                linker::HOME
            ),
            why,
            commands: vec![linker::install(llvm)],
        });
    }
    let programs = needs.programs.iter().filter(|program| program.is_missing());
    packages.extend(programs.map(|program| program.package.to_owned()));

    packages.retain(|package| !apt::is_installed(package));
    if !packages.is_empty() {
        let what = format!("Debian packages: {}", packages.join(", "));
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

/// Whether Debian's compiler can be installed here. The package conflicts with Debian's rustup.
fn is_debian_usable() -> bool {
    apt::is_here() && !apt::is_installed("rustup")
}

/// Whether a Debian package would add the missing clippy; a nightly has its own.
fn lacks_clippy(toolchain: &Toolchain) -> bool {
    toolchain.name == toolchain::LINKED && apt::is_here() && !toolchain.has("cargo-clippy")
}
