//! The eBPF programs of `zc`.
//!
//! A hook (`probes/`) reads its arguments (`kernel`, `arch`, `descriptor`) and hands what it saw to the
//! module that counts it: `account` for threads, `cpu`, `devices`, `interfaces`, `losses`, `objects`, `stacks`. Each map is
//! private to the one module that writes it. `follow` says of whom a run wants to know.
#![no_std]
#![no_main]
// BPF's inline assembly: the only way to an atomic addition, see `atomic`.
#![feature(asm_experimental_arch)]

/// Says what the programs do, when user space asked for it (`AYA_LOG_LEVEL`); otherwise the verifier
/// drops the call.
macro_rules! diagnose {
    ($($message:tt)*) => { aya_log_ebpf::debug!((), $($message)*) };
}

mod account;
mod arch;
mod area;
mod atomic;
mod cgroup;
mod cpu;
mod descriptor;
mod devices;
mod follow;
mod interfaces;
mod kernel;
mod losses;
mod objects;
mod operations;
mod probes;
mod stacks;
mod user;

/// The kernel compares this string: GPL-compatible programs may call every helper.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier rejects any program in which this could be reached.
    loop {}
}
