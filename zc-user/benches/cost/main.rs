//! What `zc` costs: the machine, per system call, and itself. Run by `cargo xtask bench`, as root.
//!
//! Timings of a shared machine are noisy and no test: everything is compared within one run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use serde_json::{Map, Value};

mod binary;
mod calls;
mod footprint;
mod instructions;
mod observer;
mod population;
mod rounds;
mod screen;
mod servers;
mod setting;
mod sites;
mod start;
mod targets;

use observer::Build;
use setting::Setting;

/// Measure what zc costs, and compare it with an empty eBPF program and with bpftrace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Arguments {
    /// Which measurements to take; all when none is named
    #[arg(long, value_enum)]
    only: Vec<Part>,

    /// Measure these calls only: none, read_zero, read_file, read_file_4k, read_file_64k, unix_pair, tcp_loopback
    #[arg(long, value_name = "CALL", value_delimiter = ',')]
    ops: Vec<String>,

    /// Leave out the equivalent bpftrace script
    #[arg(long)]
    no_bpftrace: bool,

    /// Another build of zc to measure, as JSON
    #[arg(long = "build", hide = true)]
    builds: Vec<Build>,

    /// How often every setting is attached and measured
    #[arg(long, default_value_t = 15)]
    rounds: u32,

    /// Where the cached file that is read lies: not on tmpfs, whose reads take another path
    #[arg(long, value_name = "DIR", default_value = "/var/tmp")]
    directory: PathBuf,

    /// Processes alive while zc's own cost is measured
    #[arg(long, default_value_t = 10_000)]
    processes: u32,

    /// How long zc's own cost is measured, in seconds
    #[arg(long, value_name = "SECS", default_value_t = 20)]
    seconds: u64,

    /// Where to write the figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// `cargo bench` passes it to every benchmark
    #[arg(long, hide = true)]
    bench: bool,

    #[command(subcommand)]
    inner: Option<Inner>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Added cost per system call
    Calls,
    /// CPU time and memory of `zc top` itself
    Footprint,
    /// Size of recordings, and what `zc record` takes
    Recordings,
    /// Time to the first figures
    Start,
}

/// What the benchmark starts itself as.
#[derive(Debug, Subcommand)]
enum Inner {
    /// Many processes, which wait, make a few calls, and sleep or go on
    #[command(hide = true)]
    Population(population::Arguments),
    /// The cost of each copy site, in a guest whose clock counts instructions
    #[command(hide = true)]
    Sites(sites::Arguments),
    /// What whole programs lose
    #[command(hide = true)]
    Servers(servers::Arguments),
    /// What builds of zc add to operations, in such a guest
    #[command(hide = true)]
    Instructions(instructions::Arguments),
    /// One start, and the time of its phases
    #[command(hide = true)]
    Start(start::Once),
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.inner {
        Some(Inner::Population(population)) => return population::run(population),
        Some(Inner::Sites(sites)) => return sites::run(sites),
        Some(Inner::Servers(servers)) => return servers::run(servers),
        Some(Inner::Instructions(instructions)) => return instructions::run(instructions),
        Some(Inner::Start(once)) => return start::once(once),
        None => {}
    }
    let wanted = |part| arguments.only.is_empty() || arguments.only.contains(&part);
    let mut report = Report::new(arguments.json.as_deref());
    if wanted(Part::Calls) {
        let settings = Setting::all(&arguments.builds, !arguments.no_bpftrace);
        let measured =
            rounds::run(&settings, &arguments.ops, arguments.rounds, &arguments.directory)?;
        measured.print();
        report.add("attached_after_s", measured.attached_json())?;
        report.add("calls", measured.json())?;
    }
    if wanted(Part::Start) {
        let measured = start::run()?;
        measured.print();
        report.add("start", measured.json())?;
    }
    if wanted(Part::Footprint) {
        let measured = footprint::run(arguments.processes, arguments.seconds)?;
        measured.print();
        report.add("footprint", measured.json())?;
    }
    if wanted(Part::Recordings) {
        let measured = footprint::recordings(arguments.seconds.next_multiple_of(60))?;
        measured.print();
        report.add("recordings", measured.json())?;
    }
    Ok(())
}

/// The figures as JSON, written after every part: a later one may fail.
struct Report<'a> {
    path: Option<&'a Path>,
    figures: Map<String, Value>,
}

impl<'a> Report<'a> {
    fn new(path: Option<&'a Path>) -> Self {
        let mut figures = Map::new();
        figures.insert("schema".to_owned(), "zc-bench/1".into());
        let kernel = rustix::system::uname();
        figures.insert("kernel".to_owned(), kernel.release().to_string_lossy().into());
        Self { path, figures }
    }

    fn add(&mut self, part: &str, value: Value) -> Result<()> {
        self.figures.insert(part.to_owned(), value);
        let Some(path) = self.path else { return Ok(()) };
        let text = serde_json::to_string_pretty(&self.figures)?;
        fs::write(path, text + "\n").with_context(|| format!("cannot write '{}'", path.display()))
    }
}
