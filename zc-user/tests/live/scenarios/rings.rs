//! Asynchronous I/O: libaio and io_uring.

use std::{fs::File, os::fd::AsRawFd as _, path::Path, ptr::null_mut};

use io_uring::{
    IoUring, opcode,
    squeue::{Entry, Flags},
    types::{Fd, Fixed},
};

use super::{
    Scenario, Stage,
    cache::{hits, spans},
    fd, moved, ok,
};
use crate::{report::Process, requirement::kernel_before};

const LARGE: usize = 10_007;
const SMALL: usize = 101;
/// Operations that are under way at a time: a prime.
const MANY: usize = 6007;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "libaio",
        libaio,
        &[moved("file_read", 5, 5 * LARGE), moved("file_write", 3, 3 * LARGE)],
    )
    .also(|row, _| hits(row, spans(LARGE, (0..5).map(|i| i * 7919)))),
    Scenario::new(
        "libaio_closed",
        |stage| libaio_of(stage, "libaio_closed", drop),
        &[moved("file_read", 5, 5 * LARGE), moved("file_write", 3, 3 * LARGE)],
    ),
    Scenario::new(
        "libaio_replaced",
        |stage| {
            libaio_of(stage, "libaio_replaced", |file| {
                let number = fd(&file);
                let (a, _b) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
                // SAFETY: the file gives its number away.
                assert_eq!(unsafe { libc::dup2(fd(&a), number) }, number);
                std::mem::forget(file);
            })
        },
        &[moved("file_read", 5, 5 * LARGE), moved("file_write", 3, 3 * LARGE)],
    ),
    // The memory of a request is the program's again when it has been submitted.
    Scenario::new(
        "libaio_reused",
        |stage| reused(stage, "libaio_reused", [1, 2]),
        &[moved("file_read", 1, LARGE), moved("file_write", 1, LARGE)],
    ),
    // More than are remembered.
    Scenario::new("libaio_many", libaio_many, &[moved("file_read", MANY, MANY * SMALL)]),
    Scenario::new(
        "io_uring",
        io_uring_files,
        &[moved("file_read", 5, 5 * LARGE), moved("file_write", 3, 3 * LARGE)],
    )
    // Where a file system cannot write without waiting, workers do, which are threads of this process.
    .threads(1 + 3)
    .also(|row, _| ring_hits(row, 5)),
    Scenario::new(
        "io_uring_sockets",
        io_uring_sockets,
        &[moved("socket_recv:unix", 3, 3 * LARGE), moved("socket_send:unix", 3, 3 * LARGE)],
    ),
    Scenario::new("io_uring_inline", io_uring_inline, &[moved("file_read", 7, 7 * LARGE)])
        .also(|row, _| assert_eq!(operations(row), (7, 0))),
    // The workers are threads of this process.
    Scenario::new("io_uring_deferred", io_uring_deferred, &[moved("file_read", 5, 5 * LARGE)])
        .threads(1 + 5)
        .also(|row, _| {
            assert_eq!(operations(row), (5, 5));
            ring_hits(row, 5);
        }),
    // So is the thread that submits.
    Scenario::new("io_uring_polled", io_uring_polled, &[moved("file_read", 7, 7 * LARGE)])
        .threads(2)
        .also(|row, _| assert_eq!(operations(row), (7, 0))),
    Scenario::new(
        "io_uring_registered",
        io_uring_registered,
        &[
            moved("file_read", 5, 5 * LARGE),
            moved("file_write", 3, 3 * LARGE),
            moved("socket_send:unix", 2, 2 * LARGE),
            moved("socket_recv:unix", 2, 2 * LARGE),
        ],
    )
    .threads(1 + 3)
    .also(|row, _| assert_eq!(operations(row).0, 12)),
];

/// Reads of [`cached_reads`] find all pages. Before 5.18 the kernel does not report what has completed.
fn ring_hits(row: &Process, reads: usize) {
    let visible = !kernel_before(5, 18);
    hits(row, if visible { spans(LARGE, (0..reads).map(|i| i * 7919)) } else { 0 });
}

/// Operations of io_uring that moved data, and how many of them workers have done.
fn operations(row: &Process) -> (u64, u64) {
    (row.counter("uring_ops"), row.counter("uring_punted_ops"))
}

