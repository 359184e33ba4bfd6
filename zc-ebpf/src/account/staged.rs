//! Copies on their way from the function that made them to the path of the call that caused them.
//!
//! A copy site adds to what is staged in the record of the running thread; the end of the call
//! charges it to a lane. What a call returned beyond that went by reference if a site saw references,
//! and is otherwise assumed to be copied by a function that has no site.

use zc_common::{
    loss::Loss,
    path::{ASSUMES_COPIES, CopyPath, LANES, Lane, lane},
    record::{
        EVIDENCE_COPIED_RANGE, EVIDENCE_COPY, EVIDENCE_DIRECT, EVIDENCE_INSERTED,
        EVIDENCE_REFERENCE, EVIDENCE_TRANSFORM, FLAG_KTHREAD, LaneCount, Record, SocketKey, Staged,
    },
    syscall::{IO_URING_ENTER, SYSCALL_TABLE_LEN, SyscallKind},
};

use super::{Account, PF_KTHREAD};
use crate::{
    arch, atomic,
    kernel::{Object, frozen, offset, opaque, setting, variant},
    losses::note_loss,
};

static ASSUMES: [bool; LANES] = ASSUMES_COPIES;

/// Evidence that explains no bytes.
const OF_PAGES: u64 = EVIDENCE_INSERTED | EVIDENCE_COPIED_RANGE;

/// Evidence that explains no bytes on the lane: what sendfile and copy_file_range write to a file goes through a pipe by
/// reference first.
#[inline(always)]
fn explains_nothing(of: Lane) -> u64 {
    const SENDFILE_TO_FILE: Lane = lane(CopyPath::SendfileToFile);
    const COPY_RANGE_COPIED: Lane = lane(CopyPath::CopyRangeCopied);
    if matches!(of, SENDFILE_TO_FILE | COPY_RANGE_COPIED) {
        OF_PAGES | EVIDENCE_REFERENCE
    } else {
        OF_PAGES
    }
}

impl Account {
    /// What is staged. `None` for the unattributed row, where it is unknown whose call it is.
    #[inline(always)]
    fn staged(self) -> Option<*mut Staged> {
        // SAFETY: a field of a map value; only its address is taken.
        self.own().map(|record| unsafe { &raw mut (*record).staged })
    }

    /// Counts bytes that the CPU copied in the running call. Outside every call that moves data they
    /// are on a path of their own.
    #[inline(always)]
    pub(crate) fn copied(self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let Some(record) = self.own() else {
            // The end of a call that moves data assumes these bytes: they must not be here as well.
            if is_kernel_thread() || !is_in_data_call() {
                self.book_copied(lane(CopyPath::KernelCopy), 0, bytes);
            }
            return;
        };
        // SAFETY: a map value; this thread is its only writer.
        unsafe {
            if is_charged_later(record) {
                (*record).staged.copied += bytes;
            } else {
                self.book_copied(lane(CopyPath::KernelCopy), 0, bytes);
            }
        }
    }

    /// Books bytes that were copied for no call, and of which some were moved.
    #[inline(always)]
    pub(crate) fn book_copied(self, lane: Lane, moved: u64, copied: u64) {
        self.book_many(lane, 1, moved, 0);
        self.add_copied(lane, copied);
    }

    /// Notes evidence about how the bytes of the running call travel.
    #[inline(always)]
    pub(crate) fn note(self, evidence: u64) {
        if let Some(staged) = self.staged() {
            // SAFETY: a map value; this thread is its only writer.
            unsafe { (*staged).evidence |= evidence };
        }
    }

    /// Notes that pages were pinned or bounced for direct I/O.
    #[inline(always)]
    pub(crate) fn note_direct(self, bytes: u64) {
        self.note(EVIDENCE_DIRECT);
        if let Some(staged) = self.staged() {
            // SAFETY: as above.
            unsafe { (*staged).direct += bytes };
        }
    }

    /// Notes bytes that an outer function will return once more.
    #[inline(always)]
    pub(crate) fn note_nested(self, bytes: u64) {
        if let Some(staged) = self.staged() {
            // SAFETY: as above.
            unsafe { (*staged).nested += bytes };
        }
    }

