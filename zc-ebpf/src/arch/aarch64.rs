//! arm64: `struct pt_regs` of `arch/arm64/include/asm/ptrace.h`.
//!
//! At the exit of a call `regs[0]` holds the result; the first argument survives in `orig_x0` and
//! the number in `syscallno`.

use aya_ebpf::bindings::bpf_perf_event_data;
use zc_common::syscall::{self, SyscallTable};

use crate::kernel::{Object, frozen};

const PSTATE: u32 = 264;
const ORIG_X0: u32 = 272;
const SYSCALLNO: u32 = 280;

/// `PSR_MODE32_BIT` of `arch/arm64/include/uapi/asm/ptrace.h`.
const MODE32: u64 = 0x10;

/// `arch/arm64/include/uapi/asm/fcntl.h`.
pub(crate) const O_DIRECT: u32 = 0o200000;

/// In read-only data, where a lookup is one load.
pub(crate) static SYSCALLS: SyscallTable = syscall::GENERIC;

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
pub(crate) fn is_compat(regs: Object) -> bool {
    regs.load_present::<u64>(PSTATE) & MODE32 != 0
}

/// Argument `n` of the call, 0 to 5. `n` must be a constant.
#[inline(always)]
pub(crate) fn argument(regs: Object, n: u32) -> u64 {
    regs.load_present(if n == 0 { ORIG_X0 } else { 8 * n })
}

/// The instruction that a sample interrupted.
#[inline(always)]
pub(crate) fn sampled_address(sample: *const bpf_perf_event_data) -> u64 {
    // SAFETY: the context of a perf event; the verifier checks the access.
    unsafe { (&raw const (*sample).regs.pc).read_volatile() }
}
