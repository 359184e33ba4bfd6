//! Traffic in network namespaces of its own: over loopback, and over a pair of veth devices.
//!
//! Everything vanishes with the two processes.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream, UdpSocket},
    os::{fd::AsRawFd as _, unix::fs::MetadataExt as _},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Gate, fork};
use crate::zc::PATIENCE;

/// Bytes sent over loopback.
const LOOPBACK: usize = 1_000_003;

/// Datagrams over the veth pair, in one direction and in the other: few enough to wait in a
/// socket buffer until the receiver reads them.
const THERE: usize = 53;
const BACK: usize = 19;
/// Bytes of each. Those sent there fit one packet, those sent back need three.
const SMALL: usize = 1009;
const LARGE: usize = 4003;

/// Bytes over a connection between the ends of the pair, in each direction.
const STREAM: usize = 300_007;

// `include/uapi/linux/ethtool.h`.
/// `ETHTOOL_STSO`.
const SET_TCP_SEGMENTATION: u32 = 0x1f;
/// `ETHTOOL_SGSO`.
const SET_SEGMENTATION: u32 = 0x24;
/// `ETHTOOL_SGRO`.
const SET_MERGING: u32 = 0x2c;

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
        let listener = TcpListener::bind("10.99.0.2:4712").expect("a port");
        wired.wait();
        let mut buffer = [0; LARGE];
        let mut from = None;
        for _ in 0..THERE {
            from = Some(socket.recv_from(&mut buffer).expect("a datagram").1);
        }
        for _ in 0..BACK {
            socket.send_to(&buffer, from.expect("a datagram has arrived")).expect("room");
        }
        for segments in [true, false] {
            set_segmentation("zcb", segments);
            let mut stream = listener.accept().expect("a connection").0;
            stream.read_exact(&mut vec![0; STREAM]).expect("all of it");
            stream.write_all(&vec![1; STREAM]).expect("room");
        }
        await_silence();
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
        socket.send_to(&[1; SMALL], "10.99.0.2:4711").expect("room");
    }
    wired.open();
    for _ in 0..BACK {
        socket.recv(&mut [0; LARGE]).expect("a datagram");
    }
    for segments in [true, false] {
        set_segmentation("zca", segments);
        let mut stream = TcpStream::connect("10.99.0.2:4712").expect("a listener");
        stream.write_all(&vec![1; STREAM]).expect("room");
        stream.read_exact(&mut vec![0; STREAM]).expect("all of it");
        // The other end may close first.
        stream.read_to_end(&mut Vec::new()).expect("the end");
    }
    loopback();
    await_silence();
    done.await_arrivals(1);
    println!("{}", devices());
    done.open();
    peer.succeed();
}

/// Waits until no connection of this namespace has anything left to send or to acknowledge.
pub(super) fn await_silence() {
    let began = Instant::now();
    // `/proc/net/tcp`: 06 is TIME_WAIT, 0A listens.
    let is_silent = |line: &str| matches!(line.split_whitespace().nth(3), Some("06" | "0A"));
    let connections = || fs::read_to_string("/proc/self/net/tcp").expect("connections");
    while !connections().lines().skip(1).all(is_silent) {
        assert!(began.elapsed() < PATIENCE, "a connection does not close: {}", connections());
        thread::sleep(Duration::from_millis(2));
    }
}

/// Whether the device merges packets that it receives, as `ethtool -K DEVICE gro`.
pub(super) fn set_merging(device: &str, on: bool) {
    set(device, SET_MERGING, on);
}

/// Whether the device takes packets that need segmentation, as `ethtool -K DEVICE tso gso`.
pub(super) fn set_segmentation(device: &str, on: bool) {
    set(device, SET_TCP_SEGMENTATION, on);
    set(device, SET_SEGMENTATION, on);
}

/// Switches a feature of a device, as `ethtool -K`.
fn set(device: &str, feature: u32, on: bool) {
    /// `struct ethtool_value`.
    #[repr(C)]
    struct Value {
        command: u32,
        data: u32,
    }
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    let mut value = Value { command: feature, data: on.into() };
    // SAFETY: integers and pointers, of which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(device.bytes()) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // SAFETY: the structure that this command takes, with a name that ends with a NUL.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
    assert_eq!(done, 0, "{device}, {feature:#x}: {}", std::io::Error::last_os_error());
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
pub(super) fn devices() -> Value {
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
