//! What the kernel side keeps per thread and per CPU.
//!
//! A record has one writer in process context, the thread itself, so its counters are plain
//! additions: no atomics, no shared cache lines. What others do on a thread's behalf, later and in
//! any context, is in [`Late`], which is written atomically. User space sums the records of a
//! process.

use core::mem::offset_of;

use crate::{COMM_LEN, path::LANES, stack::Countdown, words::words};

mod relay;

pub use relay::{
    INCOMING, Incoming, RELAY_FILE, RELAY_LEAST_BYTES, RELAY_NONE, RELAY_PIPE, RELAY_SOCKET, Relay,
};

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

/// Slots that are free: from `first` up to and without `end`, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct FreeSlots {
    /// The one that is taken next.
    pub first: u32,
    /// The first after them.
    pub end: u32,
}

impl FreeSlots {
    /// A single slot.
    #[must_use]
    pub const fn one(slot: u32) -> Self {
        Self { first: slot, end: slot + 1 }
    }
}

/// The thread that owns something whose bytes are moved later, by any thread: a value of maps from
/// objects of the kernel (inodes, sockets) to threads.
///
/// The slot makes finding the record an array access; the rest says whether it is still the record of
/// that thread, and which process to charge when it is not.
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

words! {
    /// What others do on behalf of a thread: kernel threads that write its pages back, interrupts that
    /// move its packets. Written from any CPU and any context, so by atomic additions only. All
    /// cumulative since the record was made.
    pub struct Late {
        /// Incremented by every late writer, as [`Record::updates`] is by the thread.
        updates,
        /// Bytes of what the process wrote that are for storage, at the time of writing: pages that it dirtied, whichever thread writes them back, and what bypassed the page cache. As write_bytes in /proc/PID/io.
        block_dirtied_bytes,
        /// Times that payload of the thread's socket buffers was copied on its way to a device.
        linearizations,
        /// Bytes copied thereby.
        linearized_bytes,
        /// Bytes sent without a copy that were copied after all, because the receiver is on this host: loopback, veth, a packet socket.
        zerocopy_copied_later_bytes,
        /// Bytes sent without a copy that were copied after all, because the route or device lacks scatter-gather: part of skb_linearize.
        zerocopy_linearized_bytes,
        /// Bytes of sendfile and splice that were copied for that reason: part of skb_linearize.
        referenced_linearized_bytes,
        /// Bytes sent without a copy that were copied although the device has scatter-gather, because its driver wants the beginning of a packet in one piece: part of skb_linearize.
        zerocopy_pulled_bytes,
        /// Bytes of sendfile and splice that were copied for that reason: part of skb_linearize.
        referenced_pulled_bytes,
        /// Bounce buffers filled or emptied.
        bounces,
        /// Bytes copied thereby.
        bounced_bytes,
    }
}

words! {
    /// Operations, bytes and failures on one lane.
    pub struct LaneCount {
        /// Calls that succeeded, also those that moved nothing (end of file).
        ops,
        /// Bytes moved: the return value, never the requested size.
        bytes,
        /// Calls that failed, `EAGAIN` included.
        errors,
        /// Bytes that the CPU copied, counted where it copies them. Without copy sites: those of which other hooks have
        /// seen that they were copied, on paths that usually copy nothing.
        copied,
        /// Bytes that no hooked function copied and no evidence explains: assumed to be copied. Without copy sites: those
        /// of which nothing shows whether they were.
        assumed,
    }
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

/// What the copy sites have seen since the last call was charged. Where there are none: what other hooks have seen of
/// the running call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Staged {
    /// Bytes copied by the CPU. Without copy sites: not 0 when the call has dirtied pages of a file.
    pub copied: u64,
    /// Bytes that a function has accounted for inside one that will return them once more.
    pub nested: u64,
    /// Bytes of direct I/O. Without copy sites: those that the call has asked block devices for, past the page cache.
    pub direct: u64,
    /// `EVIDENCE_` bits.
    pub evidence: u64,
    /// Which asynchronous operation (io_uring, libaio) is being carried out: the address of its request, and in bit 0 whether
    /// it is tried again. 0 for none.
    pub scope: u64,
    /// The socket last sent through.
    pub socket: SocketKey,
}

