//! Zero-copy requested and zero-copy achieved: how far they differ, and why.

use zc_common::path::CopyPath;

use crate::{
    counter::CounterId,
    frame::Frame,
    ledger::PathSum,
    row::Row,
    snapshot::{PathSample, Provenance},
};

/// A way to request that the kernel moves bytes without copying them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mechanism {
    /// Sends with `MSG_ZEROCOPY`.
    MsgZerocopy,
    /// Zero-copy sends of io_uring.
    UringSendZc,
    /// Both, by one process: where the bytes are copied later, the kernel does not report which.
    ZerocopySends,
    /// sendfile.
    Sendfile,
    /// splice; each hop of a chain counts.
    Splice,
    /// copy_file_range and the clone ioctls.
    CopyFileRange,
}

impl Mechanism {
    /// Every mechanism.
    pub const ALL: &'static [Self] = &[
        Self::MsgZerocopy,
        Self::UringSendZc,
        Self::ZerocopySends,
        Self::Sendfile,
        Self::Splice,
        Self::CopyFileRange,
    ];

    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::MsgZerocopy => "msg_zerocopy",
            Self::UringSendZc => "uring_send_zc",
            Self::ZerocopySends => "zerocopy_sends",
            Self::Sendfile => "sendfile",
            Self::Splice => "splice",
            Self::CopyFileRange => "copy_file_range",
        }
    }

    /// A short description.
    #[must_use]
    pub const fn help(self) -> &'static str {
        match self {
            Self::MsgZerocopy => "sends with MSG_ZEROCOPY",
            Self::UringSendZc => "zero-copy sends of io_uring (SEND_ZC)",
            Self::ZerocopySends => {
                "both in one process: later copies cannot be attributed to either"
            }
            Self::Sendfile => "sendfile to sockets, files and pipes",
            Self::Splice => "splice; each hop of a chain counts",
            Self::CopyFileRange => "copy_file_range, FICLONE and FICLONERANGE",
        }
    }

    /// The paths of what it moves; empty where requests are counted on their own.
    const fn paths(self) -> &'static [CopyPath] {
        match self {
            Self::MsgZerocopy | Self::UringSendZc | Self::ZerocopySends => &[],
            Self::Sendfile => {
                &[CopyPath::SendfileToSocket, CopyPath::SendfileToFile, CopyPath::SendfileToPipe]
            }
            Self::Splice => &[
                CopyPath::SpliceFilePipe,
                CopyPath::SplicePipeSocket,
                CopyPath::SplicePipeFile,
                CopyPath::SpliceSocketPipe,
                CopyPath::SplicePipePipe,
            ],
            Self::CopyFileRange => &[CopyPath::CopyRangeReflink, CopyPath::CopyRangeCopied],
        }
    }
}

/// Why bytes were copied although the program had requested zero-copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The socket lacks `SO_ZEROCOPY`.
    SoZerocopyNotSet,
    /// Calls failed with `ENOBUFS`. Their bytes were not sent, and are not part of those requested.
    NoBufferSpace,
    /// A socket on this host received them.
    LocalReceiver,
    /// The route or the device lacks scatter-gather.
    NoGather,
    /// The device supports scatter-gather, but its driver copies the first bytes of packets into
    /// the linear area.
    Driver,
    /// The call copied: what is behind the descriptor takes no references to pages.
    CopiedByCall,
}

