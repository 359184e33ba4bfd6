//! What happened between two snapshots: the input of every output.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use zc_common::loss::Loss;

use crate::{
    counter::Counters,
    ledger::{self, Copied},
    snapshot::{
        Copier, DeviceSample, Host, Kin, LossId, Losses, Objects, PathSample, ProcessId,
        ProcessSample, SelfCost, Snapshot, Stacks, ThreadSample, Unattributed,
    },
};

mod copiers;
mod devices;
mod earlier;
mod objects;
mod stacks;
mod threads;

pub(crate) use self::earlier::Done;
pub use self::earlier::Earlier;

/// Sums over processes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Counters that belong to no path.
    pub counters: Counters,
    /// Paths that were used, in order. The provenance of each is the worst of its parts.
    pub paths: Vec<PathSample>,
}

impl Totals {
    fn of<'s>(
        processes: impl IntoIterator<Item = &'s ProcessSample>,
        unattributed: &Unattributed,
    ) -> Self {
        let mut totals = Self::default();
        totals.add(&unattributed.counters, &unattributed.paths);
        for process in processes.into_iter().filter(|process| process.is_active()) {
            totals.add(&process.counters, &process.paths);
        }
        totals
    }

    fn add(&mut self, counters: &Counters, paths: &[PathSample]) {
        self.counters.add(counters);
        ledger::add(&mut self.paths, paths);
    }
}

/// Which processes a frame is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The run follows some processes only, and counts nothing of the others.
    pub followed: bool,
    /// A filter has left out processes.
    pub filtered: bool,
}

impl Scope {
    /// Whether `loss` concerns the processes of such a frame. The others are losses on the machine, of any
    /// process.
    #[must_use]
    pub fn concerns(self, loss: LossId) -> bool {
        let counts_all = !self.followed && !self.filtered;
        counts_all || self.followed && !loss.is_known_and(Loss::is_of_machine)
    }
}

/// One interval (or, from a single snapshot, the time since the probes were attached).
///
/// In every row `moved_bytes` and `copied_bytes` are the sums over the row's paths, whatever the
/// snapshot said.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The machine.
    pub host: Arc<Host>,
    /// End of the interval, ns since the Unix epoch.
    pub taken_at_ns: u64,
    /// Length of the interval, ns.
    pub elapsed_ns: u64,
    /// Sum of `processes` and `unattributed`.
    pub totals: Totals,
    /// The processes with their deltas (the other fields as of the end of the interval). A live
    /// process that did nothing is there with zeros; one that had exited and did nothing is not.
    pub processes: Vec<ProcessSample>,
    /// The threads of these with their deltas, where threads were asked for, in the order of their processes.
    pub threads: Vec<ThreadSample>,
    /// The functions that copied, where copies that programs make themselves are looked for.
    pub copiers: Vec<Copier>,
    /// Files, sockets and pipes with their deltas, where these were asked for. For each path, and for each end that it
    /// has, the rows and what is outside them add up to the totals, unless a filter has left out processes.
    pub objects: Option<Objects>,
    /// Call stacks of copies, where these were asked for.
    pub stacks: Option<Stacks>,
    /// What is unattributed.
    pub unattributed: Unattributed,
    /// Devices with their deltas.
    pub devices: Vec<DeviceSample>,
    /// Losses during the interval.
    pub losses: Losses,
    /// Which processes it is about.
    pub scope: Scope,
    /// Of rows of merged processes, how many of these had ended before the interval.
    pub ended_before: HashMap<Kin, u64>,
    /// Whether threads have found no slot since the probes were attached: what they did is in `unattributed`.
    pub crowded: bool,
    /// `zc`'s own cost: CPU time and runs during the interval, memory as of its end.
    pub self_cost: SelfCost,
    /// What processes did before, where frames follow each other.
    pub earlier: Earlier,
}

