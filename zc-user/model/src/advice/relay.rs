//! Bytes that a process passes on.
//!
//! The kernel side counts them call by call: what a thread writes right after it has read it, from the same
//! buffer, see `relayed_file_file_bytes` and its like. A program that changes all bytes in place does that,
//! too, but spends time in user mode, in this thread or in another one. And a file that is mapped and sent:
//! pages that a send was the first to touch.
//!
//! A few bytes of each buffer take no time that could be measured: no advice of these rules is certain.

use zc_common::path::{CopyPath, Flow, SocketKind};

use super::{Advice, Certainty, Evidence, PathTotal, Rule, Saving};
use crate::{
    counter::CounterId::{self, *},
    frame::Frame,
    ledger::PathSum,
    row::Row,
    snapshot::{Limitation, PathSample, Provenance},
    tax::SAMPLE_NS,
};

/// From which path to which, what it is called, the copies per byte that remain, and the counter of bytes.
const RELAYS: &[(CopyPath, CopyPath, Rule, u64, CounterId)] = {
    use CopyPath::{FileRead, FileWrite, PipeRead, PipeWrite, SocketRecv, SocketSend};
    &[
        (FileRead, SocketSend, Rule::FileToSocket, 0, RelayedFileSocketBytes),
        (FileRead, FileWrite, Rule::FileToFile, 1, RelayedFileFileBytes),
        (FileRead, PipeWrite, Rule::Relay, 0, RelayedFilePipeBytes),
        (PipeRead, SocketSend, Rule::Relay, 0, RelayedPipeSocketBytes),
        (PipeRead, FileWrite, Rule::Relay, 1, RelayedPipeFileBytes),
        (PipeRead, PipeWrite, Rule::Relay, 0, RelayedPipePipeBytes),
        (SocketRecv, SocketSend, Rule::Relay, 0, RelayedSocketSocketBytes),
        (SocketRecv, PipeWrite, Rule::Relay, 0, RelayedSocketPipeBytes),
        (SocketRecv, FileWrite, Rule::Relay, 1, RelayedSocketFileBytes),
    ]
};

/// Calls of fewer bytes on average are not worth two calls of splice: a page, less a margin for small reads when
/// a program starts.
const LEAST_CALL_BYTES: u64 = 3_584;
/// Fewer calls are no pattern.
const LEAST_CALLS: u64 = 8;
/// Of what a process writes to files and pipes nearly all is passed on; of what it sends, headers are not.
const OTHER_OUT: u64 = 16;
const OTHER_SENT: u64 = 8;
/// What else it reads from where the bytes come from: programs, libraries, settings.
const OTHER_IN: u64 = 8;
const OTHER_IN_BYTES: u64 = 1 << 20;

/// Length of a tick: the kernel tells user mode from kernel mode by what it finds then (`CONFIG_HZ=250`; with
/// 1,000 the bounds are closer than computed here).
const TICK_NS: u64 = 4_000_000;
/// Of time in user mode, an upper bound of 95 % when no tick has hit: three ticks.
const NO_TICK: u64 = 3;

/// Picoseconds of user mode per byte, at most. A pass over the data takes 300 and more a byte at a time, and 30
/// to 60 with vector instructions. With no tick at all these bounds take 29 and 76 MiB.
const POSSIBLE_PS: u64 = 400;
/// The same, of the time itself, however many bytes there are.
const MEASURED_PS: u64 = 100;
const LIKELY_PS: u64 = 150;

/// CPU time of which `hits` were seen, one in `each_ns`: an upper bound of 95 %.
const fn upper_bound(hits: u64, each_ns: u64) -> u64 {
    let twice_root = hits.saturating_mul(4).isqrt();
    hits.saturating_add(NO_TICK).saturating_add(twice_root).saturating_mul(each_ns)
}

