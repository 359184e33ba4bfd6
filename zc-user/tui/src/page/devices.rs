//! Disks and network interfaces: what the hardware moves by itself.

use super::tabular::{Table, TablePage};
use crate::state::key::DeviceKey;
use zc_model::{column::Devices, snapshot::DeviceSample};

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
    whose: "of the whole machine",
    remark: |frame| frame.sampled_shapes().map(|_| "GATHER of a sample"),
    empty: "no device has moved anything yet",
};
