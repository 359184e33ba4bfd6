//! The exit of system calls, on kernels where programs at its tracepoint can be preempted.

use std::os::fd::{AsFd as _, AsRawFd as _, RawFd};

use aya::{
    Ebpf,
    programs::{KProbe, RawTracePoint},
};

use super::{
    attach::programs::{Load, Loader, Target},
    btf::Btf,
    object::program,
};

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

/// Whether this kernel needs the function to be probed, and has it. Where it does not let us, the tracepoint
/// remains, and what that misses is a loss.
pub(super) fn has_function(btf: &Btf) -> bool {
    is_preempted(btf) && btf.has_function(FUNCTION)
}

/// The programs that count at the entry of the function, where preemption is disabled.
/// `stacks`: and take stacks.
pub(super) const fn loads(stacks: bool) -> [Load; 2] {
    [
        Load { program: program::IDLE, target: Target::Any },
        Load { program: counting(stacks), target: Target::Any },
    ]
}

const fn counting(stacks: bool) -> &'static str {
    if stacks { program::SYS_EXIT_STACKS_KPROBE } else { program::SYS_EXIT_KPROBE }
}

/// Loads them; `None` when the kernel refuses.
pub(super) fn load(ebpf: &mut Ebpf, loader: &mut Loader, stacks: bool) -> Option<()> {
    loads(stacks).into_iter().try_for_each(|wanted| loader.load(ebpf, wanted).ok().map(|_| ()))
}

/// Attaches them; `None` when the kernel refuses.
pub(super) fn attach(ebpf: &mut Ebpf, stacks: bool) -> Option<()> {
    // The kernel calls the function only while the tracepoint has a program: one that does nothing.
    let idle: &mut RawTracePoint = ebpf.program_mut(program::IDLE)?.try_into().ok()?;
    idle.attach(TRACEPOINT).ok()?;
    let counting: &mut KProbe = ebpf.program_mut(counting(stacks))?.try_into().ok()?;
    counting.attach(FUNCTION, 0).ok()?;
    Some(())
}

/// The program that does nothing, where there is need of it.
pub(super) fn idle_program(ebpf: &Ebpf) -> Option<RawFd> {
    Some(ebpf.program(program::IDLE)?.fd().ok()?.as_fd().as_raw_fd())
}
