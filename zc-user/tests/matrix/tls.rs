//! TLS in the kernel: `zc` counts what it encrypts and decrypts apart from what it copies.
//!
//! One `zc stat` watches all; each is a process of its own.

mod connection;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::TcpStream,
    os::fd::AsRawFd,
    path::Path,
    process::Command,
    ptr::null_mut,
    sync::LazyLock,
};

use io_uring::{IoUring, opcode, types::Fd};
use libtest_mimic::Trial;

use crate::{
    child::fork,
    is_guest,
    report::Report,
    requirement::{self, Skip},
    runner,
    zc::{run, zc},
};
use connection::{RECORD_EXTRA, Version, connection};

/// Bytes of a record, of a part of one, and how many there are: primes.
const LARGE: usize = 10_007;
const SMALL: usize = 1009;
const COUNT: usize = 7;
const ALL: u64 = (COUNT * LARGE) as u64;

/// What is sent in parts is copied until the part that ends a record.
const BEGUN: u64 = (COUNT * (LARGE - LARGE % SMALL)) as u64;

/// A conversation, and what it amounts to.
struct Talk {
    name: &'static str,
    talk: fn(&Path) -> Result<(), String>,
    /// Bytes encrypted and decrypted.
    transformed: u64,
    /// Paths: bytes moved, and how many of them were copied.
    paths: &'static [(&'static str, u64, u64)],
}

const fn talk(
    name: &'static str,
    talk: fn(&Path) -> Result<(), String>,
    transformed: u64,
    paths: &'static [(&'static str, u64, u64)],
) -> Talk {
    Talk { name, talk, transformed, paths }
}

const TALKS: &[Talk] = &[
    // The far end reads what has been encrypted.
    talk("encrypted", |_| encrypted(), ALL, &[("socket_send:tcp", ALL, 0)]),
    talk(
        "records_whole",
        |_| whole(Version::Tls12),
        2 * ALL,
        &[("socket_send:tcp", ALL, 0), ("socket_recv:tcp", ALL, 0)],
    ),
    talk(
        "records_in_parts",
        |_| in_parts(),
        2 * ALL,
        &[("socket_send:tcp", ALL, 0), ("socket_recv:tcp", ALL, ALL)],
    ),
    talk(
        "records_of_parts",
        |_| of_parts(),
        2 * ALL,
        &[("socket_send:tcp", ALL, BEGUN), ("socket_recv:tcp", ALL, ALL)],
    ),
    talk(
        "looked_at",
        |_| looked_at(),
        2 * ALL,
        &[("socket_send:tcp", ALL, 0), ("socket_recv:tcp", 2 * ALL, 2 * ALL)],
    ),
    talk(
        "version_1_3",
        |_| whole(Version::Tls13),
        2 * ALL,
        &[("socket_send:tcp", ALL, 0), ("socket_recv:tcp", ALL, ALL)],
    ),
    talk(
        "sendfile",
        sendfile,
        2 * ALL,
        &[("sendfile_to_socket", ALL, 0), ("socket_recv:tcp", ALL, 0)],
    ),
    talk(
        "splice",
        |_| splice(),
        2 * ALL,
        &[("socket_send:tcp", ALL, 0), ("splice_socket_pipe", ALL, 0)],
    ),
    talk(
        "uring",
        |_| uring(),
        2 * ALL,
        &[("socket_send:tcp", ALL, 0), ("socket_recv:tcp", ALL, 0)],
    ),
];

fn encrypted() -> Result<(), String> {
    let [near, far] = connection(Version::Tls12, false)?;
    for _ in 0..COUNT {
        send(&near, LARGE, 0);
        receive(&far, LARGE + RECORD_EXTRA);
    }
    Ok(())
}

fn whole(version: Version) -> Result<(), String> {
    let [near, far] = connection(version, true)?;
    for _ in 0..COUNT {
        send(&near, LARGE, 0);
        receive(&far, LARGE);
    }
    Ok(())
}

fn in_parts() -> Result<(), String> {
    let [near, far] = connection(Version::Tls12, true)?;
    for _ in 0..COUNT {
        send(&near, LARGE, 0);
        in_pieces(|_, length| receive(&far, length));
    }
    Ok(())
}

fn of_parts() -> Result<(), String> {
    let [near, far] = connection(Version::Tls12, true)?;
    for _ in 0..COUNT {
        in_pieces(|at, length| {
            let more = if at + length < LARGE { libc::MSG_MORE } else { 0 };
            send(&near, length, more);
        });
        in_pieces(|_, length| receive(&far, length));
    }
    Ok(())
}

/// Data that is looked at before it is received, and decrypted once.
fn looked_at() -> Result<(), String> {
    let [near, far] = connection(Version::Tls12, true)?;
    for _ in 0..COUNT {
        send(&near, LARGE, 0);
        receive_with(&far, LARGE, libc::MSG_PEEK);
        receive(&far, LARGE);
    }
    Ok(())
}

fn sendfile(directory: &Path) -> Result<(), String> {
    let [near, far] = connection(Version::Tls12, true)?;
    let input = File::open(directory.join("input")).unwrap();
    for _ in 0..COUNT {
        // SAFETY: descriptors, and no offset.
        let sent = unsafe { libc::sendfile(fd(&near), fd(&input), null_mut(), LARGE) };
        assert_eq!(ok(sent), LARGE);
        receive(&far, LARGE);
    }
    Ok(())
}

