//! Calls in which other threads go on: a descriptor may be another one when they return.
//!
//! The descriptor is looked at when the thread leaves its CPU, where another thread shares its descriptors. What
//! it is then it was when the call began, unless another thread replaced it in between. The call keeps its file open: no
//! other one gets the same address. If it was the last to do so, it has left the file to be closed by its thread on
//! the way back to user mode (`task_work_add` in `fput`, `fs/file_table.c`, 5.10 to 7.2), where it is found. So what is
//! missed is a descriptor that is replaced before its call first leaves the CPU, and whose file is open elsewhere, too.

use core::ptr;

use zc_common::{
    layout::ABSENT,
    loss::Loss,
    record::{Record, Waiting},
    syscall::SyscallKind,
};

use super::{
    Account,
    staged::{kind_of, registers},
};
use crate::{
    arch,
    cpu::Cpu,
    descriptor::{Class, File, zc_class},
    kernel::{Object, field, offset, opaque},
    losses::note_loss,
    operations,
};

/// What [`zc_replaced`] says of a descriptor that is still the same: no class.
const SAME: u64 = 0xff;
/// Both are.
pub(crate) const NOT_REPLACED: u64 = SAME << 8 | SAME;

/// Whether the calls of `task`, which is running, go through seccomp filters.
#[inline(always)]
pub(crate) fn is_filtered(task: Object) -> bool {
    /// `SECCOMP_MODE_FILTER`, `include/uapi/linux/seccomp.h`.
    const MODE_FILTER: u32 = 2;
    task.load::<u32>(offset!(task_seccomp_mode)) == MODE_FILTER
}

/// [`Waiting::transfers`]: it is unknown.
const UNCOUNTED: u64 = u64::MAX;

/// How many reads and writes the kernel has carried out for `task`, which is running, by its own count (`inc_syscr` and
/// `inc_syscw`, `fs/read_write.c`, 5.10 to 7.2): each that returns bytes counts, sendfile and copy_file_range as well.
#[inline(always)]
fn transfers(task: Object) -> u64 {
    if offset!(task_reads) == ABSENT || offset!(task_writes) == ABSENT {
        return UNCOUNTED;
    }
    let reads = task.load::<u64>(offset!(task_reads));
    reads.wrapping_add(task.load::<u64>(offset!(task_writes)))
}

/// Whether the kernel counts calls of this kind, see [`transfers`].
#[inline(always)]
fn is_counted(kind: u8) -> bool {
    const READ: u8 = SyscallKind::Read as u8;
    const PREAD: u8 = SyscallKind::Pread as u8;
    const WRITE: u8 = SyscallKind::Write as u8;
    const COPY_FILE_RANGE: u8 = SyscallKind::CopyFileRange as u8;
    const SENDFILE: u8 = SyscallKind::Sendfile as u8;

    matches!(kind, READ | PREAD | WRITE | SENDFILE | COPY_FILE_RANGE)
}

/// Whether other threads have the descriptors of `task`, which is running, too.
#[inline(always)]
pub(crate) fn shares_files(task: Object) -> bool {
    task.follow(offset!(task_files)).load::<u32>(offset!(files_count)) > 1
}

impl Account {
    /// Notes what the descriptors are that the running thread, `task`, waits for; it leaves the CPU, `sleeps`: of its own
    /// accord.
    #[inline(always)]
    pub(crate) fn waits(self, task: Object, sleeps: bool) {
        if (shares_files(task) || is_filtered(task))
            && !self.is_unattributed()
            && !self.is_kernel_thread()
        {
            zc_waits(u64::from(self.slot()), u64::from(sleeps));
        }
    }
}

impl Account {
    /// Whether the kernel has carried out the running call, which has returned bytes. `None` of calls that the
    /// kernel does not count, and where it was not noted what it had counted before.
    #[inline(always)]
    pub(crate) fn is_carried_out(self, cpu: Cpu) -> Option<bool> {
        let record = self.own()?;
        let task = Object::current_task();
        if !is_counted(kind_of(arch::native_number(task, registers(task)?))) {
            return None;
        }
        // SAFETY: a map value; this thread is its only writer.
        unsafe {
            let waiting = &raw const (*record).waiting;
            let calls = calls_until_now(record, cpu);
            let before =
                if (*waiting).calls.wrapping_add(1) == calls && (*waiting).transfers != UNCOUNTED {
                    (*waiting).transfers
                } else if (*waiting).returned.wrapping_add(1) == calls {
                    (*waiting).transfers_returned
                } else {
                    UNCOUNTED
                };
            if before == UNCOUNTED { None } else { Some(before != transfers(task)) }
        }
    }