/// What the descriptors of a call were when its thread left the CPU: another thread may put something else in
/// their place while it waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Waiting {
    /// [`Counters::syscalls`] then, of which the call itself is none: the same as at its exit.
    pub calls: u64,
    /// The open files of the call: the address, shifted by [`Waiting::CLASS_BITS`], and the class. 0 for none.
    pub files: [u64; 2],
    /// How many reads and writes the kernel had carried out for the thread when the call first slept; all ones where that
    /// is unknown, or the call is none of them.
    pub transfers: u64,
    /// Number of the next notification of the thread's seccomp filter when that was last looked at.
    pub notification: u64,
    /// Calls of the thread when one that a supervisor may have answered returned, which is among them.
    pub returned: u64,
    /// As [`Self::transfers`], then.
    pub transfers_returned: u64,
}

impl Waiting {
    /// Bits of a class.
    pub const CLASS_BITS: u32 = 8;
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
/// [`Staged::evidence`], of no copy: the call has brought pages into the page cache, see [`Inserted`].
pub const EVIDENCE_INSERTED: u64 = 1 << 5;
/// [`Staged::evidence`]: copy_file_range has brought pages of a file into the page cache or dirtied some.
/// Weighed only where there are no copy sites.
pub const EVIDENCE_COPIED_RANGE: u64 = 1 << 6;

/// Pages of a file, from `first` up to and without `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct PageRun {
    /// Index of the first page.
    pub first: u64,
    /// Index of the first page after them.
    pub end: u64,
}

impl PageRun {
    /// Number of its pages that lie in `other`.
    #[must_use]
    #[inline(always)]
    pub const fn overlap(self, other: Self) -> u64 {
        let first = if self.first > other.first { self.first } else { other.first };
        let end = if self.end < other.end { self.end } else { other.end };
        end.saturating_sub(first)
    }
}

/// Runs that are remembered one by one: readahead makes one or two in a call.
pub const INSERTED_RUNS: usize = 4;

/// The pages of one file that the running call has brought into the page cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Inserted {
    /// Address of the `struct address_space` of the file, 0 when there are none.
    pub mapping: u64,
    /// Whether the file has a name; without one it is a block device, or where a file system keeps its metadata.
    pub is_named: u64,
    /// Pages of runs that are not remembered any more.
    pub dropped: u64,
    /// The last runs, the last one first.
    pub runs: [PageRun; INSERTED_RUNS],
}

impl Inserted {
    /// Adds pages of the file `mapping`. Those of another file displace what is noted, unless they have
    /// no name: metadata is read on the way to data.
    #[inline(always)]
    pub fn add(&mut self, mapping: u64, is_named: bool, run: PageRun) {
        if self.mapping != mapping {
            if self.mapping != 0 && !is_named {
                return;
            }
            self.mapping = mapping;
            self.is_named = u64::from(is_named);
            self.dropped = 0;
            // Empty, and not zero: of adjacent zeros the compiler makes a call of `memset`, which is a loop over
            // their bytes in the programs.
            let empty = PageRun { first: run.first, end: run.first };
            self.runs = [run, empty, empty, empty];
        } else if self.runs[0].end == run.first {
            self.runs[0].end = run.end;
        } else {
            let [first, second, third, last] = self.runs;
            self.dropped += last.end - last.first;
            self.runs = [run, first, second, third];
        }
    }

    /// How many of the pages `accessed` are among them. Runs that are not remembered are taken to be: a
    /// call reads ahead when it comes to its end.
    #[must_use]
    #[inline(always)]
    pub fn among(&self, accessed: PageRun) -> u64 {
        let known = self.runs.iter().fold(0, |sum, run| sum + run.overlap(accessed));
        (known + self.dropped).min(accessed.end - accessed.first)
    }
}

