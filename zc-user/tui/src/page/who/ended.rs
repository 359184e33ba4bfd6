//! Rows that are not in the frame any more, and stay grey for a while.

use std::{cmp::Reverse, collections::HashMap};

use super::list::{Entry, Item, Key, Life};
use crate::state::{Context, key::ProcessKey};
use zc_model::{
    counter::Counters,
    frame::Frame,
    group::{self, Finder, Group, GroupBy, GroupId},
    quick::QuickSet,
    snapshot::{ProcessId, ProcessSample},
};

/// So long they stay: enough to read one and to press Enter on it.
const STAY_NS: u64 = 10_000_000_000;
/// More of them would not be read, and a storm of short-lived processes takes no more memory than this.
const MOST: usize = 256;
/// More of one name would push away what goes on.
const MOST_OF_A_NAME: usize = 3;

/// What has gone, and when it was last there.
#[derive(Default)]
pub(super) struct Ended {
    processes: HashMap<ProcessId, (ProcessSample, u64)>,
    groups: HashMap<GroupId, (Entry, u64)>,
}

impl Ended {
    /// A new frame has come: what was in the one before and did something may be gone.
    pub(super) fn look(&mut self, before: &[Entry], then: &Frame, now: &[Entry], frame: &Frame) {
        let seen = then.taken_at_ns;
        for process in gone(then, frame).filter(|process| process.is_active()).take(MOST) {
            self.processes.insert(process.id, (process.clone(), seen));
        }
        let there: QuickSet<GroupId> = groups_in(now).collect();
        for entry in before.iter().filter(|entry| entry.life != Life::Ended) {
            if let Key::Group(id) = entry.key
                && !there.contains(&id)
            {
                self.groups.entry(id).or_insert_with(|| (entry.clone(), seen));
            }
        }
        let stays = |seen: u64| frame.taken_at_ns.saturating_sub(seen) <= STAY_NS;
        self.processes.retain(|_, (_, seen)| stays(*seen));
        self.groups.retain(|id, (_, seen)| !there.contains(id) && stays(*seen));
        self.forget_older();
    }

    /// Keeps the newest processes of each name.
    fn forget_older(&mut self) {
        let mut by_name: HashMap<&str, Vec<(u64, ProcessId)>> = HashMap::new();
        for (id, (process, seen)) in &self.processes {
            by_name.entry(&process.comm).or_default().push((*seen, *id));
        }
        let mut older = Vec::new();
        for mut processes in by_name.into_values() {
            processes.sort_unstable_by_key(|(seen, id)| Reverse((*seen, id.start_ns)));
            older.extend(processes.into_iter().skip(MOST_OF_A_NAME).map(|(_, id)| id));
        }
        for id in older {
            self.processes.remove(&id);
        }
    }

