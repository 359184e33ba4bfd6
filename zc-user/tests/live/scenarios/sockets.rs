//! Sockets: every kind, every call, and the flags that change what is copied.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream, UdpSocket},
    os::{
        fd::{AsRawFd, FromRawFd as _, OwnedFd},
        unix::net::{UnixDatagram, UnixStream},
    },
    ptr::null_mut,
};

use serde_json::Value;

use super::{Scenario, Stage, failed, fails, fd, messages::Messages, moved, ok};
use crate::report::{Process, number};

const SMALL: usize = 101;
const MIDDLE: usize = 1009;
const LARGE: usize = 10_007;
/// Bytes that fill no page.
const FRACTION: usize = 3001;
/// Messages of one call, at most (`UIO_MAXIOV`).
const MOST: usize = 1024;
/// As many of them as may wait for a CPU.
const PART: usize = 128;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "unix_stream_read_write",
        |_| {
            let (a, b) = UnixStream::pair().expect("a pair of sockets");
            let mut buffer = [0; LARGE];
            for _ in 0..7 {
                read_write(&a, &b, &mut buffer);
                read_write(&b, &a, &mut buffer);
            }
            Ok(())
        },
        &[moved("socket_recv:unix", 14, 14 * LARGE), moved("socket_send:unix", 14, 14 * LARGE)],
    )
    .in_proc_io(),
    Scenario::new(
        "unix_datagram",
        |_| {
            let (a, b) = UnixDatagram::pair().expect("a pair of sockets");
            exchange(&a, &b, 5, MIDDLE);
            exchange(&b, &a, 3, MIDDLE);
            Ok(())
        },
        &[moved("socket_recv:unix", 8, 8 * MIDDLE), moved("socket_send:unix", 8, 8 * MIDDLE)],
    ),
    Scenario::new(
        "tcp_both_ways",
        |_| {
            let (mut a, mut b) = tcp();
            exchange(&a, &b, 11, LARGE);
            exchange(&b, &a, 7, LARGE);
            // The calls that files have, too.
            let mut buffer = [0; MIDDLE];
            a.write_all(&buffer).expect("room");
            b.read_exact(&mut buffer).expect("as many");
            Ok(())
        },
        &[
            moved("socket_recv:tcp", 19, 18 * LARGE + MIDDLE),
            moved("socket_send:tcp", 19, 18 * LARGE + MIDDLE),
        ],
    )
    .also(|row, _| {
        assert_eq!(row.counter("net_tx_bytes"), (18 * LARGE + MIDDLE) as u64);
        assert_eq!(row.counter("net_rx_bytes"), (18 * LARGE + MIDDLE) as u64);
    }),
    Scenario::new(
        "tcp_over_ipv6",
        |_| {
            let Ok(listener) = TcpListener::bind("[::1]:0") else {
                return Err("this kernel has no IPv6 loopback".to_owned());
            };
            let (a, b) = connect(&listener);
            exchange(&a, &b, 3, LARGE);
            Ok(())
        },
        &[moved("socket_recv:tcp", 3, 3 * LARGE), moved("socket_send:tcp", 3, 3 * LARGE)],
    ),
    Scenario::new(
        "udp_both_ways",
        |_| {
            let (a, b) = udp();
            exchange(&a, &b, 11, MIDDLE);
            exchange(&b, &a, 7, SMALL);
            Ok(())
        },
        &[
            moved("socket_recv:udp", 18, 11 * MIDDLE + 7 * SMALL),
            moved("socket_send:udp", 18, 11 * MIDDLE + 7 * SMALL),
        ],
    ),
    Scenario::new(
        "sendmsg_recvmsg",
        |_| {
            let (a, b) = udp();
            let mut memory = Messages::<1>::new(MIDDLE, 1);
            for _ in 0..5 {
                memory.send(&a);
                memory.receive(&b, 0);
            }
            Ok(())
        },
        &[moved("socket_recv:udp", 5, 5 * MIDDLE), moved("socket_send:udp", 5, 5 * MIDDLE)],
    ),
    Scenario::new(
        "sendmmsg_recvmmsg",
        |_| {
            let (a, b) = udp();
            Messages::<7>::new(SMALL, 1).exchange_many(&a, &b, 0);
            Ok(())
        },
        // An operation is a message.
        &[moved("socket_recv:udp", 7, 7 * SMALL), moved("socket_send:udp", 7, 7 * SMALL)],
    ),
    Scenario::new(
        "as_many_messages_as_can_be",
        |_| {
            // So many datagrams at once may be more than wait for a CPU (`net.core.netdev_max_backlog`).
            let (a, b) = tcp();
            Messages::<MOST>::new(SMALL, 1).exchange_many(&a, &b, libc::MSG_WAITALL);
            Ok(())
        },
        &[
            moved("socket_recv:tcp", MOST, MOST * SMALL),
            moved("socket_send:tcp", MOST, MOST * SMALL),
        ],
    )
    .also(|row, _| {
        assert_eq!(row.counter("net_tx_bytes"), (MOST * SMALL) as u64);
        assert_eq!(row.counter("net_rx_bytes"), (MOST * SMALL) as u64);
    }),
    Scenario::new(
        "as_many_truncated_messages_as_can_be",
        |_| {
            let ((a, b), (before, after)) = (udp(), udp());
            make_room(&b)?;
            for _ in 0..MOST / PART {
                Messages::<PART>::new(SMALL, 3).send_many(&a);
                // When this one is there, those before it are: they wait in one line.
                send(&before, 1);
                receive(&after, 1);
            }
            Messages::<MOST>::new(SMALL, 2).receive_many(&b, libc::MSG_TRUNC);
            Ok(())
        },
        &[
            moved("socket_recv:udp", MOST + MOST / PART, MOST * 2 * SMALL + MOST / PART),
            moved("socket_send:udp", MOST + MOST / PART, MOST * 3 * SMALL + MOST / PART),
        ],
    )
    .also(|row, _| assert_eq!(row.counter("discarded_bytes"), (MOST * SMALL) as u64)),
    Scenario::new(
        "zerocopy_receive",
        zerocopy_receive,
        &[moved("socket_send:tcp", 41, 41 * FRACTION), moved("socket_recv:tcp", 41, 41 * FRACTION)],
    )
    .also(|row, _| {
        assert_eq!(row.counter("net_rx_bytes"), (41 * FRACTION) as u64);
        assert_eq!(row.payload_copied(), (2 * 41 * FRACTION) as u64);
    }),
    Scenario::new(
        "netlink",
        netlink,
        &[moved("socket_recv:other", 3, 3 * SMALL), moved("socket_send:other", 3, 3 * SMALL)],
    )
    .also(|row, _| assert_eq!(row.counter("net_tx_bytes"), 0)),
    Scenario::new(
        "peek",
        |_| {
            let (a, b) = tcp();
            send(&a, LARGE);
            receive_with(&b, LARGE, libc::MSG_PEEK | libc::MSG_WAITALL, LARGE);
            receive(&b, LARGE);
            Ok(())
        },
        // Looking is copying: the same bytes reach the program twice.
        &[moved("socket_recv:tcp", 2, 2 * LARGE), moved("socket_send:tcp", 1, LARGE)],
    ),
    Scenario::new(
        "truncated_datagrams",
        truncated,
        // recvfrom without the flag; recvfrom, recvmsg, and three of recvmmsg with it.
        &[moved("socket_recv:udp", 6, 6 * SMALL), moved("socket_send:udp", 6, 6 * MIDDLE)],
    )
    .also(|row, _| {
        // What the call said to be longer than the buffer was thrown away.
        assert_eq!(row.counter("discarded_bytes"), (5 * (MIDDLE - SMALL)) as u64);
        assert_eq!(row.counter("net_rx_bytes"), (6 * SMALL) as u64);
    }),
    Scenario::new(
        "truncated_into_many_buffers",
        |_| {
            let (a, b) = udp();
            send(&a, MIDDLE);
            Messages::<1>::new(SMALL, 11).receive(&b, libc::MSG_TRUNC);
            Ok(())
        },
        // Eleven buffers of 101 bytes take all of it.
        &[moved("socket_recv:udp", 1, MIDDLE), moved("socket_send:udp", 1, MIDDLE)],
    )
    .also(|row, _| assert_eq!(row.counter("discarded_bytes"), 0)),
    Scenario::new(
        "discarded_by_tcp",
        |_| {
            let (a, b) = tcp();
            send(&a, LARGE);
            receive_with(&b, LARGE, libc::MSG_TRUNC | libc::MSG_WAITALL, LARGE);
            Ok(())
        },
        &[moved("socket_recv:tcp", 1, 0), moved("socket_send:tcp", 1, LARGE)],
    )
    .also(|row, _| {
        assert_eq!(row.counter("discarded_bytes"), LARGE as u64);
        assert_eq!(row.payload_copied(), LARGE as u64, "by the sender alone");
    }),
    Scenario::new(
        "zerocopy_asked_for",
        zerocopy,
        &[moved("socket_recv:tcp", 3, 3 * LARGE), moved("socket_send_zerocopy", 3, 3 * LARGE)],
    )
    .also(|row, _| {
        let all = (3 * LARGE) as u64;
        assert_eq!(row.counter("zerocopy_requested_bytes"), all);
        let request = zerocopy_request(row, "msg_zerocopy");
        assert_eq!(request["requested_bytes"], all);
        if row.copied("socket_send_zerocopy").0.is_some() {
            // The far end is on this host.
            assert_eq!(request["achieved_bytes"], 0);
            assert_eq!(bytes_for(request, "local_receiver"), all);
        } else {
            assert!(request["achieved_bytes"].is_null(), "{request:#}");
            assert!(request["unknown_because"].is_string(), "{request:#}");
        }
    }),
    Scenario::new(
        "zerocopy_not_enabled",
        |_| {
            let (a, b) = tcp();
            send_without_copy(&a, &b);
            Ok(())
        },
        &[moved("socket_recv:tcp", 3, 3 * LARGE), moved("socket_send:tcp", 3, 3 * LARGE)],
    )
    .also(|row, _| {
        let all = (3 * LARGE) as u64;
        let request = zerocopy_request(row, "msg_zerocopy");
        assert_eq!(request["requested_bytes"], all);
        assert_eq!(request["achieved_bytes"], 0, "known without looking at copies");
        assert_eq!(bytes_for(request, "so_zerocopy_not_set"), all);
    }),
    // One byte is the setting that leaves no room.
    Scenario::new(
        "zerocopy_refused",
        zerocopy_refused,
        &[moved("pseudo_write", 1, 1), failed("socket_send_zerocopy", 2)],
    )
    .also(|row, _| {
        let request = zerocopy_request(row, "msg_zerocopy");
        assert_eq!(request["requested_bytes"], 0);
        assert_eq!(bytes_for(request, "no_buffer_space"), (LARGE + SMALL) as u64);
        assert_eq!(request["reasons"][0]["calls"], 2);
    }),
    Scenario::new(
        "refused_by_sockets",
        refused,
        &[failed("socket_recv:tcp", 2), failed("socket_send:unix", 1)],
    ),
];

