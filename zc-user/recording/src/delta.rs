//! What differs from the key of a chunk.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use zc_model::{
    counter::CounterId,
    id::Id,
    quick::QuickMap,
    snapshot::{PathId, PathSample, ProcessId, ProcessSample, Snapshot, SocketId},
};

/// A snapshot without what is as it was in the key.
///
/// It is the processes that are many: most of them sleep, and most of the others have only counted more. All else is
/// whole: it is packed with the key as its dictionary, so what is the same takes next to nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// Processes of the key that are not in the snapshot any more.
    pub gone: Vec<ProcessId>,
    /// Processes of the key that have counted more, and are the same otherwise.
    #[serde(default)]
    pub updated: Vec<Update>,
    /// The snapshot; of its processes, those that are new or have changed in another way.
    pub snapshot: Snapshot,
}

/// What a process of the key has counted since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// Which process: its place among those of the key that are one each.
    pub at: u32,
    /// Counters that differ, and their values.
    pub counters: Vec<(Id<CounterId>, u64)>,
    /// Paths that differ or are new, and their places among all in the end.
    pub paths: Vec<(u32, PathSample)>,
}

impl Update {
    /// From `key` to `next`, which is the process at `at` of the key. `None` where more than counts has changed.
    fn between(at: usize, key: &ProcessSample, next: &ProcessSample) -> Option<Self> {
        let ProcessSample {
            id,
            parent,
            comm,
            cgroup,
            user,
            ancestry,
            kernel,
            exited,
            merged,
            counters,
            paths,
        } = next;
        let is_same = (id, parent, comm, cgroup) == (&key.id, &key.parent, &key.comm, &key.cgroup)
            && (user, kernel, exited, merged) == (&key.user, &key.kernel, &key.exited, &key.merged)
            && *ancestry == key.ancestry;
        if !is_same {
            return None;
        }
        Some(Self {
            at: u32::try_from(at).ok()?,
            counters: counters.changes(&key.counters)?,
            paths: changed_paths(&key.paths, paths)?,
        })
    }

    /// The process, where `key` is what it was in the key.
    fn apply(&self, key: &ProcessSample) -> ProcessSample {
        let mut process = key.clone();
        for (counter, value) in &self.counters {
            process.counters.set(*counter, *value);
        }
        for (at, sample) in &self.paths {
            let at = (*at as usize).min(process.paths.len());
            match process.paths.get_mut(at) {
                Some(before) if which(before) == which(sample) => *before = *sample,
                _ => process.paths.insert(at, *sample),
            }
        }
        process
    }
}

const fn which(sample: &PathSample) -> (PathId, Option<SocketId>) {
    (sample.path, sample.socket)
}

/// The paths of `next` that are not as in `key`, with their places. `None` where one of the key is missing.
fn changed_paths(key: &[PathSample], next: &[PathSample]) -> Option<Vec<(u32, PathSample)>> {
    let mut before = key.iter().peekable();
    let mut changed = Vec::new();
    for (sample, at) in next.iter().zip(0..) {
        let was = before.next_if(|before| which(before) == which(sample));
        if was != Some(sample) {
            changed.push((at, *sample));
        }
    }
    before.peek().is_none().then_some(changed)
}

impl Delta {
    /// From `key` to `next`.
    #[must_use]
    pub fn between(key: &Snapshot, next: &Snapshot) -> Self {
        let mut known = Known::new(key);
        let mut updated = Vec::new();
        let mut processes = Vec::new();
        for process in &next.processes {
            let Some((at, before)) = known.take(process) else {
                processes.push(Arc::clone(process));
                continue;
            };
            if Arc::ptr_eq(before, process) {
                continue;
            }
            match Update::between(at, before, process) {
                Some(update) if update.counters.is_empty() && update.paths.is_empty() => {}
                Some(update) => updated.push(update),
                None => processes.push(Arc::clone(process)),
            }
        }
        let gone = known.left();
        Self { gone, updated, snapshot: Snapshot { processes, ..shallow(next) } }
    }