/// `struct iocb`, `include/uapi/linux/aio_abi.h`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Iocb {
    data: u64,
    key_and_flags: u64,
    opcode: u16,
    priority: i16,
    fd: u32,
    buffer: u64,
    bytes: u64,
    offset: i64,
    reserved: u64,
    flags: u32,
    event_fd: u32,
}

const PREAD: u16 = 0;
const PWRITE: u16 = 1;

fn libaio(stage: &Stage) -> Result<(), String> {
    libaio_of(stage, "libaio", std::mem::forget)
}

/// Reads and writes; `part` does what it likes with each of the files when they have been submitted, before they are
/// reaped.
fn libaio_of(stage: &Stage, name: &str, part: fn(File)) -> Result<(), String> {
    let (input, output) = (stage.input(), stage.output(name));
    let mut buffer = vec![0_u8; LARGE];
    let mut requests: Vec<Iocb> = (0..8)
        .map(|i| Iocb {
            opcode: if i < 5 { PREAD } else { PWRITE },
            fd: if i < 5 { fd(&input) } else { fd(&output) }.cast_unsigned(),
            buffer: buffer.as_mut_ptr() as u64,
            bytes: LARGE as u64,
            offset: i * 7919,
            ..Iocb::default()
        })
        .collect();
    let context = submit(&mut requests)?;
    part(input);
    part(output);
    // SAFETY: the structures are as the kernel defines them and outlive the requests, which are
    // all awaited.
    unsafe {
        let mut events = [[0_u64; 4]; 8];
        let no_timeout = null_mut::<libc::timespec>();
        let reaped =
            libc::syscall(libc::SYS_io_getevents, context, 8, 8, events.as_mut_ptr(), no_timeout);
        assert_eq!(ok(reaped as isize), 8);
        assert!(events.iter().all(|event| event[2] == LARGE as u64));
        libc::syscall(libc::SYS_io_destroy, context);
    }
    Ok(())
}

/// A context to which the requests have been submitted.
fn submit(requests: &mut [Iocb]) -> Result<u64, String> {
    let pointers: Vec<*mut Iocb> = requests.iter_mut().map(|request| &raw mut *request).collect();
    let context = context(requests.len())?;
    submit_to(context, &pointers);
    Ok(context)
}

/// A context for so many requests at a time.
fn context(count: usize) -> Result<u64, String> {
    let mut context = 0_u64;
    // SAFETY: a place for the handle.
    if unsafe { libc::syscall(libc::SYS_io_setup, count, &raw mut context) } != 0 {
        return Err("this kernel has no libaio".to_owned());
    }
    Ok(context)
}

/// Submits requests, which the caller awaits.
fn submit_to(context: u64, requests: &[*mut Iocb]) {
    let count = requests.len();
    // SAFETY: as the kernel defines them.
    let submitted =
        unsafe { libc::syscall(libc::SYS_io_submit, context, count, requests.as_ptr()) };
    assert_eq!(ok(submitted as isize), count);
}

/// Waits for `count` events.
fn reap(context: u64, count: usize) -> Vec<[u64; 4]> {
    let mut events = vec![[0_u64; 4]; count];
    let no_timeout = null_mut::<libc::timespec>();
    // SAFETY: room for as many events.
    let reaped = unsafe {
        let events = events.as_mut_ptr();
        libc::syscall(libc::SYS_io_getevents, context, count, count, events, no_timeout)
    };
    assert_eq!(ok(reaped as isize), count);
    events
}

/// A read and a write by the same structure with these two numbers, both under way before the first is reaped.
fn reused(stage: &Stage, name: &str, numbers: [u64; 2]) -> Result<(), String> {
    let (input, output) = (stage.input(), stage.output(name));
    read_then_write(&input, &output, numbers)
}

