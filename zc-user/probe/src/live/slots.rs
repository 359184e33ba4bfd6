//! The slots of threads: which are in use, those of threads that are gone, and room for more.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use aya::maps::{HashMap as BpfHashMap, MapData, MapError, Stack};
use zc_common::record::{
    FreeSlots, Record, STATE_EXITED, STATE_FREE, STATE_LIVE, ThreadKey, UNATTRIBUTED_SLOT,
};

use super::{
    super::{memory, object::map, record_sum::RecordSum, records::Header},
    Live,
};
use crate::names::identity;

/// How far beyond the highest slot in use a scan looks for the next: threads being created at this
/// moment take slots from neighbouring ranges and publish them in any order.
const LOOK_AHEAD: usize = 256;

/// Dead threads that are taken over at a time, before what they did is added up.
const BURIED: usize = 1_024;

/// Records looked at per housekeeping for threads that ended unseen. They are rare, and each look
/// makes the kernel fill in an entry of `/proc`.
const CHECKED: usize = 16;

/// A thread leaves `/proc` a moment before it leaves its CPU for the last time. One that has been gone
/// for longer than this never leaves it.
const LAST_SWITCH: Duration = Duration::from_secs(5);

impl Live {
    /// Looks at every slot in use and tells `processes` what has changed.
    pub(super) fn scan(&mut self) -> Result<()> {
        self.seen.resize(self.records.capacity(), 0);
        self.highest.resize(self.records.tables().count(), 0);
        for (at, table) in self.records.tables().enumerate() {
            let mut slot = table.start.max(UNATTRIBUTED_SLOT as usize + 1);
            while slot < table.end && slot < table.start + self.highest[at] + LOOK_AHEAD {
                let (state, updates) = self.records.glance(slot)?;
                if state != STATE_FREE {
                    self.highest[at] = self.highest[at].max(slot + 1 - table.start);
                    if self.seen[slot] != updates {
                        self.seen[slot] = updates;
                        self.processes.touch(slot as u32, &self.records.header(slot)?);
                    }
                }
                slot += 1;
            }
        }
        Ok(())
    }

    /// Notes that `slot` was in use.
    fn note_used(&mut self, slot: usize) {
        let table = self.attached.tables.room().table() as usize;
        self.highest.resize(self.records.tables().count(), 0);
        if let Some(highest) = self.highest.get_mut(slot / table) {
            *highest = (*highest).max(slot % table + 1);
        }
    }

    /// Slots that are in use now.
    fn count_used(&mut self) -> Result<usize> {
        let mut used = 0;
        for (at, table) in self.records.tables().enumerate() {
            for slot in table.start..table.start + self.highest[at] {
                used += usize::from(self.records.glance(slot)?.0 != STATE_FREE);
            }
        }
        Ok(used)
    }

    /// Adds tables when slots get short: before there is none. To be called when the slots of the dead have been
    /// freed.
    pub(super) fn make_room(&mut self) -> Result<()> {
        self.highest.resize(self.records.tables().count(), 0);
        for (at, table) in self.records.tables().enumerate() {
            let mut slot = table.start + self.highest[at];
            while slot < table.end && slot < table.start + self.highest[at] + LOOK_AHEAD {
                if self.records.glance(slot)?.0 != STATE_FREE {
                    self.highest[at] = slot + 1 - table.start;
                }
                slot += 1;
            }
        }
        let room = self.attached.tables.room();
        let made = self.attached.tables.descriptors().len();
        let wanted = |used| room.tables_for(u32::try_from(used).unwrap_or(u32::MAX)) as usize;
        // Slots that were in use at different times, of which a table may be full: no more than that are.
        if self.is_full || wanted(self.highest.iter().sum()) <= made {
            return Ok(());
        }
        let wanted = wanted(self.count_used()?);
        while !self.is_full && self.attached.tables.descriptors().len() < wanted {
            let bytes = u64::from(room.table()) * size_of::<Record>() as u64;
            // Not the last of the memory: threads that find no slot are counted, too.
            let is_affordable = memory::available().is_none_or(|available| available / 4 > bytes);
            if !is_affordable {
                // There may be more memory at the next look.
                break;
            }
            // A kernel that has refused once has reported the reason that there is: too little memory.
            let has_grown = self.attached.tables.grow(&mut self.attached.ebpf).unwrap_or(false);
            match self.attached.tables.descriptors().last() {
                Some(table) if has_grown => {
                    self.records.add(table)?;
                    self.cost.add_map(bytes);
                }
                _ => self.is_full = true,
            }
        }
        Ok(())
    }

