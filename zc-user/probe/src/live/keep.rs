//! Memory that is kept for no more use: by the allocator, and of the file of this program.

use std::{
    ptr,
    time::{Duration, Instant},
};

use rustix::{
    mm::{Advice, madvise},
    param::page_size,
};

use crate::OBJECT;

/// Each allocation from this size on goes back to the kernel when it is given up. The allocator of glibc would raise
/// this with each of them, up to 32 MiB, and keep what lies between others: tens of MiB after a few minutes.
#[cfg(target_env = "gnu")]
const APART: libc::c_int = 1 << 20;
/// Free memory at the end of the heap that stays: what a second takes, on a machine with thousands of processes.
#[cfg(target_env = "gnu")]
const SPARE: libc::c_int = 4 << 20;

/// How often free memory goes back to the kernel.
const PERIOD: Duration = Duration::from_secs(20);

/// Sets the bounds of what the allocator keeps.
pub(super) fn begin() {
    #[cfg(target_env = "gnu")]
    // SAFETY: these are numbers of the allocator's, which it locks.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, APART);
        libc::mallopt(libc::M_TRIM_THRESHOLD, SPARE);
    }
}

/// The object has been loaded, and the kernel's types have been read: neither is looked at again.
pub(super) fn release_object() {
    let page = page_size();
    let from = OBJECT.as_ptr().addr().next_multiple_of(page);
    let to = (OBJECT.as_ptr().addr() + OBJECT.len()) / page * page;
    if let Some(bytes) = to.checked_sub(from) {
        let start = ptr::without_provenance_mut(from);
        // SAFETY: these are whole pages of the program's file that nothing writes to: who looks at them again gets them
        // from there.
        let released = unsafe { madvise(start, bytes, Advice::LinuxDontNeed) };
        debug_assert!(released.is_ok(), "{released:?}");
    }
    release_free();
}

fn release_free() {
    #[cfg(target_env = "gnu")]
    // SAFETY: only memory that is free already is given back.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// What the allocator keeps, which is given back from time to time.
pub(super) struct Heap {
    released: Instant,
}

impl Default for Heap {
    fn default() -> Self {
        Self { released: Instant::now() }
    }
}

impl Heap {
    /// Called a few times a second.
    pub(super) fn tend(&mut self) {
        if self.released.elapsed() >= PERIOD {
            self.released = Instant::now();
            release_free();
        }
    }
}
