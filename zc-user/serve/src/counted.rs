//! What one part of the machine has counted so far: only ever more.

use std::collections::BTreeMap;

use zc_model::{
    advice::{Certainty, Rule},
    counter::{CounterId, Counters},
    snapshot::{PathId, PathSample, Provenance, SocketId},
};

/// Counts on one path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnPath {
    /// Calls that succeeded.
    pub ops: u64,
    /// Calls that failed.
    pub errors: u64,
    /// Bytes moved.
    pub moved: u64,
    /// Bytes copied, by where the number comes from. What never occurred is not here.
    pub copied: BTreeMap<Provenance, u64>,
    /// Bytes moved of which it is not known whether they were copied, if there are any.
    pub unknown: Option<u64>,
}

impl OnPath {
    fn add(&mut self, sample: &PathSample) {
        self.ops = self.ops.saturating_add(sample.ops);
        self.errors = self.errors.saturating_add(sample.errors);
        self.moved = self.moved.saturating_add(sample.moved_bytes);
        let mut copied = |provenance, bytes: u64| {
            let sum = self.copied.entry(provenance).or_default();
            *sum = sum.saturating_add(bytes);
        };
        let assumed = sample.assumed_bytes.min(sample.copied_bytes);
        let rest = sample.copied_bytes - assumed;
        match sample.provenance {
            Provenance::Unavailable => {
                let unknown = self.unknown.get_or_insert_default();
                *unknown = unknown.saturating_add(sample.moved_bytes);
            }
            Provenance::Assumed => {
                copied(Provenance::Assumed, assumed);
                if rest > 0 {
                    copied(Provenance::Measured, rest);
                }
            }
            provenance => {
                copied(provenance, rest);
                if assumed > 0 {
                    copied(Provenance::Assumed, assumed);
                }
            }
        }
    }

    fn absorb(&mut self, other: &Self) {
        self.ops = self.ops.saturating_add(other.ops);
        self.errors = self.errors.saturating_add(other.errors);
        self.moved = self.moved.saturating_add(other.moved);
        for (provenance, bytes) in &other.copied {
            let sum = self.copied.entry(*provenance).or_default();
            *sum = sum.saturating_add(*bytes);
        }
        if let Some(bytes) = other.unknown {
            let unknown = self.unknown.get_or_insert_default();
            *unknown = unknown.saturating_add(bytes);
        }
    }
}

/// A path, and of the sum over the machine the kind of socket.
pub type Where = (PathId, Option<SocketId>);

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// On each path that was used.
    pub paths: BTreeMap<Where, OnPath>,
    /// Samples on a CPU.
    pub cpu_samples: u64,
    /// Samples in a copy routine of the kernel.
    pub copy_samples: u64,
    /// Copied bytes that following an advice would have saved.
    pub avoidable: BTreeMap<(Rule, Certainty), u64>,
}

impl Counted {
    /// Adds what happened in an interval.
    pub fn add(&mut self, paths: &[PathSample], counters: &Counters) {
        for sample in paths {
            self.paths.entry((sample.path, None)).or_default().add(sample);
        }
        self.add_samples(counters);
    }

    /// The same, with the kinds of sockets apart.
    pub fn add_by_socket(&mut self, paths: &[PathSample], counters: &Counters) {
        for sample in paths {
            self.paths.entry((sample.path, sample.socket)).or_default().add(sample);
        }
        self.add_samples(counters);
    }

    fn add_samples(&mut self, counters: &Counters) {
        self.cpu_samples = self.cpu_samples.saturating_add(counters[CounterId::CpuSamples]);
        self.copy_samples = self.copy_samples.saturating_add(counters[CounterId::CopySamples]);
    }

    /// Adds all that another part has counted.
    pub fn absorb(&mut self, other: &Self) {
        for (at, counts) in &other.paths {
            self.paths.entry(*at).or_default().absorb(counts);
        }
        self.cpu_samples = self.cpu_samples.saturating_add(other.cpu_samples);
        self.copy_samples = self.copy_samples.saturating_add(other.copy_samples);
        for (advice, bytes) in &other.avoidable {
            let sum = self.avoidable.entry(*advice).or_default();
            *sum = sum.saturating_add(*bytes);
        }
    }

    /// The same without the kinds of sockets.
    #[must_use]
    pub fn without_sockets(&self) -> Self {
        let mut all = Self { paths: BTreeMap::new(), ..self.clone() };
        for ((path, _), counts) in &self.paths {
            all.paths.entry((*path, None)).or_default().absorb(counts);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use zc_common::path::{CopyPath, SocketKind};
    use zc_model::fixture::sketch::{path, socket};

    use super::*;

    #[test]
    fn provenance_partitions_the_copied_bytes() {
        let mut measured = path(CopyPath::FileRead, 1, 101);
        measured.copied_bytes = 97;
        let assumed = PathSample {
            copied_bytes: 89,
            assumed_bytes: 13,
            provenance: Provenance::Assumed,
            ..measured
        };
        let unknown = PathSample { provenance: Provenance::Unavailable, ..measured };
        let mut counted = Counted::default();
        counted.add(&[measured, assumed, unknown], &Counters::default());
        let all = &counted.paths[&(CopyPath::FileRead.into(), None)];
        assert_eq!(all.moved, 303);
        assert_eq!(all.copied[&Provenance::Measured], 97 + 76);
        assert_eq!(all.copied[&Provenance::Assumed], 13);
        assert_eq!(all.copied.len(), 2, "what is not known has no number of copied bytes");
        assert_eq!(all.unknown, Some(101));
    }

    #[test]
    fn kinds_of_sockets_are_apart_only_where_that_is_asked_for() {
        let samples = [
            socket(CopyPath::SocketSend, SocketKind::ALL[0], 1, 11),
            socket(CopyPath::SocketSend, SocketKind::ALL[1], 1, 13),
        ];
        let (mut apart, mut together) = (Counted::default(), Counted::default());
        apart.add_by_socket(&samples, &Counters::default());
        together.add(&samples, &Counters::default());
        assert_eq!((apart.paths.len(), together.paths.len()), (2, 1));
        assert_eq!(apart.without_sockets(), together);
        let mut twice = together.clone();
        twice.absorb(&together);
        assert_eq!(twice.paths[&(CopyPath::SocketSend.into(), None)].moved, 48);
    }
}
