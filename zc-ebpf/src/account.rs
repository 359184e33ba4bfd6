//! The record of a thread, and all that is added to it. No other module writes records: a hook says
//! what happened.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    helpers::generated::{
        bpf_map_lookup_elem as map_lookup_elem, bpf_probe_read_kernel as probe_read_kernel,
    },
    macros::map,
    maps::Array,
};
use zc_common::{
    COMM_LEN,
    path::Lane,
    record::{FLAG_GROUP_DEAD, FLAG_KTHREAD, Record, STATE_EXITED, UNATTRIBUTED_SLOT},
};

use crate::{
    atomic,
    cgroup::Cgroup,
    cpu::Cpu,
    follow::is_followed,
    kernel::{Object, field, low_half, member, offset, setting},
    objects::Copies,
    probes::forget_pending,
};

mod evidence;
mod faults;
mod late;
mod pages;
mod relay;
mod slots;
mod staged;
mod straight;
mod waiting;

pub(crate) use evidence::said_to_be_copied;
pub(crate) use faults::maps_ahead;
pub(crate) use late::{LateAccount, count_late};
pub(crate) use pages::{OWN_POSITION, zc_accessed};
pub(crate) use relay::{
    MESSAGE, NARROW, ONE_BUFFER, SENDS, Target, VECTOR, zc_first_buffer, zc_gathered, zc_relay,
};
pub(crate) use staged::{Caller, caller, registers as user_registers, zc_cut_operation};
pub(crate) use straight::{Booked, FIRST_RESTART};
pub(crate) use waiting::{
    HAS_TWO, NOT_REPLACED, WAITED, has_work, is_filtered, shares_files, zc_replaced,
};

/// Counters per thread, by slot: those of the lowest slots, see [`TABLES`]. Writer: the thread itself; user space
/// zeroes a slot before it frees it. Mapped into user space, which reads it without a system call. Slot 0 is the
/// unattributed row.
#[map]
static RECORDS: Array<Record> = Array::with_max_entries(1024, BPF_F_MMAPABLE);

/// The tables of records by number, of equally many slots each: `RECORDS`, and those that user space adds when
/// slots get short. The memory of an array is taken when it is made, however little of it is used.
///
/// User space replaces this array by one of maps before the programs are loaded: aya makes those of its own kind of
/// maps only. A lookup returns a map.
#[map]
static TABLES: Array<u32> = Array::with_max_entries(1024, 0);

/// The record in a slot of any table.
#[inline(always)]
fn record_in(slot: u32) -> Option<*mut Record> {
    let table = TABLES.get_ptr_mut(slot >> setting!(table_shift))?;
    let place = slot & setting!(table_mask);
    // SAFETY: the value is a map whose keys are 32 bits and whose values are records.
    let record = unsafe { map_lookup_elem(table.cast(), (&raw const place).cast()) };
    if record.is_null() { None } else { Some(record.cast()) }
}

/// `PF_KTHREAD`, `include/linux/sched.h`.
const PF_KTHREAD: u32 = 0x0020_0000;

/// The insertion fails when the key exists (`BPF_NOEXIST`).
const NOEXIST: u64 = 1;

/// A record and the way to write it.
#[derive(Clone, Copy)]
pub(crate) struct Account {
    record: *mut Record,
    /// The unattributed row: several CPUs write it at once.
    shared: bool,
}

/// Adds to a counter of an account, by the name of its field.
macro_rules! count {
    ($account:expr, $counter:ident, $value:expr) => {
        $account.add(
            |record| {
                // SAFETY: a field of a map value; only its address is taken.
                unsafe { &raw mut (*record).counters.$counter }
            },
            $value,
        )
    };
}
pub(crate) use count;

/// What tells a thread from every other one: 43 bits of it are remembered. The address of its structure
/// alone is reused, and so is the start: by the thread that takes over its leader's when it calls
/// `execve`. Structures are aligned to 64 bytes: what differs first in two addresses meets bits of the
/// start that are the same in two threads once in four million times.
#[inline(always)]
fn identity(task: u64, start_ns: u64) -> u64 {
    start_ns ^ low_half(task) << 16
}

impl Account {
    /// The account of the running thread, if its process is followed.
    #[inline(always)]
    pub(crate) fn current() -> Option<Self> {
        Self::of(Cpu::this()?, Object::current_task())
    }

    /// The account of `task`, which is running, if its process is followed; opened when this is the first
    /// time it is seen.
    #[inline(always)]
    pub(crate) fn of(cpu: Cpu, task: Object) -> Option<Self> {
        if !is_followed(cpu) {
            return None;
        }
        let start_ns = field!(u64, task, task_start);
        let identity = identity(task.address(), start_ns);
        let slot = match cpu.recall_slot(identity) {
            Some(slot) => slot,
            None => slots::find(cpu, task, start_ns, identity),
        };
        Self::at(slot)
    }

