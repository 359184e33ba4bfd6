//! The least that any eBPF program can cost: what the benchmark compares with.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};

/// Does nothing at the exit of every system call. `zc` never loads it; the benchmark does.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub(crate) fn zc_floor(_ctx: RawTracePointContext) -> i32 {
    0
}
