//! What O_DIRECT requires: whole blocks, and a file system that supports it.

use std::{fs::File, io};

use anyhow::{Context as _, Result};
use rustix::{
    fs::{IFlags, OFlags, fcntl_getfl, fcntl_setfl, fstatfs, ioctl_getflags, ioctl_setflags},
    io::Errno,
};

use super::scenario::Setting;
use crate::unsupported::Unsupported;

/// Alignment of memory, positions and lengths: a multiple of the logical block size of every
/// device that is in use.
pub(crate) const BLOCK: u64 = 4096;

/// Turns the page cache off for this file.
///
/// # Errors
/// [`Unsupported`] where the file system cannot, or would copy nevertheless.
pub(crate) fn enable(file: &File) -> Result<()> {
    // A file in memory takes the flag since 6.6 (mm/shmem.c), and is copied.
    let kind = on_device(file)?;
    if kind == libc::BTRFS_SUPER_MAGIC && is_empty(file)? {
        // As databases there do (chattr +C): a file with checksums is written through the cache
        // (btrfs_direct_write, fs/btrfs/direct-io.c, 6.12).
        let flags = ioctl_getflags(file).context("cannot get the flags of a file")?;
        ioctl_setflags(file, flags | IFlags::NOCOW).context("cannot turn checksums off")?;
    }
    let flags = fcntl_getfl(file).context("cannot get the flags of a file")?;
    match fcntl_setfl(file, flags | OFlags::DIRECT) {
        Ok(()) => Ok(()),
        Err(Errno::INVAL) => Err(unsupported("the file system does not support O_DIRECT")),
        Err(error) => Err(error).context("cannot turn the page cache off"),
    }
}

/// The kind of file system, which has a device: a file in memory is nothing but page cache.
///
/// # Errors
/// [`Unsupported`] for a file in memory.
pub(crate) fn on_device(file: &File) -> Result<i64> {
    let kind = fstatfs(file).context("cannot get the type of a file system")?.f_type;
    if kind == libc::TMPFS_MAGIC {
        return Err(unsupported("a file in memory has no device behind it"));
    }
    Ok(kind)
}

fn is_empty(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.len() == 0)
}

fn unsupported(why: &str) -> anyhow::Error {
    Unsupported(format!("{why}; choose a directory on a disk with --dir")).into()
}

/// Bytes of one transfer: whole blocks, of a chunk at most, but one at least.
pub(crate) fn step(chunk: usize) -> usize {
    let block = usize::try_from(BLOCK).unwrap_or(usize::MAX);
    (chunk / block).max(1) * block
}

/// Transfers that the payload takes.
pub(crate) fn transfers(setting: &Setting) -> u64 {
    setting.size.div_ceil((setting.chunk / BLOCK).max(1) * BLOCK)
}

/// Why there are more or fewer than one per chunk.
pub(crate) fn switches_because(setting: &Setting) -> Option<&'static str> {
    (!setting.chunk.is_multiple_of(BLOCK) && transfers(setting) != setting.transfers()).then_some(
        "O_DIRECT moves whole blocks only, so that chunks are rounded to a multiple of 4 KiB",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_whole_blocks_and_at_least_one() {
        assert_eq!([1, 4096, 4097, 1_000_003].map(step), [4096, 4096, 4096, 999_424]);
    }
}
