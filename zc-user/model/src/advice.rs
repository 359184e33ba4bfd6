//! Copies that can be avoided: rules over what one process did, each with its evidence, its condition, how
//! certain it is, and what following it would save.
//!
//! Advice that is wrong costs more trust than ten pieces that are right earn: without evidence, and of enough
//! bytes, no rule applies, and what the kernel has not reported itself is never certain. Each byte is claimed
//! by one rule, so that the savings of a process never exceed what it copied.

use zc_common::path::CopyPath;

use crate::{
    counter::CounterId,
    frame::Frame,
    ledger::PathSum,
    row::Row,
    snapshot::PathSample,
    tax::{CopyTime, CopyTimes},
    zerocopy::{self, Reason},
};

mod calls;
mod command;
mod findings;
mod program;
mod recent;
mod relay;

pub use self::{
    command::{ByCommand, by_command},
    findings::Findings,
    program::{SETTINGS, Setting, setting},
    recent::Recent,
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

/// The condition of every rule about bytes that a program passes on.
const UNCHANGED: &str = "if the program neither looks at the data nor changes it";

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

    /// What to do: a sentence, with [`Self::condition`] at its end.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::FileToSocket => "send the file with sendfile",
            Self::FileToFile => {
                "copy with copy_file_range between regular files of one file system (btrfs and xfs \
                 share the extents), otherwise with sendfile: the kernel copies once instead of twice"
            }
            Self::Relay => {
                "splice from descriptor to descriptor (through a pipe, if neither is one)"
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

    /// When the remedy works and helps.
    #[must_use]
    pub const fn condition(self) -> &'static str {
        match self {
            Self::FileToSocket | Self::FileToFile | Self::Relay => UNCHANGED,
            Self::SmallCalls => {
                "if the calls follow each other in the file, and no reader needs each written piece at once"
            }
            Self::SmallZerocopySends => "if most of the sends are as small as their average",
            Self::ZerocopyNotAchieved => "if later sends take the same route",
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

/// When that works and helps.
const fn condition_of(reason: Reason) -> &'static str {
    match reason {
        Reason::SoZerocopyNotSet => "if the receivers are on other hosts and the sends not small",
        Reason::NoGather => "if the device and its driver can do that",
        Reason::LocalReceiver | Reason::NoBufferSpace | Reason::Driver | Reason::CopiedByCall => {
            Rule::ZerocopyNotAchieved.condition()
        }
    }
}

/// How sure it is that the condition of an advice holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// Nothing that was seen contradicts it.
    Possible,
    /// What was seen would be unusual otherwise.
    Likely,
    /// The kernel reported it: that it copied what was requested as zero-copy, and why.
    Certain,
}

impl Certainty {
    /// Every level, from the least certain on.
    pub const ALL: &'static [Self] = &[Self::Possible, Self::Likely, Self::Certain];

    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Certain => "certain",
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
    /// CPU time that the copies of these bytes took: what is spent on them, not what is left without them, for
    /// passing on references takes time, too. `None` where it is not known, or too few samples were taken.
    pub cpu: Option<CopyTime>,
}

/// A rule that applies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Advice {
    /// The rule.
    pub rule: Rule,
    /// How sure it is.
    pub certainty: Certainty,
    /// What following it would have saved in this frame.
    pub saving: Saving,
    /// What was seen.
    pub evidence: Evidence,
}

impl Advice {
    /// The paths the rule is about.
    pub fn paths(&self) -> impl Iterator<Item = CopyPath> {
        let (first, second) = match self.evidence {
            Evidence::Passed { from, to, .. } => (from.path, Some(to.path)),
            Evidence::Calls(calls) => (calls.path, None),
            Evidence::Copied { sends, .. } => (sends.path, None),
        };
        [first].into_iter().chain(second)
    }

