//! io_uring: requests that complete without an entry in the queue, or with many, or with results that are not bytes
//! moved.

use std::{
    io::Write as _,
    net::UdpSocket,
    os::{fd::AsRawFd, unix::net::UnixStream},
};

use io_uring::{
    IoUring, opcode,
    squeue::{Entry, Flags},
    types::{Fd, Fixed},
};

use super::{
    Expected, Scenario, Stage, fd, moved,
    pipes::pipe,
    sockets::{tcp, udp},
};
use crate::requirement::kernel_before;

/// Bytes of a transfer: a prime, more than a page.
const SIZE: usize = 7919;
/// Bytes of a buffer that is too small: a prime.
const SMALL: usize = 1009;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "silent_one_by_one",
        |stage| one_by_one(stage, false),
        &[moved("file_read", 23, 23 * SIZE), moved("file_write", 23, 23 * SIZE)],
    )
    // Where a file system cannot write without waiting, workers do, which are threads of this process.
    .threads(1 + 23),
    Scenario::new("silent_all", silent_all, &[moved("file_write", 307, 307 * SIZE)])
        .threads(1 + 307)
        .also(|row, _| assert_eq!(row.counter("uring_ops"), 307)),
    Scenario::new("silent_linked", |stage| chain(stage, false), &[moved("file_read", 5, 5 * SIZE)]),
    Scenario::new(
        "silent_deferred",
        |stage| chain(stage, true),
        &[moved("file_read", 5, 5 * SIZE)],
    )
    .threads(1 + 5),
    Scenario::new(
        "silent_polled",
        |stage| one_by_one(stage, true),
        &[moved("file_read", 23, 23 * SIZE), moved("file_write", 23, 23 * SIZE)],
    )
    .threads(2 + 23),
    Scenario::new("silent_received", |_| received(false), &RECEIVED),
    Scenario::new("silent_received_by_turn", |_| received(true), &RECEIVED),
    Scenario::new(
        "silent_failed",
        silent_failed,
        &[Expected { path: "file_read", ops: 1, errors: 1, bytes: SIZE }],
    ),
    Scenario::new(
        "silent_overflown",
        overflown,
        &[moved("file_read", 7, 7 * SIZE), moved("socket_send:unix", 6, 6 * SMALL)],
    ),
    Scenario::new(
        "flags_of_receives",
        flags,
        &[
            moved("socket_send:udp", 11 + 7 + 5, (11 + 7 + 5) * SIZE),
            moved("socket_recv:udp", 11 + 7 + 2 * 5, (11 + 7) * SMALL + 2 * 5 * SIZE),
            moved("socket_send:tcp", 3, 3 * SIZE),
            moved("socket_recv:tcp", 3, 0),
        ],
    )
    .also(|row, _| {
        assert_eq!(row.counter("net_rx_bytes"), ((11 + 7) * SMALL + 5 * SIZE) as u64);
        let discarded = (11 + 7) * (SIZE - SMALL) + 3 * SIZE;
        assert_eq!(row.counter("discarded_bytes"), discarded as u64);
    }),
    Scenario::new(
        "ends_of_splices",
        splices,
        &[
            moved("splice_file_pipe", 2, 2 * SIZE),
            moved("splice_pipe_pipe", 2, 2 * SIZE),
            moved("tee", 1, SIZE),
            moved("splice_pipe_socket", 1, SIZE),
            moved("splice_socket_pipe", 1, SIZE),
            moved("splice_pipe_file", 1, SIZE),
        ],
    )
    .threads(1 + 8)
    .also(|row, _| {
        assert_eq!(row.counter("net_rx_bytes"), SIZE as u64);
        assert_eq!(row.counter("net_tx_bytes"), SIZE as u64);
    }),
    Scenario::new(
        "multishot_receive",
        multishot_receive,
        &[moved("socket_send:unix", 13, 13 * SIZE), moved("socket_recv:unix", 13 + 1, 13 * SIZE)],
    ),
    Scenario::new(
        "multishot_messages",
        multishot_messages,
        &[
            moved("socket_send:udp", 13, 13 * SIZE),
            Expected { path: "socket_recv:udp", ops: 13, errors: 1, bytes: 13 * SIZE },
        ],
    )
    .also(|row, _| assert_eq!(row.counter("net_rx_bytes"), (13 * SIZE) as u64)),
    Scenario::new(
        "multishot_read",
        multishot_read,
        &[moved("pipe_write", 13, 13 * SMALL), moved("pipe_read", 13 + 1, 13 * SMALL)],
    ),
    Scenario::new("ring_messages", ring_messages, &[])
        .also(|row, _| assert_eq!(row.counter("uring_ops"), 0)),
];

