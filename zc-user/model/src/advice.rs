//! Copies that can be avoided: rules over the paths of one process, each with its evidence and what
//! following it would save.
//!
//! The rules see bytes, not intentions: a program that encrypts or rewrites what it relays cannot
//! follow them, and no rule can know that. Every advice therefore says what it saw.

use zc_common::path::{CopyPath, SocketKind};

use crate::{
    frame::Frame,
    ledger::PathSum,
    row::Row,
    snapshot::PathSample,
    zerocopy::{self, Reason},
};

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// What is read from files is sent to sockets.
    FileToSocket,
    /// What is read from files is written to files.
    FileToFile,
    /// What comes out of one descriptor goes into another one, one of them a pipe or both sockets.
    Relay,
    /// Many reads or writes of a few bytes.
    SmallCalls,
    /// MSG_ZEROCOPY on sends so small that it costs more than it saves.
    SmallZerocopySends,
    /// Zero-copy was requested, and the kernel copied.
    ZerocopyNotAchieved,
}

impl Rule {
    /// Every rule.
    pub const ALL: &'static [Self] = &[
        Self::FileToSocket,
        Self::FileToFile,
        Self::Relay,
        Self::SmallCalls,
        Self::SmallZerocopySends,
        Self::ZerocopyNotAchieved,
    ];

    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::FileToSocket => "file_to_socket",
            Self::FileToFile => "file_to_file",
            Self::Relay => "relay",
            Self::SmallCalls => "small_calls",
            Self::SmallZerocopySends => "small_zerocopy_sends",
            Self::ZerocopyNotAchieved => "zerocopy_not_achieved",
        }
    }

    /// What to do, in one sentence.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::FileToSocket => {
                "send the file with sendfile, or splice it through a pipe, unless its bytes are \
                 changed on the way"
            }
            Self::FileToFile => {
                "copy with copy_file_range, which shares the extents where the file system can \
                 (btrfs, xfs) and otherwise copies once, in the kernel"
            }
            Self::Relay => {
                "splice from descriptor to descriptor (through a pipe, if neither is one), unless \
                 the bytes are changed on the way"
            }
            Self::SmallCalls => "use a buffer: read and write 64 KiB at a time",
            Self::SmallZerocopySends => {
                "use an ordinary send below 10 KiB: pinning pages and reading completions costs \
                 more than the copy"
            }
            Self::ZerocopyNotAchieved => {
                "drop MSG_ZEROCOPY, or find what forces the copy: a loopback or veth route, a \
                 packet capture, a device without scatter-gather"
            }
        }
    }
}

/// What to do about the reason why most of the bytes were copied.
const fn remedy_of(reason: Reason) -> &'static str {
    match reason {
        Reason::SoZerocopyNotSet => {
            "set SO_ZEROCOPY on the socket before the first send: without it MSG_ZEROCOPY is ignored"
        }
        Reason::LocalReceiver => {
            "use an ordinary send to receivers on this host (loopback, veth), or stop the packet \
             capture: the copy cannot be avoided there, and page pinning adds cost"
        }
        Reason::NoGather => {
            "enable scatter-gather and checksum offload of the device (ethtool -K), or use an \
             ordinary send: the pages are copied into packets"
        }
        Reason::NoBufferSpace | Reason::Driver | Reason::CopiedByCall => {
            Rule::ZerocopyNotAchieved.remedy()
        }
    }
}

/// What following an advice would save in the frame it was derived from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Saving {
    /// Bytes the CPU would not have copied.
    pub copied_bytes: u64,
    /// Switches between user and kernel mode that would not have happened.
    pub mode_switches: u64,
}

/// A rule that applies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Advice {
    /// The rule.
    pub rule: Rule,
    /// What following it would have saved in this frame.
    pub saving: Saving,
    /// What was seen.
    pub evidence: Evidence,
}

impl Advice {
    /// The paths the rule is about.
    pub fn paths(&self) -> impl Iterator<Item = CopyPath> {
        let (first, second) = match self.evidence {
            Evidence::Pair { from, to } => (from.path, Some(to.path)),
            Evidence::Calls(calls) => (calls.path, None),
            Evidence::Copied { sends, .. } => (sends.path, None),
        };
        [first].into_iter().chain(second)
    }

    /// What to do, in one sentence.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self.evidence {
            Evidence::Copied { reason: Some(reason), .. } => remedy_of(reason),
            _ => self.rule.remedy(),
        }
    }
}

