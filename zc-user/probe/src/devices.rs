//! The devices that were seen, however many come and go.
//!
//! The kernel side makes a record at the first event of a device and never removes one: another CPU may be adding to
//! it. So when its table has got some records, an empty one takes its place, to which devices that go on moving data
//! return. What the old table has is kept here, one by one for some devices and merged for those that have moved
//! nothing for longest.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::fd::{AsFd as _, AsRawFd as _},
};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{Array, HashMap as BpfHashMap, Map, MapData},
};
use aya_obj::generated::bpf_map_type;
use zc_common::device::{DEVICES_ROOM, DeviceKey, DeviceRecord};

use super::{attach::blueprint::Blueprint, coverage::Coverage, device, object::map};
use zc_model::snapshot::DeviceSample;

/// Records that a table gets before another one takes its place: far fewer than it has room for, since more may come
/// until user space looks.
const RECORDS: u64 = 512;

/// The same when most devices return to each new table: there are that many.
const MOST_RECORDS: u64 = 16_384;

/// Room in a table for each of these records.
const ROOM: u64 = 4;

/// Devices that are kept one by one although they were in none of the last two tables.
const KEPT: usize = 512;

/// Records of devices by their identity.
pub(super) type Records = BTreeMap<DeviceKey, DeviceRecord>;

/// The devices that were seen.
pub(crate) struct Devices {
    /// The table in use.
    table: Table,
    kept: Kept,
}

type Table = BpfHashMap<MapData, DeviceKey, DeviceRecord>;

/// What the tables had that are no longer in use.
struct Kept {
    /// How many tables that was.
    tables: u64,
    /// How many records they had.
    made: u64,
    /// How many records the table in use may get.
    limit: u64,
    /// The devices that are kept one by one.
    devices: BTreeMap<DeviceKey, Seen>,
    /// The others, a row for each kind.
    merged: Vec<DeviceSample>,
}

/// A device that is kept.
#[derive(Clone, Copy)]
struct Seen {
    record: DeviceRecord,
    /// The number of the last table that had a record of it.
    table: u64,
}

impl Devices {
    /// Puts the first table in its place. To be called before a program is loaded.
    ///
    /// # Errors
    /// When the object has no such maps, or the kernel refuses.
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Self> {
        let Some(Map::HashMap(first)) = ebpf.take_map(map::DEVICES) else {
            anyhow::bail!("the object has no map DEVICES")
        };
        let like = first.fd().as_fd().try_clone_to_owned().context("cannot keep a map")?;
        Blueprint::array_of_maps(1, &like).replace(ebpf, map::DEVICE_TABLE)?;
        put_in_place(ebpf, &first)?;
        Ok(Self { table: Map::HashMap(first).try_into()?, kept: Kept::default() })
    }

    /// The records of all devices that are kept one by one.
    pub(super) fn records(&self) -> Result<Records> {
        let mut records: Records =
            self.kept.devices.iter().map(|(key, seen)| (*key, seen.record)).collect();
        for (key, record) in contents(&self.table)? {
            add(records.entry(key).or_default(), &record);
        }
        Ok(records)
    }

    /// The rows of those that are merged.
    pub(super) fn merged(&self) -> &[DeviceSample] {
        &self.kept.merged
    }

    /// Exchanges the table when it has got many records. `owners` are those that others count, too. The devices that
    /// were merged, and how many bytes of kernel memory the new table takes more.
    ///
    /// # Errors
    /// When the kernel refuses. Then the old table goes on to be used.
    pub(super) fn tend(
        &mut self,
        ebpf: &mut Ebpf,
        owners: impl FnOnce() -> BTreeSet<DeviceKey>,
        coverage: &Coverage,
    ) -> Result<(Vec<DeviceSample>, u64)> {
        let made = ebpf.map(map::DEVICES_MADE).context("the object has no DEVICES_MADE")?;
        let made: Array<&MapData, u64> = Array::try_from(made)?;
        let made = made.get(&0, 0).context("cannot read how many devices there are")?;
        if !self.kept.is_time(made) {
            return Ok(Default::default());
        }
        // Before the exchange: what has a slot then has its flags in an old table, and not in the new one.
        let owners = owners();
        let old_room = self.kept.room();
        let old = self.exchange(ebpf)?;
        let merged = self.kept.take_over(contents(&old)?, &owners, coverage);
        let more = self.kept.room().saturating_sub(old_room);
        Ok((merged, u64::from(more) * (size_of::<DeviceKey>() + size_of::<DeviceRecord>()) as u64))
    }

