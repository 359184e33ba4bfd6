//! Sockets: the calls that carry flags or several messages.

use zc_common::{
    loss::Loss,
    path::{CopyPath, lane},
    record::EVIDENCE_REFERENCE,
};

use super::{Call, Registers, note_received, note_sent};
use crate::{
    account::count,
    descriptor::{Class, honours_zerocopy, sends_ring},
    kernel::opaque,
    losses::note_losses,
    user::{Layout, read_user},
};

const MSG_PEEK: u32 = 0x2;
const MSG_TRUNC: u32 = 0x20;
const MSG_ERRQUEUE: u32 = 0x2000;
const MSG_ZEROCOPY: u32 = 0x0400_0000;
const ENOBUFS: i64 = 105;

/// Messages that a sendmmsg carries at most, and buffers of a message (`UIO_MAXIOV`, `include/uapi/linux/uio.h`). Of a
/// recvmmsg so many are looked at.
const MOST: u64 = 1024;

/// As many are walked by one function, and as many times: the verifier follows each turn of a loop, but a global
/// function only once (see `zc_class`).
pub(crate) const BLOCK: u64 = 32;
const _: () = assert!(BLOCK * BLOCK == MOST);

/// recvfrom, recvmsg. `room` is the size of the buffer when an argument tells it.
#[inline(always)]
pub(super) fn received(call: &Call<impl Registers>, flags: u32, room: Option<u64>) {
    let mut bytes = call.result;
    let truncates = flags & MSG_TRUNC != 0 && bytes > 0;
    // The walk comes first: behind it the verifier has one state left, not one per path.
    let room = opaque(match room {
        None if truncates => room_of(call, bytes as u64),
        room => room.unwrap_or_default(),
    });
    let Some(class) = call.class(0) else { return };
    if truncates {
        // TCP throws the bytes away; the others return the length of the whole datagram however
        // small the buffer was (recv(2), tcp(7)).
        let discards = class == Class::TCP && flags & MSG_ERRQUEUE == 0;
        let kept = if discards { 0 } else { room.min(i64::MAX as u64) as i64 };
        if kept < bytes {
            if takes(flags) {
                count!(call.account, discarded_bytes, (bytes - kept) as u64);
            }
            bytes = kept;
        }
    }
    call.book(class.read_lane(), bytes);
    if takes(flags) {
        note_received(call.account, class, bytes);
    }
    if flags & (MSG_PEEK | MSG_TRUNC | MSG_ERRQUEUE) == 0 {
        call.relay(class, false);
    }
}

/// Whether a call with these flags takes what it receives off the socket. A peek leaves it there, for a call that
/// takes it later; in the error queue are the program's own packets, which came back (recv(2)).
#[inline(always)]
fn takes(flags: u32) -> bool {
    flags & (MSG_PEEK | MSG_ERRQUEUE) == 0
}

/// The room of buffers of which one could not be read.
const UNREADABLE: u64 = u64::MAX;

/// Room in the first `count` buffers, or [`BLOCK`] if that is less, of the vector at `address`; [`UNREADABLE`] with a
/// loss if one cannot be read.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn zc_block_room(address: u64, layout: u64, count: u64) -> u64 {
    let layout = Layout::numbered(layout);
    let mut room = 0_u64;
    for index in 0..BLOCK {
        if index >= count {
            break;
        }
        let buffer = layout.buffer(address, index);
        if !buffer.is_read() {
            note_losses(Loss::UserMemoryUnreadable, 1);
            return UNREADABLE;
        }
        // Forgotten, so that the verifier need not follow every sum.
        room = opaque(room.wrapping_add(buffer.len));
    }
    room
}

