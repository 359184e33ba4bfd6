//! tee: two readers, one set of pages.

use std::fs::File;

use anyhow::{Context as _, Result};
use rustix::pipe::{SpliceFlags, splice, tee};
use zc_common::path::CopyPath;

use super::splice::{PIPE_BOUNDS, PIPE_CAPACITY};
use crate::{
    sink::Sink,
    workload::{
        job::Job,
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "tee",
    title: "tee",
    group: ScenarioGroup::Pipe,
    lesson: "The contents of one pipe appear in another as well, and stay readable in the first: \
             both hold references to the same pages. The original goes to /dev/null here.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 1,
        network_dma: 0,
        mode_switches: Some(6),
        claim: "a pipe duplicated without a copy and without consuming it; two mode switches per \
                call: fill, duplicate, drain",
    },
    sinks: &[Sink::Pipe],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

fn run(job: &mut Job) -> Result<()> {
    let (out, into) = std::io::pipe().context("cannot make a pipe")?;
    let nowhere = File::options().write(true).open("/dev/null").context("cannot open /dev/null")?;
    job.begin()?;
    loop {
        let mut full = splice(&job.source, None, &into, None, job.chunk, SpliceFlags::empty())?;
        if full == 0 {
            // Before the pipe is closed, which takes calls.
            return job.end();
        }
        while full > 0 {
            // The other pipe may have less room than this one has pages.
            let mut twice = tee(&out, &job.sink, full, SpliceFlags::empty())?;
            full -= twice;
            while twice > 0 {
                twice -= splice(&out, None, &nowhere, None, twice, SpliceFlags::empty())?;
            }
        }
    }
}

fn expect(setting: &Setting) -> Expected {
    Expected {
        // What goes to /dev/null is no payload.
        moved: vec![(CopyPath::Tee, setting.size), (CopyPath::SpliceFilePipe, setting.size)],
        copied_bytes: 0,
        // The last call finds the end of the file. A full pipe ends a call early.
        syscalls: Calls::AtLeast(3 * setting.transfers() + 1),
        copies_because: None,
        switches_because: (setting.chunk > PIPE_CAPACITY).then_some(PIPE_BOUNDS),
    }
}
