//! arm64: `struct pt_regs` of `arch/arm64/include/asm/ptrace.h`.
//!
//! At the exit of a call `regs[0]` holds the result; the first argument survives in `orig_x0` and
//! the number in `syscallno`.

use aya_ebpf::bindings::bpf_perf_event_data;
use zc_common::syscall::{
    self, SyscallTable,
    foreign::{self, Foreign, ForeignTable},
};

use crate::kernel::{Object, frozen};

/// `regs[30]`.
const LINK: u32 = 240;
const SP: u32 = 248;
const PC: u32 = 256;
const PSTATE: u32 = 264;
const ORIG_X0: u32 = 272;
const SYSCALLNO: u32 = 280;

/// 64-bit words of `struct pt_regs` up to what is read of it.
pub(crate) const PT_REGS_WORDS: usize = 36;

/// `PSR_MODE32_BIT` of `arch/arm64/include/uapi/asm/ptrace.h`.
const MODE32: u64 = 0x10;

/// `arch/arm64/include/uapi/asm/fcntl.h`.
pub(crate) const O_DIRECT: u32 = 0o200000;

/// `TIF_SYSCALL_EMU`, `arch/arm64/include/asm/thread_info.h`.
pub(crate) const TIF_SYSCALL_EMU: u32 = 12;

/// Numbers of madvise and process_madvise.
pub(crate) const MADVISE: [u64; 2] = [233, 440];

/// In read-only data, where a lookup is one load.
pub(crate) static SYSCALLS: SyscallTable = syscall::GENERIC;

/// Calls of 32-bit programs.
static COMPAT: ForeignTable = FOREIGN;

/// As it is known when the programs are compiled.
pub(crate) const FOREIGN: ForeignTable = foreign::ARM;

/// Number of seccomp, `include/uapi/asm-generic/unistd.h`.
pub(crate) const SECCOMP: usize = 277;

/// Numbers of the calls that take a vector of buffers.
pub(crate) const VECTORED: [usize; 6] = syscall::GENERIC_VECTORED;

/// First address of the kernel's image, and the first after it; equal when they are not known. Replaced by
/// user space before load.
#[unsafe(no_mangle)]
static IMAGE_BEGIN: u64 = 0;
/// See [`IMAGE_BEGIN`].
#[unsafe(no_mangle)]
static IMAGE_END: u64 = 0;

/// Whether what lies at `address` is part of the kernel's image. Modules share their range of addresses with
/// what is allocated (`VMALLOC_START`, `arch/arm64/include/asm/pgtable.h`).
#[inline(always)]
pub(crate) fn is_code(address: u64) -> bool {
    address >= frozen(&IMAGE_BEGIN) && address < frozen(&IMAGE_END)
}

/// The number of the call that `regs` is the exit of; out of range when it was no call.
#[inline(always)]
pub(crate) fn number(regs: Object) -> u64 {
    u64::from(regs.load_present::<u32>(SYSCALLNO))
}

/// Whether the caller is 32-bit code, whose call numbers differ.
#[inline(always)]
pub(crate) fn is_compat(_task: Object, regs: Object) -> bool {
    regs.load_present::<u64>(PSTATE) & MODE32 != 0
}

/// Whether this is a number that no call of 64-bit programs has, and others have.
#[inline(always)]
pub(crate) fn is_only_foreign(_number: u64) -> bool {
    false
}

/// Whether the number of the call is not one of arm64.
#[inline(always)]
pub(crate) fn is_foreign(task: Object, regs: Object) -> bool {
    is_compat(task, regs)
}

/// What such a call is.
#[inline(always)]
pub(crate) fn foreign(_task: Object, regs: Object) -> Foreign {
    COMPAT.get(number(regs) as usize).map_or(Foreign::NONE, frozen)
}

/// What the result of a call is when the kernel has taken it back (`syscall_rollback`,
/// `arch/arm64/include/asm/syscall.h`).
#[inline(always)]
pub(crate) fn rolled_back(regs: Object) -> u64 {
    regs.load_present(ORIG_X0)
}

/// Whether the call has not returned yet: until then its first argument is where the result will be.
#[inline(always)]
pub(crate) fn is_in_progress(regs: Object) -> bool {
    regs.load_present::<u64>(0) == regs.load_present::<u64>(ORIG_X0)
}

/// Argument `n` of the call, 0 to 5. `n` must be a constant.
#[inline(always)]
pub(crate) fn argument(regs: Object, n: u32) -> u64 {
    regs.load_present(argument_place(n))
}

/// Where argument `n` is in `struct pt_regs`.
#[inline(always)]
pub(crate) const fn argument_place(n: u32) -> u32 {
    if n == 0 { ORIG_X0 } else { 8 * n }
}

/// Where the number of the call is there; half a word.
#[inline(always)]
pub(crate) const fn number_place() -> u32 {
    SYSCALLNO
}

/// Argument `n` of a call of 32-bit code, a constant.
#[inline(always)]
pub(crate) fn compat_argument(regs: Object, n: u32) -> u64 {
    u64::from(argument(regs, n) as u32)
}

/// The instruction that the program goes on with.
#[inline(always)]
pub(crate) fn instruction(regs: Object) -> u64 {
    regs.load_present(PC)
}

/// Where the stack ends.
#[inline(always)]
pub(crate) fn stack_pointer(regs: Object) -> u64 {
    regs.load_present(SP)
}

/// The address to which the innermost function returns, unless it has called another one.
#[inline(always)]
pub(crate) fn link(regs: Object) -> u64 {
    regs.load_present(LINK)
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
    unsafe { (&raw const (*sample).regs.pc).read_volatile() }
}