    /// The processes that have ended, in this group if one is given.
    pub(super) fn processes(
        &self,
        inside: Option<(GroupBy, GroupId)>,
        frame: &Frame,
        context: &Context,
    ) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (process, _) in self.processes.values() {
            let mut is_inside = inside.is_none();
            if let Some((by, wanted)) = inside {
                group::each(process, frame, by, |id, _| is_inside |= id == wanted);
            }
            if is_inside && context.selects(process, frame) {
                entries.push(Entry {
                    key: Key::Process(ProcessKey::of(process), None),
                    item: Item::Part(Box::new(process.clone())),
                    life: Life::Ended,
                    advice: Vec::new(),
                    copied: frame.copied(&process.paths).bytes,
                });
            }
        }
        entries
    }

    /// The groups that did nothing: those of which there are processes are idle, others have ended.
    /// Those of `now` are there.
    pub(super) fn groups(
        &self,
        by: GroupBy,
        now: &[Entry],
        frame: &Frame,
        context: &Context,
    ) -> Vec<Entry> {
        let there: QuickSet<GroupId> = groups_in(now).collect();
        let is_asked = |entry: &Entry| matches!(&entry.item, Item::Group(group) if group.by == by && !there.contains(&group.id));
        let asked: Vec<_> =
            self.groups.values().map(|(entry, _)| entry).filter(|entry| is_asked(entry)).collect();
        if asked.is_empty() {
            return Vec::new();
        }
        let wanted: QuickSet<GroupId> = groups_in(asked.iter().copied()).collect();
        let ids = |processes: &mut dyn Iterator<Item = &ProcessSample>| {
            let mut finder = Finder::new(by, frame);
            let mut found = QuickSet::default();
            for process in processes {
                finder.each(process, |_, id, _| {
                    if wanted.contains(&id)
                        && !found.contains(&id)
                        && context.selects(process, frame)
                    {
                        found.insert(id);
                    }
                });
            }
            found
        };
        let alive = ids(&mut frame.processes.iter().filter(|process| !process.exited));
        let ended = ids(&mut self.processes.values().map(|(process, _)| process));
        let mut entries = Vec::new();
        for entry in asked {
            let mut entry = Entry { life: Life::Ended, ..entry.clone() };
            let Item::Group(group) = &mut entry.item else { continue };
            if context.is_filtered() && !alive.contains(&group.id) && !ended.contains(&group.id) {
                continue;
            }
            if alive.contains(&group.id) || by == GroupBy::Path {
                entry.life = Life::Idle;
                entry.copied = 0;
                entry.advice.clear();
                **group = Group {
                    members: Some(0),
                    counters: Counters::default(),
                    paths: Vec::new(),
                    ..(**group).clone()
                };
            }
            entries.push(entry);
        }
        entries
    }
}

/// The processes of `then` that are not in `now`; merged ones have no identity.
fn gone<'a>(then: &'a Frame, now: &'a Frame) -> impl Iterator<Item = &'a ProcessSample> {
    let single = |frame: &'a Frame| frame.processes.iter().filter(|process| !process.is_merged());
    // Most frames list most processes in the order of the one before.
    let mut next = single(now).peekable();
    let mut all = None;
    single(then).filter(move |process| {
        if next.next_if(|other| other.id == process.id).is_some() {
            return false;
        }
        let all = all.get_or_insert_with(|| {
            single(now).map(|process| process.id).collect::<QuickSet<ProcessId>>()
        });
        if !all.contains(&process.id) {
            return true;
        }
        // Others have come before it.
        while next.next_if(|other| other.id < process.id).is_some() {}
        next.next_if(|other| other.id == process.id);
        false
    })
}

/// The groups among these rows.
fn groups_in<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> impl Iterator<Item = GroupId> {
    entries.into_iter().filter_map(|entry| match entry.key {
        Key::Group(id) => Some(id),
        Key::Process(..) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use zc_model::fixture::sketch::{process, snapshot};

    #[test]
    fn those_that_have_gone_are_found_among_others_that_have_come() {
        let of = |pids: &[u32]| {
            let all: Vec<_> = pids.iter().map(|pid| process(*pid, "x", &[])).collect();
            Frame::cumulative(snapshot(1, &all))
        };
        let found = |then: &[u32], now: &[u32]| -> Vec<u32> {
            gone(&of(then), &of(now)).map(|process| process.id.pid).collect()
        };
        assert_eq!(found(&[1, 2, 3], &[1, 2, 3]), [0; 0]);
        assert_eq!(found(&[1, 2, 3, 4, 5], &[1, 3, 5]), [2, 4]);
        assert_eq!(found(&[3, 5, 6], &[1, 2, 3, 4, 5, 7]), [6]);
        assert_eq!(found(&[1, 2], &[]), [1, 2]);
        assert_eq!(found(&[], &[1, 2]), [0; 0]);
        assert_eq!(found(&[4, 1, 3, 2], &[3, 2, 5, 1]), [4], "in any order");
        // Merged rows have no identity.
        assert_eq!(found(&[0, 1, 0], &[1]), [0; 0]);
    }
}