/// A connection over loopback: both ends are here.
pub(super) fn tcp() -> (TcpStream, TcpStream) {
    connect(&TcpListener::bind("127.0.0.1:0").expect("a port"))
}

fn connect(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let near = TcpStream::connect(listener.local_addr().expect("an address")).expect("a listener");
    let (far, _) = listener.accept().expect("the client has connected");
    (near, far)
}

/// Two sockets that are connected to each other.
pub(super) fn udp() -> (UdpSocket, UdpSocket) {
    let a = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let b = UdpSocket::bind("127.0.0.1:0").expect("a port");
    a.connect(b.local_addr().expect("an address")).expect("loopback");
    b.connect(a.local_addr().expect("an address")).expect("loopback");
    (a, b)
}

pub(super) fn send(socket: &impl AsRawFd, bytes: usize) {
    let buffer = vec![1_u8; bytes];
    // SAFETY: a buffer and its length.
    let count = unsafe { libc::send(fd(socket), buffer.as_ptr().cast(), bytes, 0) };
    assert_eq!(ok(count), bytes);
}

/// Receives `bytes` in one call.
pub(super) fn receive(socket: &impl AsRawFd, bytes: usize) {
    receive_with(socket, bytes, libc::MSG_WAITALL, bytes);
}

pub(super) fn receive_with(socket: &impl AsRawFd, room: usize, flags: i32, expected: usize) {
    let mut buffer = vec![0_u8; room];
    // SAFETY: a buffer and its length.
    let count = unsafe { libc::recv(fd(socket), buffer.as_mut_ptr().cast(), room, flags) };
    assert_eq!(ok(count), expected);
}

