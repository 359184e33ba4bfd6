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
            /// The counters that are words of the record, and `others`; the rest is 0.
            #[must_use]
            pub fn recorded(sums: &Recorded<'_>, others: &[(CounterId, u64)]) -> Self {
                let mut all = [0; CounterId::COUNT];
                $($(all[CounterId::$variant as usize] = sums.$part.$field;)?)*
                for (counter, value) in others {
                    all[*counter as usize] = *value;
                }
                Self::packed(&all)
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

/// One value per counter. Serialises as an object from id to value; in a form for machines without those that are 0.
///
/// Of ten thousand processes most have counted nothing in an interval, and the others a few things: only what is not 0
/// takes memory.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// A bit for each counter that has a value in `values`; it may be 0.
    used: u64,
    /// These values, in the order of their counters.
    values: Vec<u64>,
    unknown: UnknownCounts,
}

const _: () = assert!(CounterId::COUNT <= u64::BITS as usize, "each has a bit");

impl PartialEq for Counters {
    fn eq(&self, other: &Self) -> bool {
        let known = if self.used == other.used {
            self.values == other.values
        } else {
            self.pairs(other).all(|(_, a, b)| a == b)
        };
        known && self.unknown == other.unknown
    }
}

impl Eq for Counters {}

impl Serialize for Counters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_whole = serializer.is_human_readable();
        let known = self.iter().filter(|(_, value)| is_whole || *value > 0);
        let known = known.map(|(counter, value)| (counter.id(), value));
        let unknown = self.unknown.iter().map(|(id, value)| (id.id(), value));
        // Their number comes first in some forms.
        let all: Vec<_> = known.chain(unknown).collect();
        serializer.collect_map(all)
    }
}

impl<'de> Deserialize<'de> for Counters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut counters = Self::default();
        let unknown = read_counts(deserializer, |counter, value| counters.put(counter, value))?;
        Ok(Self { unknown, ..counters })
    }
}

/// The places of the bits in `set`, the least first.
fn bits(mut set: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = set.checked_ilog2().map(|_| set.trailing_zeros())?;
        set &= set - 1;
        Some(bit)
    })
}

impl Counters {
    /// Those that are not 0 of all, in their order.
    fn packed(all: &[u64; CounterId::COUNT]) -> Self {
        let used = all.iter().zip(0..).filter(|(value, _)| **value != 0);
        let used = used.fold(0, |used, (_, bit)| used | 1_u64 << bit);
        let mut values = Vec::with_capacity(used.count_ones() as usize);
        values.extend(all.iter().copied().filter(|value| *value != 0));
        Self { used, values, unknown: UnknownCounts::default() }
    }

    const fn has(&self, bit: u32) -> bool {
        self.used >> bit & 1 != 0
    }

    /// Where the value of the counter with this bit is, or is to be.
    const fn place(&self, bit: u32) -> usize {
        (self.used & ((1 << bit) - 1)).count_ones() as usize
    }

    /// The counters that either has, by their bits, with the values of both.
    fn pairs<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (u32, u64, u64)> + 'a {
        let (mut ours, mut theirs) = (self.values.iter(), other.values.iter());
        bits(self.used | other.used).map(move |bit| {
            let next = |of: &Self, values: &mut std::slice::Iter<'_, u64>| {
                if of.has(bit) { values.next().copied().unwrap_or(0) } else { 0 }
            };
            (bit, next(self, &mut ours), next(other, &mut theirs))
        })
    }

    /// The counters that are not as they were `before`, and their values. `None` where that is not all of the
    /// difference, between what two versions of `zc` wrote.
    #[must_use]
    pub fn changes(&self, before: &Self) -> Option<Vec<(Id<CounterId>, u64)>> {
        if self.unknown != before.unknown {
            return None;
        }
        let changed = self.pairs(before).filter(|(_, now, before)| now != before);
        let changed = changed.map(|(bit, now, _)| (CounterId::ALL[bit as usize], now));
        Some(changed.map(|(counter, now)| (Id::Known(counter), now)).collect())
    }

    /// Gives a counter this value.
    pub fn set(&mut self, counter: Id<CounterId>, value: u64) {
        match counter {
            Id::Known(counter) => self.put(counter, value),
            Id::Unknown(counter) => self.unknown.set(counter, value),
        }
    }

    /// Gives a counter this value, which takes no memory if it is 0 and was so before.
    pub fn put(&mut self, counter: CounterId, value: u64) {
        if value != 0 || self.has(counter as u32) {
            self[counter] = value;
        }
    }

    /// Applies `merge` to every pair of values of which one is not 0. What it makes of two that are is 0.
    #[must_use]
    pub fn zip_with(&self, other: &Self, merge: impl Fn(u64, u64) -> u64) -> Self {
        let mut used = 0;
        let mut all = [0; CounterId::COUNT];
        let mut count = 0;
        for (bit, a, b) in self.pairs(other) {
            let value = merge(a, b);
            if value != 0 {
                used |= 1 << bit;
                all[count] = value;
                count += 1;
            }
        }
        let mut values = Vec::new();
        if count > 0 {
            // With room for two that follow from the paths.
            values.reserve_exact(count + 2);
            values.extend_from_slice(&all[..count]);
        }
        let unknown = self.unknown.zip_with(&other.unknown, merge);
        Self { used, values, unknown }
    }

    /// Adds `other` to every counter.
    pub fn add(&mut self, other: &Self) {
        if other.used & !self.used == 0 {
            for (bit, more) in bits(other.used).zip(&other.values) {
                let at = self.place(bit);
                self.values[at] = self.values[at].saturating_add(*more);
            }
            self.unknown = self.unknown.zip_with(&other.unknown, u64::saturating_add);
        } else {
            *self = self.zip_with(other, u64::saturating_add);
        }
    }

    /// Raises every counter to at least what `least` has. Whether any is above that.
    pub fn raise(&mut self, least: &Self) -> bool {
        let is_above = self.pairs(least).any(|(_, value, least)| value > least);
        if self.pairs(least).any(|(_, value, least)| value < least) {
            *self = self.zip_with(least, u64::max);
        } else {
            self.unknown = self.unknown.zip_with(&least.unknown, u64::max);
        }
        is_above || self.unknown != least.unknown
    }

    /// The counters that this version knows, with their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (CounterId, u64)> + '_ {
        let mut values = self.values.iter();
        CounterId::ALL.iter().map(move |counter| {
            let value = if self.has(*counter as u32) { values.next() } else { None };
            (*counter, value.copied().unwrap_or(0))
        })
    }

    /// All counts that are not 0, those that a newer version wrote included.
    pub fn values(&self) -> impl Iterator<Item = u64> + '_ {
        let known = self.values.iter().copied().filter(|value| *value != 0);
        known.chain(self.unknown.iter().map(|(_, value)| value))
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.values.iter().all(|value| *value == 0)
            && self.unknown.iter().all(|(_, value)| value == 0)
    }
}

