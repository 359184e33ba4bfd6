//! Rows of a table of the kernel side, of which those that have been idle make room there for others.
//!
//! The kernel side makes a row when there is room, and never removes one. So user space does, from three quarters on,
//! down to half: those that have been idle for longest, and none that has changed since the last look. What they had is
//! kept here, as many rows as the table has room for, and goes on when the row comes back. Beyond that, the rows with the
//! fewest bytes are given up: their counts are handed to the caller.
//!
//! A program that has found a row adds to it some instructions later. When the row is removed in between, what it adds is
//! in no row, or in the one that has this memory next. That takes a row that was idle between two looks and is used
//! again in that very moment, and is one call then. Only a table that is exchanged as a whole, as that of devices, has
//! no such moment; that would be one more look-up for each call.

use std::{collections::HashMap, hash::Hash};

use zc_common::object::{Flow, Row};

/// What a row has.
pub(super) trait Counts: Copy + PartialEq {
    /// Adds what a later row of the same key has.
    fn add(&mut self, later: &Self);

    fn bytes(&self) -> u64;
}

impl Counts for Row {
    fn add(&mut self, later: &Self) {
        self.count.add(&later.count);
        if later.comm != Self::ZERO.comm {
            self.comm = later.comm;
        }
    }

    fn bytes(&self) -> u64 {
        self.count.bytes
    }
}

