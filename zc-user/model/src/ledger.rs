//! Arithmetic on lists of path samples: merging, differences, and what they sum up to.

use zc_common::path::{CopyPath, Flow, PathGroup};

use crate::{
    counter::{CounterId, Counters},
    snapshot::{PathId, PathSample, Provenance},
    value::Quality,
};

/// What samples of paths add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathSum {
    /// Calls that succeeded.
    pub ops: u64,
    /// Calls that failed.
    pub errors: u64,
    /// Bytes moved.
    pub moved_bytes: u64,
    /// Bytes known to be copied.
    pub copied_bytes: u64,
    /// The part of them that is assumed.
    pub assumed_bytes: u64,
    /// Bytes moved on paths of which this kernel does not tell whether they were copied.
    pub unknown_moved_bytes: u64,
    /// The worst provenance among the samples that make up `copied_bytes`, if there are any.
    pub provenance: Option<Provenance>,
    /// The worst provenance of all samples, those whose copies are unavailable included.
    pub worst: Option<Provenance>,
}

impl PathSum {
    /// The sum of `samples`.
    #[must_use]
    pub fn of<'a>(samples: impl IntoIterator<Item = &'a PathSample>) -> Self {
        let mut sum = Self::default();
        for sample in samples {
            sum.ops = sum.ops.saturating_add(sample.ops);
            sum.errors = sum.errors.saturating_add(sample.errors);
            sum.moved_bytes = sum.moved_bytes.saturating_add(sample.moved_bytes);
            sum.worst = sum.worst.max(Some(sample.provenance));
            if sample.provenance == Provenance::Unavailable {
                sum.unknown_moved_bytes =
                    sum.unknown_moved_bytes.saturating_add(sample.moved_bytes);
            } else {
                sum.copied_bytes = sum.copied_bytes.saturating_add(sample.copied_bytes);
                sum.assumed_bytes = sum.assumed_bytes.saturating_add(sample.assumed_bytes);
                sum.provenance = sum.provenance.max(Some(sample.provenance));
            }
        }
        sum.assumed_bytes = sum.assumed_bytes.min(sum.copied_bytes);
        sum
    }

    /// The sum of the samples of these paths.
    #[must_use]
    pub fn on(samples: &[PathSample], paths: &[CopyPath]) -> Self {
        Self::of(
            samples.iter().filter(|sample| sample.path.is_known_and(|path| paths.contains(&path))),
        )
    }

    /// Average size of a call, rounded down.
    #[must_use]
    pub fn bytes_per_op(&self) -> u64 {
        self.moved_bytes.checked_div(self.ops).unwrap_or(0)
    }
}

/// Bytes copied by the CPU, summed over paths.
///
/// A sum is as trustworthy as its worst known part. Paths whose copies are unavailable are left
/// out of `bytes` and reported separately, so that one zero-copy send does not hide every copy of
/// the machine: the truth lies between `bytes` and `bytes + unknown_moved_bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Bytes known to be copied.
    pub bytes: u64,
    /// The worst provenance among the paths that make up `bytes`.
    pub provenance: Provenance,
    /// Bytes moved on paths of which this kernel does not tell whether they were copied.
    pub unknown_moved_bytes: u64,
}

impl Copied {
    /// The sum over `paths`. `otherwise` is the provenance when there is nothing to sum up: what
    /// an ordinary copy would have had on this machine.
    #[must_use]
    pub fn of<'a>(paths: impl IntoIterator<Item = &'a PathSample>, otherwise: Provenance) -> Self {
        let PathSum { copied_bytes: bytes, unknown_moved_bytes, provenance, .. } =
            PathSum::of(paths);
        let provenance = provenance.unwrap_or(if unknown_moved_bytes > 0 {
            Provenance::Unavailable
        } else {
            otherwise
        });
        Self { bytes, provenance, unknown_moved_bytes }
    }

    /// How far `bytes` can be trusted.
    #[must_use]
    pub const fn quality(&self) -> Quality {
        Quality { provenance: self.provenance, lower_bound: self.is_lower_bound() }
    }

    /// Nothing at all is known: some bytes may have been copied, none are known to be.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        self.bytes == 0 && self.unknown_moved_bytes > 0
    }

    /// More may have been copied than `bytes`.
    #[must_use]
    pub const fn is_lower_bound(&self) -> bool {
        self.unknown_moved_bytes > 0
    }
}

/// Bytes that moved without being copied by the CPU: what a zero-copy path saved. Pseudo files do
/// not count, since no copy is saved there, nor do mapped pages, which no call was asked to
/// move, nor paths of which this version or this kernel does not know the copies.
#[must_use]
pub fn zero_copied_bytes(paths: &[PathSample]) -> u64 {
    paths
        .iter()
        .filter(|sample| {
            sample.provenance != Provenance::Unavailable
                && sample.path.is_known_and(|path| !path.is_pseudo() && !path.is_mapped())
        })
        .map(|sample| sample.moved_bytes.saturating_sub(sample.copied_bytes))
        .fold(0, u64::saturating_add)
}

