use zc_common::path::{CopyPath, SocketKind};

use super::*;
use crate::{
    counter::CounterId,
    filter::{Filter, parse},
    fixture::sketch::{path, process, snapshot, socket},
    snapshot::{Object, ObjectId, ObjectKind, ObjectSample, Provenance},
};

fn moved(frame: &Frame) -> u64 {
    frame.totals.counters[CounterId::MovedBytes]
}

#[test]
fn a_process_without_a_past_counts_from_zero() {
    let before = snapshot(1, &[process(7, "old", &[path(CopyPath::FileRead, 1, 10)])]);
    let after = snapshot(
        2,
        &[
            process(8, "new", &[path(CopyPath::FileRead, 2, 300)]),
            process(7, "old", &[path(CopyPath::FileRead, 3, 30)]),
        ],
    );
    let frame = Frame::between(&before, &after);
    assert_eq!(frame.elapsed_ns, 1_000_000_000);
    assert_eq!(frame.processes[0].paths, [path(CopyPath::FileRead, 2, 300)]);
    assert_eq!(frame.processes[1].paths, [path(CopyPath::FileRead, 2, 20)]);
    assert_eq!(moved(&frame), 320);
}

#[test]
fn a_reused_pid_does_not_inherit() {
    let before = snapshot(1, &[process(7, "old", &[path(CopyPath::FileRead, 1, 100)])]);
    let mut reused = process(7, "new", &[path(CopyPath::FileRead, 1, 100)]);
    reused.id.start_ns += 1;
    assert_eq!(moved(&Frame::between(&before, &snapshot(2, &[reused]))), 100);
}

#[test]
fn each_process_finds_its_past_in_whatever_order() {
    let reads = |pid: u32, bytes| process(pid, "x", &[path(CopyPath::FileRead, 1, bytes)]);
    let sorted = [reads(3, 100), reads(5, 100), reads(9, 100)];
    let unsorted = [reads(9, 100), reads(3, 100), reads(5, 100)];
    // 4 and 10 are new, 5 is gone, the others read one byte more.
    let after = snapshot(2, &[reads(3, 101), reads(4, 7), reads(9, 101), reads(10, 7)]);
    for before in [sorted, unsorted] {
        let frame = Frame::between(&snapshot(1, &before), &after);
        let bytes: Vec<u64> =
            frame.processes.iter().map(|row| row.counters[CounterId::MovedBytes]).collect();
        assert_eq!(bytes, [1, 7, 1, 7]);
    }
}

#[test]
fn a_process_is_found_in_whatever_order() {
    let mut row = process(0, "sh", &[path(CopyPath::FileRead, 1, 1)]);
    row.exited = true;
    let sorted: Vec<_> = (1..=9).map(|pid| process(pid, "x", &[])).collect();
    let unsorted: Vec<_> = [4, 1, 9, 2, 7, 3, 8, 6, 5].map(|pid| process(pid, "x", &[])).into();
    for mut rows in [sorted, unsorted] {
        rows.extend([row.clone(), row.clone(), row.clone()]);
        let frame = Frame::cumulative(snapshot(1, &rows));
        for row in &rows[..9] {
            assert_eq!(frame.process(row.id).map(|found| found.id), Some(row.id));
        }
        assert_eq!(frame.process(ProcessId { pid: 3, start_ns: 4 }), None);
    }
}

#[test]
fn a_shared_sample_is_an_idle_process() {
    let busy = process(7, "x", &[path(CopyPath::FileRead, 1, 100)]);
    let before = snapshot(1, &[busy]);
    let after = Snapshot { elapsed_ns: before.elapsed_ns + 1, ..before.clone() };
    assert!(Arc::ptr_eq(&before.processes[0], &after.processes[0]));
    let frame = Frame::between(&before, &after);
    assert_eq!(frame.processes[0].counters, Counters::default());
    assert!(frame.processes[0].paths.is_empty());
}

#[test]
fn counts_that_went_backwards_are_zero_and_not_huge() {
    let before = snapshot(1, &[process(7, "x", &[path(CopyPath::FileRead, 9, 900)])]);
    let after = snapshot(2, &[process(7, "x", &[path(CopyPath::FileRead, 1, 100)])]);
    let frame = Frame::between(&before, &after);
    assert_eq!(moved(&frame), 0);
    assert!(frame.processes[0].paths.is_empty());
}

#[test]
fn the_idle_stay_while_they_live() {
    let mut gone = process(8, "gone", &[path(CopyPath::FileRead, 1, 1)]);
    gone.exited = true;
    let all = snapshot(1, &[process(7, "idle", &[]), gone]);
    let frame = Frame::between(&all, &all);
    let names: Vec<&str> = frame.processes.iter().map(|process| &*process.comm).collect();
    assert_eq!(names, ["idle"]);
}

