//! The exit of system calls, on kernels where programs at its tracepoint can be preempted.

use std::os::fd::{AsFd as _, AsRawFd as _, RawFd};

use aya::{
    Ebpf,
    programs::{KProbe, RawTracePoint},
};

use super::{btf::Btf, object::program};

/// The tracepoint.
pub(super) const TRACEPOINT: &str = "sys_exit";

/// The function that runs the programs of the tracepoint, `kernel/entry/syscall-common.c` (7.2).
const FUNCTION: &str = "trace_syscall_exit";

/// Whether the kernel can preempt a program at the tracepoint: since such programs may sleep (7.2). From
/// 6.13 to then preemption was disabled around those at the tracepoints of system calls
/// (`include/trace/bpf_probe.h`), before that around every tracepoint.
///
/// While a thread is preempted within a program, the kernel does not run that program for others on
/// the same CPU: with `preempt=full` and four threads that make calls on one CPU, more than half are
/// missed.
pub(super) fn is_preempted(btf: &Btf) -> bool {
    btf.has_function("trace_call_bpf_faultable")
}

/// Counts at the entry of the function instead, where preemption is disabled. `false` when this kernel
/// has no need of it or does not let us: the tracepoint remains, and what it misses is a loss.
pub(super) fn attach_function(ebpf: &mut Ebpf, btf: &Btf) -> bool {
    is_preempted(btf)
        && btf.has_function(FUNCTION)
        && switch_on(ebpf).is_some()
        && attach(ebpf).is_some()
}

/// The program that does nothing, where there is need of it.
pub(super) fn idle_program(ebpf: &Ebpf) -> Option<RawFd> {
    Some(ebpf.program(program::IDLE)?.fd().ok()?.as_fd().as_raw_fd())
}

/// The kernel calls the function only while the tracepoint has a program: one that does nothing.
fn switch_on(ebpf: &mut Ebpf) -> Option<()> {
    let program: &mut RawTracePoint = ebpf.program_mut(program::IDLE)?.try_into().ok()?;
    program.load().ok()?;
    program.attach(TRACEPOINT).ok()?;
    Some(())
}

fn attach(ebpf: &mut Ebpf) -> Option<()> {
    let program: &mut KProbe = ebpf.program_mut(program::SYS_EXIT_KPROBE)?.try_into().ok()?;
    program.load().ok()?;
    program.attach(FUNCTION, 0).ok()?;
    Some(())
}
