//! Processes that were asked for by number: which of them have ended.

use std::sync::Arc;

use crate::snapshot::{Host, ProcessId, ProcessSample, Snapshot};

/// Processes that were asked for by number, until they end. Another process that gets the number of one is not
/// that one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watch {
    running: Vec<ProcessId>,
    ended: Vec<Arc<ProcessSample>>,
}

impl Watch {
    /// A watch of these processes, which run; each counts once. Their starts are as coarse as `/proc` gives them
    /// (a clock tick).
    #[must_use]
    pub fn new(mut processes: Vec<ProcessId>) -> Self {
        processes.sort_unstable();
        processes.dedup();
        Self { running: processes, ended: Vec::new() }
    }

    /// Looks at the next snapshot. Returns those that have ended since the last one.
    pub fn look(&mut self, snapshot: &Snapshot) -> Vec<Arc<ProcessSample>> {
        let mut ended = Vec::new();
        self.running.retain(|watched| {
            let mut exited = snapshot.processes.iter().filter(|process| process.exited);
            match exited.find(|process| is_incarnation(process.id, *watched, &snapshot.host)) {
                Some(process) => {
                    ended.push(Arc::clone(process));
                    false
                }
                None => true,
            }
        });
        self.ended.extend(ended.iter().cloned());
        ended
    }

    /// Those that have ended, in this order.
    #[must_use]
    pub fn ended(&self) -> &[Arc<ProcessSample>] {
        &self.ended
    }

    /// Whether there were some, all of which have ended, and no other process in `snapshot` is alive: nothing more
    /// can be counted then.
    #[must_use]
    pub fn is_over(&self, snapshot: &Snapshot) -> bool {
        self.running.is_empty()
            && !self.ended.is_empty()
            && snapshot.processes.iter().all(|process| process.exited)
    }
}

/// Whether the kernel's `sample` is the process that `/proc` showed as `found`.
fn is_incarnation(sample: ProcessId, found: ProcessId, host: &Host) -> bool {
    let tick_ns = 1_000_000_000 / host.clock_ticks.max(1);
    sample.pid == found.pid && sample.start_ns / tick_ns == found.start_ns / tick_ns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::sketch::{process, snapshot};

    const TICK_NS: u64 = 10_000_000;

    /// A process with this number that started so many ticks after the boot.
    fn sample(pid: u32, ticks: u64, exited: bool) -> ProcessSample {
        let id = ProcessId { pid, start_ns: ticks * TICK_NS + 7 };
        ProcessSample { id, exited, ..process(pid, "x", &[]) }
    }

    fn watched(pid: u32, ticks: u64) -> ProcessId {
        ProcessId { pid, start_ns: ticks * TICK_NS }
    }

    #[test]
    fn a_process_ends_once_and_one_that_gets_its_number_does_not_count() {
        let mut watch = Watch::new(vec![watched(8, 3), watched(7, 2), watched(7, 2)]);
        let both = snapshot(1, &[sample(7, 2, false), sample(8, 3, false)]);
        assert!(watch.look(&both).is_empty());
        let first = snapshot(2, &[sample(7, 2, true), sample(7, 9, false), sample(8, 3, false)]);
        let ended = watch.look(&first);
        assert_eq!(ended.iter().map(|process| process.id.pid).collect::<Vec<_>>(), [7]);
        assert!(watch.look(&first).is_empty(), "it was reported");
        assert!(!watch.is_over(&first));
        let other = snapshot(3, &[sample(7, 2, true), sample(7, 9, true), sample(8, 3, true)]);
        assert_eq!(watch.look(&other).len(), 1);
        assert_eq!(watch.ended().len(), 2);
        assert!(watch.is_over(&other));
        // A child of theirs is followed on.
        let child = snapshot(4, &[sample(8, 3, true), sample(9, 5, false)]);
        assert!(!watch.is_over(&child));
        assert!(!Watch::default().is_over(&snapshot(1, &[])), "nothing was asked for");
    }
}
