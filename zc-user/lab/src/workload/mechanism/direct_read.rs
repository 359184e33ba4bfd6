//! O_DIRECT reads: the device writes into the program's memory.

use anyhow::Result;
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
    id: "direct_read",
    title: "direct read",
    group: ScenarioGroup::File,
    lesson: "With O_DIRECT the device fills the program's own pages: no copy, no page cache, and a \
             wait for the device at every read. Databases have a cache of their own instead.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 1,
        network_dma: 0,
        mode_switches: Some(2),
        claim: "bypasses the page cache; memory, position and length have to be aligned",
    },
    sinks: &[Sink::Memory],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

fn run(job: &mut Job) -> Result<()> {
    let size = usize::try_from(job.size)?;
    let mut memory = memory::pages(job.size.next_multiple_of(BLOCK))?;
    direct::enable(&job.source)?;
    job.begin()?;
    let mut filled = 0;
    while filled < size {
        // Whole blocks are requested; the last one ends with the file.
        let end = memory.len().min(filled + direct::step(job.chunk));
        match rustix::io::read(&job.source, &mut memory[filled..end])? {
            0 => break,
            got => filled += got,
        }
    }
    job.end()?;
    job.arrived(&memory[..filled]);
    Ok(())
}

fn expect(setting: &Setting) -> Expected {
    Expected {
        moved: vec![(CopyPath::DirectRead, setting.size)],
        copied_bytes: 0,
        syscalls: Calls::Exactly(direct::transfers(setting)),
        copies_because: None,
        switches_because: direct::switches_because(setting),
    }
}
