//! Whether the right program was fixed, and what that saved, from what was recorded before and after.

use zc_model::{
    diff::{Basis, Comparison, Figure, Kind, Options, Payload, Quantity, Series},
    filter::Filter,
    frame::Frame,
    snapshot::Snapshot,
};

use super::role::Role;

/// Frames of the three programs, from snapshots that follow each other.
#[must_use]
pub fn series(snapshots: &[Snapshot], pids: &[u32]) -> Series {
    let mut series = Series::new(Kind::Intervals);
    let filter = Filter { pids: pids.to_vec(), ..Filter::default() };
    for pair in snapshots.windows(2) {
        series.add(&Frame::between(&pair[0], &pair[1]).select(&filter));
    }
    series
}

/// What changed: per byte, as `zc diff` says it, with a verdict that does not depend on what else the machine runs; or per
/// second, to say what the fix saved.
#[must_use]
pub fn compare(before: &Series, after: &Series, basis: Basis) -> Comparison {
    let options = Options { basis: Some(basis), payload: Payload::Busier, least: LEAST };
    Comparison::of(before, after, options)
}

/// Changes below that are not called one.
const LEAST: f64 = 0.01;

/// The copies of a comparison.
#[must_use]
pub fn copied(comparison: &Comparison) -> Option<&Figure> {
    comparison.figures.iter().find(|figure| figure.quantity == Quantity::Copied)
}

/// The grade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// The right one, and the figures show it.
    Right,
    /// The right one, but the figures do not show that fewer bytes are copied: something else runs, or was lost.
    Unshown,
    /// It copied a little, and another one copies more.
    Little,
    /// It copied nothing: it moves by reference.
    Nothing,
}

impl Grade {
    /// The grade for fixing a program of this role.
    #[must_use]
    pub fn of(role: Role, comparison: &Comparison) -> Self {
        match role {
            Role::Copies if fell(comparison) => Self::Right,
            Role::Copies => Self::Unshown,
            Role::Maps => Self::Little,
            Role::Refers => Self::Nothing,
        }
    }

    /// Whether the exercise is solved.
    #[must_use]
    pub const fn is_right(self) -> bool {
        matches!(self, Self::Right)
    }
}

/// Whether less than half as many bytes are copied as before.
fn fell(comparison: &Comparison) -> bool {
    let Some(Figure { a: Some(a), b, .. }) = copied(comparison) else { return false };
    a.value > 0.0 && b.is_none_or(|b| b.value < a.value / 2.0)
}