    /// Puts an empty table in place of the one in use, to which no program writes any more then.
    fn exchange(&mut self, ebpf: &mut Ebpf) -> Result<Table> {
        let table = Blueprint {
            kind: bpf_map_type::BPF_MAP_TYPE_HASH,
            key: size_of::<DeviceKey>(),
            value: size_of::<DeviceRecord>(),
            entries: self.kept.room(),
            flags: 0,
            inner: None,
        };
        let table = table.build().context("cannot make another table of devices")?;
        let table = MapData::from_fd(table).context("cannot keep another table of devices")?;
        put_in_place(ebpf, &table)?;
        Ok(std::mem::replace(&mut self.table, Map::HashMap(table).try_into()?))
    }
}

/// Gives the programs this table.
fn put_in_place(ebpf: &mut Ebpf, table: &MapData) -> Result<()> {
    let place = ebpf.map_mut(map::DEVICE_TABLE).context("the object has no DEVICE_TABLE")?;
    let mut place: Array<&mut MapData, u32> = Array::try_from(place)?;
    let table = table.fd().as_fd().as_raw_fd().cast_unsigned();
    place.set(0, table, 0).context("cannot exchange the table of devices")
}

fn contents(table: &Table) -> Result<Records> {
    let records: Result<Records, _> = table.iter().collect();
    records.context("cannot read the device counters")
}

impl Default for Kept {
    fn default() -> Self {
        Self { tables: 0, made: 0, limit: RECORDS, devices: BTreeMap::new(), merged: Vec::new() }
    }
}

impl Kept {
    /// Whether the table in use has got enough records, when that many were made in all.
    fn is_time(&self, made: u64) -> bool {
        made.saturating_sub(self.made) >= self.limit
    }

    /// Room for devices in the next table.
    fn room(&self) -> u32 {
        u32::try_from(self.limit * ROOM).map_or(DEVICES_ROOM, |room| room.max(DEVICES_ROOM))
    }

    /// Takes over what a table had. Those that were merged.
    fn take_over(
        &mut self,
        records: Records,
        owners: &BTreeSet<DeviceKey>,
        coverage: &Coverage,
    ) -> Vec<DeviceSample> {
        self.tables += 1;
        self.made += records.len() as u64;
        let mut returned = 0;
        for (key, record) in &records {
            let unseen = Seen { record: DeviceRecord::default(), table: 0 };
            let seen = self.devices.entry(*key).or_insert(unseen);
            returned += usize::from(seen.table + 1 == self.tables && self.tables > 1);
            add(&mut seen.record, record);
            seen.table = self.tables;
        }
        if returned * 2 > records.len() {
            self.limit = (self.limit * 2).min(MOST_RECORDS);
        }

        // Rows appear and vanish on the screen: those that moved data lately stay.
        let mut idle: Vec<_> = self
            .devices
            .iter()
            .filter(|(key, seen)| seen.table + 1 < self.tables && !owners.contains(key))
            .map(|(key, seen)| (seen.table, *key))
            .collect();
        idle.sort_unstable();
        idle.truncate(idle.len().saturating_sub(KEPT));
        let mut merged = Vec::new();
        for (_, key) in idle {
            if let Some(seen) = self.devices.remove(&key) {
                let sample = device::sample(key, &seen.record, coverage);
                device::merge(&mut self.merged, &sample);
                merged.push(sample);
            }
        }
        merged
    }
}

/// Adds what another table has of the same device.
fn add(sum: &mut DeviceRecord, more: &DeviceRecord) {
    // Those of its first event: a later record may have been made for counts that were moved there.
    if sum.flags == 0 {
        sum.flags = more.flags;
    }
    for (sum, more) in [
        (&mut sum.read_bytes, more.read_bytes),
        (&mut sum.write_bytes, more.write_bytes),
        (&mut sum.read_requests, more.read_requests),
        (&mut sum.write_requests, more.write_requests),
        (&mut sum.errors, more.errors),
        (&mut sum.shaped_bytes, more.shaped_bytes),
        (&mut sum.shaped_packets, more.shaped_packets),
        (&mut sum.gather_bytes, more.gather_bytes),
        (&mut sum.both_bytes, more.both_bytes),
        (&mut sum.bounced_bytes, more.bounced_bytes),
        (&mut sum.unmapped_bytes, more.unmapped_bytes),
    ] {
        *sum = sum.wrapping_add(more);
    }
}

