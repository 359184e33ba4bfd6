//! vmsplice: pages of the program go into a pipe by reference.

use std::io::Read as _;

use anyhow::Result;
use rustix::{
    io::Errno,
    pipe::{IoSliceRaw, SpliceFlags, vmsplice},
};
use zc_common::path::CopyPath;

use super::splice::{PIPE_BOUNDS, PIPE_CAPACITY};
use crate::{
    sink::Sink,
    workload::{
        job::Job,
        memory,
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "vmsplice",
    title: "vmsplice",
    group: ScenarioGroup::Pipe,
    lesson: "The pipe refers to pages of the program's own memory. The program must not change them \
             until the reader has read: the reader gets what it writes there.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 0,
        network_dma: 0,
        mode_switches: Some(2),
        claim: "user pages mapped into a pipe without a copy; two mode switches per call",
    },
    sinks: &[Sink::Pipe],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

fn run(job: &mut Job) -> Result<()> {
    let mut memory = memory::pages(job.size)?;
    job.source.read_exact(&mut memory)?;
    job.begin()?;
    for chunk in memory.chunks(job.chunk) {
        let mut done = 0;
        while done < chunk.len() {
            let pages = [IoSliceRaw::from_slice(&chunk[done..])];
            // SAFETY: the pages live to the end of the work, and the kernel keeps them for the
            // reader beyond that; they are not written to any more.
            match unsafe { vmsplice(&job.sink, &pages, SpliceFlags::empty()) } {
                Ok(taken) => done += taken,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    // Before the memory is given back, which takes a call.
    job.end()
}

fn expect(setting: &Setting) -> Expected {
    Expected {
        moved: vec![(CopyPath::Vmsplice, setting.size)],
        copied_bytes: 0,
        // A full pipe ends a call early.
        syscalls: Calls::AtLeast(setting.transfers()),
        copies_because: None,
        switches_because: (setting.chunk > PIPE_CAPACITY).then_some(PIPE_BOUNDS),
    }
}
