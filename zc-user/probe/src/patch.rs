//! Writes what is known of the kernel and of this run into the instructions that ask for it, before the
//! object is loaded; see [`zc_common::placeholder`].

use anyhow::{Context as _, Result, anyhow, bail};
use object::{Object as _, ObjectSection as _, SectionKind};
use zc_common::{
    config::Config,
    layout::ABSENT,
    placeholder::{ARGUMENT, ARGUMENT_BYTES, CAST, CONSTANT, MEMBER},
};

/// Bytes of an instruction (`struct bpf_insn`, `include/uapi/linux/bpf.h`).
const INSTRUCTION: usize = 8;

// Opcodes (`include/uapi/linux/bpf.h`, `bpf_common.h`).
const CLASS_MASK: u8 = 0x07;
const BPF_LDX: u8 = 0x01;
/// A load of a 64-bit immediate, which takes two instructions.
const LOAD_IMMEDIATE: u8 = 0x18;
/// A move of an immediate to 64 bits.
const MOVE: u8 = 0xb7;
/// A move of an immediate to 32 bits, which clears the others.
const MOVE_32: u8 = 0xb4;
/// A move from register to register.
const MOVE_REGISTER: u8 = 0xbf;
const CALL: u8 = 0x85;
/// In the source register of a call: the immediate is the BTF id of a function of the kernel.
const PSEUDO_KFUNC_CALL: u8 = 2;
/// Registers of a move from the first argument to the result: `r0 = r1`.
const RESULT_FROM_FIRST: u8 = 0x10;

/// The object with every placeholder replaced.
///
/// # Errors
/// When it is no ELF object, or asks for what [`Config`] does not have.
pub(crate) fn patched(object: &[u8], config: &Config) -> Result<Vec<u8>> {
    let file = object::File::parse(object)
        .map_err(|error| anyhow!("cannot read the eBPF object: {error}"))?;
    let words = config.words();
    let mut patched = object.to_vec();
    for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
        let Some((begin, length)) = section.file_range() else { continue };
        let (begin, length) = (usize::try_from(begin)?, usize::try_from(length)?);
        let code = patched.get_mut(begin..begin + length).context("a section is cut off")?;
        patch(code, &words, config.variants.cast)?;
    }
    Ok(patched)
}

fn patch(code: &mut [u8], words: &[u32], cast: u32) -> Result<()> {
    let mut at = 0;
    while let Some(instruction) = code.get_mut(at..at + INSTRUCTION) {
        at += if instruction[0] == LOAD_IMMEDIATE { 2 * INSTRUCTION } else { INSTRUCTION };
        let offset = u16::from_le_bytes([instruction[2], instruction[3]]);
        let immediate =
            u32::from_le_bytes([instruction[4], instruction[5], instruction[6], instruction[7]]);
        let word = |index: u32| {
            words.get(index as usize).copied().context("the eBPF object asks for an unknown value")
        };
        match instruction[0] {
            opcode if opcode & CLASS_MASK == BPF_LDX => {
                let offset = if (MEMBER..ARGUMENT).contains(&offset) {
                    word(u32::from(offset - MEMBER))?
                } else if (ARGUMENT..ARGUMENT + (ARGUMENT - MEMBER)).contains(&offset) {
                    word(u32::from(offset - ARGUMENT))?.saturating_mul(ARGUMENT_BYTES)
                } else {
                    continue;
                };
                // The verifier drops the branch that loads what this kernel does not have.
                let offset = if offset >= ABSENT / 2 { 0 } else { offset };
                let Ok(offset) = i16::try_from(offset) else {
                    bail!("a structure of this kernel is longer than an instruction can reach")
                };
                instruction[2..4].copy_from_slice(&offset.to_le_bytes());
            }
            MOVE | MOVE_32 if (CONSTANT..CAST).contains(&immediate) => {
                instruction[0] = MOVE_32;
                instruction[4..8].copy_from_slice(&word(immediate - CONSTANT)?.to_le_bytes());
            }
            CALL if immediate == CAST && cast != 0 => {
                instruction[1] = PSEUDO_KFUNC_CALL << 4;
                instruction[4..8].copy_from_slice(&cast.to_le_bytes());
            }
            CALL if immediate == CAST => {
                instruction[..2].copy_from_slice(&[MOVE_REGISTER, RESULT_FROM_FIRST]);
                instruction[4..8].fill(0);
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use zc_common::{
        config::{Settings, Variants},
        layout::Offsets,
        site::Shapes,
    };

    use super::*;
    use crate::OBJECT;

    const UNKNOWN: Config = Config {
        offsets: Offsets::UNKNOWN,
        variants: Variants::UNKNOWN,
        settings: Settings::UNKNOWN,
        shapes: Shapes::UNKNOWN,
    };

    /// One instruction.
    fn instruction(opcode: u8, registers: u8, offset: u16, immediate: u32) -> Vec<u8> {
        let mut bytes = vec![opcode, registers];
        bytes.extend(offset.to_le_bytes());
        bytes.extend(immediate.to_le_bytes());
        bytes
    }

    fn after(mut code: Vec<u8>, words: &[u32], cast: u32) -> Vec<u8> {
        patch(&mut code, words, cast).expect("it is patched");
        code
    }

    #[test]
    fn a_constant_becomes_a_move_that_clears_the_upper_half() {
        let code = instruction(MOVE, 3, 0, CONSTANT + 1);
        assert_eq!(after(code, &[7, ABSENT], 0), instruction(MOVE_32, 3, 0, ABSENT));
    }

    #[test]
    fn a_load_takes_its_offset_and_an_argument_its_place() {
        let load = instruction(0x79, 0x12, MEMBER + 1, 0);
        assert_eq!(after(load, &[0, 1234], 0), instruction(0x79, 0x12, 1234, 0));
        let argument = instruction(0x79, 0x12, ARGUMENT, 0);
        assert_eq!(after(argument, &[3], 0), instruction(0x79, 0x12, 24, 0));
        let absent = instruction(0x61, 0x12, MEMBER, 0);
        assert_eq!(after(absent, &[ABSENT], 0), instruction(0x61, 0x12, 0, 0));
    }

    #[test]
    fn a_store_and_the_second_half_of_a_long_load_stay_as_they_are() {
        let mut code = instruction(LOAD_IMMEDIATE, 1, 0, CONSTANT);
        code.extend(instruction(MOVE, 0, 0, CONSTANT));
        code.extend(instruction(0x7b, 0x12, MEMBER, 0));
        assert_eq!(after(code.clone(), &[7], 0), code);
    }

    #[test]
    fn a_cast_becomes_a_call_of_the_kernel_or_a_move() {
        let code = instruction(CALL, 0, 0, CAST);
        assert_eq!(after(code.clone(), &[], 99), instruction(CALL, 0x20, 0, 99));
        assert_eq!(after(code, &[], 0), instruction(MOVE_REGISTER, 0x10, 0, 0));
    }

    #[test]
    fn an_unknown_value_and_one_out_of_reach_are_refused() {
        assert!(patch(&mut instruction(MOVE, 0, 0, CONSTANT + 1), &[7], 0).is_err());
        assert!(patch(&mut instruction(0x79, 0, MEMBER, 0), &[40_000], 0).is_err());
    }

    #[test]
    fn the_object_asks_for_nothing_unknown_and_nothing_is_left_in_it() {
        let once = patched(OBJECT, &UNKNOWN).expect("the object is patched");
        assert_ne!(once, OBJECT, "the object has placeholders");
        assert_eq!(patched(&once, &UNKNOWN).expect("it is still an object"), once);
    }
}
