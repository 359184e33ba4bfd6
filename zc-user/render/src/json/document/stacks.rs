//! Call stacks in the document.

use serde::Serialize;

use crate::folded::whole;
use zc_model::{
    frame::Frame,
    snapshot::{PathId, StackEnd, StackFrame, StackSample, Stacks},
    stack::Estimate,
};

/// Call stacks, where these were asked for.
#[derive(Debug, Serialize)]
pub(super) struct Taken<'a> {
    stacks: Vec<Row<'a>>,
    stacks_lost_bytes: u64,
    /// Half of an interval of 95 %, bytes, or more.
    stacks_lost_bytes_margin: Option<u64>,
    stacks_lost_time_samples: u64,
    stacks_time_sample_ns: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    pid: u32,
    start_ns: u64,
    comm: &'a str,
    path: Option<PathId>,
    copied_bytes: u64,
    /// Half of an interval of 95 %, bytes.
    copied_bytes_margin: u64,
    calls: u64,
    samples: u64,
    time_samples: u64,
    end: StackEnd,
    frames: Vec<&'a StackFrame>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kernel_frames: Vec<&'a StackFrame>,
}

impl<'a> Taken<'a> {
    pub(super) fn of(frame: &'a Frame) -> Option<Self> {
        let stacks: &Stacks = frame.stacks.as_ref()?;
        Some(Self {
            stacks: stacks.rows.iter().map(Row::new).collect(),
            stacks_lost_bytes: stacks.lost_bytes,
            stacks_lost_bytes_margin: stacks.lost_margin().map(whole),
            stacks_lost_time_samples: stacks.lost_time,
            stacks_time_sample_ns: stacks.time_each_ns(),
        })
    }
}

impl<'a> Row<'a> {
    fn new(row: &'a StackSample) -> Self {
        let estimate = Estimate { bytes: row.bytes, variance: row.variance, ..Estimate::default() };
        Self {
            pid: row.process.pid,
            start_ns: row.process.start_ns,
            comm: &row.comm,
            path: row.path,
            copied_bytes: whole(row.bytes),
            copied_bytes_margin: whole(estimate.margin().unwrap_or(0.0) * row.bytes),
            calls: whole(row.calls),
            samples: row.samples,
            time_samples: row.time_samples,
            end: row.end,
            frames: row.frames.iter().map(|frame| &**frame).collect(),
            kernel_frames: row.kernel.iter().map(|frame| &**frame).collect(),
        }
    }
}
