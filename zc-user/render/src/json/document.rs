//! The document, as types: their fields are the contract's keys.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

mod groups;
mod objects;
mod stacks;

use self::{groups::Grouped, objects::Counted, stacks::Taken};
use super::read::Run;
use crate::advice::evidence;
use zc_model::{
    advice::{self, Rule},
    column::{Column, Devices, PathRow, Paths, Processes, Table, View},
    counter::CounterId,
    frame::Frame,
    ledger,
    row::Row,
    snapshot::{
        Copier, DeviceKind, DeviceSample, Limitation, Losses, Mapped, PathId, PathSample,
        ProcessSample, Provenance, SelfCost,
    },
    sort::Listing,
    value::Value,
    zerocopy::{self, Achieved, Shortfall},
};

/// Name and version of the contract.
pub const SCHEMA: &str = "zc/1";

/// One frame.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    #[serde(flatten)]
    pub(super) head: Head<'a>,
    pub(super) processes: Listed<'a>,
    #[serde(flatten)]
    pub(super) tail: Tail<'a>,
}

/// What comes before the processes.
#[derive(Debug, Serialize)]
pub(super) struct Head<'a> {
    schema: &'static str,
    kernel: &'a str,
    arch: &'a str,
    host: &'a str,
    taken_at_ns: u64,
    elapsed_ns: u64,
    /// Only where it is one run of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<Run>,
    limitations: &'a [Limitation],
    totals: Entry<'a>,
}

/// What comes after the processes.
#[derive(Debug, Serialize)]
pub(super) struct Tail<'a> {
    #[serde(flatten)]
    groups: Option<Grouped<'a>>,
    #[serde(flatten)]
    objects: Option<Counted<'a>>,
    #[serde(flatten)]
    stacks: Option<Taken<'a>>,
    unattributed: Entry<'a>,
    /// Only where copies that programs make themselves are looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    copiers: Option<Vec<CopierRow<'a>>>,
    devices: Vec<Device<'a>>,
    losses: LossCounts<'a>,
    #[serde(rename = "self")]
    self_cost: &'a SelfCost,
}

/// Rows that exist one at a time: there may be ten thousand.
#[derive(Debug)]
pub(super) struct Listed<'a> {
    pub(super) processes: Vec<&'a ProcessSample>,
    pub(super) frame: &'a Frame,
}

#[derive(Debug, Serialize)]
struct Entry<'a> {
    counters: CounterValues<'a>,
    provenance: Provenances<'a>,
    #[serde(flatten)]
    columns: Members<'a, Processes>,
    /// Bytes moved on paths of which it is not known whether they were copied: `copied_bytes` may
    /// be short by as many.
    unknown_moved_bytes: u64,
    paths: Vec<Path<'a>>,
    /// Zero-copy requested and achieved.
    zerocopy: Vec<Zerocopy>,
}

#[derive(Debug, Serialize)]
pub(super) struct Zerocopy {
    mechanism: &'static str,
    requested_bytes: u64,
    achieved_bytes: Option<u64>,
    provenance: Provenance,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_because: Option<String>,
    reasons: Vec<Because>,
}

#[derive(Debug, Serialize)]
struct Because {
    reason: &'static str,
    bytes: u64,
    /// Only where calls failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<u64>,
    provenance: Provenance,
    sentence: &'static str,
}

#[derive(Debug, Serialize)]
struct Process<'a> {
    #[serde(flatten)]
    identity: Identity<'a>,
    #[serde(flatten)]
    work: Work<'a>,
}

/// Who it is.
#[derive(Debug, Serialize)]
struct Identity<'a> {
    pid: u32,
    ppid: u32,
    start_ns: u64,
    comm: &'a str,
    cgroup: Option<&'a str>,
    uid: Option<u32>,
    kernel: bool,
    exited: bool,
    merged: u64,
}

/// What it did.
#[derive(Debug, Serialize)]
struct Work<'a> {
    #[serde(flatten)]
    entry: Entry<'a>,
    advice: Vec<Advice>,
}

