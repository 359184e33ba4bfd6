//! Tables of records, and which slots are free before the first thread takes one.

use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{Array, Map, MapData, Stack},
};
use aya_obj::generated::{BPF_F_MMAPABLE, bpf_map_type};
use zc_common::record::{FreeSlots, Record, UNATTRIBUTED_SLOT};

use super::{blueprint::Blueprint, capacity::Room};
use crate::object::map;

/// The tables of records that there are.
pub(crate) struct Tables {
    room: Room,
    /// A descriptor of each, in their order.
    made: Vec<OwnedFd>,
}

impl Tables {
    /// The first table, which comes with the object, and an array for all. To be called before a program is loaded:
    /// then the programs have that array in place of the object's.
    ///
    /// # Errors
    /// When the object has no such maps, or the kernel refuses.
    pub(super) fn new(ebpf: &mut Ebpf, room: Room) -> Result<Self> {
        let Some(Map::Array(first)) = ebpf.map(map::RECORDS) else {
            anyhow::bail!("the object has no records")
        };
        let first = first.fd().as_fd().try_clone_to_owned().context("cannot keep the records")?;
        let all = Blueprint::array_of_maps(room.most_tables(), &first);
        all.replace(ebpf, map::TABLES)?;
        let mut tables = Self { room, made: Vec::new() };
        tables.add(ebpf, first)?;
        Ok(tables)
    }

    /// Makes another table, if there may be one. Whether it did.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(crate) fn grow(&mut self, ebpf: &mut Ebpf) -> Result<bool> {
        if self.made.len() >= self.room.most_tables() as usize {
            return Ok(false);
        }
        // As the first one, or the kernel takes it for another kind of map (`bpf_map_meta_equal`,
        // `kernel/bpf/map_in_map.c`, 5.10 to 7.2).
        let table = Blueprint {
            kind: bpf_map_type::BPF_MAP_TYPE_ARRAY,
            key: size_of::<u32>(),
            value: size_of::<Record>(),
            entries: self.room.table(),
            flags: BPF_F_MMAPABLE,
            inner: None,
        };
        let table = table.build().context("cannot make another table of records")?;
        self.add(ebpf, table)?;
        Ok(true)
    }

    /// Tells the kernel side of a table, and frees its slots.
    fn add(&mut self, ebpf: &mut Ebpf, table: OwnedFd) -> Result<()> {
        let number = self.made.len() as u32;
        let tables = ebpf.map_mut(map::TABLES).context("the object has no tables of records")?;
        let mut tables: Array<&mut MapData, u32> = Array::try_from(tables)?;
        tables
            .set(number, table.as_raw_fd().cast_unsigned(), 0)
            .context("cannot add a table of records")?;
        self.made.push(table);
        let begin = number * self.room.table();
        let end = (begin + self.room.table()).min(self.room.slots);
        fill(ebpf, begin.max(UNATTRIBUTED_SLOT + 1), end)
    }

    /// A descriptor of each table, in their order.
    pub(crate) fn descriptors(&self) -> &[OwnedFd] {
        &self.made
    }

    /// How many slots there may be, and in what portions.
    pub(crate) fn room(&self) -> Room {
        self.room
    }
}

/// Slots in a range: one system call pushes them all. CPUs that take a slot at the same time take from
/// neighbouring ranges, which leaves gaps below the highest slot in use; a scan looks beyond several.
const RANGE: u32 = 32;

/// Slots at the high end that are pushed one by one. A program that takes from a range holds all of it for a
/// moment: without these, another CPU could find no slot although the last range has some.
const SINGLE: u32 = 256;

/// Frees the slots from `begin` up to and without `end`.
fn fill(ebpf: &mut Ebpf, begin: u32, end: u32) -> Result<()> {
    let mut free: Stack<&mut MapData, FreeSlots> = Stack::try_from(
        ebpf.map_mut(map::FREE_SLOTS).context("the object has no map FREE_SLOTS")?,
    )?;
    // The last one pushed is the first one taken.
    for range in ranges(begin, end).into_iter().rev() {
        free.push(range, 0).context("cannot fill the stack of free slots")?;
    }
    Ok(())
}

/// These slots, in the order in which they are taken.
fn ranges(begin: u32, end: u32) -> Vec<FreeSlots> {
    let single = end.saturating_sub(SINGLE).max(begin);
    let ranges = (begin..single)
        .step_by(RANGE as usize)
        .map(|first| FreeSlots { first, end: (first + RANGE).min(single) });
    ranges.chain((single..end).map(FreeSlots::one)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_is_in_one_range_and_the_lowest_are_taken_first() {
        for (begin, end) in [(1, 2), (1, 65), (64, 65), (1, 257), (1, 258), (8192, 16_384)] {
            let ranges = ranges(begin, end);
            let all = ranges.iter().flat_map(|range| range.first..range.end);
            assert!(all.eq(begin..end), "{end}: {ranges:?}");
            assert!(ranges.iter().all(|range| range.first < range.end), "{end}: {ranges:?}");
            let single = ranges.iter().rev().take_while(|range| range.end - range.first == 1);
            assert!(single.count() >= 255.min((end - begin) as usize), "{end}: {ranges:?}");
        }
    }

    #[test]
    fn a_system_call_serves_many_slots() {
        assert!(ranges(1, 131_073).len() < 131_073 / 30);
    }
}
