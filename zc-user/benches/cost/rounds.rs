//! Added cost per call: every setting in every round, in changing order, in one run.
//!
//! Each call is timed in many short batches, and the fastest batch of all rounds counts for each
//! setting: whatever else the machine does, its other hyperthread included, can only add. The
//! rounds give every setting the same chance of a quiet moment. A median would measure the
//! neighbours: on a busy machine it makes differences of nanoseconds negative.

use std::{io::Write as _, path::Path, thread, time::Duration};

use anyhow::{Context as _, Result};
use rustix::thread::{CpuSet, sched_setaffinity};
use serde_json::{Map, Value, json};

use crate::{
    calls::{self, Call},
    observer::{OWN, Output, Work},
    setting::{BARE, Setting},
    targets::{self, Target},
};

/// Batches of each call per setting and round.
const BATCHES: usize = 150;

/// What one call costs in every setting.
struct Cost {
    id: &'static str,
    what: &'static str,
    calls: u32,
    moves_data: bool,
    /// Per setting and round: nanoseconds per operation in the fastest batch.
    times: Vec<(String, Vec<f64>)>,
}

/// The outcome.
pub(crate) struct Measured {
    costs: Vec<Cost>,
    /// The shortest time in which a build of `zc` attached its probes.
    attached_after: Vec<(String, Duration)>,
}

