//! What counts as received from the network: once what is taken, not what a peek or the error queue shows, and
//! whatever the protocol.

use std::{
    net::UdpSocket,
    os::{
        fd::{AsRawFd, FromRawFd as _, OwnedFd},
        unix::net::UnixDatagram,
    },
};

use super::{
    Scenario, Stage, fd,
    messages::Messages,
    moved, ok,
    sockets::{loopback_up, receive, receive_with, send, tcp, udp},
};

const SMALL: usize = 101;
const MIDDLE: usize = 1009;
const ROUNDS: usize = 7;

/// A header of IPv4 without options: raw sockets receive it, too.
const HEADER: usize = 20;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "peeked_and_received",
        |_| {
            let (a, b) = udp();
            let (near, far) = tcp();
            for _ in 0..ROUNDS {
                send(&a, MIDDLE);
                receive_with(&b, MIDDLE, libc::MSG_PEEK, MIDDLE);
                assert_eq!(Messages::<1>::new(MIDDLE, 1).receive(&b, libc::MSG_PEEK), MIDDLE);
                receive(&b, MIDDLE);
                send(&near, MIDDLE);
                receive_with(&far, MIDDLE, libc::MSG_PEEK | libc::MSG_WAITALL, MIDDLE);
                receive(&far, MIDDLE);
            }
            Ok(())
        },
        &[
            moved("socket_recv:udp", 3 * ROUNDS, 3 * ROUNDS * MIDDLE),
            moved("socket_recv:tcp", 2 * ROUNDS, 2 * ROUNDS * MIDDLE),
            moved("socket_send:udp", ROUNDS, ROUNDS * MIDDLE),
            moved("socket_send:tcp", ROUNDS, ROUNDS * MIDDLE),
        ],
    )
    .also(|row, _| {
        assert_eq!(row.counter("net_rx_bytes"), (2 * ROUNDS * MIDDLE) as u64);
        assert_eq!(row.counter("net_tx_bytes"), (2 * ROUNDS * MIDDLE) as u64);
    }),
    Scenario::new(
        "sizes_peeked",
        sizes_peeked,
        // By recvfrom, recvmsg and recvmmsg, a byte each; nothing of TCP.
        &[
            moved("socket_recv:udp", 4, 3 + MIDDLE),
            moved("socket_recv:unix", 4, 3 + MIDDLE),
            moved("socket_recv:tcp", 2, MIDDLE),
            moved("socket_send:udp", 1, MIDDLE),
            moved("socket_send:unix", 1, MIDDLE),
            moved("socket_send:tcp", 1, MIDDLE),
        ],
    )
    .also(|row, _| {
        assert_eq!(row.counter("discarded_bytes"), 0);
        assert_eq!(row.counter("net_rx_bytes"), (2 * MIDDLE) as u64);
    }),
    Scenario::new(
        "error_queue",
        error_queue,
        &[
            moved("socket_recv:udp", ROUNDS, ROUNDS * SMALL),
            moved("socket_send:udp", ROUNDS, ROUNDS * SMALL),
        ],
    )
    .also(|row, _| {
        assert_eq!(row.counter("net_rx_bytes"), 0);
        assert_eq!(row.counter("net_tx_bytes"), (ROUNDS * SMALL) as u64);
        assert_eq!(row.counter("discarded_bytes"), 0);
    }),
    Scenario::new(
        "raw_sockets",
        raw_sockets,
        &[
            moved("socket_recv:other", ROUNDS, ROUNDS * (SMALL + HEADER)),
            moved("socket_send:other", 3 * ROUNDS, 3 * ROUNDS * SMALL),
        ],
    )
    .also(|row, _| {
        assert_eq!(row.counter("net_rx_bytes"), (ROUNDS * (SMALL + HEADER)) as u64);
        assert_eq!(row.counter("net_tx_bytes"), (3 * ROUNDS * SMALL) as u64);
    }),
];

