//! Code for x86-64.

use iced_x86::{
    Code, Decoder, DecoderOptions, FlowControl, Instruction as Decoded, InstructionInfoFactory,
    MemorySize, Mnemonic, OpAccess, OpKind, Register as Part,
};

use crate::instruction::{Instruction, Kind, Memory, Register, Registers, Source};

/// The longest instruction.
pub(crate) const LONGEST: usize = 15;

const STACK: Register = Register::integer(4);
const FRAME: Register = Register::integer(5);

/// The instructions of `code`, which lies at `address`. What is no instruction is skipped, a byte at a time; the
/// last ones may be cut off.
pub(crate) fn decode(code: &[u8], address: u64, most: usize) -> Vec<Instruction> {
    let mut decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
    let mut factory = InstructionInfoFactory::new();
    let mut decoded = Decoded::default();
    let mut found = Vec::new();
    while decoder.can_decode() && found.len() < most {
        let position = decoder.position();
        decoder.decode_out(&mut decoded);
        if decoded.is_invalid() {
            if position + LONGEST > code.len() {
                break;
            }
            // It is in bounds, and so is the address that belongs to it.
            if decoder.set_position(position + 1).is_err() {
                break;
            }
            decoder.set_ip(address.wrapping_add(position as u64 + 1));
            continue;
        }
        found.push(reduce(&decoded, &mut factory));
    }
    found
}

fn reduce(it: &Decoded, factory: &mut InstructionInfoFactory) -> Instruction {
    let kind = kind(it);
    let mut reduced = Instruction::new(it.ip(), it.len() as u8, kind);
    match kind {
        Kind::Jump | Kind::Branch | Kind::Call => {
            if matches!(it.op0_kind(), OpKind::NearBranch64) {
                reduced.to = Some(it.near_branch_target());
            }
        }
        Kind::Pop => reduced.target = register(it.op0_register()),
        Kind::Load => {
            reduced.load = Some(memory(it));
            reduced.target = register(it.op0_register());
        }
        Kind::Store => {
            reduced.store = Some(memory(it));
            let last = it.op_count() - 1;
            reduced.source = Some(match it.op_kind(last) {
                OpKind::Register => {
                    register(it.op_register(last)).map_or(Source::Computed, Source::Register)
                }
                _ => Source::Constant,
            });
        }
        Kind::Move => {
            reduced.target = register(it.op0_register());
            reduced.source = register(it.op1_register()).map(Source::Register);
        }
        Kind::Constant => {
            reduced.target = register(it.op0_register());
            reduced.to = it.try_immediate(1).ok();
        }
        Kind::Zero => reduced.target = register(it.op0_register()),
        Kind::Address => address(it, &mut reduced),
        Kind::Compute | Kind::Compare => operate(it, factory, &mut reduced),
        _ => {}
    }
    let bases = [reduced.load, reduced.store].into_iter().flatten();
    reduced.is_stack =
        bases.into_iter().any(|it| matches!(it.base, Some(STACK | FRAME)) && it.index.is_none());
    reduced
}

