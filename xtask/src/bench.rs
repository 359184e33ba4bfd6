//! `bench`: what `zc` costs, beside the floor of any eBPF tool and beside bpftrace, in one run.

use anyhow::{Context as _, Result};
use clap::Args;

use crate::apt::Program;
use crate::privilege;
use crate::setup::{self, Needs};
use crate::shell;
use crate::workspace;

const PROGRAMS: [Program; 1] = [Program { name: "bpftrace", package: "bpftrace" }];

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Passed on to the benchmark
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::prepare(Needs { programs: &PROGRAMS, ..Needs::default() })?;
    shell::run(&mut shell::cargo(&["build", "--release", "--package", "zc-user", "--bins"]))?;
    let binary = workspace::target()?.join("release").join("zc-bench");
    let binary = binary.to_str().context("the target directory is not valid UTF-8")?;
    let rest: Vec<&str> = arguments.rest.iter().map(String::as_str).collect();
    shell::run(&mut privilege::command(binary, &rest)?)
}
