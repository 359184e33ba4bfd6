//! Copies that the name of a call does not tell: where a socket takes no references to pages, and where no path has
//! them. Known on every kernel.

use std::{
    ffi::CStr,
    os::{
        fd::{FromRawFd as _, OwnedFd},
        unix::fs::FileExt as _,
    },
    ptr::null_mut,
};

use io_uring::{IoUring, opcode, types::Fd};

use super::{
    Scenario, Stage, fd, moved, ok,
    pipes::pipe,
    sockets::{send, udp},
};
use crate::requirement::kernel_before;

const PAGE: usize = 4096;
const MIDDLE: usize = 1009;
const ROUNDS: usize = 13;

/// Bytes of a message in a queue, and how many go through each of the two.
const MESSAGE: usize = 4001;
const MESSAGES: usize = 103;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "sendfile_to_unix_messages",
        sendfile_to_messages,
        &[
            moved("file_write", 2 * ROUNDS, 2 * ROUNDS * PAGE),
            moved("sendfile_to_socket", ROUNDS, ROUNDS * PAGE),
            moved("socket_recv:unix", ROUNDS, ROUNDS * PAGE),
        ],
    )
    .all_copied()
    .also(|row, _| {
        let request = &row.zerocopy[0];
        assert_eq!(request["mechanism"], "sendfile");
        assert_eq!(request["achieved_bytes"], 0, "{request:#}");
        assert_eq!(row.copied("sendfile_to_socket").0, Some((ROUNDS * PAGE) as u64));
    }),
    Scenario::new(
        "zeros_to_unix_messages",
        |_| {
            let (from, to) = std::os::unix::net::UnixDatagram::pair().expect("a pair of sockets");
            let zeros = std::fs::File::open("/dev/zero").expect("a device");
            let mut received = [0; PAGE];
            for _ in 0..ROUNDS {
                // SAFETY: descriptors that live on.
                let sent = unsafe { libc::sendfile(fd(&from), fd(&zeros), null_mut(), PAGE) };
                let error = std::io::Error::last_os_error();
                if sent < 0 && error.raw_os_error() == Some(libc::EINVAL) {
                    return Err("this kernel sends no devices by sendfile".to_owned());
                }
                assert_eq!(ok(sent), PAGE);
                assert_eq!(to.recv(&mut received).expect("a message"), PAGE);
            }
            Ok(())
        },
        &[
            moved("sendfile_to_socket", ROUNDS, ROUNDS * PAGE),
            moved("socket_recv:unix", ROUNDS, ROUNDS * PAGE),
        ],
    )
    .all_copied()
    .also(|row, _| {
        assert_eq!(row.copied("sendfile_to_socket").0, Some((ROUNDS * PAGE) as u64));
    }),
    Scenario::new(
        "sendfile_to_mptcp",
        |stage| sendfile_to(stage, "mptcp", libc::SOCK_STREAM, libc::IPPROTO_MPTCP),
        &[
            moved("file_write", 2, 2 * PAGE),
            moved("sendfile_to_socket", 1, PAGE),
            moved("socket_recv:tcp", 1, PAGE),
        ],
    )
    .all_copied()
    .assumed("sendfile_to_socket")
    .also(|row, _| assert_eq!(row.copied("sendfile_to_socket").0, Some(PAGE as u64))),
    Scenario::new(
        "sendfile_to_udplite",
        |stage| sendfile_to(stage, "udplite", libc::SOCK_DGRAM, libc::IPPROTO_UDPLITE),
        &[
            moved("file_write", 2, 2 * PAGE),
            moved("sendfile_to_socket", 1, PAGE),
            moved("socket_recv:udp", 1, PAGE),
        ],
    )
    .all_copied()
    .assumed("sendfile_to_socket")
    .also(|row, _| assert_eq!(row.copied("sendfile_to_socket").0, Some(PAGE as u64))),
    Scenario::new(
        "io_uring_splice_to_mptcp",
        |_| splice_to("mptcp", libc::SOCK_STREAM, libc::IPPROTO_MPTCP),
        &[
            moved("pipe_write", 1, PAGE),
            moved("splice_pipe_socket", 1, PAGE),
            moved("socket_recv:tcp", 1, PAGE),
        ],
    )
    .threads(1 + 1)
    .all_copied()
    .assumed("splice_pipe_socket")
    .also(|row, _| assert_ne!(row.copied("splice_pipe_socket").0, Some(0))),
    Scenario::new(
        "io_uring_splice_to_udplite",
        |_| splice_to("udplite", libc::SOCK_DGRAM, libc::IPPROTO_UDPLITE),
        &[
            moved("pipe_write", 1, PAGE),
            moved("splice_pipe_socket", 1, PAGE),
            moved("socket_recv:udp", 1, PAGE),
        ],
    )
    .threads(1 + 1)
    .all_copied()
    .assumed("splice_pipe_socket")
    .also(|row, _| assert_ne!(row.copied("splice_pipe_socket").0, Some(0))),
    // The head of a packet has the first 3 KiB or so of what is sent at a time: it is copied.
    Scenario::new(
        "splice_from_unix",
        |_| {
            let (mut a, b) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
            let (mut from, to) = pipe();
            let mut buffer = [0; MIDDLE];
            for _ in 0..ROUNDS {
                std::io::Write::write_all(&mut a, &buffer).expect("room");
                let (socket, pipe, none) = (fd(&b), fd(&to), null_mut());
                // SAFETY: two descriptors that live on.
                let spliced = unsafe { libc::splice(socket, none, pipe, null_mut(), PAGE, 0) };
                assert_eq!(ok(spliced), MIDDLE);
                std::io::Read::read_exact(&mut from, &mut buffer).expect("as many");
            }
            Ok(())
        },
        &[
            moved("socket_send:unix", ROUNDS, ROUNDS * MIDDLE),
            moved("splice_socket_pipe", ROUNDS, ROUNDS * MIDDLE),
            moved("pipe_read", ROUNDS, ROUNDS * MIDDLE),
        ],
    )
    .all_copied()
    .assumed("splice_socket_pipe")
    .also(|row, _| assert_ne!(row.copied("splice_socket_pipe").0, Some(0))),
    Scenario::new(
        "splice_from_datagrams",
        |_| {
            let (a, b) = udp();
            let (mut from, to) = pipe();
            let mut buffer = [0; MIDDLE];
            for _ in 0..ROUNDS {
                send(&a, MIDDLE);
                let (socket, pipe, none) = (fd(&b), fd(&to), null_mut());
                // SAFETY: two descriptors that live on.
                let spliced = unsafe { libc::splice(socket, none, pipe, null_mut(), PAGE, 0) };
                assert_eq!(ok(spliced), MIDDLE);
                std::io::Read::read_exact(&mut from, &mut buffer).expect("as many");
            }
            Ok(())
        },
        &[
            moved("socket_send:udp", ROUNDS, ROUNDS * MIDDLE),
            moved("splice_socket_pipe", ROUNDS, ROUNDS * MIDDLE),
            moved("pipe_read", ROUNDS, ROUNDS * MIDDLE),
        ],
    )
    .all_copied()
    .also(|row, _| {
        assert_eq!(row.copied("splice_socket_pipe").0, Some((ROUNDS * MIDDLE) as u64));
        assert_eq!(row.counter("net_rx_bytes"), (ROUNDS * MIDDLE) as u64);
    }),
    // No call moves these bytes, for all that `zc` knows: it has no path for them.
    Scenario::new("message_queues", message_queues, &[moved("kernel_copy", 4 * MESSAGES, 0)]).also(
        |row, _| {
            assert_eq!(row.copied("kernel_copy").0, Some((4 * MESSAGES * MESSAGE) as u64));
        },
    ),
    Scenario::new("userfaultfd", userfaultfd, &[moved("kernel_copy", ROUNDS, 0)]).also(|row, _| {
        assert_eq!(row.copied("kernel_copy").0, Some((ROUNDS * PAGE) as u64));
    }),
    Scenario::new(
        "memory_of_a_process",
        |_| {
            let contents = vec![7_u8; ROUNDS * PAGE];
            let memory = std::fs::File::open("/proc/self/mem").expect("one's own memory");
            let mut copy = vec![0; ROUNDS * PAGE];
            memory.read_exact_at(&mut copy, contents.as_ptr() as u64).expect("readable");
            assert!(copy == contents, "what was read differs");
            Ok(())
        },
        &[moved("pseudo_read", 1, ROUNDS * PAGE)],
    )
    .also(|row, _| assert_eq!(row.copied("pseudo_read").0, Some((ROUNDS * PAGE) as u64))),
];