words! {
    /// Counters of a thread that belong to no path. All cumulative since the record was made. Users
    /// see most of them as they are, summed over a process, under these names and with these
    /// sentences.
    ///
    /// Switches and faults are the kernel's own counts (`nvcsw`, `nivcsw`, `min_flt` and `maj_flt` of
    /// `struct task_struct`), copied when the thread leaves its CPU.
    pub struct Counters {
        /// System calls that returned.
        syscalls,
        /// Times the scheduler took the CPU away because a thread had to wait.
        context_switches_voluntary,
        /// Times the scheduler took the CPU away to run something else.
        context_switches_involuntary,
        /// Page faults served without I/O.
        page_faults_minor,
        /// Page faults that waited for I/O.
        page_faults_major,
        /// Page faults taken in user mode: each is a mode switch in and out.
        page_faults_user,
        /// Pages of the page cache that the bytes of reads lie in.
        page_cache_accesses,
        /// Of the pages that reads accessed, those that had to be brought in by the same call.
        page_cache_fetched,
        /// Pages that had to be brought into the page cache for reads and faults, readahead included.
        page_cache_misses,
        /// Bytes of read requests made to block devices in the process's own context.
        block_read_bytes,
        /// Bytes of write requests made to block devices in the process's own context (writeback is done by kernel threads: see block_dirtied_bytes).
        block_write_bytes,
        /// Payload bytes handed to network sockets: all but unix, netlink, key and crypto sockets.
        net_tx_bytes,
        /// Payload bytes received from network sockets, each once: not what a peek (MSG_PEEK) or the error queue (MSG_ERRQUEUE) showed.
        net_rx_bytes,
        /// Bytes sent with zero-copy requested: MSG_ZEROCOPY, io_uring's SEND_ZC.
        zerocopy_requested_bytes,
        /// io_uring operations that moved data, deferred ones included (see uring_punted_ops).
        uring_ops,
        /// io_uring operations that were deferred to a worker thread of the kernel (io-wq): because they would have blocked, or because the program requested it (IOSQE_ASYNC).
        uring_punted_ops,
        /// Of the bytes sent with zero-copy requested, those that io_uring sent.
        zerocopy_uring_bytes,
        /// Of the bytes sent with zero-copy requested, those that went through sockets without SO_ZEROCOPY, where the kernel silently ignores the request.
        zerocopy_not_enabled_bytes,
        /// Zero-copy sends that failed with ENOBUFS (socket memory limit).
        zerocopy_refusals,
        /// Bytes that the refused calls were to send.
        zerocopy_refused_bytes,
        /// Successful mmap calls.
        mmap_calls,
        /// Successful munmap calls.
        munmap_calls,
        /// Successful msync calls.
        msync_calls,
        /// Bytes received and thrown away by the kernel (MSG_TRUNC); a peek throws nothing away.
        discarded_bytes,
        /// Bytes that the kernel encrypted or decrypted for the process (kTLS in software): read and written once, which is no copy; some of what is received is copied as well.
        transformed_bytes,
        /// Bytes read from a file and written to another file right after, from the same buffer.
        relayed_file_file_bytes,
        /// Bytes read from a file and written to a pipe right after, from the same buffer.
        relayed_file_pipe_bytes,
        /// Bytes read from a file and sent to a stream socket right after, from the same buffer.
        relayed_file_socket_bytes,
        /// Bytes read from a pipe and written to a file right after, from the same buffer.
        relayed_pipe_file_bytes,
        /// Bytes read from a pipe and written to a pipe right after, from the same buffer.
        relayed_pipe_pipe_bytes,
        /// Bytes read from a pipe and sent to a stream socket right after, from the same buffer.
        relayed_pipe_socket_bytes,
        /// Bytes received from a stream socket and written to a file right after, from the same buffer.
        relayed_socket_file_bytes,
        /// Bytes received from a stream socket and written to a pipe right after, from the same buffer.
        relayed_socket_pipe_bytes,
        /// Bytes received from a stream socket and sent to one right after, from the same buffer.
        relayed_socket_socket_bytes,
        /// CPU time in user mode from the first of these calls of each thread to the last one, in nanoseconds, as exact as the ticks of the kernel.
        relayed_user_ns,
        /// Pages of files that the kernel mapped for a write or send which read from them: the program has not touched them before. Huge pages are counted only where copy sites are.
        mapped_sent_bytes,
    }
}

