//! Processes that have something in common, summed up: one name, one control group, one container.

use std::{
    borrow::Cow,
    collections::hash_map::Entry,
    hash::{DefaultHasher, Hash, Hasher as _},
};

use crate::{
    counter::{CounterId, Counters},
    frame::Frame,
    home::Home,
    ledger,
    quick::QuickMap,
    snapshot::{PathId, PathSample, ProcessId, ProcessSample, Relative},
};

mod threads;

/// What the members of a group have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupBy {
    /// The name of the main thread.
    Command,
    /// The oldest ancestor that is known, below the first process.
    Tree,
    /// The parent.
    Parent,
    /// The control group.
    Cgroup,
    /// The container; of other processes the systemd unit.
    Container,
    /// The user by whose rights they act.
    User,
    /// One thread, or those of one name of a process that have ended.
    Thread,
    /// A copy path that they used. A process is in the group of each, with what it did there.
    Path,
}

impl GroupBy {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Command,
        Self::Tree,
        Self::Parent,
        Self::Cgroup,
        Self::Container,
        Self::User,
        Self::Thread,
        Self::Path,
    ];

    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Tree => "tree",
            Self::Parent => "parent",
            Self::Cgroup => "cgroup",
            Self::Container => "container",
            Self::User => "user",
            Self::Thread => "thread",
            Self::Path => "path",
        }
    }

    /// What its groups are, in one sentence.
    #[must_use]
    pub const fn help(self) -> &'static str {
        match self {
            Self::Command => "The name of the main thread.",
            Self::Tree => {
                "The oldest ancestor below the first process (pid 1); in a run that follows some processes, the \
                 oldest of these. It is noted when a process is first seen, and stays when ancestors end."
            }
            Self::Parent => "The parent when the process was first seen.",
            Self::Cgroup => "The control group (cgroup v2), now or last.",
            Self::Container => {
                "The container that the path of the control group names, as RUNTIME:ID; of other processes the \
                 systemd unit (of users: its path), or else the control group."
            }
            Self::User => {
                "The effective user, now or last: all that a process did belongs to that one."
            }
            Self::Thread => {
                "Each thread, as PROCESS[PID]/NAME[TID]; threads of one name that have ended are PROCESS[PID]/NAME \
                 (ended), those beyond 256 names of a process (other), what is known of no thread PROCESS[PID]/?, and \
                 processes that were merged NAME (merged)."
            }
            Self::Path => {
                "The copy path: a process is a member of each that it used, with what it did there. Counters that \
                 belong to no path are not known then."
            }
        }
    }

    /// Its groups in words, for headings.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Command => "Commands",
            Self::Tree => "Process trees",
            Self::Parent => "Parents",
            Self::Cgroup => "Control groups",
            Self::Container => "Containers and units",
            Self::User => "Users",
            Self::Thread => "Threads",
            Self::Path => "By path",
        }
    }
}

/// The name of the group of those of whom it is not known to which they belong.
pub const UNKNOWN: &str = "?";

/// Tells groups apart, also from frame to frame: a hash of what the members have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(u64);

impl GroupId {
    fn of(by: GroupBy, common: &impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        (by, common).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// The sum over some processes.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Which group it is, in any frame.
    pub id: GroupId,
    /// What they have in common.
    pub by: GroupBy,
    /// Which one it is: a name of a command, a path of a control group... hostile input, sanitise before display.
    pub name: String,
    /// The process of that name, where they have one in common: the parent, or the root of the tree.
    pub process: Option<ProcessId>,
    /// A control group of its members, where they have one in common or live in the same container.
    pub cgroup: Option<String>,
    /// The user, where they have one in common.
    pub user: Option<u32>,
    /// Processes, or threads, that did something; where nothing is known of single ones, as many as were merged.
    /// Not known of threads that have ended.
    pub members: Option<u64>,
    /// Counters that belong to no path. Of a group by path only the bytes are known.
    pub counters: Counters,
    /// Paths that were used, in order.
    pub paths: Vec<PathSample>,
}

impl Group {
    /// Whether `counter` can be known for such a group.
    #[must_use]
    pub fn knows(&self, counter: CounterId) -> bool {
        self.by != GroupBy::Path
            || matches!(counter, CounterId::MovedBytes | CounterId::CopiedBytes)
    }
}

/// The groups of the processes of `frame` that did something; their sum and what is unattributed are the totals.
#[must_use]
pub fn groups(frame: &Frame, by: GroupBy) -> Vec<Group> {
    groups_of(frame, by, |_| true)
}

/// The groups of the processes of `frame` that did something and for which `keep` is true.
#[must_use]
pub fn groups_of(
    frame: &Frame,
    by: GroupBy,
    mut keep: impl FnMut(&ProcessSample) -> bool,
) -> Vec<Group> {
    if by == GroupBy::Thread {
        return threads::groups(frame);
    }
    let mut sums = Sums::new(by, frame);
    for process in frame.processes.iter().filter(|process| process.is_active() && keep(process)) {
        if by == GroupBy::Path {
            for path in process.paths.chunk_by(|a, b| a.path == b.path) {
                let mut counters = Counters::default();
                ledger::reconcile(&mut counters, path);
                let at = sums.find(Key::Path(path[0].path), process);
                sums.add(at, process, path, &counters);
            }
        } else {
            sums.add_whole(process);
        }
    }
    sums.groups
}

/// Calls `found` with each group that a process is in, and the paths that count there: one group with all its paths,
/// or one for each path that it used. Threads are no groups of processes.
pub fn each<'a>(
    process: &'a ProcessSample,
    frame: &Frame,
    by: GroupBy,
    mut found: impl FnMut(GroupId, &'a [PathSample]),
) {
    if by == GroupBy::Path {
        for path in process.paths.chunk_by(|a, b| a.path == b.path) {
            found(GroupId::of(by, &Key::Path(path[0].path)), path);
        }
    } else if by != GroupBy::Thread {
        found(GroupId::of(by, &key(process, frame, by)), &process.paths);
    }
}

/// Says the groups of many processes of one frame: what the members of one have in common is looked at once.
#[derive(Debug)]
pub struct Finder<'a> {
    by: GroupBy,
    frame: &'a Frame,
    numbers: QuickMap<Key<'a>, usize>,
    by_id: QuickMap<GroupId, usize>,
    groups: Vec<GroupId>,
}

