//! Programs, one after the other, each with whatever takes what it sends.

use std::{
    fs, io,
    net::TcpListener,
    os::unix::net::UnixListener,
    path::Path,
    process::{Command, Stdio},
    thread::{self, JoinHandle},
};

use serde::{Deserialize, Serialize};

use super::Child;

/// A program to run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Launch {
    /// The program and its arguments. In these, `{tcp}` is the port and `{unix}` the path of a
    /// socket that takes everything.
    pub(crate) words: Vec<String>,
}

/// A program that has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Launched {
    pub(crate) pid: u64,
    pub(crate) code: i32,
    /// Bytes that it wrote to its standard output, a pipe.
    pub(crate) output: u64,
    /// Bytes that arrived at the socket.
    pub(crate) received: u64,
    pub(crate) rchar: u64,
    pub(crate) wchar: u64,
    pub(crate) minor: u64,
    pub(crate) major: u64,
    pub(crate) voluntary: u64,
    pub(crate) involuntary: u64,
}

/// Runs what the file `plan` lists (a [`Launch`] each), and writes the results next to it.
pub(crate) fn launch(plan: &Path) {
    let text = fs::read_to_string(plan).expect("a plan");
    let plans: Vec<Launch> = serde_json::from_str(&text).expect("a list of programs");
    let results: Vec<_> = plans.iter().map(run).collect();
    let text = serde_json::to_string(&results).expect("results are JSON");
    fs::write(plan.with_extension("results"), text).expect("room");
}

fn run(plan: &Launch) -> Launched {
    let has = |word: &str| plan.words.iter().any(|given| given.contains(word));
    let mut sink = None;
    let mut words = plan.words.clone();
    if has("{tcp}") {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port().to_string();
        words = words.iter().map(|word| word.replace("{tcp}", &port)).collect();
        sink = Some(thread::spawn(move || drain(listener.accept().expect("a connection").0)));
    } else if has("{unix}") {
        let directory = tempfile::TempDir::new().expect("a directory");
        let path = directory.path().join("socket");
        let listener = UnixListener::bind(&path).expect("a socket");
        words = words.iter().map(|word| word.replace("{unix}", &path.to_string_lossy())).collect();
        sink = Some(thread::spawn(move || {
            let received = drain(listener.accept().expect("a connection").0);
            drop(directory);
            received
        }));
    }
    started(&words, sink)
}

#[expect(clippy::zombie_processes, reason = "wait4 is called below, for the account it returns")]
fn started(words: &[String], sink: Option<JoinHandle<u64>>) -> Launched {
    let mut program = Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run '{}': {error}", words[0]));
    let output = drain(program.stdout.take().expect("a pipe"));
    let child = Child { pid: program.id().cast_signed() };
    child.wait_until_dead();
    let io = child.proc_io();
    let usage = child.reap();
    let received = match sink {
        Some(sink) if usage.code == 0 => sink.join().expect("the sink takes everything"),
        // The program may have failed before it connected.
        _ => 0,
    };
    Launched {
        pid: program.id().into(),
        code: usage.code,
        output,
        received,
        rchar: io.rchar,
        wchar: io.wchar,
        minor: usage.minor.cast_unsigned(),
        major: usage.major.cast_unsigned(),
        voluntary: usage.voluntary.cast_unsigned(),
        involuntary: usage.involuntary.cast_unsigned(),
    }
}

fn drain(mut from: impl io::Read) -> u64 {
    let mut buffer = vec![0; 65_536];
    let mut bytes = 0;
    loop {
        match from.read(&mut buffer).expect("readable") {
            0 => return bytes,
            count => bytes += count as u64,
        }
    }
}
