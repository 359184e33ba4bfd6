//! `bench`: the overhead of `zc`, compared with an empty eBPF program and with bpftrace in the same
//! run; what whole programs lose; and the cost of each copy site and of builds of `zc`, in a virtual
//! machine that counts instructions.

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

mod builds;
mod figures;
mod instructions;
mod recorded;
mod servers;
mod sites;
mod table;

use builds::Compared;
use instructions::Gate;

const PROGRAMS: [Program; 1] = [BPFTRACE];

const BPFTRACE: Program = Program { name: "bpftrace", package: "bpftrace" };

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Measure the cost of each copy site instead, in instructions, in a virtual machine
    #[arg(long, group = "guest", conflicts_with_all = ["rest", "compared", "ops"])]
    sites: bool,

    /// Count the instructions that zc adds to operations instead, in a virtual machine
    #[arg(long, group = "guest", conflicts_with = "rest")]
    instructions: bool,

    /// Measure what whole programs lose instead: nginx, redis, fio and iperf3
    #[arg(long, conflicts_with = "guest")]
    servers: bool,

    /// Measure another build, too (repeatable): NAME=PATH of a zc, NAME=rev:REVISION, or NAME=own
    /// for this checkout's, each with [,without=GROUP]...,
    /// [,with=objects|stacks|user_copies], which switches that on, and [,elsewhere], which follows
    /// other processes than are measured; or bpftrace
    #[arg(long = "compare", value_name = "BUILD", value_parser = builds::parse)]
    compared: Vec<Compared>,

    /// Measure these operations, or programs, only; with --instructions, all means all of them
    #[arg(long, value_name = "OPERATION", value_delimiter = ',')]
    ops: Vec<String>,

    /// Fail if an operation takes over 3 % more instructions than recorded
    #[arg(long, requires = "instructions", conflicts_with_all = ["kernel", "ops", "compared"])]
    check: bool,

    /// Record the instructions, for --check
    #[arg(long, requires = "instructions", conflicts_with_all = ["check", "kernel", "ops", "compared"])]
    record: bool,

    /// Kernel series of the virtual machine [default: 6.12]
    #[arg(long, value_name = "SERIES", value_parser = matrix::parse, requires = "guest")]
    kernel: Option<&'static Kernel>,

    /// Write the cost of the copy sites into docs/benchmark.md
    #[arg(long, requires = "sites")]
    write: bool,

    /// Arguments of the benchmark; see its --help
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { kernel, compared, ops, .. } = arguments;
    if arguments.sites {
        return sites::run(*kernel, arguments.write);
    }
    if arguments.instructions {
        let gate = match (arguments.check, arguments.record) {
            (true, _) => Gate::Check,
            (_, true) => Gate::Record,
            _ => Gate::Open,
        };
        return instructions::run(*kernel, ops, compared, gate);
    }
    if arguments.servers {
        return servers::run(ops, compared, &arguments.rest);
    }
    setup::prepare(Needs { programs: &PROGRAMS, ..Needs::default() })?;
    let comparison = builds::resolve(compared)?;
    let mut words = Vec::new();
    if !compared.is_empty() {
        words.extend(["--only", "calls"]);
        words.extend((!comparison.bpftrace).then_some("--no-bpftrace"));
    }
    words.extend(comparison.words.iter().map(String::as_str));
    cost(&words, "bench.json", ops, &arguments.rest)?;
    Ok(())
}

/// Runs the benchmark as root. Returns the path of the figures that it wrote.
fn cost(words: &[&str], json: &str, ops: &[String], rest: &[String]) -> Result<PathBuf> {
    let benchmark = build()?;
    let json = workspace::target()?.join(json);
    let text = |path: &PathBuf| path.to_str().map(str::to_owned);
    let benchmark = text(&benchmark).context("the target directory is not valid UTF-8")?;
    let path = text(&json).context("the target directory is not valid UTF-8")?;
    let mut all = words.to_vec();
    all.extend(["--json", &path]);
    let ops = ops.join(",");
    if !ops.is_empty() {
        all.extend(["--ops", &ops]);
    }
    // The user's arguments come last: they override.
    all.extend(rest.iter().map(String::as_str));
    shell::run(&mut privilege::command(&benchmark, &all)?)?;
    Ok(json)
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
