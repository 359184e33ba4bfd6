//! `docs`: the documents that are generated from the tables in the code.
//!
//! For each document, a test with a name that begins with `docs_` compares the committed text with
//! the tables, so a stale document fails the tests. With `ZC_BLESS=1` the same test writes it.

use anyhow::Result;
use clap::Args;

use crate::setup::{self, Needs};
use crate::shell;
use crate::test;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Check only; exit 1 if a document is out of date
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::prepare(Needs::default())?;
    let mut command = test::command();
    command.arg("docs_");
    if !arguments.check {
        command.env("ZC_BLESS", "1");
    }
    shell::run(&mut command)
}
