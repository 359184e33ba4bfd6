//! What a line of a table shows: a process, the totals, or what is unattributed.

use crate::{
    counter::Counters,
    frame::Frame,
    snapshot::{PathSample, ProcessSample},
};

/// A borrowed line of a frame; every column can be read from it.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The process, if the line shows one.
    pub process: Option<&'a ProcessSample>,
    /// Counters that belong to no path.
    pub counters: &'a Counters,
    /// The paths that were used, in order.
    pub paths: &'a [PathSample],
}

impl<'a> Row<'a> {
    /// The line of a process.
    #[must_use]
    pub fn process(process: &'a ProcessSample) -> Self {
        Self { process: Some(process), counters: &process.counters, paths: &process.paths }
    }

    /// The line of the totals.
    #[must_use]
    pub fn totals(frame: &'a Frame) -> Self {
        Self { process: None, counters: &frame.totals.counters, paths: &frame.totals.paths }
    }

    /// The line of what is unattributed.
    #[must_use]
    pub fn unattributed(frame: &'a Frame) -> Self {
        Self {
            process: None,
            counters: &frame.unattributed.counters,
            paths: &frame.unattributed.paths,
        }
    }
}
