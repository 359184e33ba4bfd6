//! The copy tax: the share of CPU time spent in copy routines, from samples.

use crate::{
    counter::{CounterId, Counters},
    frame::Frame,
    snapshot::Provenance,
    value::{Quality, Value},
};

/// The fewest samples that give a share: with 25 it can be wrong by 20 percentage points.
pub const LEAST_SAMPLES: u64 = 25;

const TOO_FEW: &str = "too little CPU time: fewer than 25 samples in this interval";

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
        fixture::sketch::{process, snapshot},
        snapshot::{Host, Limitation, Snapshot},
    };

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
}
