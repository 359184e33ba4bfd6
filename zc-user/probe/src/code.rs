//! Copies that programs make themselves: which of the code that the sampler found running copies.
//!
//! The kernel side notes places: a file, an offset in it, a process. A thread of its own looks at the files
//! ([`zc_code`]), so that nothing waits for a file system, and is asked again when it has answered. What it cannot
//! find out is unknown, and so is what the kernel side had no room for.
//!
//! | kept | bound |
//! | --- | --- |
//! | places on the kernel side | 8,192 |
//! | answers on their way | one for each of these |
//! | open files, with their notes | 128, each for ten seconds after it was last asked about |
//! | findings of a file | 16,384 |
//! | functions that copy, by process | 2,048 |

pub(crate) mod areas;
pub(crate) mod files;
mod take;
mod worker;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use aya::{Ebpf, maps::Map};
use rustix::thread::CapabilitySet;
use zc_code::Verdict;
use zc_model::snapshot::{Copier, CopierKind, ProcessId};

use crate::object::map;
use worker::{Answer, Places, Worker, by_process};

/// What it takes to open the files of other processes, as they are mapped.
pub const RIGHTS: CapabilitySet =
    CapabilitySet::SYS_PTRACE.union(CapabilitySet::CHECKPOINT_RESTORE);

/// How long a snapshot waits for an answer where it is not said: files that were not seen before are read first.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Functions that are kept by name.
const MOST_COPIERS: usize = 2_048;

/// Samples in code of a process, by what the code does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CodeCounts {
    /// In functions that only copy.
    pub(crate) library: u64,
    /// In loops that copy.
    pub(crate) inlined: u64,
    /// In the kernel, at faults that one of the two took.
    pub(crate) faults: u64,
    /// In code that is in no file.
    pub(crate) no_file: u64,
    /// In code of which nothing could be found out.
    pub(crate) unknown: u64,
}

impl CodeCounts {
    /// Adds other counts.
    pub(crate) fn add(&mut self, other: &Self) {
        self.library += other.library;
        self.inlined += other.inlined;
        self.faults += other.faults;
        self.no_file += other.no_file;
        self.unknown += other.unknown;
    }
}

/// What a place turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Code in a file: what it does, which function that is, and the path of the file.
    Code { verdict: Verdict, function: Option<Arc<str>>, file: Arc<str> },
    /// Code that is in no file.
    NoFile,
    /// What the kernel maps into every process.
    Kernel,
}

/// A function of a process that copies: with the path of its file, and its name.
type Place = (ProcessId, CopierKind, Arc<str>, Option<Arc<str>>);

/// Asks for what copies, and keeps the answers.
pub(super) struct Code {
    worker: Option<Worker>,
    /// Counts that no process has yet.
    ready: HashMap<ProcessId, CodeCounts>,
    /// Samples in a function, and at faults that it took.
    copiers: HashMap<Place, (u64, u64)>,
    /// Samples in functions that had no room among those.
    unnamed: u64,
    /// How long a snapshot waits for an answer.
    patience: Duration,
}

impl Code {
    pub(super) fn new(patience: Duration) -> Self {
        let (ready, copiers) = (HashMap::new(), HashMap::new());
        Self { worker: None, ready, copiers, unnamed: 0, patience }
    }

    /// Asks about the places that have come up. To be called several times a second: a process that has ended cannot
    /// be asked for its files.
    pub(super) fn tend(&mut self, ebpf: &Ebpf) -> Result<()> {
        let worker = match &mut self.worker {
            Some(worker) => worker,
            // Not before the rights are dropped that this thread must not have.
            None => self.worker.insert(Worker::start()?),
        };
        if let Some(answers) = worker.answer(Duration::ZERO) {
            self.note(answers);
        }
        let Some(worker) = self.worker.as_mut().filter(|it| !it.is_busy()) else { return Ok(()) };
        let places = places(ebpf)?;
        if !places.is_empty() {
            worker.ask(places);
        }
        Ok(())
    }

