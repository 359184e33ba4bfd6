//! Memory made reachable for devices: the DMA API, bounce buffers, and I/O memory management units.
//!
//! A cross-check of what devices say they moved, per device on its bus. Not every transfer is a
//! mapping: rings are mapped once and used until the driver is unloaded, and virtio without an IOMMU maps nothing.

use aya_ebpf::helpers::generated::{bpf_loop, bpf_probe_read_kernel_str};
use zc_common::{
    device::{DeviceKey, DeviceName, KIND_BUS, KIND_IOMMU},
    loss::Loss,
};

use super::{Arguments, tracepoint};
use crate::{
    devices::{Device, count_device},
    kernel::{Object, offset, variant},
    losses::note_losses,
};

/// `enum dma_data_direction`, `include/linux/dma-direction.h`.
const DMA_TO_DEVICE: u32 = 1;
const DMA_FROM_DEVICE: u32 = 2;

/// Entries of a scatter list that one program looks at. NVMe has at most 128 per request, most
/// others fewer.
const MOST_ENTRIES: u32 = 256;

/// In `scatterlist.page_link`, `include/linux/scatterlist.h`: the entry leads to another list.
const SG_CHAIN: u64 = 1;
/// As above: this is the last entry.
const SG_END: u64 = 2;

tracepoint!(
    /// `dma_map_phys(struct device *dev, phys_addr_t phys_addr, dma_addr_t dma_addr, size_t size,
    /// enum dma_data_direction dir, unsigned long attrs)`, `include/trace/events/dma.h`, 6.18 to
    /// 7.2; in 6.12 `dma_map_page` with the same arguments.
    zc_dma_map, zc_dma_map_raw, "dma_map_phys", |arguments| {
        mapped(arguments.object(0), arguments.integer(4) as u32, arguments.integer(3));
    }
);

tracepoint!(
    /// `dma_map_sg(struct device *dev, struct scatterlist *sgl, int nents, int ents, enum
    /// dma_data_direction dir, unsigned long attrs)`, 6.12 to 7.2.
    zc_dma_map_list, zc_dma_map_list_raw, "dma_map_sg", |arguments| {
        let bytes = list_bytes(arguments.number(1), arguments.integer(2) as u32);
        mapped(arguments.object(0), arguments.integer(4) as u32, bytes);
    }
);

#[inline(always)]
fn mapped(dev: Object, direction: u32, bytes: u64) {
    let Some(device) = on_bus(dev) else { return };
    match direction {
        DMA_TO_DEVICE => {
            count_device!(device, write_bytes, bytes);
            count_device!(device, write_requests, 1);
        }
        DMA_FROM_DEVICE => {
            count_device!(device, read_bytes, bytes);
            count_device!(device, read_requests, 1);
        }
        _ => count_device!(device, both_bytes, bytes),
    }
}

/// Where the walk along a scatter list is.
#[repr(C)]
struct Walk {
    /// Address of the next entry.
    entry: u64,
    /// What the entries that were counted map.
    bytes: u64,
    /// Entries that have not been counted yet.
    left: u64,
    /// 1 once the last entry was counted. Whole words, as the verifier follows no parts of one.
    finished: u64,
}

/// Bytes of a scatter list of `entries`.
///
/// The helper repeats the step, so the verifier follows it a few times instead of [`MOST_ENTRIES`] times. It
/// exists since 5.17, the tracepoint since 6.12.
#[inline(always)]
fn list_bytes(entry: u64, entries: u32) -> u64 {
    let mut walk = Walk { entry, bytes: 0, left: u64::from(entries), finished: 0 };
    let step: unsafe extern "C" fn(u64, *mut Walk) -> i64 = step;
    // SAFETY: the helper calls the step with its context, which lives until it returns.
    unsafe { bpf_loop(MOST_ENTRIES, step as *mut _, (&raw mut walk).cast(), 0) };
    if walk.finished == 0 {
        note_losses(Loss::ScatterListsTruncated, walk.left);
    }
    walk.bytes
}

/// Counts an entry, or follows it to another list. 0: the walk goes on; 1: it ends.
unsafe extern "C" fn step(_index: u64, walk: *mut Walk) -> i64 {
    // SAFETY: the context of the helper, which is on the stack of its caller.
    let walk = unsafe { &mut *walk };
    let entry = Object::untyped(walk.entry);
    let Some(link) = entry.read::<u64>(offset!(sg_link)) else { return 1 };
    if link & SG_CHAIN != 0 {
        walk.entry = link & !(SG_CHAIN | SG_END);
        return 0;
    }
    walk.bytes += u64::from(entry.read::<u32>(offset!(sg_length)).unwrap_or_default());
    walk.left = walk.left.saturating_sub(1);
    if walk.left == 0 || link & SG_END != 0 {
        walk.finished = 1;
        return 1;
    }
    walk.entry = walk.entry.wrapping_add(u64::from(variant!(sg_bytes)));
    0
}

tracepoint!(
    /// `swiotlb_bounced(struct device *dev, dma_addr_t dev_addr, size_t size)`,
    /// `include/trace/events/swiotlb.h`, 5.10 to 7.2 (5.10 with a fourth argument): once for every
    /// mapping that goes through a bounce buffer, whichever way its bytes are copied.
    zc_bounced, zc_bounced_raw, "swiotlb_bounced", |arguments| bounced(arguments)
);

#[inline(always)]
fn bounced(arguments: Arguments) {
    let Some(device) = on_bus(arguments.object(0)) else { return };
    count_device!(device, bounced_bytes, arguments.integer(2));
}

tracepoint!(
    /// `map(unsigned long iova, phys_addr_t paddr, size_t size)`, `include/trace/events/iommu.h`,
    /// 5.10 to 7.2.
    zc_iommu_map, zc_iommu_map_raw, "map", |arguments| {
        if let Some(units) = iommu() {
            count_device!(units, both_bytes, arguments.integer(2));
        }
    }
);

tracepoint!(
    /// `unmap(unsigned long iova, size_t size, size_t unmapped_size)`, 5.10 to 7.2.
    zc_iommu_unmap, zc_iommu_unmap_raw, "unmap", |arguments| {
        if let Some(units) = iommu() {
            count_device!(units, unmapped_bytes, arguments.integer(2));
        }
    }
);

/// The record of a device on its bus. Its address and its name tell it from others: it has no number of its
/// own.
#[inline(always)]
fn on_bus(dev: Object) -> Option<Device> {
    if dev.is_null() {
        return None;
    }
    // `dev_name()`, `include/linux/device.h`.
    let mut text = dev.load::<u64>(offset!(device_init_name));
    if text == 0 {
        text = dev.load::<u64>(offset!(device_name));
    }
    let mut name: DeviceName = [0; 4];
    // SAFETY: the helper checks the source, and writes no more than there is room for: the string, and nothing
    // that lies behind it.
    unsafe {
        bpf_probe_read_kernel_str(
            name.as_mut_ptr().cast(),
            size_of::<DeviceName>() as u32,
            text as *const _,
        );
    }
    Device::of(&DeviceKey { kind: KIND_BUS, id: 0, namespace: dev.address(), name }, || 0)
}

/// The record of all I/O memory management units: their events name no device.
#[inline(always)]
fn iommu() -> Option<Device> {
    let name = [u64::from_ne_bytes(*b"iommu\0\0\0"), 0, 0, 0];
    Device::of(&DeviceKey { kind: KIND_IOMMU, id: 0, namespace: 0, name }, || 0)
}
