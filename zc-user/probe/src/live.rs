//! The running kernel as a source of snapshots.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, Result};
use aya::maps::{Array, HashMap as BpfHashMap, Map, MapData, MapError, Stack};
use aya_log::EbpfLogger;
use zc_common::{
    device::{DeviceKey, DeviceRecord},
    loss::Loss,
    record::{
        FreeSlots, Late, Record, STATE_EXITED, STATE_FREE, STATE_LIVE, ThreadKey, UNATTRIBUTED_SLOT,
    },
};

use super::{
    attach::{Attached, Options, attach},
    cost::Cost,
    coverage::Coverage,
    cpus::Cpus,
    departed::Departed,
    device, exit,
    follow::Follow,
    interfaces::Interfaces,
    memory,
    object::map,
    process::Processes,
    record_sum::RecordSum,
    records::{Header, Records},
    root::Root,
    tax,
};
use crate::{
    host,
    names::{cgroup::Cgroups, identity},
};
use zc_model::{
    snapshot::{DeviceSample, Host, Losses, SchemaVersion, Snapshot, Unattributed},
    source::SnapshotSource,
};
use zc_privilege::raised;

/// How far beyond the highest slot in use a scan looks for the next: threads being created at this
/// moment take slots from neighbouring ranges and publish them in any order.
const LOOK_AHEAD: usize = 256;

/// Records looked at per housekeeping for threads that ended unseen. They are rare, and each look
/// makes the kernel fill in an entry of `/proc`.
const CHECKED: usize = 16;

/// Processes without a record that are looked for at a time.
const ENDED_UNSEEN: usize = 256;

/// A thread leaves `/proc` a moment before it leaves its CPU for the last time. One that has been gone
/// for longer than this never leaves it.
const LAST_SWITCH: Duration = Duration::from_secs(5);

/// Probes attached to the running kernel.
pub struct Live {
    host: Arc<Host>,
    attached: Attached,
    coverage: Coverage,
    /// What the copy tax misses since CPUs have come or gone.
    unsampled: Vec<String>,
    began: Instant,
    records: Records,
    cpus: Cpus,
    interfaces: Interfaces,
    /// Per slot: the update count that `processes` has seen.
    seen: Vec<u64>,
    /// Of each table: how many of its slots, from the first one to the highest, were ever known to be in use.
    highest: Vec<usize>,
    /// No table can be added.
    is_full: bool,
    /// Whether `/proc` can be believed when it says that a thread is gone.
    sees_every_process: bool,
    /// Where the search for threads that ended unseen goes on.
    patrol: usize,
    /// Threads that `/proc` no longer has: their slots, their starts, and since when.
    missing: HashMap<u32, (u64, Instant)>,
    processes: Processes,
    departed: Departed,
    /// What was done for processes that are not kept one by one any more.
    forgotten: RecordSum,
    cgroups: Cgroups,
    /// The processes that are followed because they were asked for by number.
    roots: Vec<Root>,
    cost: Cost,
    /// Prints the programs' own diagnostics, when they were asked for.
    log: Option<EbpfLogger<&'static dyn log::Log>>,
}

impl Live {
    /// Attaches everything this kernel has and begins to count.
    ///
    /// # Errors
    /// See [`attach`].
    pub fn start(options: &Options) -> Result<Self> {
        raised(|| Self::begin(options))
    }

    fn begin(options: &Options) -> Result<Self> {
        let roots = match &options.follow {
            Follow::Processes(roots) => roots.iter().copied().map(Root::new).collect(),
            _ => Vec::new(),
        };
        let mut attached = attach(options)?;
        let log = if options.diagnostics {
            Some(
                EbpfLogger::init(&mut attached.ebpf)
                    .context("cannot read the programs' diagnostics")?,
            )
        } else {
            None
        };
        release_memory();
        let mut records = Records::new(attached.tables.room());
        attached.tables.descriptors().iter().try_for_each(|table| records.add(table))?;
        let cpus = Cpus::take(&mut attached.ebpf, attached.cpus)?;
        let interfaces = Interfaces::new(array(&attached, map::INTERFACES)?.fd(), attached.cpus)?;
        let coverage = attached.coverage();
        Ok(Self {
            host: Arc::new(host::describe(&coverage)),
            coverage,
            unsampled: Vec::new(),
            began: Instant::now(),
            seen: Vec::new(),
            highest: Vec::new(),
            is_full: false,
            sees_every_process: identity::sees_every_process(),
            patrol: 0,
            missing: HashMap::new(),
            processes: Processes::default(),
            departed: Departed::default(),
            forgotten: RecordSum::default(),
            cgroups: Cgroups::default(),
            roots,
            cost: Cost::survey(exit::idle_program(&attached.ebpf))?,
            log,
            records,
            cpus,
            interfaces,
            attached,
        })
    }

    /// What was attached.
    #[must_use]
    pub fn attached(&self) -> &Attached {
        &self.attached
    }