#[test]
fn a_merged_row_does_not_count_again_what_its_processes_had_counted() {
    let merged = |bytes| {
        let mut row = process(0, "sh", &[path(CopyPath::FileRead, 1, bytes)]);
        row.exited = true;
        row
    };
    let individual = process(9, "sh", &[path(CopyPath::FileRead, 1, 40)]);
    let other = process(10, "sh", &[path(CopyPath::FileRead, 1, 5)]);
    let before = snapshot(1, &[merged(100), individual, other.clone()]);
    // 9 was folded into the row together with one that lived between the snapshots (7 bytes).
    let after = snapshot(2, &[merged(147), other]);
    assert_eq!(moved(&Frame::between(&before, &after)), 7);
}

/// Those that had ended before the interval did nothing in it, whether they were merged before or in it.
#[test]
fn of_a_merged_row_those_count_that_ended_in_the_interval() {
    let row = |comm, merged| ProcessSample {
        merged,
        exited: true,
        ..process(0, comm, &[path(CopyPath::FileRead, 1, merged)])
    };
    let ended = |pid| ProcessSample {
        exited: true,
        ..process(pid, "sh", &[path(CopyPath::FileRead, 1, 1)])
    };
    let alive = process(10, "sh", &[path(CopyPath::FileRead, 1, 1)]);
    let before = snapshot(1, &[row("sh", 100), ended(9), alive]);
    // 9, 10, and three that lived between the snapshots.
    let frame = Frame::between(&before, &snapshot(2, &[row("sh", 105)]));
    assert_eq!(frame.merged_in(&frame.processes[0]), 4);
    // A name that has no row any more, of the same tree and user.
    let frame = Frame::between(&before, &snapshot(2, &[row("(other)", 105)]));
    assert_eq!(frame.merged_in(&frame.processes[0]), 4);
    let whole = Frame::cumulative(before);
    assert_eq!(whole.merged_in(&whole.processes[0]), 100);
}

#[test]
fn a_name_without_a_row_of_its_own_is_merged_with_the_others() {
    let row = |comm, bytes| {
        let mut row = process(0, comm, &[path(CopyPath::FileRead, 1, bytes)]);
        row.exited = true;
        row
    };
    let rare = process(9, "rare", &[path(CopyPath::FileRead, 1, 40)]);
    let before = snapshot(1, &[row("(other)", 1), rare]);
    let after = snapshot(2, &[row("(other)", 44)]);
    assert_eq!(moved(&Frame::between(&before, &after)), 3);
}

#[test]
fn the_order_of_processes_does_not_matter() {
    let read = |pid, bytes| process(pid, "x", &[path(CopyPath::FileRead, 1, bytes)]);
    let before = snapshot(1, &[read(1, 1), read(2, 2), read(3, 3), read(4, 4)]);
    let after = snapshot(2, &[read(4, 5), read(5, 7), read(2, 2), read(3, 3), read(1, 1)]);
    assert_eq!(moved(&Frame::between(&before, &after)), 8);
}

#[test]
fn samples_of_one_path_and_kind_are_one() {
    let tcp = |ops, bytes| socket(CopyPath::SocketSend, SocketKind::Tcp, ops, bytes);
    let udp = socket(CopyPath::SocketSend, SocketKind::Udp, 1, 5);
    let read = path(CopyPath::FileRead, 1, 1);
    let frame =
        Frame::cumulative(snapshot(1, &[process(7, "x", &[tcp(1, 10), udp, read, tcp(2, 20)])]));
    assert_eq!(frame.processes[0].paths, [read, tcp(3, 30), udp]);
    assert_eq!(frame.totals.paths, frame.processes[0].paths);
}

#[test]
fn a_total_is_as_trustworthy_as_its_worst_part() {
    let mut assumed = path(CopyPath::FileRead, 1, 1);
    assumed.provenance = Provenance::Assumed;
    let known = path(CopyPath::FileRead, 1, 1);
    let frame =
        Frame::cumulative(snapshot(1, &[process(7, "a", &[known]), process(8, "b", &[assumed])]));
    assert_eq!(frame.totals.paths[0].provenance, Provenance::Assumed);
    assert_eq!(frame.copied(&frame.totals.paths).provenance, Provenance::Assumed);
}

