//! Which groups have series of their own: few enough that no server of metrics fails because of them.
//!
//! Each group costs a series per path, and a host may have thousands of short-lived ones. A group is admitted once, when
//! it is old enough and among those that copy most, and stays until it has been gone for a while: then no series ever
//! falls. What belongs to no admitted group is summed up in `other`, and what an admitted one had counted when it went
//! in `expired`.
//!
//! Kept: the admitted groups, `max_groups` at most; of the others a line each, [`MOST_CANDIDATES`] at most.

use std::{
    cmp::Reverse,
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use zc_common::path::CopyPath;
use zc_model::{
    advice,
    frame::Frame,
    row::Row,
    snapshot::{PathSample, ProcessId, ProcessSample, Provenance},
};

use crate::{by::By, counted::Counted};

/// Groups without series of their own that are kept in mind.
pub const MOST_CANDIDATES: usize = 16_384;

/// Parts of the minute over which groups are compared.
const SLICES: usize = 6;
/// The length of each, ns.
const SLICE_NS: u64 = 10_000_000_000;
/// How long a group keeps its series, or is kept in mind, after its last process has ended or, of one without series,
/// has done something, ns.
const EXPIRY_NS: u64 = 600_000_000_000;

/// Which groups may have series of their own.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// So many at most.
    pub groups: usize,
    /// Those that have existed for so long, ns.
    pub age_ns: u64,
}

/// Which group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key {
    /// A control group or a command.
    Name(Arc<str>),
    /// A process.
    Process(ProcessId),
}

/// A group with series of its own.
#[derive(Clone, Debug)]
pub struct Group {
    /// The values of its labels. Hostile: escape them.
    pub labels: Vec<Arc<str>>,
    /// What it has counted since it was admitted.
    pub counted: Counted,
    seen_ns: u64,
}

impl Group {
    /// The values of its labels, and what it has counted.
    #[must_use]
    pub fn parts(&self) -> (&[Arc<str>], &Counted) {
        (&self.labels, &self.counted)
    }
}

/// A group without.
#[derive(Clone, Debug)]
struct Candidate {
    labels: Vec<Arc<str>>,
    /// When its oldest process started, ns since boot.
    began_ns: u64,
    active_ns: u64,
    /// Bytes copied and moved in each slice of the last minute, and which slice the first one is.
    slices: [(u64, u64); SLICES],
    slice: u64,
    /// The paths that it has used, a bit each.
    paths: u64,
    is_folded: bool,
}

impl Candidate {
    fn new(labels: Vec<Arc<str>>, process: &ProcessSample) -> Self {
        Self {
            labels,
            began_ns: process.id.start_ns,
            active_ns: 0,
            slices: [(0, 0); SLICES],
            slice: 0,
            paths: 0,
            is_folded: false,
        }
    }

    /// Moves the slices so that the first one is that of `now_ns`.
    fn advance(&mut self, now_ns: u64) {
        let slice = now_ns / SLICE_NS;
        let passed = usize::try_from(slice.saturating_sub(self.slice)).unwrap_or(SLICES);
        let passed = passed.min(SLICES);
        self.slices.rotate_right(passed % SLICES);
        self.slices[..passed].fill((0, 0));
        self.slice = slice;
    }

    fn add(&mut self, process: &ProcessSample, now_ns: u64) {
        self.advance(now_ns);
        self.active_ns = now_ns;
        self.began_ns = self.began_ns.min(process.id.start_ns);
        let (copied, moved) = &mut self.slices[0];
        for sample in &process.paths {
            *moved = moved.saturating_add(sample.moved_bytes);
            if sample.provenance != Provenance::Unavailable {
                *copied = copied.saturating_add(sample.copied_bytes);
            }
            self.paths |= sample.path.known().map_or(0, |path| 1 << path as u32);
        }
    }

    /// Bytes copied and moved in the last minute.
    fn recent(&self) -> (u64, u64) {
        let add = |(copied, moved): (u64, u64), slice: &(u64, u64)| {
            (copied.saturating_add(slice.0), moved.saturating_add(slice.1))
        };
        self.slices.iter().fold((0, 0), add)
    }

    /// Its series begin at 0 on the paths that it uses, so that the first increase is seen.
    fn admit(self, now_ns: u64) -> Group {
        let mut counted = Counted::default();
        for path in CopyPath::ALL.iter().filter(|path| self.paths & 1 << **path as u32 != 0) {
            counted.paths.entry(((*path).into(), None)).or_default();
        }
        Group { labels: self.labels, counted, seen_ns: now_ns }
    }
}

/// Keeps the groups.
#[derive(Clone, Debug)]
pub struct Guard {
    by: By,
    limits: Limits,
    groups: HashMap<Key, Group>,
    candidates: HashMap<Key, Candidate>,
    other: Counted,
    expired: Counted,
    folded: u64,
}

impl Guard {
    /// No group yet.
    #[must_use]
    pub fn new(by: By, limits: Limits) -> Self {
        Self {
            by,
            limits,
            groups: HashMap::new(),
            candidates: HashMap::new(),
            other: Counted::default(),
            expired: Counted::default(),
            folded: 0,
        }
    }

    /// What the groups have in common.
    #[must_use]
    pub const fn by(&self) -> By {
        self.by
    }