    /// The machine.
    #[must_use]
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// Looks at every slot in use and tells `processes` what has changed.
    fn scan(&mut self) -> Result<()> {
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
    fn make_room(&mut self) -> Result<()> {
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
    fn bury(&mut self) -> Result<()> {
        let mut dead = Vec::new();
        // No more than there can be: new ones may come in faster than they are taken out.
        while dead.len() < self.records.capacity() {
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
        dead.into_iter().try_for_each(|slot| self.recycle(slot))
    }

    /// Frees the records of threads that are gone although no exit was seen: the exit hook can be
    /// skipped by the kernel, and a thread that executes a program leaves its old id behind.
    fn patrol(&mut self) -> Result<()> {
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

    /// Brings `processes` up to date with all records.
    fn settle(&mut self) -> Result<()> {
        let is_alive = |pid| !self.sees_every_process || identity::is_alive(pid, pid);
        // Before the scan: one that had ended then makes no more records.
        let ended = self.processes.ended_unseen(ENDED_UNSEEN, is_alive);
        self.bury()?;
        self.scan()?;
        self.processes.conclude(&ended);
        self.collect_departed()?;
        let records = &mut self.records;
        self.processes.refresh(|slot, sum| records.add_to(slot as usize, sum), &self.coverage)
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
        self.processes.retire(slot, &header, |sum| records.add_to(slot as usize, sum))?;
        self.records.clear(slot as usize)?;
        if let Some(seen) = self.seen.get_mut(slot as usize) {
            *seen = 0;
        }
        let mut free: Stack<&mut MapData, FreeSlots> = Stack::try_from(
            self.attached.ebpf.map_mut(map::FREE_SLOTS).context("no map FREE_SLOTS")?,
        )?;
        free.push(FreeSlots::one(slot), 0).context("cannot return a slot")
    }

    /// Takes over what was done on behalf of threads that have ended.
    fn collect_departed(&mut self) -> Result<()> {
        let mut map: BpfHashMap<&mut MapData, ThreadKey, Late> = BpfHashMap::try_from(
            self.attached.ebpf.map_mut(map::DEPARTED).context("no map DEPARTED")?,
        )?;
        let (processes, forgotten) = (&mut self.processes, &mut self.forgotten);
        let coverage = &self.coverage;
        self.departed.collect(&mut map, |id, late| {
            if !processes.add_late(id, late, coverage) {
                forgotten.add_late(late);
            }
        })
    }

    fn unattributed(&mut self) -> Result<Unattributed> {
        let mut sum = self.forgotten.clone();
        self.records.add_to(UNATTRIBUTED_SLOT as usize, &mut sum)?;
        let (counters, paths) = sum.take_sample(&self.coverage);
        Ok(Unattributed { counters, paths })
    }

    fn vary_sampling(&mut self) -> Result<()> {
        self.attached.sampler.as_mut().map_or(Ok(()), tax::Sampler::vary)
    }

    fn losses(&self) -> Result<Losses> {
        let array: Array<&MapData, u64> =
            Array::try_from(self.attached.ebpf.map(map::LOSSES).context("no map LOSSES")?)?;
        let mut losses = Losses::default();
        for loss in Loss::ALL {
            losses[*loss] =
                array.get(&(*loss as u32), 0).context("cannot read the loss counters")?;
        }
        losses[Loss::ProbeRecursions] = self.cost.recursions();
        Ok(losses)
    }

    fn devices(&mut self) -> Result<Vec<DeviceSample>> {
        let devices: BpfHashMap<&MapData, DeviceKey, DeviceRecord> =
            BpfHashMap::try_from(self.attached.ebpf.map(map::DEVICES).context("no map DEVICES")?)?;
        let shared = || {
            let records: Result<BTreeMap<_, _>, _> = devices.iter().collect();
            records.context("cannot read the device counters")
        };
        let records = self.interfaces.complete(shared)?;
        let mut samples: Vec<_> = records
            .iter()
            .map(|(key, record)| device::sample(*key, record, &self.coverage))
            .collect();
        samples.sort_by(|a, b| device::identity(a).cmp(&device::identity(b)));
        samples.dedup_by(|next, kept| device::absorb(kept, next));
        self.interfaces.keep_rising(&mut samples);
        Ok(samples)
    }
}

/// Gives back what the kernel's types took while they were read: the allocator keeps it otherwise.
fn release_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: only memory that is free already is given back.
    unsafe {
        libc::malloc_trim(0);
    }
}

fn array<'a>(attached: &'a Attached, name: &str) -> Result<&'a MapData> {
    match attached.ebpf.map(name) {
        Some(Map::Array(data)) => Ok(data),
        _ => anyhow::bail!("the object has no array {name}"),
    }
}

impl SnapshotSource for Live {
    fn next(&mut self) -> Result<Option<Snapshot>> {
        self.vary_sampling()?;
        self.bury()?;
        self.make_room()?;
        self.settle()?;
        let records = &mut self.records;
        self.processes.add_pending(self.cpus.pending()?, |slot, thread| {
            let header = records.header(slot as usize);
            header.is_ok_and(|header| header.state == STATE_LIVE && header.pid == thread)
        });
        let cgroups = &mut self.cgroups;
        let mut processes =
            self.processes.samples(|id, process, exited| cgroups.name(id, process.pid, exited));
        self.roots.iter().for_each(|root| root.complete(&mut processes));
        let missed = self.attached.sampler.as_mut().and_then(tax::Sampler::news);
        let has_module = self.attached.unhooked.look();
        if has_module || missed.is_some() {
            self.unsampled = missed.unwrap_or(std::mem::take(&mut self.unsampled));
            self.coverage = self.attached.coverage();
            self.coverage.miss_samples(&self.unsampled);
            self.host = Arc::new(host::describe(&self.coverage));
        }
        Ok(Some(Snapshot {
            schema: SchemaVersion::CURRENT,
            host: Arc::clone(&self.host),
            taken_at_ns: SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |since| since.as_nanos() as u64),
            elapsed_ns: self.began.elapsed().as_nanos() as u64,
            processes,
            unattributed: self.unattributed()?,
            devices: self.devices()?,
            losses: self.losses()?,
            self_cost: self.cost.sample(),
        }))
    }

    fn tend(&mut self) -> Result<()> {
        if let Some(log) = &mut self.log {
            log.flush();
        }
        self.vary_sampling()?;
        self.bury()?;
        self.make_room()?;
        self.patrol()?;
        if self.processes.is_unsettled() { self.settle() } else { Ok(()) }
    }
}
