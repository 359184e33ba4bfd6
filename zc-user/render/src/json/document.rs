//! The document, as types: their fields are the contract's keys.

use serde::{Serialize, Serializer};

use crate::advice::evidence;
use zc_model::{
    advice::{self, Rule},
    counter::{CounterId, Counters},
    frame::Frame,
    ledger,
    row::Row,
    snapshot::{
        DeviceKind, DeviceSample, Host, Limitation, Losses, Mapped, PathId, PathSample,
        ProcessSample, Provenance, SelfCost,
    },
    sort::Listing,
    tax,
    zerocopy::{self, Achieved, Shortfall},
};

/// Name and version of the contract.
pub const SCHEMA: &str = "zc/1";

/// One frame.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    #[serde(flatten)]
    pub(super) head: Head<'a>,
    pub(super) processes: Processes<'a>,
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
    limitations: &'a [Limitation],
    totals: Entry<'a>,
}

/// What comes after the processes.
#[derive(Debug, Serialize)]
pub(super) struct Tail<'a> {
    unattributed: Entry<'a>,
    devices: Vec<Device<'a>>,
    losses: LossCounts<'a>,
    #[serde(rename = "self")]
    self_cost: &'a SelfCost,
}

/// Rows that exist one at a time: there may be ten thousand.
#[derive(Debug)]
pub(super) struct Processes<'a> {
    pub(super) listed: Vec<&'a ProcessSample>,
    frame: &'a Frame,
    worth: Worth,
}

/// What each counter is worth on the machine, looked up once per document.
#[derive(Clone, Copy, Debug)]
struct Worth([Provenance; CounterId::COUNT]);

#[derive(Debug, Serialize)]
struct Entry<'a> {
    counters: CounterValues<'a>,
    provenance: Worths,
    /// Share of the CPU time spent copying, and how far it may be off; `null` when not known.
    copy_tax: Option<f64>,
    copy_tax_margin: Option<f64>,
    /// Bytes moved on paths of which it is not known whether they were copied: `copied_bytes` may
    /// be short by as many.
    unknown_moved_bytes: u64,
    paths: Vec<Path<'a>>,
    /// What was asked for without a copy, and what came of it.
    zerocopy: Vec<Zerocopy>,
}

#[derive(Debug, Serialize)]
struct Zerocopy {
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
pub(super) struct Process<'a> {
    #[serde(flatten)]
    pub(super) identity: Identity<'a>,
    #[serde(flatten)]
    pub(super) work: Work<'a>,
}

/// Who it is.
#[derive(Debug, Serialize)]
pub(super) struct Identity<'a> {
    pid: u32,
    ppid: u32,
    start_ns: u64,
    comm: &'a str,
    cgroup: Option<&'a str>,
    kernel: bool,
    exited: bool,
    merged: u64,
}

/// What it did.
#[derive(Debug, Serialize)]
pub(super) struct Work<'a> {
    #[serde(flatten)]
    entry: Entry<'a>,
    advice: Vec<Advice>,
}

/// One path in a document.
#[derive(Debug, Serialize)]
pub struct Path<'a> {
    path: PathId,
    #[serde(flatten)]
    counts: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    sockets: Option<Sockets<'a>>,
}

#[derive(Debug, Serialize)]
struct Counts {
    ops: u64,
    errors: u64,
    moved_bytes: u64,
    copied_bytes: Option<u64>,
    /// The part of `copied_bytes` that no hooked function counted; left out when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    assumed_bytes: Option<u64>,
    provenance: Provenance,
}

#[derive(Debug, Serialize)]
struct Advice {
    rule: &'static str,
    paths: Vec<PathId>,
    evidence: String,
    remedy: &'static str,
    saved_copied_bytes: u64,
    saved_mode_switches: u64,
}

