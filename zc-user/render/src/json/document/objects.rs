//! Files, sockets and pipes in the document.

use serde::{Serialize, Serializer};

use super::Path;
use zc_model::{
    frame::Frame,
    object::Peers,
    snapshot::{
        Ends, FlowSample, FlowVia, Object, ObjectSample, Objects, OutsideSample, ProcessId,
    },
};

/// What was counted per object, where that was asked for.
#[derive(Debug, Serialize)]
pub(super) struct Counted<'a> {
    objects: Rows<'a>,
    objects_outside: Vec<Outside<'a>>,
    flows: Flows<'a>,
}

/// Flows that exist one at a time.
#[derive(Debug)]
struct Flows<'a>(&'a [FlowSample]);

#[derive(Debug, Serialize)]
struct Flow<'a> {
    from: End<'a>,
    to: End<'a>,
    /// `None`: relayed.
    path: Option<&'static str>,
    relayed: bool,
    #[serde(flatten)]
    process: Process<'a>,
    ops: u64,
    bytes: u64,
}

/// What tells an object from the others.
#[derive(Debug, Serialize)]
struct End<'a> {
    kind: &'static str,
    device: String,
    inode: u64,
    generation: u32,
    name: Option<&'a str>,
}

/// Rows that exist one at a time.
#[derive(Debug)]
struct Rows<'a> {
    objects: &'a Objects,
    frame: &'a Frame,
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    kind: &'static str,
    device: String,
    inode: u64,
    generation: u32,
    name: Option<&'a str>,
    whole: bool,
    deleted: bool,
    mount_namespace: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket: Option<Socket<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    peers: Vec<Process<'a>>,
    #[serde(flatten)]
    process: Process<'a>,
    from: Vec<Path<'a>>,
    to: Vec<Path<'a>>,
}

/// Sockets only.
#[derive(Debug, Serialize)]
struct Socket<'a> {
    protocol: &'a str,
    local: Option<&'a str>,
    remote: Option<&'a str>,
    peer_inode: Option<u64>,
    namespace: u32,
    foreign: bool,
}

#[derive(Debug, Serialize)]
struct Process<'a> {
    pid: u32,
    start_ns: u64,
    comm: &'a str,
}

#[derive(Debug, Serialize)]
struct Outside<'a> {
    reason: &'static str,
    from: Vec<Path<'a>>,
    to: Vec<Path<'a>>,
}

impl<'a> Counted<'a> {
    pub(super) fn of(frame: &'a Frame) -> Option<Self> {
        let objects = frame.objects.as_ref()?;
        let outside = |sample: &'a OutsideSample| Outside {
            reason: sample.reason.id(),
            from: Path::all(&sample.from, frame),
            to: Path::all(&sample.to, frame),
        };
        Some(Self {
            objects: Rows { objects, frame },
            objects_outside: objects.outside.iter().map(outside).collect(),
            flows: Flows(&objects.flows),
        })
    }
}

impl<'a> Flow<'a> {
    fn new(flow: &'a FlowSample) -> Self {
        let end = |object: &'a Object| End {
            kind: object.kind.id(),
            device: format!("{}:{}", object.id.major, object.id.minor),
            inode: object.id.inode,
            generation: object.id.generation,
            name: object.name.as_deref(),
        };
        let path = match &flow.via {
            FlowVia::Path(path) => Some(path.id()),
            FlowVia::Relayed => None,
        };
        Self {
            from: end(&flow.from),
            to: end(&flow.to),
            path,
            relayed: path.is_none(),
            process: Process::new(flow.process, &flow.comm),
            ops: flow.ops,
            bytes: flow.bytes,
        }
    }
}

impl<'a> Row<'a> {
    fn new(row: &'a ObjectSample, peers: &Peers<'a>, frame: &'a Frame) -> Self {
        let Object { id, kind, name, is_whole, is_deleted, mount_namespace, ends } = &*row.object;
        let peers = peers.of(&row.object, &[row.process]);
        Self {
            kind: kind.id(),
            device: format!("{}:{}", id.major, id.minor),
            inode: id.inode,
            generation: id.generation,
            name: name.as_deref(),
            whole: *is_whole,
            deleted: *is_deleted,
            mount_namespace: *mount_namespace,
            socket: ends.as_ref().map(Socket::new),
            peers: peers.into_iter().map(|(process, comm)| Process::new(process, comm)).collect(),
            process: Process::new(row.process, &row.comm),
            from: Path::all(&row.from, frame),
            to: Path::all(&row.to, frame),
        }
    }
}

impl<'a> Socket<'a> {
    fn new(ends: &'a Ends) -> Self {
        let Ends { protocol, local, remote, peer_inode, links: _, namespace, is_foreign } = ends;
        Self {
            protocol,
            local: local.as_deref(),
            remote: remote.as_deref(),
            peer_inode: *peer_inode,
            namespace: *namespace,
            foreign: *is_foreign,
        }
    }
}

impl<'a> Process<'a> {
    const fn new(id: ProcessId, comm: &'a str) -> Self {
        Self { pid: id.pid, start_ns: id.start_ns, comm }
    }
}

impl Serialize for Flows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Flow::new))
    }
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let peers = self.objects.peers();
        let rows = self.objects.rows.iter();
        serializer.collect_seq(rows.map(|row| Row::new(row, &peers, self.frame)))
    }
}
