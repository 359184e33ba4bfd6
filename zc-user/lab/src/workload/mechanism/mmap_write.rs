//! mmap + write: the program maps the file and writes from the mapping.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use memmap2::MmapOptions;

use crate::{
    sink::Sink,
    workload::{
        scenario::{Cache, Calls, Expected, Group, Scenario, Setting, Theory, Work},
        stage::Stage,
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "mmap_write",
    title: "mmap + write",
    group: Group::Transfer,
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
    work: Work::Mechanism(run),
    expect,
};

fn run(stage: &mut Stage) -> Result<()> {
    let size = usize::try_from(stage.size)?;
    stage.begin()?;
    // SAFETY: nobody else has the file of the lab, and a user's file was asked for: if somebody
    // makes it shorter meanwhile, the worker dies of SIGBUS, which is a lesson of its own.
    let mapping = unsafe { MmapOptions::new().len(size).map(&stage.source) };
    for chunk in mapping.context("cannot map the payload")?.chunks(stage.chunk) {
        stage.sink.write_all(chunk)?;
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
