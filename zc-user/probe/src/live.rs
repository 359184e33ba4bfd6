//! The running kernel as a source of snapshots.
//!
//! Nothing here grows with what comes and goes. The maps of the kernel side say there what bounds each. Here it is:
//!
//! | kept | bound |
//! | --- | --- |
//! | processes that run | those that there are; each has the slots of its threads, of which there are `--max-threads` |
//! | processes that ended | 2,048, and 2,048 rows of older ones that have something in common (`process.rs`) |
//! | names of threads that ended | 8,192, and one per process (`process/threads.rs`) |
//! | work done for them later | the entries of `DEPARTED`, 1,024 of them at rest (`departed.rs`) |
//! | threads by slot, threads missed | the slots |
//! | devices | those of the last two tables, and 512 others (`devices.rs`) |
//! | highest counts of interfaces | the interfaces shown last (`interfaces.rs`) |
//! | samples of code, and functions that copy | see `code.rs` |
//! | names of control groups | 16,384 (`names/cgroup.rs`) |
//! | samples of stacks, and what they are called | see `stacks.rs` |
//! | files, sockets and pipes | the rows of the kernel side, and `--max-objects` others (`objects/kept.rs`) |
//! | processes asked for by number | the command line |
//!
//! Outside: two snapshots, and of the dashboard a history of 1,024 processes for 60 frames (`zc_model::history`).

use std::{
    collections::BTreeMap,
    collections::HashMap,
    sync::Arc,
    time::{Instant, SystemTime},
};

use anyhow::{Context as _, Result};
use aya::maps::{Array, HashMap as BpfHashMap, Map, MapData};
use aya_log::EbpfLogger;
use zc_common::{
    loss::Loss,
    record::{Late, STATE_LIVE, ThreadKey, UNATTRIBUTED_SLOT},
};

use super::{
    attach::{Attached, Options, attach},
    code::{self, Code},
    cost::Cost,
    coverage::Coverage,
    cpus::Cpus,
    departed::Departed,
    device, exit,
    follow::Follow,
    interfaces::Interfaces,
    object::map,
    objects::Objects,
    process::{Ancestors, Proc, Processes},
    record_sum::RecordSum,
    records::Records,
    root::Root,
    stacks::Stacks,
    tax,
};
use crate::{
    host,
    names::{cgroup::Cgroups, identity, user},
};
use zc_model::{
    snapshot::{Copier, DeviceSample, Host, Losses, SchemaVersion, Snapshot, Unattributed},
    source::SnapshotSource,
};
use zc_privilege::raised;

/// Processes without a record that are looked for at a time.
const ENDED_UNSEEN: usize = 256;

mod keep;
mod slots;