    /// The groups with series of their own, in no particular order.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &Group> {
        self.groups.values()
    }

    /// What belongs to a process, and to none of the groups.
    #[must_use]
    pub const fn other(&self) -> &Counted {
        &self.other
    }

    /// What groups had counted whose series have ended.
    #[must_use]
    pub const fn expired(&self) -> &Counted {
        &self.expired
    }

    /// How many groups were refused series because there were too many.
    #[must_use]
    pub const fn folded(&self) -> u64 {
        self.folded
    }

    /// Takes what the processes of `frame` did, which ends at `now_ns` since the probes were attached, and at `boot_ns`
    /// since boot.
    pub fn take(&mut self, frame: &Frame, now_ns: u64, boot_ns: u64) {
        for process in &frame.processes {
            let Some(key) = key(process, self.by) else {
                if process.is_active() {
                    self.other.add(&process.paths, &process.counters);
                }
                continue;
            };
            if let Some(group) = self.groups.get_mut(&key) {
                group.seen_ns = if process.exited { group.seen_ns } else { now_ns };
                if process.is_active() {
                    group.seen_ns = now_ns;
                    group.counted.add(&process.paths, &process.counters);
                    for advice in advice::all(Row::process(process), frame) {
                        let sum = group.counted.avoidable.entry((advice.rule, advice.certainty));
                        let sum = sum.or_default();
                        *sum = sum.saturating_add(advice.saving.copied_bytes);
                    }
                }
            } else if process.is_active() {
                self.other.add(&process.paths, &process.counters);
                self.consider(key, process, now_ns);
            }
        }
        self.expire(now_ns);
        self.admit(now_ns, boot_ns);
    }

    fn consider(&mut self, key: Key, process: &ProcessSample, now_ns: u64) {
        if !process.paths.iter().any(has_bytes) {
            return;
        }
        let room = self.candidates.len() < MOST_CANDIDATES;
        match self.candidates.entry(key) {
            Entry::Occupied(mut entry) => entry.get_mut().add(process, now_ns),
            Entry::Vacant(entry) if room => {
                let labels = labels(entry.key(), process);
                entry.insert(Candidate::new(labels, process)).add(process, now_ns);
            }
            Entry::Vacant(_) => {}
        }
    }

    fn expire(&mut self, now_ns: u64) {
        let is_old = |at_ns: u64| now_ns.saturating_sub(at_ns) > EXPIRY_NS;
        self.candidates.retain(|_, candidate| !is_old(candidate.active_ns));
        let expired = &mut self.expired;
        self.groups.retain(|_, group| {
            let stays = !is_old(group.seen_ns);
            if !stays {
                expired.absorb(&group.counted);
            }
            stays
        });
    }

    /// Admits those that copied most in the last minute, as many as there is room for.
    fn admit(&mut self, now_ns: u64, boot_ns: u64) {
        let age_ns = self.limits.age_ns;
        let mut ripe: Vec<_> = Vec::new();
        for (key, candidate) in &mut self.candidates {
            candidate.advance(now_ns);
            let is_ripe = boot_ns.saturating_sub(candidate.began_ns) >= age_ns;
            if is_ripe && !candidate.is_folded && candidate.recent() != (0, 0) {
                ripe.push((Reverse(candidate.recent()), key.clone()));
            }
        }
        // Those that were refused before are looked at again only where there is room.
        if self.groups.len() < self.limits.groups {
            for (key, candidate) in &self.candidates {
                if candidate.is_folded && candidate.recent() != (0, 0) {
                    ripe.push((Reverse(candidate.recent()), key.clone()));
                }
            }
        }
        ripe.sort();
        for (_, key) in ripe {
            if self.groups.len() < self.limits.groups {
                let Some(candidate) = self.candidates.remove(&key) else { continue };
                self.end_namesake(&key);
                self.groups.insert(key, candidate.admit(now_ns));
            } else if let Some(candidate) = self.candidates.get_mut(&key)
                && !candidate.is_folded
            {
                candidate.is_folded = true;
                self.folded = self.folded.saturating_add(1);
            }
        }
    }

    /// Of two processes that had one number, one after the other, the earlier one has ended: two series must not have
    /// the same labels.
    fn end_namesake(&mut self, key: &Key) {
        let Key::Process(ProcessId { pid, .. }) = key else { return };
        let expired = &mut self.expired;
        self.groups.retain(|other, group| {
            let is_other = !matches!(other, Key::Process(other) if other.pid == *pid);
            if !is_other {
                expired.absorb(&group.counted);
            }
            is_other
        });
    }
}

const fn has_bytes(sample: &PathSample) -> bool {
    sample.moved_bytes > 0 || sample.copied_bytes > 0
}

/// The group of a process. Merged rows, and processes whose group has no name, have none.
fn key(process: &ProcessSample, by: By) -> Option<Key> {
    if process.is_merged() {
        return None;
    }
    match by {
        By::Cgroup => process.cgroup.clone().map(Key::Name),
        By::Command => Some(Key::Name(Arc::clone(&process.comm))),
        By::Pid => Some(Key::Process(process.id)),
        By::None => None,
    }
}

fn labels(key: &Key, process: &ProcessSample) -> Vec<Arc<str>> {
    match key {
        Key::Name(name) => vec![Arc::clone(name)],
        Key::Process(id) => vec![id.pid.to_string().into(), Arc::clone(&process.comm)],
    }
}

#[cfg(test)]
mod tests;