    /// Takes the bytes that inner functions have accounted for.
    #[inline(always)]
    pub(crate) fn take_nested(self) -> u64 {
        self.staged().map_or(0, |staged| {
            // SAFETY: as above.
            unsafe { core::mem::take(&mut (*staged).nested) }
        })
    }

    /// Notes the socket that the thread sends through. Whether it is another one than last time.
    #[inline(always)]
    pub(crate) fn note_socket(self, socket: SocketKey) -> bool {
        let Some(staged) = self.staged() else { return false };
        // SAFETY: as above.
        unsafe {
            if (*staged).socket == socket {
                return false;
            }
            (*staged).socket = socket;
        }
        true
    }

    /// The counts of a lane.
    #[inline(always)]
    pub(super) fn lane(self, lane: Lane) -> Option<*mut LaneCount> {
        // Opaque, so that the check is made on what the address is computed from.
        let index = opaque(u64::from(lane)) as usize;
        if index >= LANES {
            return None;
        }
        // SAFETY: the index was checked; the record is a map value.
        Some(unsafe { (&raw mut (*self.record).lanes).cast::<LaneCount>().add(index) })
    }

    /// Adds to the copied bytes of a lane.
    #[inline(always)]
    pub(crate) fn add_copied(self, lane: Lane, bytes: u64) {
        let Some(count) = self.lane(lane) else { return };
        // SAFETY: a field of a map value; only its address is taken.
        let copied = unsafe { &raw mut (*count).copied };
        if self.shared {
            atomic::add(copied, bytes);
        } else {
            // SAFETY: as above; this thread is the only writer.
            unsafe {
                *copied += bytes;
                (*self.record).updates += 1;
            }
        }
    }

    /// Charges what is staged to `lane`: the call moved `result` bytes, or failed.
    #[inline(always)]
    pub(crate) fn charge(self, lane: Lane, result: i64) {
        if setting!(copy_sites) == 0 {
            return self.conclude(lane, result);
        }
        let Some(count) = self.lane(lane) else { return };
        let index = opaque(u64::from(lane)) as usize;
        let assumes = ASSUMES.get(index).is_some_and(frozen);
        let moved = if result > 0 { result as u64 } else { 0 };
        let Some(record) = self.own() else {
            if assumes {
                // SAFETY: a field of a map value; only its address is taken.
                atomic::add(unsafe { &raw mut (*count).assumed }, moved);
            }
            return;
        };
        // SAFETY: a map value; this thread is its only writer.
        unsafe {
            let staged = &mut (*record).staged;
            let mut copied = staged.copied;
            let rest = moved.saturating_sub(copied);
            // Of what was received, a part may have been copied as well.
            if staged.evidence & EVIDENCE_TRANSFORM != 0 {
                (*record).counters.transformed_bytes += moved;
            }
            if rest > 0 {
                if staged.evidence & EVIDENCE_COPY != 0 {
                    copied += rest.saturating_sub(staged.direct);
                } else if staged.evidence & !explains_nothing(lane) == 0 && assumes {
                    (*count).assumed += rest;
                }
            }
            (*count).copied += copied;
            clear(staged);
        }
    }

    /// Ends a call. What is still staged was copied by a call that moves no data on any path (an ioctl).
    #[inline(always)]
    pub(crate) fn end_call(self) {
        let Some(record) = self.own() else { return };
        // SAFETY: a map value; this thread is its only writer.
        unsafe {
            if (*record).inserted.mapping != 0 {
                (*record).inserted.mapping = 0;
            }
            let staged = &raw mut (*record).staged;
            if setting!(copy_sites) == 0 {
                (*staged).evidence = 0;
                (&raw mut (*staged).copied).write_volatile(0);
                (&raw mut (*staged).direct).write_volatile(0);
                return;
            }
            if (*staged).copied > 0 {
                self.book_copied(lane(CopyPath::KernelCopy), 0, (*staged).copied);
            }
            clear(&mut *staged);
        }
    }

