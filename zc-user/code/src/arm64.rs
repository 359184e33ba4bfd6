//! Code for arm64: every instruction has four bytes, and those that access memory do nothing else.

use crate::instruction::{Instruction, Kind, Memory, Register, Registers, Source};

/// The stack pointer, or the register of zeros, by where it stands.
const LAST: u32 = 31;
const STACK: Register = Register::integer(31);
const FRAME: Register = Register::integer(29);

/// The instructions of `code`, which lies at `address`: one that loads or stores several registers in as many parts,
/// and what it adds to its base in a part of its own.
pub(crate) fn decode(code: &[u8], address: u64, most: usize) -> Vec<Instruction> {
    let mut found = Vec::new();
    for (number, bytes) in code.chunks_exact(4).enumerate() {
        if found.len() >= most {
            break;
        }
        let word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let at = address.wrapping_add(4 * number as u64);
        let before = found.len();
        push(word, at, &mut found);
        for it in &mut found[before..] {
            let base = it.load.or(it.store).filter(|it| it.index.is_none());
            it.is_stack = base.is_some_and(|it| matches!(it.base, Some(STACK | FRAME)));
        }
    }
    found
}

/// Bits `low` up to and not including `high`.
const fn bits(word: u32, low: u32, high: u32) -> u32 {
    word >> low & ((1 << (high - low)) - 1)
}

/// The same as a signed number.
const fn signed(word: u32, low: u32, high: u32) -> i64 {
    ((word << (32 - high)).cast_signed() >> (32 - high + low)) as i64
}

fn integer(number: u32) -> Register {
    Register::integer(number as u8)
}

fn vector(number: u32) -> Register {
    Register::vector(number as u8)
}

/// A register whose number 31 means zero.
fn value(number: u32) -> Option<Register> {
    (number != LAST).then(|| integer(number))
}

fn push(word: u32, at: u64, found: &mut Vec<Instruction>) {
    let plain = |kind| Instruction::new(at, 4, kind);
    // The groups of the manual, "A64 instruction set encoding".
    match bits(word, 25, 29) {
        0b1000 | 0b1001 => found.push(immediate(word, at)),
        0b1010 | 0b1011 => {
            // What is compared and branched on at once.
            if bits(word, 26, 31) == 0b0_1101 {
                let mut it = plain(Kind::Compare);
                it.reads = Registers::of(value(bits(word, 0, 5)));
                found.push(it);
            }
            found.push(branch(word, at));
        }
        0b0101 | 0b1101 => found.push(integers(word, at)),
        0b0111 | 0b1111 => found.push(vectors(word, at)),
        0b0100 | 0b0110 | 0b1100 | 0b1110 => access(word, at, found),
        0b0010 => scalable(word, at, found),
        _ => found.push(plain(Kind::Return)),
    }
}

/// Computes with a constant.
fn immediate(word: u32, at: u64) -> Instruction {
    let (target, source) = (integer(bits(word, 0, 5)), integer(bits(word, 5, 10)));
    let mut it = Instruction::new(at, 4, Kind::Compute);
    it.target = Some(target);
    if bits(word, 24, 29) == 0b1_0000 {
        // adr, adrp
        let low = i64::from(bits(word, 29, 31));
        let distance = signed(word, 5, 24) << 2 | low;
        it.kind = Kind::Address;
        it.to = if word >> 31 == 1 {
            (at & !0xfff).checked_add_signed(distance << 12)
        } else {
            at.checked_add_signed(distance)
        };
        return it;
    }
    if bits(word, 23, 29) == 0b10_0101 {
        // movn, movz, movk
        it.kind = Kind::Constant;
        return it;
    }
    it.reads.add(source);
    it.writes.add(target);
    if bits(word, 23, 29) == 0b10_0010 {
        // add, sub
        let shift = if bits(word, 22, 23) == 1 { 12 } else { 0 };
        let amount = u64::from(bits(word, 10, 22)) << shift;
        let is_sub = bits(word, 30, 31) == 1;
        let sets_flags = bits(word, 29, 30) == 1;
        if sets_flags && bits(word, 0, 5) == LAST {
            it.kind = Kind::Compare;
            it.writes = Registers::NONE;
            it.target = None;
        } else if target == source {
            let amount = amount.cast_signed();
            it.adds = Some(if is_sub { -amount } else { amount });
        } else if amount == 0 && !is_sub && !sets_flags {
            it.kind = Kind::Move;
            it.source = Some(Source::Register(source));
        }
        // What is added to a page, see `elf::names`.
        it.to = (!is_sub).then_some(amount);
    }
    it
}

