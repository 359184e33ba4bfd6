//! The table of the lab's figures: each with its theory, where the books give one. Every output
//! reads it.

use super::{
    finding::{Finding, Ran, Spread},
    scenario::Scenario,
};
use zc_model::{
    column::Unit,
    counter::CounterId,
    snapshot::Provenance,
    value::{Quality, Value},
};

/// A figure of the lab.
pub struct Metric {
    /// The stable id.
    pub id: &'static str,
    /// The heading.
    pub title: &'static str,
    /// What it says, in one sentence.
    pub help: &'static str,
    /// What its numbers count.
    pub unit: Unit,
    /// What the textbooks say; [`Value::Absent`] where they say nothing.
    pub theory: fn(&Scenario) -> Value<'static>,
    reading: Reading,
}

/// How a figure is read.
enum Reading {
    /// A counter of the observed process.
    Counter(CounterId),
    /// The middle of what the rounds gave.
    Rounds(fn(&Finding, &Ran) -> Option<Spread>),
    /// Anything else.
    Derived(for<'a> fn(&'a Finding, &'a Ran) -> Value<'a>),
}

impl Metric {
    /// What was measured.
    #[must_use]
    pub fn measured<'a>(&self, finding: &'a Finding, ran: &'a Ran) -> Value<'a> {
        match self.reading {
            Reading::Counter(counter) => ran.measurement.counter(counter),
            Reading::Rounds(read) => {
                read(finding, ran).map_or(Value::Absent, |spread| real(spread.median))
            }
            Reading::Derived(read) => read(finding, ran),
        }
    }

    /// What was measured in the rounds, where each has a figure of its own.
    #[must_use]
    pub fn spread(&self, finding: &Finding, ran: &Ran) -> Option<Spread> {
        match self.reading {
            Reading::Rounds(read) => read(finding, ran),
            Reading::Counter(_) | Reading::Derived(_) => None,
        }
    }

    /// Whether each round has a figure of its own.
    #[must_use]
    pub const fn has_spread(&self) -> bool {
        matches!(self.reading, Reading::Rounds(_))
    }
}

/// Every figure, in the order of the columns.
pub const METRICS: &[Metric] = &[
    Metric {
        id: "cpu_copies",
        title: "CPU copies/byte",
        help: "Times the CPU copied each byte of the payload, on the sending side.",
        unit: Unit::Ratio,
        theory: |scenario| scenario.theory.cpu_copies.map_or(Value::Absent, real),
        reading: Reading::Derived(|_, ran| {
            let copies = ran.measurement.copies();
            if copies.provenance == Provenance::Unavailable {
                return Value::Unavailable(ran.measurement.why_no_copies());
            }
            let quality = Quality { provenance: copies.provenance, lower_bound: false };
            Value::Real(ran.measurement.per_byte(copies.bytes), quality)
        }),
    },
    Metric {
        id: "dma_copies",
        title: "DMA copies/byte",
        help: "Times a device moved each byte: between storage and memory, and between memory and \
               the network.",
        unit: Unit::Ratio,
        theory: |scenario| {
            real(f64::from(scenario.theory.storage_dma + scenario.theory.network_dma))
        },
        reading: Reading::Derived(|_, ran| {
            let read = ran.measurement.counter(CounterId::BlockReadBytes);
            let written = ran.measurement.counter(CounterId::BlockWriteBytes);
            match (&read, &written) {
                (Value::Integer(read, quality), Value::Integer(written, _)) => {
                    Value::Real(ran.measurement.per_byte(read + written), *quality)
                }
                _ => read,
            }
        }),
    },
    Metric {
        id: "mode_switches_per_transfer",
        title: "Mode sw./transfer",
        help: "Switches between user and kernel mode per transfer of a chunk: two per system call, \
               and two per page fault.",
        unit: Unit::Ratio,
        theory: |scenario| {
            scenario.theory.mode_switches.map_or(Value::Absent, |n| real(f64::from(n)))
        },
        reading: Reading::Derived(|finding, ran| {
            match ran.measurement.counter(CounterId::ModeSwitches) {
                Value::Integer(switches, quality) => {
                    Value::Real(ratio(switches, finding.setting.transfers()), quality)
                }
                other => other,
            }
        }),
    },
    counter("Syscalls", CounterId::Syscalls),
    counter("Mode switches", CounterId::ModeSwitches),
    counter("Ctx sw. vol.", CounterId::ContextSwitchesVoluntary),
    counter("Ctx sw. invol.", CounterId::ContextSwitchesInvoluntary),
    counter("Minor faults", CounterId::PageFaultsMinor),
    counter("Major faults", CounterId::PageFaultsMajor),
    counter("Cache hits", CounterId::PageCacheHits),
    counter("Cache misses", CounterId::PageCacheMisses),
    Metric {
        id: "wall_ns",
        title: "Time",
        help: "Duration of the work, median of the rounds.",
        unit: Unit::Nanoseconds,
        theory: |_| Value::Absent,
        reading: Reading::Rounds(|_, ran| Some(ran.wall_ns)),
    },
    Metric {
        id: "cpu_ns",
        title: "CPU time",
        help: "CPU time of the worker, user and system, median of the rounds.",
        unit: Unit::Nanoseconds,
        theory: |_| Value::Absent,
        reading: Reading::Rounds(|_, ran| Some(ran.cpu_ns)),
    },
    Metric {
        id: "throughput_bytes_per_sec",
        title: "Throughput",
        help: "Payload per second, from the median duration.",
        unit: Unit::BytesPerSec,
        theory: |_| Value::Absent,
        reading: Reading::Rounds(|finding, ran| {
            let rate = |ns| per_sec(finding.setting.size, ns);
            let Spread { min, median, max } = ran.wall_ns;
            Some(Spread { min: rate(max), median: rate(median), max: rate(min) })
        }),
    },
    Metric {
        id: "relative_throughput",
        title: "vs read+write",
        help: "Throughput as a multiple of read + write to the same sink, median of the rounds, \
               which took turns.",
        unit: Unit::Ratio,
        theory: |_| Value::Absent,
        reading: Reading::Rounds(|_, ran| ran.relative),
    },
];

const fn counter(title: &'static str, counter: CounterId) -> Metric {
    Metric {
        id: counter.id(),
        title,
        help: counter.help(),
        unit: Unit::Count,
        theory: |_| Value::Absent,
        reading: Reading::Counter(counter),
    }
}

const fn real<'a>(value: f64) -> Value<'a> {
    Value::Real(value, Quality::MEASURED)
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn ratio(count: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}

/// Bytes per second, when `bytes` took `ns`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn per_sec(bytes: u64, ns: f64) -> f64 {
    if ns > 0.0 { bytes as f64 * 1e9 / ns } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn figures_have_distinct_ids() {
        let ids: HashSet<_> = METRICS.iter().map(|metric| metric.id).collect();
        assert_eq!(ids.len(), METRICS.len());
    }
}
