//! The only writer of the maps: finds the record of a thread and adds to it.

use core::{arch::asm, ptr};

use aya_ebpf::helpers::{
    bpf_get_smp_processor_id,
    generated::{bpf_get_current_cgroup_id, bpf_probe_read_kernel as probe_read_kernel},
};
use zc_common::{
    COMM_LEN,
    loss::Loss,
    path::Lane,
    record::{
        CpuState, FLAG_FROM_BIRTH, FLAG_KTHREAD, Record, STATE_DEAD, STATE_EXITED, STATE_LIVE,
        ThreadKey, UNATTRIBUTED_SLOT,
    },
};

use crate::{
    kernel::{Object, frozen, layout},
    maps::{CPUS, DEAD_SLOTS, FREE_SLOTS, LOSSES, RECORDS, SLOT_BY_THREAD},
};

mod late;
pub(crate) use late::{LateAccount, count_late};

/// `PF_KTHREAD`, `include/linux/sched.h`.
const PF_KTHREAD: u32 = 0x0020_0000;

/// `PF_EXITING`, set before the exit hook.
const PF_EXITING: u32 = 0x4;

/// The insertion fails when the key exists (`BPF_NOEXIST`).
const NOEXIST: u64 = 1;

mod staged;

/// When the programs were loaded, ns of CLOCK_BOOTTIME: whoever started later was seen from birth.
/// Replaced by user space before load.
#[unsafe(no_mangle)]
static LOADED_NS: u64 = u64::MAX;

/// Bits of a slot, as [`CpuState::remembered`] has it.
const SLOT_BITS: u32 = 21;
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;

/// A record and the way to write it.
#[derive(Clone, Copy)]
pub(crate) struct Account {
    record: *mut Record,
    /// The unattributed row: several CPUs write it at once.
    shared: bool,
}