fn branch(word: u32, at: u64) -> Instruction {
    let to = |low, high| at.checked_add_signed(signed(word, low, high) << 2);
    let mut it = Instruction::new(at, 4, Kind::Nothing);
    if bits(word, 26, 31) == 0b0_0101 {
        it.kind = if word >> 31 == 1 { Kind::Call } else { Kind::Jump };
        it.to = to(0, 26);
    } else if word >> 24 == 0x54 {
        it.kind = Kind::Branch;
        it.to = to(5, 24);
    } else if bits(word, 25, 31) == 0b01_1010 {
        // cbz, cbnz
        it.kind = Kind::Branch;
        it.to = to(5, 24);
    } else if bits(word, 25, 31) == 0b01_1011 {
        // tbz, tbnz
        it.kind = Kind::Branch;
        it.to = to(5, 19);
    } else if bits(word, 25, 32) == 0b110_1011 {
        it.kind = match bits(word, 21, 25) {
            0b0000 | 0b1000 => Kind::Jump,
            0b0001 | 0b1001 => Kind::Call,
            _ => Kind::Return,
        };
    } else if word & 0xffff_ffe0 == 0xd50b_7420 {
        // dc zva
        it.kind = Kind::Fill;
    } else if word >> 24 == 0xd4 {
        // svc, brk and their like.
        it.kind = Kind::Return;
        if word & 0xffe0_001f == 0xd400_0001 {
            it.kind = Kind::Compute;
        }
    } else if word & 0xfff0_0000 == 0xd530_0000 {
        // mrs
        it.kind = Kind::Constant;
        it.target = value(bits(word, 0, 5));
    }
    it
}

/// Computes with integer registers.
fn integers(word: u32, at: u64) -> Instruction {
    let [target, first, second] =
        [(0, 5), (5, 10), (16, 21)].map(|(low, high)| bits(word, low, high));
    let mut it = Instruction::new(at, 4, Kind::Compute);
    it.target = value(target);
    if word & 0x7fe0_ffe0 == 0x2a00_03e0 {
        // mov
        match value(second) {
            Some(source) => {
                it.kind = Kind::Move;
                it.source = Some(Source::Register(source));
            }
            None => it.kind = Kind::Zero,
        }
        return it;
    }
    it.reads = Registers::of([value(first), value(second)].into_iter().flatten());
    it.writes = Registers::of(it.target);
    let group = bits(word, 24, 29);
    let is_sum = group == 0b0_1011;
    let is_logic = group == 0b0_1010;
    let sets_flags = is_sum && bits(word, 29, 30) == 1 || is_logic && bits(word, 29, 31) == 0b11;
    // ccmp, ccmn
    let is_conditional = bits(word, 21, 29) == 0b1101_0010;
    if sets_flags && target == LAST || is_conditional {
        it.kind = Kind::Compare;
        it.target = None;
        it.writes = Registers::NONE;
    } else if bits(word, 24, 29) == 0b1_1011 {
        // Of four registers.
        it.reads = it.reads.union(Registers::of(value(bits(word, 10, 15))));
    }
    it
}

/// Computes with vectors.
fn vectors(word: u32, at: u64) -> Instruction {
    let [target, first, second] =
        [(0, 5), (5, 10), (16, 21)].map(|(low, high)| bits(word, low, high));
    let mut it = Instruction::new(at, 4, Kind::Compute);
    // mov v, v
    if word & 0xbfe0_fc00 == 0x0ea0_1c00 && first == second {
        it.kind = Kind::Move;
        it.target = Some(vector(target));
        it.source = Some(Source::Register(vector(first)));
        return it;
    }
    // movi
    if word & 0x9ff8_0400 == 0x0f00_0400 {
        it.kind = Kind::Constant;
        it.target = Some(vector(target));
        return it;
    }
    it.target = Some(vector(target));
    it.reads = Registers::of([vector(first), vector(second)]);
    it.writes = Registers::of([vector(target)]);
    // Between integers and vectors: dup, umov, fmov and conversions. One of the two, and it does not matter which.
    if word & 0x5f20_fc00 == 0x1e20_0000 || word & 0x9fe0_8400 == 0x0e00_0400 {
        it.reads = Registers::of([vector(first), integer(first)]);
        it.writes = Registers::of([vector(target), integer(target)]);
    }
    it
}

