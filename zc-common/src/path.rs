//! Every copy path, and the lanes in which the kernel side counts it.
//!
//! A path names what happened to the bytes, not which call was made. A lane is a path split by
//! the kind of socket where that matters; the kernel side counts in lanes, users see paths.

use crate::named;

named! {
    /// A way bytes travel. The discriminant is an index, the id is stable for ever.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[repr(u8)]
    pub enum CopyPath {
        /// Page cache to user buffer: read, pread, readv, preadv on a regular file or block device.
        FileRead = "file_read",
        /// User buffer to page cache: write, pwrite, writev, pwritev on a regular file or block device.
        FileWrite = "file_write",
        /// O_DIRECT read: the device writes into the user's pages.
        DirectRead = "direct_read",
        /// O_DIRECT write: the device reads the user's pages.
        DirectWrite = "direct_write",
        /// Read of a procfs, sysfs or device file, terminal or anonymous inode: neither page cache nor socket.
        PseudoRead = "pseudo_read",
        /// Write to a procfs, sysfs or device file, terminal or anonymous inode.
        PseudoWrite = "pseudo_write",
        /// Socket buffer to user buffer.
        SocketRecv = "socket_recv",
        /// User buffer to socket buffer.
        SocketSend = "socket_send",
        /// Send with MSG_ZEROCOPY or SEND_ZC through a socket that heeds it: user pages are pinned; the kernel may still copy them later.
        SocketSendZerocopy = "socket_send_zerocopy",
        /// TCP_ZEROCOPY_RECEIVE: received pages are mapped into the process.
        SocketRecvZerocopy = "socket_recv_zerocopy",
        /// Pipe buffer to user buffer.
        PipeRead = "pipe_read",
        /// User buffer to pipe buffer.
        PipeWrite = "pipe_write",
        /// User pages handed to a pipe by reference.
        Vmsplice = "vmsplice",
        /// Pipe buffers duplicated by reference.
        Tee = "tee",
        /// sendfile from the page cache to a socket, by page reference.
        SendfileToSocket = "sendfile_to_socket",
        /// sendfile into another file: one copy, kernel to kernel.
        SendfileToFile = "sendfile_to_file",
        /// sendfile into a pipe, by page reference.
        SendfileToPipe = "sendfile_to_pipe",
        /// sendfile into a device or pseudo file.
        SendfileToPseudo = "sendfile_to_pseudo",
        /// splice from a file into a pipe, by page reference.
        SpliceFilePipe = "splice_file_pipe",
        /// splice from a pipe into a socket, by page reference.
        SplicePipeSocket = "splice_pipe_socket",
        /// splice from a pipe into a file: one copy into the page cache.
        SplicePipeFile = "splice_pipe_file",
        /// splice from a socket into a pipe, by page reference.
        SpliceSocketPipe = "splice_socket_pipe",
        /// splice from a pipe into another pipe, by page reference.
        SplicePipePipe = "splice_pipe_pipe",
        /// splice between a pipe and a device or pseudo file.
        SplicePipePseudo = "splice_pipe_pseudo",
        /// copy_file_range, FICLONE or FICLONERANGE that shared extents instead of copying.
        CopyRangeReflink = "copy_range_reflink",
        /// copy_file_range that copied in the kernel.
        CopyRangeCopied = "copy_range_copied",
        /// File pages mapped in by page faults of reads.
        MmapRead = "mmap_read",
        /// File pages mapped in by page faults of writes.
        MmapWrite = "mmap_write",
        /// Pages copied by the first write after a fork or on a private mapping.
        CowCopy = "cow_copy",
        /// process_vm_readv and process_vm_writev: one copy from process to process.
        ProcessVm = "process_vm",
        /// Copies through bounce buffers, because the device cannot reach the memory.
        SwiotlbBounce = "swiotlb_bounce",
        /// Socket buffers made linear by a copy, because the device or route cannot gather.
        SkbLinearize = "skb_linearize",
        /// Copies for no call that moves data: loading a program, kernel threads that read and write files (loop devices), message queues.
        KernelCopy = "kernel_copy",
    }
}

impl CopyPath {
    /// CPU copies per moved byte that the path's usual behaviour implies, for kernels where nothing
    /// measures them. `None` where the call may or may not copy and only the kernel knows: such
    /// copies are unavailable, not 0.
    #[must_use]
    pub const fn modelled_copies(self) -> Option<u64> {
        match self {
            Self::FileRead
            | Self::FileWrite
            | Self::SocketRecv
            | Self::SocketSend
            | Self::PipeRead
            | Self::PipeWrite
            | Self::SendfileToFile
            | Self::SplicePipeFile
            | Self::CopyRangeCopied
            | Self::CowCopy
            | Self::ProcessVm
            | Self::SwiotlbBounce
            | Self::SkbLinearize
            | Self::KernelCopy => Some(1),
            Self::DirectRead
            | Self::DirectWrite
            | Self::PseudoRead
            | Self::PseudoWrite
            | Self::SocketRecvZerocopy
            | Self::Vmsplice
            | Self::Tee
            | Self::SendfileToSocket
            | Self::SendfileToPipe
            | Self::SendfileToPseudo
            | Self::SpliceFilePipe
            | Self::SplicePipeSocket
            | Self::SpliceSocketPipe
            | Self::SplicePipePipe
            | Self::SplicePipePseudo
            | Self::CopyRangeReflink
            | Self::MmapRead
            | Self::MmapWrite => Some(0),
            // Loopback, veth, a packet capture or a missing SO_ZEROCOPY turn it into a copy.
            Self::SocketSendZerocopy => None,
        }
    }