/// One device in a document.
#[derive(Debug, Serialize)]
pub struct Device<'a> {
    device: &'a str,
    kind: DeviceKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<u64>,
    software: bool,
    /// A device without hardware behind it does no DMA: there is nothing to count.
    dma_read_bytes: Option<u64>,
    dma_write_bytes: Option<u64>,
    /// Devices on their bus have mappings instead.
    read_bytes: Option<u64>,
    write_bytes: Option<u64>,
    read_requests: Option<u64>,
    write_requests: Option<u64>,
    errors: Option<u64>,
    /// Network interfaces only.
    linear_bytes: Option<u64>,
    gather_bytes: Option<u64>,
    /// Devices on their bus, and IOMMUs, only.
    #[serde(skip_serializing_if = "Option::is_none")]
    mapped: Option<Mapped>,
}

/// Counters by id, `null` where this kernel cannot tell.
#[derive(Debug)]
struct CounterValues<'a> {
    counters: &'a Counters,
    copied_bytes: Option<u64>,
    worth: Worth,
}

/// What the counters are worth that are not simply measured, and `copied_bytes` always.
#[derive(Debug)]
struct Worths {
    copied_bytes: Provenance,
    worth: Worth,
}

#[derive(Debug)]
struct Sockets<'a>(&'a [PathSample]);

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
            unattributed: _,
            devices,
            losses,
            self_cost,
        } = frame;
        let worth = Worth::on(host);
        let head = Head {
            schema: SCHEMA,
            kernel: &host.kernel,
            arch: &host.arch,
            host: &host.name,
            taken_at_ns: *taken_at_ns,
            elapsed_ns: *elapsed_ns,
            limitations: &host.limitations,
            totals: Entry::new(Row::totals(frame), frame, worth),
        };
        let tail = Tail {
            unattributed: Entry::new(Row::unattributed(frame), frame, worth),
            devices: devices.iter().map(Device::new).collect(),
            losses: LossCounts(losses),
            self_cost,
        };
        Self {
            head,
            processes: Processes { listed: listing.of(frame).collect(), frame, worth },
            tail,
        }
    }
}

impl Worth {
    fn on(host: &Host) -> Self {
        Self(std::array::from_fn(|index| host.provenance(CounterId::ALL[index])))
    }

    fn of(self, counter: CounterId) -> Provenance {
        self.0[counter as usize]
    }
}

