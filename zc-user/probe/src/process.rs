//! Processes, put together from the records of their threads.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use anyhow::Result;
use zc_common::record::Late;

use super::{code::CodeCounts, coverage::Coverage, record_sum::RecordSum, records::Header};
use zc_model::{
    counter::Counters,
    snapshot::{Ancestry, PathSample, ProcessId, ProcessSample, Relative, ThreadSample},
};

mod ancestry;
mod one;
mod slots;
#[cfg(test)]
mod tests;
mod threads;

pub(super) use self::ancestry::{Ancestors, Proc};
use self::{
    one::{Process, id_of},
    slots::Place,
    threads::Threads,
};

/// Exited processes kept one by one. Older ones are merged by name, so that a host that forks all
/// day does not fill the memory; their counts stay in the totals.
const EXITED_KEPT: usize = 2_048;

/// Processes that may have changed between two snapshots before their samples are brought up to date: each may
/// hold a sum of records, of two kilobytes, that ends with the process.
const UNSETTLED: usize = 256;

/// Rows of merged processes of one name; as many again are of other names, and those that find none of either
/// share one.
const MERGED_ROWS: usize = 1_024;

/// Every process seen since the probes were attached.
#[derive(Default)]
pub(super) struct Processes {
    /// In order, so that snapshots are too: the next one can be compared without an index.
    by_id: BTreeMap<ProcessId, Place>,
    all: Vec<Option<Process>>,
    /// Places in `all` that are free.
    free: Vec<Place>,
    /// The process of the thread in each slot: found without a search, since every thread that did
    /// something is looked for at every snapshot.
    by_slot: Vec<Option<Place>>,
    /// The slot of each thread, by its id. No more than there are slots: a slot has one thread.
    by_thread: HashMap<u32, u32>,
    /// The thread that `by_thread` has for each slot.
    thread_of: Vec<u32>,
    /// Processes of which something may have changed since their samples were made, each once.
    changed: Vec<Place>,
    /// How often samples have been made.
    round: u64,
    /// Processes that got a new sample in the last round.
    renewed: Vec<Place>,
    /// Processes that lost their last record without the exit of a last thread: its event was missed, or it had
    /// no record. Each once.
    bare: VecDeque<ProcessId>,
    /// Exited processes in the order of their exit.
    exited: VecDeque<ProcessId>,
    /// Exited processes merged by what they have in common.
    merged: HashMap<Common, Merged>,
    /// Threads one by one, if they were asked for.
    threads: Option<Threads>,
    /// Where ancestors are looked for, if they were asked for.
    ancestors: Option<Ancestors>,
}

/// What processes that are merged have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Common {
    comm: Arc<str>,
    cgroup_id: u64,
    user: Option<u32>,
    root: Option<ProcessId>,
}

#[derive(Default)]
struct Merged {
    count: u64,
    /// The path of the control group, once it is known.
    cgroup: Option<Arc<str>>,
    root: Option<Relative>,
    counters: Counters,
    paths: Vec<PathSample>,
    /// What snapshots share while it stays the same.
    sample: Option<Arc<ProcessSample>>,
}

impl Processes {
    /// None yet. `ancestors` says where these are looked for, `threads` whether they are wanted one by one.
    pub(super) fn new(ancestors: Option<Ancestors>, threads: bool) -> Self {
        Self { ancestors, threads: threads.then(Threads::default), ..Self::default() }
    }

    /// Notes that the record in `slot` has changed.
    pub(super) fn touch(&mut self, slot: u32, header: &Header) {
        let known = self.by_slot.get(slot as usize).copied().flatten().filter(|place| {
            place.of(&mut self.all).is_some_and(|process| process.sample.id == id_of(header))
        });
        let place = known.unwrap_or_else(|| self.open(slot, header));
        if let Some(threads) = &mut self.threads {
            threads.note(slot, header, one::comm_of(header));
        }
        if let Some(process) = place.of(&mut self.all) {
            process.note(header);
            process.mark(place, &mut self.changed);
        }
    }

    /// Assigns the thread in `slot`, which was not seen before, to its process.
    fn open(&mut self, slot: u32, header: &Header) -> Place {
        self.forget(slot);
        let place = *self
            .by_id
            .entry(id_of(header))
            .or_insert_with(|| Place::take(&mut self.all, &mut self.free, Process::new(header)));
        if let Some(process) = place.of(&mut self.all) {
            process.slots.add(slot);
        }
        let slots = self.by_slot.len().max(slot as usize + 1);
        self.by_slot.resize(slots, None);
        self.by_slot[slot as usize] = Some(place);
        self.thread_of.resize(slots, 0);
        // The slot may have gone from thread to thread while user space did not look.
        let before = std::mem::replace(&mut self.thread_of[slot as usize], header.pid);
        if self.by_thread.get(&before) == Some(&slot) {
            self.by_thread.remove(&before);
        }
        self.by_thread.insert(header.pid, slot);
        place
    }

