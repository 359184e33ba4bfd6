//! Theory and measurement compared.

use super::{
    finding::Ran,
    measurement::{Copies, Measurement},
    scenario::{Calls, Expected, Scenario, Setting},
};
use crate::{
    model::value::Value,
    sample::{counter::CounterId, snapshot::Provenance},
};

/// How a scenario turned out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The judgement.
    pub judgement: Judgement,
    /// What the reader has to know of the setting, in sentences.
    pub notes: Vec<String>,
}

/// Whether the textbooks are right on this kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// As the textbook says.
    Textbook,
    /// Differs from the textbook, for reasons that are known.
    Differs(Vec<&'static str>),
    /// Neither as the textbook says nor as this kernel is known to behave.
    Unexplained(Vec<String>),
    /// Nothing was counted, and why.
    NotMeasured(String),
}

impl Judgement {
    /// The stable id.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Textbook => "as_textbook",
            Self::Differs(_) => "differs",
            Self::Unexplained(_) => "unexplained",
            Self::NotMeasured(_) => "not_measured",
        }
    }

    /// What speaks against the textbook, or against measuring, one by one.
    #[must_use]
    pub fn reasons(&self) -> Vec<&str> {
        match self {
            Self::Textbook => Vec::new(),
            Self::Differs(reasons) => reasons.clone(),
            Self::Unexplained(what) => what.iter().map(String::as_str).collect(),
            Self::NotMeasured(why) => vec![why],
        }
    }

    /// In words, for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Textbook => "as the textbook says".to_owned(),
            Self::Differs(reasons) => format!("differs, because {}", reasons.join("; and ")),
            Self::Unexplained(what) => {
                format!("differs, and zc does not know why: {}", what.join("; "))
            }
            Self::NotMeasured(why) => format!("not measured: {why}"),
        }
    }
}

/// Judges a round.
#[must_use]
pub fn judge(scenario: &Scenario, setting: &Setting, measurement: &Measurement) -> Verdict {
    let expected = (scenario.expect)(setting);
    let copies = measurement.copies();
    let judgement = match &measurement.frame {
        Err(why) => Judgement::NotMeasured(why.clone()),
        Ok(_) => judgement(scenario, &expected, measurement, copies),
    };
    Verdict { judgement, notes: notes(scenario, setting, measurement, copies) }
}

fn judgement(
    scenario: &Scenario,
    expected: &Expected,
    measurement: &Measurement,
    copies: Copies,
) -> Judgement {
    let mut surprises = Vec::new();
    let moved: Vec<_> =
        measurement.payload_paths().map(|path| (path.path.0, path.moved_bytes)).collect();
    let mut known = expected.moved.clone();
    known.sort_by_key(|(path, _)| *path as usize);
    if moved != known {
        let list = |paths: &[(zc_common::path::CopyPath, u64)]| {
            let paths: Vec<_> =
                paths.iter().map(|(path, bytes)| format!("{} {bytes} B", path.id())).collect();
            if paths.is_empty() { "nothing".to_owned() } else { paths.join(", ") }
        };
        surprises.push(format!("{} moved instead of {}", list(&moved), list(&known)));
    }
    if copies.provenance != Provenance::Unavailable && copies.bytes != expected.copied_bytes {
        surprises.push(format!(
            "{} bytes were copied instead of {}",
            copies.bytes, expected.copied_bytes
        ));
    }
    if let Value::Integer(calls, _) = measurement.counter(CounterId::Syscalls)
        && !expected.syscalls.allows(calls)
    {
        let known = match expected.syscalls {
            Calls::Exactly(calls) => format!("{calls}"),
            Calls::AtLeast(calls) => format!("at least {calls}"),
        };
        surprises.push(format!("{calls} system calls instead of {known}"));
    }
    if !surprises.is_empty() {
        return Judgement::Unexplained(surprises);
    }
    let _ = scenario;
    let reasons: Vec<_> =
        [expected.copies_because, expected.switches_because].into_iter().flatten().collect();
    if reasons.is_empty() { Judgement::Textbook } else { Judgement::Differs(reasons) }
}

fn notes(
    scenario: &Scenario,
    setting: &Setting,
    measurement: &Measurement,
    copies: Copies,
) -> Vec<String> {
    let mut notes = Vec::new();
    if measurement.frame.is_ok() {
        match copies.provenance {
            Provenance::Measured => {}
            Provenance::Unavailable => {
                notes.push(format!("copies not measured: {}", measurement.why_no_copies()));
            }
            Provenance::Assumed | Provenance::Modelled => notes.push(format!(
                "copies are {}, moved bytes are measured: {}",
                copies.provenance.id(),
                measurement.why_no_copies()
            )),
        }
    }
    if scenario.theory.storage_dma > 0 && !setting.cold {
        notes.push("no DMA from storage: the page cache was warm (see --cold)".to_owned());
    }
    if scenario.theory.network_dma > 0 && !setting.sink.has_device() {
        notes.push(format!("no DMA to the network: {} has no device", setting.sink.title()));
    }
    if let Some(told) = &measurement.report.told {
        notes.push(told.clone());
    }
    notes
}

impl Ran {
    /// Whether something happened that nobody expected.
    #[must_use]
    pub const fn is_unexplained(&self) -> bool {
        matches!(self.verdict.judgement, Judgement::Unexplained(_))
    }
}
