//! The rows: processes or groups of them in a damped order, and those that have ended a moment ago.

use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    ended::Ended,
    mean::{By, Means},
    named,
};
use crate::state::{Context, key::ProcessKey};
use zc_model::{
    advice::Advice,
    column::{Column, Processes as Columns},
    frame::Frame,
    group::{self, Finder, Group, GroupBy, GroupId},
    history::{Baseline, Change, Track},
    ledger,
    row::Row,
    snapshot::ProcessSample,
    value::Value,
};
use zc_render::human;

/// What identifies a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A group.
    Group(GroupId),
    /// A process, below a group or by itself.
    Process(ProcessKey, Option<GroupId>),
}

/// What a row is made of.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// A group.
    Group(Box<Group>),
    /// The process at this place of the frame.
    Process(usize),
    /// A process that is not in the frame as it is: it has ended, or only a part of it counts.
    Part(Box<ProcessSample>),
}

/// Why a row is grey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It is not.
    Active,
    /// It did nothing in this interval.
    Idle,
    /// It has ended: its figures are the last ones.
    Ended,
}

/// Advice, and to which program.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// The name of its processes: hostile input, sanitise before display.
    pub(super) command: Arc<str>,
    /// The advice, of all of them.
    pub(super) advice: Advice,
}

/// A row.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) item: Item,
    pub(super) life: Life,
    /// The greatest saving first.
    pub(super) advice: Vec<Told>,
    /// Bytes that the CPU copied.
    pub(super) copied: u64,
}

impl Entry {
    /// The row that columns are read from.
    pub(super) fn row<'a>(&'a self, frame: &'a Frame) -> Row<'a> {
        match &self.item {
            Item::Group(group) => Row::group(group),
            Item::Process(at) => Row::process(&frame.processes[*at]),
            Item::Part(process) => Row::process(process),
        }
    }

    /// The process, if it is one.
    pub(super) fn process<'a>(&'a self, frame: &'a Frame) -> Option<&'a ProcessSample> {
        self.row(frame).process
    }

    /// Its name: hostile input, sanitise before display.
    pub(super) fn name<'a>(&'a self, frame: &'a Frame) -> &'a str {
        match &self.item {
            Item::Group(group) => named(&group.name),
            _ => self.process(frame).map_or("", |process| &process.comm),
        }
    }

    /// Whether it belongs to the group above it.
    pub(super) const fn is_below(&self) -> bool {
        matches!(self.key, Key::Process(_, Some(_)))
    }

    /// How many processes it stands for.
    pub(super) fn members(&self, frame: &Frame) -> u64 {
        match &self.item {
            Item::Group(group) => group.members.unwrap_or(0),
            _ => self.process(frame).map_or(0, |process| process.merged),
        }
    }

    /// Whether what was kept of it before is of the same as its figures: not of a group of which the filter leaves out
    /// some, nor of a process of which one path counts here.
    fn has_past(&self, context: &Context) -> bool {
        match (&self.key, &self.item) {
            (Key::Group(_), _) => !context.is_filtered(),
            (Key::Process(..), Item::Part(part)) => {
                let whole = context.frame().and_then(|frame| frame.process(part.id));
                whole.is_none_or(|whole| whole.paths.len() == part.paths.len())
            }
            (Key::Process(..), _) => true,
        }
    }

    /// Its last intervals, where these are known.
    pub(super) fn track<'a>(&self, context: &'a Context) -> Option<&'a Track> {
        let history = context.history();
        match &self.key {
            _ if !self.has_past(context) => None,
            Key::Group(id) => history.group(*id),
            Key::Process(key, _) => history.process(key.id()),
        }
    }

    /// What it copies, compared with then; `None` where that is not known, see [`Self::track`].
    pub(super) fn change(&self, context: &Context, then: &Baseline) -> Option<Change> {
        let history = context.history();
        match &self.key {
            _ if !self.has_past(context) => None,
            Key::Group(id) => Some(history.change_of_group(*id, then)),
            Key::Process(key, _) => Some(history.change_of_process(key.id(), then)),
        }
    }

    /// By how many bytes a second it copies more or fewer than then: what is less than rates vary by is none.
    #[expect(clippy::cast_precision_loss, reason = "rows are put in order")]
    fn size_of_change(&self, context: &Context, then: &Baseline) -> By<'_> {
        match self.change(context, then) {
            None => By::Unknown,
            Some(change) if human::change(change.before, change.now) == human::SAME => {
                By::Number(0.0)
            }
            Some(change) => By::Number(change.before.abs_diff(change.now) as f64),
        }
    }

    /// What it is sorted by; advice by what it saves.
    fn value<'a>(&'a self, column: &Column, frame: &'a Frame) -> Value<'a> {
        if column == Columns::ADVICE {
            let most = self.advice.first().map(|told| told.advice.saving.copied_bytes);
            return most.map_or(Value::Absent, |bytes| {
                Value::Integer(bytes, zc_model::value::Quality::MEASURED)
            });
        }
        if column == Columns::COMM {
            return Value::Text(self.name(frame).into());
        }
        column.of(self.row(frame), frame)
    }
}