/// The file is overwritten before the messages are received: they have what was in it when they were sent.
fn sendfile_to_messages(stage: &Stage) -> Result<(), String> {
    let (from, to) = std::os::unix::net::UnixDatagram::pair().expect("a pair of sockets");
    let file = stage.output("sendfile-messages");
    let mut received = [0; PAGE];
    for _ in 0..ROUNDS {
        file.write_all_at(&[b'o'; PAGE], 0).expect("room");
        let mut position = 0;
        // SAFETY: descriptors, and a position that lives on.
        let sent = unsafe { libc::sendfile(fd(&from), fd(&file), &raw mut position, PAGE) };
        assert_eq!(ok(sent), PAGE);
        file.write_all_at(&[b'n'; PAGE], 0).expect("room");
        assert_eq!(to.recv(&mut received).expect("a message"), PAGE);
        assert!(received == [b'o'; PAGE], "it refers to the file");
    }
    Ok(())
}

/// One page of a file to a socket on loopback, which is overwritten before it is received: the receiver has what was in
/// it when it was sent.
fn sendfile_to(stage: &Stage, name: &str, kind: i32, protocol: i32) -> Result<(), String> {
    let (from, to) = pair(name, kind, protocol)?;
    let file = stage.output(name);
    file.write_all_at(&[b'o'; PAGE], 0).expect("room");
    let mut received = [0_u8; PAGE];
    let mut position = 0;
    // SAFETY: descriptors and a position that live on.
    let sent = unsafe { libc::sendfile(fd(&from), fd(&file), &raw mut position, PAGE) };
    assert_eq!(ok(sent), PAGE);
    file.write_all_at(&[b'n'; PAGE], 0).expect("room");
    receive_all(&to, &mut received);
    assert!(received == [b'o'; PAGE], "it refers to the file");
    Ok(())
}