words! {
    /// What the sampler saw of a thread: how often it found it on a CPU, and how often in a copy routine.
    ///
    /// The one writer is the sampler, in the interrupt that finds the thread running: no other program
    /// touches these fields, and the same thread cannot be interrupted on two CPUs.
    pub struct Samples {
        /// Times the thread was found on a CPU, in user or kernel mode.
        cpu,
        /// Of these, how often inside a copy routine of the kernel.
        copy,
        /// Of these, how often in code of its own, or at a fault that it took, where it was not noted which.
        unlocated,
    }
}

/// [`Record::state`]: the slot is in the queue of free slots.
pub const STATE_FREE: u32 = 0;
/// [`Record::state`]: the thread is alive.
pub const STATE_LIVE: u32 = 1;
/// [`Record::state`]: the thread passed its exit hook; a last context switch may follow.
pub const STATE_EXITED: u32 = 2;
/// [`Record::state`]: the thread has left its CPU for good; the counts are final.
pub const STATE_DEAD: u32 = 3;

/// [`Record::flags`]: a kernel thread.
pub const FLAG_KTHREAD: u32 = 1;
/// [`Record::flags`]: the last thread of its process has exited.
pub const FLAG_GROUP_DEAD: u32 = 1 << 1;
/// [`Record::flags`]: the process was seen from its fork, so nothing of it was missed.
pub const FLAG_FROM_BIRTH: u32 = 1 << 2;

/// [`Record::fault_kind`]: it reads.
pub const FAULT_OF_READ: u64 = 0;
/// [`Record::fault_kind`]: it writes; if to a file, so that others see it.
pub const FAULT_OF_WRITE: u64 = 1;
/// [`Record::fault_kind`]: it writes to a private mapping of a file: to a copy.
pub const FAULT_OF_COPY: u64 = 2;

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
    /// What others do on the thread's behalf. Next to `updates`, so that a scan touches one line.
    pub late: Late,
    /// Process id of the parent when the record was made.
    pub parent_tgid: u32,
    /// The slot that the record is in.
    pub slot: u32,
    /// Start of the parent process, ns of CLOCK_BOOTTIME.
    pub parent_start_ns: u64,
    /// cgroup v2 id (inode number of its directory) of where the thread is, or was last; 0 when unknown.
    pub cgroup_id: u64,
    /// By whose rights the thread acts, or acted last: its effective user id in the initial user namespace.
    pub user: u32,
    /// Not used.
    pub padding: u32,
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
    /// What the page fault being served does to a file: a `FAULT_OF_` value.
    pub fault_kind: u64,
    /// Whether a page fault is being served, and how many bytes it may copy; used without copy sites.
    pub fault_bytes: u64,
    /// Page faults that the kernel has served, up to the last one that was looked at; used without copy sites.
    pub faults_served: u64,
    /// What the copy sites have seen since the last call was charged.
    pub staged: Staged,
    /// What the running call has brought into the page cache.
    pub inserted: Inserted,
    /// What came in last and may go out unchanged.
    pub relay: Relay,
    /// What the descriptors of the running call were when the thread last left the CPU.
    pub waiting: Waiting,
    /// Counters that belong to no path.
    pub counters: Counters,
    /// Counts per lane, see [`crate::path`].
    pub lanes: [LaneCount; LANES],
}

impl Record {
    /// A record of zeros: what a free slot holds.
    pub const ZERO: Self = {
        // SAFETY: integers only, and arrays and structures of integers.
        unsafe { core::mem::zeroed() }
    };
}

