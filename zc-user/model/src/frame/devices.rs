//! What devices did between two snapshots.

use std::collections::HashMap;

use crate::{
    frame::Frame,
    snapshot::{DeviceKind, DeviceSample, MERGED_DEVICES},
};

/// What tells a device from others.
type Identity<'a> = (DeviceKind, &'a str, Option<u64>);

fn identity(sample: &DeviceSample) -> Identity<'_> {
    (sample.kind, &sample.device, sample.namespace)
}

/// Whether the row stands for several devices.
fn is_merged(sample: &DeviceSample) -> bool {
    sample.device == MERGED_DEVICES && sample.namespace.is_none()
}

/// The counts of each device of `next` since `previous`.
pub(super) fn deltas<'a>(
    previous: &'a [DeviceSample],
    next: &'a [DeviceSample],
) -> Vec<DeviceSample> {
    let mut before: HashMap<_, _> = previous.iter().map(|row| (identity(row), row)).collect();
    let mut deltas = next.to_vec();
    for (row, now) in deltas.iter_mut().zip(next).filter(|(_, now)| !is_merged(now)) {
        // One whose counts have fallen was merged and has come back.
        if before.get(&identity(now)).is_some_and(|before| rises(before, now))
            && let Some(before) = before.remove(&identity(now))
        {
            subtract(row, before);
        }
    }
    // What was counted of those that were merged is in the rows of before.
    for row in deltas.iter_mut().filter(|row| is_merged(row)) {
        let kind = row.kind;
        for before in before.values().filter(|before| before.kind == kind) {
            subtract(row, before);
        }
    }
    deltas
}

/// Whether no count has fallen.
fn rises(before: &DeviceSample, now: &DeviceSample) -> bool {
    let mapped = match (&before.mapped, &now.mapped) {
        (Some(before), Some(now)) => [
            (before.from_device_bytes, now.from_device_bytes),
            (before.to_device_bytes, now.to_device_bytes),
            (before.bidirectional_bytes, now.bidirectional_bytes),
        ]
        .iter()
        .all(|(before, now)| before.unwrap_or(0) <= now.unwrap_or(u64::MAX)),
        _ => true,
    };
    mapped
        && before.read_requests <= now.read_requests
        && before.write_requests <= now.write_requests
}

fn subtract(row: &mut DeviceSample, before: &DeviceSample) {
    for (count, before) in [
        (&mut row.read_bytes, before.read_bytes),
        (&mut row.write_bytes, before.write_bytes),
        (&mut row.read_requests, before.read_requests),
        (&mut row.write_requests, before.write_requests),
        (&mut row.errors, before.errors),
        (&mut row.linear_bytes, before.linear_bytes),
        (&mut row.gather_bytes, before.gather_bytes),
    ] {
        *count = count.saturating_sub(before);
    }
    if let (Some(mapped), Some(before)) = (&mut row.mapped, &before.mapped) {
        *mapped = mapped.zip_with(before, u64::saturating_sub);
    }
}

impl Frame {
    /// Bytes that hardware moved by itself, in and out.
    #[must_use]
    pub fn device_bytes(&self) -> u64 {
        let hardware = self.devices.iter().filter(|device| device.does_dma());
        hardware
            .map(|device| device.read_bytes.saturating_add(device.write_bytes))
            .fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, packets: u64) -> DeviceSample {
        DeviceSample {
            device: name.to_owned(),
            kind: DeviceKind::Net,
            namespace: (name != MERGED_DEVICES).then_some(7),
            software: true,
            read_bytes: 0,
            write_bytes: 1009 * packets,
            read_requests: 0,
            write_requests: packets,
            errors: 0,
            linear_bytes: 0,
            gather_bytes: 0,
            mapped: None,
        }
    }

    fn packets(previous: &[(&str, u64)], next: &[(&str, u64)]) -> Vec<(String, u64)> {
        let rows = |rows: &[(&str, u64)]| -> Vec<_> {
            rows.iter().map(|(name, packets)| interface(name, *packets)).collect()
        };
        let deltas = deltas(&rows(previous), &rows(next));
        assert!(deltas.iter().all(|row| row.write_bytes == 1009 * row.write_requests));
        deltas.into_iter().map(|row| (row.device, row.write_requests)).collect()
    }

    fn expected(rows: &[(&str, u64)]) -> Vec<(String, u64)> {
        rows.iter().map(|(name, packets)| ((*name).to_owned(), *packets)).collect()
    }

    #[test]
    fn what_was_counted_before_it_was_merged_is_not_counted_once_more() {
        let before = [("veth1", 100), ("veth2", 40)];
        // One of them sent five more before it was merged.
        let next = [(MERGED_DEVICES, 105), ("veth2", 41), ("veth3", 2)];
        let delta = [(MERGED_DEVICES, 5), ("veth2", 1), ("veth3", 2)];
        assert_eq!(packets(&before, &next), expected(&delta));
        assert_eq!(
            packets(&next, &[(MERGED_DEVICES, 146), ("veth3", 2)]),
            expected(&[(MERGED_DEVICES, 0), ("veth3", 0)]),
        );
    }

    #[test]
    fn a_device_that_was_merged_may_come_back() {
        let delta = packets(
            &[(MERGED_DEVICES, 10), ("veth1", 100)],
            &[(MERGED_DEVICES, 110), ("veth1", 3)],
        );
        assert_eq!(delta, expected(&[(MERGED_DEVICES, 0), ("veth1", 3)]));
    }
}
