//! Documents of the contract, read back: as frames, so that everything that is derived from these is derived from
//! documents, too.
//!
//! A document is hostile input: it is bounded, what it counts is bounded, and what cannot be read is said in words.

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
    io::{self, Read},
    rc::Rc,
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{StreamDeserializer, de::IoRead};

use super::SCHEMA;
use zc_model::{
    counter::{CounterId, Counters},
    frame::{Earlier, Frame, Scope, Totals},
    ledger,
    snapshot::{
        DeviceKind, DeviceSample, Host, Limitation, Losses, Mapped, PathId, PathSample, ProcessId,
        ProcessSample, Provenance, SelfCost, SocketId, Unattributed,
    },
    user_copies,
};

/// The most bytes of one document: ten thousand processes take a tenth of it.
const MOST_BYTES: u64 = 256 << 20;

/// The most that one count may be. A machine that copies ten gigabytes a second needs ten days for it.
const MOST: u64 = 1 << 53;

/// Why a document cannot be read.
#[derive(Debug)]
pub enum Unreadable {
    /// The file cannot be read.
    Io(io::Error),
    /// It is none, or none of this contract: why.
    Content(String),
}

/// Of a run of several (`zc stat --repeat`), which one it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The number of the run, from 1 on.
    pub number: u32,
    /// How many runs were asked for.
    pub of: u32,
    /// The status that the command ended with, as a shell has it.
    pub status: u8,
    /// A signal ended the series during this run.
    pub interrupted: bool,
}

/// A document that was read.
#[derive(Clone, Debug)]
pub struct Taken {
    /// What it says.
    pub frame: Frame,
    /// Which run it is, if it is one of several.
    pub run: Option<Run>,
}

/// The documents in `input`, one after the other.
pub fn read<R: Read>(input: R) -> Documents<R> {
    bounded(input, MOST_BYTES)
}

/// The same, where a document has `most` bytes at most.
fn bounded<R: Read>(input: R, most: u64) -> Documents<R> {
    let left = Rc::new(Cell::new(most));
    let bounded = Bounded { input, left: Rc::clone(&left) };
    Documents { most, left, parsed: serde_json::Deserializer::from_reader(bounded).into_iter() }
}

/// Documents, one after the other. After an error there are no more.
pub struct Documents<R: Read> {
    most: u64,
    left: Rc<Cell<u64>>,
    parsed: StreamDeserializer<'static, IoRead<Bounded<R>>, Document>,
}

impl<R: Read> Iterator for Documents<R> {
    type Item = Result<Taken, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left.set(self.most);
        let document = self.parsed.next()?;
        Some(document.map(Taken::from).map_err(|error| match error.io_error_kind() {
            Some(kind) if kind != io::ErrorKind::FileTooLarge => Unreadable::Io(error.into()),
            _ => Unreadable::Content(brief(&error.to_string())),
        }))
    }
}

/// Without the rest of a text that the document has in place of something else.
fn brief(text: &str) -> String {
    const MOST: usize = 300;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// No more than [`MOST_BYTES`] for a document.
struct Bounded<R> {
    input: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let got = self.input.read(bytes)?;
        let left = self.left.get().checked_sub(got as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::FileTooLarge, "a document is larger than 256 MiB")
        })?;
        self.left.set(left);
        Ok(got)
    }
}

#[derive(Debug, Deserialize)]
struct Document {
    // First, so that another contract is what is said.
    #[serde(rename = "schema")]
    _schema: Schema,
    kernel: String,
    arch: String,
    host: String,
    taken_at_ns: u64,
    elapsed_ns: u64,
    #[serde(default)]
    limitations: Vec<Limitation>,
    #[serde(default)]
    run: Option<Run>,
    totals: Entry,
    #[serde(default)]
    processes: Vec<Process>,
    unattributed: Entry,
    #[serde(default)]
    copiers: Option<de::IgnoredAny>,
    #[serde(default)]
    devices: Vec<Device>,
    losses: LossCounts,
}

