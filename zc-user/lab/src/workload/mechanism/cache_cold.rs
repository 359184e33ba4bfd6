//! A read of a file that is not in memory.

use anyhow::Result;

use super::cache_warm::{self, expect, theory};
use crate::{
    sink::Sink,
    workload::{
        direct,
        job::Job,
        scenario::{Cache, Scenario, ScenarioGroup, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "cache_cold",
    title: "read, cold cache",
    group: ScenarioGroup::PageCache,
    lesson: "Every page is a miss that the device must fill, and yet the program rarely waits: the \
             kernel detects sequential reads and reads ahead.",
    theory: theory(1, "a miss costs one DMA transfer, on top of the copy to the program"),
    sinks: &[Sink::Memory],
    cache: Cache::Cold,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

fn run(job: &mut Job) -> Result<()> {
    direct::on_device(&job.source)?;
    cache_warm::run(job)
}
