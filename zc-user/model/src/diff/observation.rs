//! What one run, or one stretch of a recording, amounts to.

use std::collections::BTreeMap;

use zc_common::path::CopyPath;

use super::quantity::{Quantity, Sampled};
use crate::{
    column::{Processes, process::why_unavailable},
    counter::CounterId,
    expectation::{lost, seen_with},
    frame::Frame,
    ledger,
    row::Row,
    snapshot::{DeviceSample, PathSample, Provenance},
    user_copies,
    value::Value,
};

/// CPU time between two samples of one CPU, on average: there are 99 a second.
const NS_PER_SAMPLE: f64 = 1e9 / 99.0;

/// A count, and how far it may be off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Count {
    /// The count.
    pub(super) value: f64,
    /// It may be less by this.
    pub(super) less: f64,
    /// It may be more by this.
    pub(super) more: f64,
    /// Where it comes from.
    pub(super) provenance: Provenance,
}

impl Count {
    const fn measured(value: f64) -> Self {
        Self { value, less: 0.0, more: 0.0, provenance: Provenance::Measured }
    }

    fn add(&mut self, other: Self) {
        self.value += other.value;
        self.less += other.less;
        self.more += other.more;
        self.provenance = self.provenance.max(other.provenance);
    }
}

/// The counts of one run, or of one stretch of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observation {
    /// How long it was.
    pub(super) seconds: f64,
    /// What was counted. What is missing is 0.
    pub(super) counts: BTreeMap<Quantity, Count>,
    /// Copies that were made for the payload.
    pub(super) payload_copied: Option<Count>,
    /// Why these are not known.
    pub(super) payload_unknown: Option<String>,
    /// What is not known, and why.
    pub(super) unknown: BTreeMap<Quantity, String>,
    /// Why counts may be too small.
    pub(super) lost: Option<&'static str>,
    /// Calls that moved data: what bytes come in.
    pub(super) ops: f64,
}

impl Observation {
    /// What a frame amounts to.
    #[must_use]
    pub fn of(frame: &Frame) -> Self {
        let mut made = Self {
            seconds: frame.seconds(),
            lost: lost(frame),
            ops: number(ledger::PathSum::of(&frame.totals.paths).ops),
            ..Self::default()
        };
        made.set(Quantity::Elapsed, Count::measured(number(frame.elapsed_ns)));
        made.set(
            Quantity::Payload,
            Count::measured(number(ledger::payload_bytes(&frame.totals.paths))),
        );
        made.copies(frame);
        for counter in CounterId::ALL {
            made.counter(*counter, frame);
        }
        made.sums(frame);
        for (sum, _) in ledger::by_path(&frame.totals.paths) {
            made.path(&sum, frame);
        }
        made.unseen_paths(frame);
        for device in frame.devices.iter().filter(|device| device.kind.moves_bytes()) {
            made.device(device);
        }
        made
    }

    fn set(&mut self, quantity: Quantity, count: Count) {
        self.counts.insert(quantity, count);
    }

    fn copies(&mut self, frame: &Frame) {
        let paths = &frame.totals.paths;
        let copied = frame.copied(paths);
        let assumed = number(ledger::PathSum::of(paths).assumed_bytes);
        let is_pseudo = |sample: &&PathSample| sample.path.is_known_and(CopyPath::is_pseudo);
        let of_pseudo = ledger::PathSum::of(paths.iter().filter(is_pseudo)).assumed_bytes;
        // No copy is saved at a pseudo file, and none is made for the payload.
        let assumed_elsewhere = assumed - number(of_pseudo);
        let unknown = number(copied.unknown_moved_bytes);
        // What page faults copied is an upper bound on some kernels.
        let by_faults = if frame.host.provenance(CounterId::CowCopiedBytes) == Provenance::Modelled
        {
            number(ledger::PathSum::on(paths, &[CopyPath::CowCopy]).copied_bytes)
        } else {
            0.0
        };
        let count = Count {
            value: number(copied.bytes),
            less: assumed + by_faults,
            more: unknown,
            provenance: copied.provenance,
        };
        if copied.is_unavailable() {
            let why = why_unavailable(frame, Some(CopyPath::SocketSendZerocopy)).to_owned();
            self.unknown.insert(Quantity::Copied, why.clone());
            self.unknown.insert(Quantity::ByReference, why);
        } else {
            self.set(Quantity::Copied, count);
            let by_reference = Count {
                value: number(ledger::zero_copied_bytes(paths)),
                less: 0.0,
                more: unknown + assumed_elsewhere,
                provenance: copied.provenance,
            };
            self.set(Quantity::ByReference, by_reference);
        }
        let payload = ledger::payload_copied(paths, frame.host.copies);
        let is_foreign = |sample: &PathSample| {
            sample.path.known().is_none() && (sample.moved_bytes > 0 || sample.copied_bytes > 0)
        };
        if paths.iter().any(is_foreign) {
            self.payload_unknown = Some(
                "bytes moved on a path that this version of zc does not know: use a newer one"
                    .to_owned(),
            );
        } else if payload.is_unavailable() && ledger::payload_bytes(paths) > 0 {
            let why = why_unavailable(frame, Some(CopyPath::SocketSendZerocopy));
            self.payload_unknown = Some(why.to_owned());
        }
        self.payload_copied = (!payload.is_unavailable()).then(|| Count {
            value: number(payload.bytes),
            less: assumed_elsewhere.min(number(payload.bytes)),
            more: number(payload.unknown_moved_bytes),
            provenance: payload.provenance,
        });
    }

