//! Copy on write where the memory is in huge pages.

use std::io::Read as _;

use anyhow::Result;
use rustix::param::page_size;
use zc_common::path::CopyPath;

use super::cow::fork_and_write;
use crate::{
    sink::Sink,
    workload::{
        job::Job,
        memory::{self, HUGE_PAGE},
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "cow_huge",
    title: "copy on write, huge pages",
    group: ScenarioGroup::Memory,
    lesson: "The same fork, of memory in pages of 2 MiB, each written to once. If the kernel copied \
             the mapped page, one byte would cost a copy of two million.",
    theory: Theory {
        cpu_copies: Some(1.0),
        storage_dma: 0,
        network_dma: 0,
        mode_switches: None,
        claim: "a page per first write, and a huge page is a page: all of it for its first byte",
    },
    sinks: &[Sink::Memory],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

fn run(job: &mut Job) -> Result<()> {
    let mut memory = memory::huge_pages(job.size)?;
    let payload = &mut memory[..usize::try_from(job.size)?];
    job.source.read_exact(payload)?;
    fork_and_write(job, payload, HUGE_PAGE)
}

fn expect(setting: &Setting) -> Expected {
    let bytes = setting.size.div_ceil(HUGE_PAGE as u64) * page_size() as u64;
    Expected {
        moved: vec![(CopyPath::CowCopy, bytes)],
        copied_bytes: bytes,
        syscalls: Calls::Exactly(0),
        copies_because: Some(
            "since Linux 5.8 a shared huge page is not copied but split, and of its small pages \
             the one that is written to is copied (do_huge_pmd_wp_page, mm/huge_memory.c)",
        ),
        switches_because: None,
    }
}