#[cfg(test)]
mod tests {
    use zc_common::device::{DEVICE_ETHERNET, DEVICE_VIRTUAL, KIND_NET};

    use super::*;

    fn key(number: u64) -> DeviceKey {
        DeviceKey { kind: KIND_NET, id: 0, namespace: 7, name: [number + 1, 0, 0, 0] }
    }

    fn record(packets: u64) -> DeviceRecord {
        DeviceRecord {
            write_bytes: 1009 * packets,
            write_requests: packets,
            flags: DEVICE_VIRTUAL | DEVICE_ETHERNET,
            ..DeviceRecord::default()
        }
    }

    /// What there is in all, and how many rows show it.
    fn shown(kept: &Kept) -> (u64, usize) {
        let one_by_one = kept.devices.values().map(|seen| seen.record.write_bytes);
        let merged = kept.merged.iter().map(|sample| sample.write_bytes);
        (one_by_one.sum::<u64>() + merged.sum::<u64>(), kept.devices.len() + kept.merged.len())
    }

    #[test]
    fn devices_that_come_and_go_are_all_counted_in_a_bounded_number_of_rows() {
        let (mut kept, coverage) = (Kept::default(), Coverage::of(|_| None, &[]));
        let resident = key(1_000_000);
        for round in 0..20 {
            let mut records: Records =
                (0..600).map(|at| (key(round * 600 + at), record(3))).collect();
            assert!(kept.is_time(round * 601 + 601));
            assert!(!kept.is_time(round * 601 + 511));
            records.insert(resident, record(1));
            kept.take_over(records, &BTreeSet::new(), &coverage);
            let (bytes, rows) = shown(&kept);
            assert_eq!(bytes, 1009 * (round + 1) * (3 * 600 + 1));
            assert!(rows as u64 <= 2 * 601 + KEPT as u64 + 1, "{rows}");
        }
        assert_eq!(kept.limit, RECORDS);
        assert_eq!(kept.devices[&resident].record.write_requests, 20);
        let [merged] = kept.merged.as_slice() else { panic!("{:?}", kept.merged) };
        assert_eq!((&*merged.device, merged.namespace, merged.software), ("(other)", None, true));
    }

    #[test]
    fn tables_get_larger_where_the_same_devices_return() {
        let (mut kept, coverage) = (Kept::default(), Coverage::of(|_| None, &[]));
        let same = || (0..600).map(|at| (key(at), record(1))).collect::<Records>();
        kept.take_over(same(), &BTreeSet::new(), &coverage);
        assert_eq!((kept.limit, kept.room()), (512, DEVICES_ROOM));
        kept.take_over(same(), &BTreeSet::new(), &coverage);
        assert_eq!((kept.limit, kept.room()), (1024, DEVICES_ROOM));
        for _ in 0..20 {
            kept.take_over(same(), &BTreeSet::new(), &coverage);
        }
        assert_eq!((kept.limit, kept.room()), (16_384, 65_536));
        assert_eq!(shown(&kept), (1009 * 22 * 600, 600));
    }

    #[test]
    fn what_has_a_slot_keeps_its_record_and_its_flags() {
        let (mut kept, coverage) = (Kept::default(), Coverage::of(|_| None, &[]));
        let owner = key(1_000_000);
        kept.take_over([(owner, record(5))].into(), &BTreeSet::new(), &coverage);
        for round in 0..9 {
            let others = (0..600).map(|at| (key(round * 600 + at), record(1))).collect();
            kept.take_over(others, &BTreeSet::from([owner]), &coverage);
        }
        // Its slot was taken away.
        let moved = DeviceRecord { flags: 0, ..record(2) };
        kept.take_over([(owner, moved)].into(), &BTreeSet::new(), &coverage);
        assert_eq!(kept.devices[&owner].record, record(7));
    }
}
