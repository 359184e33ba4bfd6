//! Placeholders: what stands in the instructions of the programs where user space writes a value of
//! [`Config`] before it loads them.
//!
//! A value that the programs load from read-only data costs each run two instructions for its address,
//! one for the load, and what the compiler does with a value that it does not know. Written into the
//! instruction it costs nothing, and the verifier knows it as well: it drops the branches that this kernel
//! or this run does not take.
//!
//! Each value is a 32-bit word of [`Config`], named by its index.

use crate::config::Config;

/// Immediate operand of a move that becomes the word: this, plus the index.
pub const CONSTANT: u32 = 0x5a43_0000;

/// Offset of a load that becomes the word, an offset into a structure: this, plus the index.
pub const MEMBER: u16 = 0x4a00;

/// Offset of a load that becomes that of the argument whose place the word is: this, plus the index.
pub const ARGUMENT: u16 = 0x4c00;

/// Immediate operand of the call of `bpf_rdonly_cast`, which becomes a move where the kernel has none.
pub const CAST: u32 = CONSTANT | 0xffff;

/// Bytes of an argument in the context of a program.
pub const ARGUMENT_BYTES: u32 = 8;

/// The word at `offset`, bytes, in [`Config`]. For constants.
///
/// # Panics
/// If no word lies there.
#[must_use]
pub const fn word(offset: usize) -> u32 {
    assert!(offset.is_multiple_of(4) && offset / 4 < Config::WORDS);
    (offset / 4) as u32
}

// Neighbouring ranges must not meet.
const _: () = assert!(Config::WORDS <= (ARGUMENT - MEMBER) as usize);
const _: () = assert!(Config::WORDS < (CAST - CONSTANT) as usize);
