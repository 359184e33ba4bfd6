//! Counts of one or more threads, as the kernel side lays them out, and their way into samples.

use zc_common::{
    path::{CopyPath, LANES, lane_path},
    record::{Counters as ThreadCounters, LaneCount, Late, Samples},
};

use super::{code::CodeCounts, coverage::Coverage};
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
    code: CodeCounts,
    relaying: Relaying,
    /// The lanes that are not all 0, a bit for each: of the others nothing is read or written.
    used: u64,
    lanes: [LaneCount; LANES],
}

/// What the threads did that passed bytes on: the rest of the process is left to its other threads.
#[derive(Clone, Copy, Default)]
struct Relaying {
    context_switches: u64,
    cpu_samples: u64,
}

const _: () = assert!(LANES <= u64::BITS as usize, "a bit for each lane");

impl Default for RecordSum {
    fn default() -> Self {
        Self {
            counters: ThreadCounters::ZERO,
            late: Late::ZERO,
            samples: Samples::ZERO,
            code: CodeCounts::default(),
            relaying: Relaying::default(),
            used: 0,
            lanes: [LaneCount::ZERO; LANES],
        }
    }
}

impl RecordSum {
    /// Becomes a sum of nothing.
    fn clear(&mut self) {
        for lane in lanes_in(self.used) {
            self.lanes[lane] = LaneCount::ZERO;
        }
        self.used = 0;
        self.counters = ThreadCounters::ZERO;
        self.late = Late::ZERO;
        self.samples = Samples::ZERO;
        self.code = CodeCounts::default();
        self.relaying = Relaying::default();
    }

    /// Adds another sum.
    pub(super) fn add(&mut self, other: &Self) {
        self.add_counters(&other.counters);
        self.samples.add(&other.samples);
        self.relaying.context_switches += other.relaying.context_switches;
        self.relaying.cpu_samples += other.relaying.cpu_samples;
        self.add_late(&other.late);
        self.add_code(&other.code);
        for lane in lanes_in(other.used) {
            self.add_lane(lane, &other.lanes[lane]);
        }
    }

    /// Adds the counters of a record.
    pub(super) fn add_counters(&mut self, counters: &ThreadCounters) {
        self.counters.add(counters);
    }

    /// Adds the counters and the samples of a record.
    pub(super) fn add_thread(&mut self, counters: &ThreadCounters, samples: &Samples) {
        self.add_counters(counters);
        self.samples.add(samples);
        if has_relayed(counters) {
            self.relaying.context_switches +=
                counters.context_switches_voluntary + counters.context_switches_involuntary;
            self.relaying.cpu_samples += samples.cpu;
        }
    }

    /// Adds what the code of a process was found to do.
    pub(super) fn add_code(&mut self, code: &CodeCounts) {
        self.code.add(code);
    }

    /// Adds what others did.
    pub(super) fn add_late(&mut self, late: &Late) {
        self.late.add(late);
    }

    /// Adds the counts of a lane of a record.
    pub(super) fn add_lane(&mut self, lane: usize, count: &LaneCount) {
        if *count != LaneCount::ZERO {
            self.used |= 1 << lane;
            self.lanes[lane].add(count);
        }
    }

    /// The sum as users see it, but for what the model derives from the paths (bytes moved and
    /// copied on all of them). `coverage` says how well the copies on each path are known. Nothing is
    /// left of the sum.
    pub(super) fn take_sample(&mut self, coverage: &Coverage) -> (Counters, Vec<PathSample>) {
        let mut paths = Vec::new();
        (self.take_sample_into(coverage, &mut paths), paths)
    }

    /// The same; `paths` becomes the paths.
    pub(super) fn take_sample_into(
        &mut self,
        coverage: &Coverage,
        paths: &mut Vec<PathSample>,
    ) -> Counters {
        self.add_later_copies();
        paths.clear();
        paths
            .extend(lanes_in(self.used).map(|lane| path_sample(lane, &self.lanes[lane], coverage)));
        paths.sort_unstable_by_key(|path| (path.path, path.socket));

        let Self { counters: raw, late, samples, code, relaying, .. } = self;
        let others = [
            (CounterId::Syscalls, raw.syscalls),
            (CounterId::ModeSwitches, 2 * (raw.syscalls + raw.page_faults_user)),
            (CounterId::CowCopiedBytes, self.lanes[CopyPath::CowCopy as usize].bytes),
            (
                CounterId::PageCacheHits,
                raw.page_cache_accesses.saturating_sub(raw.page_cache_fetched),
            ),
            (CounterId::CpuSamples, samples.cpu),
            // A sample is on its way into both while they are read: the part is never more than the whole.
            (CounterId::CopySamples, samples.copy.min(samples.cpu)),
            (CounterId::LibraryCopySamples, code.library),
            (CounterId::InlinedCopySamples, code.inlined),
            (CounterId::CopyFaultSamples, code.faults),
            (CounterId::NoFileSamples, code.no_file),
            (CounterId::UnknownCodeSamples, code.unknown + samples.unlocated),
            (CounterId::RelayingContextSwitches, relaying.context_switches),
            (CounterId::RelayingCpuSamples, relaying.cpu_samples),
        ];
        let counters = Counters::recorded(&Recorded { counters: raw, late }, &others);
        self.clear();
        counters
    }
}

