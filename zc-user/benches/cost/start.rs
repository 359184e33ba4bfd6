//! Time from start to the first update.

use std::{
    io::Read as _,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::footprint::ZC;

/// Repetitions; the fastest counts, because whatever else the machine does can only add.
const TIMES: usize = 10;

/// The interval of the update, which is not the start's.
const INTERVAL: f64 = 0.1;

/// Limit in seconds.
const LIMIT: f64 = 0.5;

/// The outcome, in seconds.
pub(crate) struct Measured {
    fastest: f64,
    slowest: f64,
}

/// Measures.
pub(crate) fn run() -> Result<Measured> {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        times.push(first_update()? - INTERVAL);
    }
    Ok(Measured {
        fastest: times.iter().copied().fold(f64::INFINITY, f64::min),
        slowest: times.iter().copied().fold(0.0, f64::max),
    })
}

/// Seconds from the start to the first byte of output.
fn first_update() -> Result<f64> {
    let start = Instant::now();
    let mut child = Command::new(ZC)
        .args(["top", "--once", "--interval", &INTERVAL.to_string()])
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
    Ok(elapsed.as_secs_f64())
}

impl Measured {
    pub(crate) fn print(&self) {
        let Self { fastest, slowest } = self;
        println!(
            "\nFirst update after {fastest:.3} s (the fastest of {TIMES}, the slowest {slowest:.3} s): {} \
             {LIMIT} s",
            if *fastest <= LIMIT { "good, at most" } else { "MISSED, more than" }
        );
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "fastest_s": self.fastest, "slowest_s": self.slowest, "interval_s": INTERVAL })
    }
}
