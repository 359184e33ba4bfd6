//! What differs from the key of a chunk.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use zc_model::snapshot::{ProcessId, ProcessSample, Snapshot};

/// A snapshot without the processes that are as they were in the key.
///
/// All else is whole: it is packed with the key as its dictionary, so what is the same takes next to nothing. It is
/// the processes that are many, and most of them sleep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// Processes of the key that are not in the snapshot any more.
    pub gone: Vec<ProcessId>,
    /// The snapshot; of its processes, those that are new or have changed.
    pub snapshot: Snapshot,
}

impl Delta {
    /// From `key` to `next`.
    #[must_use]
    pub fn between(key: &Snapshot, next: &Snapshot) -> Self {
        let before: HashMap<_, _> = single(key).map(|process| (process.id, process)).collect();
        let now: HashSet<_> = single(next).map(|process| process.id).collect();
        let is_new = |process: &&Arc<ProcessSample>| {
            process.is_merged()
                || before
                    .get(&process.id)
                    .is_none_or(|before| !Arc::ptr_eq(before, process) && before != process)
        };
        let processes = next.processes.iter().filter(is_new).cloned().collect();
        let gone = single(key).map(|process| process.id).filter(|id| !now.contains(id)).collect();
        Self { gone, snapshot: Snapshot { processes, ..shallow(next) } }
    }

    /// The snapshot, where `key` is that of its chunk: processes in the order of their identities, merged ones last.
    #[must_use]
    pub fn apply(self, key: &Snapshot) -> Snapshot {
        let Self { gone, mut snapshot } = self;
        let gone: HashSet<_> = gone.into_iter().collect();
        let mut processes: BTreeMap<_, _> = single(key)
            .filter(|process| !gone.contains(&process.id))
            .map(|process| (process.id, Arc::clone(process)))
            .collect();
        let (merged, changed): (Vec<_>, Vec<_>) =
            snapshot.processes.into_iter().partition(|process| process.is_merged());
        processes.extend(changed.into_iter().map(|process| (process.id, process)));
        snapshot.processes = processes.into_values().chain(merged).collect();
        snapshot
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
