//! Sockets: the calls that carry flags or several messages.

use zc_common::{
    loss::Loss,
    path::{CopyPath, lane},
};

use super::{Call, note_received, note_sent, read_user};
use crate::{
    account::count,
    descriptor::{Class, honours_zerocopy},
    kernel::opaque,
    losses::note_losses,
};

const MSG_PEEK: u32 = 0x2;
const MSG_TRUNC: u32 = 0x20;
const MSG_ERRQUEUE: u32 = 0x2000;
const MSG_ZEROCOPY: u32 = 0x0400_0000;
const ENOBUFS: i64 = 105;

/// Messages walked per sendmmsg or recvmmsg, which may carry four times as many (`UIO_MAXIOV`), and
/// when their buffers are walked too.
const MAX_MESSAGES: u64 = 256;
const MAX_EXCEEDING: u64 = 8;

/// Buffers of a message that are summed when `MSG_TRUNC` makes the length exceed them: of the one
/// message of recvmsg, and of each of recvmmsg.
const MAX_BUFFERS: u64 = 32;
const MAX_BUFFERS_OF_MANY: u64 = 4;

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
    let mut bytes = call.result;
    let truncates = flags & MSG_TRUNC != 0 && bytes > 0;
    // The walk comes first: behind it the verifier has one state left, not one per path.
    let room = opaque(match room {
        None if truncates => zc_room(call.argument(1)),
        room => room.unwrap_or_default(),
    });
    let Some(class) = call.class(0) else { return };
    if truncates {
        // TCP throws the bytes away; the others return the length of the whole datagram however
        // small the buffer was (recv(2), tcp(7)).
        let kept = if class == Class::TCP { 0 } else { room.min(i64::MAX as u64) as i64 };
        if kept < bytes {
            count!(call.account, discarded_bytes, (bytes - kept) as u64);
            bytes = kept;
        }
    }
    call.book(class.read_lane(), bytes);
    note_received(call.account, class, bytes);
    if flags & (MSG_PEEK | MSG_TRUNC | MSG_ERRQUEUE) == 0 {
        call.relay(class, false);
    }
}

/// Room in the buffers of the `struct user_msghdr` at `message`; no limit when it has more of them
/// than are walked, or none can be read.
#[inline(always)]
fn room_of<const BUFFERS: u64>(message: u64) -> u64 {
    const UNLIMITED: u64 = i64::MAX as u64;
    /// Its members `msg_iov` and `msg_iovlen`.
    const VECTOR: u64 = 16;

    let Some(vector) = read_user::<IoVec>(message + VECTOR) else { return UNLIMITED };
    if vector.len > BUFFERS {
        note_losses(Loss::MessagesTruncated, 1);
        return UNLIMITED;
    }
    let mut room = 0_u64;
    for i in 0..BUFFERS {
        if i >= vector.len {
            break;
        }
        let Some(buffer) = read_user::<IoVec>(vector.base + i * size_of::<IoVec>() as u64) else {
            return UNLIMITED;
        };
        // Forgotten, so that the verifier need not follow every sum.
        room = opaque(room.wrapping_add(buffer.len));
    }
    room
}

/// [`room_of`] the one message of recvmsg; a global function, as is every walk here, which the
/// verifier follows once (see `zc_class`).
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_room(message: u64) -> u64 {
    room_of::<MAX_BUFFERS>(message)
}

/// sendto, sendmsg. `length` is the size of the message when an argument tells it.
#[inline(always)]
pub(super) fn sent(call: &Call, flags: u32, length: Option<u64>) {
    let refused = refused(call, flags, length);
    let Some(class) = call.class(0) else { return };
    note_refused(call, class, refused);
    book_sent(call, class, flags, 1, call.result);
    if flags & MSG_ZEROCOPY == 0 {
        call.relay(class, true);
    }
}

/// No zero-copy send was refused. No `Option`: kernels before 6.3 refuse to let the half of it that
/// is not set be moved about.
const NOT_REFUSED: u64 = u64::MAX;