impl Reason {
    /// Every reason.
    pub const ALL: &'static [Self] = &[
        Self::SoZerocopyNotSet,
        Self::NoBufferSpace,
        Self::LocalReceiver,
        Self::NoGather,
        Self::Driver,
        Self::CopiedByCall,
    ];

    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::SoZerocopyNotSet => "so_zerocopy_not_set",
            Self::NoBufferSpace => "no_buffer_space",
            Self::LocalReceiver => "local_receiver",
            Self::NoGather => "no_gather",
            Self::Driver => "driver",
            Self::CopiedByCall => "copied_by_call",
        }
    }

    /// The explanation, for any mechanism.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::SoZerocopyNotSet => {
                "MSG_ZEROCOPY is silently ignored unless SO_ZEROCOPY is set: set it with \
                 setsockopt before the first send"
            }
            Self::NoBufferSpace => {
                "calls failed with ENOBUFS and sent nothing: unread completion notifications \
                 exhausted net.core.optmem_max, or pinned pages the limit of locked memory; read \
                 the error queue more often, or raise the limit"
            }
            Self::LocalReceiver => {
                "a socket on this host received them (loopback, veth, a packet capture): packets \
                 that arrive here must not refer to the memory of another program, so the kernel \
                 copies them on arrival"
            }
            Self::NoGather => {
                "route or device lacks scatter-gather (or checksum offload, which it needs): the \
                 kernel copied the bytes into packets"
            }
            Self::Driver => {
                "the device supports scatter-gather, but its driver copied the first bytes of \
                 packets into their linear area (e1000e: four bytes of every packet that the \
                 device segments)"
            }
            Self::CopiedByCall => {
                "what is behind the descriptor takes no references to pages: the call copied"
            }
        }
    }
}

const INTO_PAGE_CACHE: &str =
    "a file keeps its own pages: what is sent or spliced to it is copied into the page cache";
const AT_ONCE: &str = "the send itself copied: route or device lacks scatter-gather (or checksum offload, which it \
     needs), or the bytes were the head of a datagram";
const NOT_SHARED: &str = "the file system shared no extents between these files (it does not support that, the files are on \
     different file systems, or the range is not aligned to blocks): copied in the kernel";
const EITHER_CALL: &str = "sendfile and splice were both used, and the kernel copied bytes for a device without \
     scatter-gather: copied bytes cannot be attributed to either call";

const UNSEEN: &str = "nothing that is visible without copy hooks shows whether these calls copied: it depends on what is \
     behind the descriptors";

/// Bytes that were copied for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// The reason.
    pub reason: Reason,
    /// How many bytes.
    pub bytes: u64,
    /// In how many calls, where that is counted.
    pub calls: Option<u64>,
    /// Where the number comes from.
    pub provenance: Provenance,
    /// The reason in words.
    pub sentence: &'static str,
}

/// How many of the bytes were not copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Achieved<'a> {
    /// The number.
    Bytes(u64, Provenance),
    /// Not known, and why.
    Unknown(&'a str),
}

impl Achieved<'_> {
    /// The number, if it is known.
    #[must_use]
    pub const fn bytes(self) -> Option<u64> {
        match self {
            Self::Bytes(bytes, _) => Some(bytes),
            Self::Unknown(_) => None,
        }
    }

    /// Where it comes from.
    #[must_use]
    pub const fn provenance(self) -> Provenance {
        match self {
            Self::Bytes(_, provenance) => provenance,
            Self::Unknown(_) => Provenance::Unavailable,
        }
    }
}

/// What was requested through one mechanism, and what was achieved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The mechanism.
    pub mechanism: Mechanism,
    /// Bytes moved by calls that requested zero-copy.
    pub requested_bytes: u64,
    /// How many of them were not copied.
    pub achieved: Achieved<'a>,
    /// Why the others were, the most bytes first.
    pub reasons: Vec<Shortfall>,
}

/// Whether anything was requested: then [`requests`] is not empty.
#[must_use]
pub fn is_requested(row: Row<'_>) -> bool {
    row.counters[CounterId::ZerocopyRequestedBytes] > 0
        || row.counters[CounterId::ZerocopyRefusals] > 0
        || BY_PATH
            .iter()
            .any(|mechanism| row.paths.iter().any(|path| is_of(path, mechanism.paths())))
}

const BY_PATH: [Mechanism; 3] = [Mechanism::Sendfile, Mechanism::Splice, Mechanism::CopyFileRange];