    /// Takes `slot` away from its process, if it has one: the kernel side gives a slot back by itself
    /// when an interrupt was faster to make a record of the same thread.
    fn forget(&mut self, slot: u32) {
        let Some(place) = self.by_slot.get_mut(slot as usize).and_then(Option::take) else {
            return;
        };
        if let Some(threads) = &mut self.threads {
            threads.remove(slot);
        }
        let Some(process) = place.of(&mut self.all) else { return };
        process.slots.remove(slot);
        process.mark(place, &mut self.changed);
    }

    /// Takes over the counts of a thread that is gone, which `add` adds to a sum; its slot will be
    /// reused.
    pub(super) fn retire(
        &mut self,
        slot: u32,
        header: &Header,
        add: impl FnOnce(&mut RecordSum) -> Result<()>,
        coverage: &Coverage,
    ) -> Result<()> {
        self.touch(slot, header);
        let Some(place) = self.by_slot.get_mut(slot as usize).and_then(Option::take) else {
            return Ok(());
        };
        if self.by_thread.get(&header.pid) == Some(&slot) {
            self.by_thread.remove(&header.pid);
        }
        let Some(process) = place.of(&mut self.all) else { return Ok(()) };
        process.slots.remove(slot);
        let retired = process.retired.get_or_insert_default();
        if let Some(threads) = &mut self.threads {
            let mut thread = RecordSum::default();
            add(&mut thread)?;
            retired.add(&thread);
            let (counters, paths) = thread.take_sample(coverage);
            threads.end(slot, &counters, &paths);
        } else {
            add(retired)?;
        }
        if process.slots.is_empty() {
            let id = process.sample.id;
            if process.group_dead {
                self.exited.push_back(id);
            } else if !std::mem::replace(&mut process.is_bare, true) {
                self.bare.push_back(id);
            }
        }
        Ok(())
    }

    /// Adds what was done on behalf of threads of a process that have ended. Whether the process is
    /// still known.
    pub(super) fn add_late(&mut self, id: ProcessId, late: &Late, coverage: &Coverage) -> bool {
        self.add_to(id, |sum| sum.add_late(late), coverage)
    }

    /// The same with what its code was found to do.
    pub(super) fn add_code(
        &mut self,
        id: ProcessId,
        code: &CodeCounts,
        coverage: &Coverage,
    ) -> bool {
        self.add_to(id, |sum| sum.add_code(code), coverage)
    }

    /// Whether a process is kept one by one.
    pub(super) fn has(&self, id: ProcessId) -> bool {
        self.by_id.contains_key(&id)
    }

    fn add_to(
        &mut self,
        id: ProcessId,
        add: impl FnOnce(&mut RecordSum),
        coverage: &Coverage,
    ) -> bool {
        let Some(place) = self.by_id.get(&id).copied() else { return false };
        let Some(process) = place.of(&mut self.all) else { return false };
        if process.slots.is_empty() && process.retired.is_none() {
            // Its records are gone and summed up.
            let mut more = RecordSum::default();
            add(&mut more);
            let (counters, paths) = more.take_sample(coverage);
            let sample = process.sample_mut();
            sample.counters.add(&counters);
            for path in paths {
                add_path(&mut sample.paths, path);
            }
        } else {
            add(process.retired.get_or_insert_default());
            process.mark(place, &mut self.changed);
        }
        true
    }

