//! Signals while the reader of the output stalls: `zc` ends all the same.

use std::{
    fs::{self, File},
    io::{ErrorKind, PipeReader, Write as _},
    os::{fd::AsRawFd as _, unix::process::ExitStatusExt as _},
    process::{Command, Stdio},
};

use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    process::Signal,
};

use super::zc::{Running, until, zc};

/// A pipe that takes nothing any more, and its reader, which does not read.
fn full() -> (PipeReader, File) {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut writer = File::from(std::os::fd::OwnedFd::from(writer));
    let flags = fcntl_getfl(&writer).unwrap();
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).unwrap();
    loop {
        match writer.write(&[b'x'; 4096]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    fcntl_setfl(&writer, flags).unwrap();
    (reader, writer)
}

/// Whether the first thread of a process waits in write(2).
fn is_writing(pid: u32) -> bool {
    let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap();
    call.split(' ').next() == Some(&write_call().to_string())
}

const fn write_call() -> i64 {
    if cfg!(target_arch = "aarch64") { 64 } else { 1 }
}

fn start(mut command: Command, out: File) -> Running {
    let both = out.try_clone().unwrap();
    Running(command.stdout(Stdio::from(out)).stderr(Stdio::from(both)).spawn().unwrap())
}

#[test]
fn every_signal_ends_every_command_whose_reader_stalls() {
    const RUN: [&str; 7] = ["lab", "run", "read_write", "--size", "100003", "--repeat", "1"];
    let json = [&RUN[..], &["--json"]].concat();
    let commands: [&[&str]; 9] = [
        &["top", "--interval", "0.1"],
        &["top", "--interval", "0.1", "--json"],
        &["top", "--interval", "0.1", "--csv"],
        &["stat", "--duration", "0.1"],
        &["stat", "--csv", "--", "true"],
        &["stat", "--", "true"],
        &["doctor"],
        &RUN,
        &json,
    ];
    let signals = [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::ABORT];
    // Each command with a signal, and each signal with a command.
    for (at, words) in commands.iter().enumerate() {
        let signal = signals[at % signals.len()];
        let (reader, writer) = full();
        let mut zc = start(zc(*words), writer);
        until("zc waits for its reader", || is_writing(zc.0.id()));
        zc.signal(signal);
        let mut status = None;
        until("zc has ended", || {
            status = zc.0.try_wait().unwrap();
            status.is_some()
        });
        assert_eq!(status.unwrap().signal(), Some(signal.as_raw()), "{words:?}");
        assert!(reader.as_raw_fd() > 0);
    }
}

#[test]
fn a_reader_that_goes_on_gets_everything() {
    let (mut reader, writer) = full();
    let mut command = zc(["stat", "--json", "--duration", "1000"]);
    let mut stat = Running(command.stdout(Stdio::from(writer)).spawn().unwrap());
    drop(command);
    stat.attached();
    stat.signal(Signal::TERM);
    until("zc waits for its reader", || is_writing(stat.0.id()));
    let report = std::io::read_to_string(&mut reader).unwrap();
    let report = report.trim_start_matches('x');
    let document: serde_json::Value = serde_json::from_str(report).unwrap();
    assert_eq!(document["schema"], "zc/1");
    assert_eq!(stat.0.wait().unwrap().code(), Some(0));
}
