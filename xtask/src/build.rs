//! `build`: the toolchain, then `cargo build`, which makes the eBPF object by itself.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::setup::{self, Needs};
use crate::shell;
use crate::workspace;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Optimise
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::prepare(Needs::default())?;
    let binary = zc(arguments.release)?;
    println!("{}", binary.display());
    Ok(())
}

/// Builds the `zc` binary and says where it is. The set-up has been done before.
pub(crate) fn zc(release: bool) -> Result<PathBuf> {
    // The same packages as for the tests: with others, features differ, and all is built twice.
    let mut command =
        shell::cargo(&["build", "--workspace", "--exclude", "zc-ebpf", "--bin", "zc"]);
    if release {
        command.arg("--release");
    }
    shell::run(&mut command)?;
    Ok(workspace::target()?.join(if release { "release" } else { "debug" }).join("zc"))
}
