//! What threads did between two snapshots.
//!
//! A thread that has ended since the first of them is among those that have ended in the second. Of these a frame has
//! how many ended in its interval.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{
    counter::Counters,
    ledger,
    snapshot::{PathSample, ProcessId, ThreadSample},
};

/// A thread that lives, or the name of those that have ended.
type Key<'a> = (ProcessId, ProcessId, Option<&'a str>);

fn key(thread: &ThreadSample, has_ended: bool) -> Key<'_> {
    match has_ended {
        true => (thread.process, ProcessId::default(), Some(&thread.comm)),
        false => (thread.process, thread.id, None),
    }
}

/// The deltas of the threads in `next`. One without a previous sample counts from 0.
pub(super) fn between(
    previous: &[Arc<ThreadSample>],
    next: &[Arc<ThreadSample>],
) -> Vec<ThreadSample> {
    let live: HashSet<ProcessId> = next.iter().map(|thread| thread.id).collect();
    let mut before: HashMap<Key<'_>, (Counters, Vec<PathSample>, u64)> = HashMap::new();
    for thread in previous {
        let has_ended = !live.contains(&thread.id) || thread.has_ended();
        let (counters, paths, ended) = before.entry(key(thread, has_ended)).or_default();
        *ended += thread.ended;
        counters.add(&thread.counters);
        ledger::add(paths, &thread.paths);
    }
    let none = (Counters::default(), Vec::new(), 0);
    let delta = |thread: &Arc<ThreadSample>| {
        let (counters, paths, had_ended) =
            before.get(&key(thread, thread.has_ended())).unwrap_or(&none);
        let paths = ledger::difference(paths, &thread.paths);
        let mut counters = thread.counters.zip_with(counters, u64::saturating_sub);
        ledger::reconcile(&mut counters, &paths);
        let ended = thread.ended.saturating_sub(*had_ended);
        ThreadSample { counters, paths, ended, comm: Arc::clone(&thread.comm), ..**thread }
    };
    next.iter().map(delta).collect()
}