    /// The snapshot, where `key` is that of its chunk: processes in the order of their identities, merged ones last.
    #[must_use]
    pub fn apply(self, key: &Snapshot) -> Snapshot {
        let Self { gone, updated, mut snapshot } = self;
        let gone: HashSet<_> = gone.into_iter().collect();
        let mut processes: BTreeMap<_, _> = single(key)
            .filter(|process| !gone.contains(&process.id))
            .map(|process| (process.id, Arc::clone(process)))
            .collect();
        let single: Vec<_> = single(key).collect();
        for update in updated {
            // What is not in the key was written by nothing that writes recordings.
            let Some(key) = single.get(update.at as usize) else { continue };
            processes.insert(key.id, Arc::new(update.apply(key)));
        }
        let (merged, changed): (Vec<_>, Vec<_>) =
            snapshot.processes.into_iter().partition(|process| process.is_merged());
        processes.extend(changed.into_iter().map(|process| (process.id, process)));
        snapshot.processes = processes.into_values().chain(merged).collect();
        snapshot
    }
}

/// The processes of a key that are one each, each to be taken once.
struct Known<'a> {
    processes: Vec<&'a Arc<ProcessSample>>,
    taken: Vec<bool>,
    /// Where the next one is if the order has not changed: most snapshots list most processes in that of the key.
    expected: usize,
    by_id: Option<QuickMap<ProcessId, usize>>,
}

impl<'a> Known<'a> {
    fn new(key: &'a Snapshot) -> Self {
        let processes: Vec<_> = single(key).collect();
        Self { taken: vec![false; processes.len()], processes, expected: 0, by_id: None }
    }

    /// The place and the sample of `process` in the key.
    fn take(&mut self, process: &Arc<ProcessSample>) -> Option<(usize, &'a Arc<ProcessSample>)> {
        let is_expected =
            |it: &&Arc<ProcessSample>| Arc::ptr_eq(it, process) || it.id == process.id;
        let at = match self.processes.get(self.expected) {
            _ if process.is_merged() => return None,
            Some(known) if is_expected(known) => self.expected,
            _ => self.search(process)?,
        };
        self.expected = at + 1;
        self.taken[at] = true;
        Some((at, self.processes[at]))
    }

    fn search(&mut self, process: &ProcessSample) -> Option<usize> {
        let known = &self.processes;
        let by_id = self.by_id.get_or_insert_with(|| {
            known.iter().enumerate().map(|(at, process)| (process.id, at)).collect()
        });
        by_id.get(&process.id).copied()
    }

    /// Those that were not taken.
    fn left(self) -> Vec<ProcessId> {
        let all = self.processes.iter().zip(self.taken);
        all.filter(|(_, taken)| !taken).map(|(process, _)| process.id).collect()
    }
}

/// Processes that are one each: the others have no identity.
fn single(snapshot: &Snapshot) -> impl Iterator<Item = &Arc<ProcessSample>> {
    snapshot.processes.iter().filter(|process| !process.is_merged())
}

/// Without the processes.
fn shallow(snapshot: &Snapshot) -> Snapshot {
    let Snapshot {
        schema,
        host,
        taken_at_ns,
        elapsed_ns,
        processes: _,
        threads,
        copiers,
        objects,
        stacks,
        unattributed,
        devices,
        losses,
        self_cost,
    } = snapshot;
    Snapshot {
        schema: *schema,
        host: Arc::clone(host),
        taken_at_ns: *taken_at_ns,
        elapsed_ns: *elapsed_ns,
        processes: Vec::new(),
        threads: threads.clone(),
        copiers: copiers.clone(),
        objects: objects.clone(),
        stacks: stacks.clone(),
        unattributed: unattributed.clone(),
        devices: devices.clone(),
        losses: losses.clone(),
        self_cost: self_cost.clone(),
    }
}
