//! Calls whose result is not what the kernel did: those that it did not carry out, or has not finished.

use zc_common::{layout::ABSENT, loss::Loss};

use crate::{
    account::{Account, FIRST_RESTART, is_filtered, shares_files},
    arch,
    cpu::Cpu,
    kernel::{Object, offset, opaque, variant},
    losses::note_loss,
};

/// Beyond those that filters know (`NR_syscalls`, 5.10 to 7.2, is above 440): it is unknown what they allow.
pub(super) const NO_NUMBER: u64 = 440;

/// `ERESTARTSYS`, `ERESTARTNOINTR`, `ERESTARTNOHAND`, `ERESTART_RESTARTBLOCK`; between them is one that is none.
#[inline(always)]
fn is_unfinished(result: i64) -> bool {
    matches!(-result, 512..=514 | 516)
}

/// Whether something may have happened while the call `number` waited, which was the first on its CPU since a switch:
/// the straight path does not look.
///
/// A function of its own: what it needs in registers, the other calls need not save.
#[inline(never)]
pub(super) fn may_mislead(number: u64) -> bool {
    let task = Object::current_task();
    shares_files(task)
        || task.load::<u32>(offset!(task_ptrace)) != 0
        || is_filtered(task) && may_be_answered(number)
}

/// Notes whether a supervisor may answer calls of `task`, which runs on this CPU from now on, or has another filter. One
/// that another thread gives it is found at the next switch.
#[inline(always)]
pub(crate) fn note_supervised(cpu: Cpu, task: Object) {
    let is_supervised = is_filtered(task) && zc_notifications(filter_of(task), NO_NUMBER) != 0;
    cpu.supervises(u64::from(is_supervised));
}

/// Whether a supervisor may answer the call `number`, the running one.
///
/// A function of its own, as above.
#[inline(never)]
pub(super) fn may_be_answered(number: u64) -> bool {
    zc_notifications(filter_of(Object::current_task()), number) != 0
}

/// Whether the call `number` that returned `result` was not carried out, or is not finished: nothing of it is
/// counted. `slot` is that of the thread's record, `rolled_back` what [`arch::rolled_back`] says.
///
/// A global function, which the verifier follows once (see `zc_class`).
#[unsafe(no_mangle)]
#[inline(never)]
pub(super) extern "C" fn zc_is_void(slot: u64, number: u64, result: u64, rolled_back: u64) -> u64 {
    let (task, result) = (Object::current_task(), result as i64);
    if result <= -FIRST_RESTART && is_unfinished(result) {
        return 1;
    }
    if result as u32 == rolled_back as u32 && is_trapped(task) {
        return 1;
    }
    let Some(cpu) = Cpu::this() else { return 0 };
    // Who waits for a tracer leaves the CPU: it is not let go before (`ptrace_check_attach`, `kernel/ptrace.c`, 5.10 to
    // 7.2).
    let waited = cpu.pending_calls() == 1;
    if waited && task.load::<u32>(offset!(task_ptrace)) != 0 && is_emulated(task) {
        return 1;
    }
    if result <= 0 || !is_filtered(task) {
        return 0;
    }
    // Who waits for a supervisor need not: its answer may be there before (`seccomp_do_user_notification`,
    // `kernel/seccomp.c`, 5.10 to 7.2).
    let next = zc_notifications(filter_of(task), number);
    if next == 0 {
        return 0;
    }
    let Some(account) = Account::at(slot as u32) else { return 0 };
    let is_carried_out = account.is_carried_out(cpu);
    account.note_transfers(cpu);
    if !account.notices(next) || is_carried_out == Some(true) {
        return 0;
    }
    if is_carried_out.is_none() {
        if account.has_evidence() {
            return 0;
        }
        note_loss(Loss::SupervisedCalls);
    }
    1
}

/// Whether a call, which returned what [`arch::rolled_back`] says, may have been trapped: what is certain takes more.
#[inline(always)]
pub(super) fn may_be_trapped(task: Object) -> bool {
    is_filtered(task) && task.load::<u64>(offset!(task_pending)) >> (SIGSYS - 1) & 1 != 0
}