/// Bytes of payload that the program carried: the busier of its two directions.
///
/// Bytes that came in (files, sockets, pipes) and bytes that went out are summed up separately,
/// calls that carry from descriptor to descriptor count in both, and the greater sum is the
/// payload: a relay that reads a byte and sends it handled *one* byte, not two. Memory, pseudo
/// files and the kernel's own copies carry no payload.
#[must_use]
pub fn payload_bytes(paths: &[PathSample]) -> u64 {
    let moved = |direction: Flow| {
        let carries = |sample: &&PathSample| {
            let flow = sample.path.known().map(CopyPath::flow);
            flow == Some(direction) || flow == Some(Flow::Through)
        };
        PathSum::of(paths.iter().filter(carries)).moved_bytes
    };
    moved(Flow::In).max(moved(Flow::Out))
}

/// Copies made for the payload: everything but the memory group, and what a program reads from pseudo files or writes
/// to them, which is no payload.
#[must_use]
pub fn payload_copied(paths: &[PathSample], otherwise: Provenance) -> Copied {
    let carries = |sample: &&PathSample| {
        sample.path.is_known_and(|path| {
            path.group() != PathGroup::Memory
                && !matches!(path, CopyPath::PseudoRead | CopyPath::PseudoWrite)
        })
    };
    Copied::of(paths.iter().filter(carries), otherwise)
}

/// The samples grouped by path: their sum, and the kinds of sockets it is made of (none where the
/// path has no kinds).
pub fn by_path(paths: &[PathSample]) -> impl Iterator<Item = (PathSample, &[PathSample])> {
    paths.chunk_by(|a, b| a.path == b.path).map(|samples| {
        let mut sum = PathSample { socket: None, ..samples[0] };
        for sample in &samples[1..] {
            merge(&mut sum, sample);
        }
        let kinds = if samples[0].socket.is_some() { samples } else { &[] };
        (sum, kinds)
    })
}

/// The path that moved the most bytes, of equals the one that copied more. Pseudo files and mapped
/// pages dominate only where there is nothing else.
#[must_use]
pub fn dominant_path(paths: &[PathSample]) -> Option<PathId> {
    let rank = |sum: &PathSample| {
        let known = sum.provenance != Provenance::Unavailable;
        let copied = if known { sum.copied_bytes } else { 0 };
        let payload = !sum.path.is_known_and(|path| path.is_pseudo() || path.is_mapped());
        (payload, sum.moved_bytes, copied)
    };
    by_path(paths)
        .map(|(sum, _)| sum)
        .filter(|sum| sum.moved_bytes > 0)
        .max_by_key(rank)
        .map(|sum| sum.path)
}

/// Sets the counters that follow from `paths`, so that a row's counters and its paths always
/// reconcile. No call moved the mapped pages: they are on their paths only.
pub fn reconcile(counters: &mut Counters, paths: &[PathSample]) {
    let by_calls = paths.iter().filter(|sample| !sample.path.is_known_and(CopyPath::is_mapped));
    counters.put(CounterId::MovedBytes, PathSum::of(by_calls).moved_bytes);
    counters.put(CounterId::CopiedBytes, PathSum::of(paths).copied_bytes);
    counters.put(CounterId::ZerocopyAchievedBytes, achieved_sends(counters, paths));
}

/// Bytes of zero-copy sends that were not copied, as far as copies of them were counted.
fn achieved_sends(counters: &Counters, paths: &[PathSample]) -> u64 {
    let copied = PathSum::on(paths, &[CopyPath::SocketSendZerocopy]).copied_bytes;
    counters[CounterId::ZerocopyRequestedBytes]
        .saturating_sub(counters[CounterId::ZerocopyNotEnabledBytes])
        .saturating_sub(copied)
        .saturating_sub(counters[CounterId::ZerocopyLinearizedBytes])
        .saturating_sub(counters[CounterId::ZerocopyPulledBytes])
}

fn key(sample: &PathSample) -> impl Ord + use<> {
    (sample.path, sample.socket)
}

const fn is_zero(sample: &PathSample) -> bool {
    sample.ops == 0
        && sample.errors == 0
        && sample.moved_bytes == 0
        && sample.copied_bytes == 0
        && sample.assumed_bytes == 0
}

fn merge(sum: &mut PathSample, sample: &PathSample) {
    sum.ops = sum.ops.saturating_add(sample.ops);
    sum.errors = sum.errors.saturating_add(sample.errors);
    sum.moved_bytes = sum.moved_bytes.saturating_add(sample.moved_bytes);
    sum.copied_bytes = sum.copied_bytes.saturating_add(sample.copied_bytes);
    sum.assumed_bytes = sum.assumed_bytes.saturating_add(sample.assumed_bytes);
    sum.provenance = sum.provenance.max(sample.provenance);
}