fn kind(it: &Decoded) -> Kind {
    use Mnemonic as M;
    let is_repeated = it.has_rep_prefix() || it.has_repne_prefix();
    match it.mnemonic() {
        M::Movsb | M::Movsw | M::Movsq => return Kind::Copy,
        M::Movsd if it.is_string_instruction() => return Kind::Copy,
        M::Stosb | M::Stosw | M::Stosd | M::Stosq if is_repeated => return Kind::Fill,
        M::Scasb | M::Scasw | M::Scasd | M::Scasq | M::Cmpsb | M::Cmpsw | M::Cmpsq
            if is_repeated =>
        {
            return Kind::Scan;
        }
        M::Cmpsd if it.is_string_instruction() && is_repeated => return Kind::Scan,
        M::Nop
        | M::Endbr64
        | M::Vzeroupper
        | M::Prefetcht0
        | M::Prefetcht1
        | M::Prefetcht2
        | M::Prefetchw
        | M::Prefetchnta
        | M::Sfence
        | M::Lfence
        | M::Pause
        | M::Cld
        | M::Fnop => {
            return Kind::Nothing;
        }
        M::Push => return Kind::Push,
        M::Pop => return Kind::Pop,
        M::Lea => return Kind::Address,
        M::Ud2 | M::Int3 | M::Hlt => return Kind::Return,
        _ => {}
    }
    match it.flow_control() {
        FlowControl::Call | FlowControl::IndirectCall => return Kind::Call,
        FlowControl::Return => return Kind::Return,
        FlowControl::UnconditionalBranch | FlowControl::IndirectBranch => return Kind::Jump,
        FlowControl::ConditionalBranch => return Kind::Branch,
        _ => {}
    }
    if is_move(it.mnemonic()) && !it.has_op_mask() && it.op_count() >= 2 {
        return match (it.op0_kind(), it.op_kind(it.op_count() - 1)) {
            (OpKind::Memory, _) => Kind::Store,
            (_, OpKind::Memory) => Kind::Load,
            (OpKind::Register, OpKind::Register) if it.op_count() == 2 => Kind::Move,
            (OpKind::Register, OpKind::Register) => Kind::Compute,
            _ => Kind::Constant,
        };
    }
    if is_compare(it.mnemonic()) {
        Kind::Compare
    } else if is_zeroing(it) {
        Kind::Zero
    } else {
        Kind::Compute
    }
}

/// Whether the instruction only moves data, where no operand is a mask. `movbe` is none: it reverses the bytes.
fn is_move(mnemonic: Mnemonic) -> bool {
    use Mnemonic as M;
    matches!(
        mnemonic,
        M::Mov
            | M::Movzx
            | M::Movsx
            | M::Movsxd
            | M::Movdqa
            | M::Movdqu
            | M::Vmovdqa
            | M::Vmovdqu
            | M::Vmovdqa32
            | M::Vmovdqa64
            | M::Vmovdqu8
            | M::Vmovdqu16
            | M::Vmovdqu32
            | M::Vmovdqu64
            | M::Movaps
            | M::Movups
            | M::Movapd
            | M::Movupd
            | M::Vmovaps
            | M::Vmovups
            | M::Vmovapd
            | M::Vmovupd
            | M::Lddqu
            | M::Vlddqu
            | M::Movntdq
            | M::Movntps
            | M::Movntpd
            | M::Movnti
            | M::Movntdqa
            | M::Vmovntdq
            | M::Vmovntps
            | M::Vmovntpd
            | M::Vmovntdqa
            | M::Movq
            | M::Movd
            | M::Vmovq
            | M::Vmovd
            | M::Movhps
            | M::Movhpd
            | M::Movlps
            | M::Movlpd
            | M::Vmovhps
            | M::Vmovhpd
            | M::Vmovlps
            | M::Vmovlpd
            | M::Movss
            | M::Movsd
            | M::Vmovss
            | M::Vmovsd
    )
}

fn is_compare(mnemonic: Mnemonic) -> bool {
    use Mnemonic as M;
    matches!(
        mnemonic,
        M::Cmp
            | M::Test
            | M::Bt
            | M::Ptest
            | M::Vptest
            | M::Ucomiss
            | M::Ucomisd
            | M::Comiss
            | M::Comisd
            | M::Kortestb
            | M::Kortestw
            | M::Kortestd
            | M::Kortestq
            | M::Ktestb
            | M::Ktestw
            | M::Ktestd
            | M::Ktestq
            | M::Pcmpeqb
            | M::Pcmpeqw
            | M::Pcmpeqd
            | M::Pcmpeqq
            | M::Pcmpgtb
            | M::Pcmpgtw
            | M::Pcmpgtd
            | M::Pcmpgtq
            | M::Vpcmpeqb
            | M::Vpcmpeqw
            | M::Vpcmpeqd
            | M::Vpcmpeqq
            | M::Vpcmpgtb
            | M::Vpcmpb
            | M::Vpcmpub
            | M::Vpcmpd
            | M::Vpcmpud
            | M::Vptestnmb
            | M::Vptestnmd
            | M::Vptestmb
            | M::Pminub
            | M::Vpminub
    )
}