impl<'a> Entry<'a> {
    fn new(row: Row<'a>, frame: &Frame, worth: Worth) -> Self {
        let Row { counters, paths, .. } = row;
        let copied = frame.copied(paths);
        let unavailable = copied.is_unavailable();
        Self {
            counters: CounterValues {
                counters,
                copied_bytes: (!unavailable).then_some(copied.bytes),
                worth,
            },
            provenance: Worths {
                copied_bytes: if unavailable { Provenance::Unavailable } else { copied.provenance },
                worth,
            },
            copy_tax: tax::copy_tax(counters, frame).number(),
            copy_tax_margin: tax::copy_tax_margin(counters, frame).number(),
            unknown_moved_bytes: copied.unknown_moved_bytes,
            paths: Path::all(paths),
            zerocopy: zerocopy::requests(row, frame).iter().map(Zerocopy::new).collect(),
        }
    }
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

impl<'a> Processes<'a> {
    /// The row of a process.
    pub(super) fn row(&self, process: &'a ProcessSample) -> Process<'a> {
        Process {
            identity: Identity::new(process),
            work: self.work(&process.counters, &process.paths),
        }
    }

    /// What a process did that has these counts.
    pub(super) fn work<'b>(&self, counters: &'b Counters, paths: &'b [PathSample]) -> Work<'b> {
        let row = Row { process: None, counters, paths };
        Work {
            entry: Entry::new(row, self.frame, self.worth),
            advice: advice::all(row, self.frame).iter().map(Advice::new).collect(),
        }
    }
}

impl<'a> Identity<'a> {
    pub(super) fn new(process: &'a ProcessSample) -> Self {
        let ProcessSample {
            id,
            parent,
            comm,
            cgroup,
            kernel,
            exited,
            merged,
            counters: _,
            paths: _,
            tracked: _,
        } = process;
        Self {
            pid: id.pid,
            ppid: parent.pid,
            start_ns: id.start_ns,
            comm,
            cgroup: cgroup.as_deref(),
            kernel: *kernel,
            exited: *exited,
            merged: *merged,
        }
    }
}

impl<'a> Path<'a> {
    /// A row for each path.
    pub fn all(paths: &'a [PathSample]) -> Vec<Self> {
        ledger::by_path(paths)
            .map(|(sum, kinds)| Self {
                path: sum.path,
                counts: Counts::new(&sum),
                sockets: (!kinds.is_empty()).then_some(Sockets(kinds)),
            })
            .collect()
    }
}

impl Counts {
    fn new(sample: &PathSample) -> Self {
        let PathSample {
            path: _,
            socket: _,
            ops,
            errors,
            moved_bytes,
            copied_bytes,
            assumed_bytes,
            provenance,
        } = *sample;
        let known = provenance != Provenance::Unavailable;
        Self {
            ops,
            errors,
            moved_bytes,
            copied_bytes: known.then_some(copied_bytes),
            assumed_bytes: (assumed_bytes > 0).then_some(assumed_bytes),
            provenance,
        }
    }
}

impl Advice {
    fn new(advice: &advice::Advice) -> Self {
        let rule: Rule = advice.rule;
        Self {
            rule: rule.id(),
            paths: advice.paths().map(PathId::Known).collect(),
            evidence: evidence(advice),
            remedy: advice.remedy(),
            saved_copied_bytes: advice.saving.copied_bytes,
            saved_mode_switches: advice.saving.mode_switches,
        }
    }
}

impl<'a> Device<'a> {
    /// The entry of this device.
    #[must_use]
    pub fn new(sample: &'a DeviceSample) -> Self {
        let DeviceSample {
            device,
            kind,
            namespace,
            software,
            read_bytes,
            write_bytes,
            read_requests,
            write_requests,
            errors,
            linear_bytes,
            gather_bytes,
            mapped,
        } = sample;
        let net = *kind == DeviceKind::Net;
        let dma = sample.does_dma();
        let moved = |count: &u64| kind.moves_bytes().then_some(*count);
        Self {
            device,
            kind: *kind,
            namespace: *namespace,
            software: *software,
            dma_read_bytes: dma.then_some(*read_bytes),
            dma_write_bytes: dma.then_some(*write_bytes),
            read_bytes: moved(read_bytes),
            write_bytes: moved(write_bytes),
            read_requests: moved(read_requests),
            write_requests: moved(write_requests),
            errors: moved(errors),
            linear_bytes: net.then_some(*linear_bytes),
            gather_bytes: net.then_some(*gather_bytes),
            mapped: *mapped,
        }
    }
}

impl Serialize for Processes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.listed.iter().map(|process| self.row(process)))
    }
}

impl Serialize for CounterValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.counters.iter().map(|(counter, value)| {
            let known = self.worth.of(counter) != Provenance::Unavailable;
            let value = match counter {
                CounterId::CopiedBytes => self.copied_bytes,
                _ => known.then_some(value),
            };
            (counter.id(), value)
        }))
    }
}

impl Serialize for Worths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let limited = CounterId::ALL
            .iter()
            .filter(|counter| **counter != CounterId::CopiedBytes)
            .map(|counter| (counter.id(), self.worth.of(*counter)))
            .filter(|(_, provenance)| *provenance != Provenance::Measured);
        serializer.collect_map(
            [(CounterId::CopiedBytes.id(), self.copied_bytes)].into_iter().chain(limited),
        )
    }
}

impl Serialize for Sockets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.0.iter().filter_map(|sample| Some((sample.socket?.id(), Counts::new(sample)))),
        )
    }
}

impl Serialize for LossCounts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reasons = self.0.iter().map(|(loss, count)| (loss.id(), count));
        serializer.collect_map([("total", self.0.total())].into_iter().chain(reasons))
    }
}