fn exchange(from: &impl AsRawFd, to: &impl AsRawFd, rounds: usize, bytes: usize) {
    for _ in 0..rounds {
        send(from, bytes);
        receive(to, bytes);
    }
}

fn read_write(from: &UnixStream, to: &UnixStream, buffer: &mut [u8]) {
    // By the descriptor: the standard library would call send and recv.
    let count = buffer.len();
    // SAFETY: a buffer and its length.
    unsafe {
        assert_eq!(ok(libc::write(fd(from), buffer.as_ptr().cast(), count)), count);
        assert_eq!(ok(libc::read(fd(to), buffer.as_mut_ptr().cast(), count)), count);
    }
}

fn truncated(_: &Stage) -> Result<(), String> {
    let (a, b) = udp();
    for _ in 0..6 {
        send(&a, MIDDLE);
    }
    receive_with(&b, SMALL, 0, SMALL);
    receive_with(&b, SMALL, libc::MSG_TRUNC, MIDDLE);
    assert_eq!(Messages::<1>::new(SMALL, 1).receive(&b, libc::MSG_TRUNC), MIDDLE);
    Messages::<3>::new(SMALL, 1).receive_many(&b, libc::MSG_TRUNC);
    Ok(())
}

/// Makes room for many messages, whatever the system's limit.
fn make_room(socket: &UdpSocket) -> Result<(), String> {
    let bytes = 8 << 20;
    // SAFETY: an integer and its size.
    let set = unsafe {
        let (value, size) = ((&raw const bytes).cast(), size_of::<i32>() as u32);
        libc::setsockopt(fd(socket), libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, value, size)
    };
    if set == 0 { Ok(()) } else { Err("the queue of a socket cannot be made longer".to_owned()) }
}

