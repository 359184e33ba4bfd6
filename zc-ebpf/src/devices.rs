//! What each device moved.

use aya_ebpf::{
    helpers::generated::bpf_probe_read_kernel as probe_read_kernel, macros::map, maps::HashMap,
};
use zc_common::{
    device::{DEVICE_NAME_LEN, DeviceKey, DeviceRecord},
    loss::Loss,
};

use crate::{atomic, kernel::Object, losses::note_loss};

/// Writers: any CPU, atomically. Bound: the size here; the loss [`Loss::DevicesExhausted`] counts
/// devices beyond it. A hash because interfaces have no bounded number.
#[map]
static DEVICES: HashMap<DeviceKey, DeviceRecord> = HashMap::with_max_entries(1024, 0);

/// The insertion fails when the key exists (`BPF_NOEXIST`).
const NOEXIST: u64 = 1;

/// The record of a device.
#[derive(Clone, Copy)]
pub(crate) struct Device(*mut DeviceRecord);

/// Adds to a counter of a device, by the name of its field.
macro_rules! count_device {
    ($device:expr, $counter:ident, $value:expr) => {
        $device.add(
            |record| {
                // SAFETY: a field of a map value; only its address is taken.
                unsafe { &raw mut (*record).$counter }
            },
            $value,
        )
    };
}
pub(crate) use count_device;

impl Device {
    /// The record of a device; `make` makes it at its first event.
    #[inline(always)]
    pub(crate) fn known_or(key: &DeviceKey, make: impl Fn() -> DeviceRecord) -> Option<Self> {
        if let Some(record) = DEVICES.get_ptr_mut(key) {
            return Some(Self(record));
        }
        // Another CPU may have been faster: either way the record is there now, unless the table is full.
        let _ = DEVICES.insert(key, make(), NOEXIST);
        let record = DEVICES.get_ptr_mut(key);
        if record.is_none() {
            note_loss(Loss::DevicesExhausted);
        }
        record.map(Self)
    }

    /// The record of a device that is named at `offset` in `object`.
    #[inline(always)]
    pub(crate) fn named(key: &DeviceKey, object: Object, offset: u32, flags: u64) -> Option<Self> {
        Self::known_or(key, || {
            let mut new = DeviceRecord { flags, ..DeviceRecord::ZERO };
            // SAFETY: the helper checks the source. Interface names are 16 bytes, disk names 32: what
            // follows a shorter name is cut off at its NUL by user space.
            unsafe {
                probe_read_kernel(
                    new.name.as_mut_ptr().cast(),
                    DEVICE_NAME_LEN as u32,
                    (object.address() + u64::from(offset)) as *const _,
                );
            }
            new
        })
    }

    /// The record of a device that has one.
    #[inline(always)]
    pub(crate) fn known(key: &DeviceKey) -> Option<Self> {
        DEVICES.get_ptr_mut(key).map(Self)
    }

    /// Adds `value` to the counter that `field` names.
    #[inline(always)]
    pub(crate) fn add(self, field: impl Fn(*mut DeviceRecord) -> *mut u64, value: u64) {
        atomic::add(field(self.0), value);
    }
}