#[test]
fn a_part_that_is_not_known_does_not_hide_the_others() {
    let zerocopy = path(CopyPath::SocketSendZerocopy, 1, 500);
    let read = path(CopyPath::FileRead, 1, 70);
    let frame = Frame::cumulative(snapshot(1, &[process(7, "x", &[read, zerocopy])]));
    let copied = frame.copied(&frame.totals.paths);
    assert_eq!((copied.bytes, copied.provenance), (70, Provenance::Measured));
    assert_eq!(copied.unknown_moved_bytes, 500);
    assert!(frame.copied(&[zerocopy]).is_unavailable());
}

#[test]
fn a_selection_has_its_own_totals_and_nothing_unattributed() {
    let mut all = snapshot(
        1,
        &[
            process(7, "nginx", &[path(CopyPath::FileRead, 1, 10)]),
            process(8, "dd", &[path(CopyPath::FileRead, 1, 100)]),
        ],
    );
    all.unattributed.paths = vec![path(CopyPath::FileRead, 1, 1000)];
    let frame = Frame::cumulative(all);
    assert_eq!(moved(&frame), 1110);
    assert_eq!(frame.clone().select(&Filter::default()), frame);
    let filter = Filter { expr: Some(parse("comm == nginx").unwrap()), ..Filter::default() };
    let selected = frame.select(&filter);
    assert_eq!((selected.processes.len(), moved(&selected)), (1, 10));
    assert!(selected.unattributed.paths.is_empty());
}

#[test]
fn a_selection_keeps_what_threads_did_without_a_slot() {
    let mut all = snapshot(
        1,
        &[
            process(7, "nginx", &[path(CopyPath::FileRead, 1, 10)]),
            process(8, "dd", &[path(CopyPath::FileRead, 1, 100)]),
        ],
    );
    let quiet = all.clone();
    all.unattributed.paths = vec![path(CopyPath::FileRead, 1, 1000)];
    all.losses[Loss::SlotsExhausted] = 3;
    let filter = Filter { comms: vec!["nginx".into()], ..Filter::default() };
    let selected = Frame::cumulative(all.clone()).select(&filter);
    assert_eq!((selected.processes.len(), moved(&selected)), (1, 1010));
    assert_eq!(selected.unattributed.paths, all.unattributed.paths);
    // Also in an interval in which no thread looked for a slot: one that found none earlier goes on.
    let mut later = all.clone();
    later.unattributed.paths = vec![path(CopyPath::FileRead, 2, 1500)];
    let selected = Frame::between(&all, &later).select(&filter);
    assert_eq!((selected.losses.total(), moved(&selected)), (0, 500));
    assert_eq!(moved(&Frame::cumulative(quiet).select(&filter)), 10);
}

#[test]
fn a_loss_concerns_a_selection_if_it_is_counted_for_what_is_followed() {
    let all = Scope::default();
    let followed = Scope { followed: true, filtered: false };
    let filtered = Scope { followed: false, filtered: true };
    let concerned = |scope: Scope| {
        let is = |loss: &&Loss| scope.concerns(LossId::Known(**loss));
        Loss::ALL.iter().filter(is).copied().collect::<Vec<_>>()
    };
    assert_eq!(concerned(all), Loss::ALL);
    assert_eq!(concerned(filtered), []);
    assert!(concerned(followed).contains(&Loss::CompatSyscalls));
    assert!(!concerned(followed).contains(&Loss::ProbeRecursions));
}

#[test]
fn rows_that_are_ahead_of_the_totals_are_not_missing_later() {
    let read = |ops| vec![path(CopyPath::FileRead, ops, ops * 1000)];
    // Up to a second: calls that the totals have, and those that the rows have.
    let at = |second, counted, in_rows| {
        let id = process(7, "cat", &[]).id;
        let object = Object {
            id: ObjectId { inode: 1, ..ObjectId::default() },
            kind: ObjectKind::File,
            name: None,
            is_whole: false,
            is_deleted: false,
            mount_namespace: None,
            ends: None,
        };
        let row = ObjectSample {
            object: Arc::new(object),
            process: id,
            comm: "cat".into(),
            from: read(in_rows),
            to: Vec::new(),
        };
        let objects = Objects { rows: vec![row], ..Objects::default() };
        let objects = Some(Arc::new(objects));
        Snapshot { objects, ..snapshot(second, &[process(7, "cat", &read(counted))]) }
    };
    let outside = |previous: &Snapshot, next: &Snapshot| {
        let outside = Frame::between(previous, next).objects.unwrap().outside;
        outside.iter().flat_map(|row| &row.from).map(|path| path.ops).sum::<u64>()
    };
    let snapshots = [at(1, 10, 14), at(2, 20, 20), at(3, 25, 29), at(4, 40, 37)];
    let missing: Vec<_> = snapshots.windows(2).map(|two| outside(&two[0], &two[1])).collect();
    assert_eq!(missing, [0, 0, 3]);
}
