//! A read of a file that is not in memory.

use anyhow::Result;

use super::cache_warm::{self, expect, theory};
use crate::{
    sink::Sink,
    workload::{
        direct,
        scenario::{Cache, Group, Scenario, Work},
        stage::Stage,
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "cache_cold",
    title: "read, cold cache",
    group: Group::PageCache,
    lesson: "Every page is a miss that the device has to fill, and yet the program seldom waits: \
             the kernel sees it read in order and fetches ahead.",
    theory: theory(1, "a miss costs one DMA transfer, on top of the copy to the program"),
    sinks: &[Sink::Memory],
    cache: Cache::Cold,
    work: Work::Mechanism(run),
    expect,
};

fn run(stage: &mut Stage) -> Result<()> {
    direct::on_device(&stage.source)?;
    cache_warm::run(stage)
}
