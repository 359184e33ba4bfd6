use zc_model::{fixture::sketch, snapshot::Snapshot};

use super::*;

const SECOND: u64 = 1_000_000_000;
const LIMITS: Limits = Limits { groups: 3, age_ns: 30 * SECOND };

/// A process in the group `name` that began at `began` s since boot, and has read so many bytes.
fn process(pid: u32, name: &str, began: u64, read: u64) -> ProcessSample {
    let mut process = sketch::process(pid, name, &[sketch::path(CopyPath::FileRead, 1, read)]);
    process.id.start_ns = began * SECOND;
    process.cgroup = Some(name.into());
    process
}

/// A machine that booted 1,000 s before zc started.
fn boot_ns(seconds: u64) -> u64 {
    (1_000 + seconds) * SECOND
}

/// Plays snapshots: each is the second, and what processes have read in all.
fn play(guard: &mut Guard, seconds: u64, processes: &[ProcessSample], previous: &mut Snapshot) {
    let next = sketch::snapshot(seconds, processes);
    guard.take(&Frame::between(previous, &next), seconds * SECOND, boot_ns(seconds));
    *previous = next;
}

fn names(guard: &Guard) -> Vec<String> {
    let mut names: Vec<_> = guard.groups().map(|group| group.labels[0].to_string()).collect();
    names.sort();
    names
}

fn read(counted: &Counted) -> u64 {
    counted.paths.values().map(|path| path.moved).sum()
}

fn of(guard: &Guard, name: &str) -> u64 {
    let group = guard.groups().find(|group| &*group.labels[0] == name);
    read(&group.expect("it has series of its own").counted)
}

#[test]
fn a_group_is_admitted_when_it_is_old_enough_and_what_it_did_before_stays_in_other() {
    let mut guard = Guard::new(By::Cgroup, LIMITS);
    let mut last = sketch::snapshot(0, &[]);
    play(&mut guard, 1, &[process(1, "/old", 0, 11), process(2, "/new", 1_000, 13)], &mut last);
    assert_eq!(names(&guard), ["/old"], "it existed before zc started");
    assert_eq!((of(&guard, "/old"), read(guard.other())), (0, 24));
    play(&mut guard, 29, &[process(1, "/old", 0, 18), process(2, "/new", 1_000, 14)], &mut last);
    assert_eq!(names(&guard), ["/old"]);
    play(&mut guard, 30, &[process(1, "/old", 0, 18), process(2, "/new", 1_000, 14)], &mut last);
    assert_eq!(names(&guard), ["/new", "/old"], "it need not do something at that moment");
    play(&mut guard, 31, &[process(1, "/old", 0, 18), process(2, "/new", 1_000, 17)], &mut last);
    assert_eq!((of(&guard, "/old"), of(&guard, "/new"), read(guard.other())), (7, 3, 25));
}

#[test]
fn of_too_many_those_that_copy_most_in_a_minute_are_admitted_and_stay() {
    let mut guard = Guard::new(By::Cgroup, LIMITS);
    let mut last = sketch::snapshot(0, &[]);
    let many = |factor: u64| -> Vec<_> {
        (1..=5).map(|pid| process(pid, &format!("/{pid}"), 0, u64::from(pid) * factor)).collect()
    };
    play(&mut guard, 1, &many(1), &mut last);
    assert_eq!(names(&guard), ["/3", "/4", "/5"]);
    assert_eq!(guard.folded(), 2);
    // The others do more from now on: the series stay with those that have them.
    let mut others = many(1);
    others[0] = process(1, "/1", 0, 1_000_003);
    play(&mut guard, 2, &others, &mut last);
    assert_eq!(names(&guard), ["/3", "/4", "/5"]);
    assert_eq!(guard.folded(), 2, "each counts once");
    assert_eq!(read(guard.other()), 15 + 1_000_002);
}

#[test]
fn series_end_ten_minutes_after_the_last_process_and_other_does_not_jump() {
    let mut guard = Guard::new(By::Cgroup, LIMITS);
    let mut last = sketch::snapshot(0, &[]);
    let idle = process(2, "/idle", 0, 5);
    play(&mut guard, 1, &[process(1, "/a", 0, 11), idle.clone()], &mut last);
    play(&mut guard, 2, &[process(1, "/a", 0, 13), idle.clone()], &mut last);
    assert_eq!(of(&guard, "/a"), 2);
    play(&mut guard, 602, std::slice::from_ref(&idle), &mut last);
    assert_eq!(names(&guard), ["/a", "/idle"]);
    play(&mut guard, 603, std::slice::from_ref(&idle), &mut last);
    assert_eq!(names(&guard), ["/idle"], "it does nothing, but it is there");
    assert_eq!((read(guard.other()), read(guard.expired())), (16, 2));
    // It comes back: in `other` until it is admitted, and then from 0.
    play(&mut guard, 604, &[process(9, "/a", 1_600, 7), idle.clone()], &mut last);
    play(&mut guard, 634, &[process(9, "/a", 1_600, 7), idle.clone()], &mut last);
    assert_eq!((of(&guard, "/a"), read(guard.other())), (0, 23));
}

#[test]
fn merged_rows_and_processes_without_a_group_are_in_other() {
    let mut guard = Guard::new(By::Cgroup, LIMITS);
    let mut last = sketch::snapshot(0, &[]);
    let mut merged = process(0, "/a", 0, 17);
    merged.merged = 5;
    let homeless = ProcessSample { cgroup: None, ..process(3, "x", 0, 19) };
    play(&mut guard, 1, &[merged, homeless], &mut last);
    assert_eq!(guard.groups().len(), 0);
    assert_eq!(read(guard.other()), 36);
}

#[test]
fn two_processes_of_one_number_never_have_series_at_the_same_time() {
    let mut guard = Guard::new(By::Pid, LIMITS);
    let mut last = sketch::snapshot(0, &[]);
    play(&mut guard, 1, &[process(7, "first", 0, 11)], &mut last);
    play(&mut guard, 2, &[process(7, "first", 0, 13)], &mut last);
    play(&mut guard, 3, &[process(7, "second", 1, 17)], &mut last);
    assert_eq!(guard.groups().len(), 1);
    let labels: Vec<_> =
        guard.groups().next().expect("one").labels.iter().map(|it| &**it).collect();
    assert_eq!(labels, ["7", "second"]);
    assert_eq!((read(guard.expired()), read(guard.other())), (2, 11 + 17));
}

#[test]
fn a_minute_has_its_slices_and_forgets_them() {
    let mut candidate = Candidate::new(Vec::new(), &process(1, "a", 0, 0));
    for second in [0, 5, 15, 59] {
        candidate.add(&process(1, "a", 0, 1), second * SECOND);
    }
    assert_eq!(candidate.recent(), (4, 4));
    candidate.advance(60 * SECOND);
    assert_eq!(candidate.recent(), (2, 2));
    candidate.advance(69 * SECOND);
    assert_eq!(candidate.recent(), (2, 2));
    candidate.advance(3_600 * SECOND);
    assert_eq!(candidate.recent(), (0, 0));
}
