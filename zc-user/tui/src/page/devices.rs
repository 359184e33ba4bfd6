//! Disks and network interfaces: what the hardware moves by itself.

use super::tabular::{Table, TablePage};
use crate::state::{Context, key::DeviceKey};
use zc_model::{column::Devices, frame::Frame, snapshot::DeviceSample};

/// The page: the busiest reader first.
#[must_use]
pub fn page() -> TablePage<Devices, DeviceSample, DeviceKey> {
    TablePage::new(&TABLE)
}

static TABLE: Table<Devices, DeviceSample, DeviceKey> = Table {
    title: "Devices",
    about: "devices and their DMA",
    order: Devices::READ_BYTES_PER_SEC,
    items: |frame| &frame.devices,
    row: |device| device,
    key: DeviceKey::of,
    scope,
    empty: "no device has moved anything yet",
};

/// Where the figures of interfaces are from: `COUNTED BY` has no room on a narrow screen.
fn scope(context: &Context) -> &'static str {
    let is_by_kernel = |frame: &Frame| frame.devices.iter().any(|it| it.kernel_packets > 0);
    match (context.frame().is_some_and(|frame| is_by_kernel(frame)), context.follows_some()) {
        (true, true) => "kernel statistics, whole machine",
        (true, false) => "interfaces: kernel statistics",
        (false, true) => "of the whole machine",
        (false, false) => "",
    }
}
