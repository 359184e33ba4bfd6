//! A piece of code, decoded.

use std::ops::Range;

use crate::{
    arm64,
    elf::{Elf, Machine},
    instruction::Instruction,
    routine::MOST_BYTES,
    source::Source,
    x86,
};

/// Instructions that are decoded at a time.
const MOST_INSTRUCTIONS: usize = 8 << 10;

/// What decoding an instruction, and looking at it, costs, in bytes that are read instead.
const COST: u64 = 64;

/// Bytes before an instruction from which on the code around it is decoded, when it is not known where its function
/// begins, and bytes behind it.
const BEFORE: u64 = 256;
const AFTER: u64 = 384;

pub(crate) struct Code {
    pub(crate) instructions: Vec<Instruction>,
}

impl Code {
    /// The code in a range of addresses. `None` when there is none, or when it costs more than it may.
    pub(crate) fn read<S: Source>(elf: &Elf<S>, range: Range<u64>) -> Option<Self> {
        let bytes = elf.code(range.clone(), MOST_BYTES as usize);
        if bytes.is_empty() {
            return None;
        }
        let instructions = decode(elf.machine, &bytes, range.start);
        elf.file.spend(instructions.len() as u64 * COST).then_some(Self { instructions })
    }

    /// The code around `address`, whose function is not known. Instructions of x86 have no fixed places: of those
    /// ways to decode the code before it that lead to `address`, one of the longest is taken.
    pub(crate) fn around<S: Source>(elf: &Elf<S>, address: u64, least: u64) -> Option<Self> {
        let first = address.saturating_sub(BEFORE).max(least);
        let end = address.checked_add(AFTER)?;
        (first..=address.min(first.saturating_add(15))).find_map(|begin| {
            let code = Self::read(elf, begin..end)?;
            code.place_of(address).map(|_| code)
        })
    }

    /// Which instruction begins at `address`: the first one, if it has several parts.
    pub(crate) fn place_of(&self, address: u64) -> Option<usize> {
        let place = self.instructions.partition_point(|it| it.address < address);
        self.instructions.get(place).filter(|it| it.address == address).map(|_| place)
    }
}

fn decode(machine: Machine, bytes: &[u8], address: u64) -> Vec<Instruction> {
    match machine {
        Machine::X86 => x86::decode(bytes, address, MOST_INSTRUCTIONS),
        Machine::Arm => arm64::decode(bytes, address, MOST_INSTRUCTIONS),
    }
}
