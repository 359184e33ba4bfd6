use zc_common::path::SocketKind;

use super::*;
use crate::{
    advice::{self, Certainty, Evidence, Rule, Saving},
    counter::CounterId::*,
    fixture::sketch::{path, process, snapshot, socket},
    row::Row,
    snapshot::ProcessSample,
};

const MIB: u64 = 1 << 20;
const SECOND: u64 = 1_000_000_000;

/// A server that sends so many MiB of a file in an interval.
fn server(pid: u32, mib: u64) -> ProcessSample {
    let read = path(CopyPath::FileRead, 16 * mib, mib * MIB);
    let sent = socket(CopyPath::SocketSend, SocketKind::Tcp, 16 * mib, mib * MIB);
    let mut server = process(pid, "server", &[read, sent]);
    server.counters[RelayedFileSocketBytes] = mib * MIB;
    server
}

/// An interval of `ns` that ends at `end_ns`.
fn frame(end_ns: u64, ns: u64, processes: &[ProcessSample]) -> Frame {
    let mut frame = Frame::cumulative(snapshot(1, processes));
    frame.taken_at_ns = end_ns;
    frame.elapsed_ns = ns;
    frame
}

/// What is said of its first process.
fn said(frame: &Frame) -> Option<(Certainty, Saving, u64)> {
    let advice = advice::best(Row::process(&frame.processes[0]), frame)?;
    let Evidence::Passed { bytes, .. } = advice.evidence else { panic!("{advice:?}") };
    assert_eq!(advice.rule, Rule::FileToSocket);
    Some((advice.certainty, advice.saving, bytes))
}

/// What is said at the end of each of `count` intervals of `ns`.
fn course(count: u64, ns: u64, mib: u64) -> Vec<Option<(Certainty, Saving, u64)>> {
    let mut recent = Recent::default();
    (1..=count)
        .map(|at| {
            let mut frame = frame(100 * SECOND + at * ns, ns, &[server(7, mib)]);
            recent.follow(&mut frame);
            said(&frame)
        })
        .collect()
}

#[test]
fn a_slow_server_is_advised_once_enough_was_seen() {
    let figures = (Saving { copied_bytes: 20 * MIB, ..Saving::default() }, 10 * MIB);
    let one = |certainty| Some((certainty, figures.0, figures.1));
    let said = course(12, SECOND, 10);
    // 29 MiB are what it takes; a program that wakes by a timer may have no tick in any of its seconds.
    assert_eq!(said[..2], [None, None]);
    assert_eq!(said[2..], [one(Certainty::Possible); 10]);
}

#[test]
fn the_length_of_intervals_does_not_matter() {
    // 9 MiB a second.
    let last = |said: Vec<Option<(Certainty, Saving, u64)>>| said.last().copied().flatten();
    let of = |certainty, mib| {
        let saving = Saving { copied_bytes: 2 * mib * MIB, ..Saving::default() };
        Some((certainty, saving, mib * MIB))
    };
    assert_eq!(last(course(40, SECOND / 3, 3)), of(Certainty::Possible, 3));
    assert_eq!(last(course(12, SECOND, 9)), of(Certainty::Possible, 9));
    assert_eq!(last(course(6, 3 * SECOND, 27)), of(Certainty::Possible, 27));
    // Enough for more in one interval.
    assert_eq!(last(course(2, 10 * SECOND, 90)), of(Certainty::Likely, 90));
    assert_eq!(last(course(2, SECOND, 90)), of(Certainty::Likely, 90));
    // Of less than 3 MiB a second, ten seconds are not enough.
    assert_eq!(last(course(40, SECOND, 2)), None);
}

#[test]
fn what_was_before_a_gap_or_longer_ago_is_forgotten() {
    let after = |gap: u64| {
        let mut recent = Recent::default();
        let mut end = 100 * SECOND;
        for _ in 0..9 {
            end += SECOND;
            recent.follow(&mut frame(end, SECOND, &[server(7, 10)]));
        }
        let mut next = frame(end + gap + SECOND, SECOND, &[server(7, 10)]);
        recent.follow(&mut next);
        said(&next).is_some()
    };
    assert!(after(0));
    assert!(!after(2 * SECOND));

    let mut recent = Recent::default();
    recent.follow(&mut frame(SECOND, SECOND, &[server(7, 500)]));
    for second in 2..=10 {
        let mut next = frame(second * SECOND, SECOND, &[server(7, 1)]);
        recent.follow(&mut next);
        assert!(said(&next).is_some(), "{second}");
    }
    let mut next = frame(11 * SECOND, SECOND, &[server(7, 1)]);
    recent.follow(&mut next);
    assert_eq!(said(&next), None);
}

#[test]
fn what_speaks_against_it_counts_as_well() {
    let mut recent = Recent::default();
    recent.follow(&mut frame(SECOND, SECOND, &[server(7, 100)]));
    // For a second it reads a device, and passes nothing on.
    let random = path(CopyPath::PseudoRead, 3_000, 200 * MIB);
    recent.follow(&mut frame(2 * SECOND, SECOND, &[process(7, "server", &[random])]));
    let mut next = frame(3 * SECOND, SECOND, &[server(7, 100)]);
    assert!(said(&next).is_some());
    recent.follow(&mut next);
    assert_eq!(said(&next), None);
}

#[test]
fn another_process_of_the_same_number_has_done_nothing() {
    let mut recent = Recent::default();
    recent.follow(&mut frame(SECOND, SECOND, &[server(7, 500)]));
    let mut other = server(7, 10);
    other.id.start_ns += 1;
    let mut next = frame(2 * SECOND, SECOND, &[other]);
    recent.follow(&mut next);
    assert_eq!(said(&next), None);
}

#[test]
fn another_program_in_the_same_process_has_done_nothing() {
    let mut recent = Recent::default();
    recent.follow(&mut frame(SECOND, SECOND, &[server(7, 20)]));
    recent.follow(&mut frame(2 * SECOND, SECOND, &[server(7, 20)]));
    let other = |mib| ProcessSample { comm: "other".into(), ..server(7, mib) };
    for second in 3..=5 {
        // In the first of these seconds it becomes another one.
        let mut next = frame(second * SECOND, SECOND, &[other(12)]);
        recent.follow(&mut next);
        assert_eq!(said(&next), None, "{second}");
    }
    let mut next = frame(6 * SECOND, SECOND, &[other(12)]);
    recent.follow(&mut next);
    assert!(said(&next).is_some());
}

#[test]
fn what_is_remembered_has_bounds() {
    let many: Vec<_> = (1..=1_000).map(|pid| server(pid, 1)).collect();
    let mut recent = Recent::default();
    for at in 1..=120 {
        recent.follow(&mut frame(at * SECOND / 10, SECOND / 10, &many));
    }
    assert!(recent.parts.len() <= 11, "{}", recent.parts.len());
    assert!(recent.parts.iter().all(|part| part.processes.len() <= MOST_PROCESSES));
}