    /// The same, and waits for the answer, unless a file system keeps it: what is not known then stays unknown, since
    /// samples that are nothing else would be taken for code that does not copy.
    pub(super) fn settle(&mut self, ebpf: &Ebpf) -> Result<()> {
        let until = Instant::now() + self.patience;
        // What was asked before, and what has come up since.
        for _ in 0..2 {
            self.tend(ebpf)?;
            let left = until.saturating_duration_since(Instant::now());
            if let Some(worker) = &mut self.worker
                && let Some(answers) = worker.answer(left)
            {
                self.note(answers);
            }
        }
        if let Some(worker) = self.worker.as_mut().filter(|it| it.is_busy()) {
            let late = worker.give_up();
            let new = by_process(&places(ebpf)?);
            for (process, count) in late.into_iter().chain(new) {
                self.ready.entry(process).or_default().unknown += count;
            }
        }
        Ok(())
    }

    fn note(&mut self, answers: Vec<Answer>) {
        for Answer { process, is_fault, count, found } in answers {
            let counts = self.ready.entry(process).or_default();
            let kind = match &found {
                None | Some(Found::Code { verdict: Verdict::Unknown, .. }) => {
                    counts.unknown += count;
                    continue;
                }
                Some(Found::NoFile) => {
                    counts.no_file += count;
                    continue;
                }
                Some(Found::Kernel | Found::Code { verdict: Verdict::Other, .. }) => continue,
                Some(Found::Code { verdict: Verdict::Library, .. }) => CopierKind::Library,
                Some(Found::Code { verdict: Verdict::Inlined, .. }) => CopierKind::Inlined,
            };
            match (is_fault, kind) {
                (true, _) => counts.faults += count,
                (false, CopierKind::Library) => counts.library += count,
                (false, _) => counts.inlined += count,
            }
            if let Some(Found::Code { function, file, .. }) = found {
                self.name((process, kind, file, function), is_fault, count);
            }
        }
    }

    fn name(&mut self, copier: Place, is_fault: bool, count: u64) {
        if self.copiers.len() >= MOST_COPIERS && !self.copiers.contains_key(&copier) {
            self.unnamed += count;
            return;
        }
        let (samples, faults) = self.copiers.entry(copier).or_default();
        *if is_fault { faults } else { samples } += count;
    }

    /// The counts that have come since the last time.
    pub(super) fn counts(&mut self) -> impl Iterator<Item = (ProcessId, CodeCounts)> {
        std::mem::take(&mut self.ready).into_iter()
    }

    /// Samples in functions that have no room among [`Self::copiers`].
    pub(super) const fn unnamed(&self) -> u64 {
        self.unnamed
    }

    /// The functions that copy, in a fixed order. Those of processes that `is_kept` does not know are forgotten when
    /// room is short.
    pub(super) fn copiers(&mut self, is_kept: impl Fn(ProcessId) -> bool) -> Vec<Copier> {
        if self.copiers.len() >= MOST_COPIERS {
            self.copiers.retain(|(process, ..), _| is_kept(*process));
        }
        let copiers = self.copiers.iter();
        let copiers = copiers.map(|((process, kind, file, function), (samples, faults))| Copier {
            process: *process,
            kind: *kind,
            file: Arc::clone(file),
            function: function.clone(),
            samples: *samples,
            fault_samples: *faults,
        });
        let mut copiers: Vec<_> = copiers.collect();
        copiers.sort_by(|a, b| Copier::order(a).cmp(&Copier::order(b)));
        copiers
    }
}

/// Where processes were sampled since the last time.
fn places(ebpf: &Ebpf) -> Result<Places> {
    let Some(Map::HashMap(data)) = ebpf.map(map::CODE) else {
        anyhow::bail!("the object has no map CODE")
    };
    take::all(data.fd()).context("cannot read where processes were sampled")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_in_functions_beyond_the_bound_are_counted() {
        let mut code = Code::new(PATIENCE);
        let process = ProcessId::default();
        let place = |n: usize| -> Place {
            (
                process,
                CopierKind::Library,
                Arc::from("/lib/libc.so"),
                Some(Arc::from(n.to_string())),
            )
        };
        (0..MOST_COPIERS).for_each(|n| code.name(place(n), false, 2));
        assert_eq!(code.unnamed(), 0);
        code.name(place(MOST_COPIERS), false, 3);
        code.name(place(MOST_COPIERS + 1), true, 7);
        // One that has a name goes on.
        code.name(place(5), false, 11);
        assert_eq!(code.unnamed(), 3 + 7);
        let copiers = code.copiers(|_| true);
        assert_eq!(copiers.len(), MOST_COPIERS);
        let samples: u64 = copiers.iter().map(|copier| copier.samples).sum();
        assert_eq!(samples, 2 * MOST_COPIERS as u64 + 11);
    }
}
