//! The last minute of each busy process and group of processes, for curves.

use std::{collections::VecDeque, hash::Hash};

use crate::{
    frame::Frame,
    group::{Finder, GroupBy, GroupId},
    ledger::{self, PathSum},
    quick::QuickMap,
    snapshot::{PathSample, ProcessId},
};

mod baseline;
pub mod timeline;

pub use self::{
    baseline::{Baseline, Change},
    timeline::Timeline,
};

/// Rates of one process, or of the totals, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Track {
    points: VecDeque<Point>,
    /// Of the newest point.
    frame: u64,
    /// Of all points.
    weight: u128,
}

/// Rates during one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// Bytes copied by the CPU per second.
    pub copied_bytes_per_sec: u64,
    /// Bytes moved without a copy per second.
    pub zero_copied_bytes_per_sec: u64,
}

impl Point {
    fn new(paths: &[PathSample], frame: &Frame) -> Self {
        Self {
            copied_bytes_per_sec: per_second(PathSum::of(paths).copied_bytes, frame),
            zero_copied_bytes_per_sec: per_second(ledger::zero_copied_bytes(paths), frame),
        }
    }

    const fn add(&mut self, more: Self) {
        self.copied_bytes_per_sec =
            self.copied_bytes_per_sec.saturating_add(more.copied_bytes_per_sec);
        self.zero_copied_bytes_per_sec =
            self.zero_copied_bytes_per_sec.saturating_add(more.zero_copied_bytes_per_sec);
    }

    const fn weight(self) -> u128 {
        self.copied_bytes_per_sec as u128 + self.zero_copied_bytes_per_sec as u128
    }
}

impl Track {
    /// The points, oldest first. A process that was quiet at first has fewer than the totals.
    #[must_use]
    pub fn points(&self) -> impl DoubleEndedIterator<Item = Point> + ExactSizeIterator + '_ {
        self.points.iter().copied()
    }

    fn push(&mut self, point: Point, frame: u64, length: usize) {
        if self.points.len() >= length
            && let Some(oldest) = self.points.pop_front()
        {
            self.weight -= oldest.weight();
        }
        self.points.push_back(point);
        self.weight += point.weight();
        self.frame = frame;
    }
}

/// Tracks of at most so many; the quietest are forgotten.
#[derive(Clone, Debug)]
struct Tracks<K> {
    most: usize,
    tracks: QuickMap<K, Track>,
}

impl<K: Copy + Eq + Hash + Ord> Tracks<K> {
    fn new(most: usize) -> Self {
        Self { most, tracks: QuickMap::default() }
    }

    /// Adds the points of frame `now`; those of whom there is none were quiet.
    fn push(&mut self, points: impl Iterator<Item = (K, Point)>, now: u64, length: usize) {
        let mut newcomers = Vec::new();
        for (key, point) in points {
            match self.tracks.get_mut(&key) {
                Some(track) => track.push(point, now, length),
                None if point.weight() > 0 => newcomers.push((point.weight(), key, point)),
                None => {}
            }
        }
        self.tracks.retain(|_, track| {
            if track.frame < now {
                track.push(Point::default(), now, length);
            }
            track.weight > 0
        });
        // No track is made for those that do not fit.
        if let Some(least) = self.busiest_to_forget(&newcomers) {
            self.tracks.retain(|key, track| (track.weight, *key) > least);
            newcomers.retain(|(weight, key, _)| (*weight, *key) > least);
        }
        for (_, key, point) in newcomers {
            self.tracks.entry(key).or_default().push(point, now, length);
        }
    }

    /// The busiest of those for which there is no room, with these newcomers.
    fn busiest_to_forget(&self, newcomers: &[(u128, K, Point)]) -> Option<(u128, K)> {
        let last = (self.tracks.len() + newcomers.len()).checked_sub(self.most + 1)?;
        let known = self.tracks.iter().map(|(key, track)| (track.weight, *key));
        let mut all: Vec<_> =
            known.chain(newcomers.iter().map(|(weight, key, _)| (*weight, *key))).collect();
        Some(*all.select_nth_unstable(last).1)
    }
}

/// Bounded: at most `length` points of at most `processes` processes, and as many groups. The quietest are forgotten.
#[derive(Clone, Debug)]
pub struct History {
    length: usize,
    frame: u64,
    totals: Track,
    /// What hardware moved by itself, bytes per second.
    devices: VecDeque<u64>,
    processes: Tracks<ProcessId>,
    groups: Tracks<GroupId>,
}

impl History {
    /// Points kept by [`Self::default`]: a minute of one-second frames.
    pub const LENGTH: usize = 60;
    /// Processes kept by [`Self::default`]: more than any screen has lines, in about 1 MiB.
    pub const PROCESSES: usize = 1024;
    /// The groups that have a history.
    pub const GROUPS: &'static [GroupBy] =
        &[GroupBy::Command, GroupBy::Container, GroupBy::User, GroupBy::Parent, GroupBy::Path];

    /// An empty history with these bounds.
    #[must_use]
    pub fn new(length: usize, processes: usize) -> Self {
        Self {
            length,
            frame: 0,
            totals: Track::default(),
            devices: VecDeque::new(),
            processes: Tracks::new(processes),
            groups: Tracks::new(processes),
        }
    }