fn sizes_peeked(_: &Stage) -> Result<(), String> {
    let (a, b) = udp();
    let (near, far) = UnixDatagram::pair().expect("a pair of sockets");
    send(&a, MIDDLE);
    send(&near, MIDDLE);
    sizes(&b);
    sizes(&far);
    let (near, far) = tcp();
    send(&near, MIDDLE);
    let flags = libc::MSG_PEEK | libc::MSG_TRUNC | libc::MSG_WAITALL;
    receive_with(&far, MIDDLE, flags, MIDDLE);
    receive(&far, MIDDLE);
    Ok(())
}

/// Asks for the size of the next datagram in every way, and receives it.
fn sizes(socket: &impl AsRawFd) {
    const FLAGS: i32 = libc::MSG_PEEK | libc::MSG_TRUNC;
    receive_with(socket, 1, FLAGS, MIDDLE);
    assert_eq!(Messages::<1>::new(1, 1).receive(socket, FLAGS), MIDDLE);
    Messages::<1>::new(1, 1).receive_many(socket, FLAGS);
    receive(socket, MIDDLE);
}

/// Datagrams to a port where nothing listens come back with the error.
fn error_queue(_: &Stage) -> Result<(), String> {
    // Where no other program listens.
    // SAFETY: no memory is involved; this process has one thread.
    if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
        return Err("network namespaces are not allowed here".to_owned());
    }
    loopback_up();
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = UdpSocket::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let on = 1_i32;
    // SAFETY: an integer and its size.
    ok(unsafe {
        let (value, size) = ((&raw const on).cast(), size_of::<i32>() as u32);
        libc::setsockopt(fd(&socket), libc::IPPROTO_IP, libc::IP_RECVERR, value, size)
    } as isize);
    for _ in 0..ROUNDS {
        assert_eq!(socket.send_to(&[1; SMALL], port).expect("a datagram"), SMALL);
        let mut poll = libc::pollfd { fd: fd(&socket), events: 0, revents: 0 };
        // SAFETY: one structure.
        assert_eq!(unsafe { libc::poll(&raw mut poll, 1, -1) }, 1);
        let mut message = Messages::<1>::new(2 * SMALL, 1);
        assert_eq!(message.receive(&socket, libc::MSG_ERRQUEUE), SMALL);
    }
    Ok(())
}

/// Raw sockets of TCP, of UDP, and of a number for experiments (RFC 3692), in this order: what is remembered of
/// the first must not make the others what it seems to be.
fn raw_sockets(_: &Stage) -> Result<(), String> {
    const EXPERIMENT: i32 = 253;
    // SAFETY: no memory is involved; this process has one thread.
    if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
        return Err("network namespaces are not allowed here".to_owned());
    }
    loopback_up();
    for protocol in [libc::IPPROTO_TCP, libc::IPPROTO_UDP, EXPERIMENT] {
        // SAFETY: integers; the descriptor is then owned.
        let socket = unsafe {
            let socket = libc::socket(libc::AF_INET, libc::SOCK_RAW, protocol);
            OwnedFd::from_raw_fd(i32::try_from(ok(socket as isize)).expect("a descriptor"))
        };
        // SAFETY: zeros mean no port, and the address is set.
        unsafe {
            let mut address: libc::sockaddr_in = std::mem::zeroed();
            address.sin_family = libc::AF_INET as u16;
            address.sin_addr.s_addr = u32::from_ne_bytes([127, 0, 0, 1]);
            let size = size_of::<libc::sockaddr_in>() as u32;
            let to = (&raw const address).cast();
            ok(libc::connect(fd(&socket), to, size) as isize);
        }
        for _ in 0..ROUNDS {
            send(&socket, SMALL);
            if protocol == EXPERIMENT {
                receive_with(&socket, MIDDLE, 0, SMALL + HEADER);
            }
        }
    }
    Ok(())
}
