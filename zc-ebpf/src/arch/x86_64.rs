//! x86-64: `struct pt_regs` of `arch/x86/include/asm/ptrace.h`, unchanged since 2.6.
//!
//! At the exit of a call only `ax` has changed: the number is in `orig_ax` and the six arguments
//! are where the entry left them, so no probe at entry is needed.

use aya_ebpf::bindings::bpf_perf_event_data;
use zc_common::syscall::{self, SyscallTable};

use crate::kernel::Object;

const R10: u32 = 56;
const R9: u32 = 64;
const R8: u32 = 72;
const DX: u32 = 96;
const SI: u32 = 104;
const DI: u32 = 112;
const ORIG_AX: u32 = 120;
const CS: u32 = 136;

/// Code segment of 32-bit user code (`__USER32_CS`).
const USER32_CS: u64 = 0x23;

/// `include/uapi/asm-generic/fcntl.h`.
pub(crate) const O_DIRECT: u32 = 0o40000;

/// In read-only data, where a lookup is one load.
pub(crate) static SYSCALLS: SyscallTable = syscall::X86_64;

/// Numbers of the calls that take a vector of buffers.
pub(crate) const VECTORED: [usize; 6] = syscall::X86_64_VECTORED;

/// Whether what lies at `address` is part of the kernel's image or of a module: all of it, and nothing else,
/// lies in the last two gigabytes (`__START_KERNEL_map`, `arch/x86/include/asm/page_64_types.h`; modules
/// behind the image, `MODULES_VADDR`, `pgtable_64_types.h`; 5.10 to 7.2).
#[inline(always)]
pub(crate) fn is_code(address: u64) -> bool {
    address >= 0xffff_ffff_8000_0000
}

/// The number of the call that `regs` is the exit of; out of range when it was no call.
#[inline(always)]
pub(crate) fn number(regs: Object) -> u64 {
    regs.load_present(ORIG_AX)
}

/// Whether the caller is 32-bit code, whose call numbers differ.
#[inline(always)]
pub(crate) fn is_compat(regs: Object) -> bool {
    regs.load_present::<u64>(CS) == USER32_CS
}

/// Argument `n` of the call, 0 to 5. `n` must be a constant.
#[inline(always)]
pub(crate) fn argument(regs: Object, n: u32) -> u64 {
    regs.load_present(match n {
        0 => DI,
        1 => SI,
        2 => DX,
        3 => R10,
        4 => R8,
        _ => R9,
    })
}

/// The instruction that a sample interrupted.
#[inline(always)]
pub(crate) fn sampled_address(sample: *const bpf_perf_event_data) -> u64 {
    // SAFETY: the context of a perf event; the verifier checks the access.
    unsafe { (&raw const (*sample).regs.rip).read_volatile() }
}