#[derive(Debug)]
struct Schema;

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let schema = String::deserialize(deserializer)?;
        if schema == SCHEMA {
            return Ok(Self);
        }
        Err(de::Error::custom(if schema.starts_with("zc/") {
            format!("it has schema {schema:?}, and this zc reads {SCHEMA:?}: use a newer zc")
        } else {
            format!("it has schema {schema:?}, and not {SCHEMA:?}")
        }))
    }
}

#[derive(Debug, Deserialize)]
struct Entry {
    counters: CounterValues,
    #[serde(default)]
    provenance: BTreeMap<String, Provenance>,
    #[serde(default)]
    paths: Vec<Path>,
}

/// Counts by id; `null` for those that are not known. Ids of a newer version have no place in what is compared.
#[derive(Debug)]
struct CounterValues {
    counters: Counters,
    unknown: Vec<CounterId>,
}

impl<'de> Deserialize<'de> for CounterValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = BTreeMap::<String, Option<Count>>::deserialize(deserializer)?;
        let (mut counters, mut unknown) = (Counters::default(), Vec::new());
        for counter in CounterId::ALL {
            match values.get(counter.id()) {
                Some(Some(Count(value))) => counters[*counter] = *value,
                _ => unknown.push(*counter),
            }
        }
        Ok(Self { counters, unknown })
    }
}

/// A count that a machine can have counted.
#[derive(Clone, Copy, Debug, Default)]
struct Count(u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let count = u64::deserialize(deserializer)?;
        if count >= MOST {
            return Err(de::Error::custom(format!(
                "it counts {count} of something, which no machine can have counted"
            )));
        }
        Ok(Self(count))
    }
}

#[derive(Debug, Deserialize)]
struct Path {
    path: PathId,
    #[serde(flatten)]
    counts: Counts,
    #[serde(default)]
    sockets: BTreeMap<SocketId, Counts>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Counts {
    ops: Count,
    errors: Count,
    moved_bytes: Count,
    copied_bytes: Option<Count>,
    #[serde(default)]
    assumed_bytes: Count,
    provenance: Provenance,
}

impl Counts {
    fn sample(self, path: PathId, socket: Option<SocketId>) -> PathSample {
        PathSample {
            path,
            socket,
            ops: self.ops.0,
            errors: self.errors.0,
            moved_bytes: self.moved_bytes.0,
            copied_bytes: self.copied_bytes.unwrap_or_default().0,
            assumed_bytes: self.assumed_bytes.0,
            provenance: if self.copied_bytes.is_none() {
                Provenance::Unavailable
            } else {
                self.provenance
            },
        }
    }
}

#[derive(Debug, Deserialize)]
struct Process {
    pid: u32,
    #[serde(default)]
    ppid: u32,
    start_ns: u64,
    comm: String,
    #[serde(default)]
    cgroup: Option<String>,
    #[serde(default)]
    uid: Option<u32>,
    #[serde(default)]
    kernel: bool,
    #[serde(default)]
    exited: bool,
    #[serde(default)]
    merged: Count,
    counters: CounterValues,
    #[serde(default)]
    paths: Vec<Path>,
}

#[derive(Debug, Deserialize)]
struct Device {
    device: String,
    kind: DeviceKind,
    #[serde(default)]
    namespace: Option<u64>,
    #[serde(default)]
    software: bool,
    #[serde(default)]
    read_bytes: Option<Count>,
    #[serde(default)]
    write_bytes: Option<Count>,
    #[serde(default)]
    read_requests: Option<Count>,
    #[serde(default)]
    write_requests: Option<Count>,
    #[serde(default)]
    errors: Option<Count>,
    #[serde(default)]
    linear_bytes: Option<Count>,
    #[serde(default)]
    gather_bytes: Option<Count>,
    #[serde(default)]
    mapped: Option<Mapped>,
}

impl From<Device> for DeviceSample {
    fn from(device: Device) -> Self {
        let count = |count: Option<Count>| count.unwrap_or_default().0;
        Self {
            device: device.device,
            kind: device.kind,
            namespace: device.namespace,
            software: device.software,
            read_bytes: count(device.read_bytes),
            write_bytes: count(device.write_bytes),
            read_requests: count(device.read_requests),
            write_requests: count(device.write_requests),
            errors: count(device.errors),
            linear_bytes: count(device.linear_bytes),
            gather_bytes: count(device.gather_bytes),
            mapped: device.mapped,
        }
    }
}

#[derive(Debug)]
struct LossCounts(Losses);

impl<'de> Deserialize<'de> for LossCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut counts = BTreeMap::<String, Count>::deserialize(deserializer)?;
        // The sum of the others.
        counts.remove("total");
        let counts = counts.into_iter().map(|(id, count)| (id, count.0));
        Losses::deserialize(de::value::MapDeserializer::new(counts)).map(Self)
    }
}

