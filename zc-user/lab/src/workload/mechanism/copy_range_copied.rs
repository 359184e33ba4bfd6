//! `copy_file_range` where extents cannot be shared: one copy, inside the kernel.

use std::{fs::File, io, io::Seek as _};

use anyhow::{Context as _, Result};
use rustix::fs::{MemfdFlags, copy_file_range, ftruncate, ioctl_ficlone, memfd_create};
use zc_common::path::CopyPath;

use crate::{
    sink::Sink,
    workload::{
        job::Job,
        memory,
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "copy_range_copied",
    title: "copy_file_range, copied",
    group: ScenarioGroup::File,
    lesson: "On a file system that cannot share extents the kernel copies from page cache to page \
             cache: one copy instead of two, and the bytes do not pass through the program.",
    theory: Theory {
        cpu_copies: Some(1.0),
        storage_dma: 2,
        network_dma: 0,
        mode_switches: Some(2),
        claim: "one copy in the kernel, and one call",
    },
    sinks: &[Sink::File],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

fn run(job: &mut Job) -> Result<()> {
    if ioctl_ficlone(&job.sink, &job.source).is_ok() {
        ftruncate(&job.sink, 0)?;
        return in_memory(job);
    }
    job.begin()?;
    while copy_file_range(&job.source, None, &job.sink, None, job.chunk)? > 0 {}
    Ok(())
}

/// The same between two files in memory, as nothing would be copied on this file system.
fn in_memory(job: &mut Job) -> Result<()> {
    let file = |name| memfd_create(name, MemfdFlags::CLOEXEC).map(File::from);
    let mut source = file("source").context("cannot make a file in memory")?;
    let sink = file("sink").context("cannot make a file in memory")?;
    memory::fits(2 * job.size)?;
    io::copy(&mut job.source, &mut source)?;
    source.rewind()?;
    job.begin()?;
    while copy_file_range(&source, None, &sink, None, job.chunk)? > 0 {}
    job.end()?;
    job.tell("two files in memory, because the directory's file system would have shared extents");
    job.arrived(&memory::mapped(&sink, job.size)?);
    Ok(())
}

fn expect(setting: &Setting) -> Expected {
    Expected {
        moved: vec![(CopyPath::CopyRangeCopied, setting.size)],
        copied_bytes: setting.size,
        // The last call finds the end of the file.
        syscalls: Calls::Exactly(setting.transfers() + 1),
        copies_because: None,
        switches_because: None,
    }
}
