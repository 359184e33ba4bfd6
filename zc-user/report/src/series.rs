//! What happened over time: a bounded number of stretches, however long the recording is.

use std::collections::HashMap;

use zc_model::{counter::CounterId, filter::Filter, frame::Frame, ledger, snapshot::Snapshot};
use zc_recording::{Recording, Unreadable};
use zc_render::sanitize::{sanitize, truncate};

/// The most stretches. A recording of more intervals has several in each.
pub const MOST: usize = 600;

/// The fewest that it may have, however much each costs.
const LEAST: usize = 60;

/// Samples of processes that are read at most, all stretches together, unless these are fewer than [`LEAST`].
const MOST_SAMPLES: usize = 600_000;

/// Stretches that may be read where there are so many processes.
#[must_use]
pub fn most(processes: usize) -> usize {
    (MOST_SAMPLES / processes.max(1)).clamp(LEAST, MOST)
}

/// The most marks that are shown.
const MOST_MARKS: usize = 50;

/// A name, of which a recording may have long ones.
fn short(name: &str) -> String {
    truncate(&sanitize(name), 80, "...").into_owned()
}

/// What happened between two snapshots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// When it begins, ns since the beginning of the series.
    pub begin_ns: u64,
    /// When it ends, ns since then.
    pub end_ns: u64,
    /// Bytes copied by the CPU.
    pub copied: u64,
    /// Bytes moved without a copy by the CPU.
    pub reference: u64,
    /// Bytes that devices moved, of any process.
    pub devices: u64,
    /// Of the copied bytes those of each command of the series.
    pub of_commands: Vec<u64>,
}

impl Stretch {
    /// How long it is, s.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are a hundred days")]
    pub fn seconds(&self) -> f64 {
        self.end_ns.saturating_sub(self.begin_ns) as f64 / 1e9
    }

    fn of(frame: &Frame, begin_ns: u64, commands: &HashMap<&str, usize>) -> Self {
        let mut of_commands = vec![0_u64; commands.len()];
        for process in &frame.processes {
            if let Some(at) = commands.get(&*process.comm) {
                let copied = process.counters[CounterId::CopiedBytes];
                of_commands[*at] = of_commands[*at].saturating_add(copied);
            }
        }
        let moving = frame.devices.iter().filter(|device| device.does_dma());
        let devices = moving.map(|it| it.read_bytes.saturating_add(it.write_bytes));
        Self {
            begin_ns,
            end_ns: begin_ns.saturating_add(frame.elapsed_ns),
            copied: frame.totals.counters[CounterId::CopiedBytes],
            reference: ledger::zero_copied_bytes(&frame.totals.paths),
            devices: devices.fold(0, u64::saturating_add),
            of_commands,
        }
    }

    fn add(&mut self, more: &Self) {
        self.end_ns = more.end_ns;
        self.copied = self.copied.saturating_add(more.copied);
        self.reference = self.reference.saturating_add(more.reference);
        self.devices = self.devices.saturating_add(more.devices);
        for (sum, more) in self.of_commands.iter_mut().zip(&more.of_commands) {
            *sum = sum.saturating_add(*more);
        }
    }
}

/// A curve over time.
#[derive(Clone, Copy, Debug)]
pub struct Curve {
    /// What it shows.
    pub name: &'static str,
    /// Bytes in a stretch.
    pub of: fn(&Stretch) -> u64,
}

/// The curves of a series.
pub const CURVES: [Curve; 3] = [
    Curve { name: "copied by the CPU", of: |it| it.copied },
    Curve { name: "by reference", of: |it| it.reference },
    Curve { name: "by devices", of: |it| it.devices },
];

/// What happened over time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// In the order of time, without gaps.
    pub stretches: Vec<Stretch>,
    /// Commands whose copies are shown, the busiest first: hostile input.
    pub commands: Vec<String>,
    /// Moments with a name, ns since the beginning of the series.
    pub marks: Vec<(u64, String)>,
    /// Intervals of the recording in each stretch, at most.
    pub merged: usize,
    /// Snapshots that could not be read: the stretch around each is as much longer.
    pub unreadable: u64,
}

impl Series {
    /// What happened from snapshot `from` to snapshot `to`, in at most `most` stretches, with the copies of these
    /// commands apart.
    ///
    /// # Errors
    /// When the first of these cannot be read.
    pub fn of(
        recording: &Recording,
        (from, to): (usize, usize),
        most: usize,
        commands: &[&str],
        filter: &Filter,
    ) -> Result<Self, Unreadable> {
        let intervals = to.saturating_sub(from);
        let merged = intervals.div_ceil(most.max(1)).max(1);
        let mut series = Self {
            commands: commands.iter().map(|command| short(command)).collect(),
            merged,
            ..Self::default()
        };
        let index: HashMap<&str, usize> = commands.iter().copied().zip(0..).collect();
        let least_ns = recording.interval_ns() / 2;
        let mut previous: Option<Snapshot> = None;
        let mut begin_ns = 0;
        for at in (from..to).step_by(merged).chain([to]) {
            let next = match recording.snapshot(at) {
                Ok(Some(next)) => next,
                Ok(None) => break,
                Err(error) if previous.is_none() => return Err(error),
                Err(_) => {
                    series.unreadable += 1;
                    continue;
                }
            };
            if let Some(previous) = &previous {
                let frame = Frame::between(previous, &next).select(filter);
                let stretch = Stretch::of(&frame, begin_ns, &index);
                begin_ns = stretch.end_ns;
                match series.stretches.last_mut() {
                    // After a late snapshot the next one comes early: what was counted in between is much for its time.
                    Some(last) if frame.elapsed_ns < least_ns => last.add(&stretch),
                    _ => series.stretches.push(stretch),
                }
            }
            previous = Some(next);
        }
        let begins = recording.taken_at_ns(from).unwrap_or_default();
        let inside = recording.marks().iter().filter_map(|(at, mark)| {
            let after = at.checked_sub(begins).filter(|after| *after <= begin_ns)?;
            Some((after, short(&mark.text)))
        });
        series.marks = inside.take(MOST_MARKS).collect();
        Ok(series)
    }

    /// The same in at most `most` stretches.
    #[must_use]
    pub fn coarser(&self, most: usize) -> Vec<Stretch> {
        let each = self.stretches.len().div_ceil(most.max(1)).max(1);
        let merge = |parts: &[Stretch]| {
            let mut sum = parts[0].clone();
            parts[1..].iter().for_each(|part| sum.add(part));
            sum
        };
        self.stretches.chunks(each).map(merge).collect()
    }

    /// How long it is, ns.
    #[must_use]
    pub fn span_ns(&self) -> u64 {
        self.stretches.last().map_or(0, |last| last.end_ns)
    }
}
