//! Time from start to the first figures, and what takes it.

use std::{
    collections::BTreeMap,
    env,
    io::Read as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zc_probe::attach::{Options, attach};

use crate::{binary::ZC, screen::Dashboard, targets};

/// Repetitions; the fastest counts, because whatever else the machine does can only add.
const TIMES: usize = 10;

/// Programs that are named with what the verifier followed.
const LARGEST: usize = 8;

/// What an update of `zc top --once` waits for on purpose, seconds.
const ONCE_INTERVAL: f64 = 0.1;

/// What the dashboard waits for on purpose before its first figures, seconds.
const FIRST_INTERVAL: f64 = 0.25;

/// The fastest and the slowest time, seconds.
struct Times {
    what: String,
    fastest: f64,
    slowest: f64,
}

/// The outcome.
pub(crate) struct Measured {
    times: Vec<Times>,
    /// Instructions that the verifier followed, by program, the most first.
    verified: Vec<(String, u64)>,
}

/// Attach once and print what took how long.
#[derive(Debug, clap::Args)]
pub(crate) struct Once {
    /// Maximum number of threads tracked individually
    #[arg(long, value_name = "N")]
    max_threads: Option<u32>,
}

/// Attaches, and prints the phases in seconds and the instructions that the verifier followed as JSON.
/// In a process of its own: the loader remembers what it has found out about the kernel.
pub(crate) fn once(arguments: &Once) -> Result<()> {
    let options = Options { threads: arguments.max_threads, ..Options::default() };
    let began = Instant::now();
    let attached = attach(&options)?;
    let total = ("all of it", began.elapsed());
    let phases = attached.phases.iter().copied().chain([total]);
    let phases: Vec<_> = phases.map(|(phase, took)| json!([phase, took.as_secs_f64()])).collect();
    let programs = attached.ebpf.programs().filter_map(|(name, program)| {
        let verified = program.info().ok()?.verified_instruction_count()?;
        Some((name.to_owned(), verified.into()))
    });
    let programs: serde_json::Map<_, _> = programs.collect();
    println!("{}", json!({ "phases": phases, "programs": programs }));
    Ok(())
}

/// Measures.
pub(crate) fn run() -> Result<Measured> {
    let (mut update, mut screen, mut figures) = (Vec::new(), Vec::new(), Vec::new());
    let mut phases: Vec<(String, Vec<f64>)> = Vec::new();
    let mut verified = BTreeMap::new();
    for _ in 0..TIMES {
        let Attached { phases: took, programs } = attach_once()?;
        for (at, (phase, seconds)) in took.into_iter().enumerate() {
            if phases.len() <= at {
                phases.push((format!("attaching: {phase}"), Vec::new()));
            }
            phases[at].1.push(seconds);
        }
        verified = programs;
        update.push(first_update()?.as_secs_f64() - ONCE_INTERVAL);
        let (first_screen, first_figures) = Dashboard::start()?.first()?;
        screen.push(first_screen.as_secs_f64());
        figures.push(first_figures.as_secs_f64() - FIRST_INTERVAL);
    }
    let whole = [
        ("zc top --once: first byte, less the interval", &update),
        ("dashboard: first screen", &screen),
        ("dashboard: first figures, less their interval", &figures),
    ];
    let whole = whole.map(|(what, times)| Times::of(what, times));
    let phases = phases.iter().map(|(phase, times)| Times::of(phase, times));
    let mut verified: Vec<_> = verified.into_iter().collect();
    verified.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(Measured { times: whole.into_iter().chain(phases).collect(), verified })
}

/// What a process that attached once has printed.
#[derive(serde::Deserialize)]
struct Attached {
    phases: Vec<(String, f64)>,
    programs: BTreeMap<String, u64>,
}

fn attach_once() -> Result<Attached> {
    let own = env::current_exe().context("cannot find this program")?;
    let output = Command::new(own).arg("start").stderr(Stdio::inherit()).output();
    let output = output.context("cannot run this program again")?;
    ensure!(output.status.success(), "cannot attach: {}", output.status);
    serde_json::from_slice(&output.stdout).context("the benchmark cannot read its own output")
}

/// Time from the start to the first byte of output.
fn first_update() -> Result<Duration> {
    let start = Instant::now();
    let mut child = Command::new(ZC)
        .args(["top", "--once", "--interval", &ONCE_INTERVAL.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run '{ZC}'"))?;
    let mut output = child.stdout.take().context("zc has no output")?;
    let first = output.read(&mut [0]).context("cannot read zc's output")?;
    let elapsed = start.elapsed();
    let mut rest = Vec::new();
    output.read_to_end(&mut rest).context("cannot read zc's output")?;
    let status = child.wait()?;
    ensure!(first == 1 && status.success(), "zc top --once failed: {status}");
    Ok(elapsed)
}

impl Times {
    fn of(what: &str, times: &[f64]) -> Self {
        Self {
            what: what.to_owned(),
            fastest: times.iter().copied().fold(f64::INFINITY, f64::min),
            slowest: times.iter().copied().fold(0.0, f64::max),
        }
    }
}

impl Measured {
    pub(crate) fn print(&self) {
        println!("\nTime from the start, fastest of {TIMES} (and slowest)");
        for Times { what, fastest, slowest } in &self.times {
            // A phase has no target of its own.
            let word = if what.starts_with("attaching: ") {
                String::new()
            } else {
                format!(", {} s", targets::limit(*fastest, targets::START_SECONDS))
            };
            println!("{what:48} {fastest:.3} s ({slowest:.3}){word}");
        }
        let largest = self.verified.iter().take(LARGEST);
        let largest: Vec<_> = largest.map(|(name, count)| format!("{name} {count}")).collect();
        println!("instructions that the verifier followed: {}", largest.join(", "));
    }

    pub(crate) fn json(&self) -> Value {
        self.times
            .iter()
            .map(|Times { what, fastest, slowest }| {
                json!({ "what": what, "fastest_s": fastest, "slowest_s": slowest })
            })
            .collect()
    }
}
