//! A read of a file that is in memory already.

use anyhow::{Result, bail};
use zc_common::path::CopyPath;

use crate::{
    sink::Sink,
    workload::{
        job::Job,
        memory,
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "cache_warm",
    title: "read, warm cache",
    group: ScenarioGroup::PageCache,
    lesson: "Every page is a hit: the device does nothing, and only the cost of the copy to the \
             program is left.",
    theory: theory(0, "a hit costs no DMA transfer"),
    sinks: &[Sink::Memory],
    cache: Cache::Warm,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

/// The theory of a read that takes so many DMA transfers.
pub(super) const fn theory(storage_dma: u32, claim: &'static str) -> Theory {
    Theory { cpu_copies: Some(1.0), storage_dma, network_dma: 0, mode_switches: Some(2), claim }
}

pub(super) fn run(job: &mut Job) -> Result<()> {
    let mut memory = memory::pages(job.size)?;
    job.begin()?;
    read_all(job, &mut memory)?;
    job.end()?;
    job.arrived(&memory);
    Ok(())
}

/// Fills `memory` from the source, a chunk at a time.
pub(super) fn read_all(job: &Job, memory: &mut [u8]) -> Result<()> {
    for chunk in memory.chunks_mut(job.chunk) {
        let got = rustix::io::read(&job.source, &mut *chunk)?;
        if got < chunk.len() {
            bail!("the payload has become shorter");
        }
    }
    Ok(())
}

pub(super) fn expect(setting: &Setting) -> Expected {
    Expected {
        moved: vec![(CopyPath::FileRead, setting.size)],
        copied_bytes: setting.size,
        syscalls: Calls::Exactly(setting.transfers()),
        copies_because: None,
        switches_because: None,
    }
}
