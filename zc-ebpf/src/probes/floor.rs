//! The least that any eBPF program can cost: what the benchmark compares with.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};

/// Does nothing at the exit of every system call. The benchmark loads it, and `zc` where it counts at
/// the function that runs the programs of the tracepoint: with none it is not called.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub(crate) fn zc_floor(_ctx: RawTracePointContext) -> i32 {
    0
}