impl Frame {
    /// Share of the transmitted bytes whose packets were looked at, of the interfaces where these are a sample;
    /// `None` when there is no such interface.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    pub fn sampled_shapes(&self) -> Option<f64> {
        let sampled = self.devices.iter().filter(|device| device.is_sampled());
        let (looked, sent) = sampled.fold((0_u64, 0_u64), |(looked, sent), device| {
            (looked.saturating_add(device.shaped_bytes()), sent.saturating_add(device.write_bytes))
        });
        (sent > 0).then(|| looked as f64 / sent as f64)
    }

    /// How many processes a sample stands for that may have done something in the interval.
    #[must_use]
    pub(crate) fn merged_in(&self, process: &ProcessSample) -> u64 {
        if !process.is_merged() {
            return 1;
        }
        process.merged.saturating_sub(self.ended_before.get(&process.kin()).copied().unwrap_or(0))
    }

    /// Everything since the probes were attached.
    #[must_use]
    pub fn cumulative(snapshot: Snapshot) -> Self {
        let Snapshot {
            schema: _,
            host,
            taken_at_ns,
            elapsed_ns,
            processes,
            threads,
            copiers,
            objects,
            stacks,
            mut unattributed,
            devices,
            losses,
            self_cost,
        } = snapshot;
        let mut processes: Vec<ProcessSample> =
            processes.into_iter().map(Arc::unwrap_or_clone).collect();
        for process in &mut processes {
            ledger::normalise(&mut process.paths);
            ledger::reconcile(&mut process.counters, &process.paths);
        }
        ledger::normalise(&mut unattributed.paths);
        ledger::reconcile(&mut unattributed.counters, &unattributed.paths);
        let totals = Totals::of(&processes, &unattributed);
        let objects = objects.map(|objects| {
            let mut objects = objects::between(None, &objects);
            objects.complete(objects.missing(&totals.paths));
            objects
        });
        Self {
            ended_before: HashMap::new(),
            scope: Scope::default(),
            crowded: losses[Loss::SlotsExhausted] > 0,
            host,
            taken_at_ns,
            elapsed_ns,
            totals,
            processes,
            threads: threads::between(&[], &threads),
            copiers: copiers::between(&[], &copiers),
            objects,
            stacks: stacks.map(|stacks| stacks::between(None, &stacks)),
            unattributed,
            devices,
            losses,
            self_cost,
            earlier: Earlier::default(),
        }
    }

    /// What happened from `previous` to `next`. Processes without a previous sample count from 0.
    ///
    /// A process that is in `previous` only is not in the frame, unless it was merged into a row of
    /// its name: its earlier counts are then taken off that row, which now holds them.
    #[must_use]
    pub fn between(previous: &Snapshot, next: &Snapshot) -> Self {
        let paths = ledger::difference(&previous.unattributed.paths, &next.unattributed.paths);
        let mut counters = next
            .unattributed
            .counters
            .zip_with(&previous.unattributed.counters, u64::saturating_sub);
        ledger::reconcile(&mut counters, &paths);
        let unattributed = Unattributed { counters, paths };
        let mut rows = Rows::new(next.processes.len(), &unattributed);
        let mut baseline = Baseline::new(&previous.processes);
        for process in next.processes.iter().filter(|process| !process.is_merged()) {
            match baseline.take(process.id) {
                Some(before) if Arc::ptr_eq(before, process) => rows.push_idle(process),
                Some(before) => rows.push(delta(process, &before.counters, &before.paths)),
                None => rows.push(delta(process, &Counters::default(), &[])),
            }
        }
        let merged = baseline.merged(next);
        for row in next.processes.iter().filter(|process| process.is_merged()) {
            rows.push(match merged.get(&row.kin()) {
                Some((before, _)) => delta(row, &before.counters, &before.paths),
                None => delta(row, &Counters::default(), &[]),
            });
        }
        let Rows { processes, totals } = rows;
        let objects = next.objects.as_deref().map(|objects| {
            let mut delta = objects::between(previous.objects.as_deref(), objects);
            let missing = |objects: &Objects, of: &Snapshot| {
                objects.missing(
                    &Totals::of(of.processes.iter().map(|it| &**it), &of.unattributed).paths,
                )
            };
            let before = previous.objects.as_deref().map(|objects| missing(objects, previous));
            let now = missing(objects, next);
            delta.complete(match before {
                Some(before) => objects::missing_between(&before, &now),
                None => now,
            });
            delta
        });
        let ended_before = merged.into_iter().map(|(kin, (_, ended))| (kin, ended)).collect();
        Self {
            ended_before,
            scope: Scope::default(),
            crowded: next.losses[Loss::SlotsExhausted] > 0,
            host: Arc::clone(&next.host),
            taken_at_ns: next.taken_at_ns,
            elapsed_ns: next.elapsed_ns.saturating_sub(previous.elapsed_ns),
            totals,
            processes,
            threads: threads::between(&previous.threads, &next.threads),
            copiers: copiers::between(&previous.copiers, &next.copiers),
            objects,
            stacks: next
                .stacks
                .as_deref()
                .map(|stacks| stacks::between(previous.stacks.as_deref(), stacks)),
            unattributed,
            devices: devices::deltas(&previous.devices, &next.devices),
            losses: next.losses.zip_with(&previous.losses, u64::saturating_sub),
            self_cost: self_cost_delta(&previous.self_cost, &next.self_cost),
            earlier: Earlier::default(),
        }
    }

    /// Only the processes for which `keep` is true. The totals become those of the selection. What
    /// is unattributed is dropped: it may or may not belong to one of the selected processes.
    /// Devices and losses stay.
    #[must_use]
    pub fn only(mut self, mut keep: impl FnMut(&ProcessSample, &Self) -> bool) -> Self {
        let selected: Vec<bool> =
            self.processes.iter().map(|process| keep(process, &self)).collect();
        let mut selected = selected.into_iter();
        self.processes.retain(|_| selected.next().unwrap_or(false));
        let kept: HashSet<_> = self.processes.iter().map(|process| process.id).collect();
        self.threads.retain(|thread| kept.contains(&thread.process));
        self.copiers.retain(|copier| kept.contains(&copier.process));
        if let Some(objects) = &mut self.objects {
            // What is outside the rows may or may not belong to one of the selected processes.
            objects.rows.retain(|row| kept.contains(&row.process));
            objects.flows.retain(|flow| kept.contains(&flow.process));
        }
        if let Some(stacks) = &mut self.stacks {
            stacks.rows.retain(|row| kept.contains(&row.process));
        }
        self.scope.filtered = true;
        self.unattributed = Unattributed::default();
        self.totals = Totals::of(&self.processes, &self.unattributed);
        self
    }

    /// The same with this as what is unattributed; the totals include it.
    pub(crate) fn with_unattributed(mut self, unattributed: Unattributed) -> Self {
        self.unattributed = unattributed;
        self.totals = Totals::of(&self.processes, &self.unattributed);
        self
    }

    /// Applies evidence from elsewhere to each process; the sums are computed again.
    #[must_use]
    pub fn amended(mut self, mut amend: impl FnMut(&mut ProcessSample)) -> Self {
        for process in &mut self.processes {
            amend(process);
            ledger::normalise(&mut process.paths);
            ledger::reconcile(&mut process.counters, &process.paths);
        }
        self.totals = Totals::of(&self.processes, &self.unattributed);
        self
    }

    /// The process with this identity.
    #[must_use]
    pub fn process(&self, id: ProcessId) -> Option<&ProcessSample> {
        let all = &self.processes;
        // Live sources list processes in the order of their identities; merged rows come last. Where
        // that is not so, or misleads, each is looked at.
        let found = all.binary_search_by_key(&id, |process| process.id).ok();
        found.map(|at| &all[at]).or_else(|| all.iter().find(|process| process.id == id))
    }

    /// Bytes copied on these paths. When there are none, their provenance is that of an ordinary copy
    /// on this machine.
    #[must_use]
    pub fn copied(&self, paths: &[PathSample]) -> Copied {
        Copied::of(paths, self.host.copies)
    }

    /// Length of the interval in seconds; 0 when the snapshots were taken at the same time.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are a hundred days")]
    pub fn seconds(&self) -> f64 {
        self.elapsed_ns as f64 / 1e9
    }

    /// `count` per second; none when the snapshots were taken at the same time.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a rate is shown with four digits at most")]
    pub fn per_second(&self, count: u64) -> Option<f64> {
        (self.elapsed_ns > 0).then(|| count as f64 / self.seconds())
    }
}

