//! Rows that are not in the frame any more, and stay grey for a while.

use std::collections::{HashMap, HashSet};

use super::list::{Entry, Item, Key, Life};
use crate::state::Context;
use zc_model::{
    counter::Counters,
    frame::Frame,
    group::{self, Group, GroupBy},
};

/// So long they stay: enough to read one and to press Enter on it.
const STAY_NS: u64 = 10_000_000_000;
/// More of them would not be read, and a storm of short-lived processes takes no more memory than this.
const MOST: usize = 256;

/// Rows that have gone, and when they were last there.
#[derive(Default)]
pub(super) struct Ended {
    rows: HashMap<Key, (Entry, u64)>,
}

impl Ended {
    /// A new frame has come: what was in the rows of the one before and did something may be gone.
    pub(super) fn look(&mut self, before: &[Entry], then: &Frame, now: &[Entry], frame: &Frame) {
        let there: HashSet<&Key> = now.iter().map(|entry| &entry.key).collect();
        for entry in before {
            if entry.is_below() || there.contains(&entry.key) || self.rows.contains_key(&entry.key)
            {
                continue;
            }
            let item = match &entry.item {
                Item::Group(_) => entry.item.clone(),
                Item::Process(at) => Item::Part(Box::new(then.processes[*at].clone())),
                Item::Part(_) => entry.item.clone(),
            };
            let did = match &item {
                Item::Part(process) => process.is_active() && !process.is_merged(),
                _ => true,
            };
            if did && self.rows.len() < MOST {
                let entry = Entry { item, ..entry.clone() };
                self.rows.insert(entry.key.clone(), (entry, then.taken_at_ns));
            }
        }
        self.rows.retain(|key, (_, seen)| {
            !there.contains(key) && frame.taken_at_ns.saturating_sub(*seen) <= STAY_NS
        });
    }

    /// Adds the rows that are gone. Groups of which there are processes are idle, others have ended.
    pub(super) fn add(
        &self,
        by: Option<GroupBy>,
        entries: &mut Vec<Entry>,
        frame: &Frame,
        context: &Context,
    ) {
        if self.rows.is_empty() {
            return;
        }
        let there: HashSet<Key> = entries.iter().map(|entry| entry.key.clone()).collect();
        let mut alive = HashSet::new();
        if let Some(by) = by {
            for process in frame.processes.iter().filter(|process| !process.exited) {
                group::each(process, frame, by, |id, _| {
                    alive.insert(id);
                });
            }
        }
        for (key, (entry, _)) in &self.rows {
            let is_wanted = match &entry.item {
                Item::Group(group) => by == Some(group.by),
                Item::Part(process) => by.is_none() && context.selects(process, frame),
                Item::Process(_) => false,
            };
            if !is_wanted || there.contains(key) {
                continue;
            }
            let mut entry = entry.clone();
            entry.life = Life::Ended;
            if let Item::Group(group) = &mut entry.item
                && (alive.contains(&group.id) || group.by == GroupBy::Path)
            {
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
    }
}
