//! What the kernel side keeps per thread and per CPU.
//!
//! A record has one writer in process context, the thread itself, so its counters are plain
//! additions: no atomics, no shared cache lines. What others do on a thread's behalf, later and in
//! any context, is in [`Late`], which is written atomically. User space sums the records of a
//! process.

use crate::{COMM_LEN, path::LANES};

/// Identity of a thread: the pid alone is reused, the pair is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct ThreadKey {
    /// Thread id in the initial pid namespace.
    pub pid: u32,
    /// Explicit padding: hash keys compare every byte.
    pub pad: u32,
    /// When the thread started, in ns of CLOCK_BOOTTIME.
    pub start_ns: u64,
}

/// Whom something belongs to whose bytes are moved later, by whoever comes along: a value of maps
/// from objects of the kernel (inodes, sockets) to threads.
///
/// The slot makes finding the record an array access; the rest tells whether it is still that
/// thread's, and whose counts they are when it is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Owner {
    /// Slot of the thread's record, [`UNATTRIBUTED_SLOT`] when it had none.
    pub slot: u32,
    /// Process id.
    pub tgid: u32,
    /// Start of the thread, ns of CLOCK_BOOTTIME.
    pub start_ns: u64,
    /// Start of the process, ns of CLOCK_BOOTTIME.
    pub process_start_ns: u64,
}

/// What others do on behalf of a thread: kernel threads that write its pages back, interrupts that
/// move its packets. Written from any CPU and any context, so by atomic additions only. All
/// cumulative since the record was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Late {
    /// Incremented by every late writer, as [`Record::updates`] is by the thread.
    pub updates: u64,
    /// Bytes written to block devices of pages that the thread had made dirty, whoever wrote them.
    pub dirtied_write_bytes: u64,
    /// Times that payload of the thread's socket buffers was copied on its way to a device.
    pub linearizations: u64,
    /// Bytes copied thereby.
    pub linearized_bytes: u64,
    /// Bytes sent by reference to the thread's pages that were copied after all.
    pub zerocopy_copied_bytes: u64,
    /// The part of `linearized_bytes` in socket buffers that refer to the thread's own pages.
    pub zerocopy_linearized_bytes: u64,
    /// The part of `linearized_bytes` in socket buffers that refer to pages of a file or a pipe.
    pub referenced_linearized_bytes: u64,
    /// As `zerocopy_linearized_bytes`, but on the way to devices that gather: not among those.
    pub zerocopy_pulled_bytes: u64,
    /// As `referenced_linearized_bytes`, but on the way to devices that gather: not among those.
    pub referenced_pulled_bytes: u64,
    /// Bounce buffers filled or emptied.
    pub bounces: u64,
    /// Bytes copied thereby.
    pub bounced_bytes: u64,
}

impl Late {
    /// Nothing yet.
    pub const ZERO: Self = Self {
        updates: 0,
        dirtied_write_bytes: 0,
        linearizations: 0,
        linearized_bytes: 0,
        zerocopy_copied_bytes: 0,
        zerocopy_linearized_bytes: 0,
        referenced_linearized_bytes: 0,
        zerocopy_pulled_bytes: 0,
        referenced_pulled_bytes: 0,
        bounces: 0,
        bounced_bytes: 0,
    };

    /// Field by field, what `combine` makes of this one and of `other`.
    #[must_use]
    pub fn combined(&self, other: &Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            updates: combine(self.updates, other.updates),
            dirtied_write_bytes: combine(self.dirtied_write_bytes, other.dirtied_write_bytes),
            linearizations: combine(self.linearizations, other.linearizations),
            linearized_bytes: combine(self.linearized_bytes, other.linearized_bytes),
            zerocopy_copied_bytes: combine(self.zerocopy_copied_bytes, other.zerocopy_copied_bytes),
            zerocopy_linearized_bytes: combine(
                self.zerocopy_linearized_bytes,
                other.zerocopy_linearized_bytes,
            ),
            referenced_linearized_bytes: combine(
                self.referenced_linearized_bytes,
                other.referenced_linearized_bytes,
            ),
            zerocopy_pulled_bytes: combine(self.zerocopy_pulled_bytes, other.zerocopy_pulled_bytes),
            referenced_pulled_bytes: combine(
                self.referenced_pulled_bytes,
                other.referenced_pulled_bytes,
            ),
            bounces: combine(self.bounces, other.bounces),
            bounced_bytes: combine(self.bounced_bytes, other.bounced_bytes),
        }
    }
}