/// Loads and stores.
fn access(word: u32, at: u64, found: &mut Vec<Instruction>) {
    let (first, base) = (bits(word, 0, 5), integer(bits(word, 5, 10)));
    let is_vector = bits(word, 26, 27) == 1;
    let register = |number: u32| match is_vector {
        true => Some(vector(number)),
        false => value(number),
    };
    let place = |displacement, bytes| Memory {
        base: Some(base),
        index: None,
        scale: 1,
        displacement,
        bytes,
    };
    // What is added to the base.
    let update = |amount: i64| {
        let mut it = Instruction::new(at, 4, Kind::Address);
        it.target = Some(base);
        it.reads.add(base);
        it.adds = Some(amount);
        it
    };
    if word & 0x3b20_0c00 == 0x1900_0400 && bits(word, 30, 32) == 0 {
        // cpyfp and its like copy, setp and its like fill.
        let kind = if bits(word, 22, 24) == 3 { Kind::Fill } else { Kind::Copy };
        found.push(Instruction::new(at, 4, kind));
    } else if bits(word, 27, 30) == 0b101 {
        // ldp, stp
        let bytes = match (is_vector, bits(word, 30, 32)) {
            (true, size @ 0..=2) => 4 << size,
            (false, 2) => 8,
            (false, 0 | 1) => 4,
            _ => return found.push(Instruction::new(at, 4, Kind::Return)),
        };
        let is_load = bits(word, 22, 23) == 1;
        let amount = signed(word, 15, 22) * i64::from(bytes);
        let mode = bits(word, 23, 25);
        let displacement = if mode == 1 { 0 } else { amount };
        let moves = |number: u32| i64::from(number) * i64::from(bytes);
        for (number, second) in [first, bits(word, 10, 15)].into_iter().enumerate() {
            let memory = place(displacement + moves(number as u32), bytes);
            found.push(one(at, is_load, memory, register(second)));
        }
        if mode == 1 || mode == 3 {
            // Before it is used, in which case the displacement is that of the base as it was.
            found.push(update(amount));
        }
    } else if word & 0x3b00_0000 == 0x1800_0000 {
        // From constants next to the code.
        let memory = Memory { base: Some(Register::PROGRAM), ..place(0, 8) };
        found.push(one(at, true, memory, register(first)));
    } else if bits(word, 27, 30) == 0b111 {
        single(word, at, found, register(first), place, update);
    } else if word & 0xbf20_0000 == 0x0c00_0000 {
        several(word, at, found, place, update);
    } else {
        // Exclusive and atomic accesses, and parts of vectors.
        let mut it = Instruction::new(at, 4, Kind::Compute);
        it.load = Some(place(0, 8));
        it.store = it.load;
        it.source = Some(Source::Computed);
        it.writes = Registers::of([vector(first), integer(first)]);
        found.push(it);
    }
}

fn one(at: u64, is_load: bool, memory: Memory, register: Option<Register>) -> Instruction {
    let mut it = Instruction::new(at, 4, if is_load { Kind::Load } else { Kind::Store });
    if is_load {
        (it.load, it.target) = (Some(memory), register);
    } else {
        it.store = Some(memory);
        it.source = Some(register.map_or(Source::Constant, Source::Register));
    }
    it
}

/// Loads and stores of one register.
fn single(
    word: u32,
    at: u64,
    found: &mut Vec<Instruction>,
    register: Option<Register>,
    place: impl Fn(i64, u32) -> Memory,
    update: impl Fn(i64) -> Instruction,
) {
    let is_vector = bits(word, 26, 27) == 1;
    let (size, what) = (bits(word, 30, 32), bits(word, 22, 24));
    if !is_vector && size == 3 && what == 2 {
        // prfm
        return found.push(Instruction::new(at, 4, Kind::Nothing));
    }
    let bytes = if is_vector && what >= 2 { 16 } else { 1 << size };
    let is_load = if is_vector { what & 1 == 1 } else { what != 0 };
    if bits(word, 24, 25) == 1 {
        let displacement = i64::from(bits(word, 10, 22)) * i64::from(bytes);
        return found.push(one(at, is_load, place(displacement, bytes), register));
    }
    let amount = signed(word, 12, 21);
    match (bits(word, 21, 22), bits(word, 10, 12)) {
        // After it is used, and before.
        (0, 1) => found.extend([one(at, is_load, place(0, bytes), register), update(amount)]),
        (0, 3) => found.extend([one(at, is_load, place(amount, bytes), register), update(amount)]),
        (0, _) => found.push(one(at, is_load, place(amount, bytes), register)),
        (1, 2) => {
            let index = value(bits(word, 16, 21));
            let scale = if bits(word, 12, 13) == 1 { bytes as u8 } else { 1 };
            found.push(one(at, is_load, Memory { index, scale, ..place(0, bytes) }, register));
        }
        // Atomic operations.
        _ => {
            let mut it = one(at, true, place(0, bytes), register);
            it.kind = Kind::Compute;
            (it.store, it.source) = (it.load, Some(Source::Computed));
            it.writes = Registers::of(register);
            found.push(it);
        }
    }
}