/// What made a rule apply.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Evidence {
    /// As many bytes came in on one path as went out on another.
    Pair {
        /// Where they came in.
        from: PathTotal,
        /// Where they went out.
        to: PathTotal,
    },
    /// The size and number of calls on one path.
    Calls(PathTotal),
    /// Bytes were sent with zero-copy requested, and copied.
    Copied {
        /// What was sent, and how much of it was copied.
        sends: PathTotal,
        /// Why most of it was copied.
        reason: Option<Reason>,
    },
}

/// Samples of one path, all kinds of sockets together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathTotal {
    /// The path.
    pub path: CopyPath,
    /// Calls that succeeded.
    pub ops: u64,
    /// Bytes moved.
    pub moved_bytes: u64,
    /// Bytes copied, as far as they are known.
    pub copied_bytes: u64,
}

impl PathTotal {
    fn of<'a>(samples: impl Iterator<Item = &'a PathSample>, path: CopyPath) -> Option<Self> {
        let mut samples = samples.filter(|sample| sample.path == path).peekable();
        samples.peek()?;
        let PathSum { ops, moved_bytes, copied_bytes, .. } = PathSum::of(samples);
        Some(Self { path, ops, moved_bytes, copied_bytes })
    }

    /// Average size of a call, rounded down.
    #[must_use]
    pub fn bytes_per_op(self) -> u64 {
        self.moved_bytes.checked_div(self.ops).unwrap_or(0)
    }
}

/// Paths that move less than this per second get no advice.
const WORTH_BYTES_PER_SEC: f64 = 1_048_576.0;
/// Calls smaller than this are small,
const SMALL_CALL_BYTES: u64 = 512;
/// if there are more of them per second than this.
const MANY_CALLS_PER_SEC: f64 = 1_000.0;
/// With a buffer of this size the call costs little compared with the copy.
const GOOD_BUFFER_BYTES: u64 = 65_536;
/// Below this, MSG_ZEROCOPY costs more than it saves (the kernel's own documentation).
const ZEROCOPY_WORTH_BYTES: u64 = 10_240;
/// A relay's two sides differ by no more than a tenth: headers, and what is still buffered.
const RELAY_TOLERANCE: u64 = 10;

/// From which path to which, what it is called, and the copies per byte that remain.
const RELAYS: &[(CopyPath, CopyPath, Rule, u64)] = &[
    (CopyPath::FileRead, CopyPath::SocketSend, Rule::FileToSocket, 0),
    (CopyPath::FileRead, CopyPath::FileWrite, Rule::FileToFile, 1),
    (CopyPath::FileRead, CopyPath::PipeWrite, Rule::Relay, 0),
    (CopyPath::PipeRead, CopyPath::SocketSend, Rule::Relay, 0),
    (CopyPath::PipeRead, CopyPath::FileWrite, Rule::Relay, 1),
    (CopyPath::PipeRead, CopyPath::PipeWrite, Rule::Relay, 0),
    (CopyPath::SocketRecv, CopyPath::SocketSend, Rule::Relay, 0),
    (CopyPath::SocketRecv, CopyPath::PipeWrite, Rule::Relay, 0),
    (CopyPath::SocketRecv, CopyPath::FileWrite, Rule::Relay, 1),
];

/// Every rule that applies to a line with these paths, the greatest saving first.
#[must_use]
pub fn all(row: Row<'_>, frame: &Frame) -> Vec<Advice> {
    let mut advice = Vec::new();
    each(row, frame, |one| advice.push(one));
    advice.sort_by_key(|one| (std::cmp::Reverse(one.saving), one.rule));
    advice
}

/// The rule with the greatest saving. Cheap where nothing applies.
#[must_use]
pub fn best(row: Row<'_>, frame: &Frame) -> Option<Advice> {
    let mut best: Option<Advice> = None;
    each(row, frame, |one| {
        if best.is_none_or(|best| one.saving > best.saving) {
            best = Some(one);
        }
    });
    best
}

fn each(row: Row<'_>, frame: &Frame, mut found: impl FnMut(Advice)) {
    if frame.elapsed_ns == 0 || row.paths.is_empty() {
        return;
    }
    relays(row.paths, frame, &mut found);
    small_calls(row.paths, frame, &mut found);
    small_zerocopy_sends(row.paths, frame, &mut found);
    zerocopy_not_achieved(row, frame, &mut found);
}

