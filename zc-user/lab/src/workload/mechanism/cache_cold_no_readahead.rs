//! A read of a file that is not in memory, without readahead.

use anyhow::Result;
use rustix::fs::{Advice, fadvise};

use super::cache_warm::{expect as read, read_all, theory};
use crate::{
    sink::Sink,
    workload::{
        direct,
        job::Job,
        memory,
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "cache_cold_no_readahead",
    title: "read, cold cache, no readahead",
    group: ScenarioGroup::PageCache,
    lesson: "As many misses and as much DMA as before, but no readahead: each read waits for a \
             device request of its own. Compare requests, context switches and time.",
    theory: theory(
        1,
        "a miss costs one DMA transfer; without readahead the program waits for each",
    ),
    sinks: &[Sink::Memory],
    cache: Cache::Cold,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

fn run(job: &mut Job) -> Result<()> {
    direct::on_device(&job.source)?;
    let mut memory = memory::pages(job.size)?;
    job.begin()?;
    // As if positions were about to jump: FMODE_RANDOM (mm/fadvise.c).
    fadvise(&job.source, 0, None, Advice::Random)?;
    read_all(job, &mut memory)?;
    job.end()?;
    job.arrived(&memory);
    Ok(())
}

fn expect(setting: &Setting) -> Expected {
    Expected { syscalls: Calls::Exactly(setting.transfers() + 1), ..read(setting) }
}
