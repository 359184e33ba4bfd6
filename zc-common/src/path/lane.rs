//! Lanes: a path, split by the kind of socket where that matters. The kernel side counts in lanes.

use super::CopyPath;

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

/// Whether unexplained bytes on a lane are assumed to be copied, see [`CopyPath::assumes_copies`].
pub const ASSUMES_COPIES: [bool; LANES] = {
    let mut table = [false; LANES];
    let mut lane = 0;
    while lane < LANES {
        table[lane] = lane_path(lane).0.assumes_copies();
        lane += 1;
    }
    table
};

/// Whether it takes evidence to tell what calls on a lane copied, see [`CopyPath::takes_evidence`].
pub const TAKES_EVIDENCE: [bool; LANES] = {
    let mut table = [false; LANES];
    let mut lane = 0;
    while lane < LANES {
        table[lane] = lane_path(lane).0.takes_evidence();
        lane += 1;
    }
    table
};

/// Whether each byte that moves on a lane is modelled as one copy, see [`CopyPath::modelled_copies`].
pub const COPIES_EACH_BYTE: [bool; LANES] = {
    let mut table = [false; LANES];
    let mut lane = 0;
    while lane < LANES {
        table[lane] = matches!(lane_path(lane).0.modelled_copies(), Some(1));
        lane += 1;
    }
    table
};

/// Whether a lane is of a pseudo file, see [`CopyPath::is_pseudo`].
pub const IS_PSEUDO: [bool; LANES] = {
    let mut table = [false; LANES];
    let mut lane = 0;
    while lane < LANES {
        table[lane] = lane_path(lane).0.is_pseudo();
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
