//! In which order processes are listed.

use std::cmp::Ordering;

use super::{column::Column, frame::Frame, value::Value};
use crate::sample::snapshot::ProcessSample;

/// Which way to sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first, A to Z.
    Ascending,
    /// Greatest first.
    Descending,
}

impl Direction {
    /// What is looked for first: the greatest number, the first name.
    #[must_use]
    pub const fn natural(column: &Column) -> Self {
        if column.unit.is_numeric() { Self::Descending } else { Self::Ascending }
    }

    /// The opposite.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

/// The processes of `frame` in the order of a column, as indices into `frame.processes`.
///
/// Whatever the direction, what is not known comes last, and equal cells are in the order of the
/// process's identity, so that lines do not jump from one frame to the next.
#[must_use]
pub fn order(frame: &Frame, column: &Column, direction: Direction) -> Vec<usize> {
    let mut cells: Vec<(usize, &ProcessSample, Value<'_>)> = frame
        .processes
        .iter()
        .enumerate()
        .map(|(index, process)| (index, process, column.of_process(process, frame)))
        .collect();
    cells.sort_by(|(_, a_process, a), (_, b_process, b)| {
        match (a.is_known(), b.is_known()) {
            (true, true) => match direction {
                Direction::Ascending => a.compare(b),
                Direction::Descending => b.compare(a),
            },
            (a, b) => b.cmp(&a),
        }
        .then_with(|| identity(a_process, b_process))
    });
    cells.into_iter().map(|(index, ..)| index).collect()
}

/// Merged rows share a pid; their names tell them apart.
fn identity(a: &ProcessSample, b: &ProcessSample) -> Ordering {
    a.id.cmp(&b.id).then_with(|| a.comm.cmp(&b.comm))
}