    /// Brings the samples of changed processes up to date. `add` adds the counts of the record in a
    /// slot to a sum, `coverage` says how well the copies on each path are known.
    pub(super) fn refresh(
        &mut self,
        mut add: impl FnMut(u32, &mut RecordSum) -> Result<()>,
        coverage: &Coverage,
    ) -> Result<()> {
        let mut sum = RecordSum::default();
        let mut paths = Vec::new();
        self.round += 1;
        // Before any of them is merged with others: it may be the parent of another one.
        if let Some(ancestors) = self.ancestors.take() {
            let changed = std::mem::take(&mut self.changed);
            changed.iter().for_each(|place| self.trace(*place, &ancestors));
            (self.changed, self.ancestors) = (changed, Some(ancestors));
        }
        let before = std::mem::take(&mut self.renewed);
        while let Some(place) = self.changed.last() {
            if let Some(process) = place.of(&mut self.all) {
                if let Some(retired) = &process.retired {
                    sum.add(retired);
                }
                for slot in process.slots.iter() {
                    let Some(threads) = &mut self.threads else {
                        add(slot, &mut sum)?;
                        continue;
                    };
                    let mut thread = RecordSum::default();
                    add(slot, &mut thread)?;
                    sum.add(&thread);
                    let (counters, paths) = thread.take_sample(coverage);
                    threads.update(slot, counters, paths);
                }
                let counters = sum.take_sample_into(coverage, &mut paths);
                if process.update(counters, &paths) {
                    process.round = self.round;
                    self.renewed.push(*place);
                }
                process.is_changed = false;
                if process.slots.is_empty() && process.group_dead {
                    process.retired = None;
                }
            }
            self.changed.pop();
        }
        // One that has nothing new needs no memory for the next sample.
        for place in before {
            if let Some(process) = place.of(&mut self.all)
                && process.round != self.round
            {
                process.drop_spare();
            }
        }
        self.merge_old();
        Ok(())
    }

    /// Whether so much is kept of processes that have ended that it is time for [`Self::refresh`], however long the
    /// next snapshot takes.
    pub(super) fn is_unsettled(&self) -> bool {
        self.changed.len() + self.bare.len() >= UNSETTLED
    }

    /// Of the processes that lost their last record without the exit of a last thread, up to `most` that have
    /// ended: `is_alive` says whether there is a process with that number. They may have records that were not
    /// scanned: [`Self::conclude`] takes them after the next scan.
    pub(super) fn ended_unseen(
        &mut self,
        most: usize,
        is_alive: impl Fn(u32) -> bool,
    ) -> Vec<ProcessId> {
        let mut ended = Vec::new();
        for _ in 0..most.min(self.bare.len()) {
            let Some(id) = self.bare.pop_front() else { break };
            // Another process has its number.
            let next = self.by_id.range(id..).nth(1).map(|(next, _)| *next);
            if next.is_none_or(|next| next.pid != id.pid) && is_alive(id.pid) {
                self.bare.push_back(id);
            } else {
                ended.push(id);
            }
        }
        ended
    }

    /// Notes that these processes have ended, unless they have records after all.
    pub(super) fn conclude(&mut self, ended: &[ProcessId]) {
        for id in ended {
            let Some(place) = self.by_id.get(id).copied() else { continue };
            let Some(process) = place.of(&mut self.all) else { continue };
            process.is_bare = false;
            if process.slots.is_empty() && !process.group_dead {
                process.group_dead = true;
                process.mark(place, &mut self.changed);
                self.exited.push_back(*id);
            }
        }
    }

    /// Adds system calls that were not in the records yet: thread ids, and how many calls. They must be
    /// read after the records. What was charged in between is then missed until the next time; the
    /// other way round it would be counted twice, and the count of a process that ends would stay
    /// wrong. `is_of` says whether the record in a slot is that of a thread with this id, which has not
    /// exited: one that has makes no calls, and another thread may have its id.
    pub(super) fn add_pending(
        &mut self,
        pending: impl IntoIterator<Item = (u32, u64)>,
        mut is_of: impl FnMut(u32, u32) -> bool,
    ) {
        let mut by_process: Vec<(Place, u64)> = Vec::new();
        for (thread, calls) in pending.into_iter().filter(|(_, calls)| *calls > 0) {
            let Some(slot) = self.by_thread.get(&thread).copied() else { continue };
            let Some(place) = self.by_slot.get(slot as usize).copied().flatten() else { continue };
            if !is_of(slot, thread) {
                continue;
            }
            if let Some(threads) = &mut self.threads {
                threads.add_pending(slot, calls);
            }
            // Threads of one process may run on several CPUs.
            match by_process.iter_mut().find(|(other, _)| *other == place) {
                Some((_, sum)) => *sum += calls,
                None => by_process.push((place, calls)),
            }
        }
        for (place, calls) in by_process {
            if let Some(process) = place.of(&mut self.all) {
                process.add_pending(calls);
            }
        }
    }