const RECEIVED: [Expected; 2] =
    [moved("socket_send:unix", 7, 7 * SMALL), moved("socket_recv:unix", 7, 7 * SMALL)];

fn ring(entries: u32) -> Result<IoUring, String> {
    IoUring::new(entries).map_err(|error| format!("this kernel has no io_uring: {error}"))
}

/// A ring whose requests may be silent, on a kernel that names those that complete.
fn quiet(ring: Result<IoUring, String>) -> Result<IoUring, String> {
    let ring = ring?;
    if kernel_before(5, 18) || !ring.params().is_feature_skip_cqe_on_success() {
        return Err("before 5.18 the kernel does not report which requests complete".to_owned());
    }
    Ok(ring)
}

/// Puts requests into the queue.
fn push(ring: &mut IoUring, entries: &[Entry]) {
    for entry in entries {
        // SAFETY: buffers and descriptors outlive the requests, which are all awaited.
        unsafe { ring.submission().push(entry).expect("room in the queue") };
    }
}

/// Submits requests, waits for completions, and returns the results of those.
fn run(ring: &mut IoUring, entries: &[Entry], completions: usize) -> Vec<i32> {
    push(ring, entries);
    ring.submit_and_wait(completions).expect("requests complete");
    ring.completion().map(|completion| completion.result()).collect()
}

fn results(count: usize, bytes: usize) -> Vec<i32> {
    vec![bytes as i32; count]
}

/// Writes and reads, of which only the last of each posts a completion.
fn one_by_one(stage: &Stage, polled: bool) -> Result<(), String> {
    let made = if polled {
        // The thread looks for so many milliseconds before it has to be woken up.
        IoUring::builder().setup_sqpoll(11).build(8).map_err(|error| error.to_string())
    } else {
        ring(8)
    };
    let mut ring = quiet(made)?;
    let file = stage.output(if polled { "silent_polled" } else { "silent_one_by_one" });
    let mut buffer = vec![1_u8; SIZE];
    let (target, address, length) = (Fd(fd(&file)), buffer.as_mut_ptr(), SIZE as u32);
    for reads in [false, true] {
        for i in 0..23 {
            let at = (i * SIZE) as u64;
            let entry = if reads {
                opcode::Read::new(target, address, length).offset(at).build()
            } else {
                opcode::Write::new(target, address, length).offset(at).build()
            };
            // With a thread that submits, they may find no room while it is behind.
            while ring.submission().is_full() {
                ring.submit().expect("a thread that submits");
            }
            if i < 22 {
                push(&mut ring, &[entry.flags(Flags::SKIP_SUCCESS)]);
                ring.submit().expect("requests are submitted");
            } else {
                assert_eq!(run(&mut ring, &[entry], 1), results(1, SIZE));
            }
        }
    }
    Ok(())
}

/// Many at once, none of which posts a completion.
fn silent_all(stage: &Stage) -> Result<(), String> {
    let mut ring = quiet(ring(512))?;
    let file = stage.output("silent_all");
    let buffer = vec![1_u8; SIZE];
    let write = |i: usize| {
        let entry = opcode::Write::new(Fd(fd(&file)), buffer.as_ptr(), SIZE as u32);
        entry.offset((i * SIZE) as u64).build().flags(Flags::SKIP_SUCCESS)
    };
    push(&mut ring, &(0..307).map(write).collect::<Vec<_>>());
    assert_eq!(ring.submit().expect("requests are submitted"), 307);
    // What had to wait has a worker, which a program can only wait for by what it does.
    while file.metadata().expect("a file").len() < 307 * SIZE as u64 {
        ring.submit().expect("nothing to submit");
        std::thread::yield_now();
    }
    // What a worker has done is completed by this thread, when it enters the kernel with work to do.
    assert_eq!(run(&mut ring, &[opcode::Nop::new().build()], 1), [0]);
    Ok(())
}