    fn counter(&mut self, counter: CounterId, frame: &Frame) {
        let quantity = Quantity::Counter(counter);
        match Processes::counter(counter).of(Row::totals(frame), frame) {
            Value::Integer(value, quality) => {
                let provenance = quality.provenance;
                self.set(quantity, Count { provenance, ..Count::measured(number(value)) });
            }
            Value::Unavailable(why) => {
                self.unknown.insert(quantity, why.to_owned());
            }
            _ => {
                self.unknown.insert(quantity, "it is not in the figures".to_owned());
            }
        }
    }

    /// What is made of several counters.
    fn sums(&mut self, frame: &Frame) {
        use CounterId::{
            ContextSwitchesInvoluntary, ContextSwitchesVoluntary, CopyFaultSamples, CopySamples,
            CpuSamples, InlinedCopySamples, LibraryCopySamples, MovedBytes,
        };
        self.sum(Quantity::Moved, &[MovedBytes]);
        self.sum(
            Quantity::ContextSwitches,
            &[ContextSwitchesVoluntary, ContextSwitchesInvoluntary],
        );
        self.sum(Quantity::CpuTime, &[CpuSamples]);
        self.sum(Quantity::Samples(Sampled::All), &[CpuSamples]);
        if let Some(time) = self.counts.get_mut(&Quantity::CpuTime) {
            time.value *= NS_PER_SAMPLE;
        }
        self.sum(Quantity::Samples(Sampled::Copying), &[CopySamples]);
        self.share(Quantity::CopyTax, Sampled::Copying);
        if frame.host.user_copies {
            self.sum(
                Quantity::Samples(Sampled::UserCopying),
                &[LibraryCopySamples, InlinedCopySamples, CopyFaultSamples],
            );
            self.share(Quantity::UserCopyShare, Sampled::UserCopying);
        } else {
            let why = user_copies::NOT_LOOKED_FOR.to_owned();
            self.unknown.insert(Quantity::UserCopyShare, why);
        }
    }

    /// The sum of counters, where all are known.
    fn sum(&mut self, quantity: Quantity, counters: &[CounterId]) {
        let mut sum = Count::measured(0.0);
        for counter in counters {
            match self.counts.get(&Quantity::Counter(*counter)) {
                Some(count) => sum.add(*count),
                None => {
                    let why = self.unknown.get(&Quantity::Counter(*counter));
                    let why = why.cloned().unwrap_or_default();
                    self.unknown.insert(quantity, why);
                    return;
                }
            }
        }
        self.set(quantity, sum);
    }

    /// A share of the samples: it is there where these are.
    fn share(&mut self, share: Quantity, of: Sampled) {
        let parts = [Quantity::Samples(of), Quantity::Samples(Sampled::All)];
        match parts.iter().find_map(|part| self.unknown.get(part)).cloned() {
            Some(why) => {
                self.unknown.insert(share, why);
            }
            None => {
                if let Some(count) = self.counts.get(&parts[0]).copied() {
                    self.set(share, count);
                }
            }
        }
    }

    fn path(&mut self, sum: &PathSample, frame: &Frame) {
        let path = sum.path;
        self.set(Quantity::PathMoved(path), Count::measured(number(sum.moved_bytes)));
        self.set(Quantity::PathOps(path), Count::measured(number(sum.ops)));
        if sum.provenance == Provenance::Unavailable {
            let why = why_unavailable(frame, path.known()).to_owned();
            self.unknown.insert(Quantity::PathCopied(path), why);
            return;
        }
        let is_bound = path.known().and_then(seen_with).is_some_and(|counter| {
            counter == CounterId::CowCopiedBytes
                && frame.host.provenance(counter) == Provenance::Modelled
        });
        let copied = number(sum.copied_bytes);
        let count = Count {
            value: copied,
            less: if is_bound { copied } else { number(sum.assumed_bytes) },
            more: 0.0,
            provenance: sum.provenance,
        };
        self.set(Quantity::PathCopied(path), count);
    }

    /// Paths on which this kernel does not show what happens: nothing there is not 0.
    fn unseen_paths(&mut self, frame: &Frame) {
        for path in CopyPath::ALL {
            let limit = seen_with(*path).and_then(|counter| frame.host.limitation(counter));
            let Some(limit) = limit else { continue };
            if limit.provenance != Provenance::Unavailable
                || self.counts.contains_key(&Quantity::PathMoved((*path).into()))
            {
                continue;
            }
            for quantity in [Quantity::PathMoved, Quantity::PathCopied, Quantity::PathOps] {
                self.unknown.insert(quantity((*path).into()), limit.reason.clone());
            }
        }
    }

    fn device(&mut self, device: &DeviceSample) {
        let (read, written) = (number(device.read_bytes), number(device.write_bytes));
        let name = || device.device.clone();
        let mut own = |quantity, value| {
            self.counts.entry(quantity).or_insert(Count::measured(0.0)).value += value;
        };
        own(Quantity::DeviceRead(device.kind, name()), read);
        own(Quantity::DeviceWritten(device.kind, name()), written);
        if device.does_dma() {
            own(Quantity::DmaRead, read);
            own(Quantity::DmaWritten, written);
        }
    }

    /// Adds what happened after it.
    pub(super) fn add(&mut self, other: Self) {
        self.seconds += other.seconds;
        self.ops += other.ops;
        self.lost = self.lost.or(other.lost);
        for (quantity, count) in other.counts {
            self.counts.entry(quantity).and_modify(|known| known.add(count)).or_insert(count);
        }
        match (&mut self.payload_copied, other.payload_copied) {
            (Some(known), Some(more)) => known.add(more),
            (known, more) => *known = known.or(more),
        }
        self.payload_unknown = self.payload_unknown.take().or(other.payload_unknown);
        self.unknown.extend(other.unknown);
    }
}

#[expect(clippy::cast_precision_loss, reason = "compared, and 2^53 bytes are 8 PiB")]
pub(super) const fn number(count: u64) -> f64 {
    count as f64
}
