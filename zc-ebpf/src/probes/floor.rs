//! The least that any eBPF program can cost: what the benchmark compares with, at
//! functions of its choice.

use aya_ebpf::{
    macros::{fentry, fexit, kprobe, raw_tracepoint},
    programs::{FEntryContext, FExitContext, ProbeContext, RawTracePointContext},
};

/// Does nothing at the exit of every system call. The benchmark loads it, and `zc` where it counts at
/// the function that runs the programs of the tracepoint: with none it is not called.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub(crate) fn zc_floor(_ctx: RawTracePointContext) -> i32 {
    0
}

/// Does nothing at the return of a function.
#[fexit(function = "filemap_read")]
pub(crate) fn zc_floor_return(_ctx: FExitContext) -> i32 {
    0
}

/// Does nothing at the entry of a function.
#[fentry(function = "filemap_read")]
pub(crate) fn zc_floor_entry(_ctx: FEntryContext) -> i32 {
    0
}

/// Does nothing at the entry of a function, by a breakpoint or what the kernel makes of it.
#[kprobe]
pub(crate) fn zc_floor_kprobe(_ctx: ProbeContext) -> u32 {
    0
}
