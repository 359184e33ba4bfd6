//! Memory for a payload that stays in the worker.

use std::{fs::File, ops::Deref};

use anyhow::{Context as _, Result};
use memmap2::{Mmap, MmapMut, MmapOptions};
use rustix::system::sysinfo;

use super::stage::Unsupported;

/// `size` bytes in pages of their own that have been touched: no page faults are left in them.
///
/// # Errors
/// [`Unsupported`] when the machine has not as much to spare.
pub(super) fn pages(size: u64) -> Result<MmapMut> {
    fits(size)?;
    let size = usize::try_from(size)?;
    let mut memory = MmapMut::map_anon(size).context("cannot get memory for the payload")?;
    // Written, not only allocated: the page of zeros would be mapped in on reading.
    memory.fill(0xa5);
    Ok(memory)
}

/// Whether `size` bytes leave the machine room to breathe.
pub(super) fn fits(size: u64) -> Result<()> {
    let info = sysinfo();
    let free = u64::from(info.mem_unit) * (info.freeram + info.bufferram);
    if size > free / 2 {
        return Err(Unsupported(format!(
            "the program holds the whole payload, {size} bytes, in memory, of which {free} bytes \
             are free; use a smaller --size"
        ))
        .into());
    }
    Ok(())
}

/// The first `size` bytes of a file, to look at.
pub(super) fn mapped(file: &File, size: u64) -> Result<impl Deref<Target = [u8]> + use<>> {
    let size = usize::try_from(size)?;
    // SAFETY: a file without a name that only this process has.
    let mapping: Mmap = unsafe { MmapOptions::new().len(size).map(file) }
        .context("cannot look at what was written")?;
    Ok(mapping)
}