/// One page of a pipe to such a socket, by io_uring.
fn splice_to(name: &str, kind: i32, protocol: i32) -> Result<(), String> {
    let mut ring = IoUring::new(8).map_err(|error| format!("no io_uring: {error}"))?;
    if kernel_before(5, 19) {
        return Err("the kernel keeps the result of a request elsewhere".to_owned());
    }
    let (from, to) = pair(name, kind, protocol)?;
    let (out, mut into) = pipe();
    std::io::Write::write_all(&mut into, &[b'o'; PAGE]).expect("room");
    let entry = opcode::Splice::new(Fd(fd(&out)), -1, Fd(fd(&from)), -1, PAGE as u32).build();
    // SAFETY: descriptors that live on; the request is awaited.
    unsafe { ring.submission().push(&entry).expect("room in the queue") };
    ring.submit_and_wait(1).expect("a request completes");
    let results: Vec<_> = ring.completion().map(|completion| completion.result()).collect();
    assert_eq!(results, [PAGE as i32]);
    receive_all(&to, &mut [0_u8; PAGE]);
    Ok(())
}

fn receive_all(from: &OwnedFd, buffer: &mut [u8; PAGE]) {
    let address = buffer.as_mut_ptr().cast();
    // SAFETY: a buffer and its length.
    assert_eq!(ok(unsafe { libc::recv(fd(from), address, PAGE, libc::MSG_WAITALL) }), PAGE);
}

/// Two sockets that are connected over loopback, one to send and one to receive.
fn pair(name: &str, kind: i32, protocol: i32) -> Result<(OwnedFd, OwnedFd), String> {
    if kernel_before(5, 15) {
        return Err(format!("{name} of this kernel keeps what is sent by sendfile"));
    }
    // SAFETY: zeros are an address, of any port.
    let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::AF_INET as u16;
    address.sin_addr.s_addr = u32::from_ne_bytes([127, 0, 0, 1]);
    let mut length = size_of::<libc::sockaddr_in>() as u32;
    // SAFETY: descriptors, which are then owned, and addresses that live on.
    unsafe {
        let (mut to, from) = (
            libc::socket(libc::AF_INET, kind, protocol),
            libc::socket(libc::AF_INET, kind, protocol),
        );
        if to < 0 || from < 0 {
            return Err(format!("this kernel has no sockets of {name}"));
        }
        let place = (&raw mut address).cast::<libc::sockaddr>();
        assert_eq!(libc::bind(to, place, length), 0);
        assert_eq!(libc::getsockname(to, place, &raw mut length), 0);
        if kind == libc::SOCK_STREAM {
            assert_eq!(libc::listen(to, 1), 0);
        }
        assert_eq!(libc::connect(from, place, length), 0);
        if kind == libc::SOCK_STREAM {
            to = libc::accept(to, null_mut(), null_mut());
        }
        Ok((OwnedFd::from_raw_fd(from), OwnedFd::from_raw_fd(to)))
    }
}

