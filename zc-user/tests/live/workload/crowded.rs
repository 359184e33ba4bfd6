//! More interfaces than a CPU has slots for, in a network namespace of its own.

use std::{
    fs::File,
    io::{Seek as _, Write as _},
    process::{Command, Stdio},
};

use zc_common::device::INTERFACE_SLOTS;

use super::traffic::{devices, own_namespace};

/// Pairs of veth devices: with these, there are more than twice as many devices as slots.
pub(crate) const PAIRS: usize = INTERFACE_SLOTS as usize + 7;

/// Bytes of a frame.
pub(super) const FRAME: usize = 103;

/// Frames over a pair at a time: more than an idle interface may keep its slot for.
const FRAMES: usize = 151;

/// Sends over one pair after the other, and then over all in turn. Prints what the kernel says of the devices, a
/// line of JSON.
pub(super) fn crowded() {
    own_namespace();
    let mut batch = tempfile::tempfile().expect("a file");
    for n in 0..PAIRS {
        // The end that sends comes up last: it has a carrier then, and takes packets at once.
        writeln!(batch, "link add a{n} type veth peer name b{n}").expect("room");
        writeln!(batch, "link set b{n} up\nlink set a{n} up").expect("room");
    }
    batch.rewind().expect("a file");
    run_batch(batch);
    let sockets: Vec<_> = (0..PAIRS).map(|n| socket(&format!("a{n}"))).collect();
    for socket in &sockets {
        (0..FRAMES).for_each(|_| send(*socket));
    }
    for _ in 0..FRAMES {
        sockets.iter().for_each(|socket| send(*socket));
    }
    println!("{}", devices());
}

fn run_batch(batch: File) {
    let status = Command::new("ip").args(["-batch", "-"]).stdin(Stdio::from(batch)).status();
    let status = status.expect("ip runs");
    assert!(status.success(), "ip: {status}");
}

/// A packet socket that sends over a device and receives nothing. The process ends soon.
pub(super) fn socket(device: &str) -> libc::c_int {
    let name = std::ffi::CString::new(device).expect("a name");
    // SAFETY: a string.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    // SAFETY: no pointers.
    let socket = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0) };
    assert!(index != 0 && socket >= 0, "{device}: {}", std::io::Error::last_os_error());
    // SAFETY: integers and an array of them.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_ifindex = index.cast_signed();
    let length = size_of::<libc::sockaddr_ll>() as u32;
    // SAFETY: the structure of this family, with its length.
    let done = unsafe { libc::bind(socket, (&raw const address).cast(), length) };
    assert_eq!(done, 0, "{device}: {}", std::io::Error::last_os_error());
    socket
}

/// Sends a frame over the device of a socket.
pub(super) fn send(socket: libc::c_int) {
    let mut frame = [1_u8; FRAME];
    // To all, of a protocol for experiments (`ETH_P_802_EX1`), which no program receives.
    frame[..6].fill(0xff);
    frame[12..14].copy_from_slice(&[0x88, 0xb5]);
    loop {
        // SAFETY: a buffer with its length.
        let sent = unsafe { libc::send(socket, frame.as_ptr().cast(), frame.len(), 0) };
        if sent == FRAME.cast_signed() {
            return;
        }
        // The receiving end has no room: packets come faster than the CPU takes them from its backlog, which
        // happens in emulated guests. The driver refused the packet, and neither side counts it (`NET_XMIT_DROP` of
        // `veth_xmit`, `drivers/net/veth.c`).
        let error = std::io::Error::last_os_error();
        assert_eq!(error.raw_os_error(), Some(libc::ENOBUFS), "{error}");
        std::thread::yield_now();
    }
}
