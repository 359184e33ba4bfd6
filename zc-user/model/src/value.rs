//! What a cell of a table holds: a number with its quality, a text, or the reason why there is none.

use std::{borrow::Cow, cmp::Ordering};

use crate::snapshot::Provenance;

/// How far a number can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quality {
    /// Where the number comes from.
    pub provenance: Provenance,
    /// The real number may be greater, because a part of it is not available.
    pub lower_bound: bool,
}

impl Quality {
    /// Counted, all of it.
    pub const MEASURED: Self = Self::of(Provenance::Measured);

    /// A number of this provenance, nothing of which is missing.
    #[must_use]
    pub const fn of(provenance: Provenance) -> Self {
        Self { provenance, lower_bound: false }
    }

    /// How far what is computed from two numbers can be trusted: no further than the worse of them.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            provenance: self.provenance.max(other.provenance),
            lower_bound: self.lower_bound || other.lower_bound,
        }
    }
}

/// The content of a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// A count, in the unit of its column.
    Integer(u64, Quality),
    /// A rate or a ratio, in the unit of its column.
    Real(f64, Quality),
    /// A name. It may come from another process: sanitise before display.
    Text(Cow<'a, str>),
    /// The question has no answer here: the pid of the totals, the hit ratio without a lookup.
    Absent,
    /// This kernel or these privileges cannot give it, and why. Never shown as 0.
    Unavailable(&'a str),
}

impl Value<'_> {
    /// The number, if it is one.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "compared and drawn, never summed up")]
    pub const fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(value, _) => Some(*value as f64),
            Self::Real(value, _) => Some(*value),
            Self::Text(_) | Self::Absent | Self::Unavailable(_) => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// How far the number can be trusted, if it is one.
    #[must_use]
    pub const fn quality(&self) -> Option<Quality> {
        match self {
            Self::Integer(_, quality) | Self::Real(_, quality) => Some(*quality),
            Self::Text(_) | Self::Absent | Self::Unavailable(_) => None,
        }
    }

    /// Whether there is something to show.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        !matches!(self, Self::Absent | Self::Unavailable(_))
    }

    /// Smaller numbers first, texts in the order of their characters, numbers before texts. Values
    /// that are not known are all equal; their place is for the caller to decide.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a, _), Self::Integer(b, _)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                (a, b) => b.is_some().cmp(&a.is_some()),
            },
        }
    }
}
