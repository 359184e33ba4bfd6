//! What processes did before the interval: advice rests on more than one interval has.
//!
//! To see that bytes were passed on as they were takes tens of megabytes (see [`super::relay`]): a server that
//! sends 10 MB a second does not show it in any one second, and does in ten. What is added up is what advice is judged
//! by; the figures of an advice are those of its frame.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use zc_common::path::CopyPath;

use super::COUNTERS;
use crate::{
    frame::{Done, Earlier, Frame},
    ledger,
    snapshot::{PathId, PathSample, ProcessId, ProcessSample},
};

/// How long an interval is remembered after its end, ns.
const WINDOW_NS: u64 = 10_000_000_000;
/// Shorter intervals are added up to this before the next part begins, ns: there are some ten parts, however short
/// intervals are.
const PART_NS: u64 = 1_000_000_000;
/// Processes that are remembered of a part, those that moved most: about 1 KiB each.
const MOST_PROCESSES: usize = 256;

/// Consecutive frames, of which each is given what was before it.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    parts: VecDeque<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    begin_ns: u64,
    end_ns: u64,
    processes: BTreeMap<ProcessId, Done>,
}

impl Recent {
    /// Gives `frame` what was before it, and remembers it for the next one.
    pub fn follow(&mut self, frame: &mut Frame) {
        let begin_ns = frame.taken_at_ns.saturating_sub(frame.elapsed_ns);
        // After a gap, or elsewhere in time, what was before says nothing.
        if self.parts.back().is_some_and(|last| last.end_ns.abs_diff(begin_ns) > PART_NS) {
            self.parts.clear();
        }
        let since_ns = frame.taken_at_ns.saturating_sub(WINDOW_NS);
        while self.parts.front().is_some_and(|part| part.begin_ns < since_ns) {
            self.parts.pop_front();
        }
        frame.earlier = self.before(frame);
        self.add(frame, begin_ns);
    }

    fn before(&self, frame: &Frame) -> Earlier {
        let mut sums: BTreeMap<ProcessId, Done> = BTreeMap::new();
        for part in &self.parts {
            for (id, done) in &part.processes {
                let sum = sums.entry(*id).or_default();
                if sum.comm != done.comm {
                    *sum = Done { comm: Arc::clone(&done.comm), ..Done::default() };
                }
                sum.add(&done.counters, &done.paths);
            }
        }
        // Of those that are idle now there is no advice.
        sums.retain(|id, _| frame.process(*id).is_some_and(ProcessSample::is_active));
        Earlier::of(sums)
    }

    fn add(&mut self, frame: &Frame, begin_ns: u64) {
        if frame.elapsed_ns >= WINDOW_NS {
            self.parts.clear();
            return;
        }
        // All that a process does counts from the first evidence on, also what speaks against it.
        let parts = self.parts.iter().filter(|part| !part.processes.is_empty());
        let parts: Vec<_> = parts.map(|part| &part.processes).collect();
        let is_known = |id| parts.iter().any(|part| part.contains_key(&id));
        let is_wanted = |it: &&ProcessSample| {
            it.is_active() && !it.is_merged() && (is_evidence(it) || is_known(it.id))
        };
        let mut found: Vec<_> = frame.processes.iter().filter(is_wanted).collect();
        if found.len() > MOST_PROCESSES {
            let moved = |it: &&ProcessSample| Reverse(ledger::PathSum::of(&it.paths).moved_bytes);
            found.sort_by_cached_key(moved);
            found.truncate(MOST_PROCESSES);
        }
        // What is counted in the interval of an exec is of two programs.
        let is_another = |it: &ProcessSample| {
            let before = self.parts.iter().rev().find_map(|part| part.processes.get(&it.id));
            before.is_some_and(|done| done.comm != it.comm)
        };
        let changed: Vec<_> = found.iter().map(|process| is_another(process)).collect();
        let is_new = self.parts.back().is_none_or(|last| last.end_ns - last.begin_ns >= PART_NS);
        if is_new {
            let processes = BTreeMap::new();
            self.parts.push_back(Part { begin_ns, end_ns: begin_ns, processes });
        }
        let Some(part) = self.parts.back_mut() else { return };
        part.end_ns = frame.taken_at_ns.max(part.begin_ns);
        for (process, changed) in found.into_iter().zip(changed) {
            if part.processes.len() >= MOST_PROCESSES && !part.processes.contains_key(&process.id) {
                continue;
            }
            let done = part.processes.entry(process.id).or_default();
            if done.comm != process.comm {
                *done = Done { comm: Arc::clone(&process.comm), ..Done::default() };
            }
            if !changed {
                done.add(&process.counters, &process.paths);
            }
        }
    }
}

/// Whether there is anything for a rule to rest on.
fn is_evidence(process: &ProcessSample) -> bool {
    let requested = |path: &PathSample| path.path == PathId::Known(CopyPath::SocketSendZerocopy);
    COUNTERS.iter().any(|counter| process.counters[*counter] > 0)
        || process.paths.iter().any(requested)
}

#[cfg(test)]
mod tests;
