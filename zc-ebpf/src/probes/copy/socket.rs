//! Between sockets and the callers that send and receive.

use zc_common::record::EVIDENCE_REFERENCE;

use super::{
    Traced, at_entry, at_return, copied, copied_inside, referenced,
    transmit::{owns, pins},
};
use crate::{
    account::Account,
    kernel::{Object, offset},
};

at_return!(
    /// `int skb_copy_datagram_iter(const struct sk_buff *, int offset, struct iov_iter *, int len)`,
    /// `net/core/datagram.c`, 5.10 to 7.2.
    SkbToIter, zc_skb_to_iter, "skb_copy_datagram_iter", |call| {
        if call.result_int() == 0 && call.copies() {
            copied_inside(i64::from(call.integer(3) as i32));
        }
    }
);

at_return!(
    /// `int skb_copy_datagram_from_iter(struct sk_buff *, int offset, struct iov_iter *, int len)`,
    /// `net/core/datagram.c`, 5.10 to 7.2: unix, vsock, tun.
    SkbFromIter, zc_skb_from_iter, "skb_copy_datagram_from_iter", |call| {
        if call.result_int() == 0 && call.copies() {
            copied(i64::from(call.integer(3) as i32));
        }
    }
);

at_return!(
    /// `int udp_recvmsg(struct sock *, struct msghdr *, size_t len, ...)`, `net/ipv4/udp.c`: four
    /// arguments in 7.2, six in 5.10. Linear datagrams are copied right here, others by
    /// `skb_copy_datagram_iter`. The result may be more than the buffer holds (`MSG_TRUNC`).
    UdpRecv, zc_udp_recv, "udp_recvmsg", |call| datagram(call)
);

at_return!(
    /// `int udpv6_recvmsg(...)`, `net/ipv6/udp.c`, as `udp_recvmsg`.
    Udp6Recv, zc_udp6_recv, "udpv6_recvmsg", |call| datagram(call)
);

#[inline(always)]
fn datagram<const SITE: usize>(call: Traced<SITE>) {
    let result = call.result_int();
    let Some(account) = Account::current() else { return };
    let nested = account.take_nested();
    let room = call.integer(2) as i64;
    let bytes = if result < room { result } else { room };
    if bytes > 0 {
        account.copied((bytes as u64).saturating_sub(nested));
    }
}

at_return!(
    /// `int ip_generic_getfrag(void *from, char *to, int offset, int len, int odd, struct sk_buff *)`,
    /// `net/ipv4/ip_output.c`, 5.10 to 7.2: UDP and raw sockets.
    Getfrag, zc_getfrag, "ip_generic_getfrag", |call| {
        if call.result_int() == 0
            && let Some(account) = Account::current()
        {
            account.copied(u64::from(call.integer(3) as u32));
            owns(account, call.object(5).follow(offset!(skb_sk)));
        }
    }
);

at_return!(
    /// `int tcp_sendmsg_locked(struct sock *, struct msghdr *, size_t)`, `net/ipv4/tcp.c`, 5.10 to
    /// 7.2. Its copies are inlined into it: all that it returns but what went by reference.
    TcpSend, zc_tcp_send, "tcp_sendmsg_locked", |call| {
        let result = call.result_int();
        if let Some(account) = Account::current() {
            owns(account, call.object(0));
            let nested = account.take_nested();
            if result > 0 {
                account.copied((result as u64).saturating_sub(nested));
            }
        }
    }
);

at_return!(
    /// `int sk_msg_memcopy_from_iter(struct sock *, struct iov_iter *, struct sk_msg *, u32 bytes)`,
    /// `net/core/skmsg.c`, 5.10 to 7.2. Until 6.18 it returns the last piece only.
    SkMsgCopy, zc_sk_msg_copy, "sk_msg_memcopy_from_iter", |call| {
        if call.result_int() >= 0 {
            copied(i64::from(call.integer(3) as u32));
        }
    }
);

at_return!(
    /// `int netlink_sendmsg(struct socket *, struct msghdr *, size_t)`, `net/netlink/af_netlink.c`.
    NetlinkSend, zc_netlink_send, "netlink_sendmsg", |call| copied(call.result_int())
);

at_return!(
    /// `ssize_t skb_splice_from_iter(struct sk_buff *, struct iov_iter *, ssize_t, ...)`,
    /// `net/core/skbuff.c`, since 6.5; `do_tcp_sendpages` before.
    SkbSplice, zc_skb_splice, "skb_splice_from_iter", |call| {
        let result = call.result();
        let Some(account) = Account::current() else { return 0 };
        if call.variant() > 0 {
            owns(account, call.object(0));
        }
        if result > 0 {
            account.note(EVIDENCE_REFERENCE);
            account.note_nested(result as u64);
        }
    }
);

at_return!(
    /// `ssize_t unix_stream_sendpage(...)`, `net/unix/af_unix.c`, until 6.4.
    UnixSendpage, zc_unix_sendpage, "unix_stream_sendpage", |call| referenced(call.result())
);

at_return!(
    /// `int skb_zerocopy_iter_stream(struct sock *, struct sk_buff *, struct msghdr *, int len, struct
    /// ubuf_info *, ...)`, `net/core/skbuff.c`, 5.10 to 7.2: before the pages are sent.
    SkbZerocopy, zc_skb_zerocopy, "skb_zerocopy_iter_stream", |call| {
        let result = call.result_int();
        if result > 0
            && let Some(account) = Account::current()
        {
            account.note(EVIDENCE_REFERENCE);
            account.note_nested(result as u64);
        }
    }
);

at_entry!(late
    /// `int __zerocopy_sg_from_iter(struct msghdr *, struct sock *, struct sk_buff *, struct iov_iter *,
    /// size_t, ...)`, `net/core/datagram.c`, since 6.0, when `msg_ubuf` came: the notification of an
    /// io_uring send, be it of TCP or of datagrams.
    ZerocopyPages, zc_zerocopy_pages, "__zerocopy_sg_from_iter", |call| {
        let notification = call.object(0).load::<u64>(offset!(msg_ubuf));
        if notification != 0 {
            pins(Account::current(), Object::untyped(notification));
        }
    }
);

at_return!(late
    /// `struct ubuf_info *msg_zerocopy_realloc(struct sock *, size_t, struct ubuf_info *, ...)`,
    /// `net/core/skbuff.c`; `sock_zerocopy_realloc` before 5.12. Every send for which the kernel
    /// honours `MSG_ZEROCOPY` begins with it. Other sites see what is copied all the same.
    ZerocopyNotice, zc_zerocopy_notice, "msg_zerocopy_realloc", |call| {
        let notification = call.result();
        if notification == 0 {
            return 0;
        }
        let account = Account::current();
        pins(account, Object::untyped(notification as u64));
        if let Some(account) = account {
            owns(account, call.object(0));
            account.note(EVIDENCE_REFERENCE);
        }
    }
);
