//! Counts of one or more threads, as the kernel side lays them out, and their way into samples.

use zc_common::{
    path::{CopyPath, LANES, lane_path},
    record::{Counters as RawCounters, LaneCount, Late, Record, Samples},
};

use super::worth::Worth;
use zc_model::{
    counter::{CounterId, Counters},
    snapshot::{PathId, PathSample, Provenance, SocketId},
};

/// A sum of records.
#[derive(Clone)]
pub(super) struct Tally {
    counters: RawCounters,
    late: Late,
    samples: Samples,
    lanes: [LaneCount; LANES],
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            counters: RawCounters::default(),
            late: Late::ZERO,
            samples: Samples::default(),
            lanes: [LaneCount::default(); LANES],
        }
    }
}

impl Tally {
    /// Adds a record.
    pub(super) fn add(&mut self, record: &Record) {
        let RawCounters {
            syscalls,
            context_switches_voluntary,
            context_switches_involuntary,
            page_faults_minor,
            page_faults_major,
            page_faults_user,
            page_cache_accesses,
            page_cache_misses,
            block_read_bytes,
            block_write_bytes,
            net_tx_bytes,
            net_rx_bytes,
            zerocopy_requested_bytes,
            uring_ops,
            uring_punted_ops,
            zerocopy_uring_bytes,
            zerocopy_not_enabled_bytes,
            zerocopy_refusals,
            zerocopy_refused_bytes,
            mmap_calls,
            munmap_calls,
            msync_calls,
            discarded_bytes,
            transformed_bytes,
        } = &record.counters;
        let sum = &mut self.counters;
        sum.syscalls += syscalls;
        sum.context_switches_voluntary += context_switches_voluntary;
        sum.context_switches_involuntary += context_switches_involuntary;
        sum.page_faults_minor += page_faults_minor;
        sum.page_faults_major += page_faults_major;
        sum.page_faults_user += page_faults_user;
        sum.page_cache_accesses += page_cache_accesses;
        sum.page_cache_misses += page_cache_misses;
        sum.block_read_bytes += block_read_bytes;
        sum.block_write_bytes += block_write_bytes;
        sum.net_tx_bytes += net_tx_bytes;
        sum.net_rx_bytes += net_rx_bytes;
        sum.zerocopy_requested_bytes += zerocopy_requested_bytes;
        sum.uring_ops += uring_ops;
        sum.uring_punted_ops += uring_punted_ops;
        sum.zerocopy_uring_bytes += zerocopy_uring_bytes;
        sum.zerocopy_not_enabled_bytes += zerocopy_not_enabled_bytes;
        sum.zerocopy_refusals += zerocopy_refusals;
        sum.zerocopy_refused_bytes += zerocopy_refused_bytes;
        sum.mmap_calls += mmap_calls;
        sum.munmap_calls += munmap_calls;
        sum.msync_calls += msync_calls;
        sum.discarded_bytes += discarded_bytes;
        self.samples.cpu += record.samples.cpu;
        self.samples.copy += record.samples.copy;
        sum.transformed_bytes += transformed_bytes;
        for (sum, lane) in self.lanes.iter_mut().zip(&record.lanes) {
            sum.ops += lane.ops;
            sum.bytes += lane.bytes;
            sum.errors += lane.errors;
            sum.copied += lane.copied;
            sum.assumed += lane.assumed;
        }
        self.add_late(&record.late);
    }

    /// Adds what others did.
    pub(super) fn add_late(&mut self, late: &Late) {
        self.late = self.late.combined(late, |sum, more| sum + more);
    }