impl Counts for Flow {
    fn add(&mut self, later: &Self) {
        self.ops += later.ops;
        self.bytes += later.bytes;
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// The rows.
pub(super) struct Kept<K, V> {
    /// Rows that the table has room for.
    room: usize,
    /// How often the table was looked at.
    looks: u64,
    /// Rows that are in the table.
    there: usize,
    rows: HashMap<K, Entry<V>>,
}

struct Entry<V> {
    /// What the rows had that have made room.
    before: Option<V>,
    /// What the row in the table has, if there is one.
    now: Option<V>,
    /// The look that has found it changed.
    changed: u64,
}

impl<V: Counts> Entry<V> {
    fn sum(&self) -> Option<V> {
        match (self.before, self.now) {
            (Some(mut sum), Some(now)) => {
                sum.add(&now);
                Some(sum)
            }
            (before, now) => before.or(now),
        }
    }
}

impl<K: Copy + Eq + Hash + Ord, V: Counts> Kept<K, V> {
    pub(super) fn new(room: u32) -> Self {
        Self { room: room as usize, looks: 0, there: 0, rows: HashMap::new() }
    }

    /// Takes over what the table has. The keys of rows that were not there before.
    pub(super) fn look(&mut self, contents: Vec<(K, V)>) -> Vec<K> {
        self.looks += 1;
        let mut new = Vec::new();
        for (key, value) in contents {
            let fresh = Entry { before: None, now: None, changed: 0 };
            let entry = self.rows.entry(key).or_insert(fresh);
            if entry.now.is_none() {
                self.there += 1;
                new.push(key);
            }
            if entry.now != Some(value) {
                (entry.now, entry.changed) = (Some(value), self.looks);
            }
        }
        new
    }

    /// Whether the table is more than half full.
    pub(super) fn is_filling(&self) -> bool {
        self.there * 2 > self.room
    }

    /// The rows that are to make room. In a given state these are always the same ones.
    pub(super) fn idle(&self) -> Vec<K> {
        if self.there * 4 <= self.room * 3 {
            return Vec::new();
        }
        let mut idle: Vec<_> = self.unchanged().map(|(key, changed)| (changed, key)).collect();
        let many = self.there - self.room / 2;
        if many < idle.len() {
            idle.select_nth_unstable(many);
            idle.truncate(many);
        }
        idle.into_iter().map(|(_, key)| key).collect()
    }

    /// Rows in the table that the last look has found as they were, and which look has found them changed.
    fn unchanged(&self) -> impl Iterator<Item = (K, u64)> {
        let is_it = |entry: &Entry<V>| entry.now.is_some() && entry.changed < self.looks;
        let rows = self.rows.iter().filter(move |(_, entry)| is_it(entry));
        rows.map(|(key, entry)| (*key, entry.changed))
    }

    /// The keys of these.
    pub(super) fn unchanged_keys(&self) -> impl Iterator<Item = K> {
        self.unchanged().map(|(key, _)| key)
    }

    /// A row was removed from the table; `last` is what it had then, where that is known.
    pub(super) fn removed(&mut self, key: &K, last: Option<V>) {
        let Some(entry) = self.rows.get_mut(key) else { return };
        let Some(now) = entry.now.take() else { return };
        self.there -= 1;
        let last = last.unwrap_or(now);
        match &mut entry.before {
            Some(before) => before.add(&last),
            none => *none = Some(last),
        }
    }

    /// Gives up rows that are not in the table when there are too many of them; those that have the fewest bytes, and
    /// of these the ones that have been idle for longest. An eighth more than has to be: it is not looked at each time.
    pub(super) fn give_up(&mut self) -> Vec<(K, V)> {
        let gone = self.rows.len() - self.there;
        if gone <= self.room {
            return Vec::new();
        }
        let gone_rows = self.rows.iter().filter(|(_, entry)| entry.now.is_none());
        let weigh = |(key, entry): (&K, &Entry<V>)| {
            (entry.before.map_or(0, |before| before.bytes()), entry.changed, *key)
        };
        let mut weighed: Vec<_> = gone_rows.map(weigh).collect();
        let many = gone - self.room + self.room / 8;
        if many < weighed.len() {
            weighed.select_nth_unstable(many);
            weighed.truncate(many);
        }
        let take = |(_, _, key)| self.rows.remove(&key).and_then(|row| Some((key, row.before?)));
        weighed.into_iter().filter_map(take).collect()
    }

    /// All rows that are kept, with what they had in all.
    pub(super) fn sums(&self) -> impl Iterator<Item = (K, V)> {
        self.rows.iter().filter_map(|(key, entry)| Some((*key, entry.sum()?)))
    }

    /// The keys of all rows that are kept.
    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.rows.keys()
    }

    /// The keys of the rows in the table.
    pub(super) fn keys_there(&self) -> impl Iterator<Item = &K> {
        self.rows.iter().filter(|(_, entry)| entry.now.is_some()).map(|(key, _)| key)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn row(bytes: u64) -> Flow {
        Flow { ops: 1, bytes }
    }

    /// A table of so many rows, and what is kept of it.
    struct Machine {
        table: HashMap<u64, Flow>,
        kept: Kept<u64, Flow>,
    }

    impl Machine {
        fn new(room: u32) -> Self {
            Self { table: HashMap::new(), kept: Kept::new(room) }
        }

        fn count(&mut self, key: u64, bytes: u64) {
            self.table.entry(key).or_default().add(&row(bytes));
        }

        fn look(&mut self) -> Vec<u64> {
            self.kept.look(self.table.iter().map(|(key, value)| (*key, *value)).collect())
        }

        fn make_room(&mut self) -> BTreeSet<u64> {
            let idle = self.kept.idle();
            for key in &idle {
                self.kept.removed(key, self.table.remove(key));
            }
            idle.into_iter().collect()
        }

        fn sum(&self, key: u64) -> Option<Flow> {
            self.kept.sums().find(|(it, _)| *it == key).map(|(_, sum)| sum)
        }
    }

    #[test]
    fn rows_that_have_been_idle_for_longest_make_room_and_none_that_has_changed() {
        let mut it = Machine::new(64);
        for key in 0..48 {
            it.count(key, 101);
            if key == 15 {
                it.look();
            }
        }
        it.look();
        it.look();
        assert_eq!(it.make_room(), BTreeSet::new(), "three quarters");
        it.count(48, 101);
        // They were first, and were used again.
        (0..4).for_each(|key| it.count(key, 103));
        it.look();
        assert_eq!(it.make_room(), (4..21).collect());
        assert_eq!((it.kept.there, it.table.len()), (32, 32));
        // All are new.
        let mut it = Machine::new(64);
        (0..64).for_each(|key| it.count(key, 101));
        it.look();
        assert_eq!(it.make_room(), BTreeSet::new());
    }

    #[test]
    fn a_row_that_comes_back_goes_on() {
        let mut it = Machine::new(64);
        (0..49).for_each(|key| it.count(key, 101));
        assert_eq!(it.look().len(), 49);
        assert_eq!(it.look(), Vec::<u64>::new());
        assert!(it.make_room().contains(&0));
        assert_eq!(it.sum(0), Some(row(101)));
        it.count(0, 103);
        assert_eq!(it.look(), [0], "it is there again");
        assert_eq!(it.sum(0), Some(Flow { ops: 2, bytes: 204 }));
        it.look();
        it.kept.removed(&0, Some(Flow { ops: 2, bytes: 210 }));
        assert_eq!(it.sum(0), Some(Flow { ops: 3, bytes: 311 }), "with what came last");
        it.kept.removed(&0, None);
        assert_eq!(it.sum(0), Some(Flow { ops: 3, bytes: 311 }), "it was not there");
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_smallest_are_given_up() {
        let mut it = Machine::new(64);
        let (mut given_up, mut next) = (Flow::default(), 0);
        it.count(1_000_000, 1 << 40);
        for _ in 0..100 {
            // What makes room is used for new ones.
            while it.table.len() < 64 {
                it.count(next, 100 + next % 7);
                next += 1;
            }
            it.look();
            for (_, row) in it.kept.give_up() {
                given_up.add(&row);
            }
            it.make_room();
            assert!(it.kept.rows.len() <= 64 + 64 + 64 / 2, "{}", it.kept.rows.len());
        }
        assert!(given_up.ops > 1_000, "{given_up:?}");
        let kept = it.kept.sums().map(|(_, row)| row);
        let kept = kept.fold(Flow::default(), |mut sum, row| {
            sum.add(&row);
            sum
        });
        assert_eq!(kept.ops + given_up.ops, next + 1);
        let bytes = (0..next).map(|key| 100 + key % 7).sum::<u64>() + (1 << 40);
        assert_eq!(kept.bytes + given_up.bytes, bytes);
        assert_eq!(it.sum(1_000_000), Some(row(1 << 40)), "the largest");
        assert_eq!(it.sum(next - 1), Some(row(100 + (next - 1) % 7)), "the last one");
    }
}
