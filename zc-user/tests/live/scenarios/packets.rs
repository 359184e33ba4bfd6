//! Packet sockets: what they send may be in a ring that they share with the program.

use std::{
    os::fd::{FromRawFd as _, OwnedFd},
    ptr::{null, null_mut},
};

use io_uring::{IoUring, opcode, types::Fd};

use super::{Scenario, fd, moved, ok, sockets::loopback_up};

/// Bytes of a frame: a prime.
const FRAME: usize = 1009;
const FRAMES: usize = 13;
/// Bytes of a place in the ring.
const PLACE: usize = 2048;
const ROUNDS: usize = 7;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "packet_ring",
        |_| ring(),
        &[moved("socket_send_zerocopy", 3 * ROUNDS, 3 * ROUNDS * FRAMES * FRAME)],
    )
    .by_reference("socket_send_zerocopy")
    .also(|row, _| {
        assert_eq!(row.counter("net_tx_bytes"), (3 * ROUNDS * FRAMES * FRAME) as u64);
        assert_eq!(row.counter("zerocopy_requested_bytes"), 0);
    }),
    // Without a ring they copy what they send.
    Scenario::new(
        "packets",
        |_| {
            let socket = socket()?;
            let frame = frame();
            for _ in 0..ROUNDS {
                // SAFETY: a buffer and its length.
                unsafe {
                    assert_eq!(ok(libc::send(fd(&socket), frame.as_ptr().cast(), FRAME, 0)), FRAME);
                    assert_eq!(ok(libc::write(fd(&socket), frame.as_ptr().cast(), FRAME)), FRAME);
                }
            }
            Ok(())
        },
        &[moved("socket_send:other", 2 * ROUNDS, 2 * ROUNDS * FRAME)],
    )
    .also(|row, _| {
        assert_eq!(row.counter("net_tx_bytes"), (2 * ROUNDS * FRAME) as u64);
        assert_eq!(row.copied("socket_send").0, Some((2 * ROUNDS * FRAME) as u64));
    }),
];

/// A packet socket on the loopback device of a new network namespace, where nothing receives its frames.
fn socket() -> Result<OwnedFd, String> {
    // SAFETY: no memory is involved; this process has one thread.
    if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
        return Err("network namespaces are not allowed here".to_owned());
    }
    loopback_up();
    // SAFETY: integers; the descriptor is then owned. The structure of this family, with its length.
    unsafe {
        let socket = libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0);
        if socket < 0 {
            return Err("this kernel has no packet sockets".to_owned());
        }
        let mut address: libc::sockaddr_ll = std::mem::zeroed();
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = libc::if_nametoindex(c"lo".as_ptr()).cast_signed();
        let length = size_of::<libc::sockaddr_ll>() as u32;
        ok(libc::bind(socket, (&raw const address).cast(), length) as isize);
        Ok(OwnedFd::from_raw_fd(socket))
    }
}

/// Of a protocol for experiments (`ETH_P_802_EX1`).
fn frame() -> [u8; FRAME] {
    let mut frame = [1; FRAME];
    frame[12..14].copy_from_slice(&[0x88, 0xb5]);
    frame
}

/// Fills the ring and has its frames sent, by a call for sockets, by one for files, and by io_uring.
fn ring() -> Result<(), String> {
    // `include/uapi/linux/if_packet.h`: `struct tpacket_req`, and `struct tpacket_hdr` in front of each frame.
    const PACKET_TX_RING: i32 = 13;
    const SEND_REQUEST: u64 = 1;
    const STATUS: usize = 0;
    const LENGTH: usize = 8;
    const HEADER: usize = 32;
    const BLOCKS: usize = FRAMES.div_ceil(2);
    const BLOCK: usize = 4096;

    let socket = socket()?;
    let mut requests = IoUring::new(8).map_err(|error| format!("no io_uring: {error}"))?;
    let request = [BLOCK as u32, BLOCKS as u32, PLACE as u32, 2 * BLOCKS as u32];
    let frame = frame();
    // SAFETY: structures as the kernel defines them, in a mapping of their size.
    unsafe {
        let (value, size) = (request.as_ptr().cast(), size_of_val(&request) as u32);
        let option = libc::setsockopt(fd(&socket), libc::SOL_PACKET, PACKET_TX_RING, value, size);
        ok(option as isize);
        let (length, access) = (BLOCKS * BLOCK, libc::PROT_READ | libc::PROT_WRITE);
        let ring = libc::mmap(null_mut(), length, access, libc::MAP_SHARED, fd(&socket), 0);
        assert_ne!(ring, libc::MAP_FAILED);
        let ring = ring.cast::<u8>();
        let mut at = 0;
        for round in 0..3 * ROUNDS {
            for _ in 0..FRAMES {
                let place = ring.add(at * PLACE);
                std::ptr::copy_nonoverlapping(frame.as_ptr(), place.add(HEADER), FRAME);
                place.add(LENGTH).cast::<u32>().write_volatile(FRAME as u32);
                place.add(STATUS).cast::<u64>().write_volatile(SEND_REQUEST);
                at = (at + 1) % (2 * BLOCKS);
            }
            let sent = match round % 3 {
                0 => ok(libc::send(fd(&socket), null(), 0, 0)),
                // Some bytes, at which the kernel does not look.
                1 => ok(libc::write(fd(&socket), frame.as_ptr().cast(), FRAME)),
                _ => {
                    let entry = opcode::Send::new(Fd(fd(&socket)), null(), 0).build();
                    requests.submission().push(&entry).expect("room in the queue");
                    requests.submit_and_wait(1).expect("a request completes");
                    requests.completion().next().expect("a completion").result() as usize
                }
            };
            assert_eq!(sent, FRAMES * FRAME);
        }
    }
    Ok(())
}
