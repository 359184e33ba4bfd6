//! Files in the page cache, in memory, and made up by the kernel.

use std::{
    fs::{self, File},
    hint::black_box,
    io::Write as _,
    os::{
        fd::{AsRawFd as _, FromRawFd as _},
        unix::{fs::FileExt as _, process::parent_id},
    },
    path::Path,
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::Work;
use crate::sites::checked;

/// Larger than anything that is read.
const FILE_LEN: usize = 64 << 10;

pub(super) fn none() -> Result<Work> {
    Ok(Box::new(|| {
        black_box(parent_id());
        Ok(())
    }))
}

pub(super) fn read_zero() -> Result<Work> {
    Ok(reading(File::open("/dev/zero")?))
}

pub(super) fn read() -> Result<Work> {
    Ok(reading(cached()?))
}

pub(super) fn read_memfd() -> Result<Work> {
    Ok(reading(memfd()?))
}

pub(super) fn read_huge() -> Result<Work> {
    fs::write("/proc/sys/vm/nr_hugepages", "2").context("cannot reserve huge pages")?;
    // SAFETY: a name that ends with a NUL; the descriptor is new.
    let file = unsafe {
        let fd = libc::memfd_create(c"huge".as_ptr(), libc::MFD_HUGETLB);
        File::from_raw_fd(checked(fd as isize)? as i32)
    };
    file.set_len(2 << 20)?;
    Ok(reading(file))
}

pub(super) fn read_proc() -> Result<Work> {
    Ok(reading(File::open("/proc/version")?))
}

pub(super) fn write() -> Result<Work> {
    Ok(writing(cached()?))
}

pub(super) fn write_btrfs() -> Result<Work> {
    let script = "mkdir -p /run/btrfs && fallocate -l 128M /run/btrfs.img \
                  && mkfs.btrfs -q -f /run/btrfs.img && mount -o loop /run/btrfs.img /run/btrfs";
    shell(script)?;
    let file = filled(File::create("/run/btrfs/file")?)?;
    file.sync_all()?;
    Ok(writing(file))
}

/// Reads one byte.
fn reading(file: File) -> Work {
    let mut byte = [0];
    Box::new(move || {
        ensure!(file.read_at(&mut byte, 0)? == 1, "nothing to read");
        Ok(())
    })
}

/// Writes one byte.
pub(super) fn writing(file: File) -> Work {
    Box::new(move || {
        ensure!(file.write_at(&[1], 0)? == 1, "nothing was written");
        Ok(())
    })
}

/// A file on a disk whose pages are all in the page cache; it has no name.
pub(super) fn cached() -> Result<File> {
    let file = filled(tempfile::tempfile_in(Path::new("/tmp"))?)?;
    file.sync_all()?;
    Ok(file)
}

/// A file in memory.
pub(super) fn memfd() -> Result<File> {
    let fd = rustix::fs::memfd_create(c"bench", rustix::fs::MemfdFlags::empty())?;
    filled(File::from(fd))
}

fn filled(mut file: File) -> Result<File> {
    file.write_all(&vec![1; FILE_LEN])?;
    Ok(file)
}

/// Runs a line of shell, which has to succeed.
pub(super) fn shell(line: &str) -> Result<()> {
    let output = Command::new("sh").args(["-c", line]).output().context("cannot run sh")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{line}`: {}", complaint.trim().replace('\n', "; "));
    Ok(())
}

/// Its number, for calls that the library does not have.
pub(super) fn number(file: &File) -> i32 {
    file.as_raw_fd()
}