fn read_then_write(from: &File, to: &File, numbers: [u64; 2]) -> Result<(), String> {
    let mut buffer = vec![0_u8; LARGE];
    let mut request = Iocb {
        buffer: buffer.as_mut_ptr() as u64,
        bytes: LARGE as u64,
        opcode: PREAD,
        fd: fd(from).cast_unsigned(),
        data: numbers[0],
        ..Iocb::default()
    };
    let context = context(2)?;
    submit_to(context, &[&raw mut request]);
    (request.opcode, request.fd, request.data) = (PWRITE, fd(to).cast_unsigned(), numbers[1]);
    submit_to(context, &[&raw mut request]);
    let events = reap(context, 2);
    assert!(events.iter().all(|event| event[2] == LARGE as u64));
    Ok(())
}

/// As [`reused`], with the same number: nothing tells which of the two a completion is of.
pub(crate) fn reuse(directory: &Path) {
    let from = File::open("/proc/self/exe").expect("this program");
    let to = File::create_new(directory.join("ambiguous")).expect("a new file");
    read_then_write(&from, &to, [7, 7]).expect("libaio");
}

fn libaio_many(stage: &Stage) -> Result<(), String> {
    /// A call submits and reaps so many.
    const PART: usize = 1000;
    let input = stage.input();
    let mut buffer = [0_u8; SMALL];
    let request = Iocb {
        opcode: PREAD,
        fd: fd(&input).cast_unsigned(),
        buffer: buffer.as_mut_ptr() as u64,
        bytes: SMALL as u64,
        ..Iocb::default()
    };
    let mut requests = vec![request; MANY];
    let pointers: Vec<*mut Iocb> = requests.iter_mut().map(|request| &raw mut *request).collect();
    let context = context(MANY)?;
    pointers.chunks(PART).for_each(|part| submit_to(context, part));
    for part in pointers.chunks(PART) {
        assert!(reap(context, part.len()).iter().all(|event| event[2] == SMALL as u64));
    }
    Ok(())
}

/// How many operations [`reap_in_memory`] submits.
pub(crate) const UNSEEN: usize = 29;

/// The workload of operations whose events are taken out of the shared ring without a call.
pub(crate) fn reap_in_memory() {
    /// `struct aio_ring`, `fs/aio.c`: its head, its tail, and where the events begin.
    const HEAD: usize = 2;
    const TAIL: usize = 3;
    const EVENTS: usize = 32;

    let file = File::open("/proc/self/exe").expect("this program");
    let mut buffer = vec![0_u8; LARGE];
    let request = Iocb {
        opcode: PREAD,
        fd: fd(&file).cast_unsigned(),
        buffer: buffer.as_mut_ptr() as u64,
        bytes: LARGE as u64,
        ..Iocb::default()
    };
    let mut requests = vec![request; UNSEEN];
    let context = submit(&mut requests).expect("libaio");
    // SAFETY: the handle of a context is the address of its ring, which is mapped while the context exists.
    unsafe {
        let ring = context as *mut u32;
        while ring.add(TAIL).read_volatile().wrapping_sub(*ring.add(HEAD)) < UNSEEN as u32 {
            std::hint::spin_loop();
        }
        let events = (context as usize + EVENTS) as *const [u64; 4];
        for i in 0..UNSEEN {
            assert_eq!((*events.add(i))[2], LARGE as u64);
        }
        ring.add(HEAD).write_volatile(*ring.add(TAIL));
        libc::syscall(libc::SYS_io_destroy, context);
    }
}

fn ring() -> Result<IoUring, String> {
    IoUring::new(8).map_err(|error| format!("this kernel has no io_uring: {error}"))
}

/// Submits operations and waits for all of them.
fn run(ring: &mut IoUring, entries: &[Entry]) {
    for entry in entries {
        // SAFETY: buffers and descriptors outlive the operations, which are all awaited.
        unsafe { ring.submission().push(entry).expect("room in the queue") };
    }
    ring.submit_and_wait(entries.len()).expect("operations complete");
    let results: Vec<_> = ring.completion().map(|completion| completion.result()).collect();
    assert_eq!(results, vec![LARGE as i32; entries.len()]);
}

