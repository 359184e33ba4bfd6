//! Counting for a thread that is not the running one: what is done later on its behalf.

use core::{
    arch::asm,
    ptr::{self, NonNull},
};

use aya_ebpf::{macros::map, maps::HashMap};
use zc_common::{
    loss::Loss,
    record::{Late, Owner, Record, STATE_FREE, ThreadKey, UNATTRIBUTED_SLOT},
};

use super::{Account, NOEXIST, record_in};
use crate::{atomic, kernel::setting, losses::note_loss};

/// What is done on behalf of threads that have ended, by process (thread id and start of its
/// leader). Writers: any CPU, atomically; user space removes entries that no longer change. Bound:
/// the size here; beyond it the unattributed row counts.
#[map]
static DEPARTED: HashMap<ThreadKey, Late> = HashMap::with_max_entries(4096, 0);

/// What a departed process begins with. In read-only data: the stack is short.
static NOTHING: Late = Late::ZERO;

/// The counters of a thread that others write, from any CPU and any context (interrupts included).
#[derive(Clone, Copy)]
pub(crate) struct LateAccount(NonNull<Late>);

/// Adds to a late counter, by the name of its field.
macro_rules! count_late {
    ($late:expr, $counter:ident, $value:expr) => {
        $late.add(
            |late| {
                // SAFETY: a field of a map value; only its address is taken.
                unsafe { &raw mut (*late).$counter }
            },
            $value,
        )
    };
}
pub(crate) use count_late;

impl Account {
    /// The late counters of the running thread.
    #[inline(always)]
    pub(crate) fn late(self) -> LateAccount {
        LateAccount::in_record(self.record)
    }

    /// Who this account is of: what a map remembers, so that [`LateAccount::of`] finds it again.
    #[inline(always)]
    pub(crate) fn owner(self) -> Owner {
        let Some(record) = self.own() else { return Owner::default() };
        // SAFETY: fields of a map value that do not change while the record is this thread's.
        unsafe {
            Owner {
                slot: (*record).slot,
                tgid: (*record).tgid,
                start_ns: (*record).start_ns,
                process_start_ns: (*record).process_start_ns,
            }
        }
    }
}

impl LateAccount {
    /// The late counters of `owner`: in its record, or, when the thread has ended since, in the
    /// entry of its process among the departed, or, when there is no room, in the unattributed row.
    ///
    /// Between the check here and the addition the record may be freed, and even be given to
    /// another thread: a few instructions, against the two system calls that user space makes
    /// after it has marked the record free and before it reads it for the last time.
    #[inline(always)]
    pub(crate) fn of(owner: &Owner) -> Option<Self> {
        if owner.slot == UNATTRIBUTED_SLOT {
            return Self::row();
        }
        let record = record_in(owner.slot)?;
        if is_still_of(record, owner) {
            return Some(Self::in_record(record));
        }
        Self::departed(owner)
    }

    /// The late counters of the unattributed row, in a run that follows all processes, see
    /// [`Account::unattributed`].
    #[inline(always)]
    pub(crate) fn unattributed() -> Option<Self> {
        if setting!(selective) != 0 { None } else { Self::row() }
    }

    /// The late counters of the row, whatever the run follows.
    #[inline(always)]
    fn row() -> Option<Self> {
        let record = record_in(UNATTRIBUTED_SLOT)?;
        Some(Self::in_record(record))
    }

    #[inline(always)]
    fn in_record(mut record: *mut Record) -> Self {
        // An instruction that stays where it is. The compiler would add the offset of the field before it asks
        // whether there is a record, and the verifier forbids arithmetic with what may be none.
        // SAFETY: a move of a register to itself.
        unsafe { asm!("{record} = {record}", record = inout(reg) record, options(nostack)) };
        // SAFETY: a field of a map value; only its address is taken, which is not null.
        Self(unsafe { NonNull::new_unchecked(&raw mut (*record).late) })
    }

    /// The counters of a process whose thread has ended.
    #[inline(never)]
    fn departed(owner: &Owner) -> Option<Self> {
        let key = ThreadKey { pid: owner.tgid, pad: 0, start_ns: owner.process_start_ns };
        if let Some(late) = DEPARTED.get_ptr_mut(key) {
            return NonNull::new(late).map(Self);
        }
        // Another CPU may have been faster: either way it is there now, unless the table is full.
        let nothing: &Late = &NOTHING;
        let _ = DEPARTED.insert(key, nothing, NOEXIST);
        if let Some(late) = DEPARTED.get_ptr_mut(key) {
            return NonNull::new(late).map(Self);
        }
        note_loss(Loss::DepartedExhausted);
        Self::row()
    }

    /// Adds `value` to the counter that `field` names.
    #[inline(always)]
    pub(crate) fn add(self, field: impl Fn(*mut Late) -> *mut u64, value: u64) {
        let late = self.0.as_ptr();
        atomic::add(field(late), value);
        // SAFETY: a field of a map value; only its address is taken.
        atomic::add(unsafe { &raw mut (*late).updates }, 1);
    }
}

/// Whether a record is still that of the thread that was remembered.
#[inline(always)]
fn is_still_of(record: *const Record, owner: &Owner) -> bool {
    // SAFETY: aligned fields of a map value. User space writes the state.
    unsafe {
        ptr::read_volatile(&raw const (*record).state) != STATE_FREE
            && ptr::read_volatile(&raw const (*record).start_ns) == owner.start_ns
            && ptr::read_volatile(&raw const (*record).tgid) == owner.tgid
    }
}
