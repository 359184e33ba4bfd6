//! `--pid`: processes that are not there, are something else, or end.

use std::{
    ffi::OsStr,
    io::Write as _,
    os::unix::ffi::OsStrExt as _,
    process::{Command, Stdio},
};

use rustix::process::Signal;

use super::zc::{Running, ZC, path, run, through, until, zc};

#[test]
fn an_unknown_process_is_refused() {
    // Above what pid_max can be.
    for verb in [&["stat", "--pid"][..], &["top", "--once", "--pid"]] {
        run(zc(verb.iter().chain(&["4194305"])))
            .fails(2, &["process 4194305", "no such process", "ps"]);
    }
    run(zc(["stat", "--pid", "1,4194305"])).fails(2, &["process 4194305"]);
}

#[test]
fn an_unknown_control_group_is_refused() {
    let recording = tempfile::tempdir().unwrap();
    let file = recording.path().join("x.zc");
    let record: &[&OsStr] = &["record".as_ref(), "-o".as_ref(), file.as_os_str()];
    for verb in [&["stat"][..], &["top", "--once"], &["top", "-n", "1"], &["peers"]] {
        run(zc(verb.iter().chain(&["--cgroup", "/zc-is-not-there"])))
            .fails(2, &["control group '/zc-is-not-there'", "cgroup v2"]);
    }
    let mut command = zc(["record"]);
    command.args(&record[1..]).args(["--cgroup", "/zc-is-not-there"]);
    run(command).fails(2, &["control group '/zc-is-not-there'"]);
    assert!(!file.exists());
}

#[test]
fn notes_are_printed_once_below_the_last_update() {
    let updates = run(zc(["top", "-n", "3", "-i", "0.1"])).exits(0).stdout();
    let count = |what: &str| updates.lines().filter(|line| *line == what).count();
    let heads = updates.lines().filter(|line| line.contains("copies are ")).count();
    assert_eq!(heads, 3, "{updates}");
    // Where all is measured there are no notes.
    assert!(count("Notes") <= 1, "{updates}");
    let last = updates.rfind("copies are ").unwrap();
    assert!(!updates[..last].contains("\nNotes\n"), "{updates}");
    assert!(!updates.contains("\n\n\n"), "{updates}");
    let once = run(zc(["top", "--once"])).exits(0).stdout();
    let own = std::process::id().to_string();
    let rows = |text: &str| text.lines().skip_while(|line| !line.contains("PID")).count();
    let all = run(zc(["top", "--once", "--all"])).exits(0).stdout();
    assert!(rows(&all) > 20 && all.contains(&own), "{all}");
    assert_eq!(count("Notes"), usize::from(once.contains("\nNotes\n")), "{once}");
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
        .fails(2, &["a thread of process", &format!("--pid {own}")]);
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
    let heading = format!("process {} (sleep, ended) and its descendants: ", sleep.0.id());
    assert!(report.starts_with(&heading), "{report}");
}

#[test]
fn updates_end_when_the_process_has_ended() {
    for form in ["--json", "--csv", "--count=1000000"] {
        let sleep = Running::start(command("sleep", "1000"));
        let pid = sleep.0.id().to_string();
        let top = Running::start(zc(["top", form, "-i", "0.1", "-p", &pid, "-p", &pid]));
        top.attached();
        sleep.signal(Signal::KILL);
        let (status, updates, said) = top.end();
        assert_eq!(status.code(), Some(0), "{said}");
        assert_eq!(said, format!("zc: process {pid} (sleep) has ended\n"), "{form}");
        assert!(!updates.is_empty(), "{form}");
    }
}

#[test]
fn a_report_for_programs_says_elsewhere_that_the_process_has_ended() {
    let sleep = Running::start(command("sleep", "1000"));
    let stat = Running::start(zc(["stat", "--json", "--pid", &sleep.0.id().to_string()]));
    stat.attached();
    sleep.signal(Signal::KILL);
    let (status, _, said) = stat.end();
    assert_eq!(status.code(), Some(0));
    assert_eq!(said, format!("zc: process {} (sleep) has ended\n", sleep.0.id()));
}

/// The kernel names a process after the file, of which the name is bytes.
#[test]
fn a_process_with_a_name_that_is_no_text_is_watched_to_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let name = OsStr::from_bytes(b"\xff\xfe\x80\xc3");
    let place = directory.path().join(name);
    std::os::unix::fs::symlink("/bin/cat", &place).unwrap();
    let mut cat = Command::new(&place);
    cat.stdin(Stdio::piped());
    let mut cat = Running::start(cat);
    let comm = format!("/proc/{}/comm", cat.0.id());
    until("it has its name", || std::fs::read(&comm).unwrap().starts_with(name.as_bytes()));
    let mut stat = zc(["stat", "--json", "--pid", &cat.0.id().to_string(), "--comm"]);
    stat.arg(name);
    let stat = Running::start(stat);
    stat.attached();
    // Its bytes after the watch began are counted to its end.
    let mut input = cat.0.stdin.take().unwrap();
    input.write_all(b"seven b").unwrap();
    drop(input);
    cat.0.wait().unwrap();
    let (status, report, said) = stat.end();
    assert_eq!(status.code(), Some(0), "{said}");
    let report = serde_json::from_str(&report).unwrap();
    assert_eq!(path(&report, "\u{fffd}\u{fffd}\u{fffd}\u{fffd}", "pipe_read").1, 7);
}

#[test]
fn zc_does_not_watch_itself() {
    let script = "exec \"$0\" stat --pid $$";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, &*ZC]).stdin(Stdio::null());
    run(shell).fails(2, &["that is zc itself"]);
}

#[test]
fn a_zombie_is_refused() {
    let ended = Running::start(command("true", ""));
    let path = format!("/proc/{}/stat", ended.0.id());
    until("it is a zombie", || std::fs::read_to_string(&path).unwrap().contains(") Z "));
    run(zc(["stat", "--pid", &ended.0.id().to_string()])).fails(2, &["is a zombie"]);
}

#[test]
fn zc_says_that_pids_of_another_namespace_mean_nothing() {
    let unshare = ["unshare", "--pid", "--fork", "--mount-proc"];
    for words in
        [&["stat", "--pid", "1"][..], &["stat", "--", "true"], &["top", "--once", "-p", "1"]]
    {
        run(through(&unshare, ZC.as_ref(), words)).fails(1, &["PID namespace", "--pid=host"]);
    }
    let unshare_groups = ["unshare", "--cgroup"];
    for words in [&["stat", "--cgroup", "/x"][..], &["top", "--once", "--cgroup", "/x*"]] {
        run(through(&unshare_groups, ZC.as_ref(), words))
            .fails(1, &["cgroup namespace", "--cgroupns=host"]);
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
