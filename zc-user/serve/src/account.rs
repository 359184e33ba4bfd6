//! The account: everything that was counted since `zc` started, in counters that only rise.
//!
//! Each snapshot adds what happened since the one before. What processes did is summed up over the machine, and at the
//! same time in one of the parts: a group, `other`, or what is unattributed. So the parts add up to the machine at every
//! moment.

use std::{collections::BTreeMap, sync::Arc};

use zc_model::{
    counter::{CounterId, Counters},
    frame::Frame,
    ledger,
    row::Row,
    snapshot::{
        DeviceKind, Host, Losses, MERGED_DEVICES, PathSample, Provenance, SelfCost, Snapshot,
    },
    user_copies,
    zerocopy::{self, Mechanism, Reason},
};

use crate::{
    by::By,
    counted::Counted,
    guard::{Guard, Limits},
};

/// Devices that are kept one by one; more are one together.
const MOST_DEVICES: usize = 256;

/// What a mechanism of zero-copy was asked for and gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zerocopy {
    /// Bytes requested.
    pub requested: u64,
    /// Bytes that were not copied: the most that it ever was.
    achieved: u64,
    is_known: bool,
    /// Bytes that were, by the reason.
    pub not_achieved: BTreeMap<Reason, u64>,
}

impl Zerocopy {
    /// Bytes that were not copied, where that is known.
    #[must_use]
    pub fn achieved(&self) -> Option<u64> {
        self.is_known.then_some(self.achieved)
    }
}

/// Bytes that a device read and wrote by DMA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dma {
    /// Read from its medium, or received.
    pub read: u64,
    /// Written to it, or transmitted.
    pub write: u64,
}

/// The state of the account at the last snapshot.
#[derive(Clone, Debug)]
pub struct Account {
    machine: Counted,
    unattributed: Counted,
    guard: Option<Guard>,
    counters: Counters,
    paths: Vec<PathSample>,
    zerocopy: BTreeMap<Mechanism, Zerocopy>,
    devices: BTreeMap<(String, DeviceKind), Dma>,
    losses: Losses,
    /// As of the last snapshot.
    latest: Option<Latest>,
    snapshots: u64,
}

/// What is as of the last snapshot.
#[derive(Clone, Debug)]
pub struct Latest {
    /// The machine.
    pub host: Arc<Host>,
    /// When it was taken, ns since the Unix epoch.
    pub taken_at_ns: u64,
    /// What `zc` has cost until then.
    pub self_cost: SelfCost,
}

impl Account {
    /// An empty account.
    #[must_use]
    pub fn new(by: By, limits: Limits) -> Self {
        Self {
            machine: Counted::default(),
            unattributed: Counted::default(),
            guard: (by != By::None).then(|| Guard::new(by, limits)),
            counters: Counters::default(),
            paths: Vec::new(),
            zerocopy: BTreeMap::new(),
            devices: BTreeMap::new(),
            losses: Losses::default(),
            latest: None,
            snapshots: 0,
        }
    }

    /// What the machine has counted, with the kinds of sockets apart.
    #[must_use]
    pub const fn machine(&self) -> &Counted {
        &self.machine
    }

    /// What belongs to no process.
    #[must_use]
    pub const fn unattributed(&self) -> &Counted {
        &self.unattributed
    }

    /// The groups, unless there are none.
    #[must_use]
    pub const fn guard(&self) -> Option<&Guard> {
        self.guard.as_ref()
    }

    /// A counter of the machine that belongs to no path. `None` where this kernel does not report it, or it is not
    /// looked for.
    #[must_use]
    pub fn counter(&self, counter: CounterId) -> Option<u64> {
        let host = &self.latest.as_ref()?.host;
        let is_left_out = !host.user_copies && user_copies::COUNTERS.contains(&counter);
        let is_known = host.provenance(counter) != Provenance::Unavailable && !is_left_out;
        is_known.then(|| self.counters[counter])
    }

