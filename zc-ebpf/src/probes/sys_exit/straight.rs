//! The straight path: reads, writes, receives and sends of which nothing is out of the ordinary.
//!
//! It takes a call whose thread is the one last looked up on this CPU, and whose descriptor is of a class
//! that is remembered. It changes nothing before it is certain of both: what it does not take is left to
//! [`super::out_of_line`], which counts the same.

use core::ptr;

use zc_common::{
    record::{RELAY_FILE, RELAY_LEAST_BYTES, RELAY_NONE},
    syscall::{SYSCALL_TABLE_LEN, SyscallKind},
};

use super::doubt;
use crate::{
    account::{
        Account, Booked, MESSAGE, ONE_BUFFER, OWN_POSITION, Target, VECTOR, has_work,
        zc_first_buffer, zc_gathered,
    },
    arch,
    cpu::Cpu,
    descriptor::{Booking, booking, flags, mapping, position},
    kernel::{Object, member},
};

/// How the exit of a system call is dealt with, a word for each number.
#[derive(Clone, Copy)]
pub(super) struct How(u64);

impl How {
    /// It moves data, or a foreign call with that number does: without any bit, the call is done with.
    const DATA: u8 = 1;
    /// The straight path may take it.
    const STRAIGHT: u8 = 1 << 1;
    /// It has flags, in its third argument.
    const FLAGS_IN_2: u8 = 1 << 2;
    /// It has flags, in its fourth argument.
    const FLAGS_IN_3: u8 = 1 << 3;
    /// It reads at the position in its fourth argument.
    const POSITION: u8 = 1 << 4;
    /// It takes a vector of buffers.
    const VECTOR: u8 = 1 << 6;
    /// It submits operations that move data. No call that moves data itself has flags in two arguments.
    const SUBMIT: u8 = Self::FLAGS_IN_2 | Self::FLAGS_IN_3;
    /// It takes a message.
    const MESSAGE: u8 = 1 << 7;
    /// It is towards the descriptor. The value is the number of bits by which [`Booking`] shifts for it.
    const SENDS: u8 = Booking::BITS as u8;

    /// Only a foreign call with that number moves data.
    const FOREIGN: u8 = Self::POSITION;

    /// How the call `number` is dealt with; `None` when it neither moves data nor submits operations, natively or as
    /// a foreign one.
    #[inline(always)]
    pub(super) fn of(number: u64) -> Option<Self> {
        if number >= SYSCALL_TABLE_LEN as u64 {
            return None;
        }
        // SAFETY: inside the table.
        let how = unsafe { ptr::read_volatile((&raw const HOW).cast::<u8>().add(number as usize)) };
        if how == 0 { None } else { Some(Self(u64::from(how))) }
    }

    /// Whether a call of 64-bit programs moves data.
    #[inline(always)]
    pub(super) fn is_native(self) -> bool {
        self.has(Self::DATA)
    }

    /// Whether the straight path may take it.
    #[inline(always)]
    pub(super) fn is_straight(self) -> bool {
        self.has(Self::STRAIGHT)
    }

    /// Whether it submits operations, and moves no data itself.
    #[inline(always)]
    pub(super) fn submits(self) -> bool {
        self.0 == u64::from(Self::SUBMIT)
    }

    /// How its buffer is given, see [`zc_first_buffer`].
    #[inline(always)]
    pub(super) fn buffer_given(self) -> u64 {
        if self.has(Self::MESSAGE) {
            MESSAGE
        } else if self.has(Self::VECTOR) {
            VECTOR
        } else {
            ONE_BUFFER
        }
    }

    #[inline(always)]
    fn has(self, bit: u8) -> bool {
        self.0 & u64::from(bit) != 0
    }

    const fn of_kind(kind: u8) -> u8 {
        const DATA: u8 = How::DATA | How::STRAIGHT;
        const NONE: u8 = SyscallKind::None as u8;
        const SUBMIT: u8 = SyscallKind::Submit as u8;
        const READ: u8 = SyscallKind::Read as u8;
        const PREAD: u8 = SyscallKind::Pread as u8;
        const WRITE: u8 = SyscallKind::Write as u8;
        const RECVFROM: u8 = SyscallKind::Recvfrom as u8;
        const SENDTO: u8 = SyscallKind::Sendto as u8;
        const RECVMSG: u8 = SyscallKind::Recvmsg as u8;
        const SENDMSG: u8 = SyscallKind::Sendmsg as u8;
        match kind {
            READ => DATA,
            PREAD => DATA | Self::POSITION,
            WRITE => DATA | Self::SENDS,
            RECVFROM => DATA | Self::FLAGS_IN_3,
            SENDTO => DATA | Self::SENDS | Self::FLAGS_IN_3,
            RECVMSG => DATA | Self::FLAGS_IN_2 | Self::MESSAGE,
            SENDMSG => DATA | Self::SENDS | Self::FLAGS_IN_2 | Self::MESSAGE,
            SUBMIT => Self::SUBMIT,
            NONE => 0,
            _ => Self::DATA,
        }
    }
}

