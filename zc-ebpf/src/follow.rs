//! Which processes this run follows, when it does not follow all: what the others do costs a look and takes
//! no slot.
//!
//! A process is followed from its birth. It is known by its id, which its threads share; the hook of forks sees
//! every new process, and notes whether it is followed. What a CPU runs is looked up at a switch, or at the first
//! event after one.

use core::ptr;

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    helpers::{
        bpf_get_current_pid_tgid, bpf_get_current_task, generated::bpf_probe_read_kernel_str,
    },
    macros::map,
    maps::{Array, HashMap},
};
use zc_common::follow::{CGROUP_PATH_LEN, CGROUPS, CHUNK, CgroupPath, FOLLOWED, IGNORED};

use crate::{
    atomic,
    cgroup::Cgroup,
    cpu::Cpu,
    kernel::{Object, low_half, offset, setting},
};

/// What is known of each process, by its id. Writers: the hook of forks, before the process runs; user space,
/// for those that were there before. Mapped into user space. Sized by user space: the highest id.
#[map]
static PROCESSES: Array<[u8; CHUNK]> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Ids of the control groups whose members are followed, with what is below them. Writers: user space, before
/// the first program runs; the hook of new control groups. Bound: each may have been made again while the
/// programs were attached.
#[map]
static FOLLOWED_CGROUPS: HashMap<u64, u8> = HashMap::with_max_entries(2 * CGROUPS, 0);

/// Their paths, with the ids that they have: one that is removed and made again, as systemd does when it
/// restarts a service, has another id. 0 for one that does not exist. Writers: as above.
#[map]
static CGROUP_PATHS: HashMap<CgroupPath, u64> = HashMap::with_max_entries(CGROUPS, 0);

/// Another number in the upper half whenever a process that may be running has become one that is followed: what
/// CPUs know is out of date then. A cache line of its own: every CPU reads it at every call.
#[repr(align(128))]
struct Epoch(u64);

static mut EPOCH: Epoch = Epoch(0);
const LATER: u64 = 1 << 32;

/// What a CPU knows of a task that is not followed; of one that is, it has [`IS_FOLLOWED`], too. The address of a
/// task is a multiple of 64, and not 0: what differs in two addresses is in their lower halves, unless they are
/// 4 GiB apart.
#[inline(always)]
fn word(task: u64) -> u64 {
    let half = low_half(task);
    if setting!(cgroups) == 0 {
        return half;
    }
    // SAFETY: a word, which is read whole.
    half ^ unsafe { ptr::read_volatile(&raw const EPOCH.0) }
}
const IS_FOLLOWED: u64 = 1;

/// What `known` says of the task with this word: whether it is followed, if it is about that one.
///
/// It is not enough that a switch replaces what a CPU knows: on a kernel that was tried, the hook of switches
/// missed one of a thousand.
#[inline(always)]
fn says(known: u64, word: u64) -> Option<bool> {
    if known == word {
        Some(false)
    } else if known == word | IS_FOLLOWED {
        Some(true)
    } else {
        None
    }
}

/// The word of a task by an address in its kernel stack, which begins with a multiple of this.
#[inline(always)]
fn stack_word(address: u64) -> u64 {
    /// `THREAD_SIZE`, 16 KiB on x86-64 and arm64 (5.10 to 7.2). Where it is larger, each switch costs a look.
    const STACK_BYTES: u64 = 16 << 10;
    word(address) & !(STACK_BYTES - 1)
}

/// As [`is_followed`], of the task whose registers are at `regs`, where that is known already. They lie in its
/// kernel stack, and tell who runs for less than the kernel does.
#[inline(always)]
pub(crate) fn known_by_stack(cpu: Cpu, regs: impl Fn() -> Object) -> Option<bool> {
    if setting!(selective) == 0 {
        return Some(true);
    }
    says(cpu.followed_by_stack(), stack_word(regs().address()))
}

/// As [`is_followed`], of the task whose registers are at `regs`; it is known from now on.
#[inline(always)]
pub(crate) fn learn_by_stack(cpu: Cpu, regs: u64) -> bool {
    let word = stack_word(regs);
    let is_followed = is_followed(cpu);
    cpu.follows_by_stack(word | u64::from(is_followed));
    is_followed
}

/// Whether the process that runs on this CPU is followed.
#[inline(always)]
pub(crate) fn is_followed(cpu: Cpu) -> bool {
    if setting!(selective) == 0 {
        return true;
    }
    // SAFETY: no arguments.
    match says(cpu.followed(), word(unsafe { bpf_get_current_task() })) {
        Some(is_followed) => is_followed,
        None => look_up(),
    }
}

/// As [`is_followed`], for a program that does nothing for others.
#[inline(always)]
pub(crate) fn is_followed_here() -> bool {
    setting!(selective) == 0 || Cpu::this().is_some_and(is_followed)
}

/// Asks for the process that runs on this CPU, of which nothing is known yet. Without an argument: nothing has
/// to be kept for it.
#[inline(never)]
fn look_up() -> bool {
    let tgid = (bpf_get_current_pid_tgid() >> 32) as u32;
    // SAFETY: no arguments.
    let task = unsafe { bpf_get_current_task() };
    Cpu::this().is_some_and(|cpu| runs(cpu, task, tgid))
}

