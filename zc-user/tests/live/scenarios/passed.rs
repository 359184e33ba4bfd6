//! Messages from ring to ring that bring flags of their own.

use std::{
    io::Write as _,
    os::{fd::AsRawFd as _, unix::net::UnixStream},
};

use io_uring::{IoUring, opcode, squeue::Entry, types::Fd};

use super::{Scenario, completions::can_be_tried_again, fd, moved};
use crate::requirement::kernel_before;

/// Bytes of a transfer: a prime.
const SIZE: usize = 7919;
const ROUNDS: usize = 7;

/// `IORING_CQE_F_BUFFER` and `IORING_CQE_F_MORE`, and a buffer in the upper half.
const LIKE_A_RECEIVE: u32 = 3 | 9 << 16;

pub(super) const SCENARIOS: &[Scenario] = &[
    // They look like completions of a receive that goes on, with its number, and of none.
    Scenario::new(
        "ring_messages_with_flags",
        |_| messages(IoUring::new(256)),
        &[
            moved("socket_send:unix", ROUNDS, ROUNDS * SIZE),
            moved("socket_recv:unix", ROUNDS + 1, ROUNDS * SIZE),
        ],
    ),
    // To a ring that posts by itself what it gets, when its thread asks for it.
    Scenario::new(
        "ring_messages_by_turn",
        |_| {
            let mut ring = IoUring::builder();
            messages(ring.setup_single_issuer().setup_defer_taskrun().build(256))
        },
        &[
            moved("socket_send:unix", ROUNDS, ROUNDS * SIZE),
            moved("socket_recv:unix", ROUNDS + 1, ROUNDS * SIZE),
        ],
    ),
];

fn messages(receiver: std::io::Result<IoUring>) -> Result<(), String> {
    can_be_tried_again()?;
    if kernel_before(6, 3) {
        return Err("messages of this kernel bring no flags".to_owned());
    }
    let no_ring = |error| format!("this kernel has no such io_uring: {error}");
    let mut sender = IoUring::new(8).map_err(no_ring)?;
    let mut receiver = receiver.map_err(no_ring)?;
    let mut buffers = vec![0_u8; 16 * 8192];
    let provide = opcode::ProvideBuffers::new(buffers.as_mut_ptr(), 8192, 16, 5, 0).build();
    assert_eq!(run(&mut receiver, &provide), 0);
    let (mut from, to) = UnixStream::pair().expect("a pair of sockets");
    let receive = opcode::RecvMulti::new(Fd(fd(&to)), 5).build().user_data(3);
    // SAFETY: the buffers and the socket outlive the request, which is awaited.
    unsafe { receiver.submission().push(&receive).expect("room in the queue") };
    receiver.submit().expect("a request is submitted");
    let target = Fd(receiver.as_raw_fd());
    for _ in 0..ROUNDS {
        from.write_all(&[1; SIZE]).expect("room");
        assert_eq!(next(&mut receiver), (3, SIZE as i32));
        for number in [3, 11] {
            let message =
                opcode::MsgRingData::new(target, SIZE as i32, number, Some(LIKE_A_RECEIVE));
            assert_eq!(run(&mut sender, &message.build()), 0);
            assert_eq!(next(&mut receiver), (number, SIZE as i32));
        }
    }
    // One that fails posts nothing.
    let message = opcode::MsgRingData::new(Fd(fd(&to)), SIZE as i32, 3, Some(LIKE_A_RECEIVE));
    assert!(run(&mut sender, &message.build()) < 0);
    drop(from);
    assert_eq!(next(&mut receiver), (3, 0));
    Ok(())
}

/// The result of a request.
fn run(ring: &mut IoUring, entry: &Entry) -> i32 {
    // SAFETY: what it refers to outlives the request, which is awaited.
    unsafe { ring.submission().push(entry).expect("room in the queue") };
    next(ring).1
}

/// Number and result of the next completion.
fn next(ring: &mut IoUring) -> (u64, i32) {
    ring.submit_and_wait(1).expect("a request completes");
    let completion = ring.completion().next().expect("a completion");
    (completion.user_data(), completion.result())
}