    /// What was requested as zero-copy.
    #[must_use]
    pub const fn zerocopy(&self) -> &BTreeMap<Mechanism, Zerocopy> {
        &self.zerocopy
    }

    /// What devices moved by DMA. Their names are hostile: escape them.
    #[must_use]
    pub const fn devices(&self) -> &BTreeMap<(String, DeviceKind), Dma> {
        &self.devices
    }

    /// What was lost.
    #[must_use]
    pub const fn losses(&self) -> &Losses {
        &self.losses
    }

    /// What is as of the last snapshot. `None` before the first one.
    #[must_use]
    pub const fn latest(&self) -> Option<&Latest> {
        self.latest.as_ref()
    }

    /// Snapshots taken so far.
    #[must_use]
    pub const fn snapshots(&self) -> u64 {
        self.snapshots
    }

    /// Takes a snapshot, of which `frame` is what happened since the one before it, or of the first one all. It was taken
    /// at `boot_ns` since boot.
    pub fn take(&mut self, snapshot: &Snapshot, frame: &Frame, boot_ns: u64) {
        self.snapshots += 1;
        for process in frame.processes.iter().filter(|process| process.is_active()) {
            self.machine.add_by_socket(&process.paths, &process.counters);
        }
        let (paths, counters) = (&frame.unattributed.paths, &frame.unattributed.counters);
        self.machine.add_by_socket(paths, counters);
        self.unattributed.add(paths, counters);
        if let Some(guard) = &mut self.guard {
            guard.take(frame, snapshot.elapsed_ns, boot_ns);
        }
        self.counters.add(&frame.totals.counters);
        ledger::add(&mut self.paths, &frame.totals.paths);
        self.take_zerocopy(frame);
        self.take_devices(frame);
        // Two of them are taken back when what was missed is seen after all: what was shown stays.
        self.losses = self.losses.zip_with(&snapshot.losses, u64::max);
        self.latest = Some(Latest {
            host: Arc::clone(&snapshot.host),
            taken_at_ns: snapshot.taken_at_ns,
            self_cost: snapshot.self_cost.clone(),
        });
    }

    /// From all that was counted so far: bytes may be copied in a later interval than they were sent in.
    fn take_zerocopy(&mut self, frame: &Frame) {
        let mut counters = self.counters.clone();
        ledger::reconcile(&mut counters, &self.paths);
        for request in zerocopy::requests(Row::counts(&counters, &self.paths), frame) {
            let mechanism = match request.mechanism {
                // A process that begins to use the other one must not move its bytes from one series to another.
                Mechanism::MsgZerocopy | Mechanism::UringSendZc => Mechanism::ZerocopySends,
                mechanism => mechanism,
            };
            let sum = self.zerocopy.entry(mechanism).or_default();
            sum.requested = sum.requested.max(request.requested_bytes);
            let achieved = request.achieved.bytes();
            sum.achieved = sum.achieved.max(achieved.unwrap_or(0));
            sum.is_known = achieved.is_some();
            let mut reasons = BTreeMap::<Reason, u64>::new();
            for reason in &request.reasons {
                // Those were not sent at all, and are no part of what was requested.
                if reason.reason != Reason::NoBufferSpace {
                    *reasons.entry(reason.reason).or_default() += reason.bytes;
                }
            }
            for (reason, bytes) in reasons {
                let sum = sum.not_achieved.entry(reason).or_default();
                *sum = bytes.max(*sum);
            }
        }
    }

    fn take_devices(&mut self, frame: &Frame) {
        for device in frame.devices.iter().filter(|device| device.does_dma()) {
            let mut key = (device.device.clone(), device.kind);
            if !self.devices.contains_key(&key) && self.devices.len() >= MOST_DEVICES {
                MERGED_DEVICES.clone_into(&mut key.0);
            }
            let sum = self.devices.entry(key).or_default();
            sum.read = sum.read.saturating_add(device.read_bytes);
            sum.write = sum.write.saturating_add(device.write_bytes);
        }
    }
}

#[cfg(test)]
mod tests;