/// Measures the calls of these ids, or all.
pub(crate) fn run(
    settings: &[Setting],
    ids: &[String],
    rounds: u32,
    directory: &Path,
) -> Result<Measured> {
    let mut calls = calls::chosen(ids, directory)?;
    let nothing = || settings.iter().map(|it| (it.id().to_owned(), Vec::new())).collect();
    let mut costs: Vec<Cost> = calls
        .iter()
        .map(|call| Cost {
            id: call.id,
            what: call.what,
            calls: call.calls,
            moves_data: call.moves_data,
            times: nothing(),
        })
        .collect();
    let mut attached_after = vec![None; settings.len()];
    for round in 0..rounds {
        eprint!("\rround {} of {rounds} ", round + 1);
        // Progress only.
        let _ = std::io::stderr().flush();
        for turn in 0..settings.len() {
            let index = (turn + round as usize) % settings.len();
            let setting = &settings[index];
            let attached = setting
                .attach(Output::Report)
                .with_context(|| format!("cannot attach {}", setting.id()))?;
            if let Some(after) = attached.attached_after() {
                let before: &mut Option<Duration> = &mut attached_after[index];
                *before = Some(before.map_or(after, |before| before.min(after)));
            }
            // A thread of its own, because it is bound to a CPU and what we start must not be.
            let times = thread::scope(|scope| {
                let measuring = scope.spawn(|| time(&mut calls));
                measuring.join().expect("the measuring thread does not panic")
            })?;
            for (cost, time) in costs.iter_mut().zip(times) {
                cost.times[index].1.push(time);
            }
            attached
                .finish(least_done(&calls))
                .with_context(|| format!("{} did not count", setting.id()))?;
        }
    }
    eprintln!();
    let names = settings.iter().map(|setting| setting.id().to_owned());
    let attached_after = names.zip(attached_after).filter_map(|(name, it)| Some((name, it?)));
    Ok(Measured { costs, attached_after: attached_after.collect() })
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

/// What the calls did at the least; those that move data move one byte each.
fn least_done(calls: &[Call]) -> Work {
    let made = |call: &Call| BATCHES as u64 * u64::from(call.batch()) * u64::from(call.calls);
    Work {
        calls: calls.iter().map(made).sum(),
        moved_bytes: calls.iter().filter(|call| call.moves_data).map(made).sum(),
    }
}

impl Cost {
    /// Nanoseconds per operation in the fastest batch of each round; none if there is no such
    /// setting.
    fn of(&self, setting: &str) -> &[f64] {
        let found = self.times.iter().find(|(name, _)| name == setting);
        found.map_or(&[], |(_, times)| times)
    }

    /// Nanoseconds per operation in the fastest batch of all rounds.
    fn fastest(&self, setting: &str) -> f64 {
        self.of(setting).iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// Nanoseconds that a setting adds.
    fn added(&self, setting: &str) -> f64 {
        self.fastest(setting) - self.fastest(BARE)
    }

    /// By how much a typical round was slower than the fastest, as a share, without any probes:
    /// how quiet the machine was.
    fn noise(&self) -> f64 {
        median(self.of(BARE)) / self.fastest(BARE) - 1.0
    }

    /// What `zc` adds in terms of what another setting adds.
    fn ratio(&self, other: &str) -> f64 {
        self.added(OWN) / self.added(other)
    }

    fn targets(&self) -> impl Iterator<Item = &'static Target> {
        // The cost of many bytes is that of copying them: what a probe adds is lost in its noise.
        let targets = match (self.moves_data, self.id) {
            (_, "read_file_4k" | "read_file_64k") => &[],
            (true, _) => targets::DATA_CALL,
            (false, _) => targets::OTHER_CALL,
        };
        targets.iter().filter(|target| !self.of(target.than).is_empty())
    }

    fn value(&self, target: &Target) -> f64 {
        self.ratio(target.than)
    }

    /// The settings that add something.
    fn adding(&self) -> impl Iterator<Item = &str> {
        self.times.iter().map(|(name, _)| name.as_str()).filter(|name| *name != BARE)
    }

    /// Those that `zc` is compared with.
    fn others(&self) -> impl Iterator<Item = &str> {
        self.adding().filter(|name| *name != OWN)
    }
}

impl Measured {
    pub(crate) fn print(&self) {
        let Some(first) = self.costs.first() else { return };
        println!(
            "\nAdded cost per operation in ns: fastest of {} rounds of {BATCHES} batches; noise is how \
             much slower a typical round was",
            first.of(BARE).len()
        );
        let mut heading = format!("{:42} {BARE:>7} {:>6}", "", "noise");
        heading.extend(first.adding().map(|name| format!(" {:>11}", format!("+ {name}"))));
        heading.extend(first.others().map(|name| format!(" {:>12}", format!("{OWN}/{name}"))));
        println!("{heading}");
        for cost in &self.costs {
            let noise = 100.0 * cost.noise();
            let mut line = format!("{:42} {:7.0} {noise:5.0}%", cost.what, cost.fastest(BARE));
            line.extend(cost.adding().map(|name| format!(" {:11.1}", cost.added(name))));
            line.extend(cost.others().map(|name| format!(" {:12.2}", cost.ratio(name))));
            println!("{line}");
        }
        for (name, after) in &self.attached_after {
            println!("{name}: attached after {:.3} s (fastest)", after.as_secs_f64());
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
                let added: Map<_, _> =
                    cost.adding().map(|name| (name.to_owned(), cost.added(name).into())).collect();
                let rounds: Map<_, _> =
                    cost.times.iter().map(|(name, it)| (name.clone(), it.clone().into())).collect();
                let mut value = json!({
                    "id": cost.id,
                    "what": cost.what,
                    "syscalls_per_operation": cost.calls,
                    "bare_ns": cost.fastest(BARE),
                    "noise": cost.noise(),
                    "added_ns": added,
                    "targets": cost.targets().map(|t| t.json(cost.value(t))).collect::<Vec<_>>(),
                    "rounds_ns": rounds,
                });
                for name in cost.others() {
                    value[format!("{OWN}_per_{name}")] = cost.ratio(name).into();
                }
                value
            })
            .collect()
    }

    /// Seconds from the start of each build until its probes were attached.
    pub(crate) fn attached_json(&self) -> Value {
        let seconds = |it: &(String, Duration)| (it.0.clone(), it.1.as_secs_f64().into());
        Value::Object(self.attached_after.iter().map(seconds).collect())
    }
}

/// The middle of the values.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}
