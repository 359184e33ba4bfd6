//! `aya::Pod` for what crosses the boundary.

use crate::{
    device::{DeviceKey, DeviceRecord},
    record::{CpuState, FreeSlots, Late, Owner, Record, ThreadKey},
    text_range::CopyRanges,
};

macro_rules! pod {
    ($($type:ty),* $(,)?) => {$(
        // SAFETY: `repr(C)`, integers only, padding explicit (sizes asserted next to the type).
        unsafe impl aya::Pod for $type {}
    )*};
}

pod!(ThreadKey, FreeSlots, Owner, Late, Record, CpuState, DeviceKey, DeviceRecord, CopyRanges,);
