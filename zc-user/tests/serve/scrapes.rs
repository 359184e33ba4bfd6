//! What is scraped is what was done.

use std::{
    fs,
    io::Write as _,
    net::TcpStream,
    os::unix::fs::MetadataExt as _,
    path::Path,
    process::{Command, Stdio},
};

use rustix::process::Signal;
use serde_json::Value;
use zc_recording::Recording;

use crate::{
    Test,
    requirement::{self, Skip, program},
    served::{Metrics, Served, ask, dial, post},
    workload::{Copier, Group, SIZE, unique},
    zc::{Running, run, until, zc},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("scrapes::known_bytes_are_on_their_path_and_in_their_group", known_bytes),
    ("scrapes::a_report_over_the_same_time_has_the_same", same_as_stat),
    ("scrapes::known_bytes_are_in_their_control_group", by_cgroup),
    ("scrapes::the_checker_of_prometheus_finds_nothing", checked),
    ("scrapes::a_hostile_name_is_a_label_and_nothing_else", hostile_name),
    ("scrapes::processes_have_series_only_where_they_were_chosen", by_pid),
    ("scrapes::the_last_interval_is_json", as_json),
    ("scrapes::the_flight_recorder_is_written_to_who_may_ask", flight_recorder),
    ("scrapes::every_signal_ends_it_and_removes_the_socket", signals),
    ("scrapes::wrong_words_and_places_are_refused", refused),
];

fn series(comm: &str, path: &str) -> String {
    format!("zc_command_moved_bytes_total{{command=\"{comm}\",path=\"{path}\"}}")
}

/// A server by command, and a process that has series of its own.
fn admitted(comm: &str) -> Result<(Served, Copier, Metrics), Skip> {
    let served = Served::start(&["--group-by", "command", "--min-age", "0s"]);
    let mut copier = Copier::start(comm)?;
    copier.copy(1);
    until("it has series", || served.metrics().has(&series(comm, "file_write")));
    // All that it did before is counted by now.
    let metrics = served.fresh();
    Ok((served, copier, metrics))
}

fn known_bytes() -> Result<(), Skip> {
    requirement::ebpf()?;
    let comm = unique("zc-w");
    let (served, mut copier, before) = admitted(&comm)?;
    let mut last = before.clone();
    for pieces in [1, 7, 31] {
        copier.copy(pieces);
        let now = served.fresh();
        now.add_up("command");
        now.rise_from(&last);
        last = now;
    }
    copier.end();
    let after = served.fresh();
    after.rise_from(&last);
    let bytes = copier.written() - SIZE as u64;
    for path in ["file_write", "pipe_read"] {
        let of = series(&comm, path);
        assert_eq!(after.number(&of) - before.number(&of), bytes, "{path}");
        let machine =
            |metrics: &Metrics| metrics.sum("zc_moved_bytes_total", &format!("path=\"{path}\""));
        // Others may write, too.
        assert!(machine(&after) - machine(&before) >= bytes, "{path}");
    }
    Ok(())
}

fn same_as_stat() -> Result<(), Skip> {
    requirement::ebpf()?;
    let comm = unique("zc-s");
    let (served, mut copier, _) = admitted(&comm)?;
    let pid = copier.pid().to_string();
    let mut stat = Running::start(zc(["stat", "--json", "-p", &pid]));
    stat.attached();
    let before = served.fresh();
    copier.copy(13);
    copier.end();
    let after = served.fresh();
    let mut report = String::new();
    std::io::Read::read_to_string(stat.0.stdout.as_mut().unwrap(), &mut report).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    for path in ["file_write", "pipe_read"] {
        let (_, bytes) = crate::zc::path(&report, &comm, path);
        assert_eq!(bytes, 13 * SIZE as u64, "{path}");
        let of = series(&comm, path);
        assert_eq!(after.number(&of) - before.number(&of), bytes, "{path}");
    }
    Ok(())
}

fn by_cgroup() -> Result<(), Skip> {
    requirement::ebpf()?;
    let group = Group::new()?;
    let served = Served::start(&["--min-age", "0s"]);
    let mut copier = Copier::start(&unique("zc-c"))?;
    group.add(copier.pid());
    let of =
        format!("zc_cgroup_moved_bytes_total{{cgroup=\"{}\",path=\"file_write\"}}", group.path);
    copier.copy(1);
    until("it has series", || served.metrics().has(&of));
    let before = served.fresh();
    copier.copy(5);
    let after = served.fresh();
    assert_eq!(after.number(&of) - before.number(&of), 5 * SIZE as u64);
    after.add_up("cgroup");
    after.rise_from(&before);
    let info = format!(
        "zc_cgroup_info{{cgroup=\"{}\",container_id=\"\",pod_uid=\"\",runtime=\"\",unit=\"\"}}",
        group.path
    );
    assert_eq!(after.number(&info), 1);
    copier.end();
    Ok(())
}

fn checked() -> Result<(), Skip> {
    requirement::ebpf()?;
    let promtool = program("promtool")?;
    let group = Group::new()?;
    for by in ["cgroup", "command", "none", "pid"] {
        let mut copier = Copier::start("\"\\\n{}")?;
        group.add(copier.pid());
        let pid = copier.pid().to_string();
        let served = Served::start(&["--group-by", by, "--min-age", "0s", "-p", &pid]);
        copier.copy(1);
        let has_series = |metrics: &Metrics| metrics.number("zc_groups") == 1;
        until("it has series", || by == "none" || has_series(&served.metrics()));
        let metrics = served.fresh();
        assert!(metrics.sum("zc_moved_bytes_total", "file_write") >= SIZE as u64, "{by}");
        let text = served.get("/metrics").text();
        let said = check(&promtool, &text);
        assert!(said.is_empty(), "{by}: {said}");
        drop(served);
        copier.end();
    }
    // It does find something where there is something.
    assert!(!check(&promtool, "# TYPE a counter\na 1\n").is_empty());
    Ok(())
}