/// What a line requested, mechanism by mechanism.
#[must_use]
pub fn requests<'a>(row: Row<'a>, frame: &'a Frame) -> Vec<Request<'a>> {
    let mut requests: Vec<_> = sends(row, frame).into_iter().collect();
    requests.extend(BY_PATH.iter().filter_map(|mechanism| by_path(*mechanism, row, frame)));
    for request in &mut requests {
        request.reasons.retain(|reason| reason.bytes > 0 || reason.calls.is_some());
        request.reasons.sort_by_key(|reason| std::cmp::Reverse(reason.bytes));
    }
    requests
}

/// Zero-copy sends.
#[must_use]
pub fn sends<'a>(row: Row<'a>, frame: &'a Frame) -> Option<Request<'a>> {
    let count = |counter| row.counters[counter];
    let requested = count(CounterId::ZerocopyRequestedBytes);
    let refusals = count(CounterId::ZerocopyRefusals);
    if requested == 0 && refusals == 0 {
        return None;
    }
    let uring = count(CounterId::ZerocopyUringBytes);
    let ignored = count(CounterId::ZerocopyNotEnabledBytes);
    let mechanism = if uring == 0 {
        Mechanism::MsgZerocopy
    } else if uring >= requested && refusals == 0 {
        Mechanism::UringSendZc
    } else {
        Mechanism::ZerocopySends
    };
    let path = PathSum::on(row.paths, &[CopyPath::SocketSendZerocopy]);
    let mut reasons = vec![
        shortfall(Reason::SoZerocopyNotSet, ignored),
        Shortfall {
            calls: (refusals > 0).then_some(refusals),
            ..shortfall(Reason::NoBufferSpace, count(CounterId::ZerocopyRefusedBytes))
        },
    ];
    let unknown = frame.host.limitation(CounterId::ZerocopyAchievedBytes);
    let achieved = match unknown {
        // The kernel ignored the flag of every call: all bytes were copied.
        Some(_) if ignored >= requested => Achieved::Bytes(0, Provenance::Measured),
        Some(limit) => Achieved::Unknown(&limit.reason),
        None => {
            let later = count(CounterId::ZerocopyCopiedLaterBytes);
            let at_once =
                path.copied_bytes.saturating_sub(path.assumed_bytes).saturating_sub(later);
            let linear = count(CounterId::ZerocopyLinearizedBytes);
            reasons.extend([
                shortfall(Reason::LocalReceiver, later),
                shortfall(Reason::NoGather, linear),
                shortfall(Reason::Driver, count(CounterId::ZerocopyPulledBytes)),
                Shortfall { sentence: AT_ONCE, ..shortfall(Reason::NoGather, at_once) },
                Shortfall {
                    provenance: Provenance::Assumed,
                    ..shortfall(Reason::CopiedByCall, path.assumed_bytes)
                },
            ]);
            let provenance = path.worst.unwrap_or(Provenance::Measured);
            Achieved::Bytes(count(CounterId::ZerocopyAchievedBytes), provenance)
        }
    };
    Some(Request { mechanism, requested_bytes: requested, achieved, reasons })
}