/// Whether a filter has had the kernel send a signal instead of carrying out the call (`SECCOMP_RET_TRAP`), which
/// returned what [`arch::rolled_back`] says. The signal is not delivered yet. One that is blocked is another: a signal
/// that the kernel forces upon a thread is unblocked (`force_sig_info_to_task`, `kernel/signal.c`, 5.10 to 7.2).
#[inline(always)]
fn is_trapped(task: Object) -> bool {
    let blocked = task.load::<u64>(offset!(task_blocked));
    may_be_trapped(task) && blocked >> (SIGSYS - 1) & 1 == 0 && zc_is_forced() != 0
}

const SIGSYS: u32 = 31;

/// Whether a pending SIGSYS of the running thread came from a filter, and from no other program: the kernel says so
/// with the signal.
///
/// A global function, which the verifier follows once (see `zc_class`).
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_is_forced() -> u64 {
    /// `SYS_SECCOMP`, `include/uapi/asm-generic/siginfo.h`.
    const FROM_FILTER: u32 = 1;
    /// Signals that are looked at. Those to a single thread are few.
    const MOST: u32 = 16;

    let mut link =
        Object::current_task().read::<u64>(offset!(task_pending_list)).unwrap_or_default();
    for _ in 0..MOST {
        // A `struct sigqueue` begins with its link.
        let sent = Object::untyped(link);
        if sent.read::<u32>(offset!(sent_signal)) == Some(SIGSYS) {
            return u64::from(sent.read::<u32>(offset!(sent_code)) == Some(FROM_FILTER));
        }
        link = opaque(sent.read::<u64>(0).unwrap_or_default());
    }
    // Without an entry of its own, when memory was short.
    1
}

/// Whether a tracer carries out the calls of this thread in place of the kernel (`PTRACE_SYSEMU`).
#[inline(always)]
fn is_emulated(task: Object) -> bool {
    let (flags, bit) = if offset!(task_work) == ABSENT || variant!(emulation_bit) == ABSENT {
        (task.load::<u64>(offset!(task_thread_flags)), arch::TIF_SYSCALL_EMU)
    } else {
        (task.load::<u64>(offset!(task_work)), variant!(emulation_bit))
    };
    flags >> bit & 1 != 0
}

/// Address of the last filter of `task`. Asked of a helper: the verifier does not take a pointer that it has followed for a
/// number.
#[inline(always)]
fn filter_of(task: Object) -> u64 {
    task.read(offset!(task_seccomp_filter)).unwrap_or_default()
}

/// The number of the next notification to the supervisor that may answer the call `number`, that of a 64-bit one or
/// [`NO_NUMBER`], of a thread with this filter (`SECCOMP_RET_USER_NOTIF`). 0 where none may.
///
/// A global function, which the verifier follows once (see `zc_class`).
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_notifications(mut filter: u64, number: u64) -> u64 {
    /// Filters that are looked at.
    const FILTERS: u32 = 32;

    if offset!(filter_allows) != ABSENT && number < NO_NUMBER {
        // A bit for each call that all filters allow, whatever its arguments are (since 5.11).
        let place = offset!(filter_allows) + (number >> 6 << 3) as u32;
        let allows = Object::untyped(filter).read::<u64>(place).unwrap_or_default();
        if allows >> (number & 63) & 1 != 0 {
            return 0;
        }
    }
    for _ in 0..FILTERS {
        if filter == 0 {
            return 0;
        }
        let notification = Object::untyped(filter).read::<u64>(offset!(filter_notification));
        let notification = notification.unwrap_or_default();
        if notification != 0 {
            let next = Object::untyped(notification).read::<u64>(offset!(notification_next));
            // The first one is random (`init_listener`, as above).
            return next.unwrap_or_default() | 1 << 63;
        }
        filter = Object::untyped(filter).read::<u64>(offset!(filter_previous)).unwrap_or_default();
    }
    0
}