/// CPU time of the other threads of the process, an upper bound. `None`: they have run, and nothing tells for how
/// long.
fn others_ns(row: Row<'_>, frame: &Frame) -> Option<u64> {
    let of = |counter: CounterId| row.counters[counter];
    let switches = of(ContextSwitchesVoluntary).saturating_add(of(ContextSwitchesInvoluntary));
    // A thread that begins to pass bytes on brings along what it did before: then nothing is known of the others.
    let switches = switches.checked_sub(of(RelayingContextSwitches))?;
    let samples = of(CpuSamples).checked_sub(of(RelayingCpuSamples))?;
    match (switches, samples) {
        (0, 0) => Some(0),
        _ if frame.host.limitation(CpuSamples).is_some() => None,
        _ => Some(upper_bound(samples, SAMPLE_NS)),
    }
}

/// How sure it is that `bytes` were not looked at in `user_ns` of user mode of the thread that passed them on, nor
/// in `others_ns` of other threads. `None`: they were, or there are too few of them to tell.
fn certainty(bytes: u64, user_ns: u64, others_ns: Option<u64>) -> Option<Certainty> {
    let ticks = user_ns.saturating_mul(TICK_NS);
    let bound = user_ns.saturating_add(NO_TICK * TICK_NS).saturating_add(2 * ticks.isqrt());
    let in_all = others_ns.map(|others| bound.saturating_add(others));
    let is_below =
        |ns: u64, limit: u64| u128::from(ns) * 1_000 <= u128::from(bytes) * u128::from(limit);
    if in_all.is_some_and(|ns| is_below(ns, LIKELY_PS)) {
        Some(Certainty::Likely)
    } else if is_below(bound, POSSIBLE_PS) && is_below(user_ns, MEASURED_PS) {
        Some(Certainty::Possible)
    } else {
        None
    }
}

/// What the process passed on, and what else it moved.
struct Traffic<'a> {
    row: Row<'a>,
    /// Bytes that were passed on, on all ways.
    relayed: u64,
    /// Bytes that went out otherwise, `/dev/null` and terminals included.
    other_out: u64,
}

impl<'a> Traffic<'a> {
    fn new(row: Row<'a>) -> Self {
        let relayed = RELAYS.iter().map(|relay| row.counters[relay.4]).sum();
        let goes_out = |path: CopyPath| path.flow() == Flow::Out || path == CopyPath::PseudoWrite;
        let out = row.paths.iter().filter(|sample| sample.path.is_known_and(goes_out));
        let other_out = PathSum::of(out).moved_bytes.saturating_sub(relayed);
        Self { row, relayed, other_out }
    }

    /// What came in, or went out, on `path` and was not passed on.
    fn other(&self, path: &PathTotal) -> u64 {
        let ways = RELAYS.iter().filter(|relay| relay.0 == path.path || relay.1 == path.path);
        let relayed: u64 = ways.map(|relay| self.row.counters[relay.4]).sum();
        path.moved_bytes.saturating_sub(relayed)
    }

    /// Bytes that came in on these paths.
    fn moved_on(&self, paths: &[CopyPath]) -> u64 {
        PathSum::on(self.row.paths, paths).moved_bytes
    }

    /// Whether so much else comes in that it may have been put over what is passed on.
    fn is_mixed(&self) -> bool {
        use CopyPath::{DirectRead, FileRead, PipeRead, SocketRecv};
        let all = self.moved_on(&[FileRead, DirectRead, PipeRead, SocketRecv]);
        all.saturating_sub(self.relayed) > self.most_besides()
    }

    /// What may come in besides.
    fn most_besides(&self) -> u64 {
        OTHER_IN_BYTES.max(self.relayed / OTHER_IN)
    }

