//! The last minute of each busy process, for sparklines.

use std::{
    cmp::Reverse,
    collections::{HashMap, VecDeque},
};

use crate::{
    frame::Frame,
    ledger::{self, PathSum},
    snapshot::{PathSample, ProcessId},
};

/// Rates of one process, or of the totals, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Track {
    points: VecDeque<Point>,
    /// Of the newest point.
    frame: u64,
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
        if self.points.len() >= length {
            self.points.pop_front();
        }
        self.points.push_back(point);
        self.frame = frame;
    }

    fn weight(&self) -> u128 {
        self.points.iter().map(|point| point.weight()).sum()
    }
}

/// Bounded: at most `length` points of at most `processes` processes. The quietest are forgotten.
#[derive(Clone, Debug)]
pub struct History {
    length: usize,
    processes: usize,
    frame: u64,
    totals: Track,
    tracks: HashMap<ProcessId, Track>,
}

impl History {
    /// Points kept by [`Self::default`]: a minute of one-second frames.
    pub const LENGTH: usize = 60;
    /// Processes kept by [`Self::default`]: more than any screen has lines, in about 1 MiB.
    pub const PROCESSES: usize = 1024;

    /// An empty history with these bounds.
    #[must_use]
    pub fn new(length: usize, processes: usize) -> Self {
        Self { length, processes, frame: 0, totals: Track::default(), tracks: HashMap::new() }
    }

    /// Adds the rates of one frame.
    pub fn push(&mut self, frame: &Frame) {
        self.frame += 1;
        let (now, length) = (self.frame, self.length);
        self.totals.push(Point::new(&frame.totals.paths, frame), now, length);
        let mut newcomers = Vec::new();
        for process in &frame.processes {
            // Merged rows have exited and share an identity.
            if process.paths.is_empty() || process.id.pid == 0 {
                continue;
            }
            let point = Point::new(&process.paths, frame);
            match self.tracks.get_mut(&process.id) {
                Some(track) => track.push(point, now, length),
                None if point.weight() > 0 => newcomers.push((point.weight(), process.id, point)),
                None => {}
            }
        }
        // No track is created for those that would not fit.
        if newcomers.len() > self.processes {
            newcomers.select_nth_unstable_by_key(self.processes, |(weight, ..)| Reverse(*weight));
            newcomers.truncate(self.processes);
        }
        for (_, id, point) in newcomers {
            self.tracks.entry(id).or_default().push(point, now, length);
        }
        for track in self.tracks.values_mut() {
            if track.frame < now {
                track.push(Point::default(), now, length);
            }
        }
        self.tracks.retain(|_, track| track.weight() > 0);
        self.evict();
    }

    /// The rates of a process; `None` if it has been quiet for as long as the history reaches.
    #[must_use]
    pub fn process(&self, id: ProcessId) -> Option<&Track> {
        self.tracks.get(&id)
    }

    /// The rates of the totals.
    #[must_use]
    pub const fn totals(&self) -> &Track {
        &self.totals
    }

    fn evict(&mut self) {
        let excess = self.tracks.len().saturating_sub(self.processes);
        if excess == 0 {
            return;
        }
        let mut by_weight: Vec<_> =
            self.tracks.iter().map(|(id, track)| (track.weight(), *id)).collect();
        by_weight.select_nth_unstable(excess - 1);
        for (_, id) in &by_weight[..excess] {
            self.tracks.remove(id);
        }
        self.tracks.shrink_to(self.processes * 2);
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
    fn the_quietest_are_forgotten() {
        let mut history = History::new(4, 2);
        history.push(&second(&[(1, 10), (2, 20), (3, 5)]));
        history.push(&second(&[(3, 100)]));
        assert_eq!(history.tracks.len(), 2);
        assert_eq!(history.process(id(1)), None);
        assert_eq!(copied(history.process(id(2))), [20, 0]);
        assert_eq!(copied(history.process(id(3))), [100]);
    }
}
