//! Network interfaces: what they transmit and receive, and whether it had to be linear.

use zc_common::device::{DEVICE_ETHERNET, DEVICE_LOOPBACK, DEVICE_VIRTUAL, InterfaceKey};

use super::{Arguments, tracepoint};
use crate::{
    devices::{Device, count_device},
    interfaces::{Interface, device_key},
    kernel::{Object, field, offset},
};

/// What a driver returns for a packet that it took, and `NET_XMIT_CN`, which a stacked device passes on
/// from the queue below: the packet was taken, another may have been dropped. The kernel's statistics
/// count both (`vlan_dev_hard_start_xmit`, `macvlan_start_xmit`, 5.10 to 6.18).
const NETDEV_TX_OK: u32 = 0;
const NET_XMIT_CN: u32 = 2;

/// `include/uapi/linux/if_arp.h`.
const ARPHRD_ETHER: u16 = 1;
const ARPHRD_LOOPBACK: u16 = 772;

tracepoint!(
    /// `net_dev_start_xmit(const struct sk_buff *skb, const struct net_device *dev)`,
    /// `include/trace/events/net.h`, 5.10 to 7.2: the buffer as the driver gets it, with the link-layer
    /// header. Its shape is looked at here and not in `net_dev_xmit`, where the buffer may be gone. User space
    /// detaches this program most of the time while there are very many packets.
    zc_net_start, zc_net_start_raw, "net_dev_start_xmit", |arguments| started(arguments)
);

#[inline(always)]
fn started(arguments: Arguments) {
    let skb = arguments.object(0);
    let dev = arguments.object(1);
    let bytes = u64::from(field!(u32, skb, skb_len));
    let gathered = u64::from(field!(u32, skb, skb_data_len));
    let Some(key) = key(dev) else { return };
    match Interface::of(dev.address(), &key) {
        Some(interface) => interface.shaped(dev.address(), bytes, gathered),
        None => first_shaped(dev, bytes, gathered),
    }
}

/// Counts the shape of a packet of an interface that does not have its slot.
#[inline(never)]
fn first_shaped(dev: Object, bytes: u64, gathered: u64) {
    let Some(key) = key(dev) else { return };
    let Some(device) = device(dev, &key) else { return };
    if let Some(interface) = Interface::claim(dev.address(), &key) {
        interface.shaped(dev.address(), bytes, gathered);
    } else {
        count_device!(device, shaped_bytes, bytes);
        count_device!(device, shaped_packets, 1);
        count_device!(device, gather_bytes, gathered);
    }
}

tracepoint!(
    /// `net_dev_xmit(struct sk_buff *skb, int rc, struct net_device *dev, unsigned int skb_len)`,
    /// 5.10 to 7.2: what became of the packet, and how long it was. What the driver did not take it may be
    /// handed again.
    zc_net_xmit, zc_net_xmit_raw, "net_dev_xmit", |arguments| transmitted(arguments)
);

#[inline(always)]
fn transmitted(arguments: Arguments) {
    let result = arguments.integer(1);
    let dev = arguments.object(2);
    let bytes = u64::from(arguments.integer(3) as u32);
    let taken = result as u32 & !NET_XMIT_CN == NETDEV_TX_OK;
    match Interface::pending(dev.address()) {
        Some(interface) if taken => interface.sent(bytes),
        Some(interface) => interface.refused(bytes),
        None => unshaped(dev, bytes, taken),
    }
}

/// Counts a packet whose shape was not looked at.
#[inline(always)]
fn unshaped(dev: Object, bytes: u64, taken: bool) {
    let Some(key) = key(dev) else { return };
    match Interface::of(dev.address(), &key) {
        Some(interface) if taken => interface.sent(bytes),
        Some(interface) => interface.refused(bytes),
        None => first_transmitted(dev, bytes, taken),
    }
}

/// Counts a packet of an interface that does not have its slot. The shape of one that was refused stays counted.
#[inline(never)]
fn first_transmitted(dev: Object, bytes: u64, taken: bool) {
    let Some(key) = key(dev) else { return };
    let Some(device) = device(dev, &key) else { return };
    match Interface::claim(dev.address(), &key) {
        Some(interface) if taken => interface.sent(bytes),
        Some(interface) => interface.refused(bytes),
        None if taken => {
            count_device!(device, write_bytes, bytes);
            count_device!(device, write_requests, 1);
        }
        None => count_device!(device, errors, 1),
    }
}

tracepoint!(
    /// `netif_receive_skb(struct sk_buff *skb)`, 5.10 to 7.2: after the driver and GRO, without
    /// the link-layer header, which user space adds.
    zc_net_receive, zc_net_receive_raw, "netif_receive_skb", |arguments| received(arguments)
);

#[inline(always)]
fn received(arguments: Arguments) {
    let skb = arguments.object(0);
    let dev = Object::member_of(skb, field!(u64, skb, skb_dev));
    let bytes = u64::from(field!(u32, skb, skb_len));
    let Some(key) = key(dev) else { return };
    match Interface::of(dev.address(), &key) {
        Some(interface) => interface.received(bytes),
        None => first_received(dev, bytes),
    }
}

/// Counts a packet of an interface that does not have its slot.
#[inline(never)]
fn first_received(dev: Object, bytes: u64) {
    let Some(key) = key(dev) else { return };
    let Some(device) = device(dev, &key) else { return };
    if let Some(interface) = Interface::claim(dev.address(), &key) {
        interface.received(bytes);
    } else {
        count_device!(device, read_bytes, bytes);
        count_device!(device, read_requests, 1);
    }
}

/// What tells an interface from others.
#[inline(always)]
fn key(dev: Object) -> Option<InterfaceKey> {
    if dev.is_null() {
        return None;
    }
    let net = Object::member_of(dev, field!(u64, dev, net_device_net));
    if net.is_null() {
        return None;
    }
    // A rename while a packet passes can be seen half done, but only of a name longer than a word.
    let name = dev.load_words(offset!(net_device_name));
    Some(InterfaceKey { namespace: field!(u32, net, net_inum).into(), name })
}

/// The shared record of an interface.
#[inline(always)]
fn device(dev: Object, key: &InterfaceKey) -> Option<Device> {
    Device::of(&device_key(key), || {
        let mut flags = 0;
        if dev.load::<u64>(offset!(net_device_parent)) == 0 {
            flags |= DEVICE_VIRTUAL;
        }
        match dev.load::<u16>(offset!(net_device_type)) {
            ARPHRD_ETHER => flags |= DEVICE_ETHERNET,
            ARPHRD_LOOPBACK => flags |= DEVICE_LOOPBACK,
            _ => {}
        }
        flags
    })
}
