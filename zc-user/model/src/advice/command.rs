//! Advice to programs: what processes of one name have in common.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{Advice, Certainty, Evidence, PathTotal, Rule, Saving, all};
use crate::{
    frame::Frame,
    row::Row,
    snapshot::{PathId, ProcessId, ProcessSample},
    tax::CopyTimes,
};

/// An advice that applies to some processes of one name, with their figures added up.
#[derive(Clone, Debug, PartialEq)]
pub struct ByCommand<'a> {
    /// Their name: hostile input, sanitise before display.
    pub comm: &'a str,
    /// The first of them.
    pub first: ProcessId,
    /// How many there are.
    pub processes: u64,
    /// The advice.
    pub advice: Advice,
}

/// What tells advice to processes of one name apart.
type Key<'a> = (&'a str, Rule, Certainty, [&'static str; 2], [Option<PathId>; 2]);

/// All advice of a frame, the greatest saving first. What differs in more than its figures is not added up.
#[must_use]
pub fn by_command(frame: &Frame) -> Vec<ByCommand<'_>> {
    let active = frame.processes.iter().filter(|process| process.is_active());
    let advice = active.flat_map(|process| {
        all(Row::process(process), frame).into_iter().map(move |it| (process, it))
    });
    sum(advice, frame)
}

/// The advice of these processes, the greatest saving first.
pub(super) fn sum<'a>(
    advice: impl Iterator<Item = (&'a ProcessSample, Advice)>,
    frame: &Frame,
) -> Vec<ByCommand<'a>> {
    let mut found: BTreeMap<Key<'_>, (ByCommand<'_>, CopyTimes)> = BTreeMap::new();
    for (process, advice) in advice {
        let bytes = advice.saving.copied_bytes;
        let (one, times) = found
            .entry(key(process, &advice))
            .and_modify(|(one, _)| one.add(&advice, frame.merged_in(process)))
            .or_insert_with(|| (ByCommand::new(process, advice, frame), CopyTimes::default()));
        times.add(Row::process(process), frame, bytes);
        one.advice.saving.cpu = times.known();
    }
    let mut found: Vec<_> = found.into_values().map(|(one, _)| one).collect();
    found.sort_by_key(|one| Reverse(one.advice.saving));
    found
}

fn key<'a>(process: &'a ProcessSample, advice: &Advice) -> Key<'a> {
    let mut paths = advice.paths().map(PathId::Known);
    let paths = [paths.next(), paths.next()];
    (&process.comm, advice.rule, advice.certainty, [advice.remedy(), advice.condition()], paths)
}

impl<'a> ByCommand<'a> {
    fn new(process: &'a ProcessSample, advice: Advice, frame: &Frame) -> Self {
        let processes = frame.merged_in(process);
        Self { comm: &process.comm, first: process.id, processes, advice }
    }

    fn add(&mut self, more: &Advice, processes: u64) {
        self.processes = self.processes.saturating_add(processes);
        let Saving { copied_bytes, mode_switches, cpu: _ } = more.saving;
        let sum = &mut self.advice.saving;
        sum.copied_bytes = sum.copied_bytes.saturating_add(copied_bytes);
        sum.mode_switches = sum.mode_switches.saturating_add(mode_switches);
        match (&mut self.advice.evidence, more.evidence) {
            (
                Evidence::Passed { from, to, bytes },
                Evidence::Passed { from: more_from, to: more_to, bytes: more },
            ) => {
                from.add(more_from);
                to.add(more_to);
                *bytes = bytes.saturating_add(more);
            }
            (Evidence::Calls(calls), Evidence::Calls(more)) => calls.add(more),
            (Evidence::Copied { sends, .. }, Evidence::Copied { sends: more, .. }) => {
                sends.add(more);
            }
            // Of one rule and one remedy, evidence is of one kind.
            _ => {}
        }
    }
}

impl PathTotal {
    const fn add(&mut self, more: Self) {
        self.ops = self.ops.saturating_add(more.ops);
        self.moved_bytes = self.moved_bytes.saturating_add(more.moved_bytes);
        self.copied_bytes = self.copied_bytes.saturating_add(more.copied_bytes);
    }
}
