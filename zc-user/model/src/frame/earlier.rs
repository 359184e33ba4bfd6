//! What processes did in the intervals before a frame.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    counter::Counters,
    ledger,
    snapshot::{PathSample, ProcessId, ProcessSample},
};

/// What one process did.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Done {
    /// Its name then: with another one, another program runs in it.
    pub(crate) comm: Arc<str>,
    pub(crate) counters: Counters,
    pub(crate) paths: Vec<PathSample>,
}

impl Done {
    pub(crate) fn add(&mut self, counters: &Counters, paths: &[PathSample]) {
        self.counters.add(counters);
        ledger::add(&mut self.paths, paths);
    }
}

/// What processes did in the ten seconds before a frame, as far as advice may rest on it. Empty in a frame that stands
/// alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Earlier(Arc<BTreeMap<ProcessId, Done>>);

impl Earlier {
    /// What each of these did.
    pub(crate) fn of(processes: BTreeMap<ProcessId, Done>) -> Self {
        Self(Arc::new(processes))
    }

    /// What a process did then and in this frame.
    pub(crate) fn with(&self, process: &ProcessSample) -> Option<Done> {
        if process.is_merged() {
            return None;
        }
        let mut done = self.0.get(&process.id).filter(|done| done.comm == process.comm)?.clone();
        done.add(&process.counters, &process.paths);
        Some(done)
    }
}
