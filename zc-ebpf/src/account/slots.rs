//! Slots: where the record of a thread is, from its first event to its last switch.

use core::ptr;

use aya_ebpf::{
    helpers::generated::bpf_probe_read_kernel as probe_read_kernel,
    macros::map,
    maps::{HashMap, Stack},
};
use zc_common::{
    COMM_LEN,
    loss::Loss,
    record::{
        FLAG_FROM_BIRTH, FLAG_KTHREAD, FreeSlots, Record, STATE_DEAD, STATE_EXITED, STATE_LIVE,
        ThreadKey, UNATTRIBUTED_SLOT,
    },
};

use super::{Account, NOEXIST, PF_KTHREAD, record_in};
use crate::{
    atomic,
    cgroup::Cgroup,
    cpu::Cpu,
    kernel::{Object, frozen, offset, setting},
    losses::note_loss,
};

/// Slot of a thread. A hash because the key, a pid with its start, is no bounded integer.
/// Writers: the thread's first event inserts, user space removes after death. Bound: the slots.
#[map]
static SLOT_BY_THREAD: HashMap<ThreadKey, u32> = HashMap::with_max_entries(1024, 0);

/// Slots that are free: filled by user space, taken by the kernel side. The last one freed is the
/// next one taken, so the slots in use stay at the low end.
///
/// Those that were never used are in it as ranges, so that user space need not push each of them. A range
/// belongs to the program that has popped it, on every kernel and whatever interrupts that program. A
/// counter instead would need an addition that returns the old value, which the kernel has since 5.12, or
/// `bpf_spin_lock`, which it refuses to raw tracepoints and kprobes (`kernel/bpf/verifier.c`).
#[map]
static FREE_SLOTS: Stack<FreeSlots> = Stack::with_max_entries(1024, 0);

/// Slots whose threads have left their CPU for good: filled by the kernel side, taken by user space,
/// which reads the last counts, zeroes the slot and frees it. Bound: the slots, so it never fills.
#[map]
static DEAD_SLOTS: Stack<u32> = Stack::with_max_entries(1024, 0);

/// `PF_EXITING`, set before the exit hook.
const PF_EXITING: u32 = 0x4;

/// When the programs were loaded, ns of CLOCK_BOOTTIME: a thread that started later was seen from
/// birth. Replaced by user space before load.
#[unsafe(no_mangle)]
static LOADED_NS: u64 = u64::MAX;

/// Slots of threads by their identity, as the CPUs remember them: a CPU that has switched asks here before it
/// looks up the thread in the hash. Writers: any CPU, whole words.
static mut REMEMBERED: [u64; REMEMBERED_LEN] = [0; REMEMBERED_LEN];
const REMEMBERED_LEN: usize = 8192;

/// The slot of `task`, which is not the one last looked up on this CPU and is so from now on.
#[inline(never)]
pub(super) fn find(cpu: Cpu, task: Object, start_ns: u64, identity: u64) -> u32 {
    // The place of the task among others of its size.
    let index = (identity >> 22) as usize & (REMEMBERED_LEN - 1);
    // SAFETY: inside the array, of which words are written whole.
    let word = unsafe { (&raw mut REMEMBERED).cast::<u64>().add(index) };
    // SAFETY: as above.
    let remembered = unsafe { ptr::read_volatile(word) };
    if let Some(slot) = Cpu::slot_of(remembered, identity)
        && slot != UNATTRIBUTED_SLOT
    {
        cpu.remember(remembered);
        return slot;
    }
    let slot = open(task, start_ns, false);
    let remembered = Cpu::word_of(identity, slot);
    cpu.remember(remembered);
    // SAFETY: as above.
    unsafe { ptr::write_volatile(word, remembered) };
    slot
}

