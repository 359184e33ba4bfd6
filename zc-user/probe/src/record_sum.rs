//! Counts of one or more threads, as the kernel side lays them out, and their way into samples.

use zc_common::{
    path::{CopyPath, LANES, lane_path},
    record::{Counters as ThreadCounters, LaneCount, Late, Record, Samples},
};

use super::coverage::Coverage;
use zc_model::{
    counter::{CounterId, Counters, Recorded},
    snapshot::{PathId, PathSample, Provenance, SocketId},
};

/// A sum of records.
#[derive(Clone)]
pub(super) struct RecordSum {
    counters: ThreadCounters,
    late: Late,
    samples: Samples,
    lanes: [LaneCount; LANES],
}

impl Default for RecordSum {
    fn default() -> Self {
        Self {
            counters: ThreadCounters::ZERO,
            late: Late::ZERO,
            samples: Samples::ZERO,
            lanes: [LaneCount::ZERO; LANES],
        }
    }
}

impl RecordSum {
    /// Adds a record.
    pub(super) fn add(&mut self, record: &Record) {
        self.counters.add(&record.counters);
        self.samples.add(&record.samples);
        for (sum, lane) in self.lanes.iter_mut().zip(&record.lanes) {
            sum.add(lane);
        }
        self.add_late(&record.late);
    }

    /// Adds what others did.
    pub(super) fn add_late(&mut self, late: &Late) {
        self.late.add(late);
    }

    /// The sum as users see it, but for what the model derives from the paths (bytes moved and
    /// copied on all of them). `pending` are system calls not yet charged to a record, `coverage` says
    /// how well the copies on each path are known.
    pub(super) fn sample(&self, pending: u64, coverage: &Coverage) -> (Counters, Vec<PathSample>) {
        let lanes = self.all_lanes();
        let mut paths: Vec<PathSample> = lanes
            .iter()
            .enumerate()
            .filter_map(|(lane, count)| path_sample(lane, count, coverage))
            .collect();
        paths.sort_unstable_by_key(|path| (path.path, path.socket));

        let Self { counters: raw, late, samples, .. } = self;
        let syscalls = raw.syscalls + pending;
        let mut counters = Counters::recorded(&Recorded { counters: raw, late });
        let mut set = |counter, value| counters[counter] = value;
        set(CounterId::Syscalls, syscalls);
        set(CounterId::ModeSwitches, 2 * (syscalls + raw.page_faults_user));
        set(CounterId::CowCopiedBytes, self.lanes[CopyPath::CowCopy as usize].bytes);
        // Readahead inserts pages before they are looked up: a lookup is a hit only beyond those.
        set(
            CounterId::PageCacheHits,
            raw.page_cache_accesses.saturating_sub(raw.page_cache_misses),
        );
        set(CounterId::CpuSamples, samples.cpu);
        // A sample is on its way into both while they are read: the part is never more than the whole.
        set(CounterId::CopySamples, samples.copy.min(samples.cpu));
        (counters, paths)
    }
}

impl RecordSum {
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
        lanes[CopyPath::SocketSendZerocopy as usize].copied +=
            self.late.zerocopy_copied_later_bytes;
        lanes
    }
}

/// A lane as a sample, unless it was never used.
fn path_sample(lane: usize, count: &LaneCount, coverage: &Coverage) -> Option<PathSample> {
    if *count == LaneCount::default() {
        return None;
    }
    let (path, socket) = lane_path(lane);
    let provenance = coverage.path(path).provenance;
    let (copied_bytes, assumed_bytes, provenance) = match provenance {
        Provenance::Measured | Provenance::Assumed if count.assumed > 0 => {
            (count.copied + count.assumed, count.assumed, Provenance::Assumed)
        }
        Provenance::Measured | Provenance::Assumed => (count.copied, 0, provenance),
        Provenance::Modelled => (path.modelled_copies().unwrap_or(0) * count.bytes, 0, provenance),
        Provenance::Unavailable | Provenance::Unknown(_) => (0, 0, provenance),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_but_those_of_the_model_has_a_value() {
        let mut record = Record::ZERO;
        record.counters = record.counters.combined(&ThreadCounters::ZERO, |_, _| 7);
        record.counters.page_cache_accesses = 100;
        record.late = record.late.combined(&Late::ZERO, |_, _| 11);
        record.samples = Samples { cpu: 5, copy: 3 };
        record.lanes[CopyPath::CowCopy as usize].bytes = 4096;
        let mut sum = RecordSum::default();
        sum.add(&record);
        sum.add(&record);
        let (counters, _) = sum.sample(1, &Coverage::of(|_| None, &[]));
        let derived =
            [CounterId::ZerocopyAchievedBytes, CounterId::MovedBytes, CounterId::CopiedBytes];
        for (counter, value) in counters.iter() {
            assert_eq!(value == 0, derived.contains(&counter), "{}", counter.id());
        }
        assert_eq!(counters[CounterId::Syscalls], 15);
        assert_eq!(counters[CounterId::ModeSwitches], 58);
        assert_eq!(counters[CounterId::PageCacheHits], 186);
        assert_eq!(counters[CounterId::NetTxBytes], 14);
        assert_eq!(counters[CounterId::ZerocopyPulledBytes], 22);
        assert_eq!(counters[CounterId::CopySamples], 6);
    }
}