    /// Adds the rates of one frame.
    pub fn push(&mut self, frame: &Frame) {
        self.frame += 1;
        let (now, length) = (self.frame, self.length);
        self.totals.push(Point::new(&frame.totals.paths, frame), now, length);
        if self.devices.len() >= length {
            self.devices.pop_front();
        }
        self.devices.push_back(per_second(frame.device_bytes(), frame));
        let mut finders: Vec<(Finder<'_>, Vec<Point>)> =
            Self::GROUPS.iter().map(|by| (Finder::new(*by, frame), Vec::new())).collect();
        let mut processes = Vec::new();
        for process in frame.processes.iter().filter(|process| !process.paths.is_empty()) {
            let whole = Point::new(&process.paths, frame);
            // Merged rows have exited and share an identity.
            if process.id.pid != 0 {
                processes.push((process.id, whole));
            }
            for ((finder, points), by) in finders.iter_mut().zip(Self::GROUPS) {
                finder.each(process, |number, _, paths| {
                    let is_whole = *by != GroupBy::Path;
                    let point = if is_whole { whole } else { Point::new(paths, frame) };
                    if points.len() <= number {
                        points.resize(number + 1, Point::default());
                    }
                    points[number].add(point);
                });
            }
        }
        let groups = finders.iter().flat_map(|(finder, points)| {
            finder.groups().iter().copied().zip(points.iter().copied())
        });
        self.groups.push(groups, now, length);
        self.processes.push(processes.into_iter(), now, length);
    }

    /// The rates of a process; `None` if it has been quiet for as long as the history reaches.
    #[must_use]
    pub fn process(&self, id: ProcessId) -> Option<&Track> {
        self.processes.tracks.get(&id)
    }

    /// The rates of a group; `None` if it has been quiet for as long as the history reaches.
    #[must_use]
    pub fn group(&self, id: GroupId) -> Option<&Track> {
        self.groups.tracks.get(&id)
    }

    /// The rates of the totals.
    #[must_use]
    pub const fn totals(&self) -> &Track {
        &self.totals
    }

    /// What hardware moved by itself, bytes per second, oldest first.
    pub fn devices(&self) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator + '_ {
        self.devices.iter().copied()
    }

    /// Frames so far: the number of the newest point.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.frame
    }
}

impl Default for History {
    fn default() -> Self {
        Self::new(Self::LENGTH, Self::PROCESSES)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn per_second(bytes: u64, frame: &Frame) -> u64 {
    frame.per_second(bytes).map_or(0, |rate| rate.round() as u64)
}

#[cfg(test)]
mod tests {
    use zc_common::path::CopyPath;

    use super::*;
    use crate::fixture::sketch::{path, process, snapshot};
    use crate::group;

    /// One second in which each process (a pid and its bytes) read that much.
    fn second(reads: &[(u32, u64)]) -> Frame {
        let processes: Vec<_> = reads
            .iter()
            .map(|(pid, bytes)| process(*pid, "x", &[path(CopyPath::FileRead, 1, *bytes)]))
            .collect();
        Frame::cumulative(snapshot(1, &processes))
    }

    fn copied(track: Option<&Track>) -> Vec<u64> {
        track.into_iter().flat_map(Track::points).map(|point| point.copied_bytes_per_sec).collect()
    }

    fn id(pid: u32) -> ProcessId {
        ProcessId { pid, start_ns: pid.into() }
    }

    #[test]
    fn quiet_seconds_are_zero_and_the_oldest_fall_out() {
        let mut history = History::new(3, 10);
        for reads in [&[(7, 10)][..], &[], &[(7, 30)], &[(7, 40), (8, 1)]] {
            history.push(&second(reads));
        }
        assert_eq!(copied(history.process(id(7))), [0, 30, 40]);
        assert_eq!(copied(history.process(id(8))), [1]);
        assert_eq!(copied(Some(history.totals())), [0, 30, 41]);
    }

    #[test]
    fn a_process_that_is_quiet_for_long_enough_is_forgotten() {
        let mut history = History::new(2, 10);
        for reads in [&[(7, 10)][..], &[], &[]] {
            history.push(&second(reads));
        }
        assert_eq!(history.process(id(7)), None);
    }

    #[test]
    fn groups_have_a_history_of_their_own() {
        let mut history = History::new(3, 10);
        for reads in [&[(7, 10), (8, 5)][..], &[(8, 30)], &[]] {
            history.push(&second(reads));
        }
        let frame = second(&[(7, 1), (8, 1)]);
        let ids: Vec<_> = [GroupBy::Command, GroupBy::Path, GroupBy::User]
            .into_iter()
            .map(|by| group::groups(&frame, by)[0].id)
            .collect();
        for id in &ids {
            assert_eq!(copied(history.group(*id)), [15, 30, 0]);
        }
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    }

    #[test]
    fn the_quietest_are_forgotten() {
        let mut history = History::new(4, 2);
        history.push(&second(&[(1, 10), (2, 20), (3, 5)]));
        history.push(&second(&[(3, 100)]));
        assert_eq!(history.processes.tracks.len(), 2);
        assert_eq!(history.process(id(1)), None);
        assert_eq!(copied(history.process(id(2))), [20, 0]);
        assert_eq!(copied(history.process(id(3))), [100]);
    }
}
