//! The kernel side's arrays, mapped into this process: reading a record takes no system call.

use std::{
    io,
    mem::MaybeUninit,
    ops::Range,
    os::fd::{AsFd, OwnedFd},
    ptr::NonNull,
    sync::atomic::{Ordering, fence},
};

use anyhow::{Context as _, Result};
use rustix::mm::{MapFlags, ProtFlags};
use zc_common::{
    COMM_LEN,
    path::LANES,
    record::{LaneCount, Record, STATE_FREE},
};

use super::{attach::capacity::Room, record_sum::RecordSum};

/// Elements per mapping. A power of two that makes every mapping a whole number of pages; all of a
/// mapping is resident, used or not, so it is not much larger.
const CHUNK: usize = 512;

/// Whose record it is, and the state that its thread is in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// As [`Record::state`].
    pub(super) state: u32,
    /// As [`Record::flags`].
    pub(super) flags: u32,
    /// Thread id.
    pub(super) pid: u32,
    /// Process id.
    pub(super) tgid: u32,
    /// Start of the thread, ns of CLOCK_BOOTTIME.
    pub(super) start_ns: u64,
    /// Start of the process, ns of CLOCK_BOOTTIME.
    pub(super) process_start_ns: u64,
    /// Process id of the parent when the record was made.
    pub(super) parent_tgid: u32,
    /// Start of the parent process, ns of CLOCK_BOOTTIME.
    pub(super) parent_start_ns: u64,
    /// cgroup v2 id, 0 when unknown.
    pub(super) cgroup_id: u64,
    /// Effective user id.
    pub(super) user: u32,
    /// The thread's name, NUL terminated.
    pub(super) comm: [u8; COMM_LEN],
}

/// A structure of 64-bit words, each read whole.
///
/// # Safety
/// `at` is valid for reads and aligned to words, `T` consists of them, and every value of them is a
/// valid one.
unsafe fn words<T: Copy>(at: *const T) -> T {
    const { assert!(size_of::<T>().is_multiple_of(8) && align_of::<T>() == 8) };
    let mut value = MaybeUninit::<T>::uninit();
    for word in 0..size_of::<T>() / 8 {
        // SAFETY: inside both structures, by the promise of the caller.
        unsafe {
            let read = at.cast::<u64>().add(word).read_volatile();
            value.as_mut_ptr().cast::<u64>().add(word).write(read);
        }
    }
    // SAFETY: every word has been written.
    unsafe { value.assume_init() }
}

/// One mapping of part of an array.
pub(super) struct Chunk {
    address: NonNull<u8>,
    bytes: usize,
}

