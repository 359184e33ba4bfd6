//! Another tracer attaches to the functions that calls are waiting in.
//!
//! The kernel makes another trampoline for a function when one more program is attached to it, and what is in
//! the function by the former trampoline returns past all programs (`bpf_tramp_image_put`,
//! `kernel/bpf/trampoline.c`, 5.12 to 7.2). No byte may be lost by that, and none be said not to be copied.

mod hold;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream, UdpSocket},
    os::fd::AsRawFd,
    path::Path,
    thread,
};

use io_uring::{IoUring, opcode, squeue::Flags, types::Fd};

use crate::{
    Test,
    child::{Child, fork},
    is_guest,
    report::Report,
    requirement::{self, Skip},
    zc::{run, zc},
};
use hold::{Held, until_waiting};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] = &[("tracers::attached_while_calls_wait", check)];

/// Bytes of each case, all primes; more than a socket holds whose far end does not read.
const SENT: usize = 16_777_259;
const RECEIVED: usize = 1013;
const READ: usize = 40_009;
const READ_BY_RING: usize = 50_021;
const READ_BY_AIO: usize = 60_013;

/// A call that waits until the other tracer has come and gone.
struct Case {
    name: &'static str,
    /// Begins the call, calls the function when it waits, and ends it.
    run: fn(&Path, &mut dyn FnMut()) -> Result<(), String>,
    path: &'static str,
    bytes: usize,
}

const CASES: &[Case] = &[
    Case { name: "send", run: |_, wait| send(wait), path: "socket_send:tcp", bytes: SENT },
    Case {
        name: "receive",
        run: |_, wait| receive(wait),
        path: "socket_recv:udp",
        bytes: RECEIVED,
    },
    Case { name: "read", run: read, path: "file_read", bytes: READ },
    Case { name: "read_by_ring", run: read_by_ring, path: "file_read", bytes: READ_BY_RING },
    Case { name: "read_by_aio", run: read_by_aio, path: "file_read", bytes: READ_BY_AIO },
];

fn send(wait: &mut dyn FnMut()) -> Result<(), String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut far = listener.accept().unwrap().0;
    thread::scope(|scope| {
        let sender = scope.spawn(move || {
            let payload = vec![b'z'; SENT];
            // SAFETY: a buffer and its length.
            let sent = unsafe { libc::write(fd(&near), payload.as_ptr().cast(), SENT) };
            assert_eq!(sent, SENT as isize);
        });
        until_waiting(libc::SYS_write);
        wait();
        let mut buffer = vec![0; 1 << 20];
        while far.read(&mut buffer).unwrap() > 0 {}
        sender.join().unwrap();
    });
    Ok(())
}

fn receive(wait: &mut dyn FnMut()) -> Result<(), String> {
    let far = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let near = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let to = far.local_addr().unwrap();
    thread::scope(|scope| {
        let receiver = scope.spawn(move || {
            let mut buffer = vec![0; 2 * RECEIVED];
            assert_eq!(far.recv(&mut buffer).unwrap(), RECEIVED);
        });
        until_waiting(libc::SYS_recvfrom);
        wait();
        near.send_to(&vec![b'z'; RECEIVED], to).unwrap();
        receiver.join().unwrap();
    });
    Ok(())
}

fn read(directory: &Path, wait: &mut dyn FnMut()) -> Result<(), String> {
    let input = input(directory, READ);
    let held = Held::new(READ)?;
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            // SAFETY: memory of that size, which is filled when it is touched.
            let read = unsafe { libc::read(fd(&input), held.address().cast(), READ) };
            assert_eq!(read, READ as isize);
        });
        held.until_touched();
        wait();
        held.release();
        reader.join().unwrap();
    });
    Ok(())
}

fn read_by_ring(directory: &Path, wait: &mut dyn FnMut()) -> Result<(), String> {
    let input = input(directory, READ_BY_RING);
    let held = Held::new(READ_BY_RING)?;
    let mut ring =
        IoUring::new(8).map_err(|error| format!("this kernel has no io_uring: {error}"))?;
    let entry = opcode::Read::new(Fd(fd(&input)), held.address(), READ_BY_RING as u32);
    // By a thread of the kernel, which then waits for the memory.
    let entry = entry.build().flags(Flags::ASYNC);
    // SAFETY: the memory is there until the operation is complete.
    unsafe { ring.submission().push(&entry).unwrap() };
    ring.submit().unwrap();
    held.until_touched();
    wait();
    held.release();
    ring.submit_and_wait(1).unwrap();
    let result = ring.completion().next().unwrap().result();
    assert_eq!(result, READ_BY_RING as i32);
    Ok(())
}

