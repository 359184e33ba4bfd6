//! Traffic in network namespaces of its own: over loopback, and over a pair of veth devices.
//!
//! Everything vanishes with the two processes.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream, UdpSocket},
    os::unix::fs::MetadataExt as _,
    process::Command,
};

use serde_json::{Value, json};

use super::{Gate, fork};

/// Bytes sent over loopback.
const LOOPBACK: usize = 1_000_003;

/// Datagrams over the veth pair, in one direction and in the other: few enough to wait in a
/// socket buffer until the receiver reads them.
const THERE: usize = 53;
const BACK: usize = 31;

/// Prints what the kernel says of the devices of both namespaces, a line of JSON each.
pub(super) fn traffic() {
    own_namespace();
    let (mut moved_out, mut wired, mut done) = (Gate::closed(), Gate::closed(), Gate::closed());
    let peer = fork(|| {
        own_namespace();
        moved_out.wait();
        ip("addr add 10.99.0.2/24 dev zcb");
        ip("link set zcb up");
        let socket = UdpSocket::bind("10.99.0.2:4711").expect("an address");
        wired.wait();
        let mut buffer = [0; 2003];
        let mut from = None;
        for _ in 0..THERE {
            from = Some(socket.recv_from(&mut buffer).expect("a datagram").1);
        }
        for _ in 0..BACK {
            socket.send_to(&buffer[..503], from.expect("a datagram has arrived")).expect("room");
        }
        done.wait();
        println!("{}", devices());
        0
    });
    moved_out.await_arrivals(1);
    ip(&format!("link add zca type veth peer name zcb netns {}", peer.pid));
    ip("addr add 10.99.0.1/24 dev zca");
    ip("link set zca up");
    ip("link set lo up");
    moved_out.open();
    wired.await_arrivals(1);
    let socket = UdpSocket::bind("10.99.0.1:0").expect("an address");
    for _ in 0..THERE {
        socket.send_to(&[1; 1009], "10.99.0.2:4711").expect("room");
    }
    wired.open();
    for _ in 0..BACK {
        socket.recv(&mut [0; 2003]).expect("a datagram");
    }
    loopback();
    done.await_arrivals(1);
    println!("{}", devices());
    done.open();
    peer.succeed();
}

/// Moves this process to a network namespace of its own.
pub(super) fn own_namespace() {
    // SAFETY: a flag; this process has one thread.
    let result = unsafe { libc::unshare(libc::CLONE_NEWNET) };
    assert_eq!(result, 0, "unshare: {}", std::io::Error::last_os_error());
    // The kernel must not send router solicitations while bytes are counted. Absent without IPv6.
    let _ = fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
    let _ = fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

/// Runs the program of this name.
pub(super) fn ip(words: &str) {
    let status = Command::new("ip").args(words.split(' ')).status().expect("ip runs");
    assert!(status.success(), "ip {words}: {status}");
}

fn loopback() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let reader = fork(|| {
        let mut all = Vec::new();
        listener.accept().expect("a connection").0.read_to_end(&mut all).expect("readable");
        i32::from(all.len() != LOOPBACK)
    });
    let mut stream = TcpStream::connect(address).expect("a listener");
    stream.write_all(&vec![1; LOOPBACK]).expect("room");
    drop(stream);
    reader.succeed();
}

/// The devices of this namespace, as `/proc/net/dev` has them.
fn devices() -> Value {
    let namespace = fs::metadata("/proc/self/ns/net").expect("a namespace").ino();
    let text = fs::read_to_string("/proc/self/net/dev").expect("devices");
    let devices: serde_json::Map<_, _> = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, fields)| {
            let fields: Vec<u64> =
                fields.split_whitespace().map(|field| field.parse().expect("a number")).collect();
            let counts = json!({
                "rx_bytes": fields[0], "rx_packets": fields[1],
                "tx_bytes": fields[8], "tx_packets": fields[9],
            });
            (name.trim().to_owned(), counts)
        })
        .collect();
    json!({ "namespace": namespace, "devices": devices })
}
