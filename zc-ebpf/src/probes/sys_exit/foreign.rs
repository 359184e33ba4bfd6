//! Calls by other numbers than those of 64-bit programs: made to look like the native calls that do the same.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use zc_common::{
    loss::Loss,
    syscall::{
        IO_URING_ENTER, SYSCALL_TABLE_LEN, SyscallKind,
        foreign::{Foreign, SOCKETCALLS, ipc_call},
    },
};

use super::{Call, Registers, aio, doubt};
use crate::{
    account::{Account, NOT_REPLACED, shares_files, zc_cut_operation},
    arch,
    cpu::Cpu,
    descriptor::Class,
    kernel::{Object, frozen, opaque, setting},
    losses::note_loss,
    objects::{zc_flow_settle, zc_object_settle},
    user::{Layout, peek_user},
};

/// Registers as a native call has them, see [`Foreign`]. The program at the exit of calls does not run twice at a
/// time on a CPU: what it finds here it has put here.
#[map]
static REGISTERS: PerCpuArray<Saved> = PerCpuArray::with_max_entries(1, 0);

type Saved = [u64; arch::PT_REGS_WORDS];

static CALLS: [u16; SOCKETCALLS.len()] = SOCKETCALLS;

/// The registers of a call that was made to look like the native one that does the same.
#[derive(Clone, Copy)]
struct Translated {
    /// Their address. Not an [`Object`], which is larger: all that are called within each other share 512 bytes of
    /// stack.
    registers: u64,
    /// The number of the native call in the lower half.
    word: u64,
}

impl Translated {
    const NARROW: u64 = 1 << 32;
    const SHORT_POSITION: u64 = 1 << 33;
    /// The word of what moves no data.
    const NONE: u64 = u64::MAX;
    /// The word of a call that moves no data although others by its number do: what it has copied is staged.
    const NO_DATA: u64 = u64::MAX - 1;
}

impl Registers for Translated {
    const ARE_SAVED: bool = false;

    #[inline(always)]
    fn argument(self, n: u32) -> u64 {
        arch::argument(Object::typed(self.registers), n)
    }

    #[inline(always)]
    fn number(self) -> u64 {
        u64::from(self.word as u32)
    }

    #[inline(always)]
    fn layout(self) -> Layout {
        Layout::numbered(u64::from(self.word & Self::NARROW != 0))
    }

    #[inline(always)]
    fn has_short_position(self) -> bool {
        self.word & Self::SHORT_POSITION != 0
    }
}

/// Counts the call that `regs` is the exit of, if it is none of 64-bit programs.
///
/// A function of its own: what it needs in registers, the other calls need not save.
#[inline(never)]
pub(super) fn exited(regs: u64, result: i64) {
    let object = Object::argument(regs as *const u8);
    let task = Object::current_task();
    if !arch::is_foreign(task, object) {
        return;
    }
    let word = translate(regs, result);
    if word != Translated::NONE && !is_void(regs, word, result) {
        zc_foreign(word, outcome(task, object, result) as u64);
    }
}

/// Whether nothing of the call is counted, see [`doubt::zc_is_void`]. A function of its own: all that are called
/// within each other share 512 bytes of stack.
#[inline(never)]
fn is_void(regs: u64, word: u64, result: i64) -> bool {
    let Some(cpu) = Cpu::this() else { return true };
    let Some(account) = Account::of(cpu, Object::current_task()) else { return true };
    let (slot, regs) = (u64::from(account.slot()), Object::argument(regs as *const u8));
    let rolled_back = arch::rolled_back(regs);
    let is_void = word == Translated::NO_DATA
        || doubt::zc_is_void(slot, doubt::NO_NUMBER, result as u64, rolled_back) != 0;
    if is_void {
        account.end_call();
    }
    is_void
}

/// Counts the call whose registers are in [`REGISTERS`].
///
/// A global function, which the verifier follows once (see `zc_class`).
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_foreign(word: u64, result: u64) -> u64 {
    let Some(saved) = REGISTERS.get_ptr_mut(0) else { return 0 };
    let registers = Translated { registers: saved as u64, word };
    let number = registers.number();
    if number >= SYSCALL_TABLE_LEN as u64 {
        return 0;
    }
    let kind = arch::SYSCALLS[number as usize];
    if kind <= SyscallKind::Submit as u8 {
        // By the rules of x32 every call has a native number, also those that submit nothing.
        let submits = kind == SyscallKind::Submit as u8 && number != IO_URING_ENTER;
        if kind == SyscallKind::Submit as u8 {
            zc_cut_operation();
        }
        if submits && result as i64 > 0 {
            aio::submitted(registers.argument(2), result, registers.layout());
        }
        return 0;
    }
    let Some(cpu) = Cpu::this() else { return 0 };
    let task = Object::current_task();
    let Some(account) = Account::of(cpu, task) else { return 0 };
    let (result, replaced) = (result as i64, NOT_REPLACED);
    Call { registers, task, account, result, replaced }.account_for(cpu, kind);
    if setting!(notes) != 0 {
        zc_flow_settle();
        zc_object_settle();
    }
    0
}