/// libaio: the read of a file in the page cache is carried out by the call that submits it.
fn read_by_aio(directory: &Path, wait: &mut dyn FnMut()) -> Result<(), String> {
    /// `IOCB_CMD_PREAD`, `include/uapi/linux/aio_abi.h`.
    const PREAD: u64 = 0;
    let input = input(directory, READ_BY_AIO);
    let held = Held::new(READ_BY_AIO)?;
    // A `struct iocb`: data, key, the operation, the descriptor, the memory, its length, the position, and more.
    let descriptor = u64::from(fd(&input).cast_unsigned()) << 32;
    let length = READ_BY_AIO as u64;
    let request = [0, 0, PREAD | descriptor, held.address() as u64, length, 0, 0, 0];
    let mut context = 0_u64;
    // SAFETY: a context to be filled in.
    assert_eq!(unsafe { libc::syscall(libc::SYS_io_setup, 1, &raw mut context) }, 0);
    thread::scope(|scope| {
        let submitter = scope.spawn(|| {
            let requests = [&raw const request as u64];
            // SAFETY: a context, and a request whose memory is there until it is complete.
            unsafe { libc::syscall(libc::SYS_io_submit, context, 1, requests.as_ptr()) }
        });
        held.until_touched();
        wait();
        held.release();
        assert_eq!(submitter.join().unwrap(), 1);
    });
    // A `struct io_event`: data, the request, the result, and one more.
    let mut event = [0_u64; 4];
    let none = std::ptr::null::<libc::timespec>();
    // SAFETY: room for one event.
    let reaped =
        unsafe { libc::syscall(libc::SYS_io_getevents, context, 1, 1, event.as_mut_ptr(), none) };
    assert_eq!((reaped, event[2]), (1, length));
    Ok(())
}

fn input(directory: &Path, bytes: usize) -> File {
    let path = directory.join(format!("input-{bytes}"));
    fs::write(&path, vec![b'z'; bytes]).unwrap();
    File::open(path).unwrap()
}

fn fd(file: &impl AsRawFd) -> i32 {
    file.as_raw_fd()
}

/// A case in a process of its own: a pipe by which it says that it waits, and one that lets it go on.
struct Started {
    child: Child,
    waits: std::io::PipeReader,
    go_on: std::io::PipeWriter,
}

fn start(case: &Case, directory: &Path) -> Started {
    let (mut waits, waiting) = std::io::pipe().unwrap();
    let (told, go_on) = std::io::pipe().unwrap();
    let child = fork(|| {
        let mut wait = || {
            (&waiting).write_all(b"w").unwrap();
            (&told).read_exact(&mut [0]).unwrap();
        };
        match (case.run)(directory, &mut wait) {
            Ok(()) => 0,
            Err(why) => {
                fs::write(directory.join(case.name), why).unwrap();
                (&waiting).write_all(b"x").unwrap();
                1
            }
        }
    });
    waits.read_exact(&mut [0]).unwrap();
    Started { child, waits, go_on }
}

/// What this program does when it is started as `matrix workload tracers DIRECTORY`.
pub(crate) fn workload(directory: &Path) {
    let started: Vec<_> = CASES.iter().map(|case| start(case, directory)).collect();
    run(zc(["stat", "-o", "/dev/null", "--", "true"])).exits(0);
    let mut outcomes = BTreeMap::new();
    for (case, Started { child, waits, mut go_on }) in CASES.iter().zip(started) {
        // One that could not be done no longer listens.
        let _ = go_on.write_all(b"g");
        outcomes.insert(case.name, (child.pid, child.reap().code));
        drop(waits);
    }
    fs::write(directory.join("outcomes"), serde_json::to_string(&outcomes).unwrap()).unwrap();
}

fn check() -> Result<(), Skip> {
    requirement::administrator()?;
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report.json");
    let mut command = zc(["stat", "--json", "-o"]);
    command.arg(&report).arg("--").arg(std::env::current_exe().unwrap());
    command.args(["workload", "tracers"]).arg(directory.path());
    run(command).exits(0);
    let report = fs::read_to_string(&report).unwrap();
    crate::keep("tracers.json", report.as_bytes());
    let report = Report::parse(&report);
    let outcomes = fs::read_to_string(directory.path().join("outcomes")).unwrap();
    let outcomes: BTreeMap<String, (u64, i32)> = serde_json::from_str(&outcomes).unwrap();

    let losses = report.losses();
    let mut cut = losses.get("operations_cut").copied().unwrap_or(0);
    let mut why_not = Vec::new();
    for case in CASES {
        let (pid, status) = outcomes[case.name];
        if let Ok(why) = fs::read_to_string(directory.path().join(case.name)) {
            why_not.push(format!("{}: {why}", case.name));
            continue;
        }
        assert_eq!(status, 0, "{} failed", case.name);
        let row = report.process(pid);
        let bytes = case.bytes as u64;
        assert_eq!(row.path(case.path).bytes, bytes, "{}: {row:#?}", case.name);
        let (copied, provenance) = row.copied(case.path.split(':').next().unwrap());
        let is_operation = case.name.contains("_by_");
        if is_operation && cut > 0 && copied != Some(bytes) {
            cut -= 1;
            continue;
        }
        assert_eq!(copied, Some(bytes), "{}: {provenance}, {losses:?}", case.name);
    }
    assert_eq!(cut, 0, "operations that were counted in full");
    if is_guest() || why_not.is_empty() { Ok(()) } else { Err(Skip::Kernel(why_not.join("; "))) }
}
