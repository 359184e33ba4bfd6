//! O_DIRECT writes: the device reads from the program's memory.

use std::io::Read as _;

use anyhow::Result;
use rustix::fs::{FallocateFlags, fallocate, ftruncate};
use zc_common::path::CopyPath;

use crate::{
    sink::Sink,
    workload::{
        direct::{self, BLOCK},
        job::Job,
        memory,
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "direct_write",
    title: "direct write",
    group: ScenarioGroup::File,
    lesson: "The device takes the bytes from the program's own pages, a whole block at a time, and \
             the call returns when it has them. The file is truncated to its length afterwards.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 1,
        network_dma: 0,
        mode_switches: Some(2),
        claim: "bypasses the page cache; memory, position and length have to be aligned",
    },
    sinks: &[Sink::File],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

fn run(job: &mut Job) -> Result<()> {
    let blocks = job.size.next_multiple_of(BLOCK);
    let mut memory = memory::pages(blocks)?;
    job.source.read_exact(&mut memory[..usize::try_from(job.size)?])?;
    direct::enable(&job.sink)?;
    // As databases do: the file has its blocks before they are written.
    fallocate(&job.sink, FallocateFlags::empty(), 0, blocks)?;
    job.begin()?;
    let mut rest = &memory[..];
    while !rest.is_empty() {
        let chunk = &rest[..rest.len().min(direct::step(job.chunk))];
        let written = rustix::io::write(&job.sink, chunk)?;
        rest = &rest[written..];
    }
    ftruncate(&job.sink, job.size)?;
    job.end()
}

fn expect(setting: &Setting) -> Expected {
    Expected {
        // The last block is written whole.
        moved: vec![(CopyPath::DirectWrite, setting.size.next_multiple_of(BLOCK))],
        copied_bytes: 0,
        // One more to truncate the file to its length.
        syscalls: Calls::Exactly(direct::transfers(setting) + 1),
        copies_because: None,
        switches_because: direct::switches_because(setting),
    }
}
