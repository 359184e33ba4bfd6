//! What the page is about: a process or a group of them, as they are in a frame.

use std::{collections::HashSet, sync::Arc};

use crate::state::{Context, key::ProcessKey};
use zc_model::{
    advice::{self, Advice},
    counter::Counters,
    frame::Frame,
    group::{self, Group, GroupBy, GroupId},
    ledger,
    row::Row,
    snapshot::{PathSample, ProcessId, ProcessSample},
};

/// What identifies it from frame to frame.
#[derive(Clone, Debug)]
pub(super) enum Key {
    /// A process.
    Process(ProcessKey),
    /// A group, of which only the processes that pass the filter count.
    Group(GroupBy, GroupId),
}

/// It in a frame.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) frame: Arc<Frame>,
    pub(super) what: What,
    /// The names of the processes that advice is for, and the advice: the greatest saving first.
    pub(super) advice: Vec<(String, Advice)>,
    /// Its processes that did something, and what of that counts: those that copied most first.
    pub(super) members: Vec<ProcessSample>,
    ids: HashSet<ProcessId>,
}

/// A process or a group.
#[derive(Clone)]
pub(super) enum What {
    Process(Box<ProcessSample>),
    Group(Box<Group>),
}

impl Subject {
    /// What has this key in this frame; `None` if it has ended, or no process of the group did anything.
    pub(super) fn of(key: &Key, frame: &Arc<Frame>, context: &Context) -> Option<Self> {
        match key {
            Key::Process(key) => Some(Self::of_process(key.find(frame)?, frame)),
            Key::Group(by, id) => Self::group(*by, *id, frame, context),
        }
    }

    fn of_process(process: &ProcessSample, frame: &Arc<Frame>) -> Self {
        let advice = advice::all(Row::process(process), frame).into_iter();
        Self {
            advice: advice.map(|one| (process.comm.to_string(), one)).collect(),
            what: What::Process(Box::new(process.clone())),
            members: vec![process.clone()],
            ids: HashSet::from([process.id]),
            frame: Arc::clone(frame),
        }
    }

    fn group(by: GroupBy, id: GroupId, frame: &Arc<Frame>, context: &Context) -> Option<Self> {
        let mut members = Vec::new();
        for process in frame.processes.iter().filter(|process| process.is_active()) {
            group::each(process, frame, by, |of, paths| {
                if of == id && context.selects(process, frame) {
                    members.push(part(process, by, paths));
                }
            });
        }
        members.sort_by_key(|process| std::cmp::Reverse(frame.copied(&process.paths).bytes));
        let ids: HashSet<_> = members.iter().map(|process| process.id).collect();
        // Merged rows share an identity: only the group tells them apart.
        let keep =
            |process: &ProcessSample| ids.contains(&process.id) && context.selects(process, frame);
        let mut groups = group::groups_of(frame, by, keep).into_iter();
        let group = groups.find(|group| group.id == id)?;
        let advice = context.findings().by_group(frame, by, keep).remove(&id).unwrap_or_default();
        Some(Self {
            advice: advice.into_iter().map(|one| (one.comm.to_owned(), one.advice)).collect(),
            what: What::Group(Box::new(group)),
            members,
            ids,
            frame: Arc::clone(frame),
        })
    }

    /// The row that columns are read from.
    pub(super) fn row(&self) -> Row<'_> {
        match &self.what {
            What::Process(process) => Row::process(process),
            What::Group(group) => Row::group(group),
        }
    }

    /// Its name: hostile input, sanitise before display.
    pub(super) fn name(&self) -> &str {
        match &self.what {
            What::Process(process) => &process.comm,
            What::Group(group) if group.name == group::UNKNOWN => "(not known)",
            What::Group(group) => &group.name,
        }
    }

    /// Whether a process is one of its own.
    pub(super) fn has(&self, process: ProcessId) -> bool {
        self.ids.contains(&process)
    }

    /// It, if it is a process.
    pub(super) const fn process(&self) -> Option<&ProcessSample> {
        match &self.what {
            What::Process(process) => Some(process),
            What::Group(_) => None,
        }
    }

    /// Whether threads were counted one by one.
    pub(super) fn has_threads(&self) -> bool {
        !self.frame.threads.is_empty()
    }

    /// Whether it is a group.
    pub(super) const fn is_group(&self) -> bool {
        matches!(self.what, What::Group(_))
    }
}

/// What of a process counts in its group: in one by path, what it did there.
fn part(process: &ProcessSample, by: GroupBy, paths: &[PathSample]) -> ProcessSample {
    if by != GroupBy::Path {
        return process.clone();
    }
    let mut counters = Counters::default();
    ledger::reconcile(&mut counters, paths);
    ProcessSample { paths: paths.to_vec(), counters, ..process.clone() }
}