/// How many bytes a zero-copy send did not send because the socket's memory was exhausted.
#[inline(always)]
fn refused(call: &Call, flags: u32, length: Option<u64>) -> u64 {
    if flags & MSG_ZEROCOPY == 0 || call.result != -ENOBUFS {
        return NOT_REFUSED;
    }
    // As in `received`: the walk comes first.
    opaque(length.unwrap_or_else(|| zc_room(call.argument(1))))
}

#[inline(always)]
fn note_refused(call: &Call, class: Class, bytes: u64) {
    if bytes != NOT_REFUSED && class.is_network() {
        count!(call.account, zerocopy_refusals, 1);
        count!(call.account, zerocopy_refused_bytes, bytes);
    }
}

/// Books `count` messages of `bytes` together (or a failure).
#[inline(always)]
fn book_sent(call: &Call, class: Class, flags: u32, count: u64, bytes: i64) {
    let zerocopy = flags & MSG_ZEROCOPY != 0 && class.is_network();
    // Without SO_ZEROCOPY the flag is ignored in silence: it is a send like any other.
    let honoured = zerocopy && honours_zerocopy(call.argument(0));
    let lane = if honoured { lane(CopyPath::SocketSendZerocopy) } else { class.write_lane() };
    if bytes < 0 {
        return call.book_many(lane, 0, 0, 1);
    }
    call.book_many(lane, count, bytes as u64, 0);
    note_sent(call.account, class, bytes);
    if zerocopy {
        count!(call.account, zerocopy_requested_bytes, bytes as u64);
        if !honoured {
            count!(call.account, zerocopy_not_enabled_bytes, bytes as u64);
        }
    }
}

/// `struct mmsghdr`: a `struct user_msghdr` of 56 bytes, then the length.
const STRIDE: u64 = 64;
const MSG_LEN: u64 = 56;

/// sendmmsg, recvmmsg: the result counts messages, their lengths are in the caller's vector.
#[inline(never)]
pub(super) fn many(call: &Call, receive: bool) {
    let count = call.result;
    let flags = call.argument(3) as u32;
    let bytes = zc_total_length(call.argument(1), count);
    let excess = if receive && flags & MSG_TRUNC != 0 {
        zc_total_excess(call.argument(1), count)
    } else {
        0
    };
    // It fails only when the first message does.
    let refused = if receive { NOT_REFUSED } else { refused(call, flags, None) };
    let Some(class) = call.class(0) else { return };
    if !receive {
        note_refused(call, class, refused);
        let (ops, total) = if count < 0 { (0, count) } else { (count as u64, bytes as i64) };
        return book_sent(call, class, flags, ops, total);
    }
    if count < 0 {
        return call.book_many(class.read_lane(), 0, 0, 1);
    }
    let discarded = match class {
        Class::TCP if flags & MSG_TRUNC != 0 => bytes,
        _ => excess,
    };
    let kept = bytes.saturating_sub(discarded);
    count!(call.account, discarded_bytes, discarded);
    call.book_many(class.read_lane(), count as u64, kept, 0);
    note_received(call.account, class, kept as i64);
}

/// Sum of the lengths of `count` messages in the `struct mmsghdr` vector at `address`.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_total_length(address: u64, count: i64) -> u64 {
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

/// By how much the lengths of `count` messages exceed their buffers.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_total_excess(address: u64, count: i64) -> u64 {
    let mut bytes = 0_u64;
    for i in 0..MAX_EXCEEDING {
        if i as i64 >= count {
            return bytes;
        }
        let message = address + i * STRIDE;
        let len = read_user::<u32>(message + MSG_LEN).unwrap_or_default();
        let room = opaque(room_of::<MAX_BUFFERS_OF_MANY>(message));
        bytes = opaque(bytes + u64::from(len).saturating_sub(room));
    }
    if count > MAX_EXCEEDING as i64 {
        note_losses(Loss::MessagesTruncated, count as u64 - MAX_EXCEEDING);
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
        return call.book(lane, call.result);
    }
    let Some(length) = read_user::<u32>(call.argument(3) + LENGTH) else { return };
    call.book(lane, i64::from(length));
    note_received(call.account, Class::TCP, i64::from(length));
}
