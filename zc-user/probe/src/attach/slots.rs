//! Tables of records, and which slots are free before the first thread takes one.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{Array, Map, MapData, Stack},
};
use aya_obj::generated::{BPF_F_MMAPABLE, bpf_attr, bpf_cmd, bpf_map_type};
use zc_common::record::{FreeSlots, Record, UNATTRIBUTED_SLOT};

use super::capacity::Room;
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
        let Some(Map::Array(placeholder)) = ebpf.map(map::TABLES) else {
            anyhow::bail!("the object has no tables of records")
        };
        let all = Blueprint {
            kind: bpf_map_type::BPF_MAP_TYPE_ARRAY_OF_MAPS,
            value: size_of::<u32>(),
            entries: room.most_tables(),
            flags: 0,
            inner: Some(&first),
        };
        all.build()
            .and_then(|tables| {
                let place = placeholder.fd().as_fd().as_raw_fd();
                // SAFETY: two descriptors; the instructions of the programs name the second one by its number.
                let placed = unsafe { libc::dup3(tables.as_raw_fd(), place, libc::O_CLOEXEC) };
                if placed < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
            })
            .context("cannot make the array of tables of records")?;
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

/// A map, as the kernel makes it (`BPF_MAP_CREATE`).
#[derive(Clone, Copy)]
struct Blueprint<'a> {
    kind: bpf_map_type,
    value: usize,
    entries: u32,
    flags: u32,
    /// A map like those that an array of maps holds.
    inner: Option<&'a OwnedFd>,
}

impl Blueprint<'_> {
    fn build(self) -> io::Result<OwnedFd> {
        // SAFETY: integers only, for which 0 is a value.
        let mut attributes: bpf_attr = unsafe { std::mem::zeroed() };
        // SAFETY: the part of the union that the command reads.
        let map = unsafe { &mut attributes.__bindgen_anon_1 };
        map.map_type = self.kind as u32;
        map.key_size = size_of::<u32>() as u32;
        map.value_size = self.value as u32;
        map.max_entries = self.entries;
        map.map_flags = self.flags;
        map.inner_map_fd = self.inner.map_or(0, |inner| inner.as_raw_fd().cast_unsigned());
        // SAFETY: the kernel reads that many bytes, and creates a descriptor.
        unsafe {
            let command = bpf_cmd::BPF_MAP_CREATE as libc::c_int;
            let bytes = size_of::<bpf_attr>();
            let map = libc::syscall(libc::SYS_bpf, command, &raw const attributes, bytes);
            if map < 0 {
                Err(io::Error::last_os_error())
            } else {
                Ok(OwnedFd::from_raw_fd(map as i32))
            }
        }
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
