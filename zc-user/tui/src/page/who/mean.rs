//! The order of rows is that of their mean over the last intervals, so that they do not change places each second.

use std::{cmp::Ordering, collections::HashMap};

use super::list::{Entry, Key, Life};
use zc_model::{
    column::{Column, Unit},
    value::Value,
};

/// Intervals that count.
pub(super) const INTERVALS: usize = 3;

/// What a row is sorted by.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum By {
    Number(f64),
    Text(String),
    Unknown,
}

impl By {
    /// What is not known comes last either way.
    pub(super) fn order(&self, other: &Self, descending: bool) -> Ordering {
        let ascending = match (self, other) {
            (Self::Unknown, Self::Unknown) => return Ordering::Equal,
            (Self::Unknown, _) => return Ordering::Greater,
            (_, Self::Unknown) => return Ordering::Less,
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        };
        if descending { ascending.reverse() } else { ascending }
    }
}

/// The last values of each row in the column that sorts.
#[derive(Default)]
pub(super) struct Means {
    column: Option<&'static Column>,
    /// Intervals since the column sorts, at most as many as count.
    intervals: usize,
    is_new: bool,
    before: HashMap<Key, [f64; INTERVALS]>,
    now: HashMap<Key, [f64; INTERVALS]>,
}

impl Means {
    /// Rows are sorted by this column; `is_new`: of another frame than before.
    pub(super) fn begin(&mut self, column: &'static Column, is_new: bool) {
        if self.column != Some(column) {
            *self = Self { column: Some(column), ..Self::default() };
        }
        self.is_new = is_new || self.intervals == 0;
        if self.is_new {
            self.intervals = (self.intervals + 1).min(INTERVALS);
        }
    }

    /// What this row is sorted by. A row that was not there counts as 0; what has ended stays where it was.
    #[expect(clippy::cast_precision_loss, reason = "three at most")]
    pub(super) fn of(&mut self, entry: &Entry, value: Value<'_>) -> By {
        let number = match value {
            Value::Text(text) => return By::Text(text.into_owned()),
            other => match other.number() {
                Some(number) => number,
                None => return By::Unknown,
            },
        };
        let is_damped = self.column.is_some_and(|column| is_damped(column.unit));
        if !is_damped {
            return By::Number(number);
        }
        let mut values = self.before.get(&entry.key).copied().unwrap_or_default();
        if self.is_new && entry.life != Life::Ended {
            values.rotate_right(1);
        }
        if entry.life != Life::Ended || values == [0.0; INTERVALS] {
            values[0] = number;
        }
        self.now.insert(entry.key.clone(), values);
        By::Number(values.iter().sum::<f64>() / self.intervals.max(1) as f64)
    }

    /// All rows are sorted.
    pub(super) fn finish(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }
}

/// A ratio has no mean over intervals in which nothing moved, and names do not change.
const fn is_damped(unit: Unit) -> bool {
    matches!(unit, Unit::Bytes | Unit::BytesPerSec | Unit::PerSec | Unit::Count | Unit::Nanoseconds)
}