fn relays(paths: &[PathSample], frame: &Frame, found: &mut impl FnMut(Advice)) {
    for &(from, to, rule, copies_left) in RELAYS {
        let (Some(from), Some(to)) =
            (PathTotal::of(paths.iter(), from), PathTotal::of(paths.iter(), to))
        else {
            continue;
        };
        let (less, more) =
            (from.moved_bytes.min(to.moved_bytes), from.moved_bytes.max(to.moved_bytes));
        if rate(less, frame) < WORTH_BYTES_PER_SEC || more - less > more / RELAY_TOLERANCE {
            continue;
        }
        let copied = from.copied_bytes.saturating_add(to.copied_bytes);
        let saving = Saving {
            copied_bytes: copied.saturating_sub(copies_left.saturating_mul(less)),
            mode_switches: 0,
        };
        if saving.copied_bytes > 0 {
            found(Advice { rule, saving, evidence: Evidence::Pair { from, to } });
        }
    }
}

fn small_calls(paths: &[PathSample], frame: &Frame, found: &mut impl FnMut(Advice)) {
    for path in [
        CopyPath::FileRead,
        CopyPath::FileWrite,
        CopyPath::PipeRead,
        CopyPath::PipeWrite,
        CopyPath::SocketSend,
    ] {
        // A datagram is as long as it is; only streams can be gathered in a buffer.
        let stream =
            |sample: &&PathSample| sample.socket.is_none_or(|socket| socket == SocketKind::Tcp);
        let Some(calls) = PathTotal::of(paths.iter().filter(stream), path) else { continue };
        if calls.bytes_per_op() >= SMALL_CALL_BYTES || rate(calls.ops, frame) <= MANY_CALLS_PER_SEC
        {
            continue;
        }
        let needed = calls.moved_bytes.div_ceil(GOOD_BUFFER_BYTES);
        let saving =
            Saving { copied_bytes: 0, mode_switches: 2 * calls.ops.saturating_sub(needed) };
        found(Advice { rule: Rule::SmallCalls, saving, evidence: Evidence::Calls(calls) });
    }
}

fn small_zerocopy_sends(paths: &[PathSample], frame: &Frame, found: &mut impl FnMut(Advice)) {
    let Some(sends) = PathTotal::of(paths.iter(), CopyPath::SocketSendZerocopy) else { return };
    let small = sends.moved_bytes > 0 && sends.bytes_per_op() < ZEROCOPY_WORTH_BYTES;
    if small && rate(sends.ops, frame) > MANY_CALLS_PER_SEC / 10.0 {
        let saving = Saving::default();
        found(Advice { rule: Rule::SmallZerocopySends, saving, evidence: Evidence::Calls(sends) });
    }
}

fn zerocopy_not_achieved(row: Row<'_>, frame: &Frame, found: &mut impl FnMut(Advice)) {
    let Some(request) = zerocopy::sends(row, frame) else { return };
    let Some(achieved) = request.achieved.bytes() else { return };
    let requested = request.requested_bytes;
    if rate(requested, frame) < WORTH_BYTES_PER_SEC || achieved >= requested / 2 {
        return;
    }
    let copying = request.reasons.iter().filter(|reason| reason.reason != Reason::NoBufferSpace);
    let reason = copying.max_by_key(|reason| reason.bytes).map(|reason| reason.reason);
    // A receiver on this host costs one copy either way.
    let avoidable = request
        .reasons
        .iter()
        .filter(|reason| matches!(reason.reason, Reason::SoZerocopyNotSet | Reason::NoGather))
        .map(|reason| reason.bytes)
        .sum();
    let sends = PathTotal {
        path: CopyPath::SocketSendZerocopy,
        ops: PathTotal::of(row.paths.iter(), CopyPath::SocketSendZerocopy)
            .map_or(0, |sends| sends.ops),
        moved_bytes: requested,
        copied_bytes: requested - achieved,
    };
    found(Advice {
        rule: Rule::ZerocopyNotAchieved,
        saving: Saving { copied_bytes: avoidable, mode_switches: 0 },
        evidence: Evidence::Copied { sends, reason },
    });
}

