use std::sync::Arc;

use zc_common::path::{CopyPath, SocketKind};

use super::*;
use crate::{
    advice,
    column::Processes,
    fixture::sketch::{path, process, snapshot, socket},
    row::Row,
    snapshot::{Ancestry, ThreadSample, Unattributed},
    sort::Listing,
    value::Value,
};

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn relative(pid: u32, start_ns: u64, comm: &str) -> Relative {
    Relative { id: ProcessId { pid, start_ns }, comm: comm.into() }
}

/// A process of this name in this control group, by the rights of this user, of a tree.
fn member(
    pid: u32,
    comm: &str,
    cgroup: &str,
    user: u32,
    root: Relative,
    bytes: u64,
) -> ProcessSample {
    let counters = {
        let mut counters = Counters::default();
        counters[CounterId::Syscalls] = bytes;
        counters
    };
    let paths = [
        path(CopyPath::FileRead, 1, bytes),
        socket(CopyPath::SocketSend, SocketKind::Tcp, 2, 2 * bytes),
    ];
    ProcessSample {
        cgroup: Some(cgroup.into()),
        user: Some(user),
        ancestry: Some(Arc::new(Ancestry { parent: Some(relative(1, 1, "init")), root })),
        counters,
        ..process(pid, comm, &paths)
    }
}

fn frame() -> Frame {
    let web = format!("/system.slice/docker-{ID}.scope");
    let inner = format!("{web}/init.scope");
    let root = relative(90, 20_000_000, "web");
    let mut all = vec![
        member(100, "web", &web, 33, root.clone(), 11),
        // The root as `/proc` knows it: to the tick.
        member(101, "helper", &inner, 33, relative(90, 20_000_001, "web"), 13),
        member(102, "web", "/system.slice/web.service", 0, root, 17),
        member(103, "web", "/", 7, relative(103, 5, "web"), 19),
        process(104, "idle", &[]),
    ];
    all.push(ProcessSample {
        merged: 5,
        exited: true,
        ..process(0, "web", &[path(CopyPath::FileRead, 5, 23)])
    });
    let mut snapshot = snapshot(1, &all);
    snapshot.unattributed =
        Unattributed { paths: vec![path(CopyPath::FileRead, 1, 29)], ..Unattributed::default() };
    let mut host = (*snapshot.host).clone();
    host.users = [(0, "root".to_owned()), (33, "www-data".to_owned())].into();
    snapshot.host = host.into();
    Frame::cumulative(snapshot)
}

/// Name, members, and bytes moved of each group.
fn told(by: GroupBy) -> Vec<(String, u64, u64)> {
    let groups = Listing { by: Some(by), ..Listing::everything() }.groups(&frame()).unwrap();
    groups
        .iter()
        .map(|group| {
            (group.name.clone(), group.members.unwrap(), group.counters[CounterId::MovedBytes])
        })
        .collect()
}

fn expect(by: GroupBy, expected: &[(&str, u64, u64)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, members, moved)| ((*name).to_owned(), *members, *moved))
        .collect();
    assert_eq!(told(by), expected, "{by:?}");
}

#[test]
fn groups_are_sums_of_what_their_members_did() {
    expect(GroupBy::Command, &[("web", 8, 164), ("helper", 1, 39)]);
    expect(GroupBy::User, &[("www-data", 2, 72), ("7", 1, 57), ("root", 1, 51), ("?", 5, 23)]);
    expect(GroupBy::Parent, &[("init[1]", 4, 180), ("?", 5, 23)]);
    expect(GroupBy::Tree, &[("web[90]", 3, 123), ("web[103]", 1, 57), ("?", 5, 23)]);
    let web = format!("/system.slice/docker-{ID}.scope");
    let inner = format!("{web}/init.scope");
    expect(
        GroupBy::Cgroup,
        &[
            ("/", 1, 57),
            ("/system.slice/web.service", 1, 51),
            (&inner, 1, 39),
            (&web, 1, 33),
            ("?", 5, 23),
        ],
    );
    expect(
        GroupBy::Container,
        &[(&format!("docker:{ID}"), 2, 72), ("/", 1, 57), ("web.service", 1, 51), ("?", 5, 23)],
    );
    expect(GroupBy::Path, &[("socket_send", 4, 120), ("file_read", 9, 83)]);
}

