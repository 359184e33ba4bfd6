//! Network interfaces: what they transmit and receive, and whether it had to be linear.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel as probe_read_kernel;
use zc_common::{
    device::{DEVICE_NAME_LEN, DEVICE_VIRTUAL, DeviceKey, DeviceRecord, KIND_NET},
    loss::Loss,
};

use super::{Arguments, tracepoint};
use crate::{
    account::{add_shared, note_loss},
    kernel::{Object, layout},
    maps::DEVICES,
};

tracepoint!(
    /// `net_dev_xmit(struct sk_buff *skb, int rc, struct net_device *dev, unsigned int skb_len)`,
    /// `include/trace/events/net.h`, 5.10 to 7.2. The buffer may be gone, only its length is safe.
    zc_net_xmit, zc_net_xmit_raw, "net_dev_xmit", |arguments| transmitted(arguments)
);

#[inline(always)]
fn transmitted(arguments: Arguments) {
    let Some(record) = interface(arguments.object(2)) else { return };
    // SAFETY: a map value, written atomically.
    unsafe {
        if arguments.integer(1) as u32 == 0 {
            add_shared(&raw mut (*record).write_bytes, u64::from(arguments.integer(3) as u32));
            add_shared(&raw mut (*record).write_requests, 1);
        } else {
            add_shared(&raw mut (*record).errors, 1);
        }
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
    let Some(record) = interface(arguments.object(1)) else { return };
    let all = skb.load::<u32>(layout!(skb_len));
    let paged = skb.load::<u32>(layout!(skb_data_len));
    // SAFETY: a map value, written atomically.
    unsafe {
        add_shared(&raw mut (*record).linear_bytes, u64::from(all - paged));
        add_shared(&raw mut (*record).gather_bytes, u64::from(paged));
    }
}

tracepoint!(
    /// `netif_receive_skb(struct sk_buff *skb)`, 5.10 to 7.2: after the driver and GRO, without
    /// the link-layer header.
    zc_net_receive, zc_net_receive_raw, "netif_receive_skb", |arguments| received(arguments)
);

#[inline(always)]
fn received(arguments: Arguments) {
    let skb = arguments.object(0);
    let Some(record) = interface(skb.follow(layout!(skb_dev))) else { return };
    // SAFETY: a map value, written atomically.
    unsafe {
        add_shared(&raw mut (*record).read_bytes, u64::from(skb.load::<u32>(layout!(skb_len))));
        add_shared(&raw mut (*record).read_requests, 1);
    }
}

/// The record of a network interface.
#[inline(always)]
fn interface(dev: Object) -> Option<*mut DeviceRecord> {
    if dev.is_null() {
        return None;
    }
    let key = DeviceKey {
        kind: KIND_NET,
        id: dev.load(layout!(net_device_ifindex)),
        namespace: u64::from(dev.follow(layout!(net_device_net)).load::<u32>(layout!(net_inum))),
    };
    let is_virtual = dev.load::<u64>(layout!(net_device_parent)) == 0;
    device(&key, dev, layout!(net_device_name), if is_virtual { DEVICE_VIRTUAL } else { 0 })
}

/// The record of a device, made at its first event. `name` is the offset of its name.
#[inline(always)]
pub(super) fn device(
    key: &DeviceKey,
    object: Object,
    name: u32,
    flags: u64,
) -> Option<*mut DeviceRecord> {
    named_device(key, || {
        let mut new = DeviceRecord { flags, ..DeviceRecord::ZERO };
        // SAFETY: the helper checks the source. Interface names are 16 bytes, disk names 32: what
        // follows a shorter name is cut off at its NUL by user space.
        unsafe {
            probe_read_kernel(
                new.name.as_mut_ptr().cast(),
                DEVICE_NAME_LEN as u32,
                (object.address() + u64::from(name)) as *const _,
            );
        }
        new
    })
}

/// The record of a device; `make` makes it at its first event.
#[inline(always)]
pub(super) fn named_device(
    key: &DeviceKey,
    make: impl Fn() -> DeviceRecord,
) -> Option<*mut DeviceRecord> {
    if let Some(record) = DEVICES.get_ptr_mut(key) {
        return Some(record);
    }
    // Another CPU may have been faster: either way the record is there now, unless the table is full.
    let _ = DEVICES.insert(key, make(), 1);
    let record = DEVICES.get_ptr_mut(key);
    if record.is_none() {
        note_loss(Loss::DevicesExhausted);
    }
    record
}