fn rate(count: u64, frame: &Frame) -> f64 {
    frame.per_second(count).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        counter::CounterId,
        fixture::sketch::{path, process, snapshot, socket},
        snapshot::Provenance,
    };

    const MIB: u64 = 1 << 20;

    fn rules(paths: &[PathSample], seconds: u64) -> Vec<(Rule, Saving)> {
        let frame = Frame::cumulative(snapshot(seconds, &[process(7, "x", paths)]));
        let row = Row::process(&frame.processes[0]);
        let advice = all(row, &frame);
        assert_eq!(best(row, &frame), advice.first().copied());
        advice.iter().map(|advice| (advice.rule, advice.saving)).collect()
    }

    const fn copies(copied_bytes: u64) -> Saving {
        Saving { copied_bytes, mode_switches: 0 }
    }

    #[test]
    fn a_relay_from_file_to_socket_saves_both_copies() {
        let read = path(CopyPath::FileRead, 160, 10 * MIB);
        let tcp = socket(CopyPath::SocketSend, SocketKind::Tcp, 100, 6 * MIB);
        let unix = socket(CopyPath::SocketSend, SocketKind::Unix, 60, 4 * MIB);
        assert_eq!(rules(&[read, tcp, unix], 1), [(Rule::FileToSocket, copies(20 * MIB))]);
    }

    #[test]
    fn a_relay_is_one_up_to_a_tenth_and_above_a_mebibyte_per_second() {
        let read = |bytes| path(CopyPath::FileRead, 160, bytes);
        let send = |bytes| socket(CopyPath::SocketSend, SocketKind::Tcp, 160, bytes);
        assert_eq!(rules(&[read(9 * MIB), send(10 * MIB)], 1).len(), 1);
        assert_eq!(rules(&[read(9 * MIB - 1), send(10 * MIB)], 1).len(), 0);
        assert_eq!(rules(&[read(10 * MIB), send(10 * MIB)], 10).len(), 1);
        assert_eq!(rules(&[read(10 * MIB), send(10 * MIB)], 11).len(), 0);
    }

    #[test]
    fn copying_a_file_by_hand_saves_one_of_two_copies_for_sure() {
        let read = path(CopyPath::FileRead, 160, 10 * MIB);
        let write = path(CopyPath::FileWrite, 160, 10 * MIB);
        assert_eq!(rules(&[read, write], 1), [(Rule::FileToFile, copies(10 * MIB))]);
    }

    #[test]
    fn sendfile_needs_no_advice() {
        assert_eq!(rules(&[path(CopyPath::SendfileToSocket, 160, 10 * MIB)], 1), []);
    }

    #[test]
    fn small_calls_are_small_and_many() {
        let write = |ops, bytes| path(CopyPath::FileWrite, ops, ops * bytes);
        let saving = Saving { copied_bytes: 0, mode_switches: 2 * (1001 - 8) };
        assert_eq!(rules(&[write(1001, 511)], 1), [(Rule::SmallCalls, saving)]);
        assert_eq!(rules(&[write(1000, 511)], 1), []);
        assert_eq!(rules(&[write(1001, 512)], 1), []);
        let datagrams = socket(CopyPath::SocketSend, SocketKind::Udp, 5000, 5000 * 100);
        assert_eq!(rules(&[datagrams], 1), []);
    }

    #[test]
    fn small_zero_copy_sends_cost_more_than_they_save() {
        let sends = |bytes: u64| path(CopyPath::SocketSendZerocopy, 200, 200 * bytes);
        assert_eq!(rules(&[sends(10_239)], 1), [(Rule::SmallZerocopySends, Saving::default())]);
        assert_eq!(rules(&[sends(10_240)], 1), []);
    }

    #[test]
    fn zero_copy_that_was_not_achieved_has_a_remedy_for_its_reason() {
        let advice = |copied: CounterId, achieved: u64| {
            let mut sends = path(CopyPath::SocketSendZerocopy, 200, 10 * MIB);
            sends.provenance = Provenance::Measured;
            sends.copied_bytes = 10 * MIB - achieved;
            let mut sender = process(7, "x", &[sends]);
            sender.counters[CounterId::ZerocopyRequestedBytes] = 10 * MIB;
            sender.counters[copied] = 10 * MIB - achieved;
            let frame = Frame::cumulative(snapshot(1, &[sender]));
            best(Row::process(&frame.processes[0]), &frame)
        };
        let local = advice(CounterId::ZerocopyCopiedLaterBytes, 5 * MIB - 1).unwrap();
        assert_eq!((local.rule, local.saving), (Rule::ZerocopyNotAchieved, Saving::default()));
        assert_eq!(local.remedy(), remedy_of(Reason::LocalReceiver));
        let linear = advice(CounterId::DiscardedBytes, 0).unwrap();
        assert_eq!(
            (linear.saving, linear.remedy()),
            (copies(10 * MIB), remedy_of(Reason::NoGather))
        );
        assert_eq!(advice(CounterId::ZerocopyCopiedLaterBytes, 5 * MIB), None);
    }

    #[test]
    fn no_interval_no_advice() {
        let paths =
            [path(CopyPath::FileRead, 160, 10 * MIB), path(CopyPath::FileWrite, 160, 10 * MIB)];
        assert_eq!(rules(&paths, 0), []);
    }
}