impl Chunk {
    pub(super) fn map(map: impl AsFd, offset: u64, bytes: usize) -> io::Result<Self> {
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

/// The tables of records, mapped piece by piece as far as they are used.
pub(super) struct Records {
    tables: Vec<OwnedFd>,
    room: Room,
    /// Pieces of [`Self::piece`] slots, in the order of the slots.
    chunks: Vec<Option<Chunk>>,
}

impl Records {
    /// Tables of this size, of which there are none yet.
    pub(super) fn new(room: Room) -> Self {
        Self { tables: Vec::new(), room, chunks: Vec::new() }
    }

    /// The next table.
    pub(super) fn add(&mut self, table: impl AsFd) -> Result<()> {
        let table = table.as_fd().try_clone_to_owned();
        self.tables.push(table.context("cannot duplicate a map descriptor")?);
        Ok(())
    }

    /// Number of slots for which there are records, the unattributed row included.
    pub(super) fn capacity(&self) -> usize {
        (self.tables.len() * self.table()).min(self.room.slots as usize)
    }

    /// The slots of each table that there is.
    pub(super) fn tables(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (table, capacity) = (self.table(), self.capacity());
        (0..self.tables.len()).map(move |at| at * table..((at + 1) * table).min(capacity))
    }

    fn table(&self) -> usize {
        self.room.table() as usize
    }

    /// Slots in a mapping: all of a small table, which begins and ends with a page.
    fn piece(&self) -> usize {
        self.table().min(CHUNK)
    }

    fn pointer(&mut self, slot: usize) -> Result<NonNull<Record>> {
        anyhow::ensure!(slot < self.capacity(), "slot {slot} is beyond the tables");
        let (piece, table) = (self.piece(), self.table());
        let at = slot / piece;
        if at >= self.chunks.len() {
            self.chunks.resize_with(at + 1, || None);
        }
        let chunk = match &mut self.chunks[at] {
            Some(chunk) => chunk,
            none => {
                let offset = at * piece % table * size_of::<Record>();
                let map = &self.tables[slot / table];
                let chunk = Chunk::map(map, offset as u64, piece * size_of::<Record>())
                    .context("cannot map the kernel's records into memory")?;
                none.insert(chunk)
            }
        };
        // SAFETY: the slot lies inside the chunk, whose start is page aligned.
        Ok(unsafe { chunk.address.cast::<Record>().add(slot % piece) })
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

    /// Whose record it is.
    pub(super) fn header(&mut self, slot: usize) -> Result<Header> {
        let record = self.pointer(slot)?.as_ptr();
        // SAFETY: as in `glance`; every bit pattern is a valid header.
        Ok(unsafe {
            Header {
                state: (&raw const (*record).state).read_volatile(),
                flags: (&raw const (*record).flags).read_volatile(),
                pid: (&raw const (*record).pid).read_volatile(),
                tgid: (&raw const (*record).tgid).read_volatile(),
                start_ns: (&raw const (*record).start_ns).read_volatile(),
                process_start_ns: (&raw const (*record).process_start_ns).read_volatile(),
                parent_tgid: (&raw const (*record).parent_tgid).read_volatile(),
                parent_start_ns: (&raw const (*record).parent_start_ns).read_volatile(),
                cgroup_id: (&raw const (*record).cgroup_id).read_volatile(),
                user: (&raw const (*record).user).read_volatile(),
                comm: (&raw const (*record).comm).read_volatile(),
            }
        })
    }

    /// Adds what a record has counted to `sum`. Counters that the kernel changes at the same time are
    /// read before or after the change, each whole.
    ///
    /// Nothing is copied but what was counted: of the lanes, which are three quarters of a record, a
    /// thread uses a few.
    pub(super) fn add_to(&mut self, slot: usize, sum: &mut RecordSum) -> Result<()> {
        let record = self.pointer(slot)?.as_ptr();
        // SAFETY: as in `glance`; the parts are structures of words.
        unsafe {
            let counters = words(&raw const (*record).counters);
            sum.add_thread(&counters, &words(&raw const (*record).samples));
            sum.add_late(&words(&raw const (*record).late));
            let lanes = (&raw const (*record).lanes).cast::<LaneCount>();
            for lane in 0..LANES {
                sum.add_lane(lane, &words(lanes.add(lane)));
            }
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
    use zc_common::{path::lane_path, record::STATE_LIVE};

    use super::*;
    use crate::coverage::Coverage;
    use zc_model::counter::CounterId;

    /// Tables that lie in memory of this process, each as large as two mappings, of which the last one is not used
    /// up.
    fn table() -> Records {
        let room = Room::new(8 * CHUNK as u32 - 7);
        assert_eq!(room.table() as usize, 2 * CHUNK);
        let mut records = Records::new(room);
        for _ in 0..room.most_tables() {
            let memory = memfd_create("records", MemfdFlags::CLOEXEC).unwrap();
            ftruncate(&memory, (room.table() as usize * size_of::<Record>()) as u64).unwrap();
            records.add(memory).unwrap();
        }
        records
    }

    #[test]
    fn every_slot_is_in_one_table() {
        for threads in [64, 300, 8 * CHUNK as u32 - 7] {
            let room = Room::new(threads);
            let mut records = Records::new(room);
            assert_eq!(records.capacity(), 0);
            for made in 1..=room.most_tables() as usize {
                let memory = memfd_create("records", MemfdFlags::CLOEXEC).unwrap();
                ftruncate(&memory, (room.table() as usize * size_of::<Record>()) as u64).unwrap();
                records.add(memory).unwrap();
                assert_eq!(records.tables().flatten().count(), records.capacity(), "{made}");
            }
            assert_eq!(records.capacity(), room.slots as usize);
            for slot in 0..records.capacity() {
                store(&mut records, slot, Record { pid: slot as u32, ..Record::ZERO });
            }
            for slot in 0..records.capacity() {
                assert_eq!(records.header(slot).unwrap().pid, slot as u32);
            }
        }
    }

    fn store(records: &mut Records, slot: usize, record: Record) {
        // SAFETY: a mapping of this test alone.
        unsafe { records.pointer(slot).unwrap().write(record) };
    }

    #[test]
    fn a_header_is_that_of_the_record_in_its_slot() {
        let mut records = table();
        for slot in [1, CHUNK - 1, CHUNK, 2 * CHUNK + 7, 8 * CHUNK - 7] {
            let number = slot as u32;
            let record = Record {
                state: STATE_LIVE,
                flags: 5,
                pid: number,
                tgid: number + 1,
                start_ns: 3,
                process_start_ns: 4,
                parent_tgid: number + 2,
                parent_start_ns: 7,
                cgroup_id: 11,
                user: 13,
                comm: *b"fifteen letters\0",
                ..Record::ZERO
            };
            store(&mut records, slot, record);
            let header = records.header(slot).unwrap();
            assert_eq!((header.state, header.flags), (STATE_LIVE, 5));
            assert_eq!(
                (header.pid, header.tgid, header.parent_tgid),
                (number, number + 1, number + 2)
            );
            assert_eq!((header.start_ns, header.process_start_ns), (3, 4));
            assert_eq!((header.parent_start_ns, header.cgroup_id, header.user), (7, 11, 13));
            assert_eq!(&header.comm, b"fifteen letters\0");
        }
        assert!(records.header(records.capacity()).is_err());
    }

    #[test]
    fn whatever_a_record_counts_is_in_the_sum() {
        let mut records = table();
        let coverage = Coverage::of(|_| None, &[]);
        let mut one = Record::ZERO;
        one.counters.syscalls = 3;
        one.counters.transformed_bytes = 5;
        one.samples.copy = 7;
        one.samples.cpu = 11;
        one.late.block_dirtied_bytes = 13;
        for lane in 0..LANES {
            // One word of each lane, another one in each.
            let mut count = LaneCount::ZERO;
            let words = [
                &mut count.ops,
                &mut count.bytes,
                &mut count.errors,
                &mut count.copied,
                &mut count.assumed,
            ];
            let which = lane % words.len();
            if let Some(word) = words.into_iter().nth(which) {
                *word = 17;
            }
            one.lanes[lane] = count;
            store(&mut records, CHUNK + 1, one);
            let mut sum = RecordSum::default();
            records.add_to(CHUNK + 1, &mut sum).unwrap();
            let (counters, paths) = sum.take_sample(&coverage);
            assert_eq!(paths.len(), 1, "{:?}", lane_path(lane));
            let path = paths[0];
            assert_eq!(path.path.known(), Some(lane_path(lane).0));
            let found = [path.ops, path.moved_bytes, path.errors, path.copied_bytes];
            assert_eq!(found.iter().sum::<u64>(), 17, "{path:?}");
            assert_eq!(found[which.min(3)], 17, "{path:?}");
            assert_eq!(counters[CounterId::Syscalls], 3);
            assert_eq!(counters[CounterId::TransformedBytes], 5);
            assert_eq!(counters[CounterId::CopySamples], 7);
            assert_eq!(counters[CounterId::BlockDirtiedBytes], 13);
            one.lanes[lane] = LaneCount::ZERO;
        }
    }
}
