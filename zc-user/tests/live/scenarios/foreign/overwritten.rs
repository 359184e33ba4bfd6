//! Receives by socketcall(2) that write to where their arguments are.

use std::os::unix::net::UnixDatagram;

use super::{Low, SMALL, SMALL_32, can_enter_by_int80, moves, number};

/// How many there are.
pub(crate) const OVERWRITTEN: usize = 5;

pub(crate) fn overwritten() {
    const SOCKETCALL: u32 = 102;
    const RECV: u32 = 10;
    const RECVFROM: u32 = 12;
    const RECVMSG: u32 = 17;

    if can_enter_by_int80().is_err() {
        return;
    }
    let mut memory = Low::new();
    let (from, to) = UnixDatagram::pair().expect("a pair of sockets");
    let socket = number(&to);
    // A datagram that looks like descriptors which are not open, and like buffers elsewhere.
    let receive = |which: u32, arguments: u32| {
        assert_eq!(from.send(&[0x7a; SMALL]).expect("room"), SMALL);
        moves(SOCKETCALL, &[which, arguments], SMALL);
    };
    // All of them.
    let at = memory.room(SMALL);
    write(at, &[socket, at, SMALL_32, 0]);
    receive(RECV, at);
    // The length and the flags.
    let at = memory.room(SMALL);
    write(at, &[socket, at + 8, SMALL_32, 0]);
    receive(RECV, at);
    // What is behind the flags.
    let at = memory.room(2 * SMALL);
    write(at, &[socket, at + 16, SMALL_32, 0, 0, 0]);
    receive(RECVFROM, at);
    // A buffer that begins before them.
    let at = memory.room(3 * SMALL);
    write(at + 64, &[socket, at, SMALL_32, 0, 0, 0]);
    receive(RECVFROM, at + 64);
    // The second buffer of a message.
    let at = memory.room(64);
    let rest = memory.room(SMALL);
    let vector = memory.words(&[rest, 7, at + 8, SMALL_32]);
    let message = memory.words(&[0, 0, vector, 2, 0, 0, 0]);
    write(at, &[socket, message, 0]);
    let behind = memory.room(SMALL);
    assert!(behind > at + 64);
    receive(RECVMSG, at);
}

fn write(address: u32, words: &[u32]) {
    // SAFETY: room that the caller has made.
    unsafe { std::ptr::copy_nonoverlapping(words.as_ptr(), address as *mut u32, words.len()) };
}
