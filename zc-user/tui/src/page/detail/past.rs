//! The minutes before the page was opened, read a part at a time.

use anyhow::Result;

use super::{
    subject::Key,
    track::{MOST, Point, rates},
};
use crate::{
    archive::{Archive, Snapshots},
    state::Context,
};
use zc_model::{frame::Frame, group, history::History, snapshot::Snapshot};

/// Samples of processes that are read at a time: each takes 2 to 5 microseconds.
const AT_A_TIME: usize = 10_000;

/// Samples that are read in all: of machines with thousands of processes that is less than ten minutes.
const IN_ALL: usize = 1_200_000;

/// What a snapshot takes besides, in samples.
const OTHER: usize = 100;

/// Intervals that are read where there are so many processes: no fewer than are known without.
fn most(processes: usize) -> usize {
    (IN_ALL / (processes + OTHER)).clamp(History::LENGTH, MOST)
}

/// How much of it is known.
#[derive(Default)]
pub(super) enum Past {
    /// It is to be read, up to this moment, ns since the Unix epoch.
    Wanted(u64),
    /// It is being read.
    Reading(Box<Reading>),
    /// It has been, as far as it can be.
    #[default]
    Known,
}

/// How far it was read.
pub(super) struct Reading {
    until_ns: u64,
    /// The length of an interval on the axis of time.
    interval_ns: u64,
    snapshots: Snapshots,
    previous: Option<Snapshot>,
    points: Vec<Point>,
}

impl Past {
    /// Reads on. The rates until the moment where it was to end, once all of them are known.
    pub(super) fn go_on(
        &mut self,
        key: &Key,
        archive: &mut dyn Archive,
        context: &Context,
    ) -> Result<Option<Vec<Point>>> {
        let mut reading = match std::mem::take(self) {
            Self::Known => return Ok(None),
            Self::Reading(reading) => reading,
            Self::Wanted(until_ns) => {
                let Some(frame) = context.frame() else { return Ok(None) };
                // A rate takes two snapshots.
                let snapshots = archive.until(until_ns, most(frame.processes.len()) + 1)?;
                let (interval_ns, points) = (frame.elapsed_ns.max(1), Vec::new());
                Box::new(Reading { until_ns, interval_ns, snapshots, previous: None, points })
            }
        };
        let mut left = AT_A_TIME;
        while left > 0 {
            let Some(next) = reading.snapshots.next() else { return Ok(reading.end()) };
            let next = next?;
            left = left.saturating_sub(next.processes.len() + OTHER);
            reading.take(only(key, next), key, context);
        }
        *self = Self::Reading(reading);
        Ok(None)
    }

    /// Whether more of it is going to be known.
    pub(super) const fn is_expected(&self) -> bool {
        !matches!(self, Self::Known)
    }
}

impl Reading {
    fn take(&mut self, next: Snapshot, key: &Key, context: &Context) {
        if let Some(previous) = &self.previous {
            let frame = Frame::between(previous, &next);
            let point = point(key, &frame, context);
            // Before it began there was nothing that could have been 0.
            if point.is_some() || !self.points.is_empty() {
                // After a stall, or a look at another time, intervals are longer.
                let wide = (frame.elapsed_ns + self.interval_ns / 2) / self.interval_ns;
                let wide = usize::try_from(wide).unwrap_or(MOST).clamp(1, MOST);
                self.points.extend(std::iter::repeat_n(point.unwrap_or_default(), wide));
            }
        }
        self.previous = Some(next);
    }

    /// What ends elsewhere does not lead up to what is known.
    fn end(self) -> Option<Vec<Point>> {
        let ends = self.previous.is_some_and(|last| last.taken_at_ns == self.until_ns);
        ends.then_some(self.points)
    }
}

/// What of a snapshot matters here: it is compared with the next one.
fn only(key: &Key, mut snapshot: Snapshot) -> Snapshot {
    if let Key::Process(key) = key {
        snapshot.processes.retain(|process| process.id == key.id());
    }
    snapshot.threads = Vec::new();
    snapshot.objects = None;
    snapshot.stacks = None;
    snapshot
}

/// The rates in a frame; `None` of a process that is not there.
fn point(key: &Key, frame: &Frame, context: &Context) -> Option<Point> {
    let (by, id) = match key {
        Key::Process(key) => return key.find(frame).map(|process| rates(&process.paths, frame)),
        Key::Group(by, id) => (*by, *id),
    };
    let mut sum = Point::default();
    for process in frame.processes.iter().filter(|process| process.is_active()) {
        group::each(process, frame, by, |of, paths| {
            if of == id && context.selects(process, frame) {
                let part = rates(paths, frame);
                sum.copied += part.copied;
                sum.by_reference += part.by_reference;
            }
        });
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_is_read_of_machines_with_thousands_of_processes() {
        assert_eq!([most(0), most(150), most(1_900)], [600, 600, 600]);
        assert_eq!([most(9_900), most(100_000)], [120, 60]);
    }
}