    /// Begins the asynchronous operation of `request` (io_uring, libaio), in whatever call; `retries`: by a function that
    /// may call the one that carries out requests for the same request.
    #[inline(always)]
    pub(crate) fn begin(self, request: u64, retries: bool) {
        /// In the address of a request, which is a multiple of 64.
        const RETRIES: u64 = 1;
        let Some(record) = self.own() else { return };
        // SAFETY: as above.
        unsafe {
            let scope = (*record).staged.scope;
            // The address alone tells nothing: the memory of a request is soon another one's.
            let is_inside = !retries && scope == request | RETRIES;
            if scope != 0 && !is_inside {
                self.cut();
            }
            let staged = &raw mut (*record).staged;
            clear(&mut *staged);
            (*staged).scope = if retries { request | RETRIES } else { request };
        }
    }

    #[inline(never)]
    fn cut(self) {
        note_loss(Loss::OperationsCut);
        let Some(record) = self.own() else { return };
        // SAFETY: a map value; this thread is its only writer.
        unsafe {
            let staged = &raw mut (*record).staged;
            if (*staged).copied > 0 {
                self.book_copied(lane(CopyPath::KernelCopy), 0, (*staged).copied);
            }
            clear(&mut *staged);
            (*staged).scope = 0;
        }
    }

    /// Ends it: what was copied belongs to `lane`. Its bytes are booked when it completes; `result`
    /// is how many there are, as far as that is known already.
    #[inline(always)]
    pub(crate) fn end(self, lane: Lane, result: i64) {
        if let Some(record) = self.own() {
            // SAFETY: as above.
            unsafe {
                let staged = &mut (*record).staged;
                let mut copied = staged.copied;
                if staged.evidence & EVIDENCE_COPY != 0 && result > 0 {
                    copied = (result as u64).saturating_sub(staged.direct).max(copied);
                }
                if copied > 0 {
                    self.add_copied(lane, copied);
                    self.weigh_now(lane, copied);
                }
                if staged.evidence & EVIDENCE_TRANSFORM != 0 && result > 0 {
                    (*record).counters.transformed_bytes += result as u64;
                    (*record).updates += 1;
                }
                staged.scope = 0;
                clear(staged);
            }
        }
    }

    /// Whether the running thread carries out an asynchronous operation (io_uring, libaio).
    #[inline(always)]
    pub(crate) fn is_in_operation(self) -> bool {
        // SAFETY: as above.
        self.staged().is_some_and(|staged| unsafe { (*staged).scope } != 0)
    }

    /// Whether anything shows that the running call was carried out.
    #[inline(always)]
    pub(crate) fn has_evidence(self) -> bool {
        // SAFETY: as above.
        self.staged().is_some_and(|staged| unsafe { (*staged).copied | (*staged).evidence } != 0)
    }

    /// Whether pages have become those of a request to a device in the running call.
    #[inline(always)]
    pub(crate) fn has_direct(self) -> bool {
        // SAFETY: as above.
        self.staged().is_some_and(|staged| unsafe { (*staged).direct } > 0)
    }

    /// Whether the running call has copied anything yet.
    #[inline(always)]
    pub(crate) fn has_copied(self) -> bool {
        // SAFETY: as above.
        self.staged().is_some_and(|staged| unsafe { (*staged).copied } > 0)
    }
}

/// Gives up an operation of the running thread whose end has not been seen, if there is one, although the thread is
/// past it. When a program is attached to a function that others trace already, the kernel makes another trampoline,
/// and what is in the function by the former one returns past all programs (`bpf_tramp_image_put`,
/// `kernel/bpf/trampoline.c`, 5.12 to 7.2).
///
/// A global function, which the verifier follows once (see `zc_class`).
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn zc_cut_operation() -> u64 {
    if setting!(copy_sites) != 0
        && let Some(account) = Account::current()
        && account.is_in_operation()
    {
        account.cut();
    }
    0
}

/// Everything but the scope and the socket, which outlive a call.
#[inline(always)]
fn clear(staged: &mut Staged) {
    // One by one: of fields that lie side by side the compiler makes a call of `memset`, which is a loop
    // over their bytes here.
    for field in [
        &raw mut staged.copied,
        &raw mut staged.nested,
        &raw mut staged.direct,
        &raw mut staged.evidence,
    ] {
        // SAFETY: a field that is borrowed.
        unsafe { field.write_volatile(0) };
    }
}