    /// Whether bytes that a call on this path returned, and that no copy site accounts for, must be
    /// taken for copied. Not on paths whose very call moves references.
    #[must_use]
    pub const fn assumes_copies(self) -> bool {
        !matches!(
            self,
            Self::Vmsplice
                | Self::Tee
                | Self::SplicePipePipe
                | Self::CopyRangeReflink
                | Self::SocketRecvZerocopy
                | Self::MmapRead
                | Self::MmapWrite
        )
    }

    /// The path with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|path| path.id() == id)
    }
}

/// What kind of socket a socket lane counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SocketKind {
    /// TCP over IPv4 or IPv6 (and MPTCP).
    Tcp,
    /// UDP over IPv4 or IPv6.
    Udp,
    /// `AF_UNIX`, any type.
    Unix,
    /// Everything else: netlink, packet, raw, vsock, bluetooth...
    Other,
}

impl SocketKind {
    /// Every kind, in the order of the lanes.
    pub const ALL: &'static [Self] = &[Self::Tcp, Self::Udp, Self::Unix, Self::Other];

    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Unix => "unix",
            Self::Other => "other",
        }
    }

    /// Whether the bytes cross a network protocol stack (unix sockets do not).
    #[must_use]
    pub const fn is_network(self) -> bool {
        !matches!(self, Self::Unix)
    }
}

/// Index into a record's lanes: one per path, except that the two copying socket paths have
/// three more at the end (the first kind, TCP, keeps the path's own index).
pub type Lane = u8;

/// Lanes in a record.
pub const LANES: usize = CopyPath::COUNT + 2 * (SocketKind::ALL.len() - 1);

/// The lane that counts `path` (for the socket paths: its TCP lane).
#[must_use]
#[inline(always)]
pub const fn lane(path: CopyPath) -> Lane {
    path as Lane
}

/// The lane of [`CopyPath::SocketRecv`] for this kind of socket.
#[must_use]
#[inline(always)]
pub const fn recv_lane(kind: SocketKind) -> Lane {
    match kind {
        SocketKind::Tcp => lane(CopyPath::SocketRecv),
        _ => CopyPath::COUNT as Lane + kind as Lane - 1,
    }
}

/// The lane of [`CopyPath::SocketSend`] for this kind of socket.
#[must_use]
#[inline(always)]
pub const fn send_lane(kind: SocketKind) -> Lane {
    match kind {
        SocketKind::Tcp => lane(CopyPath::SocketSend),
        _ => CopyPath::COUNT as Lane + (SocketKind::ALL.len() - 1) as Lane + kind as Lane - 1,
    }
}

/// The path a lane belongs to and, on the copying socket paths, the kind of socket.
///
/// # Panics
/// If `lane` is not below [`LANES`].
#[must_use]
pub const fn lane_path(lane: usize) -> (CopyPath, Option<SocketKind>) {
    const KINDS: usize = SocketKind::ALL.len() - 1;
    if lane >= CopyPath::COUNT + KINDS {
        return (CopyPath::SocketSend, Some(SocketKind::ALL[lane - CopyPath::COUNT - KINDS + 1]));
    }
    if lane >= CopyPath::COUNT {
        return (CopyPath::SocketRecv, Some(SocketKind::ALL[lane - CopyPath::COUNT + 1]));
    }
    let path = CopyPath::ALL[lane];
    match path {
        CopyPath::SocketRecv | CopyPath::SocketSend => (path, Some(SocketKind::Tcp)),
        _ => (path, None),
    }
}

/// Whether unexplained bytes on a lane are taken for copied, see [`CopyPath::assumes_copies`].
pub const ASSUMES_COPIES: [bool; LANES] = {
    let mut table = [false; LANES];
    let mut lane = 0;
    while lane < LANES {
        table[lane] = lane_path(lane).0.assumes_copies();
        lane += 1;
    }
    table
};

const _: () = {
    let mut kind = 0;
    while kind < SocketKind::ALL.len() {
        let (recv, of_recv) = lane_path(recv_lane(SocketKind::ALL[kind]) as usize);
        let (send, of_send) = lane_path(send_lane(SocketKind::ALL[kind]) as usize);
        assert!(matches!(recv, CopyPath::SocketRecv) && matches!(send, CopyPath::SocketSend));
        match (of_recv, of_send) {
            (Some(a), Some(b)) => assert!(a as usize == kind && b as usize == kind),
            _ => panic!("a socket lane names its kind"),
        }
        kind += 1;
    }
};