/// A chain of which only the last posts a completion.
fn chain(stage: &Stage, deferred: bool) -> Result<(), String> {
    let mut ring = quiet(ring(8))?;
    let file = stage.input();
    let mut buffer = vec![0_u8; SIZE];
    let mut flags = Flags::SKIP_SUCCESS | Flags::IO_LINK;
    if deferred {
        flags |= Flags::ASYNC;
    }
    let address = buffer.as_mut_ptr();
    let read = |i: usize| {
        let entry = opcode::Read::new(Fd(fd(&file)), address, SIZE as u32);
        entry.offset((i * SIZE) as u64).build().flags(flags)
    };
    let mut entries: Vec<_> = (0..5).map(read).collect();
    entries.push(opcode::Nop::new().build());
    assert_eq!(run(&mut ring, &entries, 1), [0]);
    Ok(())
}

/// Receives that have to wait, on a ring that completes them whenever its thread is in the kernel, or only when that
/// asks for it.
fn received(by_turn: bool) -> Result<(), String> {
    let made = if by_turn {
        let ring = IoUring::builder().setup_single_issuer().setup_defer_taskrun().build(8);
        ring.map_err(|_| "before 6.1 every ring does its work at once".to_owned())
    } else {
        ring(8)
    };
    let mut ring = quiet(made)?;
    let (mut from, to) = UnixStream::pair().expect("a pair of sockets");
    let mut buffer = vec![0_u8; SMALL];
    for _ in 0..7 {
        buffer.fill(0);
        let receive = opcode::Recv::new(Fd(fd(&to)), buffer.as_mut_ptr(), SMALL as u32).build();
        push(&mut ring, &[receive.flags(Flags::SKIP_SUCCESS)]);
        ring.submit().expect("a request is submitted");
        from.write_all(&[7; SMALL]).expect("room");
        while buffer[SMALL - 1] != 7 {
            assert_eq!(run(&mut ring, &[opcode::Nop::new().build()], 1), [0]);
            // Written by the kernel.
            std::hint::black_box(&mut buffer);
        }
    }
    Ok(())
}

/// One that fails posts a completion all the same.
fn silent_failed(stage: &Stage) -> Result<(), String> {
    let mut ring = quiet(ring(8))?;
    let file = stage.input();
    let mut buffer = vec![0_u8; SIZE];
    let read = |at: *mut u8| {
        let entry = opcode::Read::new(Fd(fd(&file)), at, SIZE as u32).build();
        entry.flags(Flags::SKIP_SUCCESS)
    };
    let entries = [read(buffer.as_mut_ptr()), read(std::ptr::without_provenance_mut(8))];
    assert_eq!(run(&mut ring, &entries, 1), [-libc::EFAULT]);
    Ok(())
}

/// More completions than the queue has room for.
fn overflown(stage: &Stage) -> Result<(), String> {
    let made = IoUring::builder().setup_cqsize(2).build(2).map_err(|error| error.to_string());
    let mut ring = quiet(made)?;
    let file = stage.input();
    let (from, to) = UnixStream::pair().expect("a pair of sockets");
    let mut buffer = vec![0_u8; SIZE];
    let mut all = Vec::new();
    for i in 0..13 {
        let entry = if i % 2 == 0 {
            opcode::Read::new(Fd(fd(&file)), buffer.as_mut_ptr(), SIZE as u32).build()
        } else {
            opcode::Send::new(Fd(fd(&from)), buffer.as_ptr(), SMALL as u32).build()
        };
        push(&mut ring, &[entry]);
        ring.submit().expect("requests are submitted");
    }
    while all.len() < 13 {
        all.extend(ring.completion().map(|completion| completion.result()));
        ring.submit_and_wait(usize::from(all.len() < 13)).expect("completions that had no room");
    }
    all.sort_unstable();
    assert_eq!(all, [results(6, SMALL), results(7, SIZE)].concat());
    drop(to);
    Ok(())
}

