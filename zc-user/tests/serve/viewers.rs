//! `zc top --connect`: without privileges, what another zc counts.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
};

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    Test,
    pty::Pty,
    requirement::{self, Skip},
    served::Served,
    workload::{Copier, SIZE, unique},
    zc::{Running, UNPRIVILEGED, public, run, through, until, zc},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("viewers::an_unprivileged_viewer_sees_every_byte_once", every_byte),
    ("viewers::every_form_of_top_can_be_had", forms),
    ("viewers::the_dashboard_needs_no_privileges", dashboard),
    ("viewers::a_restart_is_said_and_the_figures_begin_again", restart),
    ("viewers::a_server_that_is_not_there_is_an_error_with_what_to_do", nothing_there),
];

/// Bytes that a command has written to files, in a line of JSON.
fn written(line: &str, comm: &str) -> u64 {
    let document: Value = serde_json::from_str(line).unwrap();
    let processes = document["processes"].as_array().unwrap();
    let of_name = processes.iter().filter(|process| process["comm"] == comm);
    let paths = of_name.flat_map(|process| process["paths"].as_array().unwrap());
    let writes = paths.filter(|path| path["path"] == "file_write");
    writes.map(|path| path["moved_bytes"].as_u64().unwrap()).sum()
}

fn every_byte() -> Result<(), Skip> {
    requirement::ebpf()?;
    let served = Served::start(&[]);
    let (_directory, copy) = public();
    let at = served.at.to_string();
    let viewer = through(&UNPRIVILEGED, &copy, &["top", "--connect", &at, "-i", "0.1", "--json"]);
    let mut viewer = Running::start(viewer);
    let comm = unique("zc-v");
    let mut lines = BufReader::new(viewer.0.stdout.take().unwrap()).lines();
    let mut copier = Copier::start(&comm)?;
    // From the first interval on, nothing is missed.
    lines.next().unwrap().unwrap();
    for pieces in [1, 5, 2] {
        copier.copy(pieces);
    }
    let bytes = 8 * SIZE as u64;
    let mut seen = 0;
    until("all is seen", || {
        seen += written(&lines.next().unwrap().unwrap(), &comm);
        assert!(seen <= bytes, "{seen} of {bytes}");
        seen == bytes
    });
    copier.end();
    viewer.signal(Signal::INT);
    drop(lines);
    Ok(())
}

fn forms() -> Result<(), Skip> {
    requirement::ebpf()?;
    let served = Served::start(&[]);
    let at = format!("unix:{}", served.socket().display());
    let top = |words: &[&str]| {
        let mut command = zc(["top", "--connect", &at]);
        command.args(words);
        run(command)
    };
    let text = top(&["--once"]).exits(0).stdout();
    assert!(text.contains("COPIED/s"), "{text}");
    let csv = top(&["--csv", "-n", "2", "-i", "0.1"]).exits(0).stdout();
    assert!(csv.starts_with("taken_at_ns,elapsed_ns,pid"), "{csv}");
    let json = top(&["--json", "-n", "3", "-i", "0.1", "--group-by", "tree"]).exits(0).stdout();
    assert_eq!(json.lines().count(), 3);
    let ends: Vec<_> = json
        .lines()
        .map(|line| {
            let document: Value = serde_json::from_str(line).unwrap();
            assert!(document["groups"].is_array(), "{line}");
            document["taken_at_ns"].as_u64().unwrap()
        })
        .collect();
    assert!(ends.is_sorted_by(|a, b| a < b), "{ends:?}");
    top(&["--json", "--group-by", "thread"]).fails(2, &["zc serve has no threads"]);
    let refused = top(&["--user-copies", "--once"]).exits(2);
    assert!(refused.stderr().contains("cannot be used with"), "{}", refused.stderr());
    Ok(())
}

fn dashboard() -> Result<(), Skip> {
    requirement::ebpf()?;
    let served = Served::start(&[]);
    let at = format!("unix:{}", served.socket().display());
    let mut pty = Pty::open(100, 30);
    let mut viewer = pty.spawn(&["top", "--connect", &at, "-i", "0.1"]);
    pty.wait_for("COMMAND");
    // Not even those that this process has are kept: the server counts.
    let status = fs::read_to_string(format!("/proc/{}/status", viewer.id())).unwrap();
    for none in ["CapEff", "CapPrm", "CapBnd"] {
        assert!(status.contains(&format!("{none}:\t0000000000000000")), "{status}");
    }
    pty.press("q");
    assert!(viewer.wait().unwrap().success());
    Ok(())
}

fn restart() -> Result<(), Skip> {
    requirement::ebpf()?;
    let served = Served::start(&[]);
    let at = served.at.to_string();
    let mut viewer = Running::start(zc(["top", "--connect", &at, "-i", "0.1", "--json"]));
    let mut lines = BufReader::new(viewer.0.stdout.take().unwrap()).lines();
    let mut said = BufReader::new(viewer.0.stderr.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let (status, _) = served.end(Signal::TERM);
    assert_eq!(status.code(), Some(0));
    let mut heard = |part: &str| {
        let line = said.by_ref().map(Result::unwrap).find(|line| line.contains(part));
        line.unwrap_or_else(|| panic!("it does not say '{part}'"))
    };
    let away = heard("cannot reach zc serve at ");
    assert!(away.ends_with("trying again"), "{away}");
    let again = Served::at(&at, &[]);
    heard("has started again: its figures begin again");
    // What comes now is of the second run: no interval is longer than that.
    let comm = unique("zc-r");
    let mut copier = Copier::start(&comm)?;
    copier.copy(3);
    let mut seen = 0;
    until("all is seen", || {
        seen += written(&lines.next().unwrap().unwrap(), &comm);
        seen == 3 * SIZE as u64
    });
    copier.end();
    drop(again);
    Ok(())
}

fn nothing_there() -> Result<(), Skip> {
    let words = ["cannot reach zc serve at ", "see whether it runs there, and its --listen option"];
    run(zc(["top", "--connect", "unix:/nowhere/zc.sock", "--once"])).fails(1, &words);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    run(zc(["top", "--connect", &free.to_string(), "--json"])).fails(1, &words);
    let refused = run(zc(["top", "--connect", "localhost"])).exits(2);
    assert!(refused.stderr().contains("unix:PATH or HOST:PORT"), "{}", refused.stderr());
    // Something else is there.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // All of the request: what is unread when it closes takes the answer back.
        let got = stream.read(&mut [0; 4096]).unwrap();
        assert!(got > 0);
        stream.write_all(b"220 mail.example ESMTP\r\n\r\n").unwrap();
    });
    run(zc(["top", "--connect", &at, "--once"])).fails(1, &["does not speak HTTP"]);
    server.join().unwrap();
    Ok(())
}