impl<'a> Finder<'a> {
    /// For processes of `frame`.
    #[must_use]
    pub fn new(by: GroupBy, frame: &'a Frame) -> Self {
        let (numbers, by_id) = (QuickMap::default(), QuickMap::default());
        Self { by, frame, numbers, by_id, groups: Vec::new() }
    }

    /// As [`each`], with the number of the group as well: its place in [`Self::groups`].
    pub fn each(
        &mut self,
        process: &'a ProcessSample,
        mut found: impl FnMut(usize, GroupId, &'a [PathSample]),
    ) {
        let (by, frame) = (self.by, self.frame);
        match by {
            GroupBy::Path => {
                for path in process.paths.chunk_by(|a, b| a.path == b.path) {
                    let number = self.number(Key::Path(path[0].path), |key| key);
                    found(number, self.groups[number], path);
                }
            }
            GroupBy::Thread => {}
            // Many are in one control group, whose path says where that is.
            GroupBy::Container => {
                let cgroup = text(process.cgroup.as_deref());
                let number = self.number(cgroup, |_| key(process, frame, by));
                found(number, self.groups[number], &process.paths);
            }
            _ => {
                let number = self.number(key(process, frame, by), |key| key);
                found(number, self.groups[number], &process.paths);
            }
        }
    }

    /// The groups that were found, each once.
    #[must_use]
    pub fn groups(&self) -> &[GroupId] {
        &self.groups
    }

    /// The number of the group of those that have `found` in common; `whole` makes the key of the group from that.
    fn number(&mut self, found: Key<'a>, whole: impl FnOnce(Key<'a>) -> Key<'a>) -> usize {
        if let Some(number) = self.numbers.get(&found) {
            return *number;
        }
        let id = GroupId::of(self.by, &whole(found.clone()));
        let next = self.groups.len();
        let number = *self.by_id.entry(id).or_insert(next);
        if number == next {
            self.groups.push(id);
        }
        self.numbers.insert(found, number);
        number
    }
}

/// What a process has in common with the others of its group, where it is in one.
fn key<'a>(process: &'a ProcessSample, frame: &Frame, by: GroupBy) -> Key<'a> {
    let ancestry = process.ancestry.as_deref();
    match by {
        GroupBy::Command => Key::Text(Cow::Borrowed(&process.comm)),
        GroupBy::Parent => relative(ancestry.and_then(|it| it.parent.as_ref()), frame),
        GroupBy::Tree => relative(ancestry.map(|it| &it.root), frame),
        GroupBy::Cgroup => text(process.cgroup.as_deref()),
        GroupBy::Container => process.cgroup.as_deref().map_or(Key::Unknown, residence),
        GroupBy::User => process.user.map_or(Key::Unknown, Key::User),
        GroupBy::Thread | GroupBy::Path => Key::Unknown,
    }
}

fn text<'a>(text: Option<impl Into<Cow<'a, str>>>) -> Key<'a> {
    text.map_or(Key::Unknown, |text| Key::Text(text.into()))
}

/// The start of a process that did nothing that was counted is as coarse as `/proc` gives it.
fn relative<'a>(relative: Option<&Relative>, frame: &Frame) -> Key<'a> {
    let tick_ns = 1_000_000_000 / frame.host.clock_ticks.max(1);
    relative.map_or(Key::Unknown, |it| Key::Process(it.id.pid, it.id.start_ns / tick_ns))
}

