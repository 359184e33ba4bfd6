//! How much the maps hold, and the memory for them.

use anyhow::{Error, Result};
use zc_common::record::Record;

/// CPUs that may ever come online: their numbers go up to this.
pub(crate) fn possible_cpus() -> Result<u32> {
    let count = aya::util::nr_cpus().map_err(|(path, error)| {
        Error::new(error).context(format!("cannot read the number of CPUs from {path}"))
    })?;
    Ok(u32::try_from(count)?.min(zc_common::MAX_CPUS))
}

/// Whether this process can open that many more files, and some for everything else.
pub(super) fn may_open(files: usize) -> bool {
    use rustix::process::{Resource, getrlimit};
    const OTHERS: usize = 64;
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let limit = getrlimit(Resource::Nofile).current;
    limit.is_none_or(|limit| (open + files + OTHERS) as u64 <= limit)
}

/// How many slots there may be, and in what portions the records for them are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Slots, the unattributed row included.
    pub(crate) slots: u32,
    /// log2 of the slots in a table of records.
    pub(crate) shift: u32,
}

impl Room {
    /// Room for that many threads, and for the unattributed row.
    pub(crate) fn new(threads: u32) -> Self {
        const LEAST: u32 = 64;
        const MOST: u32 = 8_192;
        let threads = threads.max(LEAST);
        // A power of two: the kernel side finds the table of a slot by a shift.
        let table = (threads / 4).next_power_of_two().clamp(LEAST, MOST);
        Self { slots: threads + 1, shift: table.ilog2() }
    }

    /// Slots in a table.
    pub(crate) fn table(self) -> u32 {
        1 << self.shift
    }

    /// Tables, when all are made.
    pub(crate) fn most_tables(self) -> u32 {
        self.slots.div_ceil(self.table())
    }

    /// Tables that there should be while `used` slots are in use: as many again can be taken until user space looks
    /// next, and most of a table when there are few.
    pub(crate) fn tables_for(self, used: u32) -> u32 {
        let slots = 2 * u64::from(used) + u64::from(self.table()) * 3 / 4;
        let tables = slots.div_ceil(self.table().into());
        u32::try_from(tables).map_or(self.most_tables(), |tables| tables.min(self.most_tables()))
    }
}

/// Threads to track when nothing else is asked for: eight times those there are, and room for a burst; between
/// 32,768 and 1,048,576, and no more than take a quarter of the memory that is available. Records are made when
/// they are needed; the rest of what a thread takes, a twentieth, at once.
#[must_use]
pub fn default_threads() -> u32 {
    const LEAST: u32 = 32_768;
    const MOST: u32 = 1_048_576;
    /// Bytes of a thread: its record, and a bit more than its places in the other maps.
    const BYTES: u64 = size_of::<Record>() as u64 + 128;
    let likely = (4 * (2 * u64::from(threads_now()) + 4096)).next_power_of_two();
    let most = u32::try_from(likely).unwrap_or(MOST).clamp(LEAST, MOST);
    let affordable = crate::memory::available().map_or(u64::MAX, |bytes| bytes / 4 / BYTES);
    let affordable = u32::try_from(affordable).unwrap_or(MOST).max(1024);
    // A power of two: the hash table has as many buckets.
    most.min(1 << affordable.ilog2())
}

/// The threads that there are on the machine.
pub(crate) fn threads_now() -> u32 {
    const UNKNOWN: u32 = 4_096;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    // The fourth field is "running/all".
    load.split_whitespace()
        .nth(3)
        .and_then(|field| field.split('/').nth(1))
        .and_then(|count| count.parse().ok())
        .unwrap_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_powers_of_two_and_hold_every_slot() {
        for threads in [1, 64, 65, 307, 1024, 8192, 50_000, 65_536, 1_048_576] {
            let room = Room::new(threads);
            assert_eq!(room.slots, threads.max(64) + 1);
            assert!(room.table().is_power_of_two() && room.table() <= 8192);
            assert!(room.most_tables() * room.table() >= room.slots, "{room:?}");
            assert!((room.most_tables() - 1) * room.table() < room.slots, "{room:?}");
        }
        assert_eq!(Room::new(1024).table(), 256);
    }

    #[test]
    fn there_is_room_for_as_many_threads_again() {
        let room = Room::new(65_536);
        assert_eq!([0, 500, 1024, 1025, 4000].map(|used| room.tables_for(used)), [1, 1, 1, 2, 2]);
        for used in (0..65_537).step_by(101) {
            let free = u64::from(room.tables_for(used) * room.table()).saturating_sub(used.into());
            assert!(room.tables_for(used) == room.most_tables() || free >= 6144 + u64::from(used));
        }
        assert_eq!(room.tables_for(u32::MAX), room.most_tables());
    }
}
