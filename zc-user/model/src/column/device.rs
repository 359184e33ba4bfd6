//! The columns of devices: disks and network interfaces, and what is mapped for devices on their bus.

use super::{
    Column, Cut, Table, Tone,
    View::{Json, Mappings, Report},
    measured, per_second,
};
use crate::{
    columns,
    frame::Frame,
    snapshot::{DeviceKind, DeviceSample, Mapped, Provenance},
    value::{Quality, Value},
};

/// The table of devices.
pub struct Devices;

impl Table for Devices {
    type Row<'a> = &'a DeviceSample;
    type Context = Frame;
    type Extra = ();

    const PLAIN: () = ();
    const COLUMNS: &'static [&'static Column<Self>] = Self::ALL;
}

columns! { Devices:
    DEVICE = "device", "DEVICE", Text, Label,
        "Name as the kernel has it; `(other)`, without a network namespace, stands for those that have moved nothing for longest.",
        |device, _| Value::Text(device.device.as_str().into()),
        .on(&[Report, Mappings]), .screen(0, (12, 32), Tone::Strong), .cut(Cut::Start(15));
    KIND = "kind", "KIND", Text, Label,
        "block, net, bus (what the DMA API mapped for a device) or iommu.",
        |device, _| Value::Text(device.kind.id().into()),
        .screen(4, (5, 5), Tone::Text);
    MOVED_BY = "moved_by", "MOVED BY", Text, Label,
        "hardware (DMA), or CPU for devices without hardware: loopback, veth, loop.",
        |device, _| match (device.kind.moves_bytes(), device.software) {
            (false, _) => Value::Absent,
            (true, software) => Value::Text(if software { "CPU" } else { "hardware" }.into()),
        },
        .on(&[Report]), .screen(3, (9, 9), Tone::Dma);
    READ_BYTES_PER_SEC = "read_bytes_per_sec", "READ/RX/s", BytesPerSec, Gauge,
        "Bytes read from the medium, or received, per second; on a bus, bytes mapped for it to write \
         to memory.",
        |device, frame| per_second(device.mapped.as_ref().map_or_else(
            || measured(device.read_bytes),
            |mapped| known(mapped.from_device_bytes),
        ), frame),
        .screen(1, (10, 10), Tone::Strong);
    WRITE_BYTES_PER_SEC = "write_bytes_per_sec", "WRITE/TX/s", BytesPerSec, Gauge,
        "Bytes written to the medium, or transmitted, per second; on a bus, bytes mapped for it to \
         read from memory.",
        |device, frame| per_second(device.mapped.as_ref().map_or_else(
            || measured(device.write_bytes),
            |mapped| known(mapped.to_device_bytes),
        ), frame),
        .screen(2, (11, 11), Tone::Strong);
    READ_REQUESTS_PER_SEC = "read_requests_per_sec", "READS/s", PerSec, Gauge,
        "Read requests, or packets received, per second.",
        |device, frame| per_second(own(device, device.read_requests), frame),
        .screen(5, (8, 8), Tone::Text);
    WRITE_REQUESTS_PER_SEC = "write_requests_per_sec", "WRITES/s", PerSec, Gauge,
        "Write requests, or packets transmitted, per second.",
        |device, frame| per_second(own(device, device.write_requests), frame),
        .screen(6, (9, 9), Tone::Text);
    AVERAGE_BYTES = "average_bytes", "AVERAGE", Bytes, Gauge,
        "Bytes of a request or of a packet, on average.",
        |device, _| {
            let bytes = device.read_bytes.saturating_add(device.write_bytes);
            let requests = device.read_requests.saturating_add(device.write_requests);
            bytes.checked_div(requests).map_or(Value::Absent, |average| own(device, average))
        };
    DMA_READ_BYTES = "dma_read_bytes", "DMA READ", Bytes, Counter,
        "Bytes that hardware read from the medium, or received: nothing where the CPU moves them.",
        |device, _| dma(device, device.read_bytes),
        .on(&[Json]);
    DMA_WRITE_BYTES = "dma_write_bytes", "DMA WRITTEN", Bytes, Counter,
        "Bytes that hardware wrote to the medium, or transmitted: nothing where the CPU moves them.",
        |device, _| dma(device, device.write_bytes),
        .on(&[Json]);
    READ_BYTES = "read_bytes", "READ", Bytes, Counter,
        "Bytes read from the medium, or received; of interfaces, with Ethernet headers (loopback: without).",
        |device, _| own(device, device.read_bytes),
        .on(&[Report, Json]);
    WRITE_BYTES = "write_bytes", "WRITTEN", Bytes, Counter,
        "Bytes written to the medium, or transmitted; of interfaces, with Ethernet headers (loopback: without).",
        |device, _| own(device, device.write_bytes),
        .on(&[Report, Json]);
    READ_REQUESTS = "read_requests", "READS", Count, Counter,
        "Read requests, or packets received.",
        |device, _| own(device, device.read_requests),
        .on(&[Report, Json]);
    WRITE_REQUESTS = "write_requests", "WRITES", Count, Counter,
        "Write requests, or packets transmitted.",
        |device, _| own(device, device.write_requests),
        .on(&[Report, Json]);
    GATHERED_SHARE = "gathered_share", "GATHER", Fraction, Gauge,
        "Share of the transmitted bytes that the device gathered from page references, of the packets that were \
         looked at: of all up to 50,000 a second, beyond that of one tenth of the time.",
        |device, _| device.gathered_share().map_or(Value::Absent, |share| {
            // What was not looked at is taken to be like the rest.
            let provenance =
                if device.is_sampled() { Provenance::Modelled } else { Provenance::Measured };
            Value::Real(share, Quality::of(provenance))
        }),
        .on(&[Report, Json]), .screen(7, (7, 7), Tone::Reference);
    ERRORS = "errors", "ERRORS", Count, Counter,
        "Failed requests, and packets that the driver refused, in the interval.",
        |device, _| own(device, device.errors),
        .on(&[Report, Json]), .screen(8, (7, 7), Tone::Notice);
    LINEAR_BYTES = "linear_bytes", "LINEAR", Bytes, Counter,
        "Bytes transmitted from the linear part of socket buffers, of the packets that were looked at.",
        |device, _| net(device, device.linear_bytes),
        .on(&[Json]);
    GATHER_BYTES = "gather_bytes", "GATHERED", Bytes, Counter,
        "Bytes transmitted from page references, of the packets that were looked at.",
        |device, _| net(device, device.gather_bytes),
        .on(&[Json]);
    MAPPED_FROM_DEVICE_BYTES = "mapped_from_device_bytes", "FROM DEVICE", Bytes, Counter,
        "Bytes mapped for the device to write to memory.",
        |device, _| mapped(device, |mapped| mapped.from_device_bytes),
        .on(&[Mappings]);
    MAPPED_TO_DEVICE_BYTES = "mapped_to_device_bytes", "TO DEVICE", Bytes, Counter,
        "Bytes mapped for the device to read from memory.",
        |device, _| mapped(device, |mapped| mapped.to_device_bytes),
        .on(&[Mappings]);
    MAPPED_BIDIRECTIONAL_BYTES = "mapped_bidirectional_bytes", "BOTH", Bytes, Counter,
        "Bytes mapped both ways, or by an IOMMU, which does not say which way.",
        |device, _| mapped(device, |mapped| mapped.bidirectional_bytes),
        .on(&[Mappings]);
    MAPPED_BIDIRECTIONAL_BYTES_PER_SEC = "mapped_bidirectional_bytes_per_sec", "MAP BOTH/s",
        BytesPerSec, Gauge,
        "Bytes mapped both ways, or by an IOMMU, which does not say which way, per second.",
        |device, frame| per_second(mapped(device, |mapped| mapped.bidirectional_bytes), frame);
    UNMAPPED_BYTES = "unmapped_bytes", "UNMAPPED", Bytes, Counter,
        "Bytes unmapped.",
        |device, _| mapped(device, |mapped| mapped.unmapped_bytes),
        .on(&[Mappings]);
    BOUNCED_BYTES = "bounced_bytes", "BOUNCED", Bytes, Counter,
        "Bytes of mappings through bounce buffers (swiotlb), each mapping once.",
        |device, _| mapped(device, |mapped| mapped.bounced_bytes),
        .on(&[Mappings]);
    BOUNCED_BYTES_PER_SEC = "bounced_bytes_per_sec", "BOUNCED/s", BytesPerSec, Gauge,
        "Bytes of mappings through bounce buffers (swiotlb), each mapping once, per second.",
        |device, frame| per_second(mapped(device, |mapped| mapped.bounced_bytes), frame),
        .screen(10, (10, 10), Tone::Notice);
    NAMESPACE = "namespace", "NETNS", Number, Label,
        "Network namespace (inode number).",
        |device, _| device.namespace.map_or(Value::Absent, measured),
        .screen(9, (10, 10), Tone::Dim);
}

/// A count of what the device moved: on a bus there is none, for it is another view of the same.
const fn own<'a>(device: &DeviceSample, count: u64) -> Value<'a> {
    if device.kind.moves_bytes() { measured(count) } else { Value::Absent }
}

const fn dma<'a>(device: &DeviceSample, count: u64) -> Value<'a> {
    if device.does_dma() { measured(count) } else { Value::Absent }
}

fn net<'a>(device: &DeviceSample, count: u64) -> Value<'a> {
    if device.kind == DeviceKind::Net { measured(count) } else { Value::Absent }
}

fn mapped<'a>(device: &DeviceSample, count: fn(&Mapped) -> Option<u64>) -> Value<'a> {
    device.mapped.as_ref().map_or(Value::Absent, |mapped| known(count(mapped)))
}

fn known<'a>(count: Option<u64>) -> Value<'a> {
    count.map_or(Value::Unavailable("this kernel does not report it"), measured)
}
