//! `aya::Pod` for what crosses the boundary.

use crate::{
    code::CodePlace,
    device::{DeviceKey, DeviceRecord},
    object::{Flow, FlowKey, ObjectDetail, ObjectKey, Row, RowKey},
    record::{CpuState, FreeSlots, LaneCount, Late, Owner, Record, ThreadKey},
    stack::{Pace, StackSample, Taken},
    text_range::CopyRanges,
};

macro_rules! pod {
    ($($type:ty),* $(,)?) => {$(
        // SAFETY: `repr(C)`, integers only, padding explicit (sizes asserted next to the type).
        unsafe impl aya::Pod for $type {}
    )*};
}

pod!(
    ThreadKey,
    FreeSlots,
    Owner,
    LaneCount,
    Late,
    Record,
    CpuState,
    DeviceKey,
    DeviceRecord,
    CopyRanges,
    CodePlace,
    ObjectKey,
    ObjectDetail,
    RowKey,
    Flow,
    FlowKey,
    Row,
    Pace,
    Taken,
    StackSample,
);
