//! Copies that the network stack makes later, of data that was handed to it by reference or not.
//!
//! They run in whatever context transmits: they are charged to the owner of the socket, the thread
//! that last sent through it.

use aya_ebpf::{macros::map, maps::LruHashMap};
use zc_common::{
    layout::ABSENT,
    record::{Owner, SocketKey},
    syscall::SyscallKind,
};

use super::{Traced, at_entry, at_return};
use crate::{
    account::{Account, LateAccount, count_late},
    cpu::Cpu,
    kernel::{Object, offset, variant},
};

/// The thread that last sent through a socket. Writer: the sender. Bound: set by user space; the least
/// recently used give way.
#[map]
static SOCKET_OWNERS: LruHashMap<SocketKey, Owner> = LruHashMap::with_max_entries(16_384, 0);

/// Remembers that the running thread sends through `socket`.
#[inline(always)]
pub(super) fn owns(account: Account, socket: Object) {
    if account.is_unattributed() {
        return;
    }
    let key = SocketKey {
        address: socket.address(),
        hash: u64::from(socket.load::<u32>(offset!(sock_hash))),
    };
    if account.note_socket(key) {
        // A full table forgets who has sent the longest ago.
        let _ = SOCKET_OWNERS.insert(key, account.owner(), 0);
    }
}

at_entry!(late
    /// `int skb_copy_ubufs(struct sk_buff *, gfp_t)`, `net/core/skbuff.c`, 5.10 to 7.2: a
    /// receiver on this host gets what was sent with `MSG_ZEROCOPY`. At the entry, because at the return
    /// the socket buffer no longer says whose pages it had.
    CopyUbufs, zc_copy_ubufs, "skb_copy_ubufs", |call| {
        let skb = call.object(0);
        let bytes = u64::from(skb.load::<u32>(offset!(skb_data_len)));
        // Never to the running thread: an interrupt that receives what others sent runs in any.
        let late = sender(skb).or_else(|| owner(skb));
        if let Some(late) = late.or_else(LateAccount::unattributed) {
            count_late!(late, zerocopy_copied_later_bytes, bytes);
        }
    }
);

at_return!(late
    /// `int skb_copy_bits(const struct sk_buff *, int offset, void *to, int len)`,
    /// `net/core/skbuff.c`, 5.10 to 7.2: linearising (`__pskb_pull_tail`) and segmenting for a device
    /// that cannot gather (`skb_segment`), packet sockets.
    SkbCopyBits, zc_skb_copy_bits, "skb_copy_bits", |call| {
        if call.result_int() == 0 {
            linearized(call);
        }
    }
);

at_return!(late
    /// `__wsum skb_copy_and_csum_bits(const struct sk_buff *, int offset, u8 *to, int len, ...)`,
    /// `net/core/skbuff.c`, 5.10 to 7.2: segmenting for a device that computes no checksums either.
    SkbCopyCsum, zc_skb_copy_csum, "skb_copy_and_csum_bits", |call| linearized(call)
);

at_entry!(late
    /// `struct sk_buff *skb_segment(struct sk_buff *, netdev_features_t)`, `net/core/skbuff.c`, 5.10 to
    /// 7.2. Where the device computes no checksums, what refers to pages of others is copied packet by
    /// packet, and the packets do not have their socket yet.
    SegmentBegin, zc_segment_begin, "skb_segment", |call| {
        segmenting(call.object(0).load::<u64>(offset!(skb_sk)));
    }
);

at_return!(late
    /// The end of `skb_segment`.
    SegmentEnd, zc_segment_end, "skb_segment", |_call| segmenting(0)
);

/// Remembers the socket whose packet this CPU segments, 0 at the end. The thread that transmits is not
/// preempted in between.
#[inline(always)]
fn segmenting(socket: u64) {
    if let Some(cpu) = Cpu::this() {
        cpu.segments(socket);
    }
}

#[inline(always)]
fn linearized<const SITE: usize>(call: Traced<SITE>) {
    let skb = call.object(0);
    let flags = flags(skb);
    let is_pinned = flags & variant!(skb_zerocopy) != 0;
    // The first bytes through a socket leave before the call that sends them returns, which is when its
    // sender is remembered.
    let late = owner(skb)
        .or_else(|| if is_pinned { sender(skb) } else { None })
        .or_else(|| if in_call(skb) { sending() } else { None });
    if let Some(late) = late.or_else(LateAccount::unattributed) {
        let bytes = u64::from(call.integer(3) as u32);
        count_late!(late, linearizations, 1);
        count_late!(late, linearized_bytes, bytes);
        let is_referenced = !is_pinned && flags & variant!(skb_shared) != 0;
        if !is_pinned && !is_referenced {
            return;
        }
        match (is_pinned, gathers(skb)) {
            (true, false) => count_late!(late, zerocopy_linearized_bytes, bytes),
            (true, true) => count_late!(late, zerocopy_pulled_bytes, bytes),
            (false, false) => count_late!(late, referenced_linearized_bytes, bytes),
            (false, true) => count_late!(late, referenced_pulled_bytes, bytes),
        }
    }
}

