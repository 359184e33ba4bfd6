//! 64-bit ELF files, of which nothing is believed: every count is bounded, and whatever does not fit is left out.

pub(crate) mod functions;
mod go;
pub(crate) mod names;
pub(crate) mod symbols;

use std::ops::Range;

use crate::source::{Blocks, Source};

/// More segments than any program has.
const MOST_SEGMENTS: u64 = 256;
/// More sections than any program has that is not compiled with one for each function and left like that.
const MOST_SECTIONS: u64 = 1 << 14;

const PT_LOAD: u32 = 1;
const PT_GNU_EH_FRAME: u32 = 0x6474_e550;
const SHT_NOBITS: u32 = 8;

/// What a file is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    X86,
    Arm,
}

impl Machine {
    /// Whether a system call ends at a place; `before` reads the bytes before it.
    pub(crate) fn has_system_call(self, before: impl Fn(&mut [u8]) -> Option<()>) -> bool {
        match self {
            // `syscall`.
            Self::X86 => {
                let mut bytes = [0; 2];
                before(&mut bytes).is_some() && bytes == [0x0f, 0x05]
            }
            // `svc #0`.
            Self::Arm => {
                let mut bytes = [0; 4];
                before(&mut bytes).is_some() && bytes == [0x01, 0x00, 0x00, 0xd4]
            }
        }
    }

    /// Whether a call ends at a place; `before` reads the bytes before it.
    pub(crate) fn has_call(self, before: impl Fn(&mut [u8]) -> Option<()>) -> bool {
        if self == Self::Arm {
            let mut word = [0; 4];
            // `bl` and `blr`.
            return before(&mut word).is_some_and(|()| {
                let word = u32::from_le_bytes(word);
                word >> 26 == 0b10_0101 || word & 0xffff_fc1f == 0xd63f_0000
            });
        }
        // `call` with a displacement of four bytes; or `ff` with an extension of 2, and what its operand takes: by a
        // register, by memory at a register with no displacement, with one byte, or with four, with an index or without.
        let mut bytes = [0; 7];
        if before(&mut bytes).is_none() {
            return false;
        }
        let is_indirect = |length: usize| {
            let [opcode, operand] = [bytes[7 - length], bytes[8 - length]];
            let (kind, base) = (operand >> 6, operand & 7);
            let index = usize::from(kind != 3 && base == 4);
            let displacement = match kind {
                0 if base == 5 => 4,
                1 => 1,
                2 => 4,
                _ => 0,
            };
            opcode == 0xff && operand >> 3 & 7 == 2 && 2 + index + displacement == length
        };
        bytes[2] == 0xe8 || (2..=7).any(is_indirect)
    }
}

/// A part of the file that is loaded.
#[derive(Clone, Copy, Debug)]
struct Segment {
    offset: u64,
    address: u64,
    bytes: u64,
}

/// A section that may be of use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section {
    pub(crate) name: u32,
    pub(crate) kind: u32,
    pub(crate) address: u64,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    pub(crate) link: u32,
}

/// The headers of a file.
pub(crate) struct Elf<S> {
    pub(crate) file: Blocks<S>,
    pub(crate) machine: Machine,
    segments: Vec<Segment>,
    /// Address and bytes of the table of functions.
    pub(crate) frames: Option<(u64, u64)>,
    pub(crate) sections: Vec<Section>,
    /// Where the names of sections are.
    section_names: u64,
}

