//! The copy tax: who is on the CPU, and whether inside a copy routine, some hundred times a second.
//!
//! A timer interrupt, so off the hot path: its price does not depend on what the machine does.
//!
//! The kernel leaves out a sample that falls into a kprobe's program or an update of a map
//! (`bpf_prog_active`, `bpf_overflow_handler` in `kernel/events/core.c`): moments that copy nothing.

mod code;

use aya_ebpf::{
    EbpfContext as _,
    macros::{map, perf_event},
    maps::Array,
    programs::PerfEventContext,
};
use zc_common::text_range::{COPY_RANGES, CopyRanges, TextRange};

use crate::{
    account::Account,
    arch,
    kernel::{Object, offset},
    stacks,
};

/// Addresses of the copy routines, from the kernel's symbol table. User space writes it before the first
/// sample, and reads the symbols while the programs are loaded: a map, because read-only data is frozen
/// before that.
#[map]
static COPY_ROUTINES: Array<CopyRanges> = Array::with_max_entries(1, 0);

/// Charges a sample to the running thread. Work done in an interrupt counts for the thread that was
/// interrupted, as in any profile; copies made while the CPU was idle are unattributed.
#[perf_event]
pub(crate) fn zc_sample(ctx: PerfEventContext) -> u32 {
    sample::<false>(&ctx, false)
}

/// The same, and notes where in its code the thread is.
#[perf_event]
pub(crate) fn zc_sample_code(ctx: PerfEventContext) -> u32 {
    sample::<false>(&ctx, true)
}

/// As [`zc_sample`], and takes the stacks of threads in copy routines.
#[perf_event]
pub(crate) fn zc_sample_stacks(ctx: PerfEventContext) -> u32 {
    sample::<true>(&ctx, false)
}

#[inline(always)]
fn sample<const STACKS: bool>(ctx: &PerfEventContext, notes_code: bool) -> u32 {
    let Some(routines) = COPY_ROUTINES.get(0) else { return 0 };
    let address = arch::sampled_address(ctx.ctx);
    let copying = contains(routines, address);
    let task = Object::current_task();
    let idle = task.load::<u32>(offset!(task_pid)) == 0;
    let account = match (idle, copying) {
        (false, _) => Account::interrupted(task),
        (true, true) => Account::unattributed(),
        (true, false) => None,
    };
    if let Some(account) = account {
        account.sampled(copying);
        if STACKS && copying && !idle {
            stacks::take_time(ctx.as_ptr(), account);
        }
        if notes_code && !idle && !copying {
            code::note(task, address, account);
        }
    }
    0
}

/// Whether `address` lies in one of the ranges. Addresses of user space never do.
#[inline(always)]
fn contains(ranges: &CopyRanges, address: u64) -> bool {
    // The last range that begins at or before the address, by halving: the verifier follows each of
    // the few dozen ways through, as the index is a constant on each of them.
    let mut at = 0;
    let mut step = COPY_RANGES / 2;
    while step > 0 {
        if range(ranges, at + step).begin <= address {
            at += step;
        }
        step /= 2;
    }
    let range = range(ranges, at);
    range.begin <= address && address < range.end
}

#[inline(always)]
fn range(ranges: &CopyRanges, at: usize) -> TextRange {
    ranges.ranges[at % COPY_RANGES]
}