    /// The account of the running thread, whose address is `task` and of which the verifier knows the type,
    /// when it is the one last looked up on this CPU and has a record of its own in the first table, which is
    /// found in half as many instructions.
    #[inline(always)]
    pub(crate) fn remembered(cpu: Cpu, task: u64) -> Option<Self> {
        let slot = cpu.recall_slot(identity(task, member!(u64, task, task_start)))?;
        if slot == UNATTRIBUTED_SLOT {
            return None;
        }
        let record = RECORDS.get_ptr_mut(slot)?;
        Some(Self { record, shared: false })
    }

    /// The account of a thread that is being created by the running one.
    #[inline(always)]
    pub(crate) fn newborn(task: Object) -> Option<Self> {
        Self::at(slots::open(task, task.load::<u64>(offset!(task_start)), true))
    }

    /// The account of a thread that an interrupt found running, if its process is followed.
    ///
    /// What the CPU remembers is neither read nor written: the program that was interrupted may be
    /// about to change it. Nor is the account of a leader taken away: the interrupted program may be
    /// doing so.
    #[inline(always)]
    pub(crate) fn interrupted(task: Object) -> Option<Self> {
        if is_followed(Cpu::this()?) { Self::at(slots::peek(task)) } else { None }
    }

    /// The row of what belongs to no thread, in a run that follows all processes. In another one, it has what
    /// followed threads did without a slot, and nothing else.
    #[inline(always)]
    pub(crate) fn unattributed() -> Option<Self> {
        if setting!(selective) != 0 {
            return None;
        }
        Self::at(UNATTRIBUTED_SLOT)
    }

    /// Adds a sample; only the sampler does.
    #[inline(always)]
    pub(crate) fn sampled(self, copying: bool) {
        // SAFETY: fields of a map value; only their addresses are taken.
        self.add(|record| unsafe { &raw mut (*record).samples.cpu }, 1);
        if copying {
            // SAFETY: as above.
            self.add(|record| unsafe { &raw mut (*record).samples.copy }, 1);
        }
    }

    /// Adds a sample of which it was not noted where in its code it was; only the sampler does.
    #[inline(always)]
    pub(crate) fn unlocated(self) {
        // SAFETY: as above.
        self.add(|record| unsafe { &raw mut (*record).samples.unlocated }, 1);
    }

    /// The account in a slot, see [`Self::slot`].
    #[inline(always)]
    pub(crate) fn at(slot: u32) -> Option<Self> {
        let record = record_in(slot)?;
        Some(Self { record, shared: slot == UNATTRIBUTED_SLOT })
    }

    /// The record, unless it is the unattributed row.
    #[inline(always)]
    fn own(self) -> Option<*mut Record> {
        if self.shared { None } else { Some(self.record) }
    }

    /// Its slot, for [`Self::at`] in a function of its own.
    #[inline(always)]
    pub(crate) fn slot(self) -> u32 {
        // SAFETY: a field of a map value that does not change.
        if self.shared { UNATTRIBUTED_SLOT } else { unsafe { (*self.record).slot } }
    }

    /// Its process: the id and the start; 0 of what belongs to no thread.
    #[inline(always)]
    pub(crate) fn process(self) -> (u32, u64) {
        // SAFETY: fields of a map value that do not change while the record is this thread's.
        unsafe { ((*self.record).tgid, (*self.record).process_start_ns) }
    }

    /// Bytes copied on a lane. `None` for the row of what belongs to no thread, which several CPUs write.
    #[inline(always)]
    pub(crate) fn copies(self, lane: Lane) -> Option<Copies> {
        if self.shared {
            return None;
        }
        let count = self.lane(lane)?;
        // SAFETY: fields of a map value; this thread is the only writer.
        Some(unsafe { Copies { copied: (*count).copied, assumed: (*count).assumed } })
    }

    /// Copies the name of its thread to `place`.
    ///
    /// # Safety
    /// There are as many words as a name takes.
    #[inline(always)]
    pub(crate) unsafe fn copy_name(self, place: *mut u64) {
        for word in 0..COMM_LEN / 8 {
            // SAFETY: the caller's, and a field of a map value, which is aligned. Volatile: of two words the compiler
            // makes a call of `memcpy`, which is a loop over their bytes here.
            unsafe {
                let name = (&raw const (*self.record).comm).cast::<u64>();
                place.add(word).write_volatile(name.add(word).read_volatile());
            }
        }
    }

