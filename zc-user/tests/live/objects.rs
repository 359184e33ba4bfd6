//! Bytes per file, socket and pipe, compared with what is known to have been moved. That the rows and what is outside
//! them have what the totals have, for each path and end, is checked of every report that has such rows.

use std::collections::BTreeMap;

use tempfile::TempDir;

use crate::{
    Test,
    report::{Count, ObjectRow, Paths, Report},
    requirement::{self, Skip, kernel_before},
    workload::objects::{
        COPY, DATAGRAM, DELETED, LOCAL, PIPE, READ, SEND, SENDFILE, SPLICE, TIMES, WRITE,
    },
    zc::{idle, observe_by, on_disk, workload},
};

mod idle;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("objects::files_have_what_was_moved_from_and_to_them", files),
    ("objects::sockets_and_pipes_have_both_ends", peers),
    ("objects::what_is_passed_on_has_both_ends", flows),
    ("objects::what_finds_no_room_is_counted_together", many),
    ("objects::rows_that_are_idle_make_room", idle::all),
    ("objects::a_row_that_comes_back_goes_on_and_has_the_name_of_then", idle::back),
    ("objects::a_path_is_that_in_the_container", container),
    ("objects::the_rows_of_all_scenarios_are_the_totals", everything),
];

/// What was seen of a workload in a directory, and what it printed.
fn observed(name: &str, directory: &TempDir) -> Result<(Report, String), Skip> {
    requirement::ebpf()?;
    let mut printed = String::new();
    let run = || {
        let mut command = workload().map(Into::into).to_vec();
        command.extend([name.into(), directory.path().as_os_str().to_owned()]);
        let observed = observe_by("files", &[], &command);
        printed = String::from_utf8(observed.output.stdout).expect("numbers");
        Ok(observed.report)
    };
    let report = Report::complete(run, idle)?;
    report.assert_complete();
    Ok((report, printed))
}

fn times(bytes: usize) -> Count {
    many_times(1, bytes)
}

fn many_times(calls: usize, bytes: usize) -> Count {
    let ops = (calls * TIMES) as u64;
    Count { ops, errors: 0, bytes: ops * bytes as u64 }
}

/// The only row of a name.
fn row<'a>(rows: &'a [ObjectRow], name: &str) -> &'a ObjectRow {
    let mut found = rows.iter().filter(|row| row.name.as_deref() == Some(name));
    let (Some(row), None) = (found.next(), found.next()) else {
        panic!("not one row of {name}: {rows:#?}")
    };
    row
}

/// Copies of ranges are on one path or another, as the file system likes.
fn without_ranges(paths: &Paths) -> (Paths, Count) {
    let mut others = paths.clone();
    let ranges = ["copy_range_copied", "copy_range_reflink"];
    let found: Vec<_> = ranges.iter().filter_map(|path| others.remove(*path)).collect();
    let [range] = found[..] else { panic!("not one kind of copy: {paths:?}") };
    (others, range)
}

fn paths<const N: usize>(paths: [(&str, Count); N]) -> Paths {
    paths.into_iter().map(|(path, count)| (path.to_owned(), count)).collect()
}

fn files() -> Result<(), Skip> {
    let directory = on_disk();
    let (report, _) = observed("objects", &directory)?;
    let rows = report.objects();
    let place = directory.path().canonicalize().expect("it is there");
    let name = |name: &str| place.join(name).to_str().expect("a name").to_owned();

    let alpha = row(&rows, &name("alpha"));
    assert_eq!((alpha.kind.as_str(), alpha.deleted), ("file", false));
    let (from, range) = without_ranges(&alpha.from);
    assert_eq!(range, times(COPY));
    let expected = [
        ("file_read", many_times(3, READ)),
        ("sendfile_to_socket", times(SENDFILE)),
        ("splice_file_pipe", times(SPLICE)),
    ];
    assert_eq!(from, paths(expected));
    assert_eq!(alpha.to, paths([("file_write", times(WRITE))]));

    let beta = row(&rows, &name("beta"));
    let (to, range) = without_ranges(&beta.to);
    assert_eq!(range, times(COPY));
    assert_eq!(to, paths([("file_write", times(WRITE)), ("splice_pipe_file", times(SPLICE))]));
    assert_eq!(beta.from, Paths::new());

    let gone = row(&rows, &name("gone"));
    assert!(gone.deleted);
    let written = Count { ops: 1, errors: 0, bytes: DELETED as u64 };
    assert_eq!(gone.to, paths([("file_write", written)]));
    Ok(())
}