/// Units of users may be called alike, and like a container.
#[test]
fn what_is_called_alike_is_not_the_same() {
    let root = relative(90, 20_000_000, "web");
    let paths = [
        "/system.slice/a.service",
        "/user.slice/user-1.slice/user@1.service/app.slice/a.service",
        "/user.slice/user-2.slice/user@2.service/app.slice/a.service/below",
        "/init.scope",
        "/user.slice/user-2.slice/user@2.service/init.scope",
        "/system.slice/lxc:b.service",
        "/lxc.payload.b.service",
    ];
    let member =
        |(at, path): (usize, &&str)| member(100 + at as u32, "web", path, 0, root.clone(), 1);
    let all: Vec<_> = paths.iter().enumerate().map(member).collect();
    let groups = groups(&Frame::cumulative(snapshot(1, &all)), GroupBy::Container);
    let names: Vec<_> = groups.iter().map(|group| &*group.name).collect();
    let expected = [
        "a.service",
        "/user.slice/user-1.slice/user@1.service/app.slice/a.service",
        "/user.slice/user-2.slice/user@2.service/app.slice/a.service",
        "init.scope",
        "/user.slice/user-2.slice/user@2.service/init.scope",
        "lxc:b.service",
        "lxc:b.service",
    ];
    assert_eq!(names, expected);
}

#[test]
fn groups_and_what_is_unattributed_are_the_totals() {
    let frame = frame();
    for by in GroupBy::ALL {
        let mut paths = frame.unattributed.paths.clone();
        let mut counters = frame.unattributed.counters.clone();
        for group in groups(&frame, *by) {
            ledger::add(&mut paths, &group.paths);
            counters.add(&group.counters);
        }
        assert_eq!(paths, frame.totals.paths, "{by:?}");
        if *by != GroupBy::Path {
            assert_eq!(counters, frame.totals.counters, "{by:?}");
        }
    }
}

/// A system call moves on one path or none: which of the paths a counter belongs to is not known.
#[test]
fn of_a_group_by_path_only_the_bytes_are_known() {
    let frame = frame();
    let groups = groups(&frame, GroupBy::Path);
    let row = Row::group(&groups[0]);
    assert_eq!(Processes::SYSCALLS.of(row, &frame), Value::Absent);
    assert_eq!(Processes::COPIED_BYTES.of(row, &frame).number(), Some(83.0));
}

#[test]
fn a_container_is_named_although_its_processes_are_in_several_control_groups() {
    let frame = frame();
    let groups = groups(&frame, GroupBy::Container);
    let cell = |column: &crate::column::Column| column.of(Row::group(&groups[0]), &frame);
    assert_eq!(cell(Processes::CONTAINER), Value::Text(ID.into()));
    assert_eq!(cell(Processes::RUNTIME), Value::Text("docker".into()));
    assert_eq!(cell(Processes::CGROUP), Value::Absent);
}

/// One reads, the other one sends: that is no relay.
#[test]
fn a_group_gets_no_advice() {
    let mut samples = frame().processes;
    for sample in &mut samples {
        sample.counters[CounterId::RelayedFileSocketBytes] = 1 << 30;
        sample.paths = vec![
            path(CopyPath::FileRead, 1 << 16, 1 << 30),
            path(CopyPath::SocketSend, 1 << 16, 1 << 30),
        ];
    }
    let frame = Frame::cumulative(snapshot(1, &samples));
    assert!(!advice::all(Row::process(&frame.processes[0]), &frame).is_empty());
    for group in groups(&frame, GroupBy::Command) {
        assert!(advice::all(Row::group(&group), &frame).is_empty());
    }
}

