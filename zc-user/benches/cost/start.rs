//! Time from start to the first figures.

use std::{
    io::Read as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{binary::ZC, screen::Dashboard, targets};

/// Repetitions; the fastest counts, because whatever else the machine does can only add.
const TIMES: usize = 10;

/// What an update of `zc top --once` waits for on purpose, seconds.
const ONCE_INTERVAL: f64 = 0.1;

/// What the dashboard waits for on purpose before its first figures, seconds.
const FIRST_INTERVAL: f64 = 0.25;

/// The fastest and the slowest time, seconds.
struct Times {
    what: &'static str,
    fastest: f64,
    slowest: f64,
}

/// The outcome.
pub(crate) struct Measured(Vec<Times>);

/// Measures.
pub(crate) fn run() -> Result<Measured> {
    let (mut update, mut screen, mut figures) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TIMES {
        update.push(first_update()?.as_secs_f64() - ONCE_INTERVAL);
        let (first_screen, first_figures) = Dashboard::start()?.first()?;
        screen.push(first_screen.as_secs_f64());
        figures.push(first_figures.as_secs_f64() - FIRST_INTERVAL);
    }
    Ok(Measured(vec![
        Times::of("zc top --once: first byte, less the interval", &update),
        Times::of("dashboard: first screen", &screen),
        Times::of("dashboard: first figures, less their interval", &figures),
    ]))
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
    fn of(what: &'static str, times: &[f64]) -> Self {
        Self {
            what,
            fastest: times.iter().copied().fold(f64::INFINITY, f64::min),
            slowest: times.iter().copied().fold(0.0, f64::max),
        }
    }
}

impl Measured {
    pub(crate) fn print(&self) {
        println!("\nTime from the start, fastest of {TIMES} (and slowest)");
        for Times { what, fastest, slowest } in &self.0 {
            let word = targets::limit(*fastest, targets::START_SECONDS);
            println!("{what:48} {fastest:.3} s ({slowest:.3}), {word} s");
        }
    }

    pub(crate) fn json(&self) -> Value {
        self.0
            .iter()
            .map(|Times { what, fastest, slowest }| {
                json!({ "what": what, "fastest_s": fastest, "slowest_s": slowest })
            })
            .collect()
    }
}
