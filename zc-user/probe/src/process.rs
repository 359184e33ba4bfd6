//! Processes, put together from the records of their threads.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use zc_common::record::{FLAG_GROUP_DEAD, FLAG_KTHREAD, Late, Record, STATE_EXITED};

use super::{coverage::Coverage, record_sum::RecordSum};
use zc_model::{
    counter::Counters,
    snapshot::{PathSample, ProcessId, ProcessSample},
};

/// Exited processes kept one by one. Older ones are merged by name, so that a host that forks all
/// day does not fill the memory; their counts stay in the totals.
const EXITED_KEPT: usize = 2_048;

/// Different names that merged processes may have; further ones share one row.
const MERGED_NAMES: usize = 1_024;

/// A process with at least one record, or one that has exited.
struct Process {
    /// As of the last [`Processes::refresh`]. Shared with the snapshots, which tell by the pointer
    /// that nothing has changed.
    sample: Arc<ProcessSample>,
    /// The name is a leader's, and not that of just any thread.
    named: bool,
    cgroup_id: u64,
    /// The last thread has passed its exit hook.
    group_dead: bool,
    /// Sum of the threads whose slots were recycled.
    retired: Option<Box<RecordSum>>,
    /// Slots of the other threads.
    slots: Vec<u32>,
    /// Something may have changed since `sample` was made.
    dirty: bool,
}

/// Every process seen since the probes were attached.
#[derive(Default)]
pub(super) struct Processes {
    /// In order, so that snapshots are too: the next one can be compared without an index.
    by_id: BTreeMap<ProcessId, Process>,
    /// Exited processes in the order of their exit.
    exited: VecDeque<ProcessId>,
    /// Exited processes merged by name and by whether they were tracked.
    merged: HashMap<(Arc<str>, bool), Merged>,
    /// Whose children are under observation.
    root: Option<u32>,
    /// The processes under observation and their descendants, for as long as the command runs.
    tracked: HashSet<ProcessId>,
}

#[derive(Default)]
struct Merged {
    count: u64,
    counters: Counters,
    paths: Vec<PathSample>,
}

/// The process that a record belongs to.
pub(super) fn id_of(record: &Record) -> ProcessId {
    ProcessId { pid: record.tgid, start_ns: record.process_start_ns }
}

/// A name in the kernel's form.
fn comm_of(record: &Record) -> Arc<str> {
    let end = record.comm.iter().position(|byte| *byte == 0).unwrap_or(record.comm.len());
    String::from_utf8_lossy(&record.comm[..end]).into()
}

impl Processes {
    /// Follows the children of `pid`, which is alive, and their descendants:
    /// `ProcessSample::tracked`.
    pub(super) fn track_children_of(&mut self, pid: u32) {
        self.root = Some(pid);
    }

    /// Whether the children of a process are followed.
    pub(super) fn is_tracking(&self) -> bool {
        self.root.is_some()
    }

    /// Notes that the record in `slot` has changed.
    pub(super) fn touch(&mut self, slot: u32, record: &Record) {
        let id = id_of(record);
        let parent = ProcessId { pid: record.parent_tgid, start_ns: record.parent_start_ns };
        let tracked = self.tracked.contains(&id)
            || ((self.root == Some(parent.pid) || self.tracked.contains(&parent))
                && self.tracked.insert(id));
        let process = self.by_id.entry(id).or_insert_with(|| Process {
            sample: Arc::new(ProcessSample {
                id,
                parent,
                comm: comm_of(record),
                cgroup: None,
                kernel: record.flags & FLAG_KTHREAD != 0,
                exited: false,
                tracked,
                merged: 1,
                counters: Counters::default(),
                paths: Vec::new(),
            }),
            named: false,
            cgroup_id: record.cgroup_id,
            group_dead: false,
            retired: None,
            slots: Vec::with_capacity(1),
            dirty: true,
        });
        process.dirty = true;
        if tracked && !process.sample.tracked {
            Arc::make_mut(&mut process.sample).tracked = true;
        }
        if !process.slots.contains(&slot) {
            process.slots.push(slot);
        }
        if record.pid == record.tgid {
            // Another thread may have replaced this leader by `execve` since it died.
            let current = record.state < STATE_EXITED || record.flags & FLAG_GROUP_DEAD != 0;
            if current {
                process.group_dead = false;
            }
            if (current || !process.named)
                && process.sample.comm.as_bytes() != trimmed(&record.comm)
            {
                Arc::make_mut(&mut process.sample).comm = comm_of(record);
            }
            process.named = true;
        }
        if record.flags & FLAG_GROUP_DEAD != 0 && record.state >= STATE_EXITED {
            process.group_dead = true;
        }
    }

