//! Packets that a driver does not take, in network namespaces of its own.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream, UdpSocket},
    process::Command,
};

use serde_json::json;

use super::{
    Gate, fork,
    traffic::{self, await_silence, devices, ip, own_namespace},
};

/// Datagrams that pass, and datagrams that are dropped.
const PASSED: usize = 37;
pub(crate) const DROPPED: usize = 23;

/// Bytes sent while the device is too slow.
const STREAM: usize = 3_000_017;

/// Sends datagrams through a macvlan, whose driver reports what becomes of a packet in the queue of the
/// device below: some pass, some are dropped. Prints what the kernel says of the devices, a line of JSON.
pub(super) fn dropped() {
    own_namespace();
    let (mut moved_out, mut done, mut end) = (Gate::closed(), Gate::closed(), Gate::closed());
    let peer = fork(|| {
        own_namespace();
        moved_out.wait();
        ip("addr add 10.99.0.2/24 dev zcb");
        ip("link set zcb up");
        let socket = UdpSocket::bind("10.99.0.2:4711").expect("an address");
        done.wait();
        let (_, from) = socket.recv_from(&mut [0; 2003]).expect("a datagram");
        socket.send_to(&[1; 1009], from).expect("room");
        for _ in 1..PASSED {
            socket.recv(&mut [0; 2003]).expect("a datagram");
        }
        // Its namespace goes with it, and both devices with that.
        end.wait();
        0
    });
    moved_out.await_arrivals(1);
    ip(&format!("link add zca type veth peer name zcb netns {}", peer.pid));
    let made = Command::new("ip")
        .args("link add link zca name zcm type macvlan mode bridge".split(' '))
        .output()
        .expect("ip runs");
    if !made.status.success() {
        println!("{}", json!({ "lacking": String::from_utf8_lossy(&made.stderr) }));
        // SAFETY: no pointers; a child that waits at a gate.
        unsafe { libc::kill(peer.pid, libc::SIGKILL) };
        return;
    }
    ip("addr add 10.99.0.1/24 dev zcm");
    ip("link set zca up");
    ip("link set zcm up");
    moved_out.open();
    done.await_arrivals(1);
    done.open();
    let socket = UdpSocket::bind("10.99.0.1:0").expect("an address");
    let send = |count| {
        for _ in 0..count {
            socket.send_to(&[1; 1009], "10.99.0.2:4711").expect("room");
        }
    };
    // Before the other end is known by its address, datagrams wait above the device.
    send(1);
    socket.recv(&mut [0; 2003]).expect("an answer");
    send(PASSED - 1);
    // A queue without room.
    let status = Command::new("tc")
        .args("qdisc replace dev zca root pfifo limit 0".split(' '))
        .status()
        .expect("tc runs");
    assert!(status.success(), "tc: {status}");
    send(DROPPED);
    println!("{}", devices());
    end.open();
    peer.succeed();
}

/// Sends a stream through a veth device that hands packets to another thread, in more segments at a
/// time than it has room for: since 6.16 its driver refuses some, and gets them again later. Prints what the
/// kernel says of the devices, a line of JSON.
pub(super) fn requeued() {
    own_namespace();
    let (mut moved_out, mut done, mut end) = (Gate::closed(), Gate::closed(), Gate::closed());
    let peer = fork(|| {
        own_namespace();
        moved_out.wait();
        ip("addr add 10.99.0.2/24 dev zcb");
        ip("link set zcb mtu 200");
        ip("link set zcb up");
        traffic::set_merging("zcb", true);
        let listener = TcpListener::bind("10.99.0.2:4712").expect("a port");
        done.wait();
        let mut stream = listener.accept().expect("a connection").0;
        stream.read_exact(&mut vec![0; STREAM]).expect("all of it");
        drop(stream);
        await_silence();
        end.wait();
        0
    });
    moved_out.await_arrivals(1);
    ip(&format!("link add zca type veth peer name zcb netns {}", peer.pid));
    ip("addr add 10.99.0.1/24 dev zca");
    ip("link set zca mtu 200");
    ip("link set zca up");
    traffic::set_segmentation("zca", false);
    let status = Command::new("tc")
        .args("qdisc replace dev zca root pfifo limit 1000".split(' '))
        .status()
        .expect("tc runs");
    assert!(status.success(), "tc: {status}");
    moved_out.open();
    done.await_arrivals(1);
    done.open();
    let mut stream = TcpStream::connect("10.99.0.2:4712").expect("a listener");
    stream.write_all(&vec![1; STREAM]).expect("room");
    stream.read_to_end(&mut Vec::new()).expect("the end");
    drop(stream);
    await_silence();
    println!("{}", devices());
    end.open();
    peer.succeed();
}
