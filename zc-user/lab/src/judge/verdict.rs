//! Theory and measurement compared.

use rustix::param::page_size;
use zc_common::path::CopyPath;

use super::measurement::{Copies, Measurement};
use crate::workload::scenario::{Cache, Calls, Expected, Scenario, Setting};
use zc_model::{
    counter::CounterId,
    snapshot::{DeviceKind, Provenance},
    value::Value,
};

/// The result of a scenario, compared with theory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The judgement.
    pub judgement: Judgement,
    /// What the reader needs to know about the setting, in sentences.
    pub notes: Vec<String>,
}

/// Whether the textbook is right on this kernel.
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
        Ok(_) => judgement(scenario, setting, &expected, measurement, copies),
    };
    Verdict { judgement, notes: notes(scenario, setting, measurement, copies) }
}

fn judgement(
    scenario: &Scenario,
    setting: &Setting,
    expected: &Expected,
    measurement: &Measurement,
    copies: Copies,
) -> Judgement {
    let mut surprises = Vec::new();
    let paths = measurement.payload_paths();
    let moved: Vec<_> =
        paths.filter_map(|sum| Some((sum.path.known()?, sum.moved_bytes))).collect();
    let framing = measurement.framing;
    let mut known = expected.moved.clone();
    add(&mut known, CopyPath::SocketRecv, framing.received_bytes);
    add(&mut known, CopyPath::SocketSend, framing.sent_bytes);
    known.sort_by_key(|(path, _)| *path as usize);
    if moved != known {
        let list = |paths: &[(CopyPath, u64)]| {
            let paths: Vec<_> =
                paths.iter().map(|(path, bytes)| format!("{} {bytes} B", path.id())).collect();
            if paths.is_empty() { "nothing".to_owned() } else { paths.join(", ") }
        };
        surprises.push(format!("{} moved instead of {}", list(&moved), list(&known)));
    }
    let copied = expected.copied_bytes + framing.received_bytes + framing.sent_bytes;
    let allowed = copied..=copied + measurement.sent_again.unwrap_or(0);
    if copies.provenance != Provenance::Unavailable && !allowed.contains(&copies.bytes) {
        surprises.push(format!("{} bytes were copied instead of {copied}", copies.bytes));
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
    surprises.extend(page_cache_surprise(scenario.cache, setting, measurement));
    surprises.extend(device_surprise(expected, measurement));
    surprises.extend(completion_surprise(measurement, copies));
    let skipped = measurement.skipped_runs();
    if !surprises.is_empty() && skipped > 0 {
        return Judgement::NotMeasured(format!(
            "the kernel hid events from the probes {skipped} times, because a thread had been \
             preempted inside the same probe: repeat the run on a less busy machine"
        ));
    }
    if !surprises.is_empty() {
        return Judgement::Unexplained(surprises);
    }
    let reasons: Vec<_> =
        [expected.copies_because, expected.switches_because].into_iter().flatten().collect();
    if reasons.is_empty() { Judgement::Textbook } else { Judgement::Differs(reasons) }
}

/// What is wrong with the page cache, where the scenario is about that.
fn page_cache_surprise(
    cache: Cache,
    setting: &Setting,
    measurement: &Measurement,
) -> Option<String> {
    let Value::Integer(misses, _) = measurement.counter(CounterId::PageCacheMisses) else {
        return None;
    };
    let pages = setting.size.div_ceil(page_size() as u64);
    match cache {
        Cache::Warm if misses > 0 => {
            Some(format!("{misses} of {pages} pages were no longer in the page cache"))
        }
        Cache::Cold if misses < pages => Some(format!(
            "only {misses} of {pages} pages were missing from the page cache: the file is in \
             memory, or a process has it mapped"
        )),
        _ => None,
    }
}

/// Direct I/O that no device saw, neither from this process nor from a thread that works for it (such
/// as a thread of an encrypting device).
fn device_surprise(expected: &Expected, measurement: &Measurement) -> Option<String> {
    let frame = measurement.frame.as_ref().ok()?;
    let disks = || frame.devices.iter().filter(|device| device.kind == DeviceKind::Block);
    expected.moved.iter().find_map(|(path, moved)| {
        let (counter, all) = match path {
            CopyPath::DirectRead => {
                (CounterId::BlockReadBytes, disks().map(|disk| disk.read_bytes).sum::<u64>())
            }
            CopyPath::DirectWrite => {
                (CounterId::BlockWriteBytes, disks().map(|disk| disk.write_bytes).sum())
            }
            _ => return None,
        };
        let Value::Integer(own, _) = measurement.counter(counter) else { return None };
        let passed = own.max(all);
        (passed < *moved)
            .then(|| format!("the storage devices transferred {passed} bytes instead of {moved}"))
    })
}

/// What the kernel reported to the program of its zero-copy sends, when the counted copies contradict
/// it.
fn completion_surprise(measurement: &Measurement, copies: Copies) -> Option<String> {
    let reported = measurement.report.completions?;
    let all = reported.copied == reported.sends;
    let contradicts = (all && copies.bytes == 0) || (reported.copied == 0 && copies.bytes > 0);
    (copies.provenance == Provenance::Measured && reported.sends > 0 && contradicts).then(|| {
        format!(
            "the kernel reported to the program that it copied {} of {} sends, but {} bytes were \
             copied",
            reported.copied, reported.sends, copies.bytes
        )
    })
}

/// Adds `bytes`, if there are any, to what is known to move on `path`.
fn add(known: &mut Vec<(CopyPath, u64)>, path: CopyPath, bytes: u64) {
    if bytes == 0 {
        return;
    }
    match known.iter_mut().find(|(known, _)| *known == path) {
        Some((_, sum)) => *sum += bytes,
        None => known.push((path, bytes)),
    }
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
            Provenance::Assumed | Provenance::Modelled | Provenance::Unknown(_) => {
                notes.push(format!(
                    "copies are {}, moved bytes are measured: {}",
                    copies.provenance.id(),
                    measurement.why_not_measured()
                ));
            }
        }
    }
    // Where nothing was counted, the DMA is unknown.
    let counted = measurement.frame.is_ok();
    if counted && scenario.theory.storage_dma > 0 && is_idle(measurement) && !setting.cold {
        notes.push("no DMA from storage: the page cache was warm (see --cold)".to_owned());
    }
    if counted && scenario.theory.network_dma > 0 {
        let sink = setting.sink.title();
        notes.push(format!("no DMA to the network: no hardware is behind this sink ({sink})"));
    }
    if let Some(departure) = measurement.departure.filter(|it| it.unseen_bytes == 0) {
        notes.push(format!(
            "measured at the device: {} bytes of the payload left as references to pages, {} were \
             copied into packets",
            departure.referenced_bytes, departure.linear_bytes
        ));
    }
    if let Some(bytes @ 1..) = measurement.sent_again {
        notes.push(format!("TCP retransmitted {bytes} bytes: the network stack copied them again"));
    }
    if let Some(told) = &measurement.report.told {
        notes.push(told.clone());
    }
    notes
}

/// Whether the process made no request to storage.
fn is_idle(measurement: &Measurement) -> bool {
    [CounterId::BlockReadBytes, CounterId::BlockWriteBytes]
        .iter()
        .all(|counter| !matches!(measurement.counter(*counter), Value::Integer(1.., _)))
}