impl<S: Source> Elf<S> {
    /// `None` when it is no program for one of the machines.
    pub(crate) fn parse(file: Blocks<S>) -> Option<Self> {
        let header: [u8; 64] = file.array(0)?;
        // 64 bits, little-endian, version 1.
        if header[..7] != *b"\x7fELF\x02\x01\x01" {
            return None;
        }
        let half = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let long = |at: usize| header[at..at + 8].try_into().map(u64::from_le_bytes).ok();
        let machine = match half(18) {
            62 => Machine::X86,
            183 => Machine::Arm,
            _ => return None,
        };
        let (mut segments, mut frames) = (Vec::new(), None);
        let (begin, size) = (long(32)?, u64::from(half(54)));
        if size < 56 {
            return None;
        }
        for number in 0..u64::from(half(56)).min(MOST_SEGMENTS) {
            let at = begin.checked_add(number * size)?;
            let Some(kind) = file.u32(at) else { break };
            let (Some(offset), Some(address), Some(bytes)) =
                (file.u64(at + 8), file.u64(at + 16), file.u64(at + 32))
            else {
                break;
            };
            if offset.checked_add(bytes).is_none() || address.checked_add(bytes).is_none() {
                continue;
            }
            match kind {
                PT_LOAD => segments.push(Segment { offset, address, bytes }),
                PT_GNU_EH_FRAME => frames = Some((address, bytes)),
                _ => {}
            }
        }
        let mut elf =
            Self { file, machine, segments, frames, sections: Vec::new(), section_names: 0 };
        // Whatever the sections are for, a program runs without them.
        let _ = elf.read_sections(long(40)?, u64::from(half(58)), half(60).into(), half(62).into());
        Some(elf)
    }

    fn read_sections(&mut self, begin: u64, size: u64, count: u64, names: usize) -> Option<()> {
        if size < 64 || begin == 0 {
            return None;
        }
        for number in 0..count.min(MOST_SECTIONS) {
            let header: [u8; 64] = self.file.array(begin.checked_add(number * size)?)?;
            let word = |at: usize| header[at..at + 4].try_into().map(u32::from_le_bytes).ok();
            let long = |at: usize| header[at..at + 8].try_into().map(u64::from_le_bytes).ok();
            let section = Section {
                name: word(0)?,
                kind: word(4)?,
                address: long(16)?,
                offset: long(24)?,
                bytes: long(32)?,
                link: word(40)?,
            };
            let fits = section.offset.checked_add(section.bytes).is_some()
                && section.address.checked_add(section.bytes).is_some();
            let bytes = if fits && section.kind != SHT_NOBITS { section.bytes } else { 0 };
            self.sections.push(Section { bytes, ..section });
        }
        self.section_names = self.sections.get(names)?.offset;
        Some(())
    }

    /// The section of this name.
    pub(crate) fn section(&self, name: &str) -> Option<Section> {
        let is_it = |section: &&Section| {
            let at = self.section_names.checked_add(u64::from(section.name));
            at.and_then(|at| self.file.string(at, name.len() + 1))
                .is_some_and(|found| found == name.as_bytes())
        };
        self.sections.iter().find(is_it).copied()
    }

    /// Where in memory the byte at `offset` of the file comes to lie.
    pub(crate) fn address_of(&self, offset: u64) -> Option<u64> {
        self.segments
            .iter()
            .find(|it| (it.offset..it.offset + it.bytes).contains(&offset))
            .map(|it| offset - it.offset + it.address)
    }

    /// Where in the file an address is, and how many bytes of its segment follow.
    pub(crate) fn offset_of(&self, address: u64) -> Option<(u64, u64)> {
        self.segments
            .iter()
            .find(|it| (it.address..it.address + it.bytes).contains(&address))
            .map(|it| (address - it.address + it.offset, it.address + it.bytes - address))
    }

    pub(crate) fn u32_at(&self, address: u64) -> Option<u32> {
        self.file.u32(self.offset_of(address)?.0)
    }

    pub(crate) fn i32_at(&self, address: u64) -> Option<i32> {
        self.file.i32(self.offset_of(address)?.0)
    }

    /// The code in a range of addresses, as far as the file has it, and not more than `most` bytes.
    pub(crate) fn code(&self, range: Range<u64>, most: usize) -> Vec<u8> {
        let Some((offset, bytes)) = self.offset_of(range.start) else { return Vec::new() };
        let wanted = range.end.saturating_sub(range.start).min(bytes);
        let mut code = vec![0; usize::try_from(wanted).unwrap_or(most).min(most)];
        let count = self.file.fill_part(offset, &mut code);
        code.truncate(count);
        code
    }
}
