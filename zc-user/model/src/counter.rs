//! The counters that belong to no path, by id.

use std::ops::{Index, IndexMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zc_common::named;

use crate::id::{self, UnknownCounts, read_counts};

named! {
    /// A counter of a process that belongs to no path.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[repr(u8)]
    pub enum CounterId {
        /// System calls that returned.
        Syscalls = "syscalls",
        /// Switches between user and kernel mode: two per system call and two per fault taken in user mode.
        ModeSwitches = "mode_switches",
        /// Times the scheduler took the CPU away because a thread had to wait.
        ContextSwitchesVoluntary = "context_switches_voluntary",
        /// Times the scheduler took the CPU away to run something else.
        ContextSwitchesInvoluntary = "context_switches_involuntary",
        /// Page faults served without I/O.
        PageFaultsMinor = "page_faults_minor",
        /// Page faults that waited for I/O.
        PageFaultsMajor = "page_faults_major",
        /// Bytes copied because of the first write to a shared page.
        CowCopiedBytes = "cow_copied_bytes",
        /// Pages that reads found in the page cache.
        PageCacheHits = "page_cache_hits",
        /// Pages that had to be brought into the page cache for reads and faults, readahead included.
        PageCacheMisses = "page_cache_misses",
        /// Bytes of read requests made to block devices in the process's own context.
        BlockReadBytes = "block_read_bytes",
        /// Bytes of write requests made to block devices in the process's own context (writeback is done by kernel threads: see block_dirtied_bytes).
        BlockWriteBytes = "block_write_bytes",
        /// Bytes written to block devices of what the process had put there: pages it made dirty, whoever wrote them back, and what it wrote past the page cache.
        BlockDirtiedBytes = "block_dirtied_bytes",
        /// Payload bytes handed to network sockets.
        NetTxBytes = "net_tx_bytes",
        /// Payload bytes received from network sockets.
        NetRxBytes = "net_rx_bytes",
        /// Bytes sent with zero-copy asked for: MSG_ZEROCOPY, io_uring's SEND_ZC.
        ZerocopyRequestedBytes = "zerocopy_requested_bytes",
        /// Of the bytes sent with zero-copy asked for, those that the CPU really did not copy on the way.
        ZerocopyAchievedBytes = "zerocopy_achieved_bytes",
        /// Of the bytes sent with zero-copy asked for, those that io_uring sent.
        ZerocopyUringBytes = "zerocopy_uring_bytes",
        /// Of the bytes sent with zero-copy asked for, those that went through sockets without SO_ZEROCOPY, where the kernel copies without a word.
        ZerocopyNotEnabledBytes = "zerocopy_not_enabled_bytes",
        /// Zero-copy sends that failed for want of buffer space (ENOBUFS).
        ZerocopyRefusals = "zerocopy_refusals",
        /// Bytes that these calls were to send.
        ZerocopyRefusedBytes = "zerocopy_refused_bytes",
        /// Bytes sent without a copy that were copied after all, because somebody on this host receives them: loopback, veth, a packet socket.
        ZerocopyCopiedLaterBytes = "zerocopy_copied_later_bytes",
        /// Bytes sent without a copy that were copied after all, because the device cannot gather them from pages: part of skb_linearize.
        ZerocopyLinearizedBytes = "zerocopy_linearized_bytes",
        /// Bytes of sendfile and splice that were copied for that reason: part of skb_linearize.
        ReferencedLinearizedBytes = "referenced_linearized_bytes",
        /// Bytes sent without a copy that the driver of a device that gathers wanted in one piece all the same, the first few of packets: part of skb_linearize.
        ZerocopyPulledBytes = "zerocopy_pulled_bytes",
        /// Bytes of sendfile and splice that were copied for that reason: part of skb_linearize.
        ReferencedPulledBytes = "referenced_pulled_bytes",
        /// Bytes moved by calls: the sum over all paths but mmap_read, mmap_write and cow_copy, whose pages nobody's call moved.
        MovedBytes = "moved_bytes",
        /// Bytes copied by the CPU on all paths.
        CopiedBytes = "copied_bytes",
        /// Bytes received only to be thrown away (MSG_TRUNC).
        DiscardedBytes = "discarded_bytes",
        /// Bytes that the kernel encrypted or decrypted for the process (kTLS in software): read and written once, which is no copy; some of what is received is copied besides.
        TransformedBytes = "transformed_bytes",
        /// io_uring operations that moved data; those that no worker thread was needed for are this less uring_punted_ops.
        UringOps = "uring_ops",
        /// io_uring operations that were handed to a worker thread of the kernel (io-wq), as they could not be done at once or were not to be (IOSQE_ASYNC).
        UringPuntedOps = "uring_punted_ops",
        /// Successful mmap calls.
        MmapCalls = "mmap_calls",
        /// Successful munmap calls.
        MunmapCalls = "munmap_calls",
        /// Successful msync calls.
        MsyncCalls = "msync_calls",
        /// Times the sampler found the process on a CPU, in user or kernel mode.
        CpuSamples = "cpu_samples",
        /// Times the sampler found the process on a CPU inside a copy routine of the kernel.
        CopySamples = "copy_samples",
    }
}

impl CounterId {
    /// The counter with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|counter| counter.id() == id)
    }
}

id::named! { CounterId help; }

/// One value per counter. Serialises as an object from id to value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    known: [u64; CounterId::COUNT],
    unknown: UnknownCounts,
}

impl Default for Counters {
    fn default() -> Self {
        Self { known: [0; CounterId::COUNT], unknown: UnknownCounts::default() }
    }
}

impl Serialize for Counters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = self.iter().map(|(counter, value)| (counter.id(), value));
        serializer.collect_map(known.chain(self.unknown.iter().map(|(id, value)| (id.id(), value))))
    }
}

impl<'de> Deserialize<'de> for Counters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut counters = Self::default();
        let unknown = read_counts(deserializer, |counter, value| counters[counter] = value)?;
        Ok(Self { unknown, ..counters })
    }
}

impl Counters {
    /// Applies `merge` to every pair of values.
    #[must_use]
    pub fn zip_with(&self, other: &Self, merge: impl Fn(u64, u64) -> u64) -> Self {
        let mut known = [0; CounterId::COUNT];
        for (out, (a, b)) in known.iter_mut().zip(self.known.iter().zip(&other.known)) {
            *out = merge(*a, *b);
        }
        Self { known, unknown: self.unknown.zip_with(&other.unknown, merge) }
    }

    /// Adds `other` to every counter.
    pub fn add(&mut self, other: &Self) {
        for (value, more) in self.known.iter_mut().zip(&other.known) {
            *value = value.saturating_add(*more);
        }
        self.unknown = self.unknown.zip_with(&other.unknown, u64::saturating_add);
    }

    /// The counters that this version knows, with their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (CounterId, u64)> + '_ {
        CounterId::ALL.iter().copied().zip(self.known)
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.known.iter().all(|value| *value == 0)
            && self.unknown.iter().all(|(_, value)| value == 0)
    }
}

impl Index<CounterId> for Counters {
    type Output = u64;

    fn index(&self, counter: CounterId) -> &u64 {
        &self.known[counter as usize]
    }
}

impl IndexMut<CounterId> for Counters {
    fn index_mut(&mut self, counter: CounterId) -> &mut u64 {
        &mut self.known[counter as usize]
    }
}