/// Whether the device that a socket buffer is on its way to takes it in pieces: what is copied all the
/// same is what its driver wants in one piece, the beginning of packets. A device that computes no
/// checksums needs copies of pages that others may change while it sends them (`skb_segment`,
/// `net/core/skbuff.c`).
#[inline(always)]
fn gathers(skb: Object) -> bool {
    // `include/linux/netdev_features.h`, 5.10 to 7.2: NETIF_F_SG, and NETIF_F_CSUM_MASK.
    const GATHERS: u64 = 1;
    const SUMS: u64 = 1 << 1 | 1 << 3 | 1 << 4;
    // Where the device is named, a queue of TCP keeps a pointer of its own, and one of UDP numbers
    // (`struct sk_buff`, `include/linux/skbuff.h`).
    let device = Object::untyped(skb.load(offset!(skb_dev)));
    let features = device.read::<u64>(offset!(net_device_features)).unwrap_or_default();
    features & GATHERS != 0 && features & SUMS != 0
}

/// Whether a call holds the lock of the socket that a socket buffer belongs to (`lock_sock`,
/// `include/net/sock.h`), as one that sends does. An interrupt that sends or receives for a socket runs in
/// any thread, and not while a call holds the lock: so does a receiver short of memory, which copies, too
/// (`tcp_collapse`, `net/ipv4/tcp_input.c`).
#[inline(always)]
fn in_call(skb: Object) -> bool {
    Object::untyped(socket(skb)).read::<i32>(offset!(sock_owned)).is_some_and(|owned| owned != 0)
}

/// What a socket buffer says of its pages.
#[inline(always)]
fn flags(skb: Object) -> u32 {
    let shared = shared_info(skb);
    let flags = if offset!(shared_info_flags) == ABSENT {
        shared.read::<u8>(offset!(shared_info_flags_old))
    } else {
        shared.read::<u8>(offset!(shared_info_flags))
    };
    u32::from(flags.unwrap_or_default())
}

/// The `struct skb_shared_info` of a socket buffer: it lies behind the data.
#[inline(always)]
fn shared_info(skb: Object) -> Object {
    let head = skb.load::<u64>(offset!(skb_head));
    Object::untyped(head + u64::from(skb.load::<u32>(offset!(skb_end))))
}

/// The thread that sends through the socket that a socket buffer belongs to.
#[inline(always)]
fn owner(skb: Object) -> Option<LateAccount> {
    of_socket(socket(skb))
}

/// Address of the socket that a socket buffer belongs to, 0 when it belongs to none.
#[inline(always)]
fn socket(skb: Object) -> u64 {
    match (skb.load::<u64>(offset!(skb_sk)), Cpu::this()) {
        (0, Some(cpu)) => cpu.segmented_socket(),
        (socket, _) => socket,
    }
}

#[inline(always)]
fn of_socket(socket: u64) -> Option<LateAccount> {
    let hash = Object::untyped(socket).read::<u32>(offset!(sock_hash))?;
    of_key(SocketKey { address: socket, hash: u64::from(hash) })
}

#[inline(always)]
fn of_key(key: SocketKey) -> Option<LateAccount> {
    // SAFETY: the value is copied; a torn copy names no thread and is unattributed.
    let owner = *unsafe { SOCKET_OWNERS.get(key) }?;
    LateAccount::of(&owner)
}

/// Remembers that the running thread sends pages of its own, and that `notification` will report when
/// they are free again. Who is not followed, or has no record, takes the place of who used the same memory
/// for a notification before.
#[inline(always)]
pub(super) fn pins(account: Option<Account>, notification: Object) {
    let key = notified_by(notification.address());
    match account {
        Some(account) if !account.is_unattributed() => {
            let _ = SOCKET_OWNERS.insert(key, account.owner(), 0);
        }
        _ => {
            // One that is not there need not be forgotten.
            let _ = SOCKET_OWNERS.remove(key);
        }
    }
}

/// The thread that sent the pages of a socket buffer, which on this host's own interfaces no longer
/// knows its socket: the one that is notified when they are free, by `MSG_ZEROCOPY` or by io_uring.
#[inline(always)]
fn sender(skb: Object) -> Option<LateAccount> {
    // Its lowest bits are flags (`SKB_NOUARG`).
    let notification = shared_info(skb).read::<u64>(offset!(shared_info_uarg))? & !3;
    of_key(notified_by(notification))
}

/// Among the sockets, a notification is one that has no hash: while it exists, no socket has its
/// address.
#[inline(always)]
fn notified_by(address: u64) -> SocketKey {
    SocketKey { address, hash: 0 }
}

/// The running thread, when it is in a call that sends, or carries out an asynchronous operation.
#[inline(always)]
fn sending() -> Option<LateAccount> {
    const SENDS: [SyscallKind; 6] = [
        SyscallKind::Write,
        SyscallKind::Sendto,
        SyscallKind::Sendmsg,
        SyscallKind::Sendmmsg,
        SyscallKind::Sendfile,
        SyscallKind::Splice,
    ];
    let account = Account::current()?;
    if account.is_in_operation() {
        return Some(account.late());
    }
    let kind = account.running_call()?;
    if SENDS.iter().any(|sends| *sends as u8 == kind) { Some(account.late()) } else { None }
}
