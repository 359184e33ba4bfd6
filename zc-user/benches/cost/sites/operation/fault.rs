//! Page faults: the mapping is emptied, and one page of it touched.

use std::{fs::File, os::fd::AsRawFd as _, ptr};

use anyhow::{Result, ensure};

use super::{Work, file};
use crate::sites::checked;

const PAGE: usize = 4096;
const HUGE: usize = 2 << 20;

pub(super) fn cow() -> Result<Work> {
    let file = file::cached()?;
    let page = mapping(&file, PAGE, libc::MAP_PRIVATE, ptr::null_mut())?;
    Ok(Box::new(move || {
        empty(page, PAGE)?;
        // SAFETY: never unmapped, and no other code has the address.
        unsafe { page.write_volatile(2) };
        Ok(())
    }))
}

pub(super) fn map() -> Result<Work> {
    let page = mapping(&file::cached()?, PAGE, libc::MAP_SHARED, ptr::null_mut())?;
    Ok(Box::new(move || {
        empty(page, PAGE)?;
        // SAFETY: as above.
        unsafe { page.read_volatile() };
        Ok(())
    }))
}

pub(super) fn map_huge() -> Result<Work> {
    let force = "echo advise >/sys/kernel/mm/transparent_hugepage/shmem_enabled";
    file::shell(force)?;
    let fd = rustix::fs::memfd_create(c"huge", rustix::fs::MemfdFlags::empty())?;
    let file = File::from(fd);
    file.set_len(HUGE as u64)?;
    // SAFETY: new memory; what is too much of it stays.
    let room = unsafe {
        let (protection, flags) = (libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        libc::mmap(ptr::null_mut(), 2 * HUGE, protection, flags, -1, 0)
    };
    ensure!(room != libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
    let at = (room as usize).next_multiple_of(HUGE) as *mut u8;
    let memory = mapping(&file, HUGE, libc::MAP_SHARED | libc::MAP_FIXED, at)?;
    // SAFETY: the mapping that was just made.
    unsafe {
        checked(libc::madvise(memory.cast(), HUGE, libc::MADV_HUGEPAGE) as isize)?;
        // The page is made by this, and only mapped from then on.
        memory.write_volatile(1);
    }
    Ok(Box::new(move || {
        let _ = &file;
        empty(memory, HUGE)?;
        // SAFETY: as above.
        unsafe { memory.read_volatile() };
        Ok(())
    }))
}

fn mapping(file: &File, length: usize, flags: i32, at: *mut u8) -> Result<*mut u8> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping, or one that replaces memory that no other code uses.
    let memory = unsafe { libc::mmap(at.cast(), length, protection, flags, file.as_raw_fd(), 0) };
    ensure!(memory != libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
    Ok(memory.cast())
}

/// Unmaps what is mapped, and keeps the mapping.
fn empty(memory: *mut u8, length: usize) -> Result<()> {
    // SAFETY: a mapping of a file, which nothing in this program refers to.
    checked(unsafe { libc::madvise(memory.cast(), length, libc::MADV_DONTNEED) } as isize)?;
    Ok(())
}