/// What this CPU is running, or `None` on a CPU beyond the table.
#[inline(always)]
pub(crate) fn this_cpu() -> Option<*mut CpuState> {
    // SAFETY: no arguments.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    CPUS.get_ptr_mut(cpu)
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

/// Counts a loss.
#[inline(always)]
pub(crate) fn note_loss(loss: Loss) {
    note_losses(loss, 1);
}

/// Counts several losses of the same kind.
#[inline(always)]
pub(crate) fn note_losses(loss: Loss, count: u64) {
    if let Some(counter) = LOSSES.get_ptr_mut(loss as u32) {
        add_shared(counter, count);
    }
}

/// Adds to a counter that other CPUs write too.
#[inline(always)]
pub(crate) fn add_shared(counter: *mut u64, value: u64) {
    // The target's `core` offers atomics without `fetch_add`, as BPF before 5.12 cannot return the
    // old value.
    // SAFETY: an addition to a map value, which is aligned to 8 and lives as long as the program.
    unsafe {
        asm!("lock *(u64 *)({counter} + 0) += {value}", counter = in(reg) counter, value = in(reg) value);
    }
}

impl Account {
    /// The account of the running thread.
    #[inline(always)]
    pub(crate) fn current(cpu: *mut CpuState) -> Option<Self> {
        Self::of(cpu, Object::current_task())
    }

    /// The account of `task`, opened when this is the first time it is seen.
    ///
    /// The slot of the last task asked for on this CPU is remembered, with 43 bits of who it was, in one
    /// word: programs at functions can be preempted at any place, by threads that write the word
    /// too, so a check and what it is about must be read and written at once.
    #[inline(always)]
    pub(crate) fn of(cpu: *mut CpuState, task: Object) -> Option<Self> {
        let start_ns = task.load::<u64>(layout!(task_start));
        let identity = start_ns ^ u64::from(task.load::<u32>(layout!(task_pid))) << 22;
        // SAFETY: a value of the map, written by this CPU only, whole.
        let remembered = unsafe { ptr::read_volatile(&raw const (*cpu).remembered) };
        let slot = if (remembered ^ identity << SLOT_BITS) >> SLOT_BITS == 0 {
            remembered as u32 & SLOT_MASK
        } else {
            let slot = open(task, start_ns, false);
            let word = identity << SLOT_BITS | u64::from(slot & SLOT_MASK);
            // SAFETY: as above.
            unsafe { ptr::write_volatile(&raw mut (*cpu).remembered, word) };
            slot
        };
        Self::at(slot)
    }

    /// The account of a thread that is being created by the running one.
    #[inline(always)]
    pub(crate) fn newborn(task: Object) -> Option<Self> {
        Self::at(open(task, task.load::<u64>(layout!(task_start)), true))
    }

    /// The account of a thread that an interrupt found running.
    ///
    /// What the CPU remembers is neither asked nor told: the program that was interrupted may be about
    /// to change it. Nor is the account of a leader taken away, see [`is_inherited`]: the interrupted
    /// program may be doing so.
    #[inline(always)]
    pub(crate) fn interrupted(task: Object) -> Option<Self> {
        let start_ns = task.load::<u64>(layout!(task_start));
        let key = ThreadKey { pid: task.load(layout!(task_pid)), pad: 0, start_ns };
        // SAFETY: slots are integers; a torn read cannot happen.
        let slot = match unsafe { SLOT_BY_THREAD.get(key) } {
            Some(slot) if is_inherited(*slot, task) => UNATTRIBUTED_SLOT,
            Some(slot) => *slot,
            None => open(task, start_ns, false),
        };
        Self::at(slot)
    }

    /// The row of what belongs to no thread.
    #[inline(always)]
    pub(crate) fn unattributed() -> Option<Self> {
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

    /// Makes this CPU forget the slot it remembers: the thread's slot may change.
    #[inline(always)]
    pub(crate) fn forget(cpu: *mut CpuState) {
        // SAFETY: a value of the map, written by this CPU only.
        unsafe { ptr::write_volatile(&raw mut (*cpu).remembered, 0) };
    }

    #[inline(always)]
    fn at(slot: u32) -> Option<Self> {
        let record = RECORDS.get_ptr_mut(slot)?;
        Some(Self { record, shared: slot == UNATTRIBUTED_SLOT })
    }

    /// The record, unless it is the unattributed row.
    #[inline(always)]
    pub(crate) fn own(self) -> Option<*mut Record> {
        if self.shared { None } else { Some(self.record) }
    }

    /// Closes the account of a thread that has left its CPU for ever.
    #[inline(always)]
    pub(crate) fn close(self, cpu: *mut CpuState) {
        let Some(record) = self.own() else { return };
        // SAFETY: a value of the map, written by this CPU only, and a record that has lost its
        // writer.
        let slot = unsafe {
            (*record).state = STATE_DEAD;
            ptr::write_volatile(&raw mut (*cpu).remembered, 0);
            (*record).slot
        };
        // A full stack cannot be: it has room for every slot. The patrol of user space would find
        // the slot anyway.
        let _ = DEAD_SLOTS.push(slot, 0);
    }

    /// Adds `value` to the counter that `field` names.
    #[inline(always)]
    pub(crate) fn add(self, field: impl Fn(*mut Record) -> *mut u64, value: u64) {
        let counter = field(self.record);
        if self.shared {
            add_shared(counter, value);
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
                add_shared(&raw mut (*count).ops, ops);
                add_shared(&raw mut (*count).bytes, bytes);
                add_shared(&raw mut (*count).errors, errors);
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
            counters.page_faults_minor =
                task.load::<u64>(layout!(task_min_flt)) - record.minor_base;
            counters.page_faults_major =
                task.load::<u64>(layout!(task_maj_flt)) - record.major_base;
            counters.context_switches_voluntary =
                task.load::<u64>(layout!(task_nvcsw)) - record.voluntary_base;
            counters.context_switches_involuntary =
                task.load::<u64>(layout!(task_nivcsw)) - record.involuntary_base;
            record.updates += 1;
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
                    (task.address() + u64::from(layout!(task_comm))) as *const _,
                );
                (*record).updates += 1;
            }
        }
    }
}

/// The slot of `task`, taking a free one at its first event. [`UNATTRIBUTED_SLOT`] when there is
/// none, or when the task is already gone.
#[inline(never)]
fn open(task: Object, start_ns: u64, newborn: bool) -> u32 {
    let key = ThreadKey { pid: task.load(layout!(task_pid)), pad: 0, start_ns };
    // SAFETY: slots are integers; a torn read cannot happen.
    if let Some(slot) = unsafe { SLOT_BY_THREAD.get(key) } {
        if !is_inherited(*slot, task) {
            return *slot;
        }
        let _ = SLOT_BY_THREAD.remove(key);
    }
    if task.load::<u32>(layout!(task_exit_state)) != 0 {
        return UNATTRIBUTED_SLOT;
    }
    let Ok(Some(slot)) = FREE_SLOTS.pop() else {
        note_loss(Loss::SlotsExhausted);
        diagnose!("thread {} finds every slot taken", key.pid);
        return UNATTRIBUTED_SLOT;
    };
    let Some(record) = RECORDS.get_ptr_mut(slot) else {
        return UNATTRIBUTED_SLOT;
    };
    // SAFETY: the slot was free: nobody else writes it until it is in `SLOT_BY_THREAD`.
    unsafe { introduce(record, slot, task, key, newborn) };
    if SLOT_BY_THREAD.insert(key, slot, NOEXIST).is_err() {
        // An interrupt on this CPU was faster, or the table is full.
        // SAFETY: as above: the record was never published.
        unsafe { ptr::write_volatile(&raw mut (*record).state, 0) };
        let _ = FREE_SLOTS.push(slot, 0);
        // SAFETY: as above.
        return match unsafe { SLOT_BY_THREAD.get(key) } {
            Some(slot) => *slot,
            None => {
                note_loss(Loss::SlotsExhausted);
                UNATTRIBUTED_SLOT
            }
        };
    }
    slot
}

