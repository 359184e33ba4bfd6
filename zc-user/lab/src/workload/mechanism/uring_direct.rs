//! io_uring and O_DIRECT: the device fills the program's memory, many requests at a time.

use std::os::fd::AsRawFd as _;

use anyhow::Result;
use io_uring::types::Fd;
use zc_common::path::CopyPath;

use crate::{
    sink::Sink,
    workload::{
        direct::{self, BLOCK},
        job::Job,
        memory,
        ring::{self, BATCH},
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "uring_direct",
    title: "io_uring direct read",
    group: ScenarioGroup::Asynchronous,
    lesson: "O_DIRECT copies nothing but waits for the device; with eight requests submitted by \
             one call, the device no longer waits for the program.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 1,
        network_dma: 0,
        mode_switches: None,
        claim: "large files are better served direct and asynchronous than through the page cache",
    },
    sinks: &[Sink::Memory],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

fn run(job: &mut Job) -> Result<()> {
    let mut ring = ring::open()?;
    let mut memory = memory::pages(job.size.next_multiple_of(BLOCK))?;
    direct::enable(&job.source)?;
    let (source, step) = (Fd(job.source.as_raw_fd()), direct::step(job.chunk));
    job.begin()?;
    let mut filled = 0;
    for (number, batch) in memory.chunks_mut(step * BATCH).enumerate() {
        let position = (number * step * BATCH) as u64;
        // The end of the file cuts the last one short.
        filled += ring::read(&mut ring, source, batch.chunks_mut(step), position)?;
    }
    job.end()?;
    job.arrived(&memory[..filled]);
    Ok(())
}

fn expect(setting: &Setting) -> Expected {
    Expected {
        moved: vec![(CopyPath::DirectRead, setting.size)],
        copied_bytes: 0,
        syscalls: Calls::Exactly(direct::transfers(setting).div_ceil(BATCH as u64)),
        copies_because: None,
        switches_because: direct::switches_because(setting),
    }
}
