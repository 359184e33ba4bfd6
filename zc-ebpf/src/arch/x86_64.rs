//! x86-64: `struct pt_regs` of `arch/x86/include/asm/ptrace.h`, unchanged since 2.6.
//!
//! At the exit of a call only `ax` has changed: the number is in `orig_ax` and the six arguments
//! are where the entry left them, so no probe at entry is needed.

use aya_ebpf::bindings::bpf_perf_event_data;
use zc_common::syscall::{
    self, SYSCALL_TABLE_LEN, SyscallTable,
    foreign::{self, Foreign, ForeignTable, X32_FIRST},
};

use crate::kernel::{Object, field, frozen};

const BP: u32 = 32;
const BX: u32 = 40;
const R10: u32 = 56;
const R9: u32 = 64;
const R8: u32 = 72;
const AX: u32 = 80;
const CX: u32 = 88;
const DX: u32 = 96;
const SI: u32 = 104;
const DI: u32 = 112;
const ORIG_AX: u32 = 120;
const IP: u32 = 128;
const SP: u32 = 152;
/// 64-bit words of `struct pt_regs`.
pub(crate) const PT_REGS_WORDS: usize = 21;

/// `TS_COMPAT`, `arch/x86/include/asm/thread_info.h`, 4.11 to 7.2: the call came by one of the 32-bit entries
/// (`int 0x80`, sysenter, the 32-bit syscall). Set until the thread is back in user mode. The code segment does
/// not tell: 64-bit code can use `int 0x80`, too.
const TS_COMPAT: u32 = 2;

/// `__X32_SYSCALL_BIT`, `arch/x86/include/uapi/asm/unistd.h`: what is above it is 0 then.
const X32_BIT: u32 = 30;

/// `include/uapi/asm-generic/fcntl.h`.
pub(crate) const O_DIRECT: u32 = 0o40000;

/// `TIF_SYSCALL_EMU`, `arch/x86/include/asm/thread_info.h`, until 5.10.
pub(crate) const TIF_SYSCALL_EMU: u32 = 6;

/// Numbers of madvise and process_madvise.
pub(crate) const MADVISE: [u64; 2] = [28, 440];

/// In read-only data, where a lookup is one load.
pub(crate) static SYSCALLS: SyscallTable = syscall::X86_64;

/// Calls by the 32-bit entries.
static COMPAT: ForeignTable = FOREIGN;

/// As it is known when the programs are compiled.
pub(crate) const FOREIGN: ForeignTable = foreign::I386;

/// Calls that only x32 programs make.
static X32: [Foreign; foreign::X32.len()] = foreign::X32;

/// Number of seccomp, `arch/x86/entry/syscalls/syscall_64.tbl`.
pub(crate) const SECCOMP: usize = 317;

/// Numbers of the calls that take a vector of buffers.
pub(crate) const VECTORED: [usize; 6] = syscall::X86_64_VECTORED;

/// Whether what lies at `address` is part of the kernel's image or of a module: all of it, and nothing else,
/// lies in the last two gigabytes (`__START_KERNEL_map`, `arch/x86/include/asm/page_64_types.h`; modules
/// behind the image, `MODULES_VADDR`, `pgtable_64_types.h`; 5.10 to 7.2).
#[inline(always)]
pub(crate) fn is_code(address: u64) -> bool {
    address >= 0xffff_ffff_8000_0000
}

/// The number of the call that `regs` is the exit of; out of range when it was no call, or an x32 one.
///
/// Half of the register: since 5.14 the kernel does not look at the other one (`do_syscall_64`,
/// `arch/x86/entry/common.c`), and programs may leave anything there.
#[inline(always)]
pub(crate) fn number(regs: Object) -> u64 {
    u64::from(regs.load_present::<u32>(ORIG_AX))
}

/// Whether the call that `task`, which is running, makes came by a 32-bit entry: its number is one of i386, and
/// its arguments are in other registers.
#[inline(always)]
pub(crate) fn is_compat(task: Object, _regs: Object) -> bool {
    field!(u32, task, task_status) & TS_COMPAT != 0
}

/// Whether this is a number of x32, which no other call has.
#[inline(always)]
pub(crate) fn is_only_foreign(number: u64) -> bool {
    number >> X32_BIT == 1
}

/// Whether the number of the call is not one of x86-64.
#[inline(always)]
pub(crate) fn is_foreign(task: Object, regs: Object) -> bool {
    is_only_foreign(number(regs)) || is_compat(task, regs)
}

/// What such a call is.
#[inline(always)]
pub(crate) fn foreign(_task: Object, regs: Object) -> Foreign {
    let number = number(regs);
    let own = (number ^ 1 << X32_BIT) as usize;
    if own < SYSCALL_TABLE_LEN {
        Foreign::native(own as u16)
    } else if is_only_foreign(number) {
        X32.get(own - X32_FIRST).map_or(Foreign::NONE, frozen)
    } else {
        COMPAT.get(number as usize).map_or(Foreign::NONE, frozen)
    }
}

/// What the result of a call is when the kernel has taken it back (`syscall_rollback`,
/// `arch/x86/include/asm/syscall.h`).
#[inline(always)]
pub(crate) fn rolled_back(regs: Object) -> u64 {
    number(regs)
}

/// Whether the call has not returned yet: until then its result is `-ENOSYS` (`arch/x86/entry/`, 5.10 to 7.2).
#[inline(always)]
pub(crate) fn is_in_progress(regs: Object) -> bool {
    const ENOSYS: i64 = 38;
    regs.load_present::<u64>(AX) as i64 == -ENOSYS
}

/// Argument `n` of the call, 0 to 5. `n` must be a constant.
#[inline(always)]
pub(crate) fn argument(regs: Object, n: u32) -> u64 {
    regs.load_present(argument_place(n))
}

/// Where argument `n` is in `struct pt_regs`.
#[inline(always)]
pub(crate) const fn argument_place(n: u32) -> u32 {
    match n {
        0 => DI,
        1 => SI,
        2 => DX,
        3 => R10,
        4 => R8,
        _ => R9,
    }
}

/// Where the number of the call is there.
#[inline(always)]
pub(crate) const fn number_place() -> u32 {
    ORIG_AX
}

/// Argument `n` of a call by a 32-bit entry, a constant. The upper halves hold anything when 64-bit code made it.
#[inline(always)]
pub(crate) fn compat_argument(regs: Object, n: u32) -> u64 {
    u64::from(regs.load_present::<u32>(match n {
        0 => BX,
        1 => CX,
        2 => DX,
        3 => SI,
        4 => DI,
        _ => BP,
    }))
}

/// The instruction that the program goes on with.
#[inline(always)]
pub(crate) fn instruction(regs: Object) -> u64 {
    regs.load_present(IP)
}

/// Where the stack ends.
#[inline(always)]
pub(crate) fn stack_pointer(regs: Object) -> u64 {
    regs.load_present(SP)
}

/// The address to which the innermost function returns, where it is in a register: not here.
#[inline(always)]
pub(crate) fn link(_: Object) -> u64 {
    0
}

/// Whether code at this address runs in user mode.
#[inline(always)]
pub(crate) fn is_of_user(address: u64) -> bool {
    address >> 63 == 0
}

/// The instruction that a sample interrupted.
#[inline(always)]
pub(crate) fn sampled_address(sample: *const bpf_perf_event_data) -> u64 {
    // SAFETY: the context of a perf event; the verifier checks the access.
    unsafe { (&raw const (*sample).regs.rip).read_volatile() }
}
