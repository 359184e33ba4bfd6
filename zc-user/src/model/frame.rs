//! What happened between two snapshots: the input of every output.

use std::sync::Arc;

use crate::sample::{
    counter::Counters,
    snapshot::{
        DeviceSample, Host, Losses, PathSample, ProcessId, ProcessSample, SelfCost, Snapshot,
        Unattributed,
    },
};

/// Sums over processes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Counters that belong to no path.
    pub counters: Counters,
    /// Paths that were used, in order.
    pub paths: Vec<PathSample>,
}

/// One interval (or, from a single snapshot, the time since the probes were attached).
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The machine.
    pub host: Arc<Host>,
    /// End of the interval, ns since the Unix epoch.
    pub taken_at_ns: u64,
    /// Length of the interval, ns.
    pub elapsed_ns: u64,
    /// Sum of `processes` and `unattributed`.
    pub totals: Tally,
    /// The processes with their deltas (the other fields as of the end of the interval).
    pub processes: Vec<ProcessSample>,
    /// What belongs to no process.
    pub unattributed: Unattributed,
    /// Devices with their deltas.
    pub devices: Vec<DeviceSample>,
    /// Losses during the interval.
    pub losses: Losses,
    /// `zc`'s own cost: CPU time and runs during the interval, memory as of its end.
    pub self_cost: SelfCost,
}

impl Frame {
    /// Everything since the probes were attached.
    #[must_use]
    pub fn cumulative(_snapshot: Snapshot) -> Self {
        unimplemented!("model owner: replace")
    }

    /// What happened from `previous` to `next`. Processes without a previous sample count from 0.
    #[must_use]
    pub fn between(_previous: &Snapshot, _next: &Snapshot) -> Self {
        unimplemented!("model owner: replace")
    }

    /// The process with this identity.
    #[must_use]
    pub fn process(&self, id: ProcessId) -> Option<&ProcessSample> {
        self.processes.iter().find(|process| process.id == id)
    }
}