/// Operations, bytes and failures on one lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct LaneCount {
    /// Calls that succeeded, also those that moved nothing (end of file).
    pub ops: u64,
    /// Bytes moved: the return value, never the requested size.
    pub bytes: u64,
    /// Calls that failed, `EAGAIN` included.
    pub errors: u64,
    /// Bytes that the CPU copied, counted where it copies them.
    pub copied: u64,
    /// Bytes that no hooked function copied and no evidence explains: taken for copied.
    pub assumed: u64,
}

/// A socket: the address alone is reused, by connections of other processes too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct SocketKey {
    /// Address of its `struct sock`.
    pub address: u64,
    /// Its hash, of both ends of the connection.
    pub hash: u64,
}

/// What the copy sites have seen since the last call was settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Staged {
    /// Bytes copied by the CPU.
    pub copied: u64,
    /// Bytes that a function has accounted for inside one that will return them once more.
    pub nested: u64,
    /// Bytes of direct I/O.
    pub direct: u64,
    /// `EVIDENCE_` bits.
    pub evidence: u64,
    /// Whether an asynchronous operation (io_uring, libaio) is being carried out.
    pub scope: u64,
    /// The socket last sent through.
    pub socket: SocketKey,
}

/// [`Staged::evidence`]: bytes went by reference.
pub const EVIDENCE_REFERENCE: u64 = 1;
/// [`Staged::evidence`]: the device reaches the caller's pages.
pub const EVIDENCE_DIRECT: u64 = 1 << 1;
/// [`Staged::evidence`]: a function was entered that copies all that the call returns.
pub const EVIDENCE_COPY: u64 = 1 << 2;
/// [`Staged::evidence`]: a function was entered that encrypts or decrypts all that the call returns.
pub const EVIDENCE_TRANSFORM: u64 = 1 << 3;
/// [`Staged::evidence`]: there is nothing at the other end (`/dev/null`, `/dev/zero`).
pub const EVIDENCE_NOTHING: u64 = 1 << 4;

/// Counters of a thread that belong to no path. All cumulative since the record was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Counters {
    /// System calls that returned.
    pub syscalls: u64,
    /// Switches because the thread had to wait, as the kernel itself counts them (`task_struct.nvcsw`).
    pub context_switches_voluntary: u64,
    /// Switches because something else had to run (`task_struct.nivcsw`).
    pub context_switches_involuntary: u64,
    /// Faults served without I/O, as the kernel itself counts them (`task_struct.min_flt`).
    pub page_faults_minor: u64,
    /// Faults that waited for I/O (`task_struct.maj_flt`).
    pub page_faults_major: u64,
    /// Faults taken in user mode: each is a mode switch in and out.
    pub page_faults_user: u64,
    /// Pages of the page cache looked up by reads.
    pub page_cache_accesses: u64,
    /// Pages inserted into the page cache for reads and faults (readahead included).
    pub page_cache_misses: u64,
    /// Bytes of read requests issued to block devices in this thread's context.
    pub block_read_bytes: u64,
    /// Bytes of write requests issued to block devices in this thread's context.
    pub block_write_bytes: u64,
    /// Payload bytes handed to TCP and UDP sockets.
    pub net_tx_bytes: u64,
    /// Payload bytes received from TCP and UDP sockets.
    pub net_rx_bytes: u64,
    /// Bytes sent with zero-copy asked for: `MSG_ZEROCOPY`, io_uring's `SEND_ZC`.
    pub zerocopy_requested_bytes: u64,
    /// io_uring operations that move data and have completed.
    pub uring_ops: u64,
    /// io_uring operations that move data and were handed to a worker thread.
    pub uring_punted_ops: u64,
    /// The part of them that io_uring sent.
    pub zerocopy_uring_bytes: u64,
    /// The part of them that went through sockets without `SO_ZEROCOPY`, where the flag is ignored.
    pub zerocopy_not_enabled_bytes: u64,
    /// Zero-copy sends that failed for want of buffer space (`ENOBUFS`).
    pub zerocopy_refusals: u64,
    /// Bytes that these were to send.
    pub zerocopy_refused_bytes: u64,
    /// Successful `mmap` calls.
    pub mmap_calls: u64,
    /// Successful `munmap` calls.
    pub munmap_calls: u64,
    /// Successful `msync` calls.
    pub msync_calls: u64,
    /// Bytes received only to be thrown away (`MSG_TRUNC`): moved nowhere.
    pub discarded_bytes: u64,
    /// Bytes that the kernel encrypted or decrypted for the thread (kTLS in software).
    pub transformed_bytes: u64,
}

