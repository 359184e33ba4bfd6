//! Whether a whole function does nothing but copy.

use std::collections::BTreeSet;

use crate::{
    flow,
    instruction::{Instruction, Kind, Register, Registers, Source},
};

/// Instructions of the longest routine that is looked at.
pub(crate) const MOST_INSTRUCTIONS: usize = 1_500;

/// Instructions of a short one.
const FEW: usize = 40;

/// Bytes of the code of one.
pub(crate) const MOST_BYTES: u64 = 16 << 10;

/// What the instructions of a function are, one by one.
#[derive(Default)]
struct Tally {
    /// Registers that are loaded, and vectors among those that are computed with.
    loaded: Registers,
    computed: Registers,
    copies: u32,
    /// Bytes of stores of registers that are loaded somewhere, and of others.
    copied: u64,
    other: u64,
    loaded_bytes: u64,
    loads: BTreeSet<crate::instruction::Memory>,
    stores: BTreeSet<crate::instruction::Memory>,
}

impl Tally {
    /// `None` when there is something that no copy routine has.
    fn of(code: &[Instruction]) -> Option<Self> {
        let mut tally = Self::default();
        let mut loaded_vectors = Registers::NONE;
        for it in code {
            match it.kind {
                Kind::Call | Kind::Fill | Kind::Scan => return None,
                Kind::Copy => tally.copies += 1,
                Kind::Load => {
                    let (Some(memory), Some(target)) = (it.load, it.target) else { continue };
                    if !memory.is_constant() {
                        tally.loaded.add(target);
                        tally.loaded_bytes += u64::from(memory.bytes);
                    }
                    loaded_vectors = loaded_vectors.union(Registers::of([target]).vectors());
                    tally.loads.insert(memory);
                }
                Kind::Compute | Kind::Compare => {
                    let touched = it.reads.union(it.writes).vectors();
                    tally.computed = tally.computed.union(touched);
                    let reads_data =
                        it.load.is_some_and(|it| !it.is_constant() && it.base != Some(STACK));
                    if it.kind == Kind::Compute && reads_data {
                        return None;
                    }
                }
                _ => {}
            }
        }
        if tally.computed.meets(loaded_vectors) {
            return None;
        }
        code.iter().for_each(|it| tally.add_store(it));
        Some(tally)
    }

    fn add_store(&mut self, it: &Instruction) {
        let Some(memory) = it.store else { return };
        if it.is_variable(&memory) {
            return;
        }
        self.stores.insert(memory);
        let bytes = u64::from(memory.bytes);
        match it.source {
            Some(Source::Register(source))
                if it.kind == Kind::Store
                    && self.loaded.contains(source)
                    && !self.computed.contains(source) =>
            {
                self.copied += if source.is_vector() { bytes } else { bytes.min(8) };
            }
            _ => self.other += bytes,
        }
    }
}

/// The stack pointer of x86-64.
const STACK: Register = Register::integer(4);

/// Whether the function with this code only copies.
pub(crate) fn only_copies(code: &[Instruction]) -> bool {
    if code.len() > MOST_INSTRUCTIONS {
        return false;
    }
    let Some(tally) = Tally::of(code) else { return false };
    let Tally { copied, other, copies, .. } = tally;
    let flow = flow::follow(code);
    if flow.examined > 0 || other * 20 > copied + other {
        return false;
    }
    let has_copy = copies > 0;
    let both = tally.loads.intersection(&tally.stores).count();
    // What is stored where it was loaded from, or loaded from where it is stored, is swapped.
    if !has_copy && both >= (tally.stores.len() / 2).max(1) {
        return false;
    }
    // One load for many stores is a fill.
    if !has_copy && tally.loaded_bytes * 2 < copied {
        return false;
    }
    let count = code.len() as u64;
    let is_short = code.len() <= FEW;
    copied >= 64 && (has_copy || has_loop(code)) && copied * 10 > count * 4 * 3
        || has_copy && code.len() < FEW
        || is_short && copied >= 32 && copied >= 2 * count
}

fn has_loop(code: &[Instruction]) -> bool {
    let Some(first) = code.first() else { return false };
    code.iter().any(|it| {
        matches!(it.kind, Kind::Jump | Kind::Branch)
            && it.to.is_some_and(|to| (first.address..=it.address).contains(&to))
    })
}
