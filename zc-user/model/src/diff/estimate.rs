//! A quantity per something, with its standard error.

use super::{
    observation::{Count, Observation},
    quantity::Quantity,
    series::Kind,
    student,
};
use crate::snapshot::Provenance;

/// The fewest stretches of a recording of which the spread says something.
const FEWEST: f64 = 4.0;

/// A count within an observation is certain to a quarter of what it comes in: calls, or bytes of a call. Runs that all
/// agree are not proof that the next one does.
const GRAIN: f64 = 0.25;

/// Of stretches that depend on each other more than that, nothing can be said.
const MOST_CORRELATED: f64 = 0.9;

/// A quantity per byte of payload, per second or per run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// What was found.
    pub value: f64,
    /// Its standard error; `None` where there is one observation, or too few of what depends on each other.
    pub error: Option<f64>,
    /// Degrees of freedom of that.
    pub freedom: f64,
    /// Where it is judged, its standard error is taken to be this at least.
    pub(super) floor: f64,
    /// The true value may be less by this, for what is not known.
    pub less: f64,
    /// The same, more.
    pub more: f64,
    /// Where it comes from.
    pub provenance: Provenance,
    /// How much was counted in all.
    pub total: f64,
    /// It is in no observation: 0, however it would have been counted.
    pub(super) is_absent: bool,
}

/// What a quantity is divided by, in an observation.
pub(super) type Divisor<'a> = &'a dyn Fn(&Observation) -> f64;

/// The count of a quantity in an observation.
pub(super) type Counted<'a> = &'a dyn Fn(&Observation) -> Option<Count>;

impl Estimate {
    /// How far it may be off either way, with 95 % confidence; `None` where the spread is not known.
    #[must_use]
    pub fn margin(&self) -> Option<f64> {
        self.error.map(|error| student::quantile(0.05, self.freedom) * error)
    }

    /// The ratio of the sums, with the error of a ratio estimator: from how far each observation is from it.
    /// `None` where there is nothing to divide by.
    pub(super) fn of(
        observations: &[Observation],
        kind: Kind,
        quantity: &Quantity,
        counted: Counted<'_>,
        divisor: Divisor<'_>,
    ) -> Option<Self> {
        let mut total =
            Count { value: 0.0, less: 0.0, more: 0.0, provenance: Provenance::Measured };
        let mut parts = Vec::with_capacity(observations.len());
        let mut is_absent = true;
        for observation in observations {
            let count = counted(observation);
            let part = (count.map_or(0.0, |count| count.value), divisor(observation));
            if let Some(count) = count {
                is_absent = false;
                total.value += count.value;
                total.less += count.less;
                total.more += count.more;
                total.provenance = total.provenance.max(count.provenance);
            }
            parts.push(part);
        }
        let divided_by: f64 = parts.iter().map(|(_, by)| by).sum();
        if divided_by <= 0.0 {
            return None;
        }
        let value = total.value / divided_by;
        let residuals: Vec<_> =
            parts.iter().map(|(count, by)| value.mul_add(-by, *count)).collect();
        let divisors: Vec<_> = parts.iter().map(|(_, by)| *by).collect();
        let spread = spread(&residuals, &divisors, kind);
        let grain = grain(observations, quantity);
        let floor = match quantity {
            // Samples are found by chance, however well a few runs agree.
            Quantity::CpuTime | Quantity::CopyTax | Quantity::UserCopyShare => {
                (total.value.max(grain) * grain).sqrt()
            }
            _ => GRAIN * grain * number(parts.len()).sqrt(),
        };
        Some(Self {
            value,
            error: spread.map(|(deviation, _)| deviation / divided_by),
            floor: floor / divided_by,
            freedom: spread.map_or(0.0, |(_, freedom)| freedom),
            less: total.less / divided_by,
            more: total.more / divided_by,
            provenance: total.provenance,
            total: total.value,
            is_absent,
        })
    }
}

/// What a count comes in, on average.
fn grain(observations: &[Observation], quantity: &Quantity) -> f64 {
    let of = |quantity: &Quantity| -> f64 {
        let counts = observations.iter().filter_map(|it| it.counts.get(quantity));
        counts.map(|count| count.value).sum()
    };
    let per_call = |bytes: f64, calls: f64| if calls > 0.0 { bytes / calls } else { 0.0 };
    match quantity {
        Quantity::PathMoved(path) | Quantity::PathCopied(path) => {
            per_call(of(&Quantity::PathMoved(*path)), of(&Quantity::PathOps(*path)))
        }
        Quantity::Payload | Quantity::Copied | Quantity::ByReference | Quantity::Moved => {
            let calls = observations.iter().map(|it| it.ops).sum();
            per_call(of(&Quantity::Moved), calls)
        }
        Quantity::Elapsed => 0.0,
        // One sample.
        Quantity::CpuTime => 1e9 / 99.0,
        _ => 1.0,
    }
}

/// The standard deviation of the sum of the residuals, and its degrees of freedom.
fn spread(residuals: &[f64], divisors: &[f64], kind: Kind) -> Option<(f64, f64)> {
    let fewest = if kind == Kind::Intervals { FEWEST } else { 2.0 };
    // Of sixteen stretches in which three had something to do, as few as three say something.
    let sum: f64 = divisors.iter().sum();
    let count = sum.powi(2) / divisors.iter().map(|by| by.powi(2)).sum::<f64>();
    // Of equal ones it is their number, but for rounding.
    let count = if (count - count.round()).abs() < 1e-9 { count.round() } else { count };
    if count < fewest {
        return None;
    }
    let squares: f64 = residuals.iter().map(|it| it * it).sum();
    let variance = squares * count / (count - 1.0);
    if kind == Kind::Runs {
        return Some((variance.sqrt(), count - 1.0));
    }
    let together: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    // Of few observations it is found too small, by about one part of their number.
    let correlation = if squares > 0.0 { together / squares + 1.0 / count } else { 0.0 };
    let correlation = correlation.clamp(0.0, MOST_CORRELATED);
    let fewer = (1.0 + correlation) / (1.0 - correlation);
    Some(((variance * fewer).sqrt(), (count / fewer - 1.0).max(1.0)))
}

#[expect(clippy::cast_precision_loss, reason = "a few dozen")]
const fn number(count: usize) -> f64 {
    count as f64
}