#[inline(never)]
fn translate(regs: u64, result: i64) -> u64 {
    let regs = Object::argument(regs as *const u8);
    let task = Object::current_task();
    let call = arch::foreign(task, regs);
    let Some(to) = REGISTERS.get_ptr_mut(0) else { return Translated::NONE };
    // Where the kernel has no x32, it knows none of its calls.
    if !call.is_known() || result == -ENOSYS {
        return Translated::NONE;
    }
    if arch::is_compat(task, regs) {
        put(to, 0, arch::compat_argument(regs, 0));
        put(to, 1, arch::compat_argument(regs, 1));
        put(to, 2, arch::compat_argument(regs, 2));
        put(to, 3, arch::compat_argument(regs, 3));
        put(to, 4, arch::compat_argument(regs, 4));
        put(to, 5, arch::compat_argument(regs, 5));
    } else {
        put(to, 0, arch::argument(regs, 0));
        put(to, 1, arch::argument(regs, 1));
        put(to, 2, arch::argument(regs, 2));
        put(to, 3, arch::argument(regs, 3));
        put(to, 4, arch::argument(regs, 4));
        put(to, 5, arch::argument(regs, 5));
    }
    match call.split_at() {
        Some(3) => put(to, 3, halves(regs, 3)),
        Some(_) => put(to, 3, halves(regs, 4)),
        None => {}
    }
    let mut number = call.number();
    if call.is_socketcall() {
        number = socketcall(to, arch::compat_argument(regs, 0), arch::compat_argument(regs, 1));
        if number == 0 {
            return Translated::NO_DATA;
        }
        let (which, address) = (arch::compat_argument(regs, 0), arch::compat_argument(regs, 1));
        if number != UNREADABLE
            && result > 0
            && zc_is_overwritten(which, address, result as u64) != 0
        {
            number = UNREADABLE;
        }
        if number == UNREADABLE {
            // The kernel could not read them either, or they have changed since.
            if result > 0 {
                note_loss(Loss::CompatSyscalls);
            }
            return Translated::NO_DATA;
        }
    } else if call.is_ipc() {
        // The size, the third argument, is where a native msgsnd has it.
        number = ipc_call(arch::compat_argument(regs, 0));
        if number == 0 {
            return Translated::NO_DATA;
        }
    }
    // SAFETY: inside the array.
    unsafe {
        to.cast::<u8>().add(arch::number_place() as usize).cast::<u32>().write(number as u32);
    };
    opaque(number | flags(call))
}

/// What such a call returned: a debugger may have put it there without the upper half (`syscall_get_error`,
/// `arch/x86/include/asm/syscall.h`). No 32-bit call returns more than half of 4 GiB but as an address.
#[inline(always)]
fn outcome(task: Object, regs: Object, result: i64) -> i64 {
    if arch::is_compat(task, regs) { i64::from(result as i32) } else { result }
}

#[inline(always)]
fn flags(call: Foreign) -> u64 {
    let narrow = if call.is_narrow() { Translated::NARROW } else { 0 };
    narrow | if call.has_short_position() { Translated::SHORT_POSITION } else { 0 }
}

/// Sets argument `n`, a constant.
#[inline(always)]
fn put(to: *mut Saved, n: u32, value: u64) {
    // SAFETY: inside the array, whose words are aligned.
    unsafe { to.cast::<u8>().add(arch::argument_place(n) as usize).cast::<u64>().write(value) };
}

/// The position whose lower half is argument `n`, a constant, the upper half being the next one.
#[inline(always)]
fn halves(regs: Object, n: u32) -> u64 {
    arch::compat_argument(regs, n) | arch::compat_argument(regs, n + 1) << 32
}

const ENOSYS: i64 = 38;

/// See [`socketcall`].
const UNREADABLE: u64 = u64::MAX;

