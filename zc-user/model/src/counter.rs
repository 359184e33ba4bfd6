//! The counters that belong to no path, by id.

use std::ops::{Index, IndexMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zc_common::{
    record::{Counters as ThreadCounters, Late},
    words::meaning,
};

use crate::id::{self, Id, UnknownCounts, read_counts};

/// Declares the counters, in the order of every output. A row is either a word of the record that
/// the kernel side keeps per thread, whose name and meaning it takes, or `/// help` and an id, and
/// then the value is worked out.
macro_rules! counters {
    (@help [$($doc:literal)+]) => { concat!($($doc,)+).trim_ascii_start() };
    (@help [] counters $field:ident) => { meaning(ThreadCounters::WORDS, stringify!($field)) };
    (@help [] late $field:ident) => { meaning(Late::WORDS, stringify!($field)) };
    ($($(#[doc = $doc:literal])* $variant:ident = $($id:literal)? $($part:ident . $field:ident)?,)*) => {
        /// A counter of a process that belongs to no path.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum CounterId {
            $(
                $(#[doc = $doc])*
                $(#[doc = concat!("The word `", stringify!($field), "` of [`zc_common::record`].")])?
                $variant,
            )*
        }

        impl CounterId {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The stable snake_case id: the same word in JSON, labels, filters and docs.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => concat!($($id)? $(stringify!($field))?),)* }
            }

            /// What it means, in one sentence.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self {
                    $(Self::$variant => const { counters!(@help [$($doc)*] $($part $field)?) },)*
                }
            }
        }

        impl Counters {
            /// The counters that are words of the record; the others are 0.
            #[must_use]
            pub fn recorded(sums: &Recorded<'_>) -> Self {
                let mut counters = Self::default();
                $($(counters[CounterId::$variant] = sums.$part.$field;)?)*
                counters
            }
        }
    };
}

/// Sums over the records of a process.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// What its threads did.
    pub counters: &'a ThreadCounters,
    /// What was done on their behalf.
    pub late: &'a Late,
}

