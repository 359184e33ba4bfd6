//! Sockets: the calls that carry flags or several messages.

use zc_common::{
    loss::Loss,
    path::{CopyPath, lane},
};

use super::{Call, note_received, note_sent, read_user};
use crate::{
    account::{count, note_losses},
    descriptor::Class,
    kernel::opaque,
};

const MSG_TRUNC: u32 = 0x20;
const MSG_ZEROCOPY: u32 = 0x0400_0000;

/// Messages that one sendmmsg or recvmmsg may carry (`UIO_MAXIOV`); the kernel clamps to it.
const MAX_MESSAGES: u64 = 256;

/// Buffers of a message that are summed when `MSG_TRUNC` makes the return value exceed them.
const MAX_BUFFERS: u64 = 8;

/// `struct iovec`, `include/uapi/linux/uio.h`.
#[derive(Clone, Copy)]
#[repr(C)]
struct IoVec {
    base: u64,
    len: u64,
}

/// recvfrom, recvmsg. `room` is the size of the buffer when an argument tells it.
#[inline(always)]
pub(super) fn received(call: &Call, flags: u32, room: Option<u64>) {
    let Some(class) = call.class(0) else { return };
    let mut bytes = call.result;
    if flags & MSG_TRUNC != 0 && bytes > 0 {
        // TCP throws the bytes away; the others return the length of the whole datagram however
        // small the buffer was (recv(2), tcp(7)).
        let kept = match (class, room) {
            (Class::TCP, _) => 0,
            (_, Some(room)) => room,
            (_, None) => buffers(call.argument(1)).unwrap_or(bytes as u64),
        };
        if (kept as i64) < bytes {
            let discarded = (bytes - kept as i64) as u64;
            count!(call.account, discarded_bytes, discarded);
            bytes = kept as i64;
        }
    }
    call.account.book(class.read_lane(), bytes);
    note_received(call.account, class, bytes);
}

/// Room in the buffers of the `struct user_msghdr` at `message`.
#[inline(always)]
fn buffers(message: u64) -> Option<u64> {
    const MSG_IOV: u64 = 16;
    const MSG_IOVLEN: u64 = 24;
    let vector = read_user::<u64>(message + MSG_IOV)?;
    let count = read_user::<u64>(message + MSG_IOVLEN)?;
    let mut room = 0_u64;
    for i in 0..MAX_BUFFERS {
        if i >= count {
            break;
        }
        room = room.wrapping_add(read_user::<IoVec>(vector + i * size_of::<IoVec>() as u64)?.len);
    }
    Some(room)
}

/// sendto, sendmsg.
#[inline(always)]
pub(super) fn sent(call: &Call, flags: u32) {
    let Some(class) = call.class(0) else { return };
    book_sent(call, class, flags, 1, call.result);
}

/// Books `count` messages of `bytes` together (or a failure).
#[inline(always)]
fn book_sent(call: &Call, class: Class, flags: u32, count: u64, bytes: i64) {
    let zerocopy = flags & MSG_ZEROCOPY != 0 && class.is_network();
    let lane = if zerocopy { lane(CopyPath::SocketSendZerocopy) } else { class.write_lane() };
    if bytes < 0 {
        return call.account.book_many(lane, 0, 0, 1);
    }
    call.account.book_many(lane, count, bytes as u64, 0);
    note_sent(call.account, class, bytes);
    if zerocopy {
        count!(call.account, zerocopy_requested_bytes, bytes as u64);
    }
}

/// sendmmsg, recvmmsg: the result counts messages, their lengths are in the caller's vector.
#[inline(never)]
pub(super) fn many(call: &Call, receive: bool) {
    // The walk comes first: behind it the verifier has one state left, not one per class.
    let bytes = opaque(total_length(call.argument(1), call.result));
    let Some(class) = call.class(0) else { return };
    let flags = call.argument(3) as u32;
    let count = call.result;
    let total = if count < 0 { count } else { bytes as i64 };
    let ops = if count < 0 { 0 } else { count as u64 };
    if receive {
        let (bytes, errors) = if count < 0 { (0, 1) } else { (bytes, 0) };
        call.account.book_many(class.read_lane(), ops, bytes, errors);
        note_received(call.account, class, total);
    } else {
        book_sent(call, class, flags, ops, total);
    }
}

/// Sum of the lengths of `count` messages in the `struct mmsghdr` vector at `address`.
#[inline(never)]
fn total_length(address: u64, count: i64) -> u64 {
    /// `struct mmsghdr`: a `struct user_msghdr` of 56 bytes, then the length.
    const STRIDE: u64 = 64;
    const MSG_LEN: u64 = 56;

    let mut bytes = 0_u64;
    for i in 0..MAX_MESSAGES {
        if i as i64 >= count {
            return bytes;
        }
        match read_user::<u32>(address + i * STRIDE + MSG_LEN) {
            Some(len) => bytes += u64::from(len),
            None => return bytes,
        }
    }
    if count > MAX_MESSAGES as i64 {
        note_losses(Loss::MessagesTruncated, count as u64 - MAX_MESSAGES);
    }
    bytes
}

/// getsockopt(TCP_ZEROCOPY_RECEIVE): the kernel remaps received pages.
#[inline(always)]
pub(super) fn zerocopy_receive(call: &Call) {
    const IPPROTO_TCP: u64 = 6;
    const TCP_ZEROCOPY_RECEIVE: u64 = 35;
    /// `length` in `struct tcp_zerocopy_receive`, `include/uapi/linux/tcp.h`.
    const LENGTH: u64 = 8;

    if call.argument(1) != IPPROTO_TCP || call.argument(2) != TCP_ZEROCOPY_RECEIVE {
        return;
    }
    let lane = lane(CopyPath::SocketRecvZerocopy);
    if call.result < 0 {
        return call.account.book(lane, call.result);
    }
    let Some(length) = read_user::<u32>(call.argument(3) + LENGTH) else { return };
    call.account.book(lane, i64::from(length));
    note_received(call.account, Class::TCP, i64::from(length));
}
