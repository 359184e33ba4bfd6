//! Whom processes descend from, noted when they are first seen: ancestors end, and are forgotten.

use std::sync::Arc;

use super::{Processes, slots::Place};
use crate::names::identity::{self, Stat};
use zc_model::snapshot::{Ancestry, ProcessId, Relative};

/// Ancestors above a process, at most: what contradicts itself must end.
const GENERATIONS: usize = 64;

/// What to tell of a process that is not among those that are counted.
pub(in super::super) trait Outside {
    /// The process with this number that started in this tick or, if that is not known, of whatever age: who it is,
    /// and the process id of its parent.
    fn process(&self, pid: u32, start_ns: Option<u64>) -> Option<(Relative, u32)>;
}

/// The processes in `/proc`.
pub(in super::super) struct Proc;

impl Outside for Proc {
    fn process(&self, pid: u32, start_ns: Option<u64>) -> Option<(Relative, u32)> {
        let stat = Stat::of(pid).ok()?;
        let tick_ns = identity::tick_ns();
        let is_it =
            start_ns.is_none_or(|start_ns| start_ns / tick_ns == stat.id.start_ns / tick_ns);
        let relative =
            || Relative { id: stat.id, comm: identity::name(pid).unwrap_or_default().into() };
        is_it.then(|| (relative(), stat.parent))
    }
}

/// Where ancestors are looked for.
pub(in super::super) struct Ancestors {
    /// Those that are not counted.
    pub(in super::super) outside: Box<dyn Outside>,
    /// Whether one that is not counted can be a root: not in a run that follows some processes, of which those that
    /// it was given are the oldest.
    pub(in super::super) roots: bool,
}

impl Processes {
    /// Notes the ancestry of the process at `place`, unless it is known.
    pub(super) fn trace(&mut self, place: Place, ancestors: &Ancestors) {
        let Ancestors { outside, roots } = ancestors;
        // From the process up to the first of which the root is known, or that has no known parent.
        let mut line: Vec<Place> = Vec::new();
        let mut at = place;
        let root = loop {
            let Some(process) = at.of(&mut self.all) else { return };
            if let Some(ancestry) = &process.sample.ancestry {
                break ancestry.root.clone();
            }
            let (own, parent) = (relative(&process.sample), process.sample.parent);
            line.push(at);
            match self.by_id.get(&parent) {
                Some(above) if is_above(parent, own.id) && line.len() < GENERATIONS => at = *above,
                _ if is_above(parent, own.id) => {
                    let beyond = if *roots { self.beyond(parent, &**outside) } else { None };
                    break beyond.unwrap_or(own);
                }
                _ => break own,
            }
        };
        for place in line {
            let Some(process) = place.of(&mut self.all) else { continue };
            let parent = process.sample.parent;
            let known = self.by_id.get(&parent).copied();
            let known = known.and_then(|place| Some(relative(&place.of(&mut self.all)?.sample)));
            let named =
                known.or_else(|| Some(outside.process(parent.pid, Some(parent.start_ns))?.0));
            let parent = (parent.pid > 0)
                .then(|| named.unwrap_or_else(|| Relative { id: parent, comm: "?".into() }));
            if let Some(process) = place.of(&mut self.all) {
                let ancestry = Ancestry { parent, root: root.clone() };
                process.sample_mut().ancestry = Some(Arc::new(ancestry));
            }
        }
    }

    /// The root above a process that is not counted.
    fn beyond(&mut self, id: ProcessId, outside: &dyn Outside) -> Option<Relative> {
        let (mut oldest, mut above) = outside.process(id.pid, Some(id.start_ns))?;
        for _ in 0..GENERATIONS {
            if above <= 1 {
                break;
            }
            let all = ProcessId { pid: above, start_ns: 0 }..=ProcessId {
                pid: above,
                start_ns: u64::MAX,
            };
            let counted = self.by_id.range(all).next_back().map(|(_, place)| *place);
            if let Some(process) = counted.and_then(|place| place.of(&mut self.all))
                && let Some(ancestry) = &process.sample.ancestry
                && !process.sample.exited
            {
                return Some(ancestry.root.clone());
            }
            let Some((next, parent)) = outside.process(above, None) else { break };
            (oldest, above) = (next, parent);
        }
        Some(oldest)
    }
}

/// Whether `parent` may be an ancestor to look at: not the first process of the machine, and older.
const fn is_above(parent: ProcessId, child: ProcessId) -> bool {
    parent.pid > 1 && parent.start_ns <= child.start_ns
}

fn relative(sample: &zc_model::snapshot::ProcessSample) -> Relative {
    Relative { id: sample.id, comm: Arc::clone(&sample.comm) }
}

#[cfg(test)]
mod tests;