/// One path in a document.
#[derive(Debug, Serialize)]
pub struct Path<'a> {
    path: PathId,
    #[serde(flatten)]
    counts: Counts<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sockets: Option<Sockets<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Advice {
    rule: &'static str,
    certainty: &'static str,
    paths: Vec<PathId>,
    evidence: String,
    remedy: &'static str,
    condition: &'static str,
    saved_copied_bytes: u64,
    saved_mode_switches: u64,
    /// `null` where it is not known, or too few samples were taken.
    saved_cpu_ns: Option<u64>,
    saved_cpu_margin_ns: Option<u64>,
}

/// A function that copies, in a document.
#[derive(Debug, Serialize)]
struct CopierRow<'a> {
    pid: u32,
    start_ns: u64,
    kind: &'static str,
    function: Option<&'a str>,
    file: &'a str,
    samples: u64,
    fault_samples: u64,
}

impl<'a> CopierRow<'a> {
    fn all(frame: &'a Frame) -> Vec<Self> {
        let row = |copier: &'a Copier| Self {
            pid: copier.process.pid,
            start_ns: copier.process.start_ns,
            kind: copier.kind.id(),
            function: copier.function.as_deref(),
            file: &copier.file,
            samples: copier.samples,
            fault_samples: copier.fault_samples,
        };
        frame.copiers.iter().map(row).collect()
    }
}

/// One device in a document.
#[derive(Debug, Serialize)]
pub struct Device<'a> {
    device: &'a str,
    kind: DeviceKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<u64>,
    software: bool,
    #[serde(flatten)]
    columns: Members<'a, Devices>,
    /// Where those of them come from that are not simply measured.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    provenance: BTreeMap<&'static str, Provenance>,
    /// Devices on their bus, and IOMMUs, only.
    #[serde(skip_serializing_if = "Option::is_none")]
    mapped: Option<Mapped>,
}

/// The columns of a row that are members of its object, `null` where there is no value.
struct Members<'a, T: Table> {
    row: T::Row<'a>,
    context: &'a T::Context,
}

/// One path, or one kind of socket on it.
#[derive(Debug)]
struct Counts<'a> {
    sample: PathSample,
    frame: &'a Frame,
}

/// Counters by id, `null` where this kernel cannot tell.
#[derive(Debug)]
struct CounterValues<'a> {
    row: Row<'a>,
    frame: &'a Frame,
}

/// The provenance of the counters that are not simply measured, and of `copied_bytes` always.
#[derive(Debug)]
struct Provenances<'a> {
    row: Row<'a>,
    frame: &'a Frame,
}

#[derive(Debug)]
struct Sockets<'a> {
    kinds: &'a [PathSample],
    frame: &'a Frame,
}

#[derive(Debug)]
struct LossCounts<'a>(&'a Losses);

impl<'a> Document<'a> {
    /// The document of a frame, with the processes that `listing` wants.
    #[must_use]
    pub fn new(frame: &'a Frame, listing: &Listing) -> Self {
        let Frame {
            host,
            taken_at_ns,
            elapsed_ns,
            totals: _,
            processes: _,
            threads: _,
            copiers: _,
            objects: _,
            stacks: _,
            unattributed: _,
            devices: _,
            losses,
            scope: _,
            ended_before: _,
            crowded: _,
            self_cost,
            // It is in the advice.
            earlier: _,
        } = frame;
        let head = Head {
            schema: SCHEMA,
            kernel: &host.kernel,
            arch: &host.arch,
            host: &host.name,
            taken_at_ns: *taken_at_ns,
            elapsed_ns: *elapsed_ns,
            run: None,
            limitations: &host.limitations,
            totals: Entry::new(Row::totals(frame), frame),
        };
        let tail = Tail {
            groups: Grouped::of(listing, frame),
            objects: Counted::of(frame),
            stacks: Taken::of(frame),
            unattributed: Entry::new(Row::unattributed(frame), frame),
            copiers: frame.host.user_copies.then(|| CopierRow::all(frame)),
            devices: Device::all(frame),
            losses: LossCounts(losses),
            self_cost,
        };
        Self { head, processes: Listed { processes: listing.of(frame).collect(), frame }, tail }
    }

