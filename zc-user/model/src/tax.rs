//! The copy tax: the share of CPU time spent in copy routines, from samples.

use crate::{
    counter::{CounterId, Counters},
    frame::Frame,
    row::Row,
    snapshot::Provenance,
    value::{Quality, Value},
};

/// The fewest samples that give a share: with 25 it can be wrong by 20 percentage points.
pub const LEAST_SAMPLES: u64 = 25;

const TOO_FEW: &str = "too little CPU time: fewer than 25 samples in this interval";

/// CPU time between two samples of one CPU, on average: there are 99 a second.
pub const SAMPLE_NS: u64 = 10_101_010;

/// 95 % of a normal distribution lie within this many standard deviations.
const Z: f64 = 1.96;

/// Some samples, and all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Samples {
    some: f64,
    all: f64,
}

/// The samples that `counted` counts and samples in all, or the cell that says why there are none.
#[expect(clippy::cast_precision_loss, reason = "2^53 samples are a million CPU years")]
pub(crate) fn samples<'a>(
    counters: &Counters,
    counted: &[CounterId],
    frame: &'a Frame,
) -> Result<Samples, Value<'a>> {
    let unknown = [CounterId::CpuSamples]
        .iter()
        .chain(counted)
        .filter_map(|counter| frame.host.limitation(*counter))
        .find(|limit| limit.provenance == Provenance::Unavailable);
    if let Some(limit) = unknown {
        return Err(Value::Unavailable(&limit.reason));
    }
    let all = counters[CounterId::CpuSamples];
    if all < LEAST_SAMPLES {
        return Err(Value::Unavailable(TOO_FEW));
    }
    // Some may be on their way into the counts of their process.
    let some = counted.iter().map(|counter| counters[*counter]).sum::<u64>().min(all);
    Ok(Samples { some: some as f64, all: all as f64 })
}

impl Samples {
    /// Their share.
    pub(crate) fn share<'a>(self) -> Value<'a> {
        Value::Real(self.some / self.all, Quality::MEASURED)
    }

    /// The greater distance from the share to either end of Wilson's interval, which unlike the textbook's
    /// standard error also holds where the share is near 0 or 1.
    pub(crate) fn margin<'a>(self) -> Value<'a> {
        let Self { some, all } = self;
        let share = some / all;
        let z2 = Z * Z;
        let centre = z2.mul_add(0.5 / all, share) / (1.0 + z2 / all);
        let half =
            Z / (1.0 + z2 / all) * (share * (1.0 - share) / all + z2 / (4.0 * all * all)).sqrt();
        Value::Real(half + (centre - share).abs(), Quality::MEASURED)
    }
}

/// CPU time that copies took, estimated from samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CopyTime {
    /// Nanoseconds.
    pub ns: u64,
    /// How many nanoseconds more or less it may be, with 95 % confidence.
    pub margin_ns: u64,
}

/// Adds up the CPU time that a part of the copies of some processes took. Each copied byte is taken to have cost what
/// the others of its process did.
#[derive(Clone, Copy, Debug, Default)]
pub struct CopyTimes {
    samples: u64,
    /// Samples that fall to the part, and the variance of that: each is counted or not, by chance.
    part: f64,
    variance: f64,
    is_unknown: bool,
}

impl CopyTimes {
    /// Adds what `bytes` of those that `row` copied took.
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    pub fn add(&mut self, row: Row<'_>, frame: &Frame, bytes: u64) {
        let is_limited = |counter: &CounterId| frame.host.limitation(*counter).is_some();
        let copied = frame.copied(row.paths);
        // Of bytes that may have been copied as well, some of the samples may be.
        self.is_unknown |= copied.is_lower_bound()
            || [CounterId::CpuSamples, CounterId::CopySamples].iter().any(is_limited);
        let samples = row.counters[CounterId::CopySamples];
        if copied.bytes == 0 || bytes == 0 {
            return;
        }
        let share = (bytes as f64 / copied.bytes as f64).min(1.0);
        self.samples = self.samples.saturating_add(samples);
        self.part += samples as f64 * share;
        self.variance += samples as f64 * share * share;
    }

    /// The sum. `None` where there is none, it is not known, or too few samples were taken to tell.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    #[expect(clippy::cast_precision_loss, reason = "a constant")]
    pub fn known(&self) -> Option<CopyTime> {
        let whole = |samples: f64| (samples * SAMPLE_NS as f64).round() as u64;
        (!self.is_unknown && self.samples >= LEAST_SAMPLES)
            .then(|| CopyTime { ns: whole(self.part), margin_ns: whole(Z * self.variance.sqrt()) })
    }
}

/// The share of samples that were in a copy routine.
#[must_use]
pub fn copy_tax<'a>(counters: &Counters, frame: &'a Frame) -> Value<'a> {
    samples(counters, &[CounterId::CopySamples], frame).map_or_else(|cell| cell, Samples::share)
}

