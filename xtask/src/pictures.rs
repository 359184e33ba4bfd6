//! `pictures`: the pictures of screens in the documents, drawn from fixtures.
//!
//! As with all generated documents, a test compares each committed picture with the screen, and writes it with `ZC_BLESS=1`.
//! This verb builds the tests of the two crates that have screens, and nothing of eBPF.

use anyhow::Result;
use clap::Args;

use crate::shell;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Check only; exit 1 if a picture is out of date
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut command =
        shell::cargo(&["test", "-p", "zc-tui", "-p", "zc-lab", "--no-fail-fast", "--test", "tui"]);
    command.args(["--test", "tour", "--", "docs_picture"]);
    if !arguments.check {
        command.env("ZC_BLESS", "1");
    }
    shell::run(&mut command)
}

/// Fails if a picture is out of date.
pub(crate) fn check() -> Result<()> {
    run(&Arguments { check: true })
}
