//! splice: from file to sink through a pipe that holds references.

use anyhow::{Context as _, Result};
use rustix::pipe::{SpliceFlags, splice};
use zc_common::path::CopyPath;

use crate::{
    sink::Sink,
    workload::{
        job::Job,
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "splice",
    title: "splice",
    group: ScenarioGroup::Transfer,
    lesson: "A pipe carries references to pages instead of bytes: file to pipe, pipe to socket. \
             Two calls per transfer, and the capacity of the pipe limits what one call moves.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 1,
        network_dma: 1,
        mode_switches: Some(4),
        claim: "no copy between any two descriptors, one of which is a pipe; two mode switches per \
                call, two calls per transfer",
    },
    sinks: &[Sink::Tcp, Sink::Veth, Sink::Unix, Sink::Pipe, Sink::File],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

/// What a pipe holds unless `F_SETPIPE_SZ` says otherwise: 16 pages (`PIPE_DEF_BUFFERS`).
pub(super) const PIPE_CAPACITY: u64 = 64 << 10;

/// Why a chunk takes more calls than the textbook says.
pub(super) const PIPE_BOUNDS: &str = "a pipe holds 16 buffers of a page (PIPE_DEF_BUFFERS) unless F_SETPIPE_SZ sets more, so \
     that a bigger chunk takes several calls";

fn run(job: &mut Job) -> Result<()> {
    let (out, into) = std::io::pipe().context("cannot make a pipe")?;
    job.begin()?;
    loop {
        let mut full = splice(&job.source, None, &into, None, job.chunk, SpliceFlags::empty())?;
        if full == 0 {
            // Before the pipe is closed, which takes calls.
            return job.end();
        }
        while full > 0 {
            full -= splice(&out, None, &job.sink, None, full, SpliceFlags::empty())?;
        }
    }
}

fn expect(setting: &Setting) -> Expected {
    let to_file = setting.sink == Sink::File;
    let calls = 2 * setting.transfers() + 1;
    Expected {
        moved: vec![
            (CopyPath::SpliceFilePipe, setting.size),
            (setting.sink.splice_path(), setting.size),
        ],
        copied_bytes: if to_file { setting.size } else { 0 },
        // The last call finds the end of the file. A full pipe or socket ends a call early.
        syscalls: if to_file && setting.chunk <= PIPE_CAPACITY {
            Calls::Exactly(calls)
        } else {
            Calls::AtLeast(calls)
        },
        copies_because: to_file.then_some(
            "a page of a pipe cannot become a page of a file: splice to a file writes, which \
             copies (iter_file_splice_write, fs/splice.c, calls generic_perform_write, \
             mm/filemap.c, or the file system's own)",
        ),
        switches_because: (setting.chunk > PIPE_CAPACITY).then_some(PIPE_BOUNDS),
    }
}