    /// The same of one run of several.
    pub(super) fn of_run(mut self, run: Run) -> Self {
        self.head.run = Some(run);
        self
    }
}

impl<'a> Entry<'a> {
    fn new(row: Row<'a>, frame: &'a Frame) -> Self {
        Self {
            counters: CounterValues { row, frame },
            provenance: Provenances { row, frame },
            columns: Members { row, context: frame },
            unknown_moved_bytes: frame.copied(row.paths).unknown_moved_bytes,
            paths: Path::all(row.paths, frame),
            zerocopy: zerocopy(row, frame),
        }
    }
}

/// Zero-copy that a row requested.
pub(super) fn zerocopy(row: Row<'_>, frame: &Frame) -> Vec<Zerocopy> {
    zerocopy::requests(row, frame).iter().map(Zerocopy::new).collect()
}

/// Advice on a row.
pub(super) fn advice(row: Row<'_>, frame: &Frame) -> Vec<Advice> {
    advice::all(row, frame).iter().map(Advice::new).collect()
}

impl Zerocopy {
    fn new(request: &zerocopy::Request<'_>) -> Self {
        let zerocopy::Request { mechanism, requested_bytes, achieved, reasons } = request;
        Self {
            mechanism: mechanism.id(),
            requested_bytes: *requested_bytes,
            achieved_bytes: achieved.bytes(),
            provenance: achieved.provenance(),
            unknown_because: match achieved {
                Achieved::Bytes(..) => None,
                Achieved::Unknown(why) => Some((*why).to_owned()),
            },
            reasons: reasons.iter().map(Because::new).collect(),
        }
    }
}

impl Because {
    fn new(reason: &Shortfall) -> Self {
        let Shortfall { reason, bytes, calls, provenance, sentence } = *reason;
        Self { reason: reason.id(), bytes, calls, provenance, sentence }
    }
}

impl<'a> Listed<'a> {
    /// The row of a process.
    fn row(&self, process: &'a ProcessSample) -> Process<'a> {
        let row = Row::process(process);
        let work = Work { entry: Entry::new(row, self.frame), advice: advice(row, self.frame) };
        Process { identity: Identity::new(process), work }
    }
}

impl<'a> Identity<'a> {
    fn new(process: &'a ProcessSample) -> Self {
        let ProcessSample {
            id,
            parent,
            comm,
            cgroup,
            user,
            ancestry: _,
            kernel,
            exited,
            merged,
            counters: _,
            paths: _,
        } = process;
        Self {
            pid: id.pid,
            ppid: parent.pid,
            start_ns: id.start_ns,
            comm,
            cgroup: cgroup.as_deref(),
            uid: *user,
            kernel: *kernel,
            exited: *exited,
            merged: *merged,
        }
    }
}

impl<'a> Path<'a> {
    /// A row for each path.
    pub fn all(paths: &'a [PathSample], frame: &'a Frame) -> Vec<Self> {
        ledger::by_path(paths)
            .map(|(sum, kinds)| Self {
                path: sum.path,
                counts: Counts { sample: sum, frame },
                sockets: (!kinds.is_empty()).then_some(Sockets { kinds, frame }),
            })
            .collect()
    }
}

impl Advice {
    fn new(advice: &advice::Advice) -> Self {
        let rule: Rule = advice.rule;
        Self {
            rule: rule.id(),
            certainty: advice.certainty.id(),
            paths: advice.paths().map(PathId::Known).collect(),
            evidence: evidence(advice),
            remedy: advice.remedy(),
            condition: advice.condition(),
            saved_copied_bytes: advice.saving.copied_bytes,
            saved_mode_switches: advice.saving.mode_switches,
            saved_cpu_ns: advice.saving.cpu.map(|cpu| cpu.ns),
            saved_cpu_margin_ns: advice.saving.cpu.map(|cpu| cpu.margin_ns),
        }
    }
}

impl<'a> Device<'a> {
    /// A row for each device.
    #[must_use]
    pub fn all(frame: &'a Frame) -> Vec<Self> {
        frame.devices.iter().map(|sample| Self::new(sample, frame)).collect()
    }

