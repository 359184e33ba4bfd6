//! `bench`: the overhead of `zc`, compared with an empty eBPF program and with bpftrace in the same
//! run; and the cost of each copy site, in a virtual machine that counts instructions.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::Value;

use crate::apt::Program;
use crate::privilege;
use crate::setup::{self, Needs};
use crate::shell;
use crate::vm::matrix::{self, Kernel};
use crate::workspace;

mod figures;
mod sites;
mod table;

const PROGRAMS: [Program; 1] = [Program { name: "bpftrace", package: "bpftrace" }];

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Measure the cost of each copy site instead, in instructions, in a virtual machine
    #[arg(long, conflicts_with = "rest")]
    sites: bool,

    /// Kernel series of the virtual machine [default: 6.12]
    #[arg(long, value_name = "SERIES", value_parser = matrix::parse, requires = "sites")]
    kernel: Option<&'static Kernel>,

    /// Write the cost of the copy sites into docs/benchmark.md
    #[arg(long, requires = "sites")]
    write: bool,

    /// Arguments of the benchmark; see its --help
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.sites {
        return sites::run(arguments.kernel, arguments.write);
    }
    setup::prepare(Needs { programs: &PROGRAMS, ..Needs::default() })?;
    let benchmark = build()?;
    let benchmark = benchmark.to_str().context("the target directory is not valid UTF-8")?;
    let json = workspace::target()?.join("bench.json");
    let json = json.to_str().context("the target directory is not valid UTF-8")?;
    // The user's arguments come last: they override.
    let mut all = vec!["--json", json];
    all.extend(arguments.rest.iter().map(String::as_str));
    shell::run(&mut privilege::command(benchmark, &all)?)
}

/// Builds the benchmark and `zc`, as the user and not as root. Returns the path of its executable,
/// which only cargo knows.
fn build() -> Result<PathBuf> {
    let build = ["bench", "--package", "zc-user", "--bench", "cost", "--no-run"];
    // The first run prints the compiler's messages; the second one only lists the executables.
    shell::run(&mut shell::cargo(&build))?;
    let mut list = shell::cargo(&build);
    let messages = shell::capture(list.args(["--quiet", "--message-format=json"]))?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "cost")
        .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
        .context("cargo built the benchmark but did not report its path")
}
