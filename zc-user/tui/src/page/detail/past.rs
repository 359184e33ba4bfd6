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
use zc_model::{frame::Frame, group, snapshot::Snapshot};

/// Samples of processes that are read at a time, about: each takes a microsecond or two.
const AT_A_TIME: usize = 20_000;

/// What snapshots take besides, in samples of processes.
const OTHER: usize = 100;

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
            // A rate takes two snapshots.
            Self::Wanted(until_ns) => Box::new(Reading {
                until_ns,
                snapshots: archive.until(until_ns, MOST + 1)?,
                previous: None,
                points: Vec::new(),
            }),
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
                self.points.push(point.unwrap_or_default());
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