counters! {
    /// System calls that returned.
    Syscalls = "syscalls",
    /// Switches between user and kernel mode: two per system call and two per fault taken in user mode.
    ModeSwitches = "mode_switches",
    ContextSwitchesVoluntary = counters.context_switches_voluntary,
    ContextSwitchesInvoluntary = counters.context_switches_involuntary,
    PageFaultsMinor = counters.page_faults_minor,
    PageFaultsMajor = counters.page_faults_major,
    /// Bytes copied because of the first write to a shared page.
    CowCopiedBytes = "cow_copied_bytes",
    /// Pages that reads found in the page cache.
    PageCacheHits = "page_cache_hits",
    PageCacheMisses = counters.page_cache_misses,
    BlockReadBytes = counters.block_read_bytes,
    BlockWriteBytes = counters.block_write_bytes,
    BlockDirtiedBytes = late.block_dirtied_bytes,
    NetTxBytes = counters.net_tx_bytes,
    NetRxBytes = counters.net_rx_bytes,
    ZerocopyRequestedBytes = counters.zerocopy_requested_bytes,
    /// Of the bytes sent with zero-copy requested, those that the CPU did not copy on the way.
    ZerocopyAchievedBytes = "zerocopy_achieved_bytes",
    ZerocopyUringBytes = counters.zerocopy_uring_bytes,
    ZerocopyNotEnabledBytes = counters.zerocopy_not_enabled_bytes,
    ZerocopyRefusals = counters.zerocopy_refusals,
    ZerocopyRefusedBytes = counters.zerocopy_refused_bytes,
    ZerocopyCopiedLaterBytes = late.zerocopy_copied_later_bytes,
    ZerocopyLinearizedBytes = late.zerocopy_linearized_bytes,
    ReferencedLinearizedBytes = late.referenced_linearized_bytes,
    ZerocopyPulledBytes = late.zerocopy_pulled_bytes,
    ReferencedPulledBytes = late.referenced_pulled_bytes,
    /// Bytes moved by calls: the sum over all paths but mmap_read, mmap_write and cow_copy, whose pages are not moved by a system call.
    MovedBytes = "moved_bytes",
    /// Bytes copied by the CPU on all paths.
    CopiedBytes = "copied_bytes",
    DiscardedBytes = counters.discarded_bytes,
    TransformedBytes = counters.transformed_bytes,
    UringOps = counters.uring_ops,
    UringDeferredOps = counters.uring_punted_ops,
    MmapCalls = counters.mmap_calls,
    MunmapCalls = counters.munmap_calls,
    MsyncCalls = counters.msync_calls,
    RelayedFileFileBytes = counters.relayed_file_file_bytes,
    RelayedFilePipeBytes = counters.relayed_file_pipe_bytes,
    RelayedFileSocketBytes = counters.relayed_file_socket_bytes,
    RelayedPipeFileBytes = counters.relayed_pipe_file_bytes,
    RelayedPipePipeBytes = counters.relayed_pipe_pipe_bytes,
    RelayedPipeSocketBytes = counters.relayed_pipe_socket_bytes,
    RelayedSocketFileBytes = counters.relayed_socket_file_bytes,
    RelayedSocketPipeBytes = counters.relayed_socket_pipe_bytes,
    RelayedSocketSocketBytes = counters.relayed_socket_socket_bytes,
    RelayedUserNs = counters.relayed_user_ns,
    /// Context switches, of either kind, of those threads of the process that passed bytes on.
    RelayingContextSwitches = "relaying_context_switches",
    /// Times the sampler found those threads of the process on a CPU that passed bytes on.
    RelayingCpuSamples = "relaying_cpu_samples",
    MappedSentBytes = counters.mapped_sent_bytes,
    /// Times the sampler found the process on a CPU, in user or kernel mode.
    CpuSamples = "cpu_samples",
    /// Times the sampler found the process on a CPU inside a copy routine of the kernel.
    CopySamples = "copy_samples",
    /// Times the sampler found the process in a function of its own that only copies, such as memcpy.
    LibraryCopySamples = "library_copy_samples",
    /// Times the sampler found the process in a loop of its own that copies, in a function that does more.
    InlinedCopySamples = "inlined_copy_samples",
    /// Times the sampler found the process in the kernel, at a page fault or an interrupt that hit one of its own copies, and not inside a copy routine of the kernel.
    CopyFaultSamples = "copy_fault_samples",
    /// Times the sampler found the process in code of its own that is in no file, such as that of a JIT compiler, or at a fault of it: whether it copied is not known.
    NoFileSamples = "no_file_samples",
    /// Times the sampler found the process in code of its own of which nothing could be found out, or at a fault of it: the process had ended, its file cannot be read, or there were too many places.
    UnknownCodeSamples = "unknown_code_samples",
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
    /// The counters that are not as they were `before`, and their values. `None` where that is not all of the
    /// difference, between what two versions of `zc` wrote.
    #[must_use]
    pub fn changes(&self, before: &Self) -> Option<Vec<(Id<CounterId>, u64)>> {
        if self.unknown != before.unknown {
            return None;
        }
        let counters = CounterId::ALL.iter().zip(self.known.iter().zip(&before.known));
        let changed = counters.filter(|(_, (now, before))| now != before);
        Some(changed.map(|(counter, (now, _))| (Id::Known(*counter), *now)).collect())
    }

    /// Gives a counter this value.
    pub fn set(&mut self, counter: Id<CounterId>, value: u64) {
        match counter {
            Id::Known(counter) => self[counter] = value,
            Id::Unknown(counter) => self.unknown.set(counter, value),
        }
    }

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

    /// Raises every counter to at least what `least` has. Whether any is above that.
    pub fn raise(&mut self, least: &Self) -> bool {
        let mut is_above = false;
        for (value, least) in self.known.iter_mut().zip(&least.known) {
            is_above |= *value > *least;
            *value = (*value).max(*least);
        }
        self.unknown = self.unknown.zip_with(&least.unknown, u64::max);
        is_above || self.unknown != least.unknown
    }

    /// The counters that this version knows, with their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (CounterId, u64)> + '_ {
        CounterId::ALL.iter().copied().zip(self.known)
    }

    /// All counts, those that a newer version wrote included.
    pub fn values(&self) -> impl Iterator<Item = u64> + '_ {
        self.known.into_iter().chain(self.unknown.iter().map(|(_, value)| value))
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