    /// The sum as users see it, but for what the model derives from the paths (bytes moved and
    /// copied on all of them). `pending` are system calls not yet charged to a record, `worth` says
    /// whose copies were measured.
    pub(super) fn sample(&self, pending: u64, worth: &Worth) -> (Counters, Vec<PathSample>) {
        let lanes = self.all_lanes();
        let mut paths: Vec<PathSample> = lanes
            .iter()
            .enumerate()
            .filter_map(|(lane, count)| path_sample(lane, count, worth))
            .collect();
        paths.sort_unstable_by_key(|path| (path.path, path.socket));

        let raw = &self.counters;
        let syscalls = raw.syscalls + pending;
        let mut counters = Counters::default();
        let mut set = |counter, value| counters[counter] = value;
        set(CounterId::Syscalls, syscalls);
        set(CounterId::ModeSwitches, 2 * (syscalls + raw.page_faults_user));
        set(CounterId::ContextSwitchesVoluntary, raw.context_switches_voluntary);
        set(CounterId::ContextSwitchesInvoluntary, raw.context_switches_involuntary);
        set(CounterId::PageFaultsMinor, raw.page_faults_minor);
        set(CounterId::PageFaultsMajor, raw.page_faults_major);
        set(CounterId::CowCopiedBytes, self.lanes[CopyPath::CowCopy as usize].bytes);
        // Readahead inserts pages before they are looked up: a lookup is a hit only beyond those.
        set(
            CounterId::PageCacheHits,
            raw.page_cache_accesses.saturating_sub(raw.page_cache_misses),
        );
        set(CounterId::PageCacheMisses, raw.page_cache_misses);
        set(CounterId::BlockReadBytes, raw.block_read_bytes);
        set(CounterId::BlockWriteBytes, raw.block_write_bytes);
        set(CounterId::BlockDirtiedBytes, self.late.dirtied_write_bytes);
        set(CounterId::NetTxBytes, raw.net_tx_bytes);
        set(CounterId::NetRxBytes, raw.net_rx_bytes);
        set(CounterId::ZerocopyRequestedBytes, raw.zerocopy_requested_bytes);
        set(CounterId::ZerocopyUringBytes, raw.zerocopy_uring_bytes);
        set(CounterId::ZerocopyNotEnabledBytes, raw.zerocopy_not_enabled_bytes);
        set(CounterId::ZerocopyRefusals, raw.zerocopy_refusals);
        set(CounterId::ZerocopyRefusedBytes, raw.zerocopy_refused_bytes);
        set(CounterId::ZerocopyCopiedLaterBytes, self.late.zerocopy_copied_bytes);
        set(CounterId::ZerocopyLinearizedBytes, self.late.zerocopy_linearized_bytes);
        set(CounterId::ReferencedLinearizedBytes, self.late.referenced_linearized_bytes);
        set(CounterId::ZerocopyPulledBytes, self.late.zerocopy_pulled_bytes);
        set(CounterId::ReferencedPulledBytes, self.late.referenced_pulled_bytes);
        set(CounterId::DiscardedBytes, raw.discarded_bytes);
        set(CounterId::TransformedBytes, raw.transformed_bytes);
        set(CounterId::UringOps, raw.uring_ops);
        set(CounterId::UringPuntedOps, raw.uring_punted_ops);
        set(CounterId::MmapCalls, raw.mmap_calls);
        set(CounterId::MunmapCalls, raw.munmap_calls);
        set(CounterId::MsyncCalls, raw.msync_calls);
        set(CounterId::CpuSamples, self.samples.cpu);
        // A sample is on its way into both while they are read: the part is never more than the whole.
        set(CounterId::CopySamples, self.samples.copy.min(self.samples.cpu));
        (counters, paths)
    }
}

impl Tally {
    /// The lanes with what was copied later on top.
    fn all_lanes(&self) -> [LaneCount; LANES] {
        let mut lanes = self.lanes;
        let mut own = |path: CopyPath, ops, bytes| {
            let lane = &mut lanes[path as usize];
            // The calls that sent and wrote them have moved them.
            lane.ops += ops;
            lane.copied += bytes;
        };
        own(CopyPath::SkbLinearize, self.late.linearizations, self.late.linearized_bytes);
        own(CopyPath::SwiotlbBounce, self.late.bounces, self.late.bounced_bytes);
        lanes[CopyPath::SocketSendZerocopy as usize].copied += self.late.zerocopy_copied_bytes;
        lanes
    }
}

/// A lane as a sample, unless it was never used.
fn path_sample(lane: usize, count: &LaneCount, worth: &Worth) -> Option<PathSample> {
    if *count == LaneCount::default() {
        return None;
    }
    let (path, socket) = lane_path(lane);
    let (copied_bytes, assumed_bytes, provenance) =
        match (worth.is_measured(lane), path.modelled_copies()) {
            (true, _) if count.assumed > 0 => {
                (count.copied + count.assumed, count.assumed, Provenance::Assumed)
            }
            (true, _) => (count.copied, 0, Provenance::Measured),
            (false, Some(copies)) => (copies * count.bytes, 0, Provenance::Modelled),
            (false, None) => (0, 0, Provenance::Unavailable),
        };
    Some(PathSample {
        path: PathId::Known(path),
        socket: socket.map(SocketId::Known),
        ops: count.ops,
        errors: count.errors,
        moved_bytes: count.bytes,
        copied_bytes,
        assumed_bytes,
        provenance,
    })
}
