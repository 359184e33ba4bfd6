//! Which slots are free before the first thread takes one.

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{MapData, Stack},
};
use zc_common::record::{FreeSlots, UNATTRIBUTED_SLOT};

use crate::object::map;

/// Slots in a range: one system call pushes them all. CPUs that take a slot at the same time take from
/// neighbouring ranges, which leaves gaps below the highest slot in use; a scan looks beyond several.
const RANGE: u32 = 32;

/// Slots at the high end that are pushed one by one. A program that takes from a range holds all of it for a
/// moment: without these, another CPU could find no slot although the last range has some.
const SINGLE: u32 = 256;

/// Frees every slot but that of the unattributed row.
///
/// # Errors
/// When the object has no such map, or the kernel refuses.
pub(super) fn fill(ebpf: &mut Ebpf, slots: u32) -> Result<()> {
    let mut free: Stack<&mut MapData, FreeSlots> = Stack::try_from(
        ebpf.map_mut(map::FREE_SLOTS).context("the object has no map FREE_SLOTS")?,
    )?;
    // The last one pushed is the first one taken.
    for range in ranges(slots).into_iter().rev() {
        free.push(range, 0).context("cannot fill the stack of free slots")?;
    }
    Ok(())
}

/// All slots but that of the unattributed row, in the order in which they are taken.
fn ranges(slots: u32) -> Vec<FreeSlots> {
    let begin = UNATTRIBUTED_SLOT + 1;
    let single = slots.saturating_sub(SINGLE).max(begin);
    let ranges = (begin..single)
        .step_by(RANGE as usize)
        .map(|first| FreeSlots { first, end: (first + RANGE).min(single) });
    ranges.chain((single..slots).map(FreeSlots::one)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_is_in_one_range_and_the_lowest_are_taken_first() {
        for slots in [2, 65, 256, 257, 258, 290, 8193, 131_073] {
            let ranges = ranges(slots);
            let all = ranges.iter().flat_map(|range| range.first..range.end);
            assert!(all.eq(1..slots), "{slots}: {ranges:?}");
            assert!(ranges.iter().all(|range| range.first < range.end), "{slots}: {ranges:?}");
            let single = ranges.iter().rev().take_while(|range| range.end - range.first == 1);
            assert!(single.count() >= 255.min(slots as usize - 1), "{slots}: {ranges:?}");
        }
    }

    #[test]
    fn a_system_call_serves_many_slots() {
        assert!(ranges(131_073).len() < 131_073 / 30);
    }
}
