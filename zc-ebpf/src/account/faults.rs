//! Page faults: what the one that is being served may copy, and how many the kernel has served.
//!
//! Where no copy site sees copies on write, each fault that the kernel has served and that may have copied counts:
//! an upper bound. Faults that no tracepoint reports, because the kernel takes them for itself (`get_user_pages`: direct
//! I/O, another process's memory), are found by the kernel's own count, which has all of them (`mm_account_fault`,
//! `mm/memory.c`, 5.10 to 7.2). That count tells, too, that a fault which failed copied nothing.

use zc_common::{
    path::{CopyPath, lane},
    record::{FAULT_OF_READ, FAULT_OF_WRITE, Record},
    syscall::SyscallKind,
};

use super::{
    Account, Caller, caller,
    staged::{is_in_call, kind_of_call, number_of_call},
};
use crate::{
    arch,
    kernel::{Object, offset, setting, variant},
};

/// `Record::fault_bytes`: no fault was reported yet, so that it is unknown what the ones before were.
const UNWATCHED: u64 = 0;
/// All faults that were reported have been served, or have failed.
const SERVED: u64 = 1;
/// One is being served; in the bits of whole pages is how many bytes it may copy.
const BEING_SERVED: u64 = 2;
const BYTES: u64 = !(SERVED | BEING_SERVED);

/// The faults that the kernel has served of `task`, which is running.
#[inline(always)]
fn faults_of(task: Object) -> u64 {
    let major = task.load::<u64>(offset!(task_maj_flt));
    task.load::<u64>(offset!(task_min_flt)).wrapping_add(major)
}

/// Whether the running thread, of which a page fault is being served that it has not taken itself, is in a call that
/// moves no data: what is mapped then, is mapped ahead of use.
#[inline(always)]
pub(crate) fn maps_ahead() -> bool {
    const NONE: u8 = SyscallKind::None as u8;
    const MMAP: u8 = SyscallKind::Mmap as u8;
    matches!(kind_of_call(), Some(NONE | MMAP))
}

impl Account {
    /// Remembers what the page fault that is being served does to a file, a `FAULT_OF_` value.
    #[inline(always)]
    pub(crate) fn note_fault(self, kind: u64) {
        if let Some(record) = self.own() {
            // SAFETY: a map value; this thread is its only writer.
            unsafe { (*record).fault_kind = kind };
        }
    }

    /// What the page fault that is being served does to a file.
    ///
    /// One that the kernel takes for itself is not reported: it writes to memory when a call is to fill it. Other calls
    /// read it, or map it ahead of use (`MAP_POPULATE`, mlock, madvise).
    #[inline(always)]
    pub(crate) fn fault_kind(self) -> u64 {
        const PREAD: u8 = SyscallKind::Pread as u8;
        const READ: u8 = SyscallKind::Read as u8;
        const RECVFROM: u8 = SyscallKind::Recvfrom as u8;
        const RECVMMSG: u8 = SyscallKind::Recvmmsg as u8;
        const IOCTL: u8 = SyscallKind::Ioctl as u8;
        const PROCESS_VM: u8 = SyscallKind::ProcessVm as u8;

        let Some(record) = self.own() else { return FAULT_OF_WRITE };
        // SAFETY: as above.
        let (kind, is_reported) = unsafe { ((*record).fault_kind, self.is_fault_reported(record)) };
        if is_reported {
            return kind;
        }
        match caller() {
            Caller::Call(READ | PREAD | RECVFROM..=RECVMMSG | IOCTL | PROCESS_VM) => FAULT_OF_WRITE,
            _ => FAULT_OF_READ,
        }
    }

    /// Whether the running call, which moves no data, writes to a mapping of the program, as far as that is known: it
    /// returns something there, or has pages made ready (`MADV_POPULATE_WRITE`).
    #[inline(always)]
    pub(super) fn writes_to_mapping(self) -> bool {
        // SAFETY: as above.
        arch::MADVISE.contains(&number_of_call().unwrap_or_default())
            || self.own().is_some_and(|record| unsafe { self.is_fault_reported(record) })
    }

    /// Whether a tracepoint has reported the fault that is being served; where that is unknown, all that do not map
    /// ahead of use.
    #[inline(always)]
    unsafe fn is_fault_reported(self, record: *const Record) -> bool {
        // SAFETY: the caller's: a map value, in the context of its only writer.
        unsafe {
            let state = (*record).fault_bytes;
            if setting!(cow_sites) != 0 || state == UNWATCHED {
                return !is_in_call() || !maps_ahead();
            }
            let bases = (*record).minor_base.wrapping_add((*record).major_base);
            state & BEING_SERVED != 0
                && (*record).faults_served == faults_of(Object::current_task()).wrapping_sub(bases)
        }
    }

    /// A page fault of the running thread begins, which may copy `bytes`: whole pages.
    #[inline(always)]
    pub(crate) fn begin_fault(self, kind: u64, bytes: u64) {
        let Some(record) = self.own() else {
            if bytes > 0 {
                self.book_many(lane(CopyPath::CowCopy), 1, bytes, 0);
                self.weigh_apart(lane(CopyPath::CowCopy), bytes);
            }
            return;
        };
        let faults = faults_of(Object::current_task());
        // SAFETY: as above.
        unsafe {
            let bases = (*record).minor_base.wrapping_add((*record).major_base);
            self.settle_faults(faults.wrapping_sub(bases));
            (*record).fault_kind = kind;
            (*record).fault_bytes = BEING_SERVED | bytes & BYTES;
        }
    }

    /// Counts what was copied at most by the faults that were served since this was done last: by now the kernel has
    /// served `faults` of the thread, since its record was made.
    #[inline(always)]
    pub(crate) fn settle_faults(self, faults: u64) {
        let Some(record) = self.own() else { return };
        // SAFETY: as above.
        unsafe {
            let served = faults.wrapping_sub((*record).faults_served);
            let state = (*record).fault_bytes;
            if served == 0 {
                return;
            }
            (*record).faults_served = faults;
            // Fewer than before: a thread that calls `execve` has taken over the pid and the record of its leader, whose
            // faults were others.
            if state == UNWATCHED || served.cast_signed() < 0 {
                return;
            }
            (*record).fault_bytes = SERVED;
            let (reported, bytes) =
                if state & BEING_SERVED != 0 { (1, state & BYTES) } else { (0, 0) };
            let others = served - reported;
            let copies = others + u64::from(bytes > 0);
            if copies > 0 {
                let bytes = bytes + (others << variant!(page_shift));
                self.book_many(lane(CopyPath::CowCopy), copies, bytes, 0);
                self.weigh_apart(lane(CopyPath::CowCopy), bytes);
            }
        }
    }
}
