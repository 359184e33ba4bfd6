//! Packets in a network namespace of its own, as many as the test asks for: over loopback, and over a pair of
//! veth devices.

use std::{
    io::{Write as _, stdout},
    net::UdpSocket,
};

use super::{
    crowded::{send, socket},
    traffic::{devices, ip, own_namespace},
};

/// As fast as possible.
pub(crate) const FLOOD: u8 = b'f';
/// A packet now and then.
pub(crate) const TRICKLE: u8 = b't';
/// None; what the kernel says of the devices is printed, and how many datagrams were sent, a line of JSON.
pub(crate) const STOP: u8 = b's';

/// Packets between two looks for a command.
const BURST: usize = 19;

/// Follows the commands until there are no more.
pub(super) fn flood() {
    own_namespace();
    ip("link set lo up");
    ip("link add zca type veth peer name zcb");
    ip("link set zcb up");
    ip("link set zca up");
    // Nothing reads them: what the socket has no room for was received by the device all the same.
    let receiver = UdpSocket::bind("127.0.0.1:0").expect("an address");
    let sender = UdpSocket::bind("127.0.0.1:0").expect("an address");
    sender.connect(receiver.local_addr().expect("bound")).expect("an address");
    let raw = socket("zca");
    let mut command = STOP;
    let mut datagrams = 0_u64;
    loop {
        match command {
            FLOOD => (0..BURST).for_each(|_| {
                sender.send(&[1; 211]).expect("room");
                datagrams += 1;
                send(raw);
            }),
            TRICKLE => {
                sender.send(&[1; 89]).expect("room");
                datagrams += 1;
                send(raw);
            }
            _ => {
                let mut kernel = devices();
                kernel["datagrams"] = datagrams.into();
                println!("{kernel}");
                stdout().flush().expect("a reader");
            }
        }
        let wait = match command {
            FLOOD => 0,
            TRICKLE => 10,
            _ => -1,
        };
        let mut waiting = libc::pollfd { fd: 0, events: libc::POLLIN, revents: 0 };
        // SAFETY: one structure.
        if unsafe { libc::poll(&raw mut waiting, 1, wait) } > 0 {
            let mut next = 0_u8;
            // Not buffered: the next wait would not see what is left. SAFETY: one byte.
            if unsafe { libc::read(0, (&raw mut next).cast(), 1) } != 1 {
                return;
            }
            command = next;
        }
    }
}
