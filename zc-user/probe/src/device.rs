//! Devices, from the kernel side's records of them.

use zc_common::device::{
    DEVICE_ETHERNET, DEVICE_LOOPBACK, DEVICE_VIRTUAL, DeviceKey, DeviceRecord, ETHERNET_HEADER,
    KIND_BLOCK, KIND_BUS, KIND_IOMMU, KIND_NET,
};

use super::coverage::{Coverage, DeviceFigure};
use zc_model::snapshot::{DeviceKind, DeviceSample, MERGED_DEVICES, Mapped};

/// The sample of a record.
pub(super) fn sample(key: DeviceKey, record: &DeviceRecord, coverage: &Coverage) -> DeviceSample {
    let name: Vec<u8> = key.name().collect();
    let blank = DeviceSample {
        device: String::from_utf8_lossy(&name).into_owned(),
        kind: DeviceKind::Block,
        namespace: None,
        software: false,
        read_bytes: 0,
        write_bytes: 0,
        read_requests: 0,
        write_requests: 0,
        errors: 0,
        linear_bytes: 0,
        gather_bytes: 0,
        mapped: None,
    };
    let moved = || DeviceSample {
        read_bytes: record.read_bytes,
        write_bytes: record.write_bytes,
        read_requests: record.read_requests,
        write_requests: record.write_requests,
        errors: record.errors,
        ..blank.clone()
    };
    let known = |figure, bytes: u64| coverage.has(figure).then_some(bytes);
    match key.kind {
        KIND_BUS => DeviceSample {
            kind: DeviceKind::Bus,
            mapped: Some(Mapped {
                from_device_bytes: known(DeviceFigure::Mapped, record.read_bytes),
                to_device_bytes: known(DeviceFigure::Mapped, record.write_bytes),
                bidirectional_bytes: known(DeviceFigure::Mapped, record.both_bytes),
                unmapped_bytes: None,
                bounced_bytes: known(DeviceFigure::Bounced, record.bounced_bytes),
            }),
            ..blank
        },
        KIND_IOMMU => DeviceSample {
            kind: DeviceKind::Iommu,
            mapped: Some(Mapped {
                bidirectional_bytes: Some(record.both_bytes),
                unmapped_bytes: Some(record.unmapped_bytes),
                ..Mapped::default()
            }),
            ..blank
        },
        KIND_NET => {
            let (read_bytes, write_bytes) = as_the_kernel_counts(record);
            // Of a packet on its way to the driver, the shape is known first.
            let (_, shaped_bytes) = as_the_kernel_counts(&DeviceRecord {
                write_bytes: record.shaped_bytes,
                write_requests: record.shaped_packets,
                ..*record
            });
            let shaped_bytes = shaped_bytes.min(write_bytes);
            DeviceSample {
                kind: DeviceKind::Net,
                namespace: Some(key.namespace),
                software: record.flags & DEVICE_VIRTUAL != 0,
                read_bytes,
                write_bytes,
                linear_bytes: shaped_bytes.saturating_sub(record.gather_bytes),
                gather_bytes: record.gather_bytes,
                ..moved()
            }
        }
        KIND_BLOCK.. => DeviceSample { software: is_software_disk(&blank.device), ..moved() },
    }
}

/// Bytes received and sent, with link-layer headers in both directions or in none, as the kernel's
/// statistics have them. The hooks see packets with their header on the way out and without it on the way in.
/// Loopback counts packets without (`loopback_xmit`, `drivers/net/loopback.c`, 5.10 to 7.2), other
/// interfaces with Ethernet count what is on the wire.
const fn as_the_kernel_counts(record: &DeviceRecord) -> (u64, u64) {
    let DeviceRecord { read_bytes, write_bytes, read_requests, write_requests, flags, .. } =
        *record;
    if flags & DEVICE_ETHERNET != 0 {
        (read_bytes.saturating_add(read_requests.saturating_mul(ETHERNET_HEADER)), write_bytes)
    } else if flags & DEVICE_LOOPBACK != 0 {
        (read_bytes, write_bytes.saturating_sub(write_requests.saturating_mul(ETHERNET_HEADER)))
    } else {
        (read_bytes, write_bytes)
    }
}

/// What tells a device from others, and their order.
pub(super) fn identity(sample: &DeviceSample) -> (DeviceKind, &str, Option<u64>) {
    (sample.kind, &sample.device, sample.namespace)
}

/// Adds `next` to `kept` when it is the same device, which was taken off and put back: a device on a bus at
/// another address, an interface with another index, a disk with another number.
pub(super) fn absorb(kept: &mut DeviceSample, next: &DeviceSample) -> bool {
    if identity(kept) != identity(next) {
        return false;
    }
    if let (Some(sum), Some(more)) = (&kept.mapped, &next.mapped) {
        kept.mapped = Some(sum.zip_with(more, |a, b| a + b));
        return true;
    }
    kept.software &= next.software;
    for (sum, more) in [
        (&mut kept.read_bytes, next.read_bytes),
        (&mut kept.write_bytes, next.write_bytes),
        (&mut kept.read_requests, next.read_requests),
        (&mut kept.write_requests, next.write_requests),
        (&mut kept.errors, next.errors),
        (&mut kept.linear_bytes, next.linear_bytes),
        (&mut kept.gather_bytes, next.gather_bytes),
    ] {
        *sum = sum.saturating_add(more);
    }
    true
}

/// Adds a device that is no longer shown to the row that stands for all of its kind.
pub(super) fn merge(rows: &mut Vec<DeviceSample>, sample: &DeviceSample) {
    let sample =
        DeviceSample { device: MERGED_DEVICES.to_owned(), namespace: None, ..sample.clone() };
    if !rows.iter_mut().any(|row| absorb(row, &sample)) {
        rows.push(sample);
    }
}

/// Block devices made of other devices or of memory: no hardware moves their bytes.
fn is_software_disk(name: &str) -> bool {
    ["loop", "ram", "zram", "dm-", "md", "nbd", "pmem"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}