/// Whether the record in `slot` is that of a leader whose pid and start `task` took over when it
/// called `execve`. The leader's record is being buried, and its bases are not those of `task`.
#[inline(always)]
fn is_inherited(slot: u32, task: Object) -> bool {
    let Some(record) = RECORDS.get_ptr(slot) else { return false };
    // SAFETY: an aligned field of a map value.
    let state = unsafe { ptr::read_volatile(&raw const (*record).state) };
    state >= STATE_EXITED && task.load::<u32>(layout!(task_flags)) & PF_EXITING == 0
}

/// Writes who `task` is into its new record.
#[inline(always)]
unsafe fn introduce(record: *mut Record, slot: u32, task: Object, key: ThreadKey, newborn: bool) {
    let leader = task.follow(layout!(task_group_leader));
    let parent = task.follow(layout!(task_real_parent));
    let mut flags = 0;
    if task.load::<u32>(layout!(task_flags)) & PF_KTHREAD != 0 {
        flags |= FLAG_KTHREAD;
    }
    // Workers of io_uring are made without the tracepoint of forks.
    let newborn = newborn || key.start_ns >= frozen(&LOADED_NS);
    if newborn {
        flags |= FLAG_FROM_BIRTH;
    }
    // SAFETY: the caller owns the record.
    unsafe {
        let record = &mut *record;
        record.flags = flags;
        record.pid = key.pid;
        record.tgid = task.load(layout!(task_tgid));
        record.start_ns = key.start_ns;
        record.process_start_ns = leader.load(layout!(task_start));
        record.slot = slot;
        record.parent_tgid = parent.load(layout!(task_tgid));
        record.parent_start_ns =
            parent.follow(layout!(task_group_leader)).load(layout!(task_start));
        record.cgroup_id = bpf_get_current_cgroup_id();
        if newborn {
            record.minor_base = 0;
            record.major_base = 0;
            record.voluntary_base = 0;
            record.involuntary_base = 0;
        } else {
            record.minor_base = task.load(layout!(task_min_flt));
            record.major_base = task.load(layout!(task_maj_flt));
            record.voluntary_base = task.load(layout!(task_nvcsw));
            record.involuntary_base = task.load(layout!(task_nivcsw));
        }
        probe_read_kernel(
            (&raw mut record.comm).cast(),
            COMM_LEN as u32,
            (task.address() + u64::from(layout!(task_comm))) as *const _,
        );
        record.updates += 1;
        ptr::write_volatile(&raw mut record.state, STATE_LIVE);
    }
}

impl Account {
    /// Remembers how many pages had been looked up when a data call ended.
    #[inline(always)]
    pub(crate) fn mark_accesses(self) {
        if let Some(record) = self.own() {
            // SAFETY: a map value; this thread is its only writer.
            unsafe { (*record).accesses_mark = (*record).counters.page_cache_accesses };
        }
    }

    /// Remembers a lookup in the page cache; whether it only goes on with the one before, in the
    /// same call and to the same end.
    #[inline(always)]
    pub(crate) fn continues_lookup(self, mapping: u64, index: u64, last: u64) -> bool {
        self.own().is_some_and(|record| {
            // SAFETY: as above.
            unsafe {
                let continues = (*record).lookup_mapping == mapping
                    && (*record).lookup_last == last
                    && (*record).lookup_index < index
                    && (*record).counters.page_cache_accesses != (*record).accesses_mark;
                (*record).lookup_mapping = mapping;
                (*record).lookup_index = index;
                (*record).lookup_last = last;
                continues
            }
        })
    }

    /// Whether pages were looked up in the page cache since the last data call ended.
    #[inline(always)]
    pub(crate) fn has_accessed_pages(self) -> bool {
        self.own().is_some_and(|record| {
            // SAFETY: as above.
            unsafe { (*record).counters.page_cache_accesses != (*record).accesses_mark }
        })
    }
}