/// The slot of `task`, taking a free one at its first event. [`UNATTRIBUTED_SLOT`] when there is
/// none, or when the task is already gone.
#[inline(never)]
pub(super) fn open(task: Object, start_ns: u64, newborn: bool) -> u32 {
    let key = ThreadKey { pid: task.load(offset!(task_pid)), pad: 0, start_ns };
    // SAFETY: slots are integers; a torn read cannot happen.
    if let Some(slot) = unsafe { SLOT_BY_THREAD.get(key) } {
        if !is_inherited(*slot, task) {
            return *slot;
        }
        let _ = SLOT_BY_THREAD.remove(key);
    }
    if task.load::<u32>(offset!(task_exit_state)) != 0 {
        return UNATTRIBUTED_SLOT;
    }
    let Some(slot) = take() else {
        note_loss(Loss::SlotsExhausted);
        diagnose!("thread {} finds every slot taken", key.pid);
        return UNATTRIBUTED_SLOT;
    };
    let Some(record) = record_in(slot) else {
        return UNATTRIBUTED_SLOT;
    };
    // SAFETY: the slot was free: no other program writes it until it is in `SLOT_BY_THREAD`.
    unsafe { introduce(record, slot, task, key, newborn) };
    if SLOT_BY_THREAD.insert(key, slot, NOEXIST).is_err() {
        // An interrupt on this CPU was faster, or the table is full.
        // SAFETY: as above: the record was never published.
        unsafe { ptr::write_volatile(&raw mut (*record).state, 0) };
        let _ = FREE_SLOTS.push(FreeSlots::one(slot), 0);
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

/// Takes a free slot, if there is one.
#[inline(always)]
fn take() -> Option<u32> {
    let Ok(Some(FreeSlots { first, end })) = FREE_SLOTS.pop() else { return None };
    if first + 1 < end {
        // Until it is back, programs on other CPUs take from the next range, and from single slots after
        // the last one. There is room: the stack can hold as many entries as there are slots.
        let _ = FREE_SLOTS.push(FreeSlots { first: first + 1, end }, 0);
    }
    Some(first)
}

/// The slot of a thread that an interrupt found running, see [`Account::interrupted`].
#[inline(always)]
pub(super) fn peek(task: Object) -> u32 {
    let start_ns = task.load::<u64>(offset!(task_start));
    let key = ThreadKey { pid: task.load(offset!(task_pid)), pad: 0, start_ns };
    // SAFETY: slots are integers; a torn read cannot happen.
    match unsafe { SLOT_BY_THREAD.get(key) } {
        Some(slot) if is_inherited(*slot, task) => UNATTRIBUTED_SLOT,
        Some(slot) => *slot,
        None => open(task, start_ns, false),
    }
}

/// Whether the record in `slot` is that of a leader whose pid and start `task` took over when it
/// called `execve`. The leader's record is being buried, and its bases are not those of `task`.
#[inline(always)]
fn is_inherited(slot: u32, task: Object) -> bool {
    let Some(record) = record_in(slot) else { return false };
    // SAFETY: an aligned field of a map value.
    let state = unsafe { ptr::read_volatile(&raw const (*record).state) };
    state >= STATE_EXITED && task.load::<u32>(offset!(task_flags)) & PF_EXITING == 0
}

/// Writes who `task` is into its new record.
#[inline(always)]
unsafe fn introduce(record: *mut Record, slot: u32, task: Object, key: ThreadKey, newborn: bool) {
    let leader = task.follow(offset!(task_group_leader));
    let parent = task.follow(offset!(task_real_parent));
    let mut flags = 0;
    if task.load::<u32>(offset!(task_flags)) & PF_KTHREAD != 0 {
        flags |= FLAG_KTHREAD;
    }
    // Workers of io_uring are made without the tracepoint of forks. A process that moves into a control group
    // had a life before.
    let newborn = newborn || setting!(cgroups) == 0 && key.start_ns >= frozen(&LOADED_NS);
    if newborn {
        flags |= FLAG_FROM_BIRTH;
    }
    // SAFETY: the caller owns the record.
    unsafe {
        let record = &mut *record;
        record.flags = flags;
        record.pid = key.pid;
        record.tgid = task.load(offset!(task_tgid));
        record.start_ns = key.start_ns;
        record.process_start_ns = leader.load(offset!(task_start));
        record.slot = slot;
        record.parent_tgid = parent.load(offset!(task_tgid));
        record.parent_start_ns =
            parent.follow(offset!(task_group_leader)).load(offset!(task_start));
        record.cgroup_id = Cgroup::of(task).id();
        record.user = user_of(task);
        if newborn {
            record.minor_base = 0;
            record.major_base = 0;
            record.voluntary_base = 0;
            record.involuntary_base = 0;
        } else {
            record.minor_base = task.load(offset!(task_min_flt));
            record.major_base = task.load(offset!(task_maj_flt));
            record.voluntary_base = task.load(offset!(task_nvcsw));
            record.involuntary_base = task.load(offset!(task_nivcsw));
        }
        probe_read_kernel(
            (&raw mut record.comm).cast(),
            COMM_LEN as u32,
            (task.address() + u64::from(offset!(task_comm))) as *const _,
        );
        record.updates += 1;
        ptr::write_volatile(&raw mut record.state, STATE_LIVE);
    }
}

/// By whose rights `task` acts.
#[inline(always)]
pub(super) fn user_of(task: Object) -> u32 {
    task.follow(offset!(task_cred)).load::<u32>(offset!(cred_euid))
}

impl Account {
    /// Notes which control group `task` is in, which may be running elsewhere, if it has an account.
    #[inline(always)]
    pub(crate) fn moved(task: Object) {
        let start_ns = task.load::<u64>(offset!(task_start));
        let key = ThreadKey { pid: task.load(offset!(task_pid)), pad: 0, start_ns };
        // SAFETY: slots are integers.
        if let Some(slot) = unsafe { SLOT_BY_THREAD.get(key) }
            && let Some(record) = record_in(*slot)
        {
            // SAFETY: a word of a map value, which is written whole.
            unsafe { ptr::write_volatile(&raw mut (*record).cgroup_id, Cgroup::of(task).id()) };
            // SAFETY: only the address is taken.
            atomic::add(unsafe { &raw mut (*record).late.updates }, 1);
        }
    }

    /// Closes the account of a thread that has left its CPU for good.
    #[inline(always)]
    pub(crate) fn close(self, cpu: Cpu) {
        let Some(record) = self.own() else { return };
        // SAFETY: a record that has lost its writer.
        let slot = unsafe {
            (*record).state = STATE_DEAD;
            (*record).slot
        };
        cpu.forget_slot();
        // The stack has room for every slot, so it is never full. User space would find the slot
        // anyway: it looks for threads that ended unseen.
        let _ = DEAD_SLOTS.push(slot, 0);
    }
}