/// Room in the buffers of the message at `message`; `enough` when there is more, or they cannot be read.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_room(message: u64, layout: u64, enough: u64) -> u64 {
    let number = layout;
    let layout = Layout::numbered(layout);
    let vector = layout.vector(message);
    if !vector.is_read() {
        note_losses(Loss::UserMemoryUnreadable, 1);
        return enough;
    }
    let mut room = 0_u64;
    for block in 0..MOST / BLOCK {
        if block * BLOCK >= vector.len || room >= enough {
            break;
        }
        let place = vector.base + block * BLOCK * layout.buffer_bytes();
        let more = zc_block_room(place, number, vector.len - block * BLOCK);
        room = opaque(if more == UNREADABLE { enough } else { room.wrapping_add(more) });
    }
    room.min(enough)
}

/// Room in the buffers of the message of `call`, up to `enough` bytes.
#[inline(always)]
fn room_of(call: &Call<impl Registers>, enough: u64) -> u64 {
    zc_room(call.argument(1), call.registers.layout().number(), enough)
}

/// sendto, sendmsg. `length` is the size of the message when an argument tells it.
#[inline(always)]
pub(super) fn sent(call: &Call<impl Registers>, flags: u32, length: Option<u64>) {
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
fn refused(call: &Call<impl Registers>, flags: u32, length: Option<u64>) -> u64 {
    if flags & MSG_ZEROCOPY == 0 || call.result != -ENOBUFS {
        return NOT_REFUSED;
    }
    // As in `received`: the walk comes first.
    opaque(length.unwrap_or_else(|| room_of(call, i64::MAX as u64)))
}

#[inline(always)]
fn note_refused(call: &Call<impl Registers>, class: Class, bytes: u64) {
    if bytes != NOT_REFUSED && class.knows_zerocopy() {
        count!(call.account, zerocopy_refusals, 1);
        count!(call.account, zerocopy_refused_bytes, bytes);
    }
}

/// Books `count` messages of `bytes` together (or a failure).
#[inline(always)]
fn book_sent(call: &Call<impl Registers>, class: Class, flags: u32, count: u64, bytes: i64) {
    let zerocopy = flags & MSG_ZEROCOPY != 0 && class.knows_zerocopy();
    // Without SO_ZEROCOPY the flag is ignored in silence: it is a send like any other.
    let honoured = zerocopy && honours_zerocopy(call.argument(0));
    let is_ring = sends_ring(call.argument(0), class);
    if is_ring {
        call.account.note(EVIDENCE_REFERENCE);
    }
    let lane =
        if honoured || is_ring { lane(CopyPath::SocketSendZerocopy) } else { class.write_lane() };
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

/// sendmmsg, recvmmsg: the result counts messages, their lengths are in the caller's vector.
#[inline(never)]
pub(super) fn many(call: &Call<impl Registers>, receive: bool) {
    let count = call.result;
    let flags = call.argument(3) as u32;
    // Only sendmmsg is bounded by the kernel.
    if count > MOST as i64 {
        note_losses(Loss::MessagesTruncated, count as u64 - MOST);
    }
    let bytes = zc_total_length(call.argument(1), call.registers.layout().number(), count);
    let excess = if receive && flags & MSG_TRUNC != 0 {
        zc_total_excess(call.argument(1), call.registers.layout().number(), count)
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
        Class::TCP if flags & MSG_TRUNC != 0 && flags & MSG_ERRQUEUE == 0 => bytes,
        _ => excess,
    };
    let kept = bytes.saturating_sub(discarded);
    call.book_many(class.read_lane(), count as u64, kept, 0);
    if takes(flags) {
        count!(call.account, discarded_bytes, discarded);
        note_received(call.account, class, kept as i64);
    }
}

/// Sum of the lengths of the first `count` messages, or [`BLOCK`] if that is less, whose first length is at
/// `address`.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_block_length(address: u64, layout: u64, count: u64) -> u64 {
    let stride = Layout::numbered(layout).message_bytes();
    let mut bytes = 0_u64;
    for index in 0..BLOCK {
        if index >= count {
            break;
        }
        let len = read_user::<u32>(address + index * stride).map_or(0, u64::from);
        bytes = opaque(bytes + len);
    }
    bytes
}

/// Sum of the lengths of `count` messages in the `struct mmsghdr` vector at `address`.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_total_length(address: u64, layout: u64, count: i64) -> u64 {
    let number = layout;
    let layout = Layout::numbered(layout);
    let count = count.max(0) as u64;
    let place = address + layout.message_length_place();
    let mut bytes = 0_u64;
    for block in 0..MOST / BLOCK {
        if block * BLOCK >= count {
            break;
        }
        let place = place + block * BLOCK * layout.message_bytes();
        bytes = opaque(bytes + zc_block_length(place, number, count - block * BLOCK));
    }
    bytes
}