    /// Whether the bytes that were passed on are all that matters. What is written twice is not moved by one
    /// call of splice; what is written between them (headers of an archive) belongs to it.
    fn is_plain(&self, from: &PathTotal, to: &PathTotal) -> bool {
        // Neither a device nor the memory of a process is passed on by these rules: what comes from there in bulk
        // goes over the bytes, or between them.
        let foreign = self.moved_on(&[CopyPath::PseudoRead, CopyPath::ProcessVm]);
        if self.other(from).max(foreign) > self.most_besides() {
            return false;
        }
        match (from.path, to.path) {
            (_, CopyPath::SocketSend) => self.other_out <= self.relayed / OTHER_SENT,
            (CopyPath::SocketRecv, _) => self.other_out <= self.relayed / OTHER_OUT,
            // One buffer may have been read before it was counted.
            _ => self.other(to) <= to.bytes_per_op() && self.other_out <= self.relayed / OTHER_OUT,
        }
    }

    /// Whether calls by which the kernel would pass the bytes on have been tried in vain.
    fn has_failed(&self, rule: Rule) -> bool {
        let of = |paths: &[CopyPath]| PathSum::on(self.row.paths, paths);
        // A socket that is full makes them fail, too.
        let never = |paths: &[CopyPath]| of(paths).errors > 0 && of(paths).ops == 0;
        let splice = [
            CopyPath::SpliceFilePipe,
            CopyPath::SplicePipeSocket,
            CopyPath::SplicePipeFile,
            CopyPath::SpliceSocketPipe,
            CopyPath::SplicePipePipe,
        ];
        match rule {
            Rule::FileToFile => {
                of(&[CopyPath::CopyRangeCopied, CopyPath::CopyRangeReflink]).errors > 0
                    || never(&[CopyPath::SendfileToFile])
            }
            Rule::FileToSocket => never(&[CopyPath::SendfileToSocket]) || never(&splice),
            _ => never(&splice) || never(&[CopyPath::SendfileToPipe]),
        }
    }
}

/// Everything that a process passes on in `row`, if what it did in `judged` is evidence of it.
pub(super) fn passed_on(
    judged: Row<'_>,
    row: Row<'_>,
    frame: &Frame,
    found: &mut impl FnMut(Advice),
) {
    let traffic = Traffic::new(judged);
    if judged.counters[MappedSentBytes] > 0 {
        mapped_and_sent(&traffic, row, frame, found);
    }
    let others_ns = others_ns(judged, frame);
    let certainty = certainty(traffic.relayed, judged.counters[RelayedUserNs], others_ns);
    let Some(mut certainty) = certainty else { return };
    // A program that wakes by a timer may do its work between the ticks each time: many seconds are no more evidence
    // than one then.
    if row.counters != judged.counters {
        let alone = RELAYS.iter().map(|relay| row.counters[relay.4]).sum();
        let alone =
            self::certainty(alone, row.counters[RelayedUserNs], self::others_ns(row, frame));
        certainty = certainty.min(alone.unwrap_or(Certainty::Possible));
    }
    if traffic.is_mixed() {
        certainty = certainty.min(Certainty::Possible);
    }
    for &(from, to, rule, copies_left, counter) in RELAYS {
        let ends = |row: Row<'_>| {
            let total = |path| PathTotal::of(row.paths.iter(), path);
            Some((total(from)?, total(to)?))
        };
        let Some((all_in, all_out)) = ends(judged) else { continue };
        let is_large =
            |path: &PathTotal| path.bytes_per_op() >= LEAST_CALL_BYTES && path.ops >= LEAST_CALLS;
        // A part of the whole that is smaller would not get advice on its own.
        if judged.counters[counter] < traffic.relayed / 8
            || !is_large(&all_in)
            || !is_large(&all_out)
            || !traffic.is_plain(&all_in, &all_out)
            || traffic.has_failed(rule)
        {
            continue;
        }
        let bytes = row.counters[counter];
        let Some((from, to)) = ends(row) else { continue };
        let copied = from.copied_of(bytes).saturating_add(to.copied_of(bytes));
        advise(rule, certainty, copied, copies_left, Evidence::Passed { from, to, bytes }, found);
    }
}