use self::keep::Heap;

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
    /// Files, sockets and pipes, where these were asked for.
    objects: Option<Objects>,
    /// Call stacks of copies, where these were asked for.
    stacks: Option<Stacks>,
    /// The processes that are followed because they were asked for by number.
    roots: Vec<Root>,
    cost: Cost,
    /// Looks for copies that programs make themselves, if that was asked for.
    code: Option<Code>,
    /// What the allocator keeps for later.
    heap: Heap,
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
        keep::begin();
        let mut attached = attach(options)?;
        let log = if options.diagnostics {
            Some(
                EbpfLogger::init(&mut attached.ebpf)
                    .context("cannot read the programs' diagnostics")?,
            )
        } else {
            None
        };
        keep::release_object();
        let mut records = Records::new(attached.tables.room());
        attached.tables.descriptors().iter().try_for_each(|table| records.add(table))?;
        let cpus = Cpus::take(&mut attached.ebpf, attached.cpus)?;
        let interfaces = Interfaces::new(array(&attached, map::INTERFACES)?.fd(), attached.cpus)?;
        let coverage = attached.coverage();
        let stacks = if options.stacks {
            let sampling = options.sampling.unwrap_or(tax::FREQUENCY);
            let frequency = if attached.sampler.is_some() { sampling } else { 0 };
            Some(Stacks::take(&mut attached.ebpf, frequency)?)
        } else {
            None
        };
        let has_user_copies = options.user_copies && attached.sampler.is_some();
        Ok(Self {
            host: Arc::new(host::describe(
                &coverage,
                if options.users { user::all() } else { BTreeMap::new() },
                has_user_copies,
            )),
            coverage,
            unsampled: Vec::new(),
            began: Instant::now(),
            seen: Vec::new(),
            highest: Vec::new(),
            is_full: false,
            sees_every_process: identity::sees_every_process(),
            patrol: 0,
            missing: HashMap::new(),
            processes: Processes::new(
                options.ancestors.then(|| Ancestors {
                    outside: Box::new(Proc),
                    roots: matches!(options.follow, Follow::All),
                }),
                options.threads_apart,
            ),
            departed: Departed::default(),
            forgotten: RecordSum::default(),
            cgroups: Cgroups::default(),
            objects: options.objects.map(Objects::new),
            stacks,
            roots,
            cost: Cost::survey(exit::idle_program(&attached.ebpf))?,
            code: has_user_copies.then(|| Code::new(options.patience.unwrap_or(code::PATIENCE))),
            heap: Heap::default(),
            log,
            records,
            cpus,
            interfaces,
            attached,
        })
    }

    /// Whether it is looked for copies that programs make themselves.
    #[must_use]
    pub fn has_user_copies(&self) -> bool {
        self.code.is_some()
    }

    /// Whether files of other processes are looked at, for what their code does or is called.
    #[must_use]
    pub fn looks_at_files(&self) -> bool {
        self.code.is_some() || self.stacks.is_some()
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

    /// Brings `processes` up to date with all records.
    fn settle(&mut self) -> Result<()> {
        let is_alive = |pid| !self.sees_every_process || identity::is_alive(pid, pid);
        // Before the scan: one that had ended then makes no more records.
        let ended = self.processes.ended_unseen(ENDED_UNSEEN, is_alive);
        self.bury()?;
        self.scan()?;
        self.processes.conclude(&ended);
        self.sum_up()
    }

    /// Brings the samples of processes up to date with the records that are known.
    fn sum_up(&mut self) -> Result<()> {
        self.collect_departed()?;
        self.collect_code();
        let records = &mut self.records;
        self.processes.refresh(|slot, sum| records.add_to(slot as usize, sum), &self.coverage)
    }

    /// Takes over what the code of processes was found to do.
    fn collect_code(&mut self) {
        let Some(code) = &mut self.code else { return };
        let (processes, forgotten) = (&mut self.processes, &mut self.forgotten);
        for (process, counts) in code.counts() {
            if !processes.add_code(process, &counts, &self.coverage) {
                forgotten.add_code(&counts);
            }
        }
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

    /// The functions that copy, as far as that is looked for.
    fn copiers(&mut self) -> Vec<Copier> {
        let processes = &self.processes;
        self.code.as_mut().map_or_else(Vec::new, |code| code.copiers(|id| processes.has(id)))
    }

    fn unattributed(&mut self) -> Result<Unattributed> {
        let mut sum = self.forgotten.clone();
        self.records.add_to(UNATTRIBUTED_SLOT as usize, &mut sum)?;
        let (counters, paths) = sum.take_sample(&self.coverage);
        Ok(Unattributed { counters, paths })
    }

    /// Looks at the shapes of packets, or leaves it for a while. When the kernel does not let it be attached again,
    /// they stay unknown from now on.
    fn look_at_shapes(&mut self) {
        if let Some(shapes) = &mut self.attached.shapes {
            let packets = self.interfaces.sent_packets();
            if shapes.tend(&mut self.attached.ebpf, packets).is_err() {
                self.attached.shapes = None;
            }
        }
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
        // What is seen to complete is taken off again, which may be seen a moment earlier.
        for loss in [Loss::UringUnseen, Loss::AioUnseen] {
            losses[loss] = losses[loss].cast_signed().max(0).cast_unsigned();
        }
        losses[Loss::ProbeRecursions] = self.cost.recursions();
        losses[Loss::FlowsExhausted] += self.objects.as_ref().map_or(0, Objects::lost_flows);
        losses[Loss::CopiersExhausted] = self.code.as_ref().map_or(0, Code::unnamed);
        if let Some(stacks) = &self.stacks {
            losses[Loss::StacksLost] += stacks.lost();
        }
        Ok(losses)
    }

    fn devices(&mut self) -> Result<Vec<DeviceSample>> {
        let devices = &self.attached.devices;
        let records = self.interfaces.complete(|| devices.records())?;
        let mut samples: Vec<_> = records
            .iter()
            .map(|(key, record)| device::sample(*key, record, &self.coverage))
            .chain(devices.merged().iter().cloned())
            .collect();
        samples.sort_by(|a, b| device::identity(a).cmp(&device::identity(b)));
        samples.dedup_by(|next, kept| device::absorb(kept, next));
        self.interfaces.keep_rising(&mut samples);
        Ok(samples)
    }

    /// Makes room for devices that come.
    fn tend_devices(&mut self) -> Result<()> {
        let Attached { devices, ebpf, .. } = &mut self.attached;
        let owners = || self.interfaces.owners();
        let (merged, bytes) = devices.tend(ebpf, owners, &self.coverage)?;
        merged.iter().for_each(|sample| self.interfaces.forget(sample));
        self.cost.add_map(bytes);
        Ok(())
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
        let _ = self.tend_devices();
        if let Some(code) = &mut self.code {
            code.settle(&self.attached.ebpf)?;
        }
        self.settle()?;
        let records = &mut self.records;
        self.processes.add_pending(self.cpus.pending()?, |slot, thread| {
            let header = records.header(slot as usize);
            header.is_ok_and(|header| header.state == STATE_LIVE && header.pid == thread)
        });
        self.processes.name_leaders(identity::leader);
        let cgroups = &mut self.cgroups;
        let mut processes =
            self.processes.samples(|id, process, exited| cgroups.name(id, process.pid, exited));
        self.roots.iter().for_each(|root| root.complete(&mut processes));
        let unattributed = self.unattributed()?;
        let devices = self.devices()?;
        // Of what was read by now: what follows has names to look up, which takes seconds at first.
        let elapsed_ns = self.began.elapsed().as_nanos() as u64;
        let taken_at_ns = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos() as u64);
        let objects = match &mut self.objects {
            Some(objects) => {
                Some(Arc::new(objects.sample(&self.attached.ebpf, &self.coverage, &processes)?))
            }
            None => None,
        };
        let stacks = match &mut self.stacks {
            Some(stacks) => Some(Arc::new(stacks.sample(&mut self.attached.ebpf)?)),
            None => None,
        };
        let missed = self.attached.sampler.as_mut().and_then(tax::Sampler::news);
        let has_module = self.attached.unhooked.look();
        if has_module || missed.is_some() {
            self.unsampled = missed.unwrap_or(std::mem::take(&mut self.unsampled));
            self.coverage = self.attached.coverage();
            self.coverage.miss_samples(&self.unsampled);
            let users = self.host.users.clone();
            let has_user_copies = self.host.user_copies;
            self.host = Arc::new(host::describe(&self.coverage, users, has_user_copies));
        }
        Ok(Some(Snapshot {
            schema: SchemaVersion::CURRENT,
            host: Arc::clone(&self.host),
            taken_at_ns,
            elapsed_ns,
            processes,
            threads: self.processes.thread_samples(),
            objects,
            stacks,
            unattributed,
            copiers: self.copiers(),
            devices,
            losses: self.losses()?,
            self_cost: self.cost.sample(),
        }))
    }

    fn tend(&mut self) -> Result<()> {
        if let Some(log) = &mut self.log {
            log.flush();
        }
        self.heap.tend();
        self.vary_sampling()?;
        self.bury()?;
        self.make_room()?;
        // One that the kernel refuses is asked for again: the table has room until then.
        let _ = self.tend_devices();
        self.look_at_shapes();
        if let Some(code) = &mut self.code {
            code.tend(&self.attached.ebpf)?;
        }
        if let Some(stacks) = &mut self.stacks {
            stacks.tend(&mut self.attached.ebpf)?;
        }
        if let Some(objects) = &mut self.objects {
            // If this fails, so does the next snapshot, which says why.
            let _ = objects.tend(&self.attached.ebpf);
        }
        self.patrol()?;
        if self.processes.is_unsettled() { self.settle() } else { Ok(()) }
    }
}
