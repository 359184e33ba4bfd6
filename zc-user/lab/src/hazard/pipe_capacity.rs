//! splice moves at most what the pipe holds: a pipe of the usual size makes many small calls.

use anyhow::{Context as _, Result};
use rustix::pipe::{SpliceFlags, fcntl_getpipe_size, fcntl_setpipe_size, splice};
use zc_common::path::CopyPath;

use super::{Case, Fact, Hazard, SIZE, moved};
use crate::workload::job::Job;
use zc_model::frame::Frame;

pub(super) const HAZARD: Hazard = Hazard {
    id: "pipe_capacity",
    title: "splice is limited by the size of its pipe",
    lesson: "A pipe holds 16 pages by default, so a splice of a megabyte moves 64 KiB. With \
             F_SETPIPE_SZ the same transfer takes a sixteenth of the calls.",
    danger: "a proxy that splices with default pipes makes as many system calls as one that copies \
             with a 64 KiB buffer",
    cases: &[
        Case { title: "a pipe of the default size", run: |job| run(job, DEFAULT) },
        Case { title: "a pipe with F_SETPIPE_SZ", run: |job| run(job, LARGE) },
    ],
    figures,
};

/// 16 pages (`PIPE_DEF_BUFFERS`, include/linux/pipe_fs_i.h).
const DEFAULT: usize = 1 << 16;
/// What every user may request (`fs.pipe-max-size`).
const LARGE: usize = 1 << 20;

fn run(job: &mut Job, capacity: usize) -> Result<Vec<Fact>> {
    let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
    if capacity != DEFAULT {
        fcntl_setpipe_size(&writer, capacity).context("cannot make the pipe larger")?;
    }
    let holds = fcntl_getpipe_size(&writer).context("cannot get the size of a pipe")?;
    job.begin()?;
    let mut left = usize::try_from(job.size)?;
    while left > 0 {
        let mut piped = splice(&job.source, None, &writer, None, left, SpliceFlags::MOVE)?;
        left -= piped;
        while piped > 0 {
            piped -= splice(&reader, None, &job.sink, None, piped, SpliceFlags::MOVE)?;
        }
    }
    job.end()?;
    Ok(vec![Fact::new(holds == capacity, format!("the pipe holds {holds} bytes"))])
}

fn figures(frames: &[Frame]) -> Vec<Fact> {
    let cases = frames.iter().zip([DEFAULT as u64, LARGE as u64]).map(|(frame, capacity)| {
        let (calls, bytes) = moved(frame, CopyPath::SpliceFilePipe);
        let each = bytes.checked_div(calls).unwrap_or(0);
        Fact::new(
            (calls, bytes) == (SIZE.div_ceil(capacity), SIZE),
            format!(
                "with a pipe of {capacity} bytes, {calls} calls moved {bytes} bytes: {each} each"
            ),
        )
    });
    cases.collect()
}