fn thread(tid: u32, comm: &str, ended: u64, bytes: u64) -> Arc<ThreadSample> {
    let id = ProcessId { pid: tid, start_ns: tid.into() };
    let (process, paths) =
        (ProcessId { pid: 7, start_ns: 7 }, vec![path(CopyPath::FileRead, 1, bytes)]);
    Arc::new(ThreadSample {
        id,
        process,
        comm: comm.into(),
        ended,
        counters: Counters::default(),
        paths,
    })
}

/// Name, members, and bytes moved of each thread.
fn threads(frame: &Frame) -> Vec<(String, Option<u64>, u64)> {
    let moved = |group: &Group| group.paths.iter().map(|path| path.moved_bytes).sum();
    let groups = groups(frame, GroupBy::Thread);
    groups.iter().map(|group| (group.name.clone(), group.members, moved(group))).collect()
}

fn named(expected: &[(&str, Option<u64>, u64)]) -> Vec<(String, Option<u64>, u64)> {
    expected.iter().map(|(name, members, bytes)| ((*name).to_owned(), *members, *bytes)).collect()
}

#[test]
fn threads_and_what_is_left_of_their_process() {
    let mut before = snapshot(1, &[process(7, "web", &[path(CopyPath::FileRead, 1, 100)])]);
    before.threads =
        vec![thread(7, "web", 0, 40), thread(8, "worker", 0, 30), thread(9, "worker", 0, 20)];
    let frame = Frame::cumulative(before.clone());
    let expected = [
        ("web[7]/web[7]", Some(1), 40),
        ("web[7]/worker[8]", Some(1), 30),
        ("web[7]/worker[9]", Some(1), 20),
        ("web[7]/?", None, 10),
    ];
    assert_eq!(threads(&frame), named(&expected));

    // 8 and 9 end, having read 5 and 6 bytes more; the first thread reads 3.
    let mut after = snapshot(2, &[process(7, "web", &[path(CopyPath::FileRead, 1, 114)])]);
    after.threads = vec![thread(7, "web", 0, 43), thread(0, "worker", 2, 61)];
    let frame = Frame::between(&before, &after);
    let expected = [("web[7]/web[7]", Some(1), 3), ("web[7]/worker (ended)", Some(2), 11)];
    assert_eq!(threads(&frame), named(&expected));
    assert!(threads(&frame.only(|_, _| false)).is_empty());

    // Of those that have ended a frame has the ones of its interval.
    let mut last = snapshot(3, &[process(7, "web", &[path(CopyPath::FileRead, 1, 121)])]);
    last.threads = vec![thread(7, "web", 0, 43), thread(0, "worker", 5, 68)];
    assert_eq!(
        threads(&Frame::between(&after, &last)),
        named(&[("web[7]/worker (ended)", Some(3), 7)])
    );
}

#[test]
fn a_finder_says_the_groups_that_each_process_is_in() {
    let frame = frame();
    for by in GroupBy::ALL {
        let mut finder = Finder::new(*by, &frame);
        for process in &frame.processes {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            each(process, &frame, *by, |id, paths| one.push((id, paths)));
            let mut numbers = Vec::new();
            finder.each(process, |number, id, paths| {
                numbers.push((number, id));
                other.push((id, paths));
            });
            assert_eq!(one, other, "{by:?}");
            assert!(numbers.iter().all(|(number, id)| finder.groups()[*number] == *id));
        }
        let mut groups = finder.groups().to_vec();
        let all = groups.len();
        groups.sort();
        groups.dedup();
        assert_eq!(groups.len(), all, "{by:?}: each once");
        let listed = super::groups(&frame, *by).into_iter().filter(|_| *by != GroupBy::Thread);
        assert!(listed.into_iter().all(|group| groups.contains(&group.id)), "{by:?}");
    }
}
