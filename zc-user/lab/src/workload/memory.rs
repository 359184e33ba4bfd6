//! Memory for a payload that stays in the worker.

use std::{
    fs::{self, File},
    ops::{Deref, DerefMut},
};

use anyhow::{Context as _, Result};
use memmap2::{Mmap, MmapMut, MmapOptions};
use rustix::system::sysinfo;

use crate::unsupported::Unsupported;

/// `size` bytes in pages of their own that have been touched: no page faults are left in them.
///
/// # Errors
/// [`Unsupported`] when the machine has not as much to spare.
pub(crate) fn pages(size: u64) -> Result<MmapMut> {
    fits(size)?;
    let size = usize::try_from(size)?;
    let mut memory = MmapMut::map_anon(size).context("cannot get memory for the payload")?;
    // Written, not only allocated: the page of zeros would be mapped in on reading.
    memory.fill(0xa5);
    Ok(memory)
}

/// Bytes of a huge page on x86-64, and on arm64 with pages of 4 KiB.
pub(crate) const HUGE_PAGE: usize = 2 << 20;

/// Memory in huge pages, from the start of one.
pub(crate) struct HugePages {
    mapping: MmapMut,
    /// Where the first of them begins.
    start: usize,
}

/// At least `size` bytes in huge pages that have been touched.
///
/// # Errors
/// [`Unsupported`] when the kernel has none to give, or the machine not as much to spare.
pub(crate) fn huge_pages(size: u64) -> Result<HugePages> {
    let whole = size.next_multiple_of(HUGE_PAGE as u64);
    fits(whole)?;
    let room = usize::try_from(whole)? + HUGE_PAGE;
    let mapping = MmapMut::map_anon(room).context("cannot get memory for the payload")?;
    // Before it is touched: later, a kernel thread would do it, at its own pace.
    let advised = mapping.advise(memmap2::Advice::HugePage);
    let start = mapping.as_ptr().align_offset(HUGE_PAGE);
    let mut pages = HugePages { mapping, start };
    pages.fill(0xa5);
    if advised.is_err() || huge_bytes()? < whole {
        return Err(Unsupported(
            "the kernel gives no huge pages (see AnonHugePages in /proc/self/smaps_rollup): set \
             /sys/kernel/mm/transparent_hugepage/enabled to madvise, or free some memory"
                .to_owned(),
        )
        .into());
    }
    Ok(pages)
}

/// Bytes of this process in huge pages.
fn huge_bytes() -> Result<u64> {
    let text = fs::read_to_string("/proc/self/smaps_rollup")
        .context("cannot read which pages this process has")?;
    let line = text.lines().find_map(|line| line.strip_prefix("AnonHugePages:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(kib.unwrap_or(0) << 10)
}

impl Deref for HugePages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.mapping[self.start..][..self.mapping.len() - HUGE_PAGE]
    }
}

impl DerefMut for HugePages {
    fn deref_mut(&mut self) -> &mut [u8] {
        let size = self.mapping.len() - HUGE_PAGE;
        &mut self.mapping[self.start..][..size]
    }
}

/// Checks that `size` bytes are at most half of the free memory.
pub(crate) fn fits(size: u64) -> Result<()> {
    let info = sysinfo();
    let free = u64::from(info.mem_unit) * (info.freeram + info.bufferram);
    if size > free / 2 {
        return Err(Unsupported(format!(
            "the program keeps the whole payload ({size} bytes) in memory, and {free} bytes are \
             free; use a smaller --size"
        ))
        .into());
    }
    Ok(())
}

/// The first `size` bytes of a file, to look at.
pub(crate) fn mapped(file: &File, size: u64) -> Result<impl Deref<Target = [u8]> + use<>> {
    let size = usize::try_from(size)?;
    // SAFETY: a file without a name that only this process has.
    let mapping: Mmap = unsafe { MmapOptions::new().len(size).map(file) }
        .context("cannot read what was written")?;
    Ok(mapping)
}