/// The processes of a frame and their sum, which is made while each is at hand: ten thousand of them do
/// not fit into the caches of a processor.
struct Rows {
    processes: Vec<ProcessSample>,
    totals: Totals,
}

impl Rows {
    /// Room for `count` processes; the sum begins with what is unattributed.
    fn new(count: usize, unattributed: &Unattributed) -> Self {
        let mut totals = Totals::default();
        totals.add(&unattributed.counters, &unattributed.paths);
        Self { processes: Vec::with_capacity(count), totals }
    }

    /// Adds a process, unless it had exited and did nothing.
    fn push(&mut self, process: ProcessSample) {
        self.processes.push(process);
        let Some(process) = self.processes.last() else { return };
        if process.is_active() {
            self.totals.add(&process.counters, &process.paths);
        } else if process.exited {
            self.processes.pop();
        }
    }

    /// Adds a process that did nothing, unless it had exited.
    fn push_idle(&mut self, process: &ProcessSample) {
        if !process.exited {
            self.processes.push(idle(process));
        }
    }
}

/// The previous counts of each process, each to be taken once.
struct Baseline<'a> {
    previous: &'a [Arc<ProcessSample>],
    taken: Vec<bool>,
    /// Where the next process is if the order has not changed: most snapshots list most processes
    /// in the order of the one before.
    expected: usize,
    /// Whether they are in the order of their identities, and need no index; once that is asked for.
    sorted: Option<bool>,
    by_id: Option<HashMap<ProcessId, usize>>,
}