fn message_queues(_: &Stage) -> Result<(), String> {
    /// `struct msgbuf`.
    #[repr(C)]
    struct Message {
        kind: libc::c_long,
        text: [u8; MESSAGE],
    }
    const NAME: &CStr = c"/zc-scenario";
    let mut message = Message { kind: 1, text: [1; MESSAGE] };
    let flags = libc::O_RDWR | libc::O_CREAT;
    // SAFETY: buffers and their lengths; a structure of integers.
    unsafe {
        let mut limits: libc::mq_attr = std::mem::zeroed();
        limits.mq_maxmsg = 4;
        limits.mq_msgsize = MESSAGE as libc::c_long;
        let queue = libc::mq_open(NAME.as_ptr(), flags, 0o600, &raw mut limits);
        if queue < 0 {
            return Err("this kernel has no message queues of POSIX".to_owned());
        }
        libc::mq_unlink(NAME.as_ptr());
        let text = message.text.as_mut_ptr().cast::<libc::c_char>();
        for _ in 0..MESSAGES {
            ok(libc::mq_send(queue, text, MESSAGE, 0) as isize);
            assert_eq!(ok(libc::mq_receive(queue, text, MESSAGE, null_mut())), MESSAGE);
        }
        let queue = libc::msgget(libc::IPC_PRIVATE, 0o600);
        if queue < 0 {
            return Err("this kernel has no message queues of System V".to_owned());
        }
        let message = (&raw mut message).cast();
        for _ in 0..MESSAGES {
            ok(libc::msgsnd(queue, message, MESSAGE, 0) as isize);
            assert_eq!(ok(libc::msgrcv(queue, message, MESSAGE, 0, 0)), MESSAGE);
        }
        libc::msgctl(queue, libc::IPC_RMID, null_mut());
    }
    Ok(())
}

/// Fills pages before the program comes to them, as the migration of a virtual machine does.
fn userfaultfd(_: &Stage) -> Result<(), String> {
    // `include/uapi/linux/userfaultfd.h`.
    const API: [u64; 3] = [0xaa, 0, 0];
    const UFFDIO_API: libc::c_ulong = 0xc018_aa3f;
    const UFFDIO_REGISTER: libc::c_ulong = 0xc020_aa00;
    const UFFDIO_COPY: libc::c_ulong = 0xc028_aa03;
    const MISSING: u64 = 1;

    let length = ROUNDS * PAGE;
    let map = || {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let address = unsafe { libc::mmap(null_mut(), length, protection, flags, -1, 0) };
        assert_ne!(address, libc::MAP_FAILED);
        address.cast::<u8>()
    };
    let (source, target) = (map(), map());
    // SAFETY: mappings of this length; structures of integers, given as arrays.
    unsafe {
        source.write_bytes(5, length);
        let watch = libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC) as i32;
        let mut api = API;
        if watch < 0 || libc::ioctl(watch, UFFDIO_API, api.as_mut_ptr()) != 0 {
            return Err("userfaultfd is not allowed here".to_owned());
        }
        let mut range = [target as u64, length as u64, MISSING, 0];
        ok(libc::ioctl(watch, UFFDIO_REGISTER, range.as_mut_ptr()) as isize);
        for page in 0..ROUNDS {
            let at = page * PAGE;
            let mut copy = [target.add(at) as u64, source.add(at) as u64, PAGE as u64, 0, 0];
            ok(libc::ioctl(watch, UFFDIO_COPY, copy.as_mut_ptr()) as isize);
            assert_eq!(copy[4], PAGE as u64);
        }
        let (source, target) = (
            std::slice::from_raw_parts(source, length),
            std::slice::from_raw_parts(target, length),
        );
        assert!(source == target, "what was filled differs");
    }
    Ok(())
}
