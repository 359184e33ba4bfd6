//! Whether two estimates differ.

use super::{estimate::Estimate, student};
use crate::snapshot::Provenance;

/// At most so many of all comparisons of equal sides claim any change, in each of the two sets of figures that are judged
/// by themselves: together at most one in twenty.
pub(super) const FALSE_ALARMS: f64 = 0.025;

/// What is within this is as good as equal, if the spread allows to see it.
pub(super) const EQUAL: f64 = 0.1;

/// How two estimates differ.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Difference {
    /// As a part of the first; `None` where that is 0.
    pub(super) relative: Option<f64>,
    /// Between which two it is, with 95 % confidence; `None` where the spread is not known.
    pub(super) interval: Option<(f64, f64)>,
    /// The same as `relative`, for what is not known taken to be as little of a change as it can be; 0: none at all.
    pub(super) certain: f64,
    /// The probability that chance alone makes such a difference; `None` where the spread is not known.
    pub(super) by_chance: Option<f64>,
    /// The direction that is claimed depends on a count that may be too small.
    pub(super) is_open: bool,
}

/// The difference from `a` to `b`, where either may have lost counts, and each is off by `drift` of it.
pub(super) fn difference(
    a: &Estimate,
    b: &Estimate,
    (a_lost, b_lost): (bool, bool),
    drift: f64,
) -> Difference {
    let delta = b.value - a.value;
    let is_more = delta > 0.0;
    let (from, to) = if is_more {
        (a.value + a.more, b.value - b.less)
    } else {
        (a.value - a.less, b.value + b.more)
    };
    let least = if is_more { (to - from).max(0.0) } else { (to - from).min(0.0) };
    let of_a = |delta: f64| (a.value > 0.0).then(|| delta / a.value);
    let spread = Spread::of(a, b, drift);
    let by_chance = spread.as_ref().map(|spread| spread.by_chance(from, to, least));
    let interval = spread.and_then(|spread| spread.interval(a.value, b.value));
    Difference {
        relative: of_a(delta),
        interval,
        certain: if from > 0.0 { least / from } else { least.signum() * f64::INFINITY },
        by_chance,
        is_open: if is_more { a_lost } else { b_lost },
    }
}

/// How far the two are off.
enum Spread {
    /// Standard error of the logarithm of their quotient: both are known to a half of themselves at least.
    Quotient { error: f64, freedom: f64 },
    /// Of their difference.
    Difference { error: f64, freedom: f64 },
}

impl Spread {
    /// An error beyond that, as a part of the figure, is not one of factors.
    const MOST_RELATIVE: f64 = 0.5;

    /// `None` where either has no error.
    fn of(a: &Estimate, b: &Estimate, drift: f64) -> Option<Self> {
        let (of_a, of_b) = (a.error?.max(a.floor), b.error?.max(b.floor));
        let of = |of_a: f64, of_b: f64, drifts: f64| {
            // Welch and Satterthwaite: what is off by the drift is taken to be known.
            let all = of_a.powi(2) + of_b.powi(2) + drifts;
            let parts = of_a.powi(4) / a.freedom.max(1.0) + of_b.powi(4) / b.freedom.max(1.0);
            (all.sqrt(), if parts > 0.0 { all.powi(2) / parts } else { f64::INFINITY })
        };
        if a.value > 0.0 && b.value > 0.0 {
            let (error, freedom) = of(of_a / a.value, of_b / b.value, 2.0 * drift.powi(2));
            if error < Self::MOST_RELATIVE {
                return Some(Self::Quotient { error, freedom });
            }
        }
        let drifts = (drift * a.value).powi(2) + (drift * b.value).powi(2);
        let (error, freedom) = of(of_a, of_b, drifts);
        Some(Self::Difference { error, freedom })
    }

    /// The probability that chance makes a difference as from `from` to `to`, which is `least`.
    fn by_chance(&self, from: f64, to: f64, least: f64) -> f64 {
        let (distance, error, freedom) = match *self {
            Self::Quotient { error, freedom } if from > 0.0 && to > 0.0 => {
                ((to / from).ln(), error, freedom)
            }
            Self::Quotient { .. } => return 1.0,
            Self::Difference { error, freedom } => (least, error, freedom),
        };
        match (least, error) {
            (0.0, _) => 1.0,
            (_, 0.0) => 0.0,
            _ => student::probability(distance / error, freedom),
        }
    }

    /// Between which two the relative change from `a` to `b` is.
    fn interval(&self, a: f64, b: f64) -> Option<(f64, f64)> {
        match *self {
            Self::Quotient { error, freedom } => {
                let factor = (student::quantile(0.05, freedom) * error).exp();
                Some((b / a / factor - 1.0, b / a * factor - 1.0))
            }
            Self::Difference { error, freedom } => {
                let margin = student::quantile(0.05, freedom) * error;
                let of_a = |delta: f64| delta / a;
                (a > 0.0).then(|| (of_a(b - a - margin), of_a(b - a + margin)))
            }
        }
    }
}

/// Whether where the figures come from lets them be compared.
pub(super) fn is_comparable(a: &Estimate, b: &Estimate) -> bool {
    let is_counted = |it: &Estimate| {
        it.is_absent || matches!(it.provenance, Provenance::Measured | Provenance::Assumed)
    };
    let is_either = a.is_absent || b.is_absent;
    is_either || a.provenance == b.provenance || is_counted(a) && is_counted(b)
}

/// Which of these are claimed: those that are not made by chance, of all of them together (Holm's procedure).
pub(super) fn claimed(by_chance: &[f64]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..by_chance.len()).collect();
    order.sort_by(|a, b| by_chance[*a].total_cmp(&by_chance[*b]));
    let mut claimed = vec![false; by_chance.len()];
    let mut left = by_chance.len();
    for at in order {
        if by_chance[at] * number(left) > FALSE_ALARMS {
            break;
        }
        claimed[at] = true;
        left -= 1;
    }
    claimed
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
const fn number(count: usize) -> f64 {
    count as f64
}