/// What the sampler saw of a thread: how often it found it on a CPU, and how often in a copy routine.
///
/// The one writer is the sampler, in the interrupt that finds the thread running: no other program
/// touches these fields, and the same thread cannot be interrupted on two CPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Samples {
    /// Times the thread was found on a CPU, in user or kernel mode.
    pub cpu: u64,
    /// Of these, how often inside a copy routine of the kernel.
    pub copy: u64,
}

/// [`Record::state`]: the slot is in the queue of free slots.
pub const STATE_FREE: u32 = 0;
/// [`Record::state`]: the thread is alive.
pub const STATE_LIVE: u32 = 1;
/// [`Record::state`]: the thread passed its exit hook; a last context switch may follow.
pub const STATE_EXITED: u32 = 2;
/// [`Record::state`]: the thread has left its CPU for ever; the counts are final.
pub const STATE_DEAD: u32 = 3;

/// [`Record::flags`]: a kernel thread.
pub const FLAG_KTHREAD: u32 = 1;
/// [`Record::flags`]: the last thread of its process has exited.
pub const FLAG_GROUP_DEAD: u32 = 1 << 1;
/// [`Record::flags`]: the process was seen from its fork, so nothing of it was missed.
pub const FLAG_FROM_BIRTH: u32 = 1 << 2;

/// Slot of the record that takes what cannot be attributed to a thread. Its writers are many:
/// they use atomic additions.
pub const UNATTRIBUTED_SLOT: u32 = 0;

/// Everything counted for one thread. Lives in the array `RECORDS`, found through `SLOT_BY_THREAD`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Record {
    /// Incremented by the thread whenever it writes: user space skips records of which neither this
    /// nor [`Late::updates`] nor [`Samples::cpu`] has moved.
    pub updates: u64,
    /// What the sampler saw. Its own count of changes: an interrupt in the middle of an increment of
    /// `updates` would be lost, or hide one.
    pub samples: Samples,
    /// One of the `STATE_` values.
    pub state: u32,
    /// `FLAG_` bits.
    pub flags: u32,
    /// Thread id.
    pub pid: u32,
    /// Process id.
    pub tgid: u32,
    /// Start of the thread, ns of CLOCK_BOOTTIME.
    pub start_ns: u64,
    /// Start of the process (its leader), ns of CLOCK_BOOTTIME.
    pub process_start_ns: u64,
    /// What others do on the thread's behalf. Beside `updates`, so that a scan touches one line.
    pub late: Late,
    /// Process id of the parent when the record was made.
    pub parent_tgid: u32,
    /// The slot that the record is in.
    pub slot: u32,
    /// Start of the parent process, ns of CLOCK_BOOTTIME.
    pub parent_start_ns: u64,
    /// cgroup v2 id (inode number of its directory), 0 when unknown.
    pub cgroup_id: u64,
    /// The thread's name, NUL terminated.
    pub comm: [u8; COMM_LEN],
    /// `task_struct.min_flt` when the record was made.
    pub minor_base: u64,
    /// `task_struct.maj_flt` when the record was made.
    pub major_base: u64,
    /// `task_struct.nvcsw` when the record was made.
    pub voluntary_base: u64,
    /// `task_struct.nivcsw` when the record was made.
    pub involuntary_base: u64,
    /// [`Counters::page_cache_accesses`] at the end of the last data call: evidence of what the next one touches.
    pub accesses_mark: u64,
    /// Address of the `address_space` of the last page cache lookup.
    pub lookup_mapping: u64,
    /// Index of the first page of the last lookup.
    pub lookup_index: u64,
    /// Index of the last page of the last lookup.
    pub lookup_last: u64,
    /// Whether the page fault being served is a write.
    pub fault_is_write: u64,
    /// What the copy sites have seen since the last call was settled.
    pub staged: Staged,
    /// Counters that belong to no path.
    pub counters: Counters,
    /// Counts per lane, see [`crate::path`].
    pub lanes: [LaneCount; LANES],
}

