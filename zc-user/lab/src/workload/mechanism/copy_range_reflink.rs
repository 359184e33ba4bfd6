//! `copy_file_range` where extents can be shared: no byte moves.

use std::{fs::File, io, io::Seek as _};

use anyhow::Result;
use rustix::fs::{copy_file_range, fstatfs, ftruncate, ioctl_ficlone};
use zc_common::path::CopyPath;

use crate::{
    sink::Sink,
    workload::{
        image, memory,
        scenario::{Cache, Calls, Expected, Group, Scenario, Setting, Theory, Work},
        stage::Stage,
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "copy_range_reflink",
    title: "copy_file_range, shared",
    group: Group::File,
    lesson: "The same call as before, but the new file refers to the extents of the old: nothing \
             is read, copied or written. The name of the call does not tell; the outcome does.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 0,
        network_dma: 0,
        mode_switches: Some(2),
        claim: "a reflink: both files share the extents until one of them is written",
    },
    sinks: &[Sink::File],
    cache: Cache::Any,
    work: Work::Mechanism(run),
    expect,
};

fn run(stage: &mut Stage) -> Result<()> {
    if ioctl_ficlone(&stage.sink, &stage.source).is_ok() {
        // It can; now for the record.
        ftruncate(&stage.sink, 0)?;
        let (source, sink) = (stage.source.try_clone()?, stage.sink.try_clone()?);
        return share(stage, &source, &sink);
    }
    let image = image::FileSystem::on(&stage.sink, stage.size)?;
    let (mut source, sink) = (image.file()?, image.file()?);
    io::copy(&mut stage.source, &mut source)?;
    source.sync_all()?;
    source.rewind()?;
    stage.tell(format!("on {} of the lab's own, in a file", image.kind()));
    share(stage, &source, &sink)?;
    stage.end()?;
    stage.arrived(&memory::mapped(&sink, stage.size)?);
    Ok(())
}

fn share(stage: &mut Stage, source: &File, sink: &File) -> Result<()> {
    // Whole blocks only: what begins within a block has to be copied.
    let block = usize::try_from(fstatfs(sink)?.f_bsize)?.max(1);
    let chunk = (stage.chunk / block).max(1) * block;
    stage.begin()?;
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
