//! Processes that are followed because they were asked for by number.

use std::sync::Arc;

use zc_model::{
    counter::Counters,
    snapshot::{ProcessId, ProcessSample},
};

use crate::names::identity;

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Root {
    /// Its start is as coarse as a clock tick.
    id: ProcessId,
    /// Its name when the run began.
    comm: Arc<str>,
}

impl Root {
    /// The process that was found with this identity.
    pub(super) fn new(id: ProcessId) -> Self {
        Self { id, comm: identity::name(id.pid).unwrap_or_default().into() }
    }

    /// Adds it to `processes`, which are in order, if it has ended and is not among them: before the kernel side
    /// saw it.
    pub(super) fn complete(&self, processes: &mut Vec<Arc<ProcessSample>>) {
        let tick_ns = identity::tick_ns();
        let at = processes.partition_point(|process| process.id < self.id);
        let mut incarnations =
            processes[at..].iter().take_while(|process| process.id.pid == self.id.pid);
        let is_listed =
            incarnations.any(|process| process.id.start_ns / tick_ns == self.id.start_ns / tick_ns);
        if is_listed || identity::is_running(self.id) {
            return;
        }
        let ended = ProcessSample {
            id: self.id,
            parent: ProcessId::default(),
            comm: Arc::clone(&self.comm),
            cgroup: None,
            user: None,
            ancestry: None,
            kernel: false,
            exited: true,
            merged: 1,
            counters: Counters::default(),
            paths: Vec::new(),
        };
        processes.insert(at, Arc::new(ended));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_ended_before_it_was_seen_is_listed_as_ended() {
        // Above what there can be.
        let id = ProcessId { pid: 5_000_000, start_ns: 7 * identity::tick_ns() };
        let root = Root { id, comm: "gone".into() };
        let mut processes = Vec::new();
        root.complete(&mut processes);
        let ids = |processes: &[Arc<ProcessSample>]| {
            processes.iter().map(|process| (process.id, process.exited)).collect::<Vec<_>>()
        };
        assert_eq!(ids(&processes), [(id, true)]);
        root.complete(&mut processes);
        assert_eq!(processes.len(), 1, "once");

        // The kernel side knows the start to the nanosecond.
        let seen = ProcessId { start_ns: id.start_ns + 1, ..id };
        let mut processes = vec![Arc::new(ProcessSample { id: seen, ..(*processes[0]).clone() })];
        root.complete(&mut processes);
        assert_eq!(ids(&processes), [(seen, true)]);

        let own = identity::Stat::of(std::process::id()).unwrap().id;
        Root { id: own, ..root }.complete(&mut processes);
        assert_eq!(processes.len(), 1, "it runs");
    }
}
