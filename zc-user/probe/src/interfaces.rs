//! What each CPU counts of each interface, added up.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    os::fd::AsFd,
    sync::atomic::{Ordering, fence},
};

use anyhow::{Context as _, Result};
use zc_common::device::{DeviceKey, DeviceRecord, INTERFACE_SLOTS, InterfaceCounts};
use zc_model::snapshot::{DeviceKind, DeviceSample};

use super::records::Chunk;

/// Counts move to the shared records when an interface has been idle and another one needs its slot: rare,
/// and a matter of a microsecond.
const ATTEMPTS: usize = 64;

/// `INTERFACES`, mapped.
pub(super) struct Interfaces {
    chunk: Chunk,
    slots: usize,
    /// The highest counts that were shown, by name and namespace, of those that were shown last.
    shown: HashMap<(String, Option<u64>), DeviceSample>,
}

impl Interfaces {
    /// The array behind `map`, with [`INTERFACE_SLOTS`] for each of `cpus`.
    pub(super) fn new(map: impl AsFd, cpus: u32) -> Result<Self> {
        let map = map.as_fd().try_clone_to_owned().context("cannot duplicate a map descriptor")?;
        let slots = (cpus * INTERFACE_SLOTS) as usize;
        let bytes =
            (slots * size_of::<InterfaceCounts>()).next_multiple_of(rustix::param::page_size());
        let chunk = Chunk::map(&map, 0, bytes)
            .context("cannot map the kernel's counts of interfaces into memory")?;
        Ok(Self { chunk, slots, shown: HashMap::new() })
    }

    /// The interfaces that have a slot on a CPU.
    pub(super) fn owners(&self) -> BTreeSet<DeviceKey> {
        self.counts().map(|counts| counts.key.device()).collect()
    }

    /// The records of all devices, with what the CPUs have counted.
    pub(super) fn complete(
        &self,
        shared: impl Fn() -> Result<BTreeMap<DeviceKey, DeviceRecord>>,
    ) -> Result<BTreeMap<DeviceKey, DeviceRecord>> {
        let mut attempts = 0;
        loop {
            let before = self.moves();
            let mut records = shared()?;
            self.counts().for_each(|counts| add(&mut records, &counts));
            fence(Ordering::SeqCst);
            attempts += 1;
            // Otherwise counts may be in both places, or in none of those that were read.
            if attempts == ATTEMPTS || before.is_some() && before == self.moves() {
                return Ok(records);
            }
        }
    }

    /// How often counts have moved between this array and the shared records. `None` while some are moving.
    fn moves(&self) -> Option<u64> {
        let mut sum = 0_u64;
        for slot in 0..self.slots {
            // SAFETY: inside the mapping; the kernel writes at any time, so every read is volatile.
            let moves = unsafe { (&raw const (*self.slot(slot)).moves).read_volatile() };
            if moves % 2 != 0 {
                return None;
            }
            sum = sum.wrapping_add(moves);
        }
        fence(Ordering::SeqCst);
        Some(sum)
    }

    /// The slots in use.
    fn counts(&self) -> impl Iterator<Item = InterfaceCounts> + '_ {
        // SAFETY: as above; integers are read whole, each before or after a change.
        let counts = (0..self.slots).map(|slot| unsafe { self.slot(slot).read_volatile() });
        counts.filter(|counts| counts.key.namespace != 0)
    }

    fn slot(&self, index: usize) -> *const InterfaceCounts {
        // SAFETY: inside the mapping.
        unsafe { self.chunk.address().cast::<InterfaceCounts>().add(index).as_ptr() }
    }

    /// Packets sent, as the CPUs' slots have them now. Falls when a slot is given to another interface.
    pub(super) fn sent_packets(&self) -> u64 {
        self.counts().fold(0, |sum, counts| sum.wrapping_add(counts.sent_packets))
    }

    /// Lets the counts of a device fall: it begins again.
    pub(super) fn forget(&mut self, sample: &DeviceSample) {
        if sample.kind == DeviceKind::Net {
            self.shown.remove(&(sample.device.clone(), sample.namespace));
        }
    }

    /// Keeps what was shown before from falling. The shape of a packet is counted before the driver has it, and
    /// taken back when the driver refuses it; its bytes are counted before the packet.
    pub(super) fn keep_rising(&mut self, samples: &mut [DeviceSample]) {
        let mut before = std::mem::take(&mut self.shown);
        for sample in samples.iter_mut().filter(|sample| sample.kind == DeviceKind::Net) {
            let identity = (sample.device.clone(), sample.namespace);
            let shown = before.remove(&identity).unwrap_or_else(|| sample.clone());
            let shown = self.shown.entry(identity).or_insert(shown);
            for (now, before) in [
                (&mut sample.read_bytes, &mut shown.read_bytes),
                (&mut sample.write_bytes, &mut shown.write_bytes),
                (&mut sample.read_requests, &mut shown.read_requests),
                (&mut sample.write_requests, &mut shown.write_requests),
                (&mut sample.linear_bytes, &mut shown.linear_bytes),
                (&mut sample.gather_bytes, &mut shown.gather_bytes),
            ] {
                *now = (*now).max(*before);
                *before = *now;
            }
        }
    }
}

/// Adds what a CPU has counted. An interface has a record before it has a slot, and keeps it as long.
fn add(records: &mut BTreeMap<DeviceKey, DeviceRecord>, counts: &InterfaceCounts) {
    let Some(record) = records.get_mut(&counts.key.device()) else { return };
    for (total, count) in [
        (&mut record.read_bytes, counts.received_bytes),
        (&mut record.read_requests, counts.received_packets),
        (&mut record.write_bytes, counts.sent_bytes),
        (&mut record.write_requests, counts.sent_packets),
        (&mut record.errors, counts.refused_packets),
        (&mut record.shaped_bytes, counts.shaped_bytes),
        (&mut record.shaped_packets, counts.shaped_packets),
        (&mut record.gather_bytes, counts.gather_bytes),
    ] {
        *total = total.wrapping_add(count);
    }
}
