//! What the kernel side keeps per open object: a file, a socket, a pipe.
//!
//! Bytes on a path come from an object, go to one, or both. Each of these ends is counted on its own: for each end that
//! a path has, the rows and what is in no row add up to what the path has.

use crate::{
    COMM_LEN,
    path::{CopyPath, LANES, lane_path},
    record::LaneCount,
};

/// [`RowKey::end`]: the bytes come from the object.
pub const END_FROM: u8 = 0;
/// [`RowKey::end`]: the bytes go to the object.
pub const END_TO: u8 = 1;
/// Ends of a path.
pub const ENDS: usize = 2;

/// Why an end is in no row: the table of rows was full.
pub const NO_ROOM: usize = 0;
/// Why an end is in no row: which object it was is unknown.
pub const UNKNOWN_OBJECT: usize = 1;
/// Reasons of the kernel side.
pub const REASONS: usize = 2;

/// Elements of the array that has what is in no row: by reason, end and lane.
pub const OUTSIDE: u32 = (REASONS * ENDS * LANES) as u32;

/// The element for a reason, an end and a lane.
#[must_use]
#[inline(always)]
pub const fn outside(reason: usize, end: usize, lane: usize) -> u32 {
    ((reason * ENDS + end) * LANES + lane) as u32
}

/// What tells an object from others: an inode. The kernel uses numbers of inodes again, most file systems with
/// another generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct ObjectKey {
    /// Number of the inode.
    pub inode: u64,
    /// Device of its file system, as the kernel has it: `major << 20 | minor`.
    pub device: u32,
    /// Generation of the inode.
    pub generation: u32,
}

/// A row: what a process moved from or to an object, on a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct RowKey {
    /// The object.
    pub object: ObjectKey,
    /// Start of the process, ns of CLOCK_BOOTTIME; 0 when it is unattributed.
    pub start_ns: u64,
    /// Process id; 0 when it is unattributed.
    pub tgid: u32,
    /// The lane.
    pub lane: u8,
    /// One of the `END_` values.
    pub end: u8,
    /// Explicit padding: hash keys compare every byte.
    pub pad: [u8; 2],
}

/// Bytes of [`ObjectDetail::text`].
pub const TEXT_LEN: usize = 640;

/// [`ObjectDetail::flags`]: everything is there; until then another CPU is writing it.
pub const DETAIL_DONE: u32 = 1;
/// [`ObjectDetail::flags`]: the components of the path reach the root of its mount namespace.
pub const DETAIL_WHOLE: u32 = 1 << 1;
/// [`ObjectDetail::flags`]: the text is the address of the other end of a unix socket, and not its own.
pub const DETAIL_OF_PEER: u32 = 1 << 2;
/// [`ObjectDetail::flags`]: the file had no name any more when it was first seen.
pub const DETAIL_DELETED: u32 = 1 << 3;

/// What names an object, as it was when it was first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct ObjectDetail {
    /// One of the `DETAIL_` values, or several.
    pub flags: u32,
    /// Type of the file, and rights (`i_mode`).
    pub mode: u32,
    /// Inode number of the network namespace of a socket, or of the mount namespace of a file; 0 when it has none.
    pub namespace: u32,
    /// Kind of file system (`s_magic`).
    pub magic: u32,
    /// Unix sockets: the inode of the other end, where it has one already or still.
    pub peer: u64,
    /// Unix sockets: what tells this end and the other one from other sockets while both exist.
    pub links: [u64; 2],
    /// Sockets: the addresses of both ends, in network order; IPv4 takes 4 bytes.
    pub local: [u64; 2],
    /// See `local`.
    pub remote: [u64; 2],
    /// Sockets: the ports, in host order.
    pub local_port: u16,
    /// See `local_port`.
    pub remote_port: u16,
    /// Sockets: `AF_`.
    pub family: u16,
    /// Sockets: `SOCK_`.
    pub socket: u16,
    /// Sockets: `IPPROTO_`.
    pub protocol: u16,
    /// Bytes of the text that are in use.
    pub text_len: u16,
    /// Character and block devices: their number, as the kernel has it.
    pub rdev: u32,
    /// Files: the components of the path, from the last to the first, each with a NUL behind it. Unix sockets: the
    /// path or the abstract name, which begins with a NUL.
    pub text: [u8; TEXT_LEN],
}