/// Results that are not what is in the buffer, or that are received once more.
fn flags(_: &Stage) -> Result<(), String> {
    let mut ring = ring(8)?;
    let mut buffer = vec![0_u8; SIZE];
    let (from, to) = udp();
    let send = |from: &UdpSocket| assert_eq!(from.send(&[1; SIZE]).expect("room"), SIZE);
    let mut receive = |target: &dyn AsRawFd, room: usize, flags: i32| {
        let entry = opcode::Recv::new(Fd(target.as_raw_fd()), buffer.as_mut_ptr(), room as u32);
        assert_eq!(run(&mut ring, &[entry.flags(flags).build()], 1), results(1, SIZE));
    };
    for _ in 0..11 {
        send(&from);
        receive(&to, SMALL, libc::MSG_TRUNC);
    }
    for _ in 0..5 {
        send(&from);
        receive(&to, SIZE, libc::MSG_PEEK);
        receive(&to, SIZE, 0);
    }
    let (mut sender, receiver) = tcp();
    for _ in 0..3 {
        sender.write_all(&[1; SIZE]).expect("room");
        receive(&receiver, SIZE, libc::MSG_TRUNC | libc::MSG_WAITALL);
    }
    for _ in 0..7 {
        send(&from);
        let at = buffer.as_mut_ptr();
        let (first, second) = (SMALL - 499, 499);
        // SAFETY: inside the buffer.
        let rest = unsafe { at.add(first) };
        let mut vectors = [
            libc::iovec { iov_base: at.cast(), iov_len: first },
            libc::iovec { iov_base: rest.cast(), iov_len: second },
        ];
        // SAFETY: zeros are a message with nothing in it.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        (message.msg_iov, message.msg_iovlen) = (vectors.as_mut_ptr(), vectors.len());
        let entry = opcode::RecvMsg::new(Fd(fd(&to)), &raw mut message);
        let entry = entry.flags(libc::MSG_TRUNC.cast_unsigned()).build();
        assert_eq!(run(&mut ring, &[entry], 1), results(1, SIZE));
    }
    Ok(())
}

/// From a file through pipes to a socket and back, by descriptors and by registered files.
fn splices(stage: &Stage) -> Result<(), String> {
    const LENGTH: u32 = SIZE as u32;
    let mut ring = ring(8)?;
    let (input, output) = (stage.input(), stage.output("ends_of_splices"));
    let (one, two, three) = (pipe(), pipe(), pipe());
    let (a, b) = tcp();
    let place = |file: &dyn AsRawFd| Fd(file.as_raw_fd());
    let registered = [fd(&input), fd(&one.0)];
    ring.submitter().register_files(&registered).map_err(|error| format!("no files: {error}"))?;
    let splice =
        |from: Fd, from_at: i64, to: Fd| opcode::Splice::new(from, from_at, to, -1, LENGTH).build();
    let hops = [
        splice(place(&input), 0, place(&one.1)),
        opcode::Splice::new(Fixed(1), -1, place(&two.1), -1, LENGTH).build(),
        opcode::Tee::new(place(&two.0), place(&three.1), LENGTH).build(),
        splice(place(&two.0), -1, place(&a)),
        splice(place(&b), -1, place(&two.1)),
        splice(place(&two.0), -1, place(&output)),
        opcode::Splice::new(Fixed(0), 0, place(&two.1), -1, LENGTH).build(),
        splice(place(&two.0), -1, place(&one.1)),
    ];
    for hop in hops {
        assert_eq!(run(&mut ring, &[hop], 1), results(1, SIZE));
    }
    Ok(())
}

/// Buffers of the group 5 for requests that choose one by themselves.
fn provide(ring: &mut IoUring, buffers: &mut [u8], size: usize) -> Result<(), String> {
    let count = u16::try_from(buffers.len() / size).expect("a few");
    let entry = opcode::ProvideBuffers::new(buffers.as_mut_ptr(), size as i32, count, 5, 0).build();
    if run(ring, &[entry], 1)[0] < 0 {
        return Err("this kernel takes no buffers".to_owned());
    }
    Ok(())
}

/// The result of a completion of a request that goes on; `None` when there is no such request on this kernel.
fn goes_on(ring: &mut IoUring) -> Option<i32> {
    ring.submit_and_wait(1).expect("a request completes");
    let completion = ring.completion().next().expect("a completion");
    (completion.result() != -libc::EINVAL).then_some(completion.result())
}

