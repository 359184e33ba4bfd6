//! The life of a thread: fork, exec, switches, exit.

use super::{Arguments, sys_exit::note_supervised, tracepoint};
use crate::{
    account::{Account, zc_cut_operation},
    cpu::Cpu,
    follow,
    kernel::{Object, offset, variant},
};

/// `TASK_DEAD`, `include/linux/sched.h`, 4.14 to 7.2.
const TASK_DEAD: u64 = 0x80;

tracepoint!(
    /// `sched_switch(bool preempt, struct task_struct *prev, struct task_struct *next[, unsigned
    /// int prev_state])`, `include/trace/events/sched.h`; the state since 5.18.
    zc_sched_switch, zc_sched_switch_raw, "sched_switch", |arguments| switched(arguments)
);

#[inline(always)]
fn switched(arguments: Arguments) {
    let Some(cpu) = Cpu::this() else { return };
    let previous = arguments.object(1);
    let next = arguments.object(2).load::<u32>(offset!(task_pid));
    // The idle task of a CPU makes no calls and copies nothing.
    if previous.load::<u32>(offset!(task_pid)) != 0 {
        leave(cpu, previous, arguments);
    }
    // A thread that segments is not preempted: the end of that was not seen, see [`zc_cut_operation`].
    cpu.segments(0);
    // After the pending calls of the previous thread are charged.
    cpu.runs(next);
    note_supervised(cpu, arguments.object(2));
    follow::switched(cpu, arguments.object(2));
}

/// Brings the account of the thread that leaves the CPU up to date.
#[inline(always)]
fn leave(cpu: Cpu, previous: Object, arguments: Arguments) {
    let Some(account) = Account::of(cpu, previous) else { return };
    account.charge_calls(cpu);
    account.refresh(previous);
    let state = if variant!(switch_has_state) != 0 {
        arguments.integer(3)
    } else {
        previous.load::<u64>(offset!(task_state_old))
    };
    account.waits(previous, state != 0);
    if state & TASK_DEAD != 0 {
        account.close(cpu);
    }
}

tracepoint!(
    /// `sched_process_fork(struct task_struct *parent, struct task_struct *child)`, 5.10 to 7.2.
    /// Fires for threads too, before the child first runs.
    zc_fork, zc_fork_raw, "sched_process_fork", |arguments| forked(arguments)
);

#[inline(always)]
fn forked(arguments: Arguments) {
    let (parent, child) = (arguments.object(0), arguments.object(1));
    if follow::forked(parent, child) {
        Account::newborn(child);
    }
}

tracepoint!(
    /// `cgroup_mkdir(struct cgroup *cgrp, const char *path)`, `include/trace/events/cgroup.h`, 5.10 to 7.2.
    zc_cgroup_make, zc_cgroup_make_raw, "cgroup_mkdir", |arguments| {
        follow::made(arguments.object(0), arguments.integer(1));
    }
);

tracepoint!(
    /// `cgroup_attach_task(struct cgroup *dst_cgrp, const char *path, struct task_struct *task, bool
    /// threadgroup)`, `include/trace/events/cgroup.h`, 5.10 to 7.2: after the move, once for a process.
    zc_cgroup_move, zc_cgroup_move_raw, "cgroup_attach_task", |arguments| {
        let task = arguments.object(2);
        follow::moved(task);
        Account::moved(task);
    }
);

tracepoint!(
    /// `sched_process_exec(struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)`,
    /// 5.10 to 7.2.
    zc_exec, zc_exec_raw, "sched_process_exec", |arguments| executed(arguments)
);

#[inline(always)]
fn executed(arguments: Arguments) {
    let Some(cpu) = Cpu::this() else { return };
    let task = arguments.object(0);
    // A thread that is not the leader has taken over the leader's pid and start.
    cpu.forget_slot();
    let Some(account) = Account::of(cpu, task) else { return };
    account.rename(task);
    diagnose!("process {} runs a new program", task.load::<u32>(offset!(task_tgid)));
}

tracepoint!(
    /// `sched_process_exit(struct task_struct *task[, bool group_dead])`, 5.10 to 7.2; the second
    /// argument since 6.16.
    zc_exit, zc_exit_raw, "sched_process_exit", |arguments| exited(arguments)
);

#[inline(always)]
fn exited(arguments: Arguments) {
    let Some(cpu) = Cpu::this() else { return };
    let task = arguments.object(0);
    let Some(account) = Account::of(cpu, task) else { return follow::ends(cpu) };
    super::uring::process_ends();
    account.charge_calls(cpu);
    account.refresh(task);
    account.rename(task);
    diagnose!("thread {} exits", task.load::<u32>(offset!(task_pid)));
    zc_cut_operation();
    account.exit(task);
    follow::ends(cpu);
}
