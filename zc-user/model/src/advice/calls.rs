//! Many calls of a few bytes.

use zc_common::path::{CopyPath, SocketKind};

use super::{Advice, Certainty, Evidence, PathTotal, Rule, Saving};
use crate::{counter::CounterId, row::Row, snapshot::PathSample};

/// Calls of no more than this on average are small,
const SMALL_CALL_BYTES: u64 = 512;
/// if there are at least this many of them in a frame: some ten milliseconds of CPU time.
const MANY_CALLS: u64 = 10_000;
/// With a buffer of this size the call costs little compared with the copy.
const GOOD_BUFFER_BYTES: u64 = 65_536;
/// Below this, MSG_ZEROCOPY costs more than it saves (the kernel's own documentation),
const ZEROCOPY_WORTH_BYTES: u64 = 10_240;
/// and that many sends are no accident.
const MANY_ZEROCOPY_SENDS: u64 = 1_000;
/// What else the program does, calls of any kind, is less than this part of its small calls.
const ELSE: u64 = 4;

/// The paths on which a buffer can help. What is read from a pipe or socket is as small as it was written.
const PATHS: [CopyPath; 4] =
    [CopyPath::FileRead, CopyPath::FileWrite, CopyPath::PipeWrite, CopyPath::SocketSend];

/// Small calls one after the other. A program that does something between them needs each piece when it
/// reads or writes it: it waits for requests and answers them, moves about in a file, or makes sure that
/// what it wrote is on the disk.
pub(super) fn small(row: Row<'_>, found: &mut impl FnMut(Advice)) {
    // Of ten thousand processes hardly one makes so many.
    if row.paths.iter().map(|sample| sample.ops).fold(0, u64::saturating_add) < MANY_CALLS {
        return;
    }
    let small = PATHS.map(|path| {
        // A datagram is as long as it is; only streams can be gathered in a buffer.
        let stream =
            |sample: &&PathSample| sample.socket.is_none_or(|socket| socket == SocketKind::Tcp);
        PathTotal::of(row.paths.iter().filter(stream), path)
            .filter(|calls| calls.moved_bytes > 0 && calls.bytes_per_op() <= SMALL_CALL_BYTES)
    });
    let all: u64 = small.iter().flatten().map(|calls| calls.ops).sum();
    if row.counters[CounterId::Syscalls].saturating_sub(all) > all / ELSE {
        return;
    }
    for calls in small.into_iter().flatten().filter(|calls| calls.ops >= MANY_CALLS) {
        let needed = calls.moved_bytes.div_ceil(GOOD_BUFFER_BYTES);
        let certainty = match calls.path {
            // They may be anywhere in the file.
            CopyPath::FileRead | CopyPath::FileWrite => Certainty::Possible,
            _ => Certainty::Likely,
        };
        let mode_switches = 2 * calls.ops.saturating_sub(needed);
        let saving = Saving { mode_switches, ..Saving::default() };
        let evidence = Evidence::Calls(calls);
        found(Advice { rule: Rule::SmallCalls, certainty, saving, evidence });
    }
}

/// Zero-copy sends that are too small for it.
pub(super) fn small_zerocopy_sends(paths: &[PathSample], found: &mut impl FnMut(Advice)) {
    let Some(sends) = PathTotal::of(paths.iter(), CopyPath::SocketSendZerocopy) else { return };
    let small = sends.moved_bytes > 0 && sends.bytes_per_op() < ZEROCOPY_WORTH_BYTES;
    if small && sends.ops >= MANY_ZEROCOPY_SENDS {
        found(Advice {
            rule: Rule::SmallZerocopySends,
            certainty: Certainty::Likely,
            saving: Saving::default(),
            evidence: Evidence::Calls(sends),
        });
    }
}