/// Pages of files that were mapped and written or sent, and that the program itself has not touched before.
fn mapped_and_sent(
    traffic: &Traffic<'_>,
    row: Row<'_>,
    frame: &Frame,
    found: &mut impl FnMut(Advice),
) {
    // Datagrams have bounds that sendfile would not keep. Of a Unix socket it is not known whether it has them.
    let is_on = |sample: &PathSample, kind| sample.socket.is_some_and(|socket| socket == kind);
    let stream =
        |sample: &&PathSample| !is_on(sample, SocketKind::Udp) && !is_on(sample, SocketKind::Other);
    let total = |row: Row<'_>, path| PathTotal::of(row.paths.iter().filter(stream), path);
    let mapped = traffic.row.counters[MappedSentBytes];
    let Some(from) = total(row, CopyPath::MmapRead) else { return };
    // Writing it to a file is one copy, and so is any other way.
    for (to, rule) in
        [(CopyPath::SocketSend, Rule::FileToSocket), (CopyPath::PipeWrite, Rule::Relay)]
    {
        let (Some(all), Some(to)) = (total(traffic.row, to), total(row, to)) else { continue };
        let other = traffic.other(&all);
        let bytes = mapped.min(other);
        // The kernel maps a few pages more than it needs. Where it maps large ones at once, and no copy site
        // sees that, what was counted is a part.
        let is_enough = bytes >= other / OTHER_MAPPED
            && mapped <= bytes.saturating_add(bytes / OTHER_SENT).saturating_add(OTHER_IN_BYTES)
            && traffic.other_out.saturating_sub(other) <= other / OTHER_OUT;
        let is_large = all.bytes_per_op() >= LEAST_CALL_BYTES && all.ops >= LEAST_CALLS;
        // The faults are the evidence; ticks are not needed.
        if !is_enough || !is_large || bytes < LEAST_MAPPED_BYTES || traffic.has_failed(rule) {
            continue;
        }
        let is_unix = traffic
            .row
            .paths
            .iter()
            .any(|sample| sample.path == to.path && is_on(sample, SocketKind::Unix));
        let is_doubtful = is_unix || may_be_changed(traffic.row, all.ops, frame);
        let certainty = if is_doubtful { Certainty::Possible } else { Certainty::Likely };
        let bytes = row.counters[MappedSentBytes].min(Traffic::new(row).other(&to));
        let copied = to.copied_of(bytes);
        let evidence = Evidence::Passed { from, to, bytes };
        advise(rule, certainty, copied, 0, evidence, found);
    }
}

/// Whether the program may have written to a private mapping before each of `calls`, or most of them: the kernel
/// copies the page, and maps the others around it when the send comes to them.
fn may_be_changed(row: Row<'_>, calls: u64, frame: &Frame) -> bool {
    let is_unknown = |limit: &Limitation| limit.provenance == Provenance::Unavailable;
    let pages = row.counters[CowCopiedBytes] / PAGE_BYTES;
    frame.host.limitation(CowCopiedBytes).is_some_and(is_unknown)
        || pages > STARTUP_PAGES.saturating_add(calls / 2)
}

/// The smallest page.
const PAGE_BYTES: u64 = 4_096;
/// Pages that the start of a program copies: the loader relocates data of the program and its libraries.
const STARTUP_PAGES: u64 = 64;

/// Less of a mapping is no evidence,
const LEAST_MAPPED_BYTES: u64 = 8 << 20;
/// nor is a smaller part of what is sent.
const OTHER_MAPPED: u64 = 16;

fn advise(
    rule: Rule,
    certainty: Certainty,
    copied: u64,
    copies_left: u64,
    evidence: Evidence,
    found: &mut impl FnMut(Advice),
) {
    let Evidence::Passed { bytes, .. } = evidence else { return };
    let copied_bytes = copied.saturating_sub(copies_left.saturating_mul(bytes));
    if copied_bytes > 0 {
        let saving = Saving { copied_bytes, ..Saving::default() };
        found(Advice { rule, certainty, saving, evidence });
    }
}
