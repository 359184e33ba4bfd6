//! What differs between architectures: where the registers of a system call and of a sample are, and by which
//! ways other than its own a program enters the kernel.

use zc_common::syscall::SYSCALL_TABLE_LEN;

use crate::kernel::Object;

#[cfg(bpf_target_arch = "aarch64")]
mod aarch64;
#[cfg(not(bpf_target_arch = "aarch64"))]
mod x86_64;

#[cfg(bpf_target_arch = "aarch64")]
pub(crate) use aarch64::{
    FOREIGN, MADVISE, O_DIRECT, PT_REGS_WORDS, SECCOMP, SYSCALLS, TIF_SYSCALL_EMU, VECTORED,
    argument, argument_place, compat_argument, foreign, instruction, is_code, is_compat,
    is_foreign, is_in_progress, is_of_user, is_only_foreign, link, number, number_place,
    rolled_back, sampled_address, stack_pointer,
};
#[cfg(not(bpf_target_arch = "aarch64"))]
pub(crate) use x86_64::{
    FOREIGN, MADVISE, O_DIRECT, PT_REGS_WORDS, SECCOMP, SYSCALLS, TIF_SYSCALL_EMU, VECTORED,
    argument, argument_place, compat_argument, foreign, instruction, is_code, is_compat,
    is_foreign, is_in_progress, is_of_user, is_only_foreign, link, number, number_place,
    rolled_back, sampled_address, stack_pointer,
};

/// The number of the native call that does the same as the one of the running thread, which is `task`: out of
/// range when that moves no data, or is no call.
#[inline(always)]
pub(crate) fn native_number(task: Object, regs: Object) -> u64 {
    if !is_foreign(task, regs) {
        return number(regs);
    }
    let call = foreign(task, regs);
    if call.is_known() { call.number() } else { SYSCALL_TABLE_LEN as u64 }
}
