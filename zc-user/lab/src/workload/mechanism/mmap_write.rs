//! mmap + write: the program maps the file and writes from the mapping.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use memmap2::MmapOptions;

use crate::{
    sink::Sink,
    workload::{
        job::Job,
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "mmap_write",
    title: "mmap + write",
    group: ScenarioGroup::Transfer,
    lesson: "The pages of the page cache appear in the program's memory, so that only the copy to \
             the socket buffer is left. The price is a page fault for each group of pages.",
    theory: Theory {
        cpu_copies: Some(1.0),
        storage_dma: 1,
        network_dma: 1,
        mode_switches: Some(4),
        claim: "saves the copy to the program; a call to map, a call to write, and page faults",
    },
    sinks: &[Sink::Tcp, Sink::Unix, Sink::Pipe, Sink::File],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

fn run(job: &mut Job) -> Result<()> {
    let size = usize::try_from(job.size)?;
    job.begin()?;
    // SAFETY: only the lab has its file, and the user chose a file of theirs: if it is truncated
    // during the run, the worker is killed by SIGBUS, which is a lesson of its own.
    let mapping = unsafe { MmapOptions::new().len(size).map(&job.source) };
    for chunk in mapping.context("cannot map the payload")?.chunks(job.chunk) {
        job.sink.write_all(chunk)?;
    }
    Ok(())
}

fn expect(setting: &Setting) -> Expected {
    Expected {
        moved: vec![(setting.sink.write_path(), setting.size)],
        copied_bytes: setting.size,
        // One to map and one to unmap.
        syscalls: Calls::Exactly(setting.transfers() + 2),
        copies_because: None,
        switches_because: (setting.transfers() > 1).then_some(
            "the file is mapped once, not once per transfer, and the page faults are taken inside \
             write(), where the CPU is in kernel mode already (fault_in_readable, \
             lib/iov_iter.c)",
        ),
    }
}
