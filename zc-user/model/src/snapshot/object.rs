//! Files, sockets and pipes: what each process moved from and to them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use zc_common::path::CopyPath;

use super::{PathSample, ProcessId};
use crate::id::Id;

/// What tells an object from others: an inode.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct ObjectId {
    /// Number of the inode.
    pub inode: u64,
    /// Device of its file system: major number.
    pub major: u32,
    /// The same: minor number.
    pub minor: u32,
    /// Generation of the inode, which differs when its number is used again.
    pub generation: u32,
}

/// What kind of object it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A regular file.
    File,
    /// A block device.
    BlockDevice,
    /// A character device.
    CharacterDevice,
    /// A pipe or FIFO.
    Pipe,
    /// A socket.
    Socket,
    /// Something else, such as an eventfd.
    Other,
}

impl ObjectKind {
    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::BlockDevice => "block_device",
            Self::CharacterDevice => "character_device",
            Self::Pipe => "pipe",
            Self::Socket => "socket",
            Self::Other => "other",
        }
    }

    /// Whether something that is read from it was written to it by another process: a socket or a pipe.
    #[must_use]
    pub const fn has_peer(self) -> bool {
        matches!(self, Self::Pipe | Self::Socket)
    }
}

/// Both ends of a socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ends {
    /// The protocol, such as `tcp`, `unix`, `netlink`.
    pub protocol: String,
    /// This end: address and port, or the name of a unix socket, `@` first when it is abstract. `None`: it has none.
    pub local: Option<String>,
    /// The other end. `None`: it is not connected, so that each message may have another one, or has no name.
    pub remote: Option<String>,
    /// Number of the inode of the other end's socket, where that is on this machine and known.
    pub peer_inode: Option<u64>,
    /// Unix sockets: numbers of this end and of the other one, which other sockets of the same time do not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<[u64; 2]>,
    /// The network namespace (inode number).
    pub namespace: u32,
    /// It is another one than that of `zc`.
    #[serde(default)]
    pub is_foreign: bool,
}

/// An object, as it was when it was first seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Object {
    /// Identity.
    pub id: ObjectId,
    /// Kind.
    pub kind: ObjectKind,
    /// Its path in the tree of files of the process, or how `/proc/PID/fd` calls it: hostile input, sanitise before
    /// display. `None`: it was not seen in time.
    pub name: Option<String>,
    /// The name begins at the root; otherwise the components before it are unknown.
    pub is_whole: bool,
    /// It had no name any more.
    pub is_deleted: bool,
    /// The mount namespace (inode number) in which the path holds, where that is not the one that `zc` runs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount_namespace: Option<u32>,
    /// Sockets only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Ends>,
}

/// What a process moved from and to an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectSample {
    /// The object.
    pub object: Arc<Object>,
    /// The process; all 0 when it is unattributed.
    pub process: ProcessId,
    /// The name of the process: hostile input.
    pub comm: Arc<str>,
    /// Paths on which bytes came from it.
    pub from: Vec<PathSample>,
    /// Paths on which bytes went to it.
    pub to: Vec<PathSample>,
}

/// Why bytes are in the row of no object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// There was no room for the object, or none any more for what was kept of it.
    NoRoom,
    /// Which object it was is unknown: another thread closed or replaced the descriptor, or there is none.
    UnknownObject,
    /// The kernel did it where `zc` does not look at the object: libaio, and io_uring on some kernels.
    NotAttributed,
}

impl Outside {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NoRoom, Self::UnknownObject, Self::NotAttributed];

    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::NoRoom => "no_room",
            Self::UnknownObject => "unknown_object",
            Self::NotAttributed => "not_attributed",
        }
    }
}

/// What is in the row of no object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutsideSample {
    /// Why.
    pub reason: Outside,
    /// Paths on which bytes came from an object.
    pub from: Vec<PathSample>,
    /// Paths on which bytes went to one.
    pub to: Vec<PathSample>,
}

/// How bytes got from an object to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowVia {
    /// A call moved them there, on this path. Through a pipe: the call that took them out of it.
    Path(Id<CopyPath>),
    /// A thread read or received them, and wrote or sent them right after that from the same buffer.
    Relayed,
}

/// What a process moved from an object to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowSample {
    /// Where the bytes came from.
    pub from: Arc<Object>,
    /// Where they went to.
    pub to: Arc<Object>,
    /// The process; all 0 when it is unattributed.
    pub process: ProcessId,
    /// The name of the process: hostile input.
    pub comm: Arc<str>,
    /// How.
    pub via: FlowVia,
    /// Calls that moved bytes to the second object.
    pub ops: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Everything that is counted per object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Objects {
    /// A row per process and object.
    pub rows: Vec<ObjectSample>,
    /// What is in none.
    pub outside: Vec<OutsideSample>,
    /// From which object to which one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flows: Vec<FlowSample>,
}