/// What the kernel cannot remap because it fills no page it copies into a buffer of the program.
fn zerocopy_receive(_: &Stage) -> Result<(), String> {
    /// `TCP_ZEROCOPY_RECEIVE` and `struct tcp_zerocopy_receive`, `include/uapi/linux/tcp.h`, since 5.11.
    const TCP_ZEROCOPY_RECEIVE: i32 = 35;
    #[repr(C)]
    struct Receive {
        address: u64,
        length: u32,
        left: u32,
        queued: u32,
        error: i32,
        buffer: u64,
        buffer_bytes: i32,
        flags: u32,
    }
    const ROOM: usize = 1 << 20;

    let (a, b) = tcp();
    let (access, kind) = (libc::PROT_READ, libc::MAP_SHARED);
    // SAFETY: a new mapping.
    let window = unsafe { libc::mmap(null_mut(), ROOM, access, kind, fd(&b), 0) };
    let mut buffer = vec![0_u8; ROOM];
    for _ in 0..41 {
        send(&a, FRACTION);
        let mut ready = libc::pollfd { fd: fd(&b), events: libc::POLLIN, revents: 0 };
        // SAFETY: one structure.
        assert_eq!(unsafe { libc::poll(&raw mut ready, 1, -1) }, 1);
        let mut receive = Receive {
            address: window as u64,
            length: ROOM as u32,
            left: 0,
            queued: 0,
            error: 0,
            buffer: buffer.as_mut_ptr() as u64,
            buffer_bytes: ROOM as i32,
            flags: 0,
        };
        let mut bytes = size_of::<Receive>() as u32;
        let (value, size) = ((&raw mut receive).cast(), &raw mut bytes);
        // SAFETY: the structure, its size, and a buffer of the length that it says.
        let result = unsafe {
            libc::getsockopt(fd(&b), libc::IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, value, size)
        };
        if result < 0 || bytes < size_of::<Receive>() as u32 {
            return Err("this kernel does not copy what it cannot remap".to_owned());
        }
        assert_eq!((receive.length, receive.buffer_bytes), (0, FRACTION as i32));
    }
    Ok(())
}

/// A netlink socket may write to itself.
fn netlink(_: &Stage) -> Result<(), String> {
    // SAFETY: integers; the descriptor is then owned.
    let socket = unsafe {
        let socket = libc::socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_USERSOCK);
        if socket < 0 {
            return Err("this kernel has no NETLINK_USERSOCK".to_owned());
        }
        OwnedFd::from_raw_fd(socket)
    };
    // SAFETY: a structure of integers; the kernel receives its size.
    unsafe {
        let mut address: libc::sockaddr_nl = std::mem::zeroed();
        address.nl_family = libc::AF_NETLINK as u16;
        address.nl_pid = std::process::id();
        let size = size_of::<libc::sockaddr_nl>() as u32;
        ok(libc::bind(fd(&socket), (&raw const address).cast(), size) as isize);
        let buffer = [1_u8; SMALL];
        for _ in 0..3 {
            let to = (&raw const address).cast();
            let sent = libc::sendto(fd(&socket), buffer.as_ptr().cast(), SMALL, 0, to, size);
            assert_eq!(ok(sent), SMALL);
            receive_with(&socket, SMALL, 0, SMALL);
        }
    }
    Ok(())
}

fn zerocopy(_: &Stage) -> Result<(), String> {
    let (a, b) = tcp();
    enable_zerocopy(&a)?;
    send_without_copy(&a, &b);
    Ok(())
}

