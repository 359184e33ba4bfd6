//! What was usual at one moment, to compare later ones with.

use std::collections::HashMap;

use super::{History, Point, Track, Tracks};
use crate::{group::GroupId, snapshot::ProcessId};

/// Points that say what is usual: one alone says little.
const USUAL: usize = 10;
/// Points that say what is now.
const NOW: usize = 3;

/// Mean rates at one moment, of all that had a history then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// When it was, ns since the Unix epoch.
    pub at_ns: u64,
    totals: Point,
    processes: HashMap<ProcessId, Point>,
    groups: HashMap<GroupId, Point>,
}

/// A rate then, and now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Then, bytes per second.
    pub before: u64,
    /// Now, bytes per second.
    pub now: u64,
}

impl Change {
    fn of(before: Point, now: Point, rate: fn(Point) -> u64) -> Self {
        Self { before: rate(before), now: rate(now) }
    }
}

/// Copied, and not copied.
const RATES: [fn(Point) -> u64; 2] =
    [|point| point.copied_bytes_per_sec, |point| point.zero_copied_bytes_per_sec];

/// The mean of the last points; those before the first one are 0.
fn mean(track: &Track, frames: u64, most: usize) -> Point {
    let count = usize::try_from(frames).unwrap_or(most).clamp(1, most);
    let mean = |rate: fn(Point) -> u64| {
        let sum: u128 = track.points().rev().take(count).map(|point| u128::from(rate(point))).sum();
        u64::try_from(sum / count as u128).unwrap_or(u64::MAX)
    };
    let [copied, not_copied] = RATES.map(mean);
    Point { copied_bytes_per_sec: copied, zero_copied_bytes_per_sec: not_copied }
}

impl History {
    /// What is usual now, which is at `at_ns`.
    #[must_use]
    pub fn baseline(&self, at_ns: u64) -> Baseline {
        fn means<K: Copy + Eq + std::hash::Hash>(
            tracks: &Tracks<K>,
            frames: u64,
        ) -> HashMap<K, Point> {
            tracks.tracks.iter().map(|(key, track)| (*key, mean(track, frames, USUAL))).collect()
        }
        Baseline {
            at_ns,
            totals: mean(&self.totals, self.frame, USUAL),
            processes: means(&self.processes, self.frame),
            groups: means(&self.groups, self.frame),
        }
    }

    /// What is copied of all, and what is not, compared with then.
    #[must_use]
    pub fn change(&self, then: &Baseline) -> [Change; 2] {
        let now = mean(&self.totals, self.frame, NOW);
        RATES.map(|rate| Change::of(then.totals, now, rate))
    }

    /// What a process copies, compared with then.
    #[must_use]
    pub fn change_of_process(&self, id: ProcessId, then: &Baseline) -> Change {
        self.copied(self.processes.tracks.get(&id), then.processes.get(&id))
    }

    /// What a group copies, compared with then.
    #[must_use]
    pub fn change_of_group(&self, id: GroupId, then: &Baseline) -> Change {
        self.copied(self.groups.tracks.get(&id), then.groups.get(&id))
    }

    fn copied(&self, track: Option<&Track>, then: Option<&Point>) -> Change {
        let now = track.map_or_else(Point::default, |track| mean(track, self.frame, NOW));
        Change::of(then.copied().unwrap_or_default(), now, RATES[0])
    }
}

#[cfg(test)]
mod tests {
    use zc_common::path::CopyPath;

    use super::*;
    use crate::{
        fixture::sketch::{path, process, snapshot},
        frame::Frame,
        group::{self, GroupBy},
    };

    fn second(reads: &[(u32, u64)]) -> Frame {
        let processes: Vec<_> = reads
            .iter()
            .map(|(pid, bytes)| process(*pid, "x", &[path(CopyPath::FileRead, 1, *bytes)]))
            .collect();
        Frame::cumulative(snapshot(1, &processes))
    }

    #[test]
    fn means_are_compared_and_what_is_new_was_nothing() {
        let mut history = History::default();
        for bytes in [100, 200, 300] {
            history.push(&second(&[(7, bytes)]));
        }
        let then = history.baseline(5);
        assert_eq!(then.at_ns, 5);
        let seven = ProcessId { pid: 7, start_ns: 7 };
        let eight = ProcessId { pid: 8, start_ns: 8 };
        assert_eq!(history.change_of_process(seven, &then), Change { before: 200, now: 200 });
        for _ in 0..3 {
            history.push(&second(&[(7, 50), (8, 30)]));
        }
        assert_eq!(history.change_of_process(seven, &then), Change { before: 200, now: 50 });
        assert_eq!(history.change_of_process(eight, &then), Change { before: 0, now: 30 });
        assert_eq!(history.change(&then)[0], Change { before: 200, now: 80 });
        let group = group::groups(&second(&[(7, 1)]), GroupBy::Command)[0].id;
        assert_eq!(history.change_of_group(group, &then), Change { before: 200, now: 80 });
        // What has come to an end is gone, not unknown.
        for _ in 0..3 {
            history.push(&second(&[]));
        }
        assert_eq!(history.change_of_process(seven, &then), Change { before: 200, now: 0 });
    }

    #[test]
    fn no_more_than_the_last_ten_are_usual() {
        let mut history = History::default();
        for bytes in [9_000_000, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10] {
            history.push(&second(&[(7, bytes)]));
        }
        let then = history.baseline(1);
        assert_eq!(history.change(&then)[0], Change { before: 10, now: 10 });
    }
}
