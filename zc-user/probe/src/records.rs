//! The kernel side's arrays, mapped into this process: reading a record takes no system call.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    ptr::NonNull,
    sync::atomic::{Ordering, fence},
};

use anyhow::{Context as _, Result};
use rustix::mm::{MapFlags, ProtFlags};
use zc_common::record::{Record, STATE_FREE};

/// Elements per mapping. A power of two that makes every mapping a whole number of pages; all of a
/// mapping is resident, used or not, so it is not much larger.
const CHUNK: usize = 512;

/// One mapping of part of an array.
pub(super) struct Chunk {
    address: NonNull<u8>,
    bytes: usize,
}

impl Chunk {
    pub(super) fn map(map: &OwnedFd, offset: u64, bytes: usize) -> io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice.
        let address = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                map,
                offset,
            )
        }?;
        let address = NonNull::new(address.cast()).ok_or_else(|| io::Error::other("no address"))?;
        Ok(Self { address, bytes })
    }

    /// Where it begins.
    pub(super) fn address(&self) -> NonNull<u8> {
        self.address
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: this mapping was made by `map` and no reference into it outlives the chunk.
        // Failing to unmap at exit does no harm.
        let _ = unsafe { rustix::mm::munmap(self.address.as_ptr().cast(), self.bytes) };
    }
}

/// `RECORDS`, mapped piece by piece as far as it is used.
pub(super) struct Records {
    map: OwnedFd,
    capacity: usize,
    chunks: Vec<Chunk>,
}

impl Records {
    /// The array behind `map`, with `capacity` elements.
    pub(super) fn new(map: impl AsFd, capacity: u32) -> Result<Self> {
        let map = map.as_fd().try_clone_to_owned().context("cannot duplicate a map descriptor")?;
        Ok(Self { map, capacity: capacity as usize, chunks: Vec::new() })
    }

    /// Number of slots, the unattributed row included.
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    fn pointer(&mut self, slot: usize) -> Result<NonNull<Record>> {
        anyhow::ensure!(slot < self.capacity, "slot {slot} is beyond the table");
        while self.chunks.len() <= slot / CHUNK {
            let first = self.chunks.len() * CHUNK;
            let bytes = (self.capacity - first).min(CHUNK) * size_of::<Record>();
            let offset = (first * size_of::<Record>()) as u64;
            let chunk = Chunk::map(&self.map, offset, bytes)
                .context("cannot map the kernel's records into memory")?;
            self.chunks.push(chunk);
        }
        let chunk = &self.chunks[slot / CHUNK];
        // SAFETY: the slot lies inside the chunk, whose start is page aligned.
        Ok(unsafe { chunk.address.cast::<Record>().add(slot % CHUNK) })
    }

    /// State and count of changes of a slot, late ones and samples included: what a scan looks at.
    pub(super) fn glance(&mut self, slot: usize) -> Result<(u32, u64)> {
        let record = self.pointer(slot)?.as_ptr();
        // SAFETY: mapped memory; the kernel writes it at any time, so every read is volatile, and
        // aligned integers are read whole.
        Ok(unsafe {
            (
                (&raw const (*record).state).read_volatile(),
                (&raw const (*record).updates)
                    .read_volatile()
                    .wrapping_add((&raw const (*record).late.updates).read_volatile())
                    .wrapping_add((&raw const (*record).samples.cpu).read_volatile()),
            )
        })
    }

    /// A copy of a record. Counters that the kernel changes at the same time are read before or
    /// after the change, each whole.
    pub(super) fn read(&mut self, slot: usize) -> Result<Record> {
        // SAFETY: as in `glance`; every bit pattern is a valid record.
        Ok(unsafe { self.pointer(slot)?.as_ptr().read_volatile() })
    }

    /// Marks a record free, so that no program adds to it any more on behalf of its thread, which is
    /// dead; returns the state it was in. Late writers that had looked before have finished a few
    /// instructions later.
    pub(super) fn seal(&mut self, slot: usize) -> Result<u32> {
        let record = self.pointer(slot)?.as_ptr();
        // SAFETY: as in `glance`; its thread, the only other writer of the field, is gone.
        let state = unsafe {
            let state = &raw mut (*record).state;
            let before = state.read_volatile();
            state.write_volatile(STATE_FREE);
            before
        };
        fence(Ordering::SeqCst);
        Ok(state)
    }

    /// Zeroes a record whose thread is dead and whose key has been removed.
    pub(super) fn clear(&mut self, slot: usize) -> Result<()> {
        let record = self.pointer(slot)?.as_ptr();
        // SAFETY: no other writer can find the record any more.
        unsafe {
            record.write_volatile(Record::ZERO);
        }
        debug_assert_eq!(Record::ZERO.state, STATE_FREE);
        Ok(())
    }
}