/// What a call achieved that passes on references to pages.
fn by_path<'a>(mechanism: Mechanism, row: Row<'a>, frame: &'a Frame) -> Option<Request<'a>> {
    let all = PathSum::on(row.paths, mechanism.paths());
    if all.moved_bytes == 0 {
        return None;
    }
    let mut provenance = all.worst.unwrap_or(Provenance::Measured);
    let mut reasons = Vec::new();
    let (mut linear, mut pulled) = (0, 0);
    let mut handed_over: u64 = 0;
    let mut is_either_call = false;
    for path in mechanism.paths() {
        let sum = PathSum::on(row.paths, &[*path]);
        let provenance_of_path = sum.worst.unwrap_or(Provenance::Measured);
        let to_socket = matches!(path, CopyPath::SendfileToSocket | CopyPath::SplicePipeSocket);
        if to_socket && sum.moved_bytes > 0 {
            match frame.host.limitation(CounterId::ReferencedLinearizedBytes) {
                None => {
                    linear = row.counters[CounterId::ReferencedLinearizedBytes];
                    pulled = row.counters[CounterId::ReferencedPulledBytes];
                    is_either_call = linear.max(pulled) > 0 && is_shared(row.paths);
                }
                Some(_) => provenance = provenance.max(Provenance::Modelled),
            }
            handed_over = sum.moved_bytes.saturating_sub(sum.copied_bytes);
            let copied = sum.copied_bytes - sum.assumed_bytes;
            // Without copy hooks only what the socket is tells.
            let is_of_socket = provenance_of_path == Provenance::Modelled;
            let reason = if is_of_socket { Reason::CopiedByCall } else { Reason::NoGather };
            reasons.push(Shortfall { provenance: provenance_of_path, ..shortfall(reason, copied) });
            reasons.push(Shortfall {
                provenance: Provenance::Assumed,
                ..shortfall(Reason::CopiedByCall, sum.assumed_bytes)
            });
            continue;
        }
        let sentence = match path {
            CopyPath::SendfileToFile | CopyPath::SplicePipeFile => INTO_PAGE_CACHE,
            CopyPath::CopyRangeReflink | CopyPath::CopyRangeCopied => NOT_SHARED,
            _ => Reason::CopiedByCall.sentence(),
        };
        let of_call = shortfall(Reason::CopiedByCall, sum.copied_bytes);
        reasons.push(Shortfall { provenance: provenance_of_path, sentence, ..of_call });
    }
    if !is_either_call {
        let later = [shortfall(Reason::NoGather, linear), shortfall(Reason::Driver, pulled)];
        reasons.extend(later);
    }
    let achieved = if is_either_call {
        Achieved::Unknown(EITHER_CALL)
    } else if all.unknown_moved_bytes > 0 {
        Achieved::Unknown(UNSEEN)
    } else {
        // What was sent twice was copied twice: that takes nothing away from other hops.
        let later = linear.saturating_add(pulled).min(handed_over);
        Achieved::Bytes(
            all.moved_bytes.saturating_sub(all.copied_bytes).saturating_sub(later),
            provenance,
        )
    };
    Some(Request {
        mechanism,
        requested_bytes: all.moved_bytes,
        achieved,
        reasons: merged(reasons),
    })
}

/// Whether both sendfile and splice have handed pages to sockets.
fn is_shared(paths: &[PathSample]) -> bool {
    [CopyPath::SendfileToSocket, CopyPath::SplicePipeSocket]
        .iter()
        .all(|path| PathSum::on(paths, &[*path]).moved_bytes > 0)
}

/// One entry per sentence.
fn merged(reasons: Vec<Shortfall>) -> Vec<Shortfall> {
    let mut merged: Vec<Shortfall> = Vec::new();
    for reason in reasons.into_iter().filter(|reason| reason.bytes > 0) {
        match merged.iter_mut().find(|other| other.sentence == reason.sentence) {
            Some(other) => {
                other.bytes = other.bytes.saturating_add(reason.bytes);
                other.provenance = other.provenance.max(reason.provenance);
            }
            None => merged.push(reason),
        }
    }
    merged
}

const fn shortfall(reason: Reason, bytes: u64) -> Shortfall {
    Shortfall {
        reason,
        bytes,
        calls: None,
        provenance: Provenance::Measured,
        sentence: reason.sentence(),
    }
}

fn is_of(sample: &PathSample, paths: &[CopyPath]) -> bool {
    sample.moved_bytes > 0 && sample.path.is_known_and(|path| paths.contains(&path))
}

#[cfg(test)]
mod tests;
