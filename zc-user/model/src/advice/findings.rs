//! All advice of a frame: once per frame, for every view of it.

use std::collections::{BTreeMap, HashSet};

use super::{Advice, ByCommand, all, command};
use crate::{
    frame::Frame,
    group::{Finder, GroupBy, GroupId},
    row::Row,
    snapshot::{PathId, ProcessSample},
};

/// The advice of each process of a frame that has any, and what all of it would save.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// By the place of the process in the frame: merged rows share an identity.
    processes: BTreeMap<usize, Vec<Advice>>,
    copied_bytes: u64,
    commands: usize,
}

impl Findings {
    /// The advice of `frame`.
    #[must_use]
    pub fn of(frame: &Frame) -> Self {
        let mut findings = Self::default();
        let mut commands = HashSet::new();
        for (at, process) in frame.processes.iter().enumerate() {
            if process.paths.is_empty() {
                continue;
            }
            let advice = all(Row::process(process), frame);
            if advice.is_empty() {
                continue;
            }
            let saved = advice.iter().map(|one| one.saving.copied_bytes);
            let saved = saved.fold(0, u64::saturating_add);
            // Rules claim each byte once; this holds whatever they do.
            let saved = saved.min(frame.copied(&process.paths).bytes);
            findings.copied_bytes = findings.copied_bytes.saturating_add(saved);
            commands.insert(&process.comm);
            findings.processes.insert(at, advice);
        }
        findings.commands = commands.len();
        findings
    }

    /// Bytes that the CPU copied, and would not have if all advice had been followed.
    #[must_use]
    pub const fn copied_bytes(&self) -> u64 {
        self.copied_bytes
    }

    /// How many commands there is advice for.
    #[must_use]
    pub const fn commands(&self) -> usize {
        self.commands
    }

    /// The advice of the process at this place of the frame, the greatest saving first.
    #[must_use]
    pub fn of_process(&self, at: usize) -> &[Advice] {
        self.processes.get(&at).map_or(&[], Vec::as_slice)
    }

    /// The advice of each group of processes for which `keep` is true: of those of one name and with the same remedy
    /// added up, the greatest saving first. Of a group by path, what is about that path.
    #[must_use]
    pub fn by_group<'a>(
        &self,
        frame: &'a Frame,
        by: GroupBy,
        mut keep: impl FnMut(&ProcessSample) -> bool,
    ) -> BTreeMap<GroupId, Vec<ByCommand<'a>>> {
        let mut finder = Finder::new(by, frame);
        let mut members: BTreeMap<GroupId, Vec<(&ProcessSample, Advice)>> = BTreeMap::new();
        for (at, advice) in &self.processes {
            let Some(process) = frame.processes.get(*at).filter(|process| keep(process)) else {
                continue;
            };
            finder.each(process, |_, id, paths| {
                for one in advice {
                    let is_about = by != GroupBy::Path
                        || paths.first().is_some_and(|path| {
                            one.paths().any(|about| path.path == PathId::Known(about))
                        });
                    if is_about {
                        members.entry(id).or_default().push((process, *one));
                    }
                }
            });
        }
        let sum = |(id, advice): (GroupId, Vec<_>)| (id, command::sum(advice.into_iter(), frame));
        members.into_iter().map(sum).collect()
    }
}
