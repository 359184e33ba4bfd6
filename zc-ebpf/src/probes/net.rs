//! Network interfaces: what they transmit and receive, and whether it had to be linear.

use zc_common::device::{DEVICE_VIRTUAL, DeviceKey, KIND_NET};

use super::{Arguments, tracepoint};
use crate::{
    devices::{Device, count_device},
    kernel::{Object, offset},
};

tracepoint!(
    /// `net_dev_xmit(struct sk_buff *skb, int rc, struct net_device *dev, unsigned int skb_len)`,
    /// `include/trace/events/net.h`, 5.10 to 7.2. The buffer may be gone, only its length is safe.
    zc_net_xmit, zc_net_xmit_raw, "net_dev_xmit", |arguments| transmitted(arguments)
);

#[inline(always)]
fn transmitted(arguments: Arguments) {
    let Some(device) = interface(arguments.object(2)) else { return };
    if arguments.integer(1) as u32 == 0 {
        count_device!(device, write_bytes, u64::from(arguments.integer(3) as u32));
        count_device!(device, write_requests, 1);
    } else {
        count_device!(device, errors, 1);
    }
}

tracepoint!(
    /// `net_dev_start_xmit(const struct sk_buff *skb, const struct net_device *dev)`, 5.10 to 7.2:
    /// the shape of the buffer as the driver gets it.
    zc_net_start, zc_net_start_raw, "net_dev_start_xmit", |arguments| started(arguments)
);

#[inline(always)]
fn started(arguments: Arguments) {
    let skb = arguments.object(0);
    let Some(device) = interface(arguments.object(1)) else { return };
    let all = skb.load::<u32>(offset!(skb_len));
    let paged = skb.load::<u32>(offset!(skb_data_len));
    count_device!(device, linear_bytes, u64::from(all - paged));
    count_device!(device, gather_bytes, u64::from(paged));
}

tracepoint!(
    /// `netif_receive_skb(struct sk_buff *skb)`, 5.10 to 7.2: after the driver and GRO, without
    /// the link-layer header.
    zc_net_receive, zc_net_receive_raw, "netif_receive_skb", |arguments| received(arguments)
);

#[inline(always)]
fn received(arguments: Arguments) {
    let skb = arguments.object(0);
    let Some(device) = interface(skb.follow(offset!(skb_dev))) else { return };
    count_device!(device, read_bytes, u64::from(skb.load::<u32>(offset!(skb_len))));
    count_device!(device, read_requests, 1);
}

/// The record of a network interface.
#[inline(always)]
fn interface(dev: Object) -> Option<Device> {
    if dev.is_null() {
        return None;
    }
    let key = DeviceKey {
        kind: KIND_NET,
        id: dev.load(offset!(net_device_ifindex)),
        namespace: u64::from(dev.follow(offset!(net_device_net)).load::<u32>(offset!(net_inum))),
    };
    let is_virtual = dev.load::<u64>(offset!(net_device_parent)) == 0;
    Device::named(&key, dev, offset!(net_device_name), if is_virtual { DEVICE_VIRTUAL } else { 0 })
}
