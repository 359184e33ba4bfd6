//! What a line of a table shows: a process, a group of them, the totals, or what is unattributed.

use crate::{
    counter::Counters,
    frame::Frame,
    group::Group,
    snapshot::{PathSample, ProcessSample},
};

/// A borrowed line of a frame; every column can be read from it.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The process, if the line shows one.
    pub process: Option<&'a ProcessSample>,
    /// The group, if the line shows one.
    pub group: Option<&'a Group>,
    /// Counters that belong to no path.
    pub counters: &'a Counters,
    /// The paths that were used, in order.
    pub paths: &'a [PathSample],
}

impl<'a> Row<'a> {
    /// The line of a process.
    #[must_use]
    pub fn process(process: &'a ProcessSample) -> Self {
        Self { process: Some(process), ..Self::counts(&process.counters, &process.paths) }
    }

    /// The line of a group.
    #[must_use]
    pub fn group(group: &'a Group) -> Self {
        Self { group: Some(group), ..Self::counts(&group.counters, &group.paths) }
    }

    /// A line of which only the counts are shown.
    #[must_use]
    pub const fn counts(counters: &'a Counters, paths: &'a [PathSample]) -> Self {
        Self { process: None, group: None, counters, paths }
    }

    /// The line of the totals.
    #[must_use]
    pub fn totals(frame: &'a Frame) -> Self {
        Self::counts(&frame.totals.counters, &frame.totals.paths)
    }

    /// The line of what is unattributed.
    #[must_use]
    pub fn unattributed(frame: &'a Frame) -> Self {
        Self::counts(&frame.unattributed.counters, &frame.unattributed.paths)
    }
}