fn peers() -> Result<(), Skip> {
    let directory = TempDir::new().expect("a directory");
    let (report, printed) = observed("objects", &directory)?;
    let rows = report.objects();
    let mut ports = printed.split_whitespace().map(|port| format!("127.0.0.1:{port}"));
    let (client, server) = (ports.next().expect("a port"), ports.next().expect("another one"));
    let connection = |local: &str, remote: &str| {
        let is_it =
            |row: &&ObjectRow| row.socket["local"] == local && row.socket["remote"] == remote;
        let found: Vec<_> = rows.iter().filter(is_it).collect();
        let [row] = found[..] else { panic!("not one socket of {local}: {rows:#?}") };
        assert_eq!(row.socket["protocol"], "tcp");
        row
    };
    let near = connection(&client, &server);
    let sent = [("sendfile_to_socket", times(SENDFILE)), ("socket_send:tcp", times(SEND))];
    assert_eq!((&near.from, &near.to), (&Paths::new(), &paths(sent)));
    let far = connection(&server, &client);
    let received = far.from["socket_recv:tcp"];
    assert_eq!(received.bytes, (TIMES * (SENDFILE + SEND)) as u64);
    for (row, other) in [(near, far), (far, near)] {
        let [peer] = &row.peers[..] else { panic!("not one other end: {row:?}") };
        assert_eq!(peer["pid"], other.pid);
    }

    let of = |protocol: &str| -> Vec<_> {
        rows.iter().filter(|row| row.socket["protocol"] == protocol).collect()
    };
    let datagrams = of("udp");
    assert_eq!(datagrams.len(), 2);
    // Neither is connected: each message may come from elsewhere.
    assert!(datagrams.iter().all(|row| row.socket["remote"].is_null()), "{datagrams:#?}");
    let sums = sums(&datagrams);
    assert_eq!(
        sums,
        [
            paths([("socket_recv:udp", times(DATAGRAM))]),
            paths([("socket_send:udp", times(DATAGRAM))])
        ]
    );

    let name = directory.path().join("socket");
    let named = |member: &str| {
        let found =
            of("unix").into_iter().find(|row| row.socket[member] == name.to_str().expect("a name"));
        found.unwrap_or_else(|| panic!("no socket whose {member} end is {name:?}: {rows:#?}"))
    };
    let (accepted, connected) = (named("local"), named("remote"));
    assert_eq!(accepted.from["socket_recv:unix"].bytes, times(LOCAL).bytes);
    assert_eq!(connected.to, paths([("socket_send:unix", times(LOCAL))]));
    assert_ne!(accepted.pid, connected.pid);
    assert_eq!(accepted.peers[0]["pid"], connected.pid);

    let written = paths([("pipe_write", times(PIPE))]);
    let writer = rows.iter().find(|row| row.kind == "pipe" && row.to == written);
    let writer = writer.expect("a row of who writes to the pipe");
    let reader = rows.iter().find(|row| row.inode == writer.inode && row.pid != writer.pid);
    let reader = reader.expect("a row of who reads from the pipe");
    assert_eq!(reader.from["pipe_read"].bytes, times(PIPE).bytes);
    assert_eq!(
        (&reader.peers[0]["pid"], &writer.peers[0]["pid"]),
        (&writer.pid.into(), &reader.pid.into())
    );
    Ok(())
}

/// What came from all of these, and went to them.
fn sums(rows: &[&ObjectRow]) -> [Paths; 2] {
    let mut sums = [Paths::new(), Paths::new()];
    for row in rows {
        crate::report::add(&mut sums[0], &row.from);
        crate::report::add(&mut sums[1], &row.to);
    }
    sums
}

/// A shell that has another root writes to a file there.
fn container() -> Result<(), Skip> {
    requirement::administrator()?;
    requirement::program("unshare")?;
    requirement::program("pivot_root")?;
    if std::fs::read_to_string("/proc/mounts").is_ok_and(|it| it.starts_with("rootfs / ")) {
        return Err(Skip::Kernel("the root is the kernel's own, which cannot be exchanged".into()));
    }
    let directory = TempDir::new().expect("a directory");
    let root = directory.path().to_str().expect("a name");
    // The mount goes with the namespace. What comes behind pivot_root, the shell does itself.
    let script = format!(
        "mount -t tmpfs none {root} && mkdir {root}/old && cd {root} && pivot_root . old \
         && printf 1234567 >/zc-file"
    );
    let command = ["unshare", "--mount", "sh", "-c", &script];
    let report = observe_by("files", &[], &command).report;
    let rows = report.objects();
    let file = row(&rows, "/zc-file");
    let written = Count { ops: 1, errors: 0, bytes: 7 };
    assert_eq!(file.to, paths([("file_write", written)]));
    assert!(file.mount_namespace.is_some(), "{file:?}");
    // What runs before is that of the machine.
    let program =
        rows.iter().find(|row| row.name.as_deref().is_some_and(|it| it.ends_with("/unshare")));
    assert!(program.is_none_or(|row| row.mount_namespace.is_none()), "{program:?}");
    Ok(())
}

