//! The order of rows is that of their mean over the last intervals, so that they do not change places each second.

use std::{borrow::Cow, cmp::Ordering};

use super::list::{Entry, Key, Life};
use zc_model::{
    column::{Column, Unit},
    quick::QuickMap,
    value::Value,
};

/// Intervals that count.
pub(super) const INTERVALS: usize = 3;

/// What a row is sorted by.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum By<'a> {
    Number(f64),
    Text(Cow<'a, str>),
    Unknown,
}

impl By<'_> {
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
    /// How often rows have been sorted.
    round: u64,
    /// Of the rows that are not 0 in all of the intervals.
    values: QuickMap<Key, Values>,
}

/// The newest value first.
#[derive(Clone, Copy, Default)]
struct Values {
    values: [f64; INTERVALS],
    /// When the row was last there.
    round: u64,
}

impl Means {
    /// Rows are sorted by this column; `is_new`: of another frame than before.
    pub(super) fn begin(&mut self, column: &'static Column, is_new: bool) {
        if self.column != Some(column) {
            *self = Self { column: Some(column), ..Self::default() };
        }
        self.round += 1;
        self.is_new = is_new || self.intervals == 0;
        if self.is_new {
            self.intervals = (self.intervals + 1).min(INTERVALS);
        }
    }

    /// What this row is sorted by. A row that was not there counts as 0; what has ended stays where it was.
    #[expect(clippy::cast_precision_loss, reason = "three at most")]
    pub(super) fn of<'a>(&mut self, entry: &Entry, value: Value<'a>) -> By<'a> {
        let number = match value {
            Value::Text(text) => return By::Text(text),
            other => match other.number() {
                Some(number) => number,
                None => return By::Unknown,
            },
        };
        let is_damped = self.column.is_some_and(|column| is_damped(column.unit));
        if !is_damped {
            return By::Number(number);
        }
        let known = match self.values.get_mut(&entry.key) {
            Some(known) => known,
            // Most of ten thousand rows do nothing.
            None if number == 0.0 => return By::Number(0.0),
            None => self.values.entry(entry.key.clone()).or_default(),
        };
        if self.is_new && entry.life != Life::Ended && known.round < self.round {
            known.values.rotate_right(1);
        }
        known.round = self.round;
        if entry.life != Life::Ended || known.values == [0.0; INTERVALS] {
            known.values[0] = number;
        }
        By::Number(known.values.iter().sum::<f64>() / self.intervals.max(1) as f64)
    }

    /// All rows are sorted.
    pub(super) fn finish(&mut self) {
        let round = self.round;
        self.values.retain(|_, known| known.round == round && known.values != [0.0; INTERVALS]);
    }
}

/// A ratio has no mean over intervals in which nothing moved, and names do not change.
const fn is_damped(unit: Unit) -> bool {
    matches!(unit, Unit::Bytes | Unit::BytesPerSec | Unit::PerSec | Unit::Count | Unit::Nanoseconds)
}