    /// What to do: a sentence, with [`Self::condition`] at its end.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self.evidence {
            Evidence::Copied { reason: Some(reason), .. } => remedy_of(reason),
            _ => self.rule.remedy(),
        }
    }

    /// When the remedy works and helps.
    #[must_use]
    pub const fn condition(&self) -> &'static str {
        match self.evidence {
            Evidence::Copied { reason: Some(reason), .. } => condition_of(reason),
            Evidence::Calls(PathTotal { path: CopyPath::FileRead, .. }) => {
                "if the file is read from front to back"
            }
            Evidence::Calls(PathTotal { path: CopyPath::FileWrite, .. }) => {
                "if the file is written from front to back, and no reader needs each piece at once"
            }
            Evidence::Calls(calls) if !matches!(calls.path, CopyPath::SocketSendZerocopy) => {
                "if no reader needs each piece at once"
            }
            _ => self.rule.condition(),
        }
    }
}

/// Counters that are evidence for advice, and little else: an advice says what they say.
pub const COUNTERS: [CounterId; 13] = [
    CounterId::RelayedFileFileBytes,
    CounterId::RelayedFilePipeBytes,
    CounterId::RelayedFileSocketBytes,
    CounterId::RelayedPipeFileBytes,
    CounterId::RelayedPipePipeBytes,
    CounterId::RelayedPipeSocketBytes,
    CounterId::RelayedSocketFileBytes,
    CounterId::RelayedSocketPipeBytes,
    CounterId::RelayedSocketSocketBytes,
    CounterId::RelayedUserNs,
    CounterId::RelayingContextSwitches,
    CounterId::RelayingCpuSamples,
    CounterId::MappedSentBytes,
];

/// What made a rule apply.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Evidence {
    /// Bytes came in on one path and went out on another one, from where they had come in.
    Passed {
        /// Where they came in.
        from: PathTotal,
        /// Where they went out.
        to: PathTotal,
        /// How many.
        bytes: u64,
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

    /// What was copied of `bytes` of those moved, if the copies are spread evenly.
    fn copied_of(self, bytes: u64) -> u64 {
        let copied = u128::from(self.copied_bytes.min(self.moved_bytes)) * u128::from(bytes);
        let share = copied.checked_div(u128::from(self.moved_bytes)).unwrap_or(0);
        u64::try_from(share).unwrap_or(u64::MAX)
    }
}

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
    // One process reads a file, another one writes to a socket: that is no relay.
    if row.paths.is_empty() || row.group.is_some() {
        return;
    }
    let mut found = |mut one: Advice| {
        let mut times = CopyTimes::default();
        times.add(row, frame, one.saving.copied_bytes);
        one.saving.cpu = times.known();
        found(one);
    };
    let done = row.process.and_then(|process| frame.earlier.with(process));
    let judged = done.as_ref().map_or(row, |done| Row {
        counters: &done.counters,
        paths: &done.paths,
        ..row
    });
    relay::passed_on(judged, row, frame, &mut found);
    // So many of them in one frame that they cost something: what was before does not matter.
    calls::small(row, &mut found);
    calls::small_zerocopy_sends(row.paths, &mut found);
    zerocopy_not_achieved(judged, row, frame, &mut found);
}

/// Zero-copy sends below this are no evidence.
const LEAST_REQUESTED_BYTES: u64 = 4 << 20;

fn zerocopy_not_achieved(
    judged: Row<'_>,
    row: Row<'_>,
    frame: &Frame,
    found: &mut impl FnMut(Advice),
) {
    let (Some(whole), Some(request)) =
        (zerocopy::sends(judged, frame), zerocopy::sends(row, frame))
    else {
        return;
    };
    let (Some(of_whole), Some(achieved)) = (whole.achieved.bytes(), request.achieved.bytes())
    else {
        return;
    };
    let requested = request.requested_bytes;
    if whole.requested_bytes < LEAST_REQUESTED_BYTES
        || of_whole >= whole.requested_bytes / 2
        || achieved >= requested / 2
    {
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
    // That it was copied, and why, is the kernel's own word; whether a remedy is in reach is another matter.
    let certainty = match reason {
        Some(Reason::SoZerocopyNotSet | Reason::LocalReceiver) => Certainty::Certain,
        Some(_) => Certainty::Likely,
        None => Certainty::Possible,
    };
    found(Advice {
        rule: Rule::ZerocopyNotAchieved,
        certainty,
        saving: Saving { copied_bytes: avoidable, ..Saving::default() },
        evidence: Evidence::Copied { sends, reason },
    });
}

#[cfg(test)]
mod tests;