/// Whether the receive `socketcall(which, address)`, whose arguments are in [`REGISTERS`] and which returned `result`, may
/// have written to where it had its arguments, as far as that shows: they were read after the call. It does not show where
/// what was received names another socket and another buffer.
///
/// A global function, which the verifier follows once (see `zc_class`).
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_is_overwritten(which: u64, address: u64, result: u64) -> u64 {
    // `include/uapi/linux/net.h`.
    const RECV: u64 = 10;
    const RECVFROM: u64 = 12;
    const RECVMSG: u64 = 17;
    const RECVMMSG: u64 = 19;
    /// `struct compat_msghdr`, `include/net/compat.h`, and one with a length.
    const MESSAGE_BYTES: u64 = 28;
    const MESSAGES_BYTES: u64 = 32;
    /// Buffers of a message that are looked at.
    const BUFFERS: u64 = 16;

    if !matches!(which, RECV | RECVFROM | RECVMSG | RECVMMSG) {
        return 0;
    }
    let Some(saved) = REGISTERS.get_ptr_mut(0) else { return 0 };
    let registers = Translated { registers: saved as u64, word: Translated::NARROW };
    let class = Class::of_current(registers.argument(0));
    // Another thread may have closed it, if the call waited.
    let may_be_closed = shares_files(Object::current_task())
        && Cpu::this().is_some_and(|cpu| cpu.pending_calls() == 1);
    if !(class.is_socket() || class == Class::CLOSED && may_be_closed) {
        return 1;
    }
    let place = registers.argument(1);
    let mut overlaps = match which {
        RECV => is_among_arguments(address, place, result),
        RECVFROM => {
            is_among_arguments(address, place, result)
                || is_among_arguments(address, registers.argument(4), name_bytes(address))
        }
        RECVMSG => is_among_arguments(address, place, MESSAGE_BYTES),
        _ => is_among_arguments(address, place, opaque(result * MESSAGES_BYTES)),
    };
    if which == RECVMSG {
        let vector = registers.layout().vector(place);
        let mut left = result;
        for index in 0..BUFFERS {
            if !vector.is_read() || index >= vector.len || left == 0 {
                break;
            }
            let buffer = registers.layout().buffer(vector.base, index);
            let bytes = opaque(buffer.len.min(left));
            overlaps |= buffer.is_read() && is_among_arguments(address, buffer.base, bytes);
            left = opaque(left - bytes);
        }
    }
    u64::from(overlaps)
}

/// How long the name is that a recvfrom, whose arguments are at `address`, has written: the sixth points to that.
#[inline(always)]
fn name_bytes(address: u64) -> u64 {
    /// `struct sockaddr_storage`.
    const MOST: u64 = 128;
    let place = peek_user::<u32>(address + 5 * size_of::<u32>() as u64).unwrap_or_default();
    peek_user::<u32>(u64::from(place)).map_or(MOST, u64::from).min(MOST)
}

/// Whether some of the `bytes` at `place` are among the arguments of a socketcall at `address`.
#[inline(always)]
fn is_among_arguments(address: u64, place: u64, bytes: u64) -> bool {
    /// The longest list of arguments.
    const LIST_BYTES: u64 = 24;
    place != 0 && place < address + LIST_BYTES && address < place.wrapping_add(bytes)
}

/// Puts the arguments of `socketcall(which, address)` where they belong. The native number, 0 of one that moves no
/// data, [`UNREADABLE`] where they cannot be read.
#[inline(always)]
fn socketcall(to: *mut Saved, which: u64, address: u64) -> u64 {
    let number = u64::from(CALLS.get(opaque(which) as usize).map_or(0, frozen));
    if number == 0 {
        return 0;
    }
    // `send` and `recv` have four, and nothing may lie behind them; `sendto` and `recvfrom` have six, of which
    // the last two say nothing about bytes. Four are enough; getsockopt has a fifth.
    let Some([fd, buffer, length, flags]) = peek_user::<[u32; 4]>(address) else {
        return match peek_user::<[u32; 3]>(address) {
            // sendmsg and recvmsg have three.
            Some([fd, message, flags]) => {
                put(to, 0, u64::from(fd));
                put(to, 1, u64::from(message));
                put(to, 2, u64::from(flags));
                number
            }
            None => UNREADABLE,
        };
    };
    put(to, 0, u64::from(fd));
    put(to, 1, u64::from(buffer));
    put(to, 2, u64::from(length));
    put(to, 3, u64::from(flags));
    let fifth = peek_user::<u32>(address + size_of::<[u32; 4]>() as u64);
    put(to, 4, u64::from(fifth.unwrap_or_default()));
    number
}