/// What is listed.
pub(super) struct Query<'a> {
    /// How processes are grouped; `None`: not at all.
    pub(super) by: Option<GroupBy>,
    /// Only the processes in this group.
    pub(super) inside: Option<(GroupBy, GroupId)>,
    /// The groups whose processes are listed, too.
    pub(super) unfolded: &'a HashSet<GroupId>,
    pub(super) column: &'static Column,
    /// Sorts by the change since this baseline, not by the column.
    pub(super) since: Option<&'a Baseline>,
    pub(super) descending: bool,
    pub(super) top: Option<usize>,
}

/// The rows of a frame, in order.
#[derive(Default)]
pub(super) struct List {
    frame: Option<Arc<Frame>>,
    entries: Vec<Entry>,
    /// Rows that `top` has left out.
    pub(super) cut: usize,
    means: Means,
    ended: Ended,
}

impl List {
    /// The frame that the rows are of.
    pub(super) fn frame(&self) -> Option<&Arc<Frame>> {
        self.frame.as_ref()
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Other rows are listed from now on.
    pub(super) fn forget(&mut self) {
        self.means = Means::default();
    }

    /// The rows of the frame on the screen.
    pub(super) fn build(&mut self, query: &Query<'_>, context: &Context) {
        let Some(frame) = context.frame() else {
            *self = Self::default();
            return;
        };
        let is_new = self.frame.as_ref().is_none_or(|before| !Arc::ptr_eq(before, frame));
        let mut entries = match (query.inside, query.by) {
            (None, Some(by)) => groups(frame, by, context),
            (inside, _) => processes(frame, inside, context),
        };
        if is_new && let Some(before) = &self.frame {
            self.ended.look(&self.entries, before, &entries, frame);
        }
        let ended = match (query.inside, query.by) {
            (None, Some(by)) => self.ended.groups(by, &entries, frame, context),
            (inside, _) => self.ended.processes(inside, frame, context),
        };
        entries.extend(ended);
        let mut below = match query.by {
            Some(by) if query.inside.is_none() => members(frame, by, query.unfolded, context),
            _ => HashMap::new(),
        };
        self.means.begin(query.column, is_new);
        let mut sort = |entries: &mut Vec<Entry>| {
            let means = &mut self.means;
            let mut order: Vec<_> = (0..entries.len()).collect();
            // Most of them are in this order already.
            order.sort_by(|a, b| tie(&entries[*a], &entries[*b], frame));
            let mut order: Vec<_> = order
                .into_iter()
                .map(|at| match query.since {
                    Some(then) => (entries[at].size_of_change(context, then), at),
                    None => (means.of(&entries[at], entries[at].value(query.column, frame)), at),
                })
                .collect();
            order.sort_by(|(a, _), (b, _)| a.order(b, query.descending));
            let order: Vec<_> = order.into_iter().map(|(_, at)| at).collect();
            let mut all: Vec<_> = entries.drain(..).map(Some).collect();
            entries.extend(order.into_iter().filter_map(|at| all[at].take()));
        };
        sort(&mut entries);
        below.values_mut().for_each(&mut sort);
        self.means.finish();
        let all = entries.len();
        entries.truncate(query.top.unwrap_or(usize::MAX));
        self.cut = all - entries.len();
        if !below.is_empty() {
            entries = entries
                .into_iter()
                .flat_map(|entry| {
                    let more = match entry.key {
                        Key::Group(id) => below.remove(&id).unwrap_or_default(),
                        Key::Process(..) => Vec::new(),
                    };
                    std::iter::once(entry).chain(more)
                })
                .collect();
        }
        self.entries = entries;
        self.frame = Some(Arc::clone(frame));
    }
}

/// Equal rows are in the order of their names and numbers, so that they do not jump.
fn tie(a: &Entry, b: &Entry, frame: &Frame) -> Ordering {
    match (&a.key, &b.key) {
        (Key::Process(a, _), Key::Process(b, _)) => a.cmp(b),
        (Key::Group(a_id), Key::Group(b_id)) => {
            a.name(frame).cmp(b.name(frame)).then_with(|| a_id.cmp(b_id))
        }
        (Key::Process(..), Key::Group(_)) => Ordering::Less,
        (Key::Group(_), Key::Process(..)) => Ordering::Greater,
    }
}

fn groups(frame: &Frame, by: GroupBy, context: &Context) -> Vec<Entry> {
    let is_all = !context.is_filtered();
    let keep = |process: &ProcessSample| is_all || context.selects(process, frame);
    let mut advice = context.findings().by_group(frame, by, keep);
    let entry = |group: Group| {
        let told = advice.remove(&group.id).unwrap_or_default();
        let told = told
            .into_iter()
            .map(|one| Told { command: one.comm.into(), advice: one.advice })
            .collect();
        Entry {
            key: Key::Group(group.id),
            copied: frame.copied(&group.paths).bytes,
            item: Item::Group(Box::new(group)),
            life: Life::Active,
            advice: told,
        }
    };
    group::groups_of(frame, by, keep).into_iter().map(entry).collect()
}

fn processes(frame: &Frame, inside: Option<(GroupBy, GroupId)>, context: &Context) -> Vec<Entry> {
    let is_all = !context.is_filtered();
    let mut entries = Vec::new();
    let mut finder = inside.map(|(by, _)| Finder::new(by, frame));
    for (at, process) in frame.processes.iter().enumerate() {
        if !is_all && !context.selects(process, frame) {
            continue;
        }
        let (Some((by, wanted)), Some(finder)) = (inside, &mut finder) else {
            entries.push(single(at, process, None, frame, context));
            continue;
        };
        finder.each(process, |_, id, paths| {
            if id == wanted {
                let mut entry = single(at, process, None, frame, context);
                part(&mut entry, by, process, paths, frame);
                entries.push(entry);
            }
        });
    }
    entries
}

/// The processes of the groups that are unfolded.
fn members(
    frame: &Frame,
    by: GroupBy,
    unfolded: &HashSet<GroupId>,
    context: &Context,
) -> HashMap<GroupId, Vec<Entry>> {
    let mut below: HashMap<GroupId, Vec<Entry>> = HashMap::new();
    if unfolded.is_empty() {
        return below;
    }
    let mut finder = Finder::new(by, frame);
    for (at, process) in frame.processes.iter().enumerate() {
        if !process.is_active() || !context.selects(process, frame) {
            continue;
        }
        finder.each(process, |_, id, paths| {
            if unfolded.contains(&id) {
                let mut entry = single(at, process, Some(id), frame, context);
                part(&mut entry, by, process, paths, frame);
                below.entry(id).or_default().push(entry);
            }
        });
    }
    below
}

fn single(
    at: usize,
    process: &ProcessSample,
    below: Option<GroupId>,
    frame: &Frame,
    context: &Context,
) -> Entry {
    let told = context.findings().of_process(at).iter();
    let told = told.map(|advice| Told { command: Arc::clone(&process.comm), advice: *advice });
    let life = match (process.exited, process.is_active()) {
        (true, _) => Life::Ended,
        (false, true) => Life::Active,
        (false, false) => Life::Idle,
    };
    Entry {
        key: Key::Process(ProcessKey::of(process), below),
        item: Item::Process(at),
        life,
        advice: told.collect(),
        copied: frame.copied(&process.paths).bytes,
    }
}

/// In a group by path, only what the process did on that path counts.
fn part(
    entry: &mut Entry,
    by: GroupBy,
    process: &ProcessSample,
    paths: &[zc_model::snapshot::PathSample],
    frame: &Frame,
) {
    if by != GroupBy::Path {
        return;
    }
    let mut part = ProcessSample { paths: paths.to_vec(), ..process.clone() };
    part.counters = zc_model::counter::Counters::default();
    ledger::reconcile(&mut part.counters, paths);
    entry.copied = frame.copied(paths).bytes;
    entry.item = Item::Part(Box::new(part));
    entry.advice.retain(|told| {
        told.advice.paths().any(|about| paths.first().is_some_and(|path| path.path == about))
    });
}