    /// Takes over the counts of a thread that is gone; its slot will be reused.
    pub(super) fn retire(&mut self, slot: u32, record: &Record) {
        self.touch(slot, record);
        let id = id_of(record);
        let Some(process) = self.by_id.get_mut(&id) else { return };
        process.retired.get_or_insert_default().add(record);
        process.slots.retain(|other| *other != slot);
        if process.slots.is_empty() && process.group_dead {
            self.exited.push_back(id);
        }
    }

    /// Adds what was done on behalf of threads of a process that have ended. Whether the process is
    /// still known.
    pub(super) fn add_late(&mut self, id: ProcessId, late: &Late, coverage: &Coverage) -> bool {
        let Some(process) = self.by_id.get_mut(&id) else { return false };
        if process.slots.is_empty() && process.retired.is_none() {
            // Its records are gone and summed up.
            let mut more = RecordSum::default();
            more.add_late(late);
            let (counters, paths) = more.sample(0, coverage);
            let sample = Arc::make_mut(&mut process.sample);
            sample.counters.add(&counters);
            for path in paths {
                add_path(&mut sample.paths, path);
            }
        } else {
            process.retired.get_or_insert_default().add_late(late);
            process.dirty = true;
        }
        true
    }

    /// Brings the samples of changed processes up to date. `read` returns the record in a slot,
    /// `pending` the system calls of a thread that are not in its record yet, `coverage` says how well
    /// the copies on each path are known.
    pub(super) fn refresh(
        &mut self,
        mut read: impl FnMut(u32) -> anyhow::Result<Record>,
        pending: &HashMap<u32, u64>,
        coverage: &Coverage,
    ) -> anyhow::Result<()> {
        for process in self.by_id.values_mut().filter(|process| process.dirty) {
            let mut sum = process.retired.as_deref().cloned().unwrap_or_default();
            let mut calls = 0;
            for slot in &process.slots {
                let record = read(*slot)?;
                calls += pending.get(&record.pid).copied().unwrap_or(0);
                sum.add(&record);
            }
            let (counters, paths) = sum.sample(calls, coverage);
            // Pending calls are read apart from the record they go to: for a moment they may be
            // in neither. A cumulative count must not fall.
            let counters = counters.zip_with(&process.sample.counters, u64::max);
            let before = &*process.sample;
            if before.exited != process.group_dead
                || before.counters != counters
                || before.paths != paths
            {
                let sample = Arc::make_mut(&mut process.sample);
                sample.exited = process.group_dead;
                sample.counters = counters;
                sample.paths = paths;
            }
            process.dirty = calls > 0;
            if process.slots.is_empty() && process.group_dead {
                process.retired = None;
            }
        }
        self.adopt();
        self.merge_old();
        Ok(())
    }

    /// Tracks the descendants of tracked processes that were seen before their parents were.
    fn adopt(&mut self) {
        while self.root.is_some() {
            let found: Vec<ProcessId> = self
                .by_id
                .iter_mut()
                .filter(|(_, process)| {
                    let sample = &process.sample;
                    !sample.tracked && self.tracked.contains(&sample.parent)
                })
                .map(|(id, process)| {
                    Arc::make_mut(&mut process.sample).tracked = true;
                    *id
                })
                .collect();
            if found.is_empty() {
                break;
            }
            self.tracked.extend(found);
        }
    }

    /// Bounds the number of exited processes kept one by one.
    fn merge_old(&mut self) {
        while self.exited.len() > EXITED_KEPT {
            let Some(id) = self.exited.pop_front() else { break };
            let gone = self.by_id.get(&id).is_some_and(|process| process.slots.is_empty());
            if !gone {
                continue;
            }
            let Some(process) = self.by_id.remove(&id) else { continue };
            let sample = process.sample;
            let mut key = (Arc::clone(&sample.comm), sample.tracked);
            if self.merged.len() >= MERGED_NAMES && !self.merged.contains_key(&key) {
                key.0 = "(other)".into();
            }
            let merged = self.merged.entry(key).or_default();
            merged.count += 1;
            merged.counters.add(&sample.counters);
            for path in &sample.paths {
                add_path(&mut merged.paths, *path);
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
        samples.extend(self.merged.iter().map(|((comm, tracked), merged)| {
            Arc::new(ProcessSample {
                id: ProcessId::default(),
                parent: ProcessId::default(),
                comm: Arc::clone(comm),
                cgroup: None,
                kernel: false,
                exited: true,
                tracked: *tracked,
                merged: merged.count,
                counters: merged.counters.clone(),
                paths: merged.paths.clone(),
            })
        }));
        samples.extend(self.by_id.iter_mut().map(|(id, process)| {
            if process.sample.cgroup.is_none()
                && let Some(cgroup) = name(process.cgroup_id, *id, process.group_dead)
            {
                Arc::make_mut(&mut process.sample).cgroup = Some(cgroup);
            }
            Arc::clone(&process.sample)
        }));
        samples
    }
}

fn trimmed(comm: &[u8]) -> &[u8] {
    let end = comm.iter().position(|byte| *byte == 0).unwrap_or(comm.len());
    &comm[..end]
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
