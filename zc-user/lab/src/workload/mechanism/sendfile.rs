//! sendfile: from file to socket without passing through the program.

use anyhow::Result;
use rustix::fs::sendfile;

use crate::{
    sink::Sink,
    workload::{
        job::Job,
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "sendfile",
    title: "sendfile",
    group: ScenarioGroup::Transfer,
    lesson: "The socket buffer takes references to the pages of the page cache: no byte passes \
             through the program, and there are half as many calls.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 1,
        network_dma: 1,
        mode_switches: Some(2),
        claim: "since 2.4, with a device that has scatter-gather: page references only",
    },
    sinks: &[Sink::Tcp, Sink::Veth, Sink::Unix, Sink::Pipe],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

pub(super) fn run(job: &mut Job) -> Result<()> {
    job.begin()?;
    while sendfile(&job.sink, &job.source, None, job.chunk)? > 0 {}
    Ok(())
}

fn expect(setting: &Setting) -> Expected {
    Expected {
        moved: vec![(setting.sink.sendfile_path(), setting.size)],
        copied_bytes: 0,
        // The last call finds the end of the file. A full pipe or socket ends a call early.
        syscalls: Calls::AtLeast(setting.transfers() + 1),
        copies_because: None,
        switches_because: None,
    }
}