impl RecordSum {
    /// Adds what others copied to the lanes. The calls that sent and wrote the bytes have moved them.
    fn add_later_copies(&mut self) {
        let late = self.late;
        for (path, ops, copied) in [
            (CopyPath::SkbLinearize, late.linearizations, late.linearized_bytes),
            (CopyPath::SwiotlbBounce, late.bounces, late.bounced_bytes),
            (CopyPath::SocketSendZerocopy, 0, late.zerocopy_copied_later_bytes),
        ] {
            self.add_lane(path as usize, &LaneCount { ops, copied, ..LaneCount::ZERO });
        }
    }
}

/// Whether the thread has passed bytes on.
const fn has_relayed(counters: &ThreadCounters) -> bool {
    (counters.relayed_file_file_bytes
        | counters.relayed_file_pipe_bytes
        | counters.relayed_file_socket_bytes
        | counters.relayed_pipe_file_bytes
        | counters.relayed_pipe_pipe_bytes
        | counters.relayed_pipe_socket_bytes
        | counters.relayed_socket_file_bytes
        | counters.relayed_socket_pipe_bytes
        | counters.relayed_socket_socket_bytes)
        != 0
}

/// The lanes of a set.
fn lanes_in(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lane = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (lane < u64::BITS).then_some(lane as usize)
    })
}

/// A lane as a sample.
fn path_sample(lane: usize, count: &LaneCount, coverage: &Coverage) -> PathSample {
    let (path, socket) = lane_path(lane);
    let provenance = coverage.path(path).provenance;
    let (copied_bytes, assumed_bytes, provenance) = match provenance {
        Provenance::Measured | Provenance::Assumed if count.assumed > 0 => {
            (count.copied + count.assumed, count.assumed, Provenance::Assumed)
        }
        Provenance::Measured | Provenance::Assumed => (count.copied, 0, provenance),
        Provenance::Modelled => modelled(path, count),
        // What is certain of them is counted where no copy site is.
        Provenance::Unavailable if path == CopyPath::KernelCopy => {
            let is_known = count.copied > 0 && count.assumed == 0;
            let provenance = if is_known { Provenance::Modelled } else { provenance };
            (count.copied, count.assumed, provenance)
        }
        Provenance::Unavailable | Provenance::Unknown(_) => (0, 0, provenance),
    };
    PathSample {
        path: PathId::Known(path),
        socket: socket.map(SocketId::Known),
        ops: count.ops,
        errors: count.errors,
        moved_bytes: count.bytes,
        copied_bytes,
        assumed_bytes,
        provenance,
    }
}

/// The copies of a lane, those of them that are assumed or unknown, and where the figures come from, without copy sites.
fn modelled(path: CopyPath, count: &LaneCount) -> (u64, u64, Provenance) {
    let LaneCount { copied, assumed, .. } = *count;
    if assumed > 0 && path.is_pseudo() {
        // A file that holds no data of its own gets or gives what it has by a copy, as far as is known.
        (copied + assumed, assumed, Provenance::Assumed)
    } else if assumed > 0 && path.takes_evidence() {
        (copied, assumed, Provenance::Unavailable)
    } else if path.takes_evidence() {
        (copied, 0, Provenance::Modelled)
    } else {
        (path.modelled_copies().unwrap_or(0) * count.bytes, 0, Provenance::Modelled)
    }
}

#[cfg(test)]
mod tests {
    use zc_common::path::{lane, recv_lane, send_lane};
    use zc_model::id::Id;

    use super::*;

    fn everything_measured() -> Coverage {
        Coverage::of(|_| None, &[])
    }

    fn count(ops: u64) -> LaneCount {
        LaneCount { ops, bytes: 10 * ops, errors: ops + 1, copied: 9 * ops, assumed: 0 }
    }

