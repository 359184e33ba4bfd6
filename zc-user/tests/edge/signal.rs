//! Signals: they end `zc` with a report, and a command under it hears of them.

use rustix::process::Signal;

use super::{
    pty::Pty,
    zc::{Running, ZC, through, until, zc},
};

const SIGNALS: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::HUP];

/// A command that says when it hears of a signal, at the end of the child that it waits for.
fn trapping(signals: &str) -> String {
    format!("trap 'echo heard; exit 3' {signals}; echo ready; while :; do sleep 0.05; done")
}

#[test]
fn the_report_comes_when_a_signal_does() {
    for signal in SIGNALS {
        let stat = Running::start(zc(["stat", "--json", "--duration", "1000"]));
        stat.attached();
        stat.signal(signal);
        let (status, report, stderr) = stat.end();
        assert_eq!((status.code(), stderr.as_str()), (Some(0), ""), "{signal:?}");
        let document: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert_eq!(document["schema"], "zc/1");
    }
}

#[test]
fn one_that_comes_while_programs_are_loaded_is_no_error() {
    for signal in SIGNALS {
        let stat = Running::start(zc(["stat", "--duration", "1000"]));
        // The maps are made before the first program.
        let descriptors = format!("/proc/{}/fd", stat.0.id());
        until("zc makes maps", || {
            let all = std::fs::read_dir(&descriptors).into_iter().flatten().flatten();
            let mut links = all.filter_map(|entry| std::fs::read_link(entry.path()).ok());
            links.any(|link| link.to_string_lossy().contains("bpf-map"))
        });
        stat.signal(signal);
        let (status, _, stderr) = stat.end();
        assert_eq!((status.code(), stderr.as_str()), (Some(0), ""), "{signal:?}");
    }
}

#[test]
fn updates_end_with_a_whole_line() {
    for signal in SIGNALS {
        let mut top = Running::start(zc(["top", "--json", "--interval", "0.1"]));
        top.line();
        top.signal(signal);
        let (status, rest, stderr) = top.end();
        assert_eq!((status.code(), stderr.as_str()), (Some(0), ""), "{signal:?}");
        assert!(rest.is_empty() || rest.ends_with("}\n"), "{signal:?}");
    }
}

#[test]
fn a_signal_is_passed_on_and_the_command_decides() {
    // The test signals zc alone, unlike a key of a terminal: the command gets only what zc passes on.
    for signal in SIGNALS {
        let script = trapping("INT TERM HUP");
        let mut stat = Running::start(zc(["stat", "--", "sh", "-c", &script]));
        assert_eq!(stat.line(), "ready\n");
        stat.signal(signal);
        let (status, rest, stderr) = stat.end();
        assert_eq!((status.code(), rest.as_str()), (Some(3), "heard\n"), "{signal:?}: {stderr}");
        assert!(stderr.contains("Paths"), "{stderr}");
    }
}

#[test]
fn a_command_that_a_signal_kills_gives_its_status() {
    let mut stat = Running::start(zc(["stat", "--", "sh", "-c", "echo ready; exec sleep 1000"]));
    stat.line();
    stat.signal(Signal::TERM);
    assert_eq!(stat.end().0.code(), Some(143));
}

#[test]
fn nohup_is_respected() {
    let mut top =
        Running::start(through(&["nohup"], ZC.as_ref(), &["top", "--json", "--interval", "0.1"]));
    top.line();
    top.signal(Signal::HUP);
    // Three more updates: more than may have been under way.
    for _ in 0..3 {
        assert!(top.line().ends_with("}\n"));
    }
    top.signal(Signal::TERM);
    assert_eq!(top.end().0.code(), Some(0));
}

#[test]
fn the_interrupt_key_reaches_the_command_once() {
    let mut pty = Pty::open(80, 24);
    let mut stat = pty.spawn(&["stat", "--", "sh", "-c", &trapping("INT")]);
    pty.wait_for("ready\r\n");
    pty.press("\u{3}");
    let mut status = None;
    until("zc has ended", || {
        status = stat.try_wait().unwrap();
        status.is_some()
    });
    let screen = pty.rest();
    assert_eq!(status.unwrap().code(), Some(3), "{screen}");
    assert_eq!(screen.lines().filter(|line| line.ends_with("heard")).count(), 1, "{screen}");
    assert!(screen.contains("Paths"), "{screen}");
}
