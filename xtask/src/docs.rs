//! `docs`: the documents that `zc` writes about itself, from the tables that it runs on.
//!
//! A test per document, its name beginning with `docs_`, compares what is committed with what the
//! tables say now, so a stale document fails the tests. With `ZC_BLESS=1` the same test writes it.

use anyhow::Result;
use clap::Args;

use crate::setup::{self, Needs};
use crate::shell;
use crate::test;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only compare; exit with 1 if a document is out of date
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