/// What a CPU is doing. One writer, the CPU itself; 128 bytes so that two CPUs never share a
/// cache line or its prefetched neighbour.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct CpuState {
    /// System calls that returned on this CPU since the last switch: they belong to the thread that
    /// runs there now. Charged to a record at the switch, which keeps the cost of a call that moves no
    /// data at one addition.
    pub pending_syscalls: u64,
    /// The slot of the thread that was last asked for, and 43 bits of its start and address: one word,
    /// because it is read and written by programs that preempt each other.
    pub remembered: u64,
    /// The countdown to the next call stack, for what is settled at the end of calls.
    pub countdown: Countdown,
    /// The thread that was last asked for whether it is followed, and in bit 0 whether it is. Used in a run
    /// that follows some processes only.
    pub followed: u64,
    /// The same, by its kernel stack.
    pub followed_by_stack: u64,
    /// Not 0: a supervisor may answer calls of the thread that runs here.
    pub supervised: u64,
    /// The thread that runs here since the last switch: the owner of the pending calls.
    pub pid: u32,
    /// Explicit padding.
    pub pad: [u32; 13],
    /// Address of the socket whose packet is being segmented here, 0 when none is.
    pub segmenting: u64,
}

impl CpuState {
    /// A CPU that has run nothing yet.
    pub const ZERO: Self = Self {
        pending_syscalls: 0,
        remembered: 0,
        countdown: Countdown::ZERO,
        followed: 0,
        followed_by_stack: 0,
        supervised: 0,
        pid: 0,
        pad: [0; 13],
        segmenting: 0,
    };
}

const _: () = {
    assert!(size_of::<ThreadKey>() == 16);
    assert!(size_of::<FreeSlots>() == 8);
    assert!(size_of::<LaneCount>() == 40);
    assert!(size_of::<Owner>() == 24);
    assert!(size_of::<Late>().is_multiple_of(8));
    assert!(size_of::<CpuState>() == 128);
    assert!(size_of::<Samples>() == 24);
    // By source, then by target.
    assert!(
        offset_of!(Counters, relayed_socket_socket_bytes)
            == offset_of!(Counters, relayed_file_file_bytes) + 8 * 8
    );
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
                + 8
                + 56
                + size_of::<Staged>()
                + size_of::<Inserted>()
                + size_of::<Relay>()
                + size_of::<Waiting>()
                + size_of::<Counters>()
                + 40 * LANES
    );
};

#[cfg(test)]
mod tests {
    use super::*;

    const fn run(first: u64, end: u64) -> PageRun {
        PageRun { first, end }
    }

    #[test]
    fn pages_that_a_call_brought_in_are_found_among_those_that_it_accessed() {
        let mut inserted = Inserted::default();
        assert_eq!(inserted.among(run(0, 9)), 0);
        // Metadata, then data, then readahead with a gap, then metadata.
        inserted.add(1, false, run(0, 9));
        inserted.add(2, true, run(4, 5));
        inserted.add(2, true, run(5, 8));
        inserted.add(2, true, run(10, 20));
        inserted.add(1, false, run(0, 9));
        assert_eq!(inserted.mapping, 2);
        assert_eq!(inserted.runs, [run(10, 20), run(4, 8), run(4, 4), run(4, 4)]);
        assert_eq!(inserted.among(run(0, 4)), 0);
        assert_eq!(inserted.among(run(5, 12)), 5);
        assert_eq!(inserted.among(run(8, 10)), 0);
        assert_eq!(inserted.among(run(0, 100)), 14);
    }

    #[test]
    fn runs_that_are_forgotten_count_as_accessed_up_to_all_that_was() {
        let mut inserted = Inserted::default();
        for page in 0..6 {
            inserted.add(1, true, run(2 * page, 2 * page + 1));
        }
        assert_eq!(inserted.dropped, 2);
        assert_eq!(inserted.among(run(0, 11)), 6);
        assert_eq!(inserted.among(run(2, 3)), 1);
    }
}