    #[test]
    fn every_counter_but_those_of_the_model_has_a_value() {
        let counters = ThreadCounters::ZERO.combined(&ThreadCounters::ZERO, |_, _| 7);
        let counters = ThreadCounters { page_cache_accesses: 100, ..counters };
        let late = Late::ZERO.combined(&Late::ZERO, |_, _| 11);
        let mut sum = RecordSum::default();
        for _ in 0..2 {
            sum.add_thread(&counters, &Samples { cpu: 5, copy: 3, unlocated: 1 });
            sum.add_late(&late);
            let code = CodeCounts { library: 1, inlined: 2, faults: 3, no_file: 4, unknown: 5 };
            sum.add_code(&code);
            let pages = LaneCount { bytes: 4096, ..LaneCount::ZERO };
            sum.add_lane(CopyPath::CowCopy as usize, &pages);
        }
        let (counters, _) = sum.take_sample(&everything_measured());
        let derived =
            [CounterId::ZerocopyAchievedBytes, CounterId::MovedBytes, CounterId::CopiedBytes];
        for (counter, value) in counters.iter() {
            assert_eq!(value == 0, derived.contains(&counter), "{}", counter.id());
        }
        assert_eq!(counters[CounterId::Syscalls], 14);
        assert_eq!(counters[CounterId::ModeSwitches], 56);
        assert_eq!(counters[CounterId::PageCacheHits], 186);
        assert_eq!(counters[CounterId::NetTxBytes], 14);
        assert_eq!(counters[CounterId::ZerocopyPulledBytes], 22);
        assert_eq!(counters[CounterId::CopySamples], 6);
        assert_eq!(counters[CounterId::CopyFaultSamples], 6);
        assert_eq!(counters[CounterId::UnknownCodeSamples], 12);
    }

    #[test]
    fn threads_that_pass_bytes_on_are_also_counted_apart() {
        let switches = ThreadCounters {
            context_switches_voluntary: 10,
            context_switches_involuntary: 4,
            ..ThreadCounters::ZERO
        };
        let relaying = ThreadCounters { relayed_pipe_pipe_bytes: 1, ..switches };
        let mut process = RecordSum::default();
        for counters in [switches, relaying] {
            let mut thread = RecordSum::default();
            thread.add_thread(&counters, &Samples { cpu: 5, copy: 3, unlocated: 0 });
            process.add(&thread);
        }
        let (counters, _) = process.take_sample(&everything_measured());
        assert_eq!(counters[CounterId::ContextSwitchesVoluntary], 20);
        assert_eq!(counters[CounterId::RelayingContextSwitches], 14);
        assert_eq!(counters[CounterId::CpuSamples], 10);
        assert_eq!(counters[CounterId::RelayingCpuSamples], 5);
    }

    #[test]
    fn every_lane_has_a_sample_in_the_order_of_the_paths() {
        let mut sum = RecordSum::default();
        (0..LANES).for_each(|lane| sum.add_lane(lane, &count(lane as u64 + 1)));
        let (_, paths) = sum.take_sample(&everything_measured());
        assert_eq!(paths.len(), LANES);
        assert!(paths.is_sorted_by_key(|path| (path.path, path.socket)));
        for path in paths {
            let known = path.path.known().unwrap();
            let lane = match path.socket.and_then(Id::known) {
                Some(kind) if known == CopyPath::SocketRecv => recv_lane(kind),
                Some(kind) => send_lane(kind),
                None => lane(known),
            };
            let count = count(u64::from(lane) + 1);
            assert_eq!((path.ops, path.errors), (count.ops, count.errors), "{path:?}");
            assert_eq!((path.moved_bytes, path.copied_bytes), (count.bytes, count.copied));
        }
    }

    #[test]
    fn a_sum_of_sums_is_the_sum_of_all() {
        let (mut one, mut other) = (RecordSum::default(), RecordSum::default());
        one.add_lane(3, &count(3));
        other.add_lane(3, &count(4));
        other.add_lane(LANES - 1, &count(5));
        other.add_late(&Late { linearizations: 2, linearized_bytes: 70, ..Late::ZERO });
        other.add_thread(&ThreadCounters::ZERO, &Samples { cpu: 7, copy: 1, unlocated: 0 });
        one.add(&other);
        let (counters, paths) = one.take_sample(&everything_measured());
        assert_eq!(counters[CounterId::CpuSamples], 7);
        let found: Vec<_> = paths.iter().map(|path| (path.ops, path.moved_bytes)).collect();
        assert_eq!(paths.iter().map(|path| path.copied_bytes).sum::<u64>(), 63 + 45 + 70);
        assert!(found.contains(&(7, 70)) && found.contains(&(5, 50)) && found.contains(&(2, 0)));
    }

    #[test]
    fn nothing_is_left_of_a_sum_that_was_taken() {
        let mut sum = RecordSum::default();
        let counters = ThreadCounters::ZERO.combined(&ThreadCounters::ZERO, |_, _| 7);
        sum.add_thread(&counters, &Samples { cpu: 5, copy: 3, unlocated: 1 });
        sum.add_late(&Late::ZERO.combined(&Late::ZERO, |_, _| 11));
        (0..LANES).for_each(|lane| sum.add_lane(lane, &count(1)));
        let _ = sum.take_sample(&everything_measured());
        let (counters, paths) = sum.take_sample(&everything_measured());
        assert!(counters.is_zero() && paths.is_empty(), "{counters:?} {paths:?}");
        assert!(sum.lanes.iter().all(|lane| *lane == LaneCount::ZERO));
    }
}
