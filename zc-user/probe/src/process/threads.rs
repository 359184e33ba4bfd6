//! The threads of processes, one by one, where they are asked for; those that have ended by name.

use std::{collections::HashMap, sync::Arc};

use crate::records::Header;
use zc_model::{
    counter::{CounterId, Counters},
    snapshot::{PathSample, ProcessId, ThreadSample},
};

/// Names of threads that have ended, of all processes, and of one. Further ones of a process share one.
const ENDED_NAMES: usize = 8_192;
const ENDED_NAMES_OF_ONE: usize = 256;

/// Threads that have a record, and those that have ended.
#[derive(Default)]
pub(super) struct Threads {
    by_slot: HashMap<u32, Thread>,
    ended: HashMap<ProcessId, HashMap<Arc<str>, Arc<ThreadSample>>>,
    /// In `ended`, of all processes.
    names: usize,
}

struct Thread {
    sample: Arc<ThreadSample>,
    /// What `sample` has of the record alone, without calls that are pending: system calls and mode switches.
    recorded: (u64, u64),
    /// The name in the last snapshot: with that it is looked for when it has ended.
    shown: Option<Arc<str>>,
}

impl Threads {
    /// Takes over what the record in `slot` says of its thread.
    pub(super) fn note(&mut self, slot: u32, header: &Header, comm: Arc<str>) {
        let id = ProcessId { pid: header.pid, start_ns: header.start_ns };
        let process = super::one::id_of(header);
        let new = || {
            let (counters, paths) = (Counters::default(), Vec::new());
            let comm = Arc::clone(&comm);
            let sample = ThreadSample { id, process, comm, ended: 0, counters, paths };
            Thread { sample: Arc::new(sample), recorded: (0, 0), shown: None }
        };
        let thread = self.by_slot.entry(slot).or_insert_with(new);
        if (thread.sample.id, thread.sample.process) != (id, process) {
            *thread = new();
        } else if thread.sample.comm != comm {
            Arc::make_mut(&mut thread.sample).comm = comm;
        }
    }

    /// Takes over what the thread in `slot` did.
    pub(super) fn update(&mut self, slot: u32, mut counters: Counters, paths: Vec<PathSample>) {
        let Some(thread) = self.by_slot.get_mut(&slot) else { return };
        thread.recorded = (counters[CounterId::Syscalls], counters[CounterId::ModeSwitches]);
        counters.raise(&thread.sample.counters);
        if thread.sample.counters != counters || thread.sample.paths != paths {
            let sample = Arc::make_mut(&mut thread.sample);
            (sample.counters, sample.paths) = (counters, paths);
        }
    }

    /// Adds system calls that are not in its record yet.
    pub(super) fn add_pending(&mut self, slot: u32, calls: u64) {
        let Some(thread) = self.by_slot.get_mut(&slot) else { return };
        let (syscalls, switches) = (thread.recorded.0 + calls, thread.recorded.1 + 2 * calls);
        for (counter, count) in
            [(CounterId::Syscalls, syscalls), (CounterId::ModeSwitches, switches)]
        {
            if thread.sample.counters[counter] < count {
                Arc::make_mut(&mut thread.sample).counters[counter] = count;
            }
        }
    }

    /// The thread in `slot` has no record any more.
    pub(super) fn remove(&mut self, slot: u32) {
        self.by_slot.remove(&slot);
    }

    /// The thread in `slot` has ended, having done this.
    pub(super) fn end(&mut self, slot: u32, counters: &Counters, paths: &[PathSample]) {
        let Some(Thread { sample, shown, .. }) = self.by_slot.remove(&slot) else { return };
        let (process, comm) = (sample.process, shown.unwrap_or_else(|| Arc::clone(&sample.comm)));
        let names = self.ended.entry(process).or_default();
        let is_full = self.names >= ENDED_NAMES || names.len() >= ENDED_NAMES_OF_ONE;
        let comm = if is_full && !names.contains_key(&comm) { "(other)".into() } else { comm };
        self.names += usize::from(!names.contains_key(&comm));
        let new = || {
            let (id, comm) = (ProcessId::default(), Arc::clone(&comm));
            let (counters, paths) = (Counters::default(), Vec::new());
            Arc::new(ThreadSample { id, process, comm, ended: 0, counters, paths })
        };
        let sample = Arc::make_mut(names.entry(Arc::clone(&comm)).or_insert_with(new));
        sample.ended += 1;
        sample.counters.add(counters);
        paths.iter().for_each(|path| super::add_path(&mut sample.paths, *path));
    }

    /// A process is merged with others.
    pub(super) fn forget(&mut self, process: ProcessId) {
        self.names -= self.ended.remove(&process).map_or(0, |names| names.len());
    }

    /// All of them, in the order of their identities.
    pub(super) fn samples(&mut self) -> Vec<Arc<ThreadSample>> {
        let live = self.by_slot.values_mut().map(|thread| {
            thread.shown = Some(Arc::clone(&thread.sample.comm));
            &thread.sample
        });
        let ended = self.ended.values().flat_map(HashMap::values);
        let mut samples: Vec<_> = live.chain(ended).map(Arc::clone).collect();
        samples
            .sort_unstable_by(|a, b| (a.process, a.id, &a.comm).cmp(&(b.process, b.id, &b.comm)));
        samples
    }
}
