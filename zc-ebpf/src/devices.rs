//! What each device moved.

use core::mem::MaybeUninit;

use aya_ebpf::{
    helpers::generated::{
        bpf_map_lookup_elem as map_lookup_elem, bpf_map_update_elem as map_update_elem,
    },
    macros::map,
    maps::{Array, HashMap},
};
use zc_common::{
    device::{DEVICES_ROOM, DeviceKey, DeviceRecord},
    loss::Loss,
};

use crate::{atomic, losses::note_loss};

/// The first table of devices. Writers: any CPU, atomically. A hash because interfaces have no bounded number.
/// Bound: user space puts an empty table in its place long before it is full, and keeps what this one has; the
/// loss [`Loss::DevicesExhausted`] counts events of devices that come faster than that.
#[map]
static DEVICES: HashMap<DeviceKey, DeviceRecord> = HashMap::with_max_entries(DEVICES_ROOM, 0);

/// The table in use. User space replaces this array by one of maps before the programs are loaded, as it does with
/// `TABLES`: a lookup returns a map. When user space has exchanged the table, no program writes to the old one any
/// more: the system call waits for those that run (`maybe_wait_bpf_programs`, `kernel/bpf/syscall.c`, 5.10 to 7.2).
#[map]
static DEVICE_TABLE: Array<u32> = Array::with_max_entries(1, 0);

/// How many records were made, in all tables. Writers: any CPU, atomically.
#[map]
static DEVICES_MADE: Array<u64> = Array::with_max_entries(1, 0);

/// The insertion fails when the key exists (`BPF_NOEXIST`).
const NOEXIST: u64 = 1;

/// The record of a device in a table.
#[inline(always)]
fn record_in(table: *mut u32, key: &DeviceKey) -> Option<*mut DeviceRecord> {
    // SAFETY: the value is a map with such keys and values.
    let record = unsafe { map_lookup_elem(table.cast(), (&raw const *key).cast()) };
    if record.is_null() { None } else { Some(record.cast()) }
}

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
    /// The record of a device, made at its first event in a table with these flags.
    #[inline(always)]
    pub(crate) fn of(key: &DeviceKey, flags: impl Fn() -> u64) -> Option<Self> {
        let found = DEVICE_TABLE.get_ptr_mut(0).and_then(|table| record_in(table, key));
        match found {
            Some(record) => Some(Self(record)),
            None => make(key, flags()).map(Self),
        }
    }

    /// Adds `value` to the counter that `field` names.
    #[inline(always)]
    pub(crate) fn add(self, field: impl Fn(*mut DeviceRecord) -> *mut u64, value: u64) {
        atomic::add(field(self.0), value);
    }
}

/// Makes a record.
#[inline(never)]
fn make(key: &DeviceKey, flags: u64) -> Option<*mut DeviceRecord> {
    let table = DEVICE_TABLE.get_ptr_mut(0)?;
    let mut new = MaybeUninit::<DeviceRecord>::uninit();
    let words = new.as_mut_ptr().cast::<u64>();
    // SAFETY: a record consists of so many integers. Volatile: adjacent zeroes would become a call of
    // `memset`. The value is a map with such keys and values.
    let inserted = unsafe {
        for word in 0..size_of::<DeviceRecord>() / 8 {
            words.add(word).write_volatile(0);
        }
        (*new.as_mut_ptr()).flags = flags;
        map_update_elem(table.cast(), (&raw const *key).cast(), new.as_ptr().cast(), NOEXIST)
    };
    if inserted == 0
        && let Some(made) = DEVICES_MADE.get_ptr_mut(0)
    {
        atomic::add(made, 1);
    }
    // Another CPU may have been faster: either way the record is there now, unless the table is full.
    let record = record_in(table, key);
    if record.is_none() {
        note_loss(Loss::DevicesExhausted);
    }
    record
}
