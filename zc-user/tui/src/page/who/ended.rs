//! Rows that are not in the frame any more, and stay grey for a while.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
};

use super::list::{Entry, Item, Key, Life};
use crate::state::{Context, key::ProcessKey};
use zc_model::{
    counter::Counters,
    frame::Frame,
    group::{self, Group, GroupBy, GroupId},
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
        let there: HashSet<ProcessId> = frame.processes.iter().map(|process| process.id).collect();
        let gone = then.processes.iter().filter(|process| {
            process.is_active() && !process.is_merged() && !there.contains(&process.id)
        });
        for process in gone.take(MOST) {
            self.processes.insert(process.id, (process.clone(), seen));
        }
        let there: HashSet<&Key> = now.iter().map(|entry| &entry.key).collect();
        for entry in before.iter().filter(|entry| entry.life != Life::Ended) {
            if let Key::Group(id) = entry.key
                && !there.contains(&entry.key)
            {
                self.groups.entry(id).or_insert_with(|| (entry.clone(), seen));
            }
        }
        let stays = |seen: u64| frame.taken_at_ns.saturating_sub(seen) <= STAY_NS;
        self.processes.retain(|_, (_, seen)| stays(*seen));
        self.groups.retain(|id, (_, seen)| !there.contains(&Key::Group(*id)) && stays(*seen));
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
        if self.groups.is_empty() {
            return Vec::new();
        }
        let ids = |processes: &mut dyn Iterator<Item = &ProcessSample>| {
            let mut found = HashSet::new();
            for process in processes.filter(|process| context.selects(process, frame)) {
                group::each(process, frame, by, |id, _| {
                    found.insert(id);
                });
            }
            found
        };
        let alive = ids(&mut frame.processes.iter().filter(|process| !process.exited));
        let ended = ids(&mut self.processes.values().map(|(process, _)| process));
        let there: HashSet<&Key> = now.iter().map(|entry| &entry.key).collect();
        let mut entries = Vec::new();
        for (entry, _) in self.groups.values().filter(|(entry, _)| !there.contains(&entry.key)) {
            let mut entry = Entry { life: Life::Ended, ..entry.clone() };
            let Item::Group(group) = &mut entry.item else { continue };
            let is_selected =
                !context.is_filtered() || alive.contains(&group.id) || ended.contains(&group.id);
            if group.by != by || !is_selected {
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
