//! sendfile to a file: the kernel copies, in spite of the name.

use anyhow::Result;
use zc_common::path::CopyPath;

use super::sendfile;
use crate::{
    sink::Sink,
    workload::{
        job::Job,
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "sendfile_to_file",
    title: "sendfile to a file",
    group: ScenarioGroup::File,
    lesson: "The same call as to a socket, but one copy is left: a page of one file cannot be a \
             page of another. Half of the copies of read + write, not none.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 2,
        network_dma: 0,
        mode_switches: Some(2),
        claim: "sendfile is known as zero-copy; since 2.6.33 its target may be a file",
    },
    sinks: &[Sink::File],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

fn run(job: &mut Job) -> Result<()> {
    sendfile::run(job)
}

fn expect(setting: &Setting) -> Expected {
    Expected {
        moved: vec![(CopyPath::SendfileToFile, setting.size)],
        copied_bytes: setting.size,
        // The last call finds the end of the file.
        syscalls: Calls::Exactly(setting.transfers() + 1),
        copies_because: Some(
            "the pages pass an internal pipe by reference, and are then written, which copies \
             (splice_direct_to_actor and iter_file_splice_write, fs/splice.c)",
        ),
        switches_because: None,
    }
}
