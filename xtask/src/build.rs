//! `build`: installs the toolchain, then runs `cargo build`, which also builds the eBPF object.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::setup::{self, Needs};
use crate::shell;
use crate::workspace;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Build with optimisations
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::prepare(Needs::default())?;
    let binary = zc(arguments.release)?;
    println!("{}", binary.display());
    Ok(())
}

/// Builds the binary `zc` and returns its path. The caller has done the set-up.
pub(crate) fn zc(release: bool) -> Result<PathBuf> {
    // The same packages as for the tests: with other packages cargo chooses other features, and
    // compiles everything twice.
    let mut command =
        shell::cargo(&["build", "--workspace", "--exclude", "zc-ebpf", "--bin", "zc"]);
    if release {
        command.arg("--release");
    }
    shell::run(&mut command)?;
    Ok(workspace::target()?.join(if release { "release" } else { "debug" }).join("zc"))
}
