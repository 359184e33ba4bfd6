//! What one round was measured to be.

use zc_common::{loss::Loss, path::CopyPath};

use super::evidence::Departure;
use crate::workload::job::WorkerReport;
use zc_model::{
    column,
    counter::CounterId,
    frame::Frame,
    ledger::{self, Copied},
    path::{self, Flow},
    snapshot::{PathSample, Provenance},
    value::{Quality, Value},
};

/// One round of a scenario, or the reason why nothing was counted.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// What the observed processes did, and the machine's devices in the same time; or why that is
    /// unknown.
    pub frame: Result<Frame, String>,
    /// What the lab itself added to the counts.
    pub framing: Framing,
    /// Bytes of the payload.
    pub size: u64,
    /// Whether the work is to write to pages that others share: copies on write are its copies then,
    /// and a few pages of the program's own otherwise.
    pub about_pages: bool,
    /// What the worker reports.
    pub report: WorkerReport,
    /// How the payload left through the network device, where that is known.
    pub departure: Option<Departure>,
    /// Bytes that TCP retransmitted. `None` where TCP did not send, or does not report it (before
    /// 4.19).
    pub sent_again: Option<u64>,
}

/// Calls and switches of the observed process that belong to the lab, not to the mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    /// System calls.
    pub syscalls: u64,
    /// Voluntary context switches.
    pub context_switches: u64,
    /// Bytes received from the lab: a request.
    pub received_bytes: u64,
    /// Bytes sent to the lab in addition to the payload: the header of a response.
    pub sent_bytes: u64,
}

impl Framing {
    /// The worker stops itself once, which is one call and one switch.
    pub const STOP: Self = Self { syscalls: 1, context_switches: 1, ..Self::NONE };
    /// As [`Self::STOP`], and the worker looks at the clock when it begins and when it ends.
    pub const WORK: Self = Self { syscalls: 3, ..Self::STOP };
    /// The lab only looks.
    pub const NONE: Self =
        Self { syscalls: 0, context_switches: 0, received_bytes: 0, sent_bytes: 0 };
}

/// Bytes copied by the CPU, with their provenance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copies {
    /// Bytes.
    pub bytes: u64,
    /// Their provenance. [`Provenance::Unavailable`]: `bytes` means nothing.
    pub provenance: Provenance,
}

impl Measurement {
    /// A round that was not observed, and why.
    #[must_use]
    pub const fn unobserved(why: String, size: u64, report: WorkerReport) -> Self {
        Self {
            frame: Err(why),
            framing: Framing::STOP,
            size,
            about_pages: false,
            report,
            departure: None,
            sent_again: None,
        }
    }

    /// How often the kernel did not run a program during the round: see [`Loss::ProbeRecursions`].
    #[must_use]
    pub fn skipped_runs(&self) -> u64 {
        self.frame.as_ref().map_or(0, |frame| frame.losses[Loss::ProbeRecursions])
    }

    /// Whether the kernel hid events from the probes, or TCP sent something more than once: another round
    /// says more.
    #[must_use]
    pub fn is_disturbed(&self) -> bool {
        let unseen = self.departure.map_or(0, |departure| departure.unseen_bytes);
        self.skipped_runs() > 0 || self.sent_again.unwrap_or(0) > 0 || unseen > 0
    }

    /// A counter without what the lab added.
    #[must_use]
    pub fn counter(&self, counter: CounterId) -> Value<'_> {
        let frame = match &self.frame {
            Ok(frame) => frame,
            Err(why) => return Value::Unavailable(why),
        };
        let added = match counter {
            CounterId::Syscalls => self.framing.syscalls,
            CounterId::ModeSwitches => 2 * self.framing.syscalls,
            CounterId::ContextSwitchesVoluntary => self.framing.context_switches,
            _ => 0,
        };
        match frame.host.limitation(counter) {
            Some(limit) if limit.provenance == Provenance::Unavailable => {
                Value::Unavailable(&limit.reason)
            }
            _ => {
                let provenance = frame.host.provenance(counter);
                let value = frame.totals.counters[counter].saturating_sub(added);
                Value::Integer(value, Quality { provenance, lower_bound: false })
            }
        }
    }

    /// The paths that carried payload, in order; none when nothing was counted.
    pub fn payload_paths(&self) -> impl Iterator<Item = PathSample> + '_ {
        let paths = self.frame.as_ref().map_or(&[][..], |frame| &frame.totals.paths);
        let about_pages = self.about_pages;
        ledger::by_path(paths).map(|(sum, _)| sum).filter(move |sum| {
            (carries(sum) && sum.moved_bytes > 0) || (about_pages && sum.path == CopyPath::CowCopy)
        })
    }

    /// Bytes that the CPU copied for the payload.
    #[must_use]
    pub fn copies(&self) -> Copies {
        let Ok(frame) = &self.frame else {
            return Copies { bytes: 0, provenance: Provenance::Unavailable };
        };
        let copied = if self.about_pages {
            Copied::of(&frame.totals.paths, frame.host.copies)
        } else {
            ledger::payload_copied(&frame.totals.paths, frame.host.copies)
        };
        let provenance =
            if copied.is_lower_bound() { Provenance::Unavailable } else { copied.provenance };
        Copies { bytes: copied.bytes, provenance }
    }

    /// `bytes` per byte of the payload.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    pub fn per_byte(&self, bytes: u64) -> f64 {
        if self.size == 0 { 0.0 } else { bytes as f64 / self.size as f64 }
    }

    /// Why copies were not counted.
    #[must_use]
    pub fn why_not_measured(&self) -> &str {
        if self.report.completions.is_some() {
            return "for a zero-copy send the kernel reports to the program whether it copied, not \
                    how many bytes";
        }
        let limitation = self
            .frame
            .as_ref()
            .ok()
            .and_then(|frame| frame.host.limitation(CounterId::CopiedBytes));
        limitation
            .map_or("this kernel does not let programs count them", |limitation| &limitation.reason)
    }

    /// Why it is unknown how much was copied.
    #[must_use]
    pub fn why_no_copies(&self) -> &str {
        match &self.frame {
            Ok(frame) => column::why_copies_are_unavailable(frame),
            Err(why) => why,
        }
    }
}

/// Whether the path is one of calls that move payload.
fn carries(sample: &PathSample) -> bool {
    sample.path.is_known_and(|path| path::flow(path) != Flow::None)
}