    fn new(sample: &'a DeviceSample, frame: &'a Frame) -> Self {
        Self {
            device: &sample.device,
            kind: sample.kind,
            namespace: sample.namespace,
            software: sample.software,
            columns: Members { row: sample, context: frame },
            provenance: columns::<Devices>()
                .filter_map(|(column, _)| {
                    let provenance = column.of(sample, frame).quality()?.provenance;
                    (provenance != Provenance::Measured).then_some((column.id, provenance))
                })
                .collect(),
            mapped: sample.mapped,
        }
    }
}

impl<T: Table> std::fmt::Debug for Members<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Members").finish_non_exhaustive()
    }
}

/// When a column is a member of its row's object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Always, if only with `null`.
    Always,
    /// Where there is something to tell.
    IfAny,
}

impl Shown {
    /// Whether it is one with this cell.
    pub(super) fn has(self, value: &Value<'_>) -> bool {
        match self {
            Self::Always => true,
            Self::IfAny => value.is_known() && value.number() != Some(0.0),
        }
    }
}

/// The columns that are members of a row's object, in order.
pub(super) fn columns<T: Table>() -> impl Iterator<Item = (&'static Column<T>, Shown)> {
    T::COLUMNS.iter().filter_map(|column| {
        if column.is_in(View::JsonIfAny) {
            Some((*column, Shown::IfAny))
        } else {
            column.is_in(View::Json).then_some((*column, Shown::Always))
        }
    })
}

impl<T: Table> Serialize for Members<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(columns::<T>().filter_map(|(column, shown)| {
            let value = column.of(self.row, self.context);
            shown.has(&value).then_some((column.id, Raw(value)))
        }))
    }
}

/// A value without its unit.
struct Raw<'a>(Value<'a>);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Value::Integer(value, _) => serializer.serialize_u64(*value),
            Value::Real(value, _) => serializer.serialize_f64(*value),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Absent | Value::Unavailable(_) => serializer.serialize_none(),
        }
    }
}

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = PathRow::One(&self.sample);
        Members::<Paths> { row, context: self.frame }.serialize(serializer)
    }
}

impl Serialize for Listed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.processes.iter().map(|process| self.row(process)))
    }
}

impl Serialize for CounterValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { row, frame } = *self;
        serializer.collect_map(CounterId::ALL.iter().map(|counter| {
            let column = Processes::counter(*counter);
            (column.id, Raw(column.of(row, frame)))
        }))
    }
}

/// Where the number in the cell of a counter comes from.
pub(super) fn provenance(counter: CounterId, row: Row<'_>, frame: &Frame) -> Provenance {
    let value = Processes::counter(counter).of(row, frame);
    value.quality().map_or(Provenance::Unavailable, |quality| quality.provenance)
}

impl Serialize for Provenances<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { row, frame } = *self;
        let provenance = |counter| provenance(counter, row, frame);
        let copied = CounterId::CopiedBytes;
        let limited = CounterId::ALL
            .iter()
            .filter(|counter| **counter != copied)
            .map(|counter| (counter.id(), provenance(*counter)))
            .filter(|(_, provenance)| *provenance != Provenance::Measured);
        serializer.collect_map([(copied.id(), provenance(copied))].into_iter().chain(limited))
    }
}

impl Serialize for Sockets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.kinds.iter().filter_map(|sample| {
            let counts = Counts { sample: *sample, frame: self.frame };
            Some((sample.socket?.id(), counts))
        }))
    }
}

impl Serialize for LossCounts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reasons = self.0.iter().map(|(loss, count)| (loss.id(), count));
        serializer.collect_map([("total", self.0.total())].into_iter().chain(reasons))
    }
}
