//! Every map: who writes it, and what bounds it. Sizes are set by user space before load.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, HashMap, LruHashMap, Stack},
};
use zc_common::{
    MAX_CPUS,
    device::{DeviceKey, DeviceRecord},
    loss::Loss,
    record::{CpuState, Late, Owner, Record, SocketKey, ThreadKey},
    ring::{Request, RequestKey},
};

/// Counters per thread, by slot. Writer: the thread itself; user space zeroes a slot before it
/// frees it. Mapped into user space, which reads it without a system call. Slot 0 is the
/// unattributed row.
#[map]
pub(crate) static RECORDS: Array<Record> = Array::with_max_entries(1024, BPF_F_MMAPABLE);

/// Slot of a thread. A hash because the key, a pid with its start, is no bounded integer.
/// Writers: the thread's first event inserts, user space removes after death. Bound: the slots.
#[map]
pub(crate) static SLOT_BY_THREAD: HashMap<ThreadKey, u32> = HashMap::with_max_entries(1024, 0);

/// Slots that are free: filled by user space, taken by the kernel side. The last one freed is the
/// next one taken, so the slots in use stay at the low end.
#[map]
pub(crate) static FREE_SLOTS: Stack<u32> = Stack::with_max_entries(1024, 0);

/// Slots whose threads have left their CPU for ever: filled by the kernel side, taken by user space,
/// which reads the last counts, zeroes the slot and frees it. Bound: the slots, so it never fills.
#[map]
pub(crate) static DEAD_SLOTS: Stack<u32> = Stack::with_max_entries(1024, 0);

/// What is done on behalf of threads that have ended, by process (thread id and start of its
/// leader). Writers: any CPU, atomically; user space removes entries that have come to rest. Bound:
/// the size here; beyond it the unattributed row counts.
#[map]
pub(crate) static DEPARTED: HashMap<ThreadKey, Late> = HashMap::with_max_entries(4096, 0);

/// Who last sent through a socket. Writer: the sender. The least recently used give way.
#[map]
pub(crate) static SOCKET_OWNERS: LruHashMap<SocketKey, Owner> =
    LruHashMap::with_max_entries(16_384, 0);

/// What each CPU is running. Writer: that CPU.
#[map]
pub(crate) static CPUS: Array<CpuState> = Array::with_max_entries(MAX_CPUS, BPF_F_MMAPABLE);

/// Counters per device. Writers: any CPU, atomically. Bound: the size set at load.
#[map]
pub(crate) static DEVICES: HashMap<DeviceKey, DeviceRecord> = HashMap::with_max_entries(1024, 0);

/// Who made the last page of a file dirty, by the address of its `struct inode`. Writers: any CPU.
/// Bound: the files with dirty pages that are remembered; beyond it the one least recently used is
/// forgotten, and what is written of it is nobody's.
#[map]
pub(crate) static DIRTIED_BY: LruHashMap<u64, Owner> = LruHashMap::with_max_entries(16_384, 0);

/// What was submitted to io_uring, on kernels that do not name the request when it completes. Writers:
/// any CPU. Bound: the numbers in use by programs that are remembered; elsewhere one.
#[map]
pub(crate) static URING_REQUESTS: LruHashMap<RequestKey, Request> =
    LruHashMap::with_max_entries(16_384, 0);

/// Losses by reason. Writers: any CPU, atomically.
#[map]
pub(crate) static LOSSES: Array<u64> = Array::with_max_entries(Loss::COUNT as u32, 0);

/// What an operations table of the kernel image says about files or sockets, learned as they are
/// seen, see `operations`. Writers: any CPU, whole words.
#[map]
pub(crate) static CLASS_BY_OPERATIONS: Array<u64> = Array::with_max_entries(256, 0);