fn flows() -> Result<(), Skip> {
    let directory = on_disk();
    let (report, printed) = observed("flows", &directory)?;
    let rows = report.objects();
    let place = directory.path().canonicalize().expect("it is there");
    let file = |name: &str| place.join(name).to_str().expect("a name").to_owned();
    let client = printed.split_whitespace().next().expect("a port");
    let near = rows.iter().find(|row| row.socket["local"] == format!("127.0.0.1:{client}"));
    let near = near.expect("a row of the socket").inode.to_string();
    let pipe =
        rows.iter().find(|row| row.kind == "pipe" && row.from.contains_key("splice_pipe_socket"));
    let pipe = pipe.expect("a row of the pipe");
    let pipe = pipe.inode.to_string();

    let flow = |from: &str, to: &str, path: &str, calls: usize, bytes: usize| {
        let key = (from.to_owned(), to.to_owned(), path.to_owned());
        (key, ((calls * TIMES * bytes) as u64, (calls * TIMES) as u64))
    };
    let (alpha, beta) = (file("alpha"), file("beta"));
    let expected = [
        flow(&alpha, &near, "", 1, READ),
        flow(&beta, &near, "", 1, READ),
        flow(&beta, &near, "sendfile_to_socket", 1, SENDFILE),
        flow(&beta, &pipe, "splice_file_pipe", 1, SPLICE),
        flow(&pipe, &near, "splice_pipe_socket", 1, SPLICE),
    ];
    let mut found = report.flows();
    // And what the loader does.
    let of_test = [&near, &pipe, &file("gamma")];
    found.retain(|(from, to, _), _| [from, to].iter().any(|it| of_test.contains(it)));
    assert_eq!(found, BTreeMap::from(expected));
    Ok(())
}

/// Files, rows that there is room for, and a directory for them: an emulated machine takes a minute for many.
fn crowd() -> (u64, u64, TempDir) {
    match std::env::var_os("ZC_VM_RESULTS") {
        Some(_) => (5_003, 256, TempDir::new().expect("a directory")),
        None => (100_003, 4_096, TempDir::new_in("/dev/shm").expect("a directory")),
    }
}

fn many() -> Result<(), Skip> {
    requirement::ebpf()?;
    let (files, room, directory) = crowd();
    let mut command = workload().map(Into::into).to_vec();
    command.extend(["many-files".into(), files.to_string().into()]);
    command.push(directory.path().as_os_str().to_owned());
    let report = observe_by("files", &["--max-objects", &room.to_string()], &command).report;
    let mut rows = report.objects();
    let place = directory.path().canonicalize().expect("it is there");
    let place = place.to_str().expect("a name");
    rows.retain(|row| row.name.as_deref().is_some_and(|name| name.starts_with(place)));
    let one = Count { ops: 1, errors: 0, bytes: READ as u64 };
    assert!(rows.iter().all(|row| row.to == paths([("file_write", one)])), "{rows:?}");
    let kept = rows.len() as u64;
    // Those in the table, and as many that have made room there.
    assert!(kept >= room / 2 && kept <= 2 * room, "{kept}");
    let [_, to] = &report.outside()["no_room"];
    let rest = files - kept;
    let others = Count { ops: rest, errors: 0, bytes: rest * READ as u64 };
    assert_eq!(to["file_write"], others);
    let lost = report.losses();
    assert!(lost.keys().all(|loss| loss == "objects_exhausted"), "{lost:?}");
    Ok(())
}

/// Paths that may be outside the rows: of libaio, of io_uring that completes silently, of what a splice by io_uring
/// reads from, of descriptors that another thread replaces, of pages without an open file, and of what is copied later.
const ELSEWHERE: [&str; 15] = [
    "direct_read",
    "direct_write",
    "file_read",
    "file_write",
    "mmap_read",
    "pipe_read",
    "socket_recv:unix",
    "socket_recv:tcp",
    "socket_send_zerocopy",
    "splice_file_pipe",
    "splice_pipe_file",
    "splice_pipe_pipe",
    "splice_pipe_socket",
    "splice_socket_pipe",
    "tee",
];

/// The same before 5.18, where completions of io_uring name no request.
const OF_URING: [&str; 2] = ["socket_recv:udp", "socket_send:unix"];

fn everything() -> Result<(), Skip> {
    requirement::ebpf()?;
    let directory = on_disk();
    let mut command = workload().map(Into::into).to_vec();
    command.extend(["scenarios".into(), directory.path().as_os_str().to_owned()]);
    // The report is checked while it is read.
    let report = observe_by("files", &["--max-objects", "65536"], &command).report;
    assert!(report.objects().len() > 100, "{}", report.objects().len());
    let outside = report.outside();
    let mut paths = outside.values().flatten().flat_map(Paths::keys);
    let is_old = kernel_before(5, 18);
    let is_expected = |path: &str| ELSEWHERE.contains(&path) || is_old && OF_URING.contains(&path);
    assert!(paths.all(|path| is_expected(path)), "{outside:#?}");
    Ok(())
}
