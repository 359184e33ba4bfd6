//! `demo`: the shortest way from a fresh checkout to the tour through the lab.

use std::io::IsTerminal as _;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::build;
use crate::privilege;
use crate::setup::{self, Needs};
use crate::shell;

/// A prime, so that the figures are recognised on the screen; small, since every workload takes
/// turns with the baseline.
const SIZE: &str = "4194301";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Print text even if this is a terminal
    #[arg(long)]
    text: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::prepare(Needs::default())?;
    let zc = build::zc(false)?;
    let zc = zc.to_str().context("the target directory is not valid UTF-8")?;
    let mut words = vec!["demo", "--size", SIZE];
    if arguments.text || !std::io::stdout().is_terminal() {
        words.push("--text");
    }
    shell::run(&mut privilege::command(zc, &words)?)
}
