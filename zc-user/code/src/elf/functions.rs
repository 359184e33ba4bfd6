//! Where functions begin and end: from the tables for unwinding, from Go's own, or from the calls to them.

use std::{cell::OnceCell, ops::Range};

use super::{Elf, Machine, go::Go};
use crate::source::Source;

/// Entries of a table for unwinding that has no index.
const MOST_FRAMES: usize = 1 << 16;
/// Bytes of code that are searched for calls.
const MOST_CODE: u64 = 8 << 20;
/// Targets of calls that are kept.
const MOST_TARGETS: usize = 1 << 17;
/// Bytes of the longest function that is believed to lie between two targets.
const MOST_BETWEEN: u64 = 8 << 10;

/// What the functions of a file are known from.
#[derive(Default)]
pub(crate) struct Functions {
    go: OnceCell<Option<Go>>,
    frames: OnceCell<Vec<Range<u64>>>,
    targets: OnceCell<(Vec<u64>, u64)>,
}

impl Functions {
    /// The function that `address` lies in.
    pub(crate) fn at<S: Source>(&self, elf: &Elf<S>, address: u64) -> Option<Range<u64>> {
        indexed(elf, address)
            .or_else(|| self.unindexed(elf, address))
            .or_else(|| self.go(elf)?.function(elf, address))
            .or_else(|| self.between_targets(elf, address))
    }

    /// Go's table, where there is one.
    pub(crate) fn go<S: Source>(&self, elf: &Elf<S>) -> Option<&Go> {
        self.go.get_or_init(|| Go::find(elf)).as_ref()
    }

    /// From `.eh_frame` where it has no index: static programs.
    fn unindexed<S: Source>(&self, elf: &Elf<S>, address: u64) -> Option<Range<u64>> {
        if elf.frames.is_some() {
            return None;
        }
        let frames = self.frames.get_or_init(|| walk(elf));
        let place = frames.partition_point(|it| it.start <= address).checked_sub(1)?;
        frames.get(place).filter(|it| it.contains(&address)).cloned()
    }

    /// Between the targets of two calls, where there is no table.
    fn between_targets<S: Source>(&self, elf: &Elf<S>, address: u64) -> Option<Range<u64>> {
        let (targets, end) = self.targets.get_or_init(|| call_targets(elf));
        if address >= *end {
            return None;
        }
        let place = targets.partition_point(|it| *it <= address).checked_sub(1)?;
        let begin = *targets.get(place)?;
        if address - begin >= MOST_BETWEEN {
            return None;
        }
        let next = targets.get(place + 1).copied().unwrap_or(*end);
        let next = next.min(begin.saturating_add(MOST_BETWEEN));
        // A function with an entry in a table lies between.
        let last = indexed_before(elf, address);
        (last.is_none_or(|last| last <= begin)).then_some(begin..next)
    }
}

/// From the sorted index of the table for unwinding, `.eh_frame_hdr`.
fn indexed<S: Source>(elf: &Elf<S>, address: u64) -> Option<Range<u64>> {
    let (begin, frame) = entry_before(elf, address)?;
    let function = described(elf, frame)?;
    (function.start == begin && function.contains(&address)).then_some(function)
}

fn indexed_before<S: Source>(elf: &Elf<S>, address: u64) -> Option<u64> {
    entry_before(elf, address).map(|(begin, _)| begin)
}

/// The last entry of the index for an address up to this one: the address, and where the description is.
fn entry_before<S: Source>(elf: &Elf<S>, address: u64) -> Option<(u64, u64)> {
    const HEADER: u64 = 12;
    const ENTRY: u64 = 8;
    let (table, bytes) = elf.frames?;
    // Version 1; the number as four bytes; entries of four bytes, relative to the table.
    let [version, _, count, encoding] = elf.u32_at(table)?.to_le_bytes();
    if (version, count, encoding) != (1, 3, 0x3b) {
        return None;
    }
    let count = u64::from(elf.u32_at(table.checked_add(8)?)?);
    let count = count.min(bytes.checked_sub(HEADER)? / ENTRY);
    let word = |number: u64, at: u64| {
        let place = table.checked_add(HEADER + number * ENTRY + at)?;
        table.checked_add_signed(elf.i32_at(place)?.into())
    };
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low.midpoint(high);
        if word(middle, 0)? <= address { low = middle + 1 } else { high = middle }
    }
    let number = low.checked_sub(1)?;
    Some((word(number, 0)?, word(number, 4)?))
}

/// The function that an entry of `.eh_frame` describes, whose addresses have four bytes, relative to where they
/// stand: all that compilers write. The index, which says the same, shows where they do not.
fn described<S: Source>(elf: &Elf<S>, frame: u64) -> Option<Range<u64>> {
    let at = frame.checked_add(8)?;
    let begin = at.checked_add_signed(elf.i32_at(at)?.into())?;
    let bytes = elf.u32_at(at.checked_add(4)?)?;
    Some(begin..begin.checked_add(u64::from(bytes))?)
}

fn walk<S: Source>(elf: &Elf<S>) -> Vec<Range<u64>> {
    let mut found = Vec::new();
    let Some(section) = elf.section(".eh_frame") else { return found };
    let mut at = 0;
    while found.len() < MOST_FRAMES && at + 8 <= section.bytes {
        let Some(length) = elf.file.u32(section.offset + at) else { break };
        if length == u32::MAX {
            break;
        }
        if length >= 4 {
            let Some(common) = elf.file.u32(section.offset + at + 4) else { break };
            if common != 0 {
                found.extend(described(elf, section.address + at));
            }
        }
        at += 4 + u64::from(length);
    }
    found.sort_unstable_by_key(|it| (it.start, it.end));
    found
}

/// The targets of all calls within `.text`, and its end.
fn call_targets<S: Source>(elf: &Elf<S>) -> (Vec<u64>, u64) {
    let Some(section) = elf.section(".text").filter(|it| it.bytes <= MOST_CODE) else {
        return (Vec::new(), 0);
    };
    let end = section.address + section.bytes;
    let code = elf.code(section.address..end, MOST_CODE as usize);
    let mut targets = Vec::new();
    let mut add = |at: usize, distance: i64| {
        let from = section.address + at as u64;
        let to = from.checked_add_signed(distance);
        if let Some(to) = to.filter(|to| (section.address..end).contains(to))
            && targets.len() < MOST_TARGETS
        {
            targets.push(to);
        }
    };
    match elf.machine {
        Machine::X86 => {
            for (at, five) in code.windows(5).enumerate().filter(|(_, it)| it[0] == 0xe8) {
                let distance = i32::from_le_bytes([five[1], five[2], five[3], five[4]]);
                add(at + 5, distance.into());
            }
        }
        Machine::Arm => {
            for (number, four) in code.chunks_exact(4).enumerate() {
                let word = u32::from_le_bytes([four[0], four[1], four[2], four[3]]);
                if word >> 26 == 0b10_0101 {
                    let distance = (word << 6).cast_signed() >> 4;
                    add(number * 4, distance.into());
                }
            }
        }
    }
    targets.sort_unstable();
    targets.dedup();
    (targets, end)
}
