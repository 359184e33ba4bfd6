//! The hazards of the literature, each reproduced where it does no harm: in a worker process, on a
//! file that was made for it and has no name.

mod direct_misaligned;
mod mmap_tiny_files;
mod pipe_capacity;
mod sendfile_truncated;
mod sigbus;

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::fd::AsRawFd as _,
    path::Path,
    process::Stdio,
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use zc_common::path::CopyPath;

use crate::{
    judge::measurement::Framing,
    process::child::{self, Child},
    run::{
        Observer,
        round::{between_stops, section},
    },
    unsupported::Unsupported,
    workload::{job::Job, payload::Payload},
};
use zc_model::{counter::CounterId, frame::Frame};

/// Every hazard.
pub const HAZARDS: &[&Hazard] = &[
    &sigbus::HAZARD,
    &sendfile_truncated::HAZARD,
    &direct_misaligned::HAZARD,
    &pipe_capacity::HAZARD,
    &mmap_tiny_files::HAZARD,
];

/// Bytes of the file of a hazard: a prime.
const SIZE: u64 = 4_194_301;

/// Something that goes wrong, or costs more than expected, on a way that copies less.
pub struct Hazard {
    /// Stable id, as given on the command line.
    pub id: &'static str,
    /// What happens.
    pub title: &'static str,
    /// What the reader can see, in two sentences at most.
    pub lesson: &'static str,
    /// What it does to programs that do not expect it.
    pub danger: &'static str,
    /// One worker each, in order.
    cases: &'static [Case],
    /// What the figures of the cases show; they are measured, or the reason why not.
    figures: fn(&[Frame]) -> Vec<Fact>,
}

impl fmt::Debug for Hazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

/// A worker of a hazard.
struct Case {
    title: &'static str,
    run: fn(&mut Job) -> Result<Vec<Fact>>,
}

/// Something that was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What, in a sentence.
    pub text: String,
    /// Whether it is what is known to happen.
    pub as_expected: bool,
}

impl Fact {
    fn new(as_expected: bool, text: impl Into<String>) -> Self {
        Self { text: text.into(), as_expected }
    }
}

/// A hazard and its outcome.
pub struct Sighting {
    /// The hazard.
    pub hazard: &'static Hazard,
    /// Its outcome.
    pub outcome: Outcome,
}

/// The outcome of a hazard.
pub enum Outcome {
    /// It was seen.
    Seen(Seen),
    /// This machine cannot reproduce it, and why.
    Skipped(String),
    /// It failed in an unexpected way.
    Failed(String),
}

/// What was seen.
pub struct Seen {
    /// In the order of the observation.
    pub facts: Vec<Fact>,
    /// By case: its title and what the worker did; or why nothing was counted.
    pub cases: Result<Vec<(&'static str, Frame)>, String>,
}

impl Seen {
    /// Whether everything is as it is known to be.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.facts.iter().all(|fact| fact.as_expected)
    }
}

/// The hazard with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Hazard> {
    HAZARDS.iter().copied().find(|hazard| hazard.id == id)
}

/// Reproduces a hazard, with its file in `directory`.
pub async fn show(
    hazard: &'static Hazard,
    directory: &Path,
    observer: &mut Observer<'_>,
) -> Sighting {
    let outcome = match seen(hazard, directory, observer).await {
        Ok(seen) => Outcome::Seen(seen),
        Err(error) if error.is::<Unsupported>() => Outcome::Skipped(format!("{error:#}")),
        Err(error) => Outcome::Failed(format!("{error:#}")),
    };
    Sighting { hazard, outcome }
}

async fn seen(
    hazard: &'static Hazard,
    directory: &Path,
    observer: &mut Observer<'_>,
) -> Result<Seen> {
    let mut facts = Vec::new();
    let mut frames = Some(Vec::new());
    for (number, _) in hazard.cases.iter().enumerate() {
        let payload = Payload::generate(directory, SIZE).await?;
        let number = number.to_string();
        let words = ["hazard", hazard.id, "--case", &number];
        let mut worker = Child::spawn(&words, payload.open()?.into(), Stdio::null())?;
        let (pid, seen) = (worker.pid(), between_stops(&mut worker, observer).await?);
        facts.extend(worker.report::<Vec<Fact>>().await?);
        match (seen, &mut frames) {
            (Some((before, after)), Some(frames)) => frames.push(section(&before, &after, &[pid])?),
            _ => frames = None,
        }
    }
    if let Some(frames) = &frames {
        facts.extend((hazard.figures)(frames));
    }
    let titles = hazard.cases.iter().map(|case| case.title);
    let cases = match frames {
        Some(frames) => Ok(titles.zip(frames).collect()),
        None => Err(observer.why_nothing().0),
    };
    Ok(Seen { facts, cases })
}

/// A worker: runs one case of a hazard with the file on standard input.
///
/// # Errors
/// When what has to work does not.
pub fn main(hazard: &Hazard, case: usize) -> Result<()> {
    let case = hazard.cases.get(case).context("no such case")?;
    // Opened again for writing: the lab itself only reads its payloads.
    let input = child::standard_input()?;
    let link = format!("/proc/self/fd/{}", input.as_raw_fd());
    let file = OpenOptions::new().read(true).write(true).open(link);
    let file = file.context("cannot open the file of the hazard for writing")?;
    let mut job = Job::new(file, child::standard_output()?, SIZE, 1 << 16);
    let facts = (case.run)(&mut job)?;
    job.end()?;
    let report = serde_json::to_string(&facts)?;
    io::stderr().write_all(report.as_bytes()).context("cannot report")
}

/// Calls that succeeded and bytes moved on a path, which tracepoints count on every kernel.
fn moved(frame: &Frame, path: CopyPath) -> (u64, u64) {
    let rows = frame.totals.paths.iter().filter(|row| row.path == path);
    rows.fold((0, 0), |(ops, bytes), row| (ops + row.ops, bytes + row.moved_bytes))
}

/// A counter, without the calls with which the worker looks at the clock and stops itself.
fn counter(frame: &Frame, counter: CounterId) -> u64 {
    let own = if counter == CounterId::Syscalls { Framing::WORK.syscalls } else { 0 };
    frame.totals.counters[counter].saturating_sub(own)
}

/// Truncates `file` to `size` bytes.
fn truncate(file: &File, size: u64) -> Result<()> {
    file.set_len(size).context("cannot truncate the file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::catalog;

    #[test]
    fn ids_are_distinct_from_each_other_and_from_scenarios() {
        for (at, hazard) in HAZARDS.iter().enumerate() {
            assert!(catalog::find(hazard.id).is_none(), "{}", hazard.id);
            assert!(HAZARDS[..at].iter().all(|other| other.id != hazard.id), "{}", hazard.id);
        }
    }
}