    /// Bounds the number of exited processes kept one by one.
    fn merge_old(&mut self) {
        while self.exited.len() > EXITED_KEPT {
            let Some(id) = self.exited.pop_front() else { break };
            let Some(place) = self.by_id.get(&id).copied() else { continue };
            if place.of(&mut self.all).is_some_and(|process| !process.slots.is_empty()) {
                continue;
            }
            self.by_id.remove(&id);
            if let Some(threads) = &mut self.threads {
                threads.forget(id);
            }
            let Some(process) = place.leave(&mut self.all, &mut self.free) else { continue };
            let sample = process.sample;
            let root = sample.ancestry.as_deref().map(|it| &it.root);
            let mut common = Common {
                comm: Arc::clone(&sample.comm),
                cgroup_id: process.cgroup_id,
                user: sample.user,
                root: root.map(|root| root.id),
            };
            let (mut cgroup, mut root) = (sample.cgroup.clone(), root.cloned());
            if self.merged.len() >= MERGED_ROWS && !self.merged.contains_key(&common) {
                // What they have in common says more than their names.
                common.comm = "(other)".into();
                if self.merged.len() >= 2 * MERGED_ROWS && !self.merged.contains_key(&common) {
                    common = Common { cgroup_id: 0, user: None, root: None, ..common };
                    (cgroup, root) = (None, None);
                }
            }
            let new = || Merged { cgroup, root, ..Merged::default() };
            let merged = self.merged.entry(common).or_insert_with(new);
            merged.sample = None;
            merged.count += 1;
            merged.counters.add(&sample.counters);
            for path in &sample.paths {
                add_path(&mut merged.paths, *path);
            }
        }
    }

    /// A sample of every thread that has a record, where they were asked for.
    pub(super) fn thread_samples(&mut self) -> Vec<Arc<ThreadSample>> {
        self.threads.as_mut().map(Threads::samples).unwrap_or_default()
    }

    /// Gives processes the names of their first threads that have none of their own yet: those of which only other
    /// threads did something. `name` is asked once for each.
    pub(super) fn name_leaders(&mut self, mut name: impl FnMut(ProcessId) -> Option<Arc<str>>) {
        for place in &self.renewed {
            if let Some(process) = place.of(&mut self.all)
                && process.lacks_name()
                && let Some(comm) = name(process.sample.id)
            {
                process.sample_mut().comm = comm;
            }
        }
    }

    /// A sample of every process; `name` names the cgroups.
    pub(super) fn samples(
        &mut self,
        mut name: impl FnMut(u64, ProcessId, bool) -> Option<Arc<str>>,
    ) -> Vec<Arc<ProcessSample>> {
        let mut samples = Vec::with_capacity(self.by_id.len() + self.merged.len());
        // Merged rows have the least identity there is.
        samples.extend(self.merged.iter_mut().map(|(common, merged)| {
            if merged.cgroup.is_none() {
                merged.cgroup = name(common.cgroup_id, ProcessId::default(), true);
                merged.sample = merged.sample.take().filter(|_| merged.cgroup.is_none());
            }
            merged.share(common)
        }));
        samples.extend(self.by_id.iter().filter_map(|(id, place)| {
            let process = place.of(&mut self.all)?;
            if !process.has_cgroup
                && let Some(cgroup) = name(process.cgroup_id, *id, process.group_dead)
            {
                process.has_cgroup = true;
                process.sample_mut().cgroup = Some(cgroup);
            }
            Some(process.share())
        }));
        samples
    }
}

impl Merged {
    /// The row, for a snapshot.
    fn share(&mut self, common: &Common) -> Arc<ProcessSample> {
        let Self { count, cgroup, root, counters, paths, sample } = self;
        let sample = sample.get_or_insert_with(|| {
            Arc::new(ProcessSample {
                id: ProcessId::default(),
                parent: ProcessId::default(),
                comm: Arc::clone(&common.comm),
                cgroup: cgroup.clone(),
                user: common.user,
                ancestry: root.clone().map(|root| Arc::new(Ancestry { parent: None, root })),
                kernel: false,
                exited: true,
                merged: *count,
                counters: counters.clone(),
                paths: paths.clone(),
            })
        });
        Arc::clone(sample)
    }
}

fn add_path(paths: &mut Vec<PathSample>, path: PathSample) {
    match paths.binary_search_by_key(&(path.path, path.socket), |p| (p.path, p.socket)) {
        Ok(at) => {
            let sum = &mut paths[at];
            sum.ops += path.ops;
            sum.errors += path.errors;
            sum.moved_bytes += path.moved_bytes;
            sum.copied_bytes += path.copied_bytes;
            sum.assumed_bytes += path.assumed_bytes;
            sum.provenance = sum.provenance.max(path.provenance);
        }
        Err(at) => paths.insert(at, path),
    }
}
