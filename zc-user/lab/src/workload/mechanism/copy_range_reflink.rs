//! `copy_file_range` where extents can be shared: no byte moves.

use std::{fs::File, io, io::Seek as _};

use anyhow::Result;
use rustix::fs::{copy_file_range, fstatfs, ftruncate, ioctl_ficlone};
use zc_common::path::CopyPath;

use crate::{
    sink::Sink,
    workload::{
        image,
        job::Job,
        memory,
        need::{BTRFS, XFS},
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "copy_range_reflink",
    title: "copy_file_range, shared",
    group: ScenarioGroup::File,
    lesson: "The same call as before, but the new file refers to the extents of the old: nothing \
             is read, copied or written. The name of the call does not show this; the outcome does.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 0,
        network_dma: 0,
        mode_switches: Some(2),
        claim: "a reflink: both files share the extents until one of them is written",
    },
    sinks: &[Sink::File],
    cache: Cache::Any,
    needs: &[&BTRFS, &XFS],
    work: Work::Mechanism(run),
    expect,
};

fn run(job: &mut Job) -> Result<()> {
    if ioctl_ficlone(&job.sink, &job.source).is_ok() {
        // It can; now for the record.
        ftruncate(&job.sink, 0)?;
        let (source, sink) = (job.source.try_clone()?, job.sink.try_clone()?);
        return share(job, &source, &sink);
    }
    let image = image::FileSystem::on(&job.sink, job.size)?;
    let (mut source, sink) = (image.file()?, image.file()?);
    io::copy(&mut job.source, &mut source)?;
    source.sync_all()?;
    source.rewind()?;
    job.tell(format!("on a temporary {} file system in a file", image.kind()));
    share(job, &source, &sink)?;
    job.end()?;
    job.arrived(&memory::mapped(&sink, job.size)?);
    Ok(())
}

fn share(job: &mut Job, source: &File, sink: &File) -> Result<()> {
    // Whole blocks only: what begins within a block has to be copied.
    let block = usize::try_from(fstatfs(sink)?.f_bsize)?.max(1);
    let chunk = (job.chunk / block).max(1) * block;
    job.begin()?;
    while copy_file_range(source, None, sink, None, chunk)? > 0 {}
    Ok(())
}

fn expect(setting: &Setting) -> Expected {
    Expected {
        moved: vec![(CopyPath::CopyRangeReflink, setting.size)],
        copied_bytes: 0,
        // The last call finds the end of the file; a chunk of less than a block is made one.
        syscalls: Calls::AtLeast(setting.size.div_ceil(setting.chunk.max(64 << 10)) + 1),
        copies_because: None,
        switches_because: None,
    }
}