/// By the number of the call.
static HOW: [u8; SYSCALL_TABLE_LEN] = {
    let mut table = [0; SYSCALL_TABLE_LEN];
    let mut number = 0;
    while number < SYSCALL_TABLE_LEN {
        table[number] = How::of_kind(arch::SYSCALLS[number]);
        number += 1;
    }
    let mut at = 0;
    while at < arch::VECTORED.len() {
        table[arch::VECTORED[at]] |= How::VECTOR;
        at += 1;
    }
    table[arch::SECCOMP] = How::DATA;
    let mut number = 0;
    while number < SYSCALL_TABLE_LEN {
        if table[number] == 0 && arch::FOREIGN[number].is_known() {
            table[number] = How::FOREIGN;
        }
        number += 1;
    }
    table
};

/// Flags of which something is out of the ordinary: `MSG_PEEK`, `MSG_TRUNC`, `MSG_ERRQUEUE`,
/// `MSG_ZEROCOPY` (`include/linux/socket.h`).
const EXTRAORDINARY: u64 = 0x2 | 0x20 | 0x2000 | 0x0400_0000;

/// Books a call that returned `result`, bytes or a negative error number; `regs` is the address of the
/// caller's registers.
///
/// A function of its own: what it keeps in registers, a call that moves no data need not save.
#[inline(never)]
pub(super) fn straight<const STACKS: bool>(regs: u64, cpu: Cpu, how: How, result: i64) -> Booked {
    let regs = Object::typed(regs);
    let current = Object::current_task_typed();
    if arch::is_compat(current, regs)
        || arch::rolled_back(regs) as u32 == result as u32 && doubt::may_be_trapped(current)
        || cpu.pending_calls() == 1 && doubt::may_mislead(arch::number(regs))
        || cpu.is_supervised() && doubt::may_be_answered(arch::number(regs))
        || has_work(current)
    {
        return Booked::NOT;
    }
    if how.has(How::FLAGS_IN_2 | How::FLAGS_IN_3) {
        let flags = if how.has(How::FLAGS_IN_2) {
            arch::argument(regs, 2)
        } else {
            arch::argument(regs, 3)
        };
        if flags & EXTRAORDINARY != 0 {
            return Booked::NOT;
        }
    }
    let task = current.address();
    let Some(account) = Account::remembered(cpu, task) else { return Booked::NOT };
    let half = how.0 & u64::from(How::SENDS);
    let (booking, file) = booking(task, arch::argument(regs, 0), half);
    let booked = account.book_straight::<STACKS>(booking, half != 0, result, cpu, |bytes| {
        if how.has(How::POSITION) {
            let start = arch::argument(regs, 3);
            if start != OWN_POSITION {
                return start.wrapping_add(bytes);
            }
        }
        // For the verifier: a booking that counts pages is of an open file.
        if file == 0 { bytes } else { position(file) }
    });
    if booked != Booked::NOT && result >= RELAY_LEAST_BYTES {
        relay(account, booking, file, how, result as u64);
    }
    booked
}

/// Notes or counts a call that moved `bytes`, for what is passed on unchanged. `file`: the open file, for the
/// verifier 0 is none.
///
/// A function of its own, which asks for the registers again: smaller calls need not keep them.
#[inline(never)]
fn relay(account: Account, booking: Booking, file: u64, how: How, bytes: u64) {
    let end = booking.relay_end();
    if end == RELAY_NONE || file == 0 {
        return;
    }
    let task = Object::current_task_typed();
    let regs = task.user_registers();
    let sends = how.has(How::SENDS);
    if sends && !account.has_incoming() {
        return;
    }
    let mut address = arch::argument(regs, 1);
    if sends && how.has(How::VECTOR | How::MESSAGE) && end != RELAY_FILE {
        zc_gathered(u64::from(account.slot()), address, how.buffer_given(), bytes, end);
        return;
    }
    if how.has(How::VECTOR | How::MESSAGE) {
        address = zc_first_buffer(address, how.buffer_given(), bytes);
        if address == 0 {
            return;
        }
    }
    if sends {
        account.went_out(
            end,
            address,
            bytes,
            || Target { flags: flags(file), mapping: mapping(file) },
            || member!(u64, task.address(), task_utime),
        );
    } else {
        let mapping = if end == RELAY_FILE { mapping(file) } else { 0 };
        account.came_in(end, mapping, address, bytes);
    }
}