/// The container in a control group; outside of any its unit, or the control group itself.
fn residence(path: &str) -> Key<'_> {
    let home = Home::of(path);
    if let Some(container) = home.container {
        return Key::Container(match container.runtime {
            Some(runtime) => Cow::Owned(format!("{runtime}:{}", container.id)),
            None => Cow::Borrowed(container.id),
        });
    }
    let Some(unit) = home.unit else { return Key::Text(Cow::Borrowed(path)) };
    let end = path.rfind(unit).map_or(path.len(), |start| start + unit.len());
    // Units of the system have names of their own; those of users need not.
    let is_of_system = path[..end - unit.len()] == *"/" || path.starts_with("/system.slice/");
    Key::Text(Cow::Borrowed(if is_of_system { unit } else { &path[..end] }))
}

/// What members have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key<'a> {
    Text(Cow<'a, str>),
    /// A container, which a unit may be called like.
    Container(Cow<'a, str>),
    /// With the tick of its start.
    Process(u32, u64),
    User(u32),
    Path(PathId),
    Unknown,
}

/// Groups under way.
struct Sums<'a> {
    by: GroupBy,
    frame: &'a Frame,
    groups: Vec<Group>,
    index: QuickMap<Key<'a>, usize>,
    /// The containers of control groups.
    residences: QuickMap<&'a str, usize>,
}

impl<'a> Sums<'a> {
    fn new(by: GroupBy, frame: &'a Frame) -> Self {
        let (index, residences) = (QuickMap::default(), QuickMap::default());
        Self { by, frame, groups: Vec::new(), index, residences }
    }

    /// Adds all that a process did to its group.
    fn add_whole(&mut self, process: &'a ProcessSample) {
        let known = match (self.by, process.cgroup.as_deref()) {
            (GroupBy::Container, Some(cgroup)) => self.residences.get(cgroup).copied(),
            _ => None,
        };
        let at = known.unwrap_or_else(|| self.find(key(process, self.frame, self.by), process));
        if let (GroupBy::Container, Some(cgroup), None) =
            (self.by, process.cgroup.as_deref(), known)
        {
            self.residences.insert(cgroup, at);
        }
        self.add(at, process, &process.paths, &process.counters);
    }

    /// The place of a group, which `process` is in.
    fn find(&mut self, key: Key<'a>, process: &ProcessSample) -> usize {
        match self.index.entry(key) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let (name, head) = name(entry.key(), self.by, process, self.frame);
                self.groups.push(Group {
                    id: GroupId::of(self.by, entry.key()),
                    by: self.by,
                    name,
                    process: head,
                    cgroup: process.cgroup.as_deref().map(str::to_owned),
                    user: match entry.key() {
                        Key::User(user) => Some(*user),
                        _ => None,
                    },
                    members: Some(0),
                    counters: Counters::default(),
                    paths: Vec::new(),
                });
                *entry.insert(self.groups.len() - 1)
            }
        }
    }

    fn add(
        &mut self,
        at: usize,
        process: &ProcessSample,
        paths: &[PathSample],
        counters: &Counters,
    ) {
        let cgroup = process.cgroup.as_deref();
        let group = &mut self.groups[at];
        if self.by != GroupBy::Container && group.cgroup.as_deref() != cgroup {
            group.cgroup = None;
        }
        group.members =
            group.members.map(|members| members.saturating_add(self.frame.merged_in(process)));
        group.counters.add(counters);
        ledger::add(&mut group.paths, paths);
    }
}

/// The name of the group that `member` is in, and the process that it is the name of.
fn name(
    key: &Key<'_>,
    by: GroupBy,
    member: &ProcessSample,
    frame: &Frame,
) -> (String, Option<ProcessId>) {
    match key {
        Key::Text(text) | Key::Container(text) => (text.clone().into_owned(), None),
        Key::User(user) => {
            (frame.host.users.get(user).map_or_else(|| user.to_string(), Clone::clone), None)
        }
        Key::Path(path) => (path.id().to_owned(), None),
        Key::Unknown => (UNKNOWN.to_owned(), None),
        Key::Process(..) => {
            let ancestry = member.ancestry.as_deref();
            let relative = ancestry.and_then(|it| match by {
                GroupBy::Parent => it.parent.as_ref(),
                _ => Some(&it.root),
            });
            let Some(Relative { id, comm }) = relative else { return (UNKNOWN.to_owned(), None) };
            // It may have another name by now.
            let comm = frame.process(*id).map_or(comm, |process| &process.comm);
            (format!("{comm}[{id}]"), Some(*id))
        }
    }
}

#[cfg(test)]
mod tests;
