//! In which order processes are listed.

use std::cmp::Ordering;

use crate::{
    column::{Column, Processes},
    frame::Frame,
    group::{self, Group, GroupBy},
    row::Row,
    snapshot::ProcessSample,
    value::Value,
};

/// Which way to sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first, A to Z.
    Ascending,
    /// Greatest first.
    Descending,
}

impl Direction {
    /// What people look for first: the greatest number, the first name.
    #[must_use]
    pub const fn natural(column: &Column) -> Self {
        if column.unit.is_numeric() { Self::Descending } else { Self::Ascending }
    }
}

/// The processes of `frame` in the order of a column, as indices into `frame.processes`.
///
/// Unknown cells come last in either direction, and equal cells are in the order of the
/// process's identity, so that lines do not jump from one frame to the next.
#[must_use]
pub fn order(frame: &Frame, column: &Column, direction: Direction) -> Vec<usize> {
    let cell = |process| column.of_process(process, frame);
    sorted(&frame.processes, cell, direction, identity)
}

/// `rows` in the order of their cells, as indices; `tie` decides between equal ones.
fn sorted<'a, T>(
    rows: &'a [T],
    cell: impl Fn(&'a T) -> Value<'a>,
    direction: Direction,
    tie: impl Fn(&T, &T) -> Ordering,
) -> Vec<usize> {
    let mut cells: Vec<_> = rows.iter().enumerate().map(|(at, row)| (at, row, cell(row))).collect();
    cells.sort_by(|(_, a_row, a), (_, b_row, b)| {
        match (a.is_known(), b.is_known()) {
            (true, true) => match direction {
                Direction::Ascending => a.compare(b),
                Direction::Descending => b.compare(a),
            },
            (a, b) => b.cmp(&a),
        }
        .then_with(|| tie(a_row, b_row))
    });
    cells.into_iter().map(|(at, ..)| at).collect()
}

/// Which processes or groups of them are listed, and in which order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Listing {
    /// The column to sort by.
    pub column: &'static Column,
    /// Ascending or descending.
    pub direction: Direction,
    /// The most processes or groups to list.
    pub top: Option<usize>,
    /// Whether to list processes that did nothing.
    pub idle: bool,
    /// Lists groups of processes.
    pub by: Option<GroupBy>,
}

impl Listing {
    /// Everything, the most copied bytes first.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            column: Processes::COPIED_BYTES,
            direction: Direction::Descending,
            top: None,
            idle: true,
            by: None,
        }
    }

    /// The processes that did something, the most copied bytes first, at most `top` of them.
    #[must_use]
    pub fn busiest(top: usize) -> Self {
        Self { top: Some(top), idle: false, ..Self::everything() }
    }

    /// The processes to list, in order.
    pub fn of<'a>(&self, frame: &'a Frame) -> impl Iterator<Item = &'a ProcessSample> + use<'a> {
        let idle = self.idle;
        order(frame, self.column, self.direction)
            .into_iter()
            .map(|index| &frame.processes[index])
            .filter(move |process| idle || process.is_active())
            .take(self.top.unwrap_or(usize::MAX))
    }

    /// The groups to list, in order; `None` where processes are listed one by one.
    #[must_use]
    pub fn groups(&self, frame: &Frame) -> Option<Vec<Group>> {
        let groups = group::groups(frame, self.by?);
        let cell = |group| self.column.of(Row::group(group), frame);
        let tie = |a: &Group, b: &Group| (&a.name, a.process).cmp(&(&b.name, b.process));
        let mut order = sorted(&groups, cell, self.direction, tie);
        order.truncate(self.top.unwrap_or(usize::MAX));
        let mut groups: Vec<_> = groups.into_iter().map(Some).collect();
        Some(order.into_iter().filter_map(|at| groups[at].take()).collect())
    }
}

/// Merged rows share a pid.
fn identity(a: &ProcessSample, b: &ProcessSample) -> Ordering {
    let merged = || if a.is_merged() { a.kin().cmp(&b.kin()) } else { Ordering::Equal };
    a.id.cmp(&b.id).then_with(merged)
}

#[cfg(test)]
mod tests {
    use zc_common::path::CopyPath;

    use super::*;
    use crate::fixture::sketch::{path, process, snapshot};

    fn pids(column: &Column, direction: Direction) -> Vec<u32> {
        let frame = Frame::cumulative(snapshot(
            1,
            &[
                process(5, "b", &[path(CopyPath::SocketSendZerocopy, 1, 9)]),
                process(4, "a", &[path(CopyPath::FileRead, 1, 10)]),
                process(3, "c", &[path(CopyPath::FileRead, 1, 10)]),
                process(2, "d", &[path(CopyPath::FileRead, 1, 70)]),
                process(1, "e", &[]),
            ],
        ));
        order(&frame, column, direction).iter().map(|at| frame.processes[*at].id.pid).collect()
    }

    #[test]
    fn unknown_cells_are_last_in_either_direction() {
        assert_eq!(pids(Processes::COPIED_BYTES, Direction::Descending), [2, 3, 4, 1, 5]);
        assert_eq!(pids(Processes::COPIED_BYTES, Direction::Ascending), [1, 3, 4, 2, 5]);
        assert_eq!(pids(Processes::AMPLIFICATION, Direction::Ascending), [2, 3, 4, 1, 5]);
    }

    #[test]
    fn names_sort_from_a_to_z() {
        let comm = Processes::COMM;
        assert_eq!(pids(comm, Direction::natural(comm)), [4, 5, 3, 2, 1]);
    }

    #[test]
    fn a_listing_cuts_after_sorting_and_can_leave_out_the_idle() {
        let processes =
            [process(1, "idle", &[]), process(2, "busy", &[path(CopyPath::FileRead, 1, 10)])];
        let frame = Frame::cumulative(snapshot(1, &processes));
        let names = |listing: Listing| -> Vec<_> {
            listing.of(&frame).map(|process| process.comm.to_string()).collect()
        };
        assert_eq!(names(Listing::everything()), ["busy", "idle"]);
        assert_eq!(names(Listing::busiest(10)), ["busy"]);
        assert_eq!(names(Listing { top: Some(1), ..Listing::everything() }), ["busy"]);
    }
}