/// Notes that `task`, of the process `tgid`, runs on this CPU from now on. Whether it is followed.
#[inline(always)]
fn runs(cpu: Cpu, task: u64, tgid: u32) -> bool {
    // Before the look: what changes in between is then looked up once more.
    let word = word(task);
    let is_followed = state(tgid) == FOLLOWED;
    cpu.follows(word | u64::from(is_followed));
    is_followed
}

/// Notes that the task `next` runs on this CPU from now on.
#[inline(always)]
pub(crate) fn switched(cpu: Cpu, next: Object) {
    if setting!(selective) != 0 {
        let stack = stack_word(next.load(offset!(task_stack)));
        let is_followed = runs(cpu, next.address(), next.load(offset!(task_tgid)));
        cpu.follows_by_stack(stack | u64::from(is_followed));
    }
}

/// Forgets the task that runs on this CPU: it ends, and another one may get its address.
#[inline(always)]
pub(crate) fn ends(cpu: Cpu) {
    if setting!(selective) != 0 {
        cpu.follows(0);
        cpu.follows_by_stack(0);
    }
}

/// Notes that `parent`, which is running, has made `child`, which has not run yet. Whether the new one is
/// followed.
#[inline(always)]
pub(crate) fn forked(parent: Object, child: Object) -> bool {
    if setting!(selective) == 0 {
        return true;
    }
    let parent_tgid = parent.load::<u32>(offset!(task_tgid));
    let tgid = child.load::<u32>(offset!(task_tgid));
    let inherited = state(parent_tgid);
    if tgid == parent_tgid {
        return inherited == FOLLOWED;
    }
    let is_followed = inherited != IGNORED
        || setting!(cgroups) != 0 && has_other_cgroups(parent, child) && is_member(child);
    // Also when it is not: the process that had this id before may have been.
    note(tgid, if is_followed { FOLLOWED } else { IGNORED });
    is_followed
}

/// Notes that `task`, which may be running, is in another control group now. A process that leaves one is
/// followed on, as its children are: what it did there is counted already.
#[inline(always)]
pub(crate) fn moved(task: Object) {
    if setting!(cgroups) == 0 {
        return;
    }
    let tgid = task.load::<u32>(offset!(task_tgid));
    if state(tgid) != FOLLOWED && is_member(task) {
        note(tgid, FOLLOWED);
        // SAFETY: only the address is taken.
        atomic::add(unsafe { &raw mut EPOCH.0 }, LATER);
    }
}

/// Notes that a control group has been made, which has no members yet.
#[inline(always)]
pub(crate) fn made(cgroup: Object, path: u64) {
    if setting!(cgroups) == 0 {
        return;
    }
    let Some(cgroup) = Cgroup::named(cgroup) else { return };
    let mut key: CgroupPath = [0; CGROUP_PATH_LEN];
    let room = CGROUP_PATH_LEN as u32;
    // SAFETY: the helper checks the source; the destination has that length.
    let length =
        unsafe { bpf_probe_read_kernel_str((&raw mut key).cast(), room, path as *const _) };
    if length <= 0 {
        return;
    }
    // By reference: the stack has no room for another one.
    let key = &key;
    let Some(place) = CGROUP_PATHS.get_ptr_mut(key) else { return };
    let id = cgroup.id();
    // SAFETY: a map value; control groups are made one at a time.
    unsafe {
        let _ = FOLLOWED_CGROUPS.remove(*place);
        *place = id;
    }
    let _ = FOLLOWED_CGROUPS.insert(id, 1, 0);
}

#[inline(always)]
fn state(tgid: u32) -> u8 {
    match place(tgid) {
        // SAFETY: a byte of a map value.
        Some(place) => unsafe { ptr::read_volatile(place) },
        None => IGNORED,
    }
}

#[inline(always)]
fn note(tgid: u32, state: u8) {
    if let Some(place) = place(tgid) {
        // SAFETY: a byte of a map value.
        unsafe { ptr::write_volatile(place, state) };
    }
}

/// Where it stands what is known of a process.
#[inline(always)]
fn place(tgid: u32) -> Option<*mut u8> {
    let chunk = PROCESSES.get_ptr_mut(tgid / CHUNK as u32)?;
    // SAFETY: inside the element.
    Some(unsafe { chunk.cast::<u8>().add(tgid as usize % CHUNK) })
}

/// Whether a child was born into other control groups than its parent's (`CLONE_INTO_CGROUP`).
#[inline(always)]
fn has_other_cgroups(parent: Object, child: Object) -> bool {
    child.load::<u64>(offset!(task_cgroups)) != parent.load::<u64>(offset!(task_cgroups))
}

/// Whether `task` is in one of the control groups whose members are followed, or below one.
#[inline(never)]
fn is_member(task: Object) -> bool {
    /// Levels that are looked at. systemd, Docker and Kubernetes together make about ten.
    const LEVELS: u32 = 32;

    let mut cgroup = Cgroup::of(task);
    for _ in 0..LEVELS {
        if !cgroup.is_known() {
            return false;
        }
        // SAFETY: a value that does not change.
        if unsafe { FOLLOWED_CGROUPS.get(cgroup.id()) }.is_some() {
            return true;
        }
        cgroup = cgroup.parent();
    }
    false
}