/// `ld1`, `st1` of one to four registers; others of their kind put bytes elsewhere.
fn several(
    word: u32,
    at: u64,
    found: &mut Vec<Instruction>,
    place: impl Fn(i64, u32) -> Memory,
    update: impl Fn(i64) -> Instruction,
) {
    let bytes = if bits(word, 30, 31) == 1 { 16 } else { 8 };
    let count = match bits(word, 12, 16) {
        0b0111 => 1,
        0b1010 => 2,
        0b0110 => 3,
        0b0010 => 4,
        _ => 0,
    };
    let (first, is_load) = (bits(word, 0, 5), bits(word, 22, 23) == 1);
    if count == 0 {
        let mut it = Instruction::new(at, 4, Kind::Compute);
        let memory = Some(place(0, 4 * bytes));
        let all = Registers::of((0..4).map(|number| vector(first + number)));
        if is_load {
            (it.load, it.writes) = (memory, all);
        } else {
            (it.store, it.source, it.reads) = (memory, Some(Source::Computed), all);
        }
        return found.push(it);
    }
    for number in 0..count {
        let memory = place(i64::from(number * bytes), bytes);
        found.push(one(at, is_load, memory, Some(vector(first + number))));
    }
    if bits(word, 23, 24) == 1 {
        found.push(update(i64::from(count * bytes)));
    }
}

/// Of the scalable vectors, loads and stores of bytes that follow each other; the shortest vectors have 16.
fn scalable(word: u32, at: u64, found: &mut Vec<Instruction>) {
    const LENGTH: u32 = 16;
    let (first, base) = (bits(word, 0, 5), integer(bits(word, 5, 10)));
    let mut memory =
        Memory { base: Some(base), index: None, scale: 1, displacement: 0, bytes: LENGTH };
    // ldr, str of whole registers; ld1, st1 with a constant, and with a register.
    let (is_load, has_index, is_whole) =
        match (word & 0xffc0_e000, word & 0xfe10_e000, word & 0xfe00_e000) {
            (0x8580_4000, ..) => (true, false, true),
            (0xe580_4000, ..) => (false, false, true),
            (_, 0xa400_a000, _) => (true, false, false),
            (_, 0xe400_e000, _) => (false, false, false),
            (.., 0xa400_4000) => (true, true, false),
            (.., 0xe400_4000) => (false, true, false),
            _ => return found.push(scalable_computation(word, at)),
        };
    // The size in memory, and in the register: where they differ, values are widened or cut off.
    let (size, kept) = (bits(word, 23, 25), bits(word, 21, 23));
    if has_index {
        memory.index = value(bits(word, 16, 21));
        memory.scale = 1 << size;
    } else {
        let number = match is_whole {
            true => signed(word, 16, 22) << 3 | i64::from(bits(word, 10, 13)),
            false => signed(word, 16, 20),
        };
        memory.displacement = number * i64::from(LENGTH);
    }
    let mut it = one(at, is_load, memory, Some(vector(first)));
    if !is_whole && size != kept {
        it.kind = Kind::Compute;
        it.source = it.store.map(|_| Source::Computed);
        it.writes = Registers::of(it.target);
    }
    found.push(it);
}

/// Those that compute with scalable vectors, or with what they are controlled by. Which is which matters little: a
/// loop that only copies has none that computes with vectors.
fn scalable_computation(word: u32, at: u64) -> Instruction {
    let [target, first, second] =
        [(0, 5), (5, 10), (16, 21)].map(|(low, high)| bits(word, low, high));
    let mut it = Instruction::new(at, 4, Kind::Compute);
    if word & 0xff30_f800 == 0x0430_e000 {
        // incb and its like: integers.
        it.writes.add(integer(target));
    } else if word >> 24 & 0xe5 != 0x25 {
        it.reads = Registers::of([vector(first), vector(second)]);
        it.writes = Registers::of([vector(target)]);
    }
    it
}