fn io_uring_files(stage: &Stage) -> Result<(), String> {
    let mut ring = ring()?;
    let (input, output) = (stage.input(), stage.output("io_uring"));
    let mut buffer = vec![0_u8; LARGE];
    let address = buffer.as_mut_ptr();
    let (input, output) = (Fd(input.as_raw_fd()), Fd(output.as_raw_fd()));
    let length = LARGE as u32;
    let reads: Vec<_> = (0..5)
        .map(|i| opcode::Read::new(input, address, length).offset(i * 7919).build())
        .collect();
    let writes: Vec<_> = (0..3)
        .map(|i| opcode::Write::new(output, address, length).offset(i * 7919).build())
        .collect();
    run(&mut ring, &reads);
    run(&mut ring, &writes);
    Ok(())
}

fn io_uring_sockets(_: &Stage) -> Result<(), String> {
    let mut ring = ring()?;
    let (a, b) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
    let mut buffer = vec![0_u8; LARGE];
    let address = buffer.as_mut_ptr();
    for _ in 0..3 {
        let send = opcode::Send::new(Fd(a.as_raw_fd()), address, LARGE as u32).build();
        run(&mut ring, &[send]);
        let receive = opcode::Recv::new(Fd(b.as_raw_fd()), address, LARGE as u32).build();
        run(&mut ring, &[receive]);
    }
    Ok(())
}

/// Reads of pages that are in memory.
fn cached_reads(stage: &Stage, count: u64, buffer: &mut [u8]) -> (File, Vec<Entry>) {
    let input = stage.input();
    let descriptor = Fd(input.as_raw_fd());
    let read = |i| {
        opcode::Read::new(descriptor, buffer.as_mut_ptr(), LARGE as u32).offset(i * 7919).build()
    };
    let reads = (0..count).map(read).collect();
    (input, reads)
}

fn io_uring_inline(stage: &Stage) -> Result<(), String> {
    let mut ring = ring()?;
    let mut buffer = vec![0_u8; LARGE];
    let (_input, reads) = cached_reads(stage, 7, &mut buffer);
    run(&mut ring, &reads);
    Ok(())
}

fn io_uring_deferred(stage: &Stage) -> Result<(), String> {
    let mut ring = ring()?;
    let mut buffer = vec![0_u8; LARGE];
    let (_input, reads) = cached_reads(stage, 5, &mut buffer);
    let reads: Vec<_> = reads.into_iter().map(|read| read.flags(Flags::ASYNC)).collect();
    run(&mut ring, &reads);
    Ok(())
}

fn io_uring_polled(stage: &Stage) -> Result<(), String> {
    // The thread looks for so many milliseconds before it has to be woken up.
    let ring = IoUring::builder().setup_sqpoll(11).build(8);
    let mut ring = ring.map_err(|error| format!("this kernel polls no io_uring: {error}"))?;
    let mut buffer = vec![0_u8; LARGE];
    let (_input, reads) = cached_reads(stage, 7, &mut buffer);
    run(&mut ring, &reads);
    Ok(())
}

/// Files that are known to the ring by their place, and buffers that it keeps pinned.
fn io_uring_registered(stage: &Stage) -> Result<(), String> {
    let mut ring = ring()?;
    let (input, output) = (stage.input(), stage.output("io_uring_registered"));
    let (a, b) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
    let mut buffer = vec![0_u8; LARGE];
    let (address, length) = (buffer.as_mut_ptr(), LARGE as u32);
    let vector = libc::iovec { iov_base: address.cast(), iov_len: LARGE };
    let files = [fd(&input), fd(&output), fd(&a), fd(&b)];
    ring.submitter().register_files(&files).map_err(|error| format!("no files: {error}"))?;
    // SAFETY: the buffer outlives the ring's use of it.
    unsafe { ring.submitter().register_buffers(&[vector]) }
        .map_err(|error| format!("no buffers: {error}"))?;
    let at = |i: u64| i * 7919;
    let read = |i| opcode::ReadFixed::new(Fixed(0), address, length, 0).offset(at(i)).build();
    let write = |i| opcode::WriteFixed::new(Fixed(1), address, length, 0).offset(at(i)).build();
    run(&mut ring, &(0..5).map(read).collect::<Vec<_>>());
    run(&mut ring, &(0..3).map(write).collect::<Vec<_>>());
    for _ in 0..2 {
        run(&mut ring, &[opcode::Send::new(Fixed(2), address, length).build()]);
        run(&mut ring, &[opcode::Recv::new(Fixed(3), address, length).build()]);
    }
    Ok(())
}
