//! Devices, from the kernel side's records of them.

use zc_common::device::{
    DEVICE_VIRTUAL, DeviceKey, DeviceRecord, KIND_BLOCK, KIND_BUS, KIND_IOMMU, KIND_NET,
};

use super::coverage::{Coverage, DeviceFigure};
use zc_model::snapshot::{DeviceKind, DeviceSample, Mapped};

/// The sample of a record.
pub(super) fn sample(key: DeviceKey, record: &DeviceRecord, coverage: &Coverage) -> DeviceSample {
    let end = record.name.iter().position(|byte| *byte == 0).unwrap_or(record.name.len());
    let name = String::from_utf8_lossy(&record.name[..end]).into_owned();
    let blank = DeviceSample {
        device: name,
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
        linear_bytes: record.linear_bytes,
        gather_bytes: record.gather_bytes,
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
        KIND_NET => DeviceSample {
            kind: DeviceKind::Net,
            namespace: Some(key.namespace),
            software: record.flags & DEVICE_VIRTUAL != 0,
            ..moved()
        },
        KIND_BLOCK.. => DeviceSample { software: is_software_disk(&blank.device), ..moved() },
    }
}

/// What tells a device from others, and their order.
pub(super) fn identity(sample: &DeviceSample) -> (DeviceKind, &str, Option<u64>) {
    (sample.kind, &sample.device, sample.namespace)
}

/// Adds `next` to `kept` when it is the same device on a bus, which was taken off and put back.
pub(super) fn absorb(kept: &mut DeviceSample, next: &DeviceSample) -> bool {
    let (Some(sum), Some(more)) = (&kept.mapped, &next.mapped) else { return false };
    if identity(kept) != identity(next) {
        return false;
    }
    kept.mapped = Some(sum.zip_with(more, |a, b| a + b));
    true
}

/// Block devices made of other devices or of memory: no hardware moves their bytes.
fn is_software_disk(name: &str) -> bool {
    ["loop", "ram", "zram", "dm-", "md", "nbd", "pmem"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}