/// Whether what the running thread stages will be charged to a lane: at the end of its call, or of the
/// operation that it carries out.
#[inline(always)]
unsafe fn is_charged_later(record: *mut Record) -> bool {
    // SAFETY: the caller's: a map value, in the context of its only writer.
    unsafe {
        if (*record).staged.scope != 0 {
            return true;
        }
        if (*record).flags & FLAG_KTHREAD != 0 {
            return false;
        }
    }
    is_in_data_call()
}

/// Whether the running thread, which is none of the kernel, is in a call whose end charges; also where
/// that is unknown on this kernel.
#[inline(always)]
fn is_in_data_call() -> bool {
    kind_of_call().is_none_or(|kind| kind > SyscallKind::Submit as u8)
}

/// Whether the running thread is one of the kernel: it is in no call.
#[inline(always)]
fn is_kernel_thread() -> bool {
    Object::current_task().load::<u32>(offset!(task_flags)) & PF_KTHREAD != 0
}

/// Which call the running thread makes, for what happens to pages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// It is unknown on this kernel.
    Unknown,
    /// It carries out asynchronous operations: it submits them, or is a thread that the kernel made for them.
    Operation,
    /// It is in a call of this kind.
    Call(u8),
}

/// The call that the running thread is in.
#[inline(always)]
pub(crate) fn caller() -> Caller {
    /// A thread of io_uring: it was never in a call, and has the registers of the thread that made it.
    const PF_IO_WORKER: u32 = 0x10;
    const SUBMIT: u8 = SyscallKind::Submit as u8;
    /// Before 5.18 reads by io_uring are not counted: which file one has read is not visible.
    const NO_READ: Caller = Caller::Call(SyscallKind::None as u8);
    const ANONYMOUS_COMPLETIONS: u32 = 4;

    let flags = Object::current_task().load::<u32>(offset!(task_flags));
    let anonymous = variant!(uring_complete_args) == ANONYMOUS_COMPLETIONS;
    if flags & (PF_KTHREAD | PF_IO_WORKER) != 0 {
        return if anonymous { NO_READ } else { Caller::Operation };
    }
    let Some(number) = number_of_call() else { return Caller::Unknown };
    match kind_of(number) {
        SUBMIT if anonymous && number == IO_URING_ENTER => NO_READ,
        SUBMIT => Caller::Operation,
        kind => Caller::Call(kind),
    }
}

impl Account {
    /// The kind of system call that the running thread, whose account this is, is in. `None` for
    /// threads of the kernel, and where it is unknown on this kernel.
    #[inline(always)]
    pub(crate) fn running_call(self) -> Option<u8> {
        let record = self.own()?;
        // SAFETY: a field of a map value.
        if unsafe { (*record).flags } & FLAG_KTHREAD != 0 {
            return None;
        }
        kind_of_call()
    }
}

/// The kind of system call that the running thread is in; `None` where it is unknown on this kernel.
#[inline(always)]
pub(super) fn kind_of_call() -> Option<u8> {
    number_of_call().map(kind_of)
}

/// The registers of the running thread in user mode; `None` where that is unknown on this kernel.
#[inline(always)]
pub(crate) fn registers(task: Object) -> Option<Object> {
    if variant!(task_pt_regs) != 0 {
        return Some(task.user_registers());
    }
    let offset = variant!(stack_pt_regs);
    if offset == zc_common::layout::ABSENT {
        return None;
    }
    let stack = task.load::<u64>(offset!(task_stack));
    Some(Object::untyped(stack + u64::from(offset)))
}

/// The kind of the system call `number`, which may be none.
#[inline(always)]
pub(super) fn kind_of(number: u64) -> u8 {
    if number >= SYSCALL_TABLE_LEN as u64 {
        return SyscallKind::None as u8;
    }
    arch::SYSCALLS[number as usize]
}

/// Whether the running thread, which is none of the kernel, is in a system call, and not in a fault or an interrupt.
#[inline(always)]
pub(super) fn is_in_call() -> bool {
    number_of_call().is_some_and(|number| number < SYSCALL_TABLE_LEN as u64)
}

/// Number of the system call that the running thread is in, or of the native one that does the same; `None`
/// where it is unknown on this kernel.
#[inline(always)]
pub(super) fn number_of_call() -> Option<u64> {
    let task = Object::current_task();
    registers(task).map(|regs| arch::native_number(task, regs))
}
