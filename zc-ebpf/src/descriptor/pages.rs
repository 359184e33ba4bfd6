//! How pages reach sockets and leave them, as far as no copy site tells: not every socket takes references.

use zc_common::layout::ABSENT;

use super::{Class, File, IPPROTO_TCP, IPPROTO_UDP};
use crate::kernel::{Object, offset};

/// It is unknown how pages travel.
pub(crate) const PAGES_UNKNOWN: u64 = 0;
/// By a reference to each.
pub(crate) const PAGES_REFERRED_TO: u64 = 1;
/// What is in them is copied.
pub(crate) const PAGES_COPIED: u64 = 2;
/// It is copied on the way of the packets, where a copy site sees it.
pub(crate) const PAGES_COPIED_ON_THE_WAY: u64 = 3;

/// Whether references to pages get as far as the device of a route, and what happens where it gathers nothing: UDP copies
/// at once (`__ip_append_data`, `net/ipv4/ip_output.c`, and `ip_append_page` until 6.4), and of TCP, which counts on
/// segmentation to do so (`sk_setup_caps`, `net/core/sock.c`), packets are copied on their way (`validate_xmit_skb`,
/// `net/core/dev.c`).
#[inline(always)]
fn as_the_device_has_it(sock: Object, without: u64) -> u64 {
    /// `NETIF_F_SG`, `include/linux/netdev_features.h`.
    const SCATTER_GATHER: u64 = 1;
    let features = route_device(sock).and_then(|it| it.read::<u64>(offset!(net_device_features)));
    match features {
        None => PAGES_UNKNOWN,
        Some(features) if features & SCATTER_GATHER != 0 => PAGES_REFERRED_TO,
        Some(_) => without,
    }
}

/// Whether another protocol lies between the program and TCP, such as TLS.
#[inline(always)]
fn has_layer(sock: Object) -> bool {
    offset!(sock_layer) == ABSENT || sock.read::<u64>(offset!(sock_layer)).is_none_or(|it| it != 0)
}

/// The device through which the route of a connected socket leads.
#[inline(always)]
fn route_device(sock: Object) -> Option<Object> {
    let route = sock.read::<u64>(offset!(sock_route)).filter(|it| *it != 0)?;
    let device = Object::untyped(route).read::<u64>(offset!(route_device)).filter(|it| *it != 0)?;
    Some(Object::untyped(device))
}

impl File {
    /// How pages that are handed to this socket, which is of this class, reach it: one of the `PAGES_` values.
    #[inline(always)]
    fn takes_pages(self, class: Class) -> u64 {
        let sock = self.sock();
        let protocol = sock.read::<u16>(offset!(sock_protocol)).unwrap_or_default();
        match class {
            Class::UNIX => PAGES_REFERRED_TO,
            Class::UNIX_MESSAGES => PAGES_COPIED,
            Class::TCP if protocol != IPPROTO_TCP => PAGES_COPIED,
            Class::UDP if protocol != IPPROTO_UDP => PAGES_COPIED,
            // Encrypted, for one.
            Class::TCP if has_layer(sock) => PAGES_UNKNOWN,
            Class::TCP => as_the_device_has_it(sock, PAGES_COPIED_ON_THE_WAY),
            Class::UDP => as_the_device_has_it(sock, PAGES_COPIED),
            _ => PAGES_UNKNOWN,
        }
    }

    /// How what this socket, which is of this class, has received reaches a pipe: one of the `PAGES_` values. What a
    /// driver, or the sender of a unix socket, has put into the head of a packet is copied (`linear_to_page`,
    /// `net/core/skbuff.c`); TCP puts nothing there that comes from the host itself.
    #[inline(always)]
    fn gives_pages(self, class: Class) -> u64 {
        const IFF_LOOPBACK: u32 = 1 << 3;
        let sock = self.sock();
        match class {
            Class::UDP | Class::UNIX_MESSAGES => PAGES_COPIED,
            Class::TCP => {
                let protocol = sock.read::<u16>(offset!(sock_protocol)).unwrap_or_default();
                let flags = route_device(sock).and_then(|it| it.read(offset!(net_device_flags)));
                let is_local = flags.is_some_and(|flags: u32| flags & IFF_LOOPBACK != 0);
                if protocol == IPPROTO_TCP && is_local && !has_layer(sock) {
                    PAGES_REFERRED_TO
                } else {
                    PAGES_UNKNOWN
                }
            }
            _ => PAGES_UNKNOWN,
        }
    }
}

/// How pages reach or leave the socket `fd` of the running task, if it still is of this class: a `PAGES_` value.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_pages(fd: u64, class: u64, receives: u64) -> u64 {
    let class = Class(class as u8);
    match File::of(Object::current_task(), fd) {
        Some(file) if file.class() == class && receives != 0 => file.gives_pages(class),
        Some(file) if file.class() == class => file.takes_pages(class),
        _ => PAGES_UNKNOWN,
    }
}

/// How pages reach the socket whose open file is at `address`: a `PAGES_` value.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_pages_into(address: u64) -> u64 {
    File::at(address).map_or(PAGES_UNKNOWN, |file| file.takes_pages(file.class()))
}

/// As [`pages_to`], by the address of the open file.
#[inline(always)]
pub(crate) fn pages_into(file: u64) -> u64 {
    zc_pages_into(file)
}

/// How pages reach the socket `fd` of the running task, which was of this class: a `PAGES_` value.
#[inline(always)]
pub(crate) fn pages_to(fd: u64, class: Class) -> u64 {
    zc_pages(fd, u64::from(class.0), 0)
}

/// How pages leave it.
#[inline(always)]
pub(crate) fn pages_from(fd: u64, class: Class) -> u64 {
    zc_pages(fd, u64::from(class.0), 1)
}