impl<'a> Baseline<'a> {
    fn new(previous: &'a [Arc<ProcessSample>]) -> Self {
        Self {
            previous,
            taken: vec![false; previous.len()],
            expected: 0,
            sorted: None,
            by_id: None,
        }
    }

    fn take(&mut self, id: ProcessId) -> Option<&'a Arc<ProcessSample>> {
        let previous = self.previous;
        let found = match previous.get(self.expected) {
            Some(process) if process.id == id => self.expected,
            _ => self.search(id)?,
        };
        self.expected = found + 1;
        self.taken[found] = true;
        Some(&previous[found])
    }

    /// Where a process is that is not where it is expected.
    fn search(&mut self, id: ProcessId) -> Option<usize> {
        let previous = self.previous;
        let is_sorted = || previous.is_sorted_by_key(|process| process.id);
        if *self.sorted.get_or_insert_with(is_sorted) {
            return previous.binary_search_by_key(&id, |process| process.id).ok();
        }
        let by_id = self.by_id.get_or_insert_with(|| {
            previous.iter().enumerate().map(|(at, process)| (process.id, at)).collect()
        });
        by_id.get(&id).copied()
    }

    /// What the merged rows of `next` have from before: their own counts and those of the processes that are gone,
    /// and how many of these had ended by then.
    fn merged(self, next: &'a Snapshot) -> HashMap<Kin, (Totals, u64)> {
        let rows = next.processes.iter().filter(|process| process.is_merged());
        let mut merged: HashMap<Kin, (Totals, u64)> =
            rows.clone().map(|row| (row.kin(), Default::default())).collect();
        if merged.is_empty() {
            return merged;
        }
        // Where a process has moved, or its control group has got its name, since the snapshot before.
        let by_name: HashMap<&str, Kin> = rows.map(|row| (&*row.comm, row.kin())).collect();
        for (process, taken) in self.previous.iter().zip(self.taken) {
            if taken {
                continue;
            }
            let mut kin = process.kin();
            if !merged.contains_key(&kin) {
                let renamed = kin.named(OTHER_NAMES.into());
                let other = by_name.get(&*process.comm).or_else(|| by_name.get(OTHER_NAMES));
                kin = match (merged.contains_key(&renamed), other) {
                    (true, _) => renamed,
                    (false, Some(other)) => other.clone(),
                    (false, None) => continue,
                };
            }
            let (sum, ended) = merged.entry(kin).or_default();
            sum.add(&process.counters, &process.paths);
            *ended += if process.exited { process.merged } else { 0 };
        }
        merged
    }
}

fn delta(next: &ProcessSample, counters: &Counters, paths: &[PathSample]) -> ProcessSample {
    let paths = ledger::difference(paths, &next.paths);
    let mut counters = next.counters.zip_with(counters, u64::saturating_sub);
    ledger::reconcile(&mut counters, &paths);
    with_counts(next, counters, paths)
}

/// The delta of a process that has not changed.
fn idle(next: &ProcessSample) -> ProcessSample {
    with_counts(next, Counters::default(), Vec::new())
}

fn with_counts(next: &ProcessSample, counters: Counters, paths: Vec<PathSample>) -> ProcessSample {
    ProcessSample {
        id: next.id,
        parent: next.parent,
        comm: Arc::clone(&next.comm),
        cgroup: next.cgroup.clone(),
        user: next.user,
        ancestry: next.ancestry.clone(),
        kernel: next.kernel,
        exited: next.exited,
        merged: next.merged,
        counters,
        paths,
    }
}

/// The merged row of those whose name has none of its own.
const OTHER_NAMES: &str = "(other)";

fn self_cost_delta(previous: &SelfCost, next: &SelfCost) -> SelfCost {
    let since = |next: Option<u64>, previous: Option<u64>| {
        next.map(|next| next.saturating_sub(previous.unwrap_or(0)))
    };
    SelfCost {
        cpu_ns: next.cpu_ns.saturating_sub(previous.cpu_ns),
        rss_bytes: next.rss_bytes,
        map_bytes: next.map_bytes,
        program_run_ns: since(next.program_run_ns, previous.program_run_ns),
        program_runs: since(next.program_runs, previous.program_runs),
    }
}

#[cfg(test)]
mod tests;