impl Record {
    /// A record of zeros: what a free slot holds.
    pub const ZERO: Self = Self {
        updates: 0,
        samples: Samples { cpu: 0, copy: 0 },
        state: STATE_FREE,
        flags: 0,
        pid: 0,
        tgid: 0,
        start_ns: 0,
        process_start_ns: 0,
        late: Late::ZERO,
        parent_tgid: 0,
        slot: 0,
        parent_start_ns: 0,
        cgroup_id: 0,
        comm: [0; COMM_LEN],
        minor_base: 0,
        major_base: 0,
        voluntary_base: 0,
        involuntary_base: 0,
        accesses_mark: 0,
        lookup_mapping: 0,
        lookup_index: 0,
        lookup_last: 0,
        fault_is_write: 0,
        staged: Staged {
            copied: 0,
            nested: 0,
            direct: 0,
            evidence: 0,
            scope: 0,
            socket: SocketKey { address: 0, hash: 0 },
        },
        counters: Counters {
            syscalls: 0,
            context_switches_voluntary: 0,
            context_switches_involuntary: 0,
            page_faults_minor: 0,
            page_faults_major: 0,
            page_faults_user: 0,
            page_cache_accesses: 0,
            page_cache_misses: 0,
            block_read_bytes: 0,
            block_write_bytes: 0,
            net_tx_bytes: 0,
            net_rx_bytes: 0,
            zerocopy_requested_bytes: 0,
            uring_ops: 0,
            uring_punted_ops: 0,
            zerocopy_uring_bytes: 0,
            zerocopy_not_enabled_bytes: 0,
            zerocopy_refusals: 0,
            zerocopy_refused_bytes: 0,
            mmap_calls: 0,
            munmap_calls: 0,
            msync_calls: 0,
            discarded_bytes: 0,
            transformed_bytes: 0,
        },
        lanes: [LaneCount { ops: 0, bytes: 0, errors: 0, copied: 0, assumed: 0 }; LANES],
    };
}

/// What a CPU is doing. One writer, the CPU itself; 128 bytes so that two CPUs never share a
/// cache line or its prefetched neighbour.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct CpuState {
    /// System calls that returned on this CPU since the last switch: they belong to whoever runs
    /// there now. Charged to a record at the switch, which keeps the cost of a call that moves no
    /// data at one addition.
    pub pending_syscalls: u64,
    /// The slot of the thread that was last asked for, and 43 bits of its start and pid: one word,
    /// because it is read and written by programs that preempt each other.
    pub remembered: u64,
    /// Address of the socket whose packet is being cut up here, 0 when none is.
    pub segmenting: u64,
    /// Thread id of whoever runs here since the last switch: the owner of the pending calls.
    pub pid: u32,
    /// Explicit padding.
    pub pad: [u32; 25],
}

const _: () = {
    assert!(size_of::<ThreadKey>() == 16);
    assert!(size_of::<LaneCount>() == 40);
    assert!(size_of::<Owner>() == 24);
    assert!(size_of::<Late>().is_multiple_of(8));
    assert!(size_of::<CpuState>() == 128);
    assert!(size_of::<Samples>() == 16);
    assert!(size_of::<Record>().is_multiple_of(8));
    assert!(
        size_of::<Record>()
            == 16
                + size_of::<Samples>()
                + 8
                + 16
                + size_of::<Late>()
                + 8
                + 16
                + 16
                + 72
                + size_of::<Staged>()
                + size_of::<Counters>()
                + 40 * LANES
    );
};