fn enable_zerocopy(socket: &impl AsRawFd) -> Result<(), String> {
    let on = 1_i32;
    // SAFETY: an integer and its size.
    let set = unsafe {
        let (value, size) = ((&raw const on).cast(), size_of::<i32>() as u32);
        libc::setsockopt(fd(socket), libc::SOL_SOCKET, libc::SO_ZEROCOPY, value, size)
    };
    if set == 0 { Ok(()) } else { Err("this kernel has no SO_ZEROCOPY".to_owned()) }
}

fn send_without_copy(from: &TcpStream, to: &TcpStream) {
    let buffer = vec![1_u8; LARGE];
    for _ in 0..3 {
        // SAFETY: a buffer that lives until the peer has everything.
        let sent =
            unsafe { libc::send(fd(from), buffer.as_ptr().cast(), LARGE, libc::MSG_ZEROCOPY) };
        assert_eq!(ok(sent), LARGE);
        receive(to, LARGE);
    }
}

/// Sends that find no room for their notification, in a network namespace that allows for none.
fn zerocopy_refused(_: &Stage) -> Result<(), String> {
    const OPTION_MEMORY: &str = "/proc/sys/net/core/optmem_max";
    // SAFETY: no memory is involved; this process has one thread.
    if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
        return Err("network namespaces are not allowed here".to_owned());
    }
    if fs::write(OPTION_MEMORY, "1").is_err() {
        return Err("on this kernel optmem_max is not of the namespace".to_owned());
    }
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a port");
    enable_zerocopy(&socket)?;
    let mut buffer = vec![1_u8; LARGE];
    let mut vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: SMALL };
    // SAFETY: buffers and their lengths; zeros mean no address and no control data.
    unsafe {
        let mut address: libc::sockaddr_in = std::mem::zeroed();
        address.sin_family = libc::AF_INET as u16;
        address.sin_addr.s_addr = u32::from_ne_bytes([127, 0, 0, 1]);
        address.sin_port = 9_u16.to_be();
        let (to, size) = ((&raw const address).cast(), size_of::<libc::sockaddr_in>() as u32);
        let flags = libc::MSG_ZEROCOPY;
        loopback_up();
        let sent = libc::sendto(fd(&socket), buffer.as_ptr().cast(), LARGE, flags, to, size);
        fails(sent, libc::ENOBUFS);
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_name = (&raw mut address).cast();
        message.msg_namelen = size;
        message.msg_iov = &raw mut vector;
        message.msg_iovlen = 1;
        fails(libc::sendmsg(fd(&socket), &raw const message, flags), libc::ENOBUFS);
    }
    Ok(())
}

/// Switches on the loopback interface of a new network namespace.
pub(super) fn loopback_up() {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a port");
    // SAFETY: a structure of integers with the name of an interface in it.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags = libc::IFF_UP as i16;
        let up = libc::ioctl(fd(&socket), libc::SIOCSIFFLAGS, &raw const request);
        assert_eq!(up, 0, "{}", std::io::Error::last_os_error());
    }
}

/// What `zc` says of a process's requests through `mechanism`.
fn zerocopy_request<'a>(row: &'a Process, mechanism: &str) -> &'a Value {
    let requests = row.zerocopy.as_array().expect("a list");
    let found = requests.iter().find(|request| request["mechanism"] == mechanism);
    found.unwrap_or_else(|| panic!("{requests:#?}"))
}

/// The bytes that were copied for `reason`.
fn bytes_for(request: &Value, reason: &str) -> u64 {
    let reasons = request["reasons"].as_array().expect("a list");
    let found = reasons.iter().find(|one| one["reason"] == reason);
    number(found.unwrap_or_else(|| panic!("{request:#}")), "bytes")
}

fn refused(_: &Stage) -> Result<(), String> {
    let (a, _b) = tcp();
    let mut buffer = [0_u8; SMALL];
    // SAFETY: a buffer and its length.
    unsafe {
        for _ in 0..2 {
            let received =
                libc::recv(fd(&a), buffer.as_mut_ptr().cast(), SMALL, libc::MSG_DONTWAIT);
            fails(received, libc::EAGAIN);
        }
        let (unix, gone) = UnixStream::pair().expect("a pair of sockets");
        drop(gone);
        let sent = libc::send(fd(&unix), buffer.as_ptr().cast(), SMALL, libc::MSG_NOSIGNAL);
        fails(sent, libc::EPIPE);
    }
    Ok(())
}