    /// Whether this is the row of what belongs to no thread.
    #[inline(always)]
    pub(crate) fn is_unattributed(self) -> bool {
        self.shared
    }

    /// Whether the thread is one of the kernel.
    #[inline(always)]
    pub(crate) fn is_kernel_thread(self) -> bool {
        // SAFETY: a field of a map value that does not change.
        !self.shared && unsafe { (*self.record).flags } & FLAG_KTHREAD != 0
    }

    /// Charges the calls made on this CPU since the last switch: this thread made them.
    #[inline(always)]
    pub(crate) fn charge_calls(self, cpu: Cpu) {
        let calls = cpu.pending_calls();
        if calls > 0 {
            count!(self, syscalls, calls);
            // After the addition: a reader in between sees the calls once more for a moment, and
            // user space keeps its totals from falling; it never loses them.
            cpu.clear_calls();
        }
    }

    /// The thread `task`, whose account this is, has passed its exit hook.
    #[inline(always)]
    pub(crate) fn exit(self, task: Object) {
        let Some(record) = self.own() else { return };
        let signal = task.follow(offset!(task_signal));
        // SAFETY: a map value; this thread is its only writer.
        unsafe {
            // `do_exit` has already taken this thread off the count (`kernel/exit.c`).
            if signal.load::<u32>(offset!(signal_live)) == 0 {
                (*record).flags |= FLAG_GROUP_DEAD;
                evidence::forget_requested();
                forget_pending();
            }
            // It may have been moved while its record was made, unseen.
            (*record).cgroup_id = Cgroup::of(task).id();
            (*record).state = STATE_EXITED;
        }
    }

    /// Adds `value` to the counter that `field` names.
    #[inline(always)]
    pub(crate) fn add(self, field: impl Fn(*mut Record) -> *mut u64, value: u64) {
        let counter = field(self.record);
        if self.shared {
            atomic::add(counter, value);
        } else {
            // SAFETY: a counter of a map value; this thread is its only writer.
            unsafe { *counter += value };
        }
    }

    /// Books a call on `lane`: `result` is bytes, or negative when it failed.
    #[inline(always)]
    pub(crate) fn book(self, lane: Lane, result: i64) {
        if result < 0 {
            self.book_many(lane, 0, 0, 1);
        } else {
            self.book_many(lane, 1, result as u64, 0);
        }
    }

    /// Books several calls on `lane` at once.
    #[inline(always)]
    pub(crate) fn book_many(self, lane: Lane, ops: u64, bytes: u64, errors: u64) {
        let Some(count) = self.lane(lane) else { return };
        if self.shared {
            // SAFETY: as above.
            unsafe {
                atomic::add(&raw mut (*count).ops, ops);
                atomic::add(&raw mut (*count).bytes, bytes);
                atomic::add(&raw mut (*count).errors, errors);
            }
            return;
        }
        // SAFETY: as above; this thread is the only writer.
        unsafe {
            (*count).ops += ops;
            (*count).bytes += bytes;
            (*count).errors += errors;
            (*self.record).updates += 1;
        }
    }

    /// Copies the kernel's own counts of faults and switches of `task` into the record.
    #[inline(always)]
    pub(crate) fn refresh(self, task: Object) {
        if self.shared {
            return;
        }
        // SAFETY: a map value; called in the context of its only writer, or when it stops running.
        unsafe {
            let record = &mut *self.record;
            let counters = &mut record.counters;
            counters.page_faults_minor = field!(u64, task, task_min_flt) - record.minor_base;
            counters.page_faults_major = field!(u64, task, task_maj_flt) - record.major_base;
            counters.context_switches_voluntary =
                field!(u64, task, task_nvcsw) - record.voluntary_base;
            counters.context_switches_involuntary =
                field!(u64, task, task_nivcsw) - record.involuntary_base;
            // There is no tracepoint where credentials change.
            record.user = slots::user_of(task);
            record.updates += 1;
        }
        if setting!(cow_sites) == 0 {
            // SAFETY: as above.
            let faults = unsafe {
                let counters = &(*self.record).counters;
                counters.page_faults_minor.wrapping_add(counters.page_faults_major)
            };
            self.settle_faults(faults);
        }
    }

    /// Copies the name of `task` into the record.
    #[inline(always)]
    pub(crate) fn rename(self, task: Object) {
        if let Some(record) = self.own() {
            // SAFETY: the helper checks the source; the destination is the field of that length.
            unsafe {
                probe_read_kernel(
                    (&raw mut (*record).comm).cast(),
                    COMM_LEN as u32,
                    (task.address() + u64::from(offset!(task_comm))) as *const _,
                );
                (*record).updates += 1;
            }
        }
    }
}
