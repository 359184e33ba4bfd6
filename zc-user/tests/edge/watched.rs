//! `--pid`: processes that are not there, are something else, or end.

use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::zc::{Running, ZC, run, through, until, zc};

#[test]
fn an_unknown_process_is_refused() {
    // Above what pid_max can be.
    for verb in [&["stat", "--pid"][..], &["top", "--once", "--pid"]] {
        run(zc(verb.iter().chain(&["4194305"])))
            .fails(1, &["process 4194305", "no such process", "ps"]);
    }
    run(zc(["stat", "--pid", "1,4194305"])).fails(1, &["process 4194305"]);
}

#[test]
fn a_thread_is_refused_and_its_process_named() {
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let (tell, told) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        tell.send(rustix::thread::gettid().as_raw_nonzero().to_string()).unwrap();
        let _ = stopped.recv();
    });
    let own = std::process::id().to_string();
    run(zc(["stat", "--duration", "0.1", "--pid", &told.recv().unwrap()]))
        .fails(1, &["a thread of process", &format!("--pid {own}")]);
    drop(stop);
    thread.join().unwrap();
}

#[test]
fn the_report_comes_when_the_process_has_ended() {
    let sleep = Running::start(command("sleep", "1000"));
    let stat = Running::start(zc(["stat", "--pid", &sleep.0.id().to_string()]));
    stat.attached();
    sleep.signal(Signal::KILL);
    // Its parent has not reaped it yet: a zombie does nothing any more, so `zc stat` ends.
    let (status, report, _) = stat.end();
    assert_eq!(status.code(), Some(0));
    assert!(report.contains(&format!("process {}", sleep.0.id())), "{report}");
}

#[test]
fn a_zombie_is_refused() {
    let ended = Running::start(command("true", ""));
    let path = format!("/proc/{}/stat", ended.0.id());
    until("it is a zombie", || std::fs::read_to_string(&path).unwrap().contains(") Z "));
    run(zc(["stat", "--pid", &ended.0.id().to_string()])).fails(1, &["is a zombie"]);
}

#[test]
fn zc_says_that_pids_of_another_namespace_mean_nothing() {
    let unshare = ["unshare", "--pid", "--fork", "--mount-proc"];
    for words in
        [&["stat", "--pid", "1"][..], &["stat", "--", "true"], &["top", "--once", "-p", "1"]]
    {
        run(through(&unshare, ZC.as_ref(), words)).fails(1, &["PID namespace", "--pid=host"]);
    }
    // The whole system can still be seen.
    run(through(&unshare, ZC.as_ref(), &["stat", "--duration", "0.1"])).exits(0);
    let doctor = run(through(&unshare, ZC.as_ref(), &["doctor"])).exits(0).stdout();
    assert!(doctor.contains("DEGRADED  process ids"), "{doctor}");
}

fn command(name: &str, argument: &str) -> Command {
    let mut command = Command::new(name);
    command.arg(argument).stdin(Stdio::null());
    command
}