    /// Frees the slots of threads that have left their CPU for good.
    pub(super) fn bury(&mut self) -> Result<()> {
        // No more than there can be: new ones may come in faster than they are taken out.
        for _ in 0..=self.records.capacity() / BURIED {
            let dead = self.dead()?;
            let is_last = dead.len() < BURIED;
            dead.into_iter().try_for_each(|slot| self.recycle(slot))?;
            if is_last {
                break;
            }
            // What is kept of each until then takes kilobytes. All records must be known: one that is not would be
            // taken for the only one of its process, if others of it are gone.
            self.scan()?;
            self.sum_up()?;
        }
        Ok(())
    }

    /// The slots of up to [`BURIED`] threads that have left their CPU for good.
    fn dead(&mut self) -> Result<Vec<u32>> {
        let mut dead = Vec::new();
        while dead.len() < BURIED {
            let mut slots: Stack<&mut MapData, u32> = Stack::try_from(
                self.attached.ebpf.map_mut(map::DEAD_SLOTS).context("no map DEAD_SLOTS")?,
            )?;
            match slots.pop(0) {
                Ok(slot) => {
                    // A thread that came later has a higher slot, however wide a gap the dead leave.
                    self.note_used(slot as usize);
                    dead.push(slot);
                }
                Err(MapError::ElementNotFound) => break,
                Err(error) => return Err(error).context("cannot read the slots of dead threads"),
            }
        }
        Ok(dead)
    }

    /// Frees the records of threads that are gone although no exit was seen: the exit hook can be
    /// skipped by the kernel, and a thread that executes a program leaves its old id behind.
    pub(super) fn patrol(&mut self) -> Result<()> {
        let mut gone = Vec::new();
        let now = Instant::now();
        // The slot of a living thread must never be freed: the thread would go on writing to it.
        if !self.sees_every_process {
            return Ok(());
        }
        let highest = self.records.tables().zip(&self.highest).filter(|(_, used)| **used > 0);
        let highest = highest.map(|(table, used)| table.start + used - 1).max().unwrap_or(0);
        for _ in 0..CHECKED.min(highest) {
            self.patrol = self.patrol % highest + 1;
            if !matches!(self.records.glance(self.patrol)?.0, STATE_LIVE | STATE_EXITED) {
                continue;
            }
            let header = self.records.header(self.patrol)?;
            let slot = self.patrol as u32;
            if identity::is_alive(header.tgid, header.pid) {
                self.missing.remove(&slot);
                continue;
            }
            let (start_ns, since) = *self.missing.entry(slot).or_insert((header.start_ns, now));
            if start_ns != header.start_ns {
                self.missing.insert(slot, (header.start_ns, now));
            } else if now.duration_since(since) > LAST_SWITCH {
                self.missing.remove(&slot);
                gone.push(slot);
            }
        }
        for slot in gone {
            self.recycle(slot)?;
        }
        Ok(())
    }

    /// Takes over the counts of a thread that is gone, and frees its slot.
    fn recycle(&mut self, slot: u32) -> Result<()> {
        let state = self.records.seal(slot as usize)?;
        let header = Header { state, ..self.records.header(slot as usize)? };
        let key = ThreadKey { pid: header.pid, pad: 0, start_ns: header.start_ns };
        let mut slots: BpfHashMap<&mut MapData, ThreadKey, u32> = BpfHashMap::try_from(
            self.attached.ebpf.map_mut(map::SLOT_BY_THREAD).context("no map SLOT_BY_THREAD")?,
        )?;
        // It names another slot when a thread took over the pid of its leader by execve.
        if slots.get(&key, 0).is_ok_and(|found| found == slot) {
            slots.remove(&key).context("cannot forget a dead thread")?;
        }
        // After those system calls: a late writer that was adding to it has finished.
        let records = &mut self.records;
        let add = |sum: &mut RecordSum| records.add_to(slot as usize, sum);
        self.processes.retire(slot, &header, add, &self.coverage)?;
        self.records.clear(slot as usize)?;
        if let Some(seen) = self.seen.get_mut(slot as usize) {
            *seen = 0;
        }
        let mut free: Stack<&mut MapData, FreeSlots> = Stack::try_from(
            self.attached.ebpf.map_mut(map::FREE_SLOTS).context("no map FREE_SLOTS")?,
        )?;
        free.push(FreeSlots::one(slot), 0).context("cannot return a slot")
    }
}