/// One receive for many messages.
fn multishot_receive(_: &Stage) -> Result<(), String> {
    can_be_tried_again()?;
    let mut ring = quiet(ring(8))?;
    let mut buffers = vec![0_u8; 16 * 8192];
    provide(&mut ring, &mut buffers, 8192)?;
    let (mut from, to) = UnixStream::pair().expect("a pair of sockets");
    push(&mut ring, &[opcode::RecvMulti::new(Fd(fd(&to)), 5).build().user_data(3)]);
    ring.submit().expect("a request is submitted");
    for _ in 0..13 {
        from.write_all(&[1; SIZE]).expect("room");
        let Some(result) = goes_on(&mut ring) else { return Err(NO_MULTISHOT.to_owned()) };
        assert_eq!(result, SIZE as i32);
    }
    drop(from);
    assert_eq!(goes_on(&mut ring), Some(0));
    Ok(())
}

const NO_MULTISHOT: &str = "this kernel has no such request that goes on";

/// From 6.15 to 6.19, `io_poll_issue` (`io_uring/io_uring.c`) takes a structure by value, which trampolines refuse: what
/// such a request copies when it is tried again belongs to no path there. Without copy sites it makes no difference.
pub(super) fn can_be_tried_again() -> Result<(), String> {
    let has_sites = std::env::var_os("ZC_VM_RESULTS").is_some();
    if has_sites && !kernel_before(6, 15) && kernel_before(7, 0) {
        return Err("a request that is tried again cannot be hooked on this kernel".to_owned());
    }
    Ok(())
}

/// The same with a header, an address and room for control messages in front of each.
fn multishot_messages(_: &Stage) -> Result<(), String> {
    const NAME: usize = 28;
    const CONTROL: usize = 64;
    can_be_tried_again()?;
    let mut ring = quiet(ring(8))?;
    let mut buffers = vec![0_u8; 16 * 8192];
    provide(&mut ring, &mut buffers, 8192)?;
    let (from, to) = udp();
    // SAFETY: zeros are a message with nothing in it.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    (message.msg_namelen, message.msg_controllen) = (NAME as u32, CONTROL);
    let entry = opcode::RecvMsgMulti::new(Fd(fd(&to)), &raw const message, 5).build();
    push(&mut ring, &[entry.user_data(3)]);
    ring.submit().expect("a request is submitted");
    for _ in 0..13 {
        from.send(&[1; SIZE]).expect("room");
        let Some(result) = goes_on(&mut ring) else { return Err(NO_MULTISHOT.to_owned()) };
        assert_eq!(result, (16 + NAME + CONTROL + SIZE) as i32);
    }
    let mut ends = run(&mut ring, &[opcode::AsyncCancel::new(3).build()], 2);
    ends.sort_unstable();
    assert_eq!(ends, [-libc::ECANCELED, 0]);
    Ok(())
}

/// One read for whatever comes out of a pipe.
fn multishot_read(_: &Stage) -> Result<(), String> {
    can_be_tried_again()?;
    let mut ring = quiet(ring(8))?;
    let mut buffers = vec![0_u8; 16 * 8192];
    provide(&mut ring, &mut buffers, 8192)?;
    if kernel_before(6, 7) {
        return Err(NO_MULTISHOT.to_owned());
    }
    let (to, mut from) = pipe();
    push(&mut ring, &[opcode::ReadMulti::new(Fd(fd(&to)), 0, 5).build().user_data(3)]);
    ring.submit().expect("a request is submitted");
    for _ in 0..13 {
        from.write_all(&[1; SMALL]).expect("room");
        assert_eq!(goes_on(&mut ring), Some(SMALL as i32));
    }
    drop(from);
    assert_eq!(goes_on(&mut ring), Some(0));
    Ok(())
}

/// From ring to ring, with the number of a request that goes on.
fn ring_messages(_: &Stage) -> Result<(), String> {
    let (mut ring, mut other) = (quiet(ring(8))?, ring(256)?);
    for i in 0..101 {
        let target = Fd(other.as_raw_fd());
        let entry = opcode::MsgRingData::new(target, 5, i, None).build();
        if run(&mut ring, &[entry], 1) != [0] {
            return Err("this kernel has no messages from ring to ring".to_owned());
        }
    }
    assert_eq!(other.completion().count(), 101);
    Ok(())
}
