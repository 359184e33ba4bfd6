//! Many tiny files through mmap: a call, a fault and the rest of a page for each.

use std::{
    fs::File,
    hint::black_box,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    ptr,
};

use anyhow::{Context as _, Result};
use rustix::{
    fs::{MemfdFlags, memfd_create},
    mm::{MapFlags, ProtFlags, mmap, munmap},
};
use zc_common::path::CopyPath;

use super::{Case, Fact, Hazard, counter, moved};
use crate::workload::job::Job;
use zc_model::{counter::CounterId, frame::Frame};

pub(super) const HAZARD: Hazard = Hazard {
    id: "mmap_tiny_files",
    title: "many tiny files through mmap",
    lesson: "read copies a small file with one call. mmap copies nothing, but needs two calls and \
             a page fault, and a mapping is a whole page even where the file is not.",
    danger: "the copy that mmap saves costs less than the page fault that it adds: slower than \
             read, and most of the address space is padding",
    cases: &[Case { title: "read", run: read }, Case { title: "mmap", run: map }],
    figures,
};

const FILES: usize = 251;
const BYTES: usize = 1009;

/// Files in memory, so that no disk is involved.
fn files() -> Result<Vec<File>> {
    let make = |_| {
        let file = File::from(memfd_create("tiny", MemfdFlags::CLOEXEC)?);
        file.write_all_at(&[7; BYTES], 0)?;
        Ok(file)
    };
    (0..FILES).map(make).collect::<Result<_>>().context("cannot make tiny files")
}

fn read(job: &mut Job) -> Result<Vec<Fact>> {
    let files = files()?;
    let mut buffer = job.take_buffer();
    job.begin()?;
    for file in &files {
        file.read_exact_at(&mut buffer[..BYTES], 0)?;
    }
    job.end()?;
    let bytes = (FILES * BYTES) as u64;
    // In units of 512 bytes, whatever the file system (man 2 stat).
    let held: u64 =
        files.iter().map(|file| file.metadata().map_or(0, |meta| 512 * meta.blocks())).sum();
    Ok(vec![Fact::new(
        held > 2 * bytes,
        format!(
            "{FILES} files of {BYTES} bytes hold {held} bytes of memory: {} are padding",
            held.saturating_sub(bytes)
        ),
    )])
}

fn map(job: &mut Job) -> Result<Vec<Fact>> {
    let files = files()?;
    job.begin()?;
    for file in &files {
        // SAFETY: a new mapping, read within the file, and gone before other code uses it.
        unsafe {
            let map = mmap(ptr::null_mut(), BYTES, ProtFlags::READ, MapFlags::SHARED, file, 0)?;
            black_box(map.cast::<u8>().read_volatile());
            munmap(map, BYTES)?;
        }
    }
    job.end()?;
    Ok(Vec::new())
}

fn figures(frames: &[Frame]) -> Vec<Fact> {
    let [read, map] = frames else { return Vec::new() };
    let files = FILES as u64;
    let figures =
        |frame| (counter(frame, CounterId::Syscalls), counter(frame, CounterId::PageFaultsMinor));
    let ((read_calls, read_faults), (map_calls, map_faults)) = (figures(read), figures(map));
    let (_, copied) = moved(read, CopyPath::FileRead);
    vec![
        Fact::new(
            read_calls == files && read_faults < files / 10 && copied == files * BYTES as u64,
            format!("read: {read_calls} calls, {read_faults} page faults, {copied} bytes moved"),
        ),
        Fact::new(
            map_calls == 2 * files && map_faults >= files,
            format!("mmap: {map_calls} calls, {map_faults} page faults, no byte copied"),
        ),
    ]
}