    /// Notes what the kernel has counted until now, for the next call of the running thread, which returns from one.
    #[inline(always)]
    pub(crate) fn note_transfers(self, cpu: Cpu) {
        let Some(record) = self.own() else { return };
        // SAFETY: as above.
        unsafe {
            let waiting = &raw mut (*record).waiting;
            (*waiting).returned = calls_until_now(record, cpu);
            (*waiting).transfers_returned = transfers(Object::current_task());
        }
    }

    /// Notes the number of the next notification of the thread's filter. Whether it is another one than last time;
    /// also where it cannot be noted.
    #[inline(always)]
    pub(crate) fn notices(self, next: u64) -> bool {
        let Some(record) = self.own() else { return true };
        // SAFETY: a map value; this thread is its only writer.
        unsafe {
            let last = (*record).waiting.notification;
            (*record).waiting.notification = next;
            last != next
        }
    }
}

/// Calls of the running thread, whose record this is, with the one that returns now: it is among those that are pending.
/// Where the program at the end of calls can be preempted (7.2), a switch may charge them in between.
///
/// # Safety
/// A map value, in the context of its only writer.
#[inline(always)]
unsafe fn calls_until_now(record: *mut Record, cpu: Cpu) -> u64 {
    // SAFETY: the caller's.
    let charged = || unsafe { ptr::read_volatile(&raw const (*record).counters.syscalls) };
    let (before, pending) = (charged(), cpu.pending_calls());
    let after = charged();
    if before == after {
        before.wrapping_add(pending)
    } else {
        after.wrapping_add(cpu.pending_calls())
    }
}

/// A global function, which the verifier follows once (see `zc_class`).
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_waits(slot: u64, sleeps: u64) -> u64 {
    const SUBMIT: u8 = SyscallKind::Submit as u8;
    const COPY_FILE_RANGE: u8 = SyscallKind::CopyFileRange as u8;
    const SENDFILE: u8 = SyscallKind::Sendfile as u8;
    const SPLICE: u8 = SyscallKind::Splice as u8;

    let Some(record) = Account::at(slot as u32).and_then(Account::own) else { return 0 };
    let task = Object::current_task();
    let Some(regs) = registers(task) else { return 0 };
    let kind = kind_of(arch::native_number(task, regs));
    if kind <= SUBMIT || kind > COPY_FILE_RANGE || !arch::is_in_progress(regs) {
        return 0;
    }
    let compat = arch::is_compat(task, regs);
    let first = if compat { arch::compat_argument(regs, 0) } else { arch::argument(regs, 0) };
    let other = match kind {
        SENDFILE if compat => arch::compat_argument(regs, 1),
        SENDFILE => arch::argument(regs, 1),
        SPLICE | COPY_FILE_RANGE if compat => arch::compat_argument(regs, 2),
        SPLICE | COPY_FILE_RANGE => arch::argument(regs, 2),
        _ => NO_DESCRIPTOR,
    };
    // A thread that is preempted may have been counted already. Who waits has not, nor does the kernel wait after that.
    let transfers = if is_counted(kind) && sleeps != 0 { transfers(task) } else { UNCOUNTED };
    // SAFETY: a map value; this thread is its only writer.
    unsafe {
        let waiting = &raw mut (*record).waiting;
        let calls = (*record).counters.syscalls;
        if (*waiting).calls == calls && (*waiting).files[0] != 0 {
            // The call has waited before: what was seen first is nearest to its beginning.
            if (*waiting).transfers == UNCOUNTED {
                (*waiting).transfers = transfers;
            }
            return 0;
        }
        (*waiting).calls = calls;
        (*waiting).transfers = transfers;
        (*waiting).files[0] = seen(task, first);
        (*waiting).files[1] = if other == NO_DESCRIPTOR { 0 } else { seen(task, other) };
    }
    0
}

const NO_DESCRIPTOR: u64 = u64::MAX;

/// The open file behind `fd` with its class, in a word.
#[inline(always)]
fn seen(task: Object, fd: u64) -> u64 {
    // Not 0, and at no address: it was closed already.
    const NO_FILE: u64 = 1 << Waiting::CLASS_BITS | CLOSED;
    let address = File::address_of(task, fd);
    match File::at(address) {
        Some(file) => word(address) | u64::from(file.class().number()),
        None => NO_FILE,
    }
}