impl ObjectDetail {
    /// Nothing known.
    pub const ZERO: Self = Self {
        flags: 0,
        mode: 0,
        namespace: 0,
        magic: 0,
        peer: 0,
        links: [0; 2],
        local: [0; 2],
        remote: [0; 2],
        local_port: 0,
        remote_port: 0,
        family: 0,
        socket: 0,
        protocol: 0,
        text_len: 0,
        rdev: 0,
        text: [0; TEXT_LEN],
    };
}

/// What is kept in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Row {
    /// As the counts of a lane.
    pub count: LaneCount,
    /// Name of the thread that used the object first, NUL padded, as words in memory.
    pub comm: [u64; COMM_LEN / 8],
}

impl Row {
    /// Nothing counted.
    pub const ZERO: Self = Self { count: LaneCount::ZERO, comm: [0; COMM_LEN / 8] };
}

/// [`FlowKey::lane`]: a thread read or received the bytes, and wrote or sent them right after that from the same buffer.
pub const FLOW_RELAYED: u8 = u8::MAX;

/// What a process moved from one object to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct FlowKey {
    /// Where the bytes came from.
    pub from: ObjectKey,
    /// Where they went to.
    pub to: ObjectKey,
    /// Start of the process, ns of CLOCK_BOOTTIME; 0 when it is unattributed.
    pub start_ns: u64,
    /// Process id; 0 when it is unattributed.
    pub tgid: u32,
    /// The lane on which they reached the second object, or [`FLOW_RELAYED`].
    pub lane: u32,
}

/// What is kept of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Flow {
    /// Calls that moved bytes to the second object.
    pub ops: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Whether bytes on a path come from an object, and whether they go to one.
#[must_use]
pub const fn ends(path: CopyPath) -> [bool; ENDS] {
    match path {
        CopyPath::FileRead
        | CopyPath::DirectRead
        | CopyPath::PseudoRead
        | CopyPath::SocketRecv
        | CopyPath::SocketRecvZerocopy
        | CopyPath::PipeRead
        | CopyPath::MmapRead => [true, false],
        CopyPath::FileWrite
        | CopyPath::DirectWrite
        | CopyPath::PseudoWrite
        | CopyPath::SocketSend
        | CopyPath::SocketSendZerocopy
        | CopyPath::PipeWrite
        | CopyPath::Vmsplice
        | CopyPath::MmapWrite => [false, true],
        CopyPath::Tee
        | CopyPath::SendfileToSocket
        | CopyPath::SendfileToFile
        | CopyPath::SendfileToPipe
        | CopyPath::SendfileToPseudo
        | CopyPath::SpliceFilePipe
        | CopyPath::SplicePipeSocket
        | CopyPath::SplicePipeFile
        | CopyPath::SpliceSocketPipe
        | CopyPath::SplicePipePipe
        | CopyPath::SplicePipePseudo
        | CopyPath::CopyRangeReflink
        | CopyPath::CopyRangeCopied => [true, true],
        CopyPath::CowCopy
        | CopyPath::ProcessVm
        | CopyPath::SwiotlbBounce
        | CopyPath::SkbLinearize
        | CopyPath::KernelCopy => [false, false],
    }
}

/// As [`ends`], by lane: a bit for each end.
pub const LANE_ENDS: [u8; LANES] = {
    let mut table = [0; LANES];
    let mut lane = 0;
    while lane < LANES {
        let [from, to] = ends(lane_path(lane).0);
        table[lane] = from as u8 | (to as u8) << 1;
        lane += 1;
    }
    table
};

const _: () = assert!(size_of::<ObjectKey>() == 16 && size_of::<RowKey>() == 32);
const _: () = assert!(size_of::<Row>() == size_of::<LaneCount>() + COMM_LEN);
const _: () = assert!(size_of::<ObjectDetail>() == 16 + 8 + 16 + 32 + 16 + TEXT_LEN);