/// By how much the lengths of the first `count` messages, or [`BLOCK`] if that is less, exceed their buffers.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_block_excess(address: u64, layout: u64, count: u64) -> u64 {
    let number = layout;
    let layout = Layout::numbered(layout);
    let mut bytes = 0_u64;
    for index in 0..BLOCK {
        if index >= count {
            break;
        }
        let message = address + index * layout.message_bytes();
        let len = read_user::<u32>(message + layout.message_length_place()).map_or(0, u64::from);
        let vector = layout.vector(message);
        let mut room = zc_block_room(vector.base, number, vector.len);
        // Of as many messages, all buffers would take too long.
        if vector.len > BLOCK && room < len {
            note_losses(Loss::MessagesTruncated, 1);
            room = len;
        }
        bytes = opaque(bytes + len.saturating_sub(room));
    }
    bytes
}

/// By how much the lengths of `count` messages exceed their buffers.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_total_excess(address: u64, layout: u64, count: i64) -> u64 {
    let number = layout;
    let layout = Layout::numbered(layout);
    let count = count.max(0) as u64;
    let mut bytes = 0_u64;
    for block in 0..MOST / BLOCK {
        if block * BLOCK >= count {
            break;
        }
        let place = address + block * BLOCK * layout.message_bytes();
        bytes = opaque(bytes + zc_block_excess(place, number, count - block * BLOCK));
    }
    bytes
}

/// getsockopt(TCP_ZEROCOPY_RECEIVE): the kernel remaps received pages, and since 5.11 copies what it cannot remap
/// into a buffer of the caller's, if there is one.
#[inline(always)]
pub(super) fn zerocopy_receive(call: &Call<impl Registers>) {
    const IPPROTO_TCP: u64 = 6;
    const TCP_ZEROCOPY_RECEIVE: u64 = 35;
    /// `length` in `struct tcp_zerocopy_receive`, `include/uapi/linux/tcp.h`.
    const LENGTH: u64 = 8;
    /// `copybuf_len` there: how much was copied.
    const COPIED: u64 = 32;

    if call.argument(1) != IPPROTO_TCP || call.argument(2) != TCP_ZEROCOPY_RECEIVE {
        return;
    }
    let by_reference = lane(CopyPath::SocketRecvZerocopy);
    if call.result < 0 {
        return call.book(by_reference, call.result);
    }
    let Some(length) = read_user::<u32>(call.argument(3) + LENGTH) else { return };
    // The kernel fills as much of the structure as the program has room for, and says how much that is.
    let Some(filled) = read_user::<u32>(call.argument(4)) else { return };
    let mut copied = 0;
    if u64::from(filled) >= COPIED + size_of::<i32>() as u64 {
        // Negative when copying failed.
        copied = i64::from(read_user::<i32>(call.argument(3) + COPIED).unwrap_or_default()).max(0);
    }
    if copied > 0 {
        call.book(Class::TCP.read_lane(), copied);
    }
    // The call is one operation on either path.
    if length > 0 || copied == 0 {
        call.book(by_reference, i64::from(length));
    }
    note_received(call.account, Class::TCP, i64::from(length) + copied);
}
