//! Counting what is not out of the ordinary, in as few instructions as can be: reads and writes, and what
//! copy sites see of them.

use zc_common::{
    record::FLAG_KTHREAD,
    syscall::{SYSCALL_TABLE_LEN, SyscallKind},
};

use super::{Account, pages::pages};
use crate::{
    arch,
    cpu::Cpu,
    descriptor::Booking,
    kernel::{Object, setting, variant},
};

/// From this number on the kernel may carry out the call once more, which is no error (`ERESTARTSYS`,
/// `include/linux/errno.h`).
pub(crate) const FIRST_RESTART: i64 = 512;

/// What became of a call. A word, not an `enum`: functions of programs return it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Booked(u64);

impl Booked {
    /// It was not booked.
    pub(crate) const NOT: Self = Self(0);
    /// It was.
    pub(crate) const DONE: Self = Self(1);
    /// It was, and a stack is due.
    pub(crate) const DUE: Self = Self(2);
}

impl Account {
    /// Counts `bytes` that the CPU copied in the running call, as [`Account::copied`] does; `nested`: and notes
    /// that an outer function will return them once more. Whether it did: it does so for a thread that this
    /// CPU remembers, in a call or an operation that will charge them.
    #[inline(always)]
    pub(crate) fn stage_straight(bytes: u64, nested: bool) -> bool {
        if variant!(task_pt_regs) == 0 {
            return false;
        }
        let Some(cpu) = Cpu::this() else { return false };
        let task = Object::current_task_typed();
        let Some(account) = Self::remembered(cpu, task.address()) else { return false };
        let record = account.record;
        // SAFETY: a map value; this thread is its only writer.
        unsafe {
            if (*record).staged.scope == 0 {
                if (*record).flags & FLAG_KTHREAD != 0 {
                    return false;
                }
                let regs = task.user_registers();
                let number = arch::number(regs);
                if arch::is_compat(task, regs)
                    || number >= SYSCALL_TABLE_LEN as u64
                    || arch::SYSCALLS[number as usize] <= SyscallKind::Submit as u8
                {
                    return false;
                }
            }
            (*record).staged.copied += bytes;
            if nested {
                (*record).staged.nested += bytes;
            }
        }
        true
    }

    /// Books a call that returned `result`, bytes or a negative error number, for a thread that has a record
    /// of its own; `sends`: whether it was towards the descriptor, `end` tells where a read that moved so many
    /// bytes ended. Whether it did: not when it is unknown how, nor when a hook has left evidence that must be
    /// weighed, see [`Account::charge`] and [`Account::note_inserted`]. `STACKS`: whether stacks are taken.
    #[inline(always)]
    pub(crate) fn book_straight<const STACKS: bool>(
        self,
        booking: Booking,
        sends: bool,
        result: i64,
        cpu: Cpu,
        end: impl FnOnce(u64) -> u64,
    ) -> Booked {
        let record = self.record;
        let Some(count) = booking.count(record) else { return Booked::NOT };
        let mut booked = Booked::DONE;
        // SAFETY: map values; this thread is the only writer.
        unsafe {
            if (*record).staged.evidence != 0 {
                return Booked::NOT;
            }
            if setting!(copy_sites) == 0 {
                if booking.is_direct() {
                    // Other hooks have seen what it did.
                    return Booked::NOT;
                }
                (&raw mut (*record).staged.copied).write_volatile(0);
                (&raw mut (*record).staged.direct).write_volatile(0);
            }
            if result < 0 {
                if result <= -FIRST_RESTART
                    || setting!(copy_sites) != 0 && (*record).staged.copied != 0
                {
                    return Booked::NOT;
                }
                (*count).errors += 1;
                (*record).updates += 1;
                return Booked::DONE;
            }
            let bytes = result as u64;
            (*count).ops += 1;
            (*count).bytes += bytes;
            if setting!(copy_sites) != 0 {
                let copied = (*record).staged.copied;
                if copied != 0 {
                    (*count).copied += copied;
                    // Volatile: of fields that lie side by side the compiler makes a call of `memset`, which
                    // is a loop over their bytes here. Without evidence, what is nested was copied too.
                    (&raw mut (*record).staged.copied).write_volatile(0);
                    (&raw mut (*record).staged.nested).write_volatile(0);
                }
                let mut all = copied;
                if bytes > copied && booking.assumes() {
                    (*count).assumed += bytes - copied;
                    all = bytes;
                }
                if STACKS && self.weigh(cpu, booking.lane(), all) {
                    booked = Booked::DUE;
                }
            } else {
                if booking.assumes() {
                    (*count).assumed += bytes;
                }
                if STACKS && booking.copies_each() && self.weigh(cpu, booking.lane(), bytes) {
                    booked = Booked::DUE;
                }
            }
            if booking.is_of_pages() && bytes != 0 {
                let accessed = pages(end(bytes), bytes);
                (*record).counters.page_cache_accesses += accessed.end.wrapping_sub(accessed.first);
            }
            if booking.is_network() {
                if sends {
                    (*record).counters.net_tx_bytes += bytes;
                } else {
                    (*record).counters.net_rx_bytes += bytes;
                }
            }
            (*record).updates += 1;
        }
        booked
    }
}