impl Index<CounterId> for Counters {
    type Output = u64;

    fn index(&self, counter: CounterId) -> &u64 {
        let bit = counter as u32;
        if self.has(bit) { &self.values[self.place(bit)] } else { &0 }
    }
}

impl IndexMut<CounterId> for Counters {
    fn index_mut(&mut self, counter: CounterId) -> &mut u64 {
        let bit = counter as u32;
        let at = self.place(bit);
        if !self.has(bit) {
            self.values.insert(at, 0);
            self.used |= 1 << bit;
        }
        &mut self.values[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type All = [u64; CounterId::COUNT];

    /// Values of which a third are 0, others each time.
    fn some(seed: u64) -> All {
        let mut state = seed;
        std::array::from_fn(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 60).saturating_sub(5)
        })
    }

    fn counters(all: &All) -> Counters {
        let mut counters = Counters::default();
        CounterId::ALL.iter().zip(all).for_each(|(id, value)| counters[*id] = *value);
        counters
    }

    fn all(counters: &Counters) -> All {
        std::array::from_fn(|at| counters[CounterId::ALL[at]])
    }

    #[test]
    fn counters_are_as_if_each_had_a_place() {
        for seed in 0..50 {
            let (a, b) = (some(seed), some(seed + 1_000));
            let (ours, theirs) = (counters(&a), counters(&b));
            let both = |merge: fn(u64, u64) -> u64| -> All {
                std::array::from_fn(|at| merge(a[at], b[at]))
            };
            assert_eq!(all(&ours), a);
            assert!(ours.iter().map(|(_, value)| value).eq(a));
            assert_eq!(ours, Counters::packed(&a), "whether or not there are zeros in it");
            assert_eq!(ours == theirs, a == b);
            let less = both(u64::saturating_sub);
            assert_eq!(all(&ours.zip_with(&theirs, u64::saturating_sub)), less);
            let mut sum = ours.clone();
            sum.add(&theirs);
            assert_eq!(all(&sum), both(u64::saturating_add));
            let mut raised = ours.clone();
            assert_eq!(raised.raise(&theirs), less.iter().any(|value| *value > 0));
            assert_eq!(all(&raised), both(u64::max));
            let changes = ours.changes(&theirs).unwrap();
            let mut again = theirs.clone();
            changes.iter().for_each(|(counter, value)| again.set(*counter, *value));
            assert_eq!(
                (again, changes.len()),
                (ours.clone(), (0..a.len()).filter(|at| a[*at] != b[*at]).count())
            );
            assert_eq!(ours.values().sum::<u64>(), a.iter().sum::<u64>());
            let text = serde_json::to_string(&ours).unwrap();
            assert!(CounterId::ALL.iter().all(|id| text.contains(id.id())));
            assert_eq!(serde_json::from_str::<Counters>(&text).unwrap(), ours);
        }
    }

    #[test]
    fn what_did_nothing_takes_no_memory() {
        let nothing = Counters::default();
        assert!(nothing.is_zero() && nothing.values.capacity() == 0);
        let same = counters(&some(7));
        let idle = same.zip_with(&same, u64::saturating_sub);
        assert!(idle.is_zero() && idle.values.capacity() == 0 && idle == nothing);
        let mut put = nothing.clone();
        put.put(CounterId::Syscalls, 0);
        assert_eq!(put.values.capacity(), 0);
        assert!(size_of::<Counters>() <= 64, "{}", size_of::<Counters>());
    }
}