/// Adds `more` to `paths`, keeping them in order, one sample per path and kind of socket.
pub fn add(paths: &mut Vec<PathSample>, more: &[PathSample]) {
    for sample in more {
        match paths.binary_search_by(|probe| key(probe).cmp(&key(sample))) {
            Ok(at) => {
                merge(&mut paths[at], sample);
            }
            Err(at) => paths.insert(at, *sample),
        }
    }
}

/// Brings `paths` in order, merges what belongs together, and drops what is all zero.
pub(super) fn normalise(paths: &mut Vec<PathSample>) {
    if !is_ordered(paths) {
        let unordered = std::mem::take(paths);
        add(paths, &unordered);
    }
    paths.retain(|sample| !is_zero(sample));
}

/// What `next` has more than `previous`, path by path; paths without a difference are left out.
pub(super) fn difference(previous: &[PathSample], next: &[PathSample]) -> Vec<PathSample> {
    let mut ordered = Vec::new();
    let next = if is_ordered(next) {
        next
    } else {
        add(&mut ordered, next);
        &ordered
    };
    let is_plain = is_ordered(previous);
    let mut deltas = Vec::new();
    for (at, sample) in next.iter().enumerate() {
        // Most often the paths are those of before, at the same places.
        let delta = match previous.get(at) {
            Some(before) if is_plain && is_same(before, sample) => {
                since(sample, &previous[at..=at])
            }
            _ => since(sample, previous),
        };
        if !is_zero(&delta) {
            if deltas.is_empty() {
                // Of the paths that a process has ever used, few change at a time, and there may be ten thousand
                // of these lists.
                deltas.reserve_exact((next.len() - at).min(FEW));
            }
            deltas.push(delta);
        }
    }
    deltas
}

/// Paths of which a list has room at first.
const FEW: usize = 3;

fn is_same(a: &PathSample, b: &PathSample) -> bool {
    a.path == b.path && a.socket == b.socket
}

/// What `next` has more than the sample of the same path and kind of socket in `previous`.
fn since(next: &PathSample, previous: &[PathSample]) -> PathSample {
    let mut delta = *next;
    for before in previous {
        if !is_same(before, next) {
            continue;
        }
        delta.ops = delta.ops.saturating_sub(before.ops);
        delta.errors = delta.errors.saturating_sub(before.errors);
        delta.moved_bytes = delta.moved_bytes.saturating_sub(before.moved_bytes);
        delta.copied_bytes = delta.copied_bytes.saturating_sub(before.copied_bytes);
        delta.assumed_bytes = delta.assumed_bytes.saturating_sub(before.assumed_bytes);
        if delta.provenance == Provenance::Assumed && delta.assumed_bytes == 0 {
            // All that is assumed was assumed before this interval.
            delta.provenance = Provenance::Measured;
        }
        let was_unknown = next.provenance == Provenance::Unavailable && next.assumed_bytes > 0;
        if was_unknown && delta.assumed_bytes == 0 {
            delta.provenance = Provenance::Modelled;
        }
    }
    delta
}

/// Whether there is one sample per path and kind of socket, in order.
fn is_ordered(paths: &[PathSample]) -> bool {
    paths.is_sorted_by(|a, b| key(a) < key(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::sketch::path;

    #[test]
    fn a_sum_leaves_out_copies_that_are_not_known_and_says_how_much_moved_there() {
        let mut assumed = path(CopyPath::PipeRead, 2, 30);
        assumed.provenance = Provenance::Assumed;
        assumed.assumed_bytes = 7;
        let mut unknown = path(CopyPath::SocketSendZerocopy, 4, 500);
        unknown.copied_bytes = 1_000_003;
        let samples = [path(CopyPath::FileRead, 1, 11), assumed, unknown];
        let sum = PathSum::of(&samples);
        assert_eq!((sum.ops, sum.moved_bytes, sum.bytes_per_op()), (7, 541, 77));
        assert_eq!((sum.copied_bytes, sum.assumed_bytes), (41, 7));
        assert_eq!(sum.unknown_moved_bytes, 500);
        assert_eq!(sum.provenance, Some(Provenance::Assumed));
        assert_eq!(sum.worst, Some(Provenance::Unavailable));
        assert_eq!(PathSum::on(&samples, &[CopyPath::FileRead]), PathSum::of(&samples[..1]));
        assert_eq!(PathSum::of([]), PathSum::default());
    }

    #[test]
    fn what_is_computed_from_two_numbers_is_no_better_than_either() {
        let part = Quality { lower_bound: true, ..Quality::MEASURED };
        let modelled = Quality::of(Provenance::Modelled);
        let both = Quality { lower_bound: true, ..modelled };
        assert_eq!((part.and(modelled), modelled.and(part)), (both, both));
        assert_eq!(Quality::MEASURED.and(Quality::MEASURED), Quality::MEASURED);
    }
}