fn splice() -> Result<(), String> {
    let [near, far] = connection(Version::Tls12, true)?;
    let (out, into) = std::io::pipe().unwrap();
    let mut buffer = vec![0; LARGE];
    for _ in 0..COUNT {
        send(&near, LARGE, 0);
        let mut left = LARGE;
        while left > 0 {
            // SAFETY: descriptors, no offsets, and a buffer with its length.
            unsafe {
                let (from, to) = (fd(&far), fd(&into));
                let moved = ok(libc::splice(from, null_mut(), to, null_mut(), left, 0));
                assert_eq!(ok(libc::read(fd(&out), buffer.as_mut_ptr().cast(), moved)), moved);
                left -= moved;
            }
        }
    }
    Ok(())
}

fn uring() -> Result<(), String> {
    let [near, far] = connection(Version::Tls12, true)?;
    let mut ring =
        IoUring::new(8).map_err(|error| format!("this kernel has no io_uring: {error}"))?;
    let mut buffer = vec![b'z'; LARGE];
    let address = buffer.as_mut_ptr();
    for _ in 0..COUNT {
        let send = opcode::Send::new(Fd(fd(&near)), address, LARGE as u32).build();
        let receive = opcode::Recv::new(Fd(fd(&far)), address, LARGE as u32).build();
        for entry in [send, receive] {
            // SAFETY: the buffer is there until the operation is complete.
            unsafe { ring.submission().push(&entry).unwrap() };
            ring.submit_and_wait(1).unwrap();
            let result = ring.completion().next().unwrap().result();
            assert_eq!(ok(result as isize), LARGE);
        }
    }
    Ok(())
}

/// Calls for a part of a record each.
fn in_pieces(mut call: impl FnMut(usize, usize)) {
    for at in (0..LARGE).step_by(SMALL) {
        call(at, SMALL.min(LARGE - at));
    }
}

fn send(stream: &TcpStream, length: usize, flags: i32) {
    let buffer = vec![b'z'; length];
    let address = buffer.as_ptr().cast();
    // SAFETY: a buffer and its length.
    let sent = unsafe { libc::send(fd(stream), address, length, flags) };
    assert_eq!(ok(sent), length);
}

fn receive(stream: &TcpStream, length: usize) {
    receive_with(stream, length, libc::MSG_WAITALL);
}

fn receive_with(stream: &TcpStream, length: usize, flags: i32) {
    let mut buffer = vec![0_u8; length];
    let address = buffer.as_mut_ptr().cast();
    // SAFETY: a buffer and its length.
    let received = unsafe { libc::recv(fd(stream), address, length, flags) };
    assert_eq!(ok(received), length);
}

fn fd(file: &impl AsRawFd) -> i32 {
    file.as_raw_fd()
}

/// What a call returned, or a panic that says why it failed.
fn ok(result: isize) -> usize {
    let error = std::io::Error::last_os_error();
    usize::try_from(result).unwrap_or_else(|_| panic!("a call failed: {error}"))
}

/// What this program does when it is started as `matrix workload tls DIRECTORY`.
pub(crate) fn workload(directory: &Path) {
    fs::write(directory.join("input"), vec![b'z'; ALL as usize]).unwrap();
    let mut outcomes = BTreeMap::new();
    for talk in TALKS {
        let excuse = directory.join(talk.name);
        let child = fork(|| match (talk.talk)(directory) {
            Ok(()) => 0,
            Err(why) => {
                fs::write(&excuse, why).unwrap();
                1
            }
        });
        let code = child.reap().code;
        let why = fs::read_to_string(&excuse).ok();
        outcomes.insert(talk.name, (child.pid, code, why));
    }
    fs::write(directory.join("outcomes"), serde_json::to_string(&outcomes).unwrap()).unwrap();
}

struct Ground {
    report: Report,
    /// Process id, status, and why it could not be done.
    outcomes: BTreeMap<String, (u64, i32, Option<String>)>,
}

/// The one run that all tests here look at.
static GROUND: LazyLock<Ground> = LazyLock::new(|| {
    // Functions of a module are probed if it is there when zc starts.
    let _ = Command::new("modprobe").args(["--quiet", "tls"]).status();
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report.json");
    let mut command = zc(["stat", "--json", "-o"]);
    command.arg(&report).arg("--").arg(std::env::current_exe().unwrap());
    command.args(["workload", "tls"]).arg(directory.path());
    run(command).exits(0);
    let report = fs::read_to_string(&report).unwrap();
    crate::keep("tls.json", report.as_bytes());
    let outcomes = fs::read_to_string(directory.path().join("outcomes")).unwrap();
    crate::keep("tls-outcomes.json", outcomes.as_bytes());
    Ground { report: Report::parse(&report), outcomes: serde_json::from_str(&outcomes).unwrap() }
});

/// A test per conversation.
pub(crate) fn trials() -> Vec<Trial> {
    let trials = TALKS.iter();
    trials.map(|talk| runner::trial(format!("tls::{}", talk.name), || check(talk))).collect()
}

fn check(talk: &Talk) -> Result<(), Skip> {
    requirement::ebpf()?;
    let (pid, status, excuse) = &GROUND.outcomes[talk.name];
    if let Some(why) = excuse {
        return Err(Skip::Kernel(why.clone()));
    }
    assert_eq!(*status, 0, "the conversation itself failed");
    let row = GROUND.report.process(*pid);
    for (path, moved, copied) in talk.paths {
        assert_eq!(row.path(path).bytes, *moved, "{path}: {row:#?}");
        let (bytes, provenance) = row.copied(path.split(':').next().unwrap());
        if provenance == "measured" || is_guest() {
            assert_eq!((bytes, provenance), (Some(*copied), "measured"), "{path}: {row:#?}");
        }
    }
    if let Some(transformed) = row.known("transformed_bytes") {
        assert_eq!(transformed, talk.transformed, "{row:#?}");
    }
    Ok(())
}
