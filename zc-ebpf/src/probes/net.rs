//! Network interfaces: what they transmit and receive, and whether it had to be linear.

use zc_common::device::{
    DEVICE_ETHERNET, DEVICE_LOOPBACK, DEVICE_VIRTUAL, interface_device, interface_key,
};

use super::{Arguments, tracepoint};
use crate::{
    devices::{Device, count_device},
    interfaces::Interface,
    kernel::{Object, field, offset},
};

/// What a driver returns for a packet that it took, and `NET_XMIT_CN`, which a stacked device passes on
/// from the queue below: the packet was taken, another may have been dropped. The kernel's statistics
/// count both (`vlan_dev_hard_start_xmit`, `macvlan_start_xmit`, 5.10 to 6.18).
const NETDEV_TX_OK: u32 = 0;
const NET_XMIT_CN: u32 = 2;
/// The driver has no room: the packet goes back to its queue, and is handed over again later.
const NETDEV_TX_BUSY: u32 = 0x10;

/// `include/uapi/linux/if_arp.h`.
const ARPHRD_ETHER: u16 = 1;
const ARPHRD_LOOPBACK: u16 = 772;

tracepoint!(
    /// `net_dev_start_xmit(const struct sk_buff *skb, const struct net_device *dev)`,
    /// `include/trace/events/net.h`, 5.10 to 7.2: the buffer as the driver gets it, with the link-layer
    /// header. Here and not in `net_dev_xmit`, where the buffer may be gone and its shape with it.
    zc_net_start, zc_net_start_raw, "net_dev_start_xmit", |arguments| started(arguments)
);

#[inline(always)]
fn started(arguments: Arguments) {
    let skb = arguments.object(0);
    let dev = arguments.object(1);
    let bytes = u64::from(field!(u32, skb, skb_len));
    let gathered = u64::from(field!(u32, skb, skb_data_len));
    let Some(key) = key(dev) else { return };
    match Interface::of(key) {
        Some(interface) => interface.sent(bytes, gathered),
        None => first_sent(dev, key, bytes, gathered),
    }
}

/// Counts a packet of an interface that does not have its slot.
#[inline(never)]
fn first_sent(dev: Object, key: u64, bytes: u64, gathered: u64) {
    let Some(device) = device(dev, key) else { return };
    if let Some(interface) = Interface::claim(key) {
        interface.sent(bytes, gathered);
    } else {
        count_device!(device, write_bytes, bytes);
        count_device!(device, write_requests, 1);
        count_device!(device, gather_bytes, gathered);
    }
}

tracepoint!(
    /// `net_dev_xmit(struct sk_buff *skb, int rc, struct net_device *dev, unsigned int skb_len)`,
    /// 5.10 to 7.2. What the driver did not take has been counted by `started`, and is counted again when it is
    /// handed over again. Almost every packet leaves this program at once.
    zc_net_xmit, zc_net_xmit_raw, "net_dev_xmit", |arguments| {
        if arguments.integer(1) as u32 != NETDEV_TX_OK {
            refused(arguments);
        }
    }
);

#[inline(always)]
fn refused(arguments: Arguments) {
    let result = arguments.integer(1) as u32;
    if result == NET_XMIT_CN {
        return;
    }
    let dev = arguments.object(2);
    let bytes = u64::from(arguments.integer(3) as u32);
    let Some(key) = key(dev) else { return };
    if let Some(interface) = Interface::of(key) {
        interface.refused(bytes);
    } else if let Some(device) = Device::known(&interface_device(key)) {
        count_device!(device, write_bytes, 0_u64.wrapping_sub(bytes));
        count_device!(device, write_requests, 0_u64.wrapping_sub(1));
        count_device!(device, errors, 1);
        // Otherwise the buffer is gone, and its shape stays counted.
        if result == NETDEV_TX_BUSY {
            let gathered = u64::from(arguments.object(0).load::<u32>(offset!(skb_data_len)));
            count_device!(device, gather_bytes, 0_u64.wrapping_sub(gathered));
        }
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
    match Interface::of(key) {
        Some(interface) => interface.received(bytes),
        None => first_received(dev, key, bytes),
    }
}

/// Counts a packet of an interface that does not have its slot.
#[inline(never)]
fn first_received(dev: Object, key: u64, bytes: u64) {
    let Some(device) = device(dev, key) else { return };
    if let Some(interface) = Interface::claim(key) {
        interface.received(bytes);
    } else {
        count_device!(device, read_bytes, bytes);
        count_device!(device, read_requests, 1);
    }
}

/// What tells an interface from others.
#[inline(always)]
fn key(dev: Object) -> Option<u64> {
    if dev.is_null() {
        return None;
    }
    let net = Object::member_of(dev, field!(u64, dev, net_device_net));
    if net.is_null() {
        return None;
    }
    Some(interface_key(field!(u32, net, net_inum), field!(u32, dev, net_device_ifindex)))
}

/// The shared record of an interface.
#[inline(always)]
fn device(dev: Object, key: u64) -> Option<Device> {
    let mut flags = 0;
    if dev.load::<u64>(offset!(net_device_parent)) == 0 {
        flags |= DEVICE_VIRTUAL;
    }
    match dev.load::<u16>(offset!(net_device_type)) {
        ARPHRD_ETHER => flags |= DEVICE_ETHERNET,
        ARPHRD_LOOPBACK => flags |= DEVICE_LOOPBACK,
        _ => {}
    }
    Device::named(&interface_device(key), dev, offset!(net_device_name), flags)
}
