//! Datagrams over loopback, a burst for each order, in a network namespace of its own.

use std::{
    io::{Read as _, Write as _},
    net::UdpSocket,
};

use super::traffic::{devices, ip, own_namespace};

/// Datagrams of a burst, and bytes of each.
pub(crate) const DATAGRAMS: usize = 11;
pub(crate) const BYTES: usize = 1_009;

/// For each byte of standard input, sends a burst and answers with a byte. Then prints what the kernel says of the
/// devices, a line of JSON.
pub(super) fn burst() {
    own_namespace();
    ip("link set lo up");
    let receiver = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.connect(receiver.local_addr().expect("an address")).expect("a route");
    let mut order = [0];
    while std::io::stdin().read(&mut order).expect("orders") > 0 {
        for _ in 0..DATAGRAMS {
            socket.send(&[1; BYTES]).expect("room");
            receiver.recv(&mut [0; BYTES]).expect("a datagram");
        }
        let mut out = std::io::stdout();
        out.write_all(b".").and_then(|()| out.flush()).expect("a reader");
    }
    println!("{}", devices());
}
