//! `docs`: the documents that `zc` writes about itself, from the tables that it runs on.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::build;
use crate::setup::{self, Needs};
use crate::shell;
use crate::workspace;

/// Where the generated documents are, relative to the root.
pub(crate) const DIRECTORY: &str = "docs";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only compare; exit with 1 if a document is out of date
    #[arg(long)]
    check: bool,
}

/// The hidden command of `zc` that writes every generated document into a directory.
const GENERATE: &str = "generate-docs";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::prepare(Needs::default())?;
    let zc = build::zc(false)?;
    let directory = workspace::root().join(DIRECTORY);
    if arguments.check { check(&zc, &directory) } else { generate(&zc, &directory) }
}

/// Whether this `zc` already writes documents.
pub(crate) fn is_supported(zc: &Path) -> bool {
    shell::succeeds(Command::new(zc).args([GENERATE, "--help"]))
}

/// Fails if a document in the checkout is not what `zc` would write now.
pub(crate) fn check(zc: &Path, directory: &Path) -> Result<()> {
    let fresh = workspace::target()?.join("docs-fresh");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)
            .with_context(|| format!("cannot empty '{}'", fresh.display()))?;
    }
    generate(zc, &fresh)?;
    let mut stale = Vec::new();
    for entry in
        fs::read_dir(&fresh).with_context(|| format!("cannot read '{}'", fresh.display()))?
    {
        let fresh = entry.context("cannot read a directory entry")?;
        let committed = directory.join(fresh.file_name());
        if fs::read(fresh.path()).ok() != fs::read(&committed).ok() {
            stale.push(format!("{DIRECTORY}/{}", fresh.file_name().display()));
        }
    }
    if !stale.is_empty() {
        bail!("out of date: {}; run `cargo xtask docs` and commit", stale.join(", "));
    }
    Ok(())
}

fn generate(zc: &Path, directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot create '{}'", directory.display()))?;
    shell::run(Command::new(zc).arg(GENERATE).arg(directory))
}
