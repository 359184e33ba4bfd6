//! Disks and network interfaces: what the hardware moves by itself.

use super::tabular::{Field, Table, TablePage};
use crate::state::{key::DeviceKey, order::Order};
use zc_model::{
    column::Unit,
    frame::Frame,
    snapshot::{DeviceSample, Mapped},
    value::{Quality, Value},
};
use zc_render::theme::Theme;

/// The page: the busiest reader first.
#[must_use]
pub fn page() -> TablePage<DeviceSample, DeviceKey> {
    TablePage::new(&TABLE)
}

static TABLE: Table<DeviceSample, DeviceKey> = Table {
    title: "Devices",
    about: "devices and their DMA",
    fields: FIELDS,
    order: Order { column: 3, descending: true },
    items: |frame| &frame.devices,
    key: DeviceKey::of,
    empty: "no device has moved anything yet",
};

/// The columns of the table of devices.
static FIELDS: &[Field<DeviceSample>] = &[
    Field {
        title: "DEVICE",
        help: "Name as the kernel has it.",
        unit: Unit::Text,
        width: 12,
        marks: false,
        stretch: 32,
        priority: 0,
        value: |device, _| Value::Text(device.device.as_str().into()),
        style: Theme::strong,
    },
    Field {
        title: "KIND",
        help: "block, net, bus (what the DMA API mapped for a device) or iommu.",
        unit: Unit::Text,
        width: 5,
        marks: false,
        stretch: 0,
        priority: 4,
        value: |device, _| Value::Text(device.kind.id().into()),
        style: Theme::text,
    },
    Field {
        title: "DMA",
        help: "no for devices without hardware (loopback, veth, loop): the CPU moves their bytes.",
        unit: Unit::Text,
        width: 3,
        marks: false,
        stretch: 0,
        priority: 3,
        value: |device, _| match (device.kind.moves_bytes(), device.software) {
            (false, _) => Value::Absent,
            (true, software) => Value::Text(if software { "no" } else { "yes" }.into()),
        },
        style: Theme::dma,
    },
    Field {
        title: "READ/RX/s",
        help: "Bytes read from the medium, or received, per second; on a bus, bytes mapped for it \
               to write to memory.",
        unit: Unit::BytesPerSec,
        width: 10,
        marks: false,
        stretch: 0,
        priority: 1,
        value: |device, frame| {
            device.mapped.map_or_else(
                || rate(device.read_bytes, frame),
                |mapped| bytes_mapped(mapped.from_device_bytes, frame),
            )
        },
        style: Theme::strong,
    },
    Field {
        title: "WRITE/TX/s",
        help: "Bytes written to the medium, or transmitted, per second; on a bus, bytes mapped for \
               it to read from memory.",
        unit: Unit::BytesPerSec,
        width: 11,
        marks: false,
        stretch: 0,
        priority: 2,
        value: |device, frame| {
            device.mapped.map_or_else(
                || rate(device.write_bytes, frame),
                |mapped| bytes_mapped(mapped.to_device_bytes, frame),
            )
        },
        style: Theme::strong,
    },
    Field {
        title: "REQ IN/s",
        help: "Read requests, or packets received, per second.",
        unit: Unit::PerSec,
        width: 8,
        marks: false,
        stretch: 0,
        priority: 5,
        value: |device, frame| moved(device, frame, device.read_requests),
        style: Theme::text,
    },
    Field {
        title: "REQ OUT/s",
        help: "Write requests, or packets transmitted, per second.",
        unit: Unit::PerSec,
        width: 9,
        marks: false,
        stretch: 0,
        priority: 6,
        value: |device, frame| moved(device, frame, device.write_requests),
        style: Theme::text,
    },
    Field {
        title: "GATHER",
        help: "Share of the transmitted bytes that the device gathered from page references.",
        unit: Unit::Fraction,
        width: 7,
        marks: false,
        stretch: 0,
        priority: 7,
        value: |device, _| gathered(device),
        style: Theme::reference,
    },
    Field {
        title: "ERRORS",
        help: "Failed requests and refused packets in the interval.",
        unit: Unit::Count,
        width: 7,
        marks: false,
        stretch: 0,
        priority: 8,
        value: |device, _| {
            if device.kind.moves_bytes() {
                Value::Integer(device.errors, Quality::MEASURED)
            } else {
                Value::Absent
            }
        },
        style: Theme::notice,
    },
    Field {
        title: "MAP BOTH/s",
        help: "Bytes mapped both ways, or by an IOMMU, which does not say which way, per second.",
        unit: Unit::BytesPerSec,
        width: 10,
        marks: false,
        stretch: 0,
        priority: 12,
        value: |device, frame| mapped(device, frame, |mapped| mapped.bidirectional_bytes),
        style: Theme::dma,
    },
    Field {
        title: "BOUNCED/s",
        help: "Bytes of mappings through bounce buffers (swiotlb), each mapping once, per second.",
        unit: Unit::BytesPerSec,
        width: 10,
        marks: false,
        stretch: 0,
        priority: 10,
        value: |device, frame| mapped(device, frame, |mapped| mapped.bounced_bytes),
        style: Theme::notice,
    },
    Field {
        title: "NETNS",
        help: "Network namespace (inode number).",
        unit: Unit::Number,
        width: 10,
        marks: false,
        stretch: 0,
        priority: 9,
        value: |device, _| {
            device.namespace.map_or(Value::Absent, |ns| Value::Integer(ns, Quality::MEASURED))
        },
        style: Theme::dim,
    },
];

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn rate<'a>(count: u64, frame: &Frame) -> Value<'a> {
    if frame.elapsed_ns == 0 {
        Value::Absent
    } else {
        Value::Real(count as f64 / frame.seconds(), Quality::MEASURED)
    }
}

fn gathered<'a>(device: &DeviceSample) -> Value<'a> {
    device.gathered_share().map_or(Value::Absent, |share| Value::Real(share, Quality::MEASURED))
}

/// A rate of requests: devices on their bus have mappings instead.
fn moved<'a>(device: &DeviceSample, frame: &Frame, count: u64) -> Value<'a> {
    if device.kind.moves_bytes() { rate(count, frame) } else { Value::Absent }
}

/// A rate of what was mapped.
fn mapped<'a>(
    device: &DeviceSample,
    frame: &Frame,
    of: impl Fn(&Mapped) -> Option<u64>,
) -> Value<'a> {
    device.mapped.as_ref().map_or(Value::Absent, |mapped| bytes_mapped(of(mapped), frame))
}

fn bytes_mapped<'a>(bytes: Option<u64>, frame: &Frame) -> Value<'a> {
    bytes.map_or(Value::Unavailable(""), |bytes| rate(bytes, frame))
}