/// Whether a register is made zero: by an operation with itself.
fn is_zeroing(it: &Decoded) -> bool {
    use Mnemonic as M;
    let operation = matches!(
        it.mnemonic(),
        M::Xor
            | M::Sub
            | M::Pxor
            | M::Xorps
            | M::Xorpd
            | M::Vpxor
            | M::Vpxord
            | M::Vpxorq
            | M::Vxorps
            | M::Vxorpd
    );
    let count = it.op_count();
    operation
        && count >= 2
        && (0..count).all(|n| it.op_kind(n) == OpKind::Register)
        && register(it.op_register(count - 1)) == register(it.op_register(count - 2))
        && it.op_register(count - 1) != Part::None
}

fn address(it: &Decoded, reduced: &mut Instruction) {
    reduced.target = register(it.op0_register());
    let place = memory(it);
    reduced.reads = Registers::of(place.registers());
    if place.is_constant() {
        reduced.to = Some(it.ip_rel_memory_address());
    } else if place.base == reduced.target && place.index.is_none() {
        reduced.adds = Some(place.displacement);
    }
}

/// Fills in what is computed from what.
fn operate(it: &Decoded, factory: &mut InstructionInfoFactory, reduced: &mut Instruction) {
    let operand = |n| it.op_kind(n) == OpKind::Register;
    let operands = Registers::of(
        (0..it.op_count()).filter_map(|n| register(it.op_register(n)).filter(|_| operand(n))),
    );
    let has_memory = (0..it.op_count()).any(|n| it.op_kind(n) == OpKind::Memory);
    let info = factory.info(it);
    for used in info.used_registers() {
        let Some(register) = register(used.register()) else { continue };
        let (reads, writes) = match used.access() {
            OpAccess::Read | OpAccess::CondRead => (true, false),
            OpAccess::Write | OpAccess::CondWrite => (false, true),
            OpAccess::ReadWrite | OpAccess::ReadCondWrite => (true, true),
            OpAccess::None | OpAccess::NoMemAccess => (false, false),
        };
        if reads {
            reduced.reads.add(register);
        }
        if writes {
            reduced.writes.add(register);
        }
    }
    if has_memory {
        let place = memory(it);
        reduced.load = Some(place);
        // The address is no data, unless it is an operand, too.
        let address = place.registers().filter(|it| !operands.contains(*it));
        address.for_each(|it| reduced.reads.remove(it));
        if it.op0_kind() == OpKind::Memory && reduced.kind != Kind::Compare {
            reduced.store = Some(place);
            reduced.source = Some(Source::Computed);
        }
        return;
    }
    if it.op0_kind() == OpKind::Register {
        let immediate = || match it.op_count() {
            2 => it.try_immediate(1).ok().map(u64::cast_signed),
            _ => None,
        };
        reduced.adds = match it.mnemonic() {
            Mnemonic::Inc => Some(1),
            Mnemonic::Dec => Some(-1),
            Mnemonic::Add => immediate(),
            Mnemonic::Sub => immediate().and_then(i64::checked_neg),
            _ => None,
        };
        if matches!(it.mnemonic(), Mnemonic::Add | Mnemonic::Sub | Mnemonic::Inc | Mnemonic::Dec) {
            reduced.target = register(it.op0_register());
        }
    }
}

fn memory(it: &Decoded) -> Memory {
    let is_relative = it.is_ip_rel_memory_operand();
    let bytes = if it.code() == Code::Lea_r64_m || it.memory_size() == MemorySize::Unknown {
        0
    } else {
        it.memory_size().size() as u32
    };
    Memory {
        base: if is_relative { Some(Register::PROGRAM) } else { register(it.memory_base()) },
        index: register(it.memory_index()),
        scale: it.memory_index_scale() as u8,
        displacement: it.memory_displacement64().cast_signed(),
        bytes,
    }
}

fn register(part: Part) -> Option<Register> {
    if part.is_gpr() {
        Some(Register::integer(part.full_register().number() as u8))
    } else if part.is_vector_register() {
        Some(Register::vector(part.number() as u8))
    } else {
        None
    }
}