/// How far the share may be off either way, with 95 % confidence.
#[must_use]
pub fn copy_tax_margin<'a>(counters: &Counters, frame: &'a Frame) -> Value<'a> {
    samples(counters, &[CounterId::CopySamples], frame).map_or_else(|cell| cell, Samples::margin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        column::{Column, Processes},
        fixture::sketch::{path, process, snapshot},
        snapshot::{Host, Limitation, Snapshot},
    };
    use zc_common::path::CopyPath;

    fn taken(copying: u64, all: u64) -> Snapshot {
        let mut sample = process(7, "x", &[]);
        sample.counters[CounterId::CopySamples] = copying;
        sample.counters[CounterId::CpuSamples] = all;
        snapshot(1, &[sample])
    }

    fn cell(column: &Column, copying: u64, all: u64) -> Option<f64> {
        let frame = Frame::cumulative(taken(copying, all));
        column.of_process(&frame.processes[0], &frame).number()
    }

    #[test]
    fn the_tax_is_a_share_of_enough_samples() {
        assert_eq!(cell(Processes::COPY_TAX, 101, 404), Some(0.25));
        assert_eq!(cell(Processes::COPY_TAX, 0, 25), Some(0.0));
        assert_eq!(cell(Processes::COPY_TAX, 24, 24), None);
        assert_eq!(cell(Processes::COPY_TAX, 0, 0), None);
    }

    #[test]
    fn the_margin_is_what_the_samples_allow() {
        let margin = |copying, all| cell(Processes::COPY_TAX_MARGIN, copying, all).unwrap();
        // Half of 10,000: 1.96 standard errors of 0.5 percentage points.
        assert!((margin(5_000, 10_000) - 0.0098).abs() < 0.0001);
        // None of 25: anything up to the rule of three, a tenth, may be the truth, and not 0.
        assert!((0.1..0.15).contains(&margin(0, 25)));
        assert!((margin(25, 25) - margin(0, 25)).abs() < 1e-12);
        assert_eq!(cell(Processes::COPY_TAX_MARGIN, 24, 24), None);
    }

    #[test]
    fn without_a_sampler_there_is_a_reason_and_no_zero() {
        let mut snapshot = taken(0, 0);
        let limitations = vec![Limitation {
            counter: CounterId::CpuSamples.into(),
            provenance: Provenance::Unavailable,
            reason: "hidden".to_owned(),
        }];
        snapshot.host = Host { limitations, ..(*snapshot.host).clone() }.into();
        let frame = Frame::cumulative(snapshot);
        for column in [Processes::COPY_TAX, Processes::COPY_TAX_MARGIN] {
            let value = column.of_process(&frame.processes[0], &frame);
            assert_eq!(value, Value::Unavailable("hidden"), "{column:?}");
        }
    }

    /// What 250 of the 1,000 bytes that each of these copied took, by their samples in copy routines.
    fn quarter(samples: &[u64]) -> Option<CopyTime> {
        let read = |samples: u64| {
            let mut sample = process(7, "x", &[path(CopyPath::FileRead, 1, 1_000)]);
            sample.counters[CounterId::CopySamples] = samples;
            sample
        };
        let processes: Vec<_> = samples.iter().copied().map(read).collect();
        let frame = Frame::cumulative(snapshot(1, &processes));
        let mut times = CopyTimes::default();
        frame.processes.iter().for_each(|it| times.add(Row::process(it), &frame, 250));
        times.known()
    }

    #[test]
    fn the_time_of_copies_is_their_part_of_enough_samples() {
        // A quarter of a second and a bit, of which 1.96 in ten of the samples are by chance.
        let of_hundred = CopyTime { ns: 252_525_250, margin_ns: 49_494_949 };
        assert_eq!(quarter(&[100]), Some(of_hundred));
        assert_eq!(quarter(&[36, 64]), Some(of_hundred));
        assert!(quarter(&[25]).is_some());
        assert_eq!(quarter(&[24]), None);
        assert_eq!(quarter(&[]), None);
    }

    #[test]
    fn the_time_of_copies_is_unknown_where_they_are() {
        let mut sample = process(7, "x", &[path(CopyPath::FileRead, 1, 1_000)]);
        sample.counters[CounterId::CopySamples] = 100;
        let known = |paths: &[_]| {
            sample.paths = [&sample.paths[..1], paths].concat();
            let frame = Frame::cumulative(snapshot(1, std::slice::from_ref(&sample)));
            let mut times = CopyTimes::default();
            times.add(Row::process(&frame.processes[0]), &frame, 250);
            times.known()
        };
        let mut known = known;
        assert!(known(&[]).is_some());
        let unseen = path(CopyPath::SocketSendZerocopy, 1, 7);
        assert_eq!(unseen.provenance, Provenance::Unavailable);
        assert_eq!(known(&[unseen]), None);
    }
}