/// What the checker of Prometheus says of metrics.
fn check(promtool: &Path, text: &str) -> String {
    let mut check = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let checked = check.wait_with_output().unwrap();
    let said = String::from_utf8([checked.stdout, checked.stderr].concat()).unwrap();
    if checked.status.success() { said } else { format!("{}: {said}", checked.status) }
}

fn hostile_name() -> Result<(), Skip> {
    requirement::ebpf()?;
    let (served, _copier, metrics) = {
        let served = Served::start(&["--group-by", "command", "--min-age", "0s"]);
        let mut copier = Copier::start("a\"} 1\nzc_up 0")?;
        copier.copy(1);
        let escaped = series("a\\\"} 1\\nzc_up 0", "file_write");
        until("it has series", || served.metrics().has(&escaped));
        let metrics = served.metrics();
        (served, copier, metrics)
    };
    assert!(!metrics.has("zc_up") && metrics.of("zc_up").count() == 0);
    metrics.add_up("command");
    let open = ask(
        dial(served.at),
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: application/openmetrics-text\r\nConnection: close\r\n\r\n",
    );
    assert!(open.header.contains("application/openmetrics-text"), "{}", open.header);
    let open = open.text();
    assert!(open.ends_with("# EOF\n"), "{open}");
    assert!(!open.lines().any(|line| line.starts_with("zc_up")), "{open}");
    let page = served.get("/").text();
    assert!(!page.contains("<script"), "{page}");
    Ok(())
}

fn by_pid() -> Result<(), Skip> {
    requirement::ebpf()?;
    run(zc(["serve", "--group-by", "pid"])).fails(2, &["--group-by pid needs -p or --cgroup"]);
    let comm = unique("zc-p");
    let mut copier = Copier::start(&comm)?;
    let pid = copier.pid().to_string();
    let served = Served::start(&["--group-by", "pid", "--min-age", "0s", "-p", &pid]);
    let of =
        format!("zc_pid_moved_bytes_total{{pid=\"{pid}\",command=\"{comm}\",path=\"file_write\"}}");
    copier.copy(1);
    until("it has series", || served.metrics().has(&of));
    let before = served.fresh();
    copier.copy(3);
    let after = served.fresh();
    assert_eq!(after.number(&of) - before.number(&of), 3 * SIZE as u64);
    assert_eq!(after.number("zc_groups"), 1);
    // All that it watches has ended.
    copier.end();
    let (status, said) = served.ended();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains(&format!("process {pid} ({comm}) has ended")), "{said}");
    Ok(())
}

fn as_json() -> Result<(), Skip> {
    requirement::ebpf()?;
    let served = Served::start(&[]);
    served.fresh();
    let answer = served.get("/snapshot.json");
    let document: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(document["schema"], "zc/1");
    assert!(answer.header.contains("application/json"), "{}", answer.header);
    Ok(())
}

fn flight_recorder() -> Result<(), Skip> {
    requirement::ebpf()?;
    let served = Served::start(&["--flight-recorder", "1m"]);
    served.fresh();
    let refused =
        ask(dial(served.at), "POST /dump HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!(refused.status, 403, "{}", refused.text());
    let mut file = served.directory.path().join("dump.zc");
    let dump = post(&served.socket(), "/dump");
    assert_eq!(dump.status, 200);
    fs::write(&file, &dump.body).unwrap();
    let recording = Recording::open(fs::File::open(&file).unwrap()).unwrap();
    assert!(recording.has_ended() && recording.len() > 2, "{}", recording.len());
    let replayed = run(zc(["replay", "--json", file.to_str().unwrap()])).exits(0);
    assert_eq!(replayed.stdout().lines().count(), recording.len() - 1);
    file = served.socket();
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o660);
    drop(served);
    // Without one, the answer says how to get one.
    let served = Served::start(&[]);
    let none = post(&served.socket(), "/dump");
    assert_eq!(none.status, 404);
    assert!(none.text().contains("--flight-recorder"), "{}", none.text());
    Ok(())
}

fn signals() -> Result<(), Skip> {
    requirement::ebpf()?;
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let served = Served::start(&[]);
        let (socket, at) = (served.socket(), served.at);
        // The directory is to be there, to see what is left in it.
        let kept = TcpStream::connect(at).unwrap();
        assert!(socket.exists());
        let (status, left) = served.end_keeping(signal);
        assert_eq!(status.code(), Some(0), "{signal:?}");
        assert!(left.is_empty(), "{signal:?}: {left:?}");
        drop(kept);
        assert!(TcpStream::connect(at).is_err());
    }
    Ok(())
}

fn refused() -> Result<(), Skip> {
    requirement::ebpf()?;
    let served = Served::start(&[]);
    let at = served.at.to_string();
    run(zc(["serve", "--listen", &at])).fails(1, &["cannot listen on ", "choose another port"]);
    let socket = format!("unix:{}", served.socket().display());
    run(zc(["serve", "--listen", &socket])).fails(1, &["another program listens there"]);
    run(zc(["serve", "--listen", "fd://0"])).fails(1, &["the service manager passed 0 sockets"]);
    for wrong in ["10620", "localhost", "unix:"] {
        let refused = run(zc(["serve", "--listen", wrong])).exits(2);
        assert!(refused.stderr().contains("--listen"), "{}", refused.stderr());
    }
    Ok(())
}
