//! What differs between architectures: where the registers of a system call and of a sample are.

#[cfg(bpf_target_arch = "aarch64")]
mod aarch64;
#[cfg(not(bpf_target_arch = "aarch64"))]
mod x86_64;

#[cfg(bpf_target_arch = "aarch64")]
pub(crate) use aarch64::{
    O_DIRECT, SYSCALLS, VECTORED, argument, is_code, is_compat, number, sampled_address,
};
#[cfg(not(bpf_target_arch = "aarch64"))]
pub(crate) use x86_64::{
    O_DIRECT, SYSCALLS, VECTORED, argument, is_code, is_compat, number, sampled_address,
};
