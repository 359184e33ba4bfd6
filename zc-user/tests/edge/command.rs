//! `zc stat -- CMD`: its exit status is the command's, or says why there was none.

use std::{fs, io, process::Stdio};

use super::zc::{Running, install, run, zc};

fn stat(command: &[&str]) -> super::zc::Finished {
    run(zc(["stat", "--"].iter().chain(command)))
}

#[test]
fn the_status_is_the_commands() {
    for (script, code) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("kill -KILL $$", 137),
        ("kill -SEGV $$", 139),
    ] {
        let finished = stat(&["sh", "-c", script]).exits(code);
        // zc still writes its report, and keeps it apart from the command's own output.
        assert!(finished.stderr().contains("Paths"), "{script}: {}", finished.stderr());
        assert!(finished.stdout().is_empty());
    }
}

#[test]
fn a_command_that_does_not_start_has_the_status_that_a_shell_gives() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str, mode: u32| {
        let path = directory.path().join(name);
        let written = path.with_extension("text");
        fs::write(&written, text).unwrap();
        install(&written, &path, mode);
        path.to_str().unwrap().to_owned()
    };
    stat(&["no-such-command"]).fails(127, &["'no-such-command'", "no such command", "spelling"]);
    stat(&["/no/such/command"]).fails(127, &["no such command"]);
    stat(&[""]).fails(127, &["no such command"]);
    stat(&[&file("mode", "#!/bin/sh\n", 0o644)]).fails(126, &["not executable", "ls -l"]);
    stat(&[directory.path().to_str().unwrap()]).fails(126, &["a directory"]);
    stat(&[&file("format", "echo\n", 0o755)]).fails(126, &["begins with #!", "interpreter"]);
    stat(&[&file("orphan", "#!/no/such/sh\n", 0o755)]).fails(127, &["interpreter or loader"]);
    // What is not there cannot colour a terminal either.
    stat(&["\u{1b}[31m"]).fails(127, &["no such command"]);
}

#[test]
fn a_duration_ends_the_command() {
    let finished = run(zc(["stat", "--duration", "0.2", "--", "sleep", "1000"])).exits(143);
    assert!(finished.stderr().contains("sleep 1000"));
}

#[test]
fn a_report_that_cannot_be_written_stops_it_before_anything_runs() {
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("ran");
    let mark = mark.to_str().unwrap();
    for (output, why) in [
        ("/no/such/directory/report", "No such file"),
        (directory.path().to_str().unwrap(), "directory"),
    ] {
        run(zc(["stat", "--output", output, "--", "touch", mark]))
            .fails(1, &["cannot write the report", why]);
        assert!(!fs::exists(mark).unwrap());
    }
}

#[test]
fn a_report_goes_to_its_file_whole() {
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report");
    let words = ["stat", "--json", "--output", report.to_str().unwrap(), "--", "echo", "said"];
    let finished = run(zc(words)).exits(0);
    assert_eq!((finished.stdout().as_str(), finished.stderr().as_str()), ("said\n", ""));
    let document: serde_json::Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert_eq!(document["schema"], "zc/1");
}

#[test]
fn a_full_disk_is_an_error() {
    let full = || Stdio::from(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    for words in [
        &["stat", "--duration", "0.1"][..],
        &["stat", "--json", "--", "true"],
        &["stat", "--csv", "--", "true"],
        &["top", "--once"],
        &["top", "--once", "--csv"],
        &["top", "--once", "--json"],
        &["doctor"],
    ] {
        let output = zc(words).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            stderr.starts_with("zc: cannot write ") && stderr.contains("No space left"),
            "{words:?}: {stderr}"
        );
        assert_eq!(output.status.code(), Some(1), "{words:?}");
    }
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    for (words, code) in [
        (&["stat", "--duration", "0.1"][..], 0),
        (&["stat", "--json", "--duration", "0.1"], 0),
        (&["stat", "--csv", "--duration", "0.1"], 0),
        (&["top", "--once"], 0),
        // Without an end of their own.
        (&["top", "--interval", "0.1"], 0),
        (&["top", "--json", "--interval", "0.1"], 0),
        (&["top", "--csv", "--interval", "0.1"], 0),
        // The command's status is still its own.
        (&["stat", "--json", "--", "sh", "-c", "exit 7"], 7),
    ] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut command = zc(words);
        command.stderr(Stdio::piped()).stdout(writer);
        let child = command.spawn().unwrap();
        // The other copy of the writing end.
        drop(command);
        let output = child.wait_with_output().unwrap();
        assert!(output.stderr.is_empty(), "{words:?}: {output:?}");
        assert_eq!(output.status.code(), Some(code), "{words:?}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let mut top = Running::start(zc(["top", "--json", "--interval", "0.1"]));
    let mut start = [0; 10];
    io::Read::read_exact(top.0.stdout.as_mut().unwrap(), &mut start).unwrap();
    assert_eq!(&start, b"{\"schema\":");
    drop(top.0.stdout.take());
    // `end` wants both streams.
    top.0.stdout =
        Some(io::pipe().map(|(reader, _)| std::os::fd::OwnedFd::from(reader)).unwrap().into());
    let (status, _, stderr) = top.end();
    assert_eq!((status.code(), stderr.as_str()), (Some(0), ""));
}