#[inline(always)]
fn word(address: u64) -> u64 {
    address << Waiting::CLASS_BITS
}

/// Whether anything is left to do for `task`, which is running, before it is back in user mode.
#[inline(always)]
pub(crate) fn has_work(task: Object) -> bool {
    offset!(task_works) != ABSENT && field!(u64, task, task_works) != 0
}

/// The class of the file that the running call was the last to use, 0 for none. A file is known by its table of
/// operations: what else is left to do lies elsewhere.
#[inline(always)]
fn given_up(task: Object) -> u64 {
    /// Of what is left to do, so much is looked at.
    const WORKS: u32 = 4;

    let place = if offset!(file_task_work) != ABSENT {
        offset!(file_task_work)
    } else if offset!(file_rcu_head) != ABSENT {
        offset!(file_rcu_head)
    } else {
        offset!(file_rcu_head_old)
    };
    if offset!(task_works) == ABSENT || place == ABSENT {
        return 0;
    }
    let mut work = task.load::<u64>(offset!(task_works));
    for _ in 0..WORKS {
        if work == 0 {
            break;
        }
        let address = work.wrapping_sub(u64::from(place));
        let table = Object::untyped(address).read::<u64>(offset!(file_op)).unwrap_or_default();
        if table != 0 && operations::recall(table) != 0 {
            return File::at(address).map_or(0, |file| u64::from(file.class().number()));
        }
        // `next` in `struct callback_head`, `include/linux/types.h`.
        work = opaque(Object::untyped(work).read::<u64>(0).unwrap_or_default());
    }
    0
}

/// For [`zc_replaced`]: the call was the first on its CPU since a switch.
pub(crate) const WAITED: u64 = 1;
/// For [`zc_replaced`]: it has two descriptors.
pub(crate) const HAS_TWO: u64 = 2;

/// What the descriptors `first` and `other` of the running call were that are something else now: the class of
/// each in a byte, [`SAME`] where nothing has changed. For the record in `slot`.
///
/// A global function, as above.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn zc_replaced(slot: u64, first: u64, other: u64, how: u64) -> u64 {
    let Some(record) = Account::at(slot as u32).and_then(Account::own) else { return NOT_REPLACED };
    let task = Object::current_task();
    let mut replaced = NOT_REPLACED;
    // SAFETY: as above.
    unsafe {
        let waiting = &raw const (*record).waiting;
        if how & WAITED != 0 && (*waiting).calls == (*record).counters.syscalls {
            let [one, two] = (*waiting).files;
            replaced = was(task, one, first) | was(task, two, other) << 8;
        }
    }
    // A thread that was preempted may have found it closed already.
    if replaced != NOT_REPLACED && replaced != SAME << 8 | CLOSED {
        return replaced;
    }
    let class = given_up(task);
    let given_up = if class == 0 { NOT_REPLACED } else { was_given_up(class, first, other, how) };
    if given_up == NOT_REPLACED { replaced } else { given_up }
}

const CLOSED: u64 = Class::CLOSED.number() as u64;

/// As [`zc_replaced`], when the call was the last to use a file of this class.
#[inline(always)]
fn was_given_up(class: u64, first: u64, other: u64, how: u64) -> u64 {
    const UNIX: u64 = Class::UNIX.number() as u64;
    const UNIX_MESSAGES: u64 = Class::UNIX_MESSAGES.number() as u64;

    let now = zc_class(first);
    if now == class {
        return NOT_REPLACED;
    }
    if how & HAS_TWO != 0 && now != CLOSED {
        if zc_class(other) == CLOSED {
            return class << 8 | SAME;
        }
    } else if now != UNIX && now != UNIX_MESSAGES {
        return SAME << 8 | class;
    }
    // Which of two it was is unknown, and through a unix socket files are sent, which are closed when a message is
    // thrown away.
    note_loss(Loss::DescriptorUnreadable);
    NOT_REPLACED
}

/// The class of what was seen, unless `fd` is still that.
#[inline(always)]
fn was(task: Object, seen: u64, fd: u64) -> u64 {
    const CLASS: u64 = (1 << Waiting::CLASS_BITS) - 1;
    let now = word(File::address_of(task, fd));
    if seen == 0 || seen & !CLASS == now { SAME } else { seen & CLASS }
}
