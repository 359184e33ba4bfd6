//! read + write: the traditional way, and the baseline of everything else.

use std::io::{Read as _, Write as _};

use anyhow::Result;
use zc_common::path::CopyPath;

use crate::{
    sink::{LINEARISED, Sink},
    workload::{
        job::Job,
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "read_write",
    title: "read + write",
    group: ScenarioGroup::Transfer,
    lesson: "Every byte is copied twice: from the page cache to the program, and from the program \
             to the socket buffer. The program does not look at them.",
    theory: Theory {
        cpu_copies: Some(2.0),
        storage_dma: 1,
        network_dma: 1,
        mode_switches: Some(4),
        claim: "the baseline: storage to page cache to user to socket buffer to network",
    },
    sinks: &[Sink::Tcp, Sink::Veth, Sink::VethLinear, Sink::Unix, Sink::Pipe, Sink::File],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

fn run(job: &mut Job) -> Result<()> {
    let mut buffer = job.take_buffer();
    job.begin()?;
    loop {
        let got = job.source.read(&mut buffer)?;
        if got == 0 {
            // Before the memory is given back, which may be a call of its own.
            return job.end();
        }
        job.sink.write_all(&buffer[..got])?;
    }
}

fn expect(setting: &Setting) -> Expected {
    Expected {
        moved: vec![(CopyPath::FileRead, setting.size), (setting.sink.write_path(), setting.size)],
        copied_bytes: 2 * setting.size + setting.sink.linearised(setting.size),
        // The last read finds the end of the file.
        syscalls: Calls::Exactly(2 * setting.transfers() + 1),
        copies_because: (setting.sink == Sink::VethLinear).then_some(LINEARISED),
        switches_because: None,
    }
}
