//! Added cost per call: every setting in every round, in changing order, in one run.
//!
//! Each call is timed in many short batches, and the fastest batch of all rounds counts for each
//! setting: whatever else the machine does, its other hyperthread included, can only add. The
//! rounds give every setting the same chance of a quiet moment. A median would measure the
//! neighbours: on a busy machine it makes differences of nanoseconds negative.

use std::{io::Write as _, path::Path, thread};

use anyhow::{Context as _, Result};
use rustix::thread::{CpuSet, sched_setaffinity};
use serde_json::{Value, json};

use crate::{
    calls::{self, Call},
    setting::Setting,
    targets::{self, Target},
};

/// Batches of each call per setting and round.
const BATCHES: usize = 150;

const SETTINGS: usize = Setting::ALL.len();

/// What one call costs in every setting.
struct Cost {
    id: &'static str,
    what: &'static str,
    calls: u32,
    moves_data: bool,
    /// Per round and setting: nanoseconds per operation in the fastest batch.
    rounds: Vec<[f64; SETTINGS]>,
}

/// The outcome.
pub(crate) struct Measured {
    costs: Vec<Cost>,
}

/// Measures.
pub(crate) fn run(rounds: u32, directory: &Path) -> Result<Measured> {
    let mut calls = calls::all(directory)?;
    let mut costs: Vec<Cost> = calls
        .iter()
        .map(|call| Cost {
            id: call.id,
            what: call.what,
            calls: call.calls,
            moves_data: call.moves_data,
            rounds: Vec::new(),
        })
        .collect();
    for round in 0..rounds {
        eprint!("\rround {} of {rounds} ", round + 1);
        // Progress only.
        let _ = std::io::stderr().flush();
        let mut fastest = vec![[0.0; SETTINGS]; calls.len()];
        for turn in 0..SETTINGS {
            let index = (turn + round as usize) % SETTINGS;
            let setting = Setting::ALL[index];
            let attached =
                setting.attach().with_context(|| format!("cannot attach {}", setting.id()))?;
            // A thread of its own, because it is bound to a CPU and what we start must not be.
            let times = thread::scope(|scope| {
                let measuring = scope.spawn(|| time(&mut calls));
                measuring.join().expect("the measuring thread does not panic")
            })?;
            for (fastest, time) in fastest.iter_mut().zip(times) {
                fastest[index] = time;
            }
            attached
                .finish(least_moved(&calls))
                .with_context(|| format!("{} did not count", setting.id()))?;
        }
        for (cost, fastest) in costs.iter_mut().zip(fastest) {
            cost.rounds.push(fastest);
        }
    }
    eprintln!();
    Ok(Measured { costs })
}

/// Nanoseconds per operation in the fastest batch of each call.
fn time(calls: &mut [Call]) -> Result<Vec<f64>> {
    pin().context("cannot bind to a CPU")?;
    let mut fastest = vec![f64::INFINITY; calls.len()];
    for _ in 0..BATCHES {
        for (call, fastest) in calls.iter_mut().zip(&mut fastest) {
            *fastest = fastest.min(call.time().with_context(|| format!("cannot {}", call.what))?);
        }
    }
    Ok(fastest)
}

/// Binds this thread to the last CPU that it may use: the first ones have more interrupts.
fn pin() -> Result<()> {
    let allowed = rustix::thread::sched_getaffinity(None)?;
    let last = (0..CpuSet::MAX_CPU).rev().find(|cpu| allowed.is_set(*cpu)).context("no CPU")?;
    let mut one = CpuSet::new();
    one.set(last);
    sched_setaffinity(None, &one)?;
    Ok(())
}

/// What was moved at the least by the calls that move data, one byte for each.
fn least_moved(calls: &[Call]) -> u64 {
    calls
        .iter()
        .filter(|call| call.moves_data)
        .map(|call| BATCHES as u64 * u64::from(call.batch()) * u64::from(call.calls))
        .sum()
}

impl Cost {
    /// Nanoseconds per operation in the fastest batch of all rounds.
    fn fastest(&self, setting: Setting) -> f64 {
        self.of(setting).fold(f64::INFINITY, f64::min)
    }

    /// Nanoseconds per operation in the fastest batch of each round.
    fn of(&self, setting: Setting) -> impl Iterator<Item = f64> {
        self.rounds.iter().map(move |times| times[setting as usize])
    }

    /// Nanoseconds that a setting adds.
    fn added(&self, setting: Setting) -> f64 {
        self.fastest(setting) - self.fastest(Setting::Bare)
    }

    /// By how much a typical round was slower than the fastest, as a share, without any probes:
    /// how quiet the machine was.
    fn noise(&self) -> f64 {
        median(self.of(Setting::Bare)) / self.fastest(Setting::Bare) - 1.0
    }

    /// What `zc` adds in terms of what another setting adds.
    fn ratio(&self, other: Setting) -> f64 {
        self.added(Setting::Zc) / self.added(other)
    }

    fn targets(&self) -> &'static [Target] {
        // The cost of 64 KiB is that of copying them: what a probe adds is lost in its noise.
        match (self.moves_data, self.id) {
            (_, "read_file_64k") => &[],
            (true, _) => targets::DATA_CALL,
            (false, _) => targets::OTHER_CALL,
        }
    }

    fn value(&self, target: &Target) -> f64 {
        self.ratio(target.than)
    }
}

impl Measured {
    pub(crate) fn print(&self) {
        println!(
            "\nAdded cost per operation in ns: fastest of {} rounds of {BATCHES} batches; noise is how \
             much slower a typical round was",
            self.costs.first().map_or(0, |cost| cost.rounds.len())
        );
        println!(
            "{:42} {:>7} {:>6} {:>9} {:>9} {:>9} {:>9} {:>12}",
            "", "bare", "noise", "+ empty", "+ zc", "+ bpftrace", "zc/empty", "zc/bpftrace"
        );
        for cost in &self.costs {
            println!(
                "{:42} {:7.0} {:5.0}% {:9.1} {:9.1} {:9.1} {:9.2} {:12.2}",
                cost.what,
                cost.fastest(Setting::Bare),
                100.0 * cost.noise(),
                cost.added(Setting::Floor),
                cost.added(Setting::Zc),
                cost.added(Setting::Bpftrace),
                cost.ratio(Setting::Floor),
                cost.ratio(Setting::Bpftrace)
            );
        }
        for cost in &self.costs {
            for target in cost.targets() {
                println!("{}", target.verdict(cost.what, cost.value(target)));
            }
        }
    }

    pub(crate) fn json(&self) -> Value {
        self.costs
            .iter()
            .map(|cost| {
                let rounds: serde_json::Map<_, _> = Setting::ALL
                    .iter()
                    .map(|setting| {
                        let times: Vec<f64> = cost.of(*setting).collect();
                        (setting.id().to_owned(), times.into())
                    })
                    .collect();
                json!({
                    "id": cost.id,
                    "what": cost.what,
                    "syscalls_per_operation": cost.calls,
                    "bare_ns": cost.fastest(Setting::Bare),
                    "noise": cost.noise(),
                    "added_ns": {
                        "floor": cost.added(Setting::Floor),
                        "zc": cost.added(Setting::Zc),
                        "bpftrace": cost.added(Setting::Bpftrace),
                    },
                    "zc_per_floor": cost.ratio(Setting::Floor),
                    "zc_per_bpftrace": cost.ratio(Setting::Bpftrace),
                    "targets": cost.targets().iter().map(|t| t.json(cost.value(t))).collect::<Vec<_>>(),
                    "rounds_ns": rounds,
                })
            })
            .collect()
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}