/// In order, one sample per path and kind of socket.
fn samples(paths: &[Path]) -> Vec<PathSample> {
    let mut samples = Vec::new();
    for path in paths {
        if path.sockets.is_empty() {
            ledger::add(&mut samples, &[path.counts.sample(path.path, None)]);
        }
        for (kind, counts) in &path.sockets {
            ledger::add(&mut samples, &[counts.sample(path.path, Some(*kind))]);
        }
    }
    samples
}

impl From<Process> for ProcessSample {
    fn from(process: Process) -> Self {
        Self {
            id: ProcessId { pid: process.pid, start_ns: process.start_ns },
            parent: ProcessId { pid: process.ppid, start_ns: 0 },
            comm: process.comm.into(),
            cgroup: process.cgroup.map(Into::into),
            user: process.uid,
            ancestry: None,
            kernel: process.kernel,
            exited: process.exited,
            merged: process.merged.0.max(1),
            paths: samples(&process.paths),
            counters: process.counters.counters,
        }
    }
}

impl From<Document> for Taken {
    fn from(document: Document) -> Self {
        let is_limited = |counter: &CounterId| {
            document.limitations.iter().any(|limit| limit.counter == *counter)
        };
        let user_copies = document.copiers.is_some();
        let is_left_out =
            |counter: &CounterId| !user_copies && user_copies::COUNTERS.contains(counter);
        let unsaid = document
            .totals
            .counters
            .unknown
            .iter()
            .filter(|counter| !is_limited(counter) && !is_left_out(counter))
            .map(|counter| Limitation {
                counter: (*counter).into(),
                provenance: Provenance::Unavailable,
                reason: "the document does not have it".to_owned(),
            })
            .collect::<Vec<_>>();
        // Where there is nothing to copy, it is that of an ordinary copy on the machine.
        let entry = match document.unattributed.paths.is_empty() {
            true => &document.unattributed,
            false => &document.totals,
        };
        let copies = entry.provenance.get(CounterId::CopiedBytes.id()).copied();
        let host = Host {
            name: document.host,
            kernel: document.kernel,
            arch: document.arch,
            cpus: 0,
            page_bytes: 0,
            clock_ticks: 0,
            copies: copies.unwrap_or(Provenance::Unavailable),
            users: BTreeMap::new(),
            user_copies,
            limitations: document.limitations.into_iter().chain(unsaid).collect(),
        };
        let frame = Frame {
            host: Arc::new(host),
            taken_at_ns: document.taken_at_ns,
            elapsed_ns: document.elapsed_ns,
            totals: Totals {
                counters: document.totals.counters.counters,
                paths: samples(&document.totals.paths),
            },
            processes: document.processes.into_iter().map(Into::into).collect(),
            threads: Vec::new(),
            copiers: Vec::new(),
            objects: None,
            stacks: None,
            unattributed: Unattributed {
                counters: document.unattributed.counters.counters,
                paths: samples(&document.unattributed.paths),
            },
            devices: document.devices.into_iter().map(Into::into).collect(),
            losses: document.losses.0,
            scope: Scope::default(),
            ended_before: HashMap::new(),
            crowded: false,
            self_cost: SelfCost::default(),
            earlier: Earlier::default(),
        };
        Self { frame, run: document.run }
    }
}

#[cfg(test)]
mod tests;
