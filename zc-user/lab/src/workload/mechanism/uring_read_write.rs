//! io_uring: read + write, but many of each by one call.

use std::os::fd::AsRawFd as _;

use anyhow::{Context as _, Result};
use io_uring::{opcode, types::Fd};
use zc_common::path::CopyPath;

use crate::{
    sink::{LINEARISED, Sink},
    workload::{
        job::Job,
        memory,
        ring::{self, BATCH},
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "uring_read_write",
    title: "io_uring read + send",
    group: ScenarioGroup::Asynchronous,
    lesson: "One call submits eight reads or sends and collects their results: a fraction of the \
             mode switches. But every byte is copied twice, as with read and write.",
    theory: Theory {
        cpu_copies: Some(2.0),
        storage_dma: 1,
        network_dma: 1,
        mode_switches: None,
        claim: "copies as the operations do; one call for many of them",
    },
    sinks: &[Sink::Tcp, Sink::Veth, Sink::Unix],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

fn run(job: &mut Job) -> Result<()> {
    let mut ring = ring::open()?;
    let (source, sink) = (Fd(job.source.as_raw_fd()), Fd(job.sink.as_raw_fd()));
    let size = usize::try_from(job.size)?;
    let mut memory = memory::pages((job.chunk * BATCH).min(size) as u64)?;
    job.begin()?;
    let mut position = 0;
    while position < size {
        let batch = memory.len().min(size - position);
        let pieces = memory[..batch].chunks_mut(job.chunk);
        if ring::read(&mut ring, source, pieces, position as u64)? != batch {
            anyhow::bail!("the payload has become shorter");
        }
        let mut left: Vec<_> = memory[..batch].chunks(job.chunk).collect();
        while !left.is_empty() {
            let send = |piece: &&[u8]| {
                let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
                opcode::Send::new(sink, piece.as_ptr(), length).flags(libc::MSG_WAITALL).build()
            };
            let results =
                ring::complete(&mut ring, &ring::chained(left.iter().map(send).collect()))?;
            left = ring::unsent(&left, &results).context("cannot send")?;
        }
        position += batch;
    }
    // Before the ring is closed, which takes calls.
    job.end()
}

fn expect(setting: &Setting) -> Expected {
    Expected {
        moved: vec![(CopyPath::FileRead, setting.size), (setting.sink.write_path(), setting.size)],
        copied_bytes: 2 * setting.size + setting.sink.linearised(setting.size),
        // A chain of sends breaks where one is sent in part.
        syscalls: Calls::AtLeast(2 * setting.transfers().div_ceil(BATCH as u64)),
        copies_because: (setting.sink == Sink::VethLinear).then_some(LINEARISED),
        switches_because: None,
    }
}
