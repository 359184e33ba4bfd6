//! From which object to which one bytes were moved, for a report.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    counter::{CounterId, Counters},
    object::Which,
    snapshot::{FlowVia, Object, Objects, ProcessId},
};

/// A line of a report: bytes from an object to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Where the bytes came from.
    pub from: Arc<Object>,
    /// Where they went to.
    pub to: Arc<Object>,
    /// How.
    pub via: FlowVia,
    /// The processes, the busiest first.
    pub processes: Vec<(ProcessId, Arc<str>)>,
    /// Calls that moved bytes to the second object.
    pub ops: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Objects {
    /// The flows of which an end is listed by `which`, the busiest first, each pair of objects once for each way.
    #[must_use]
    pub fn flows(&self, which: Which) -> Vec<Flow> {
        let mut samples: Vec<_> = self
            .flows
            .iter()
            .filter(|flow| which.lists(flow.from.kind) || which.lists(flow.to.kind))
            .collect();
        samples.sort_by_key(|flow| std::cmp::Reverse(flow.bytes));
        let mut lines = BTreeMap::new();
        for sample in samples {
            let key = (sample.from.id, sample.to.id, sample.via);
            let line = lines.entry(key).or_insert_with(|| Flow {
                from: Arc::clone(&sample.from),
                to: Arc::clone(&sample.to),
                via: sample.via,
                processes: Vec::new(),
                ops: 0,
                bytes: 0,
            });
            line.processes.push((sample.process, Arc::clone(&sample.comm)));
            line.ops = line.ops.saturating_add(sample.ops);
            line.bytes = line.bytes.saturating_add(sample.bytes);
        }
        let mut lines: Vec<_> = lines.into_values().collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.bytes));
        lines
    }
}

impl Counters {
    /// Bytes that threads passed on from the buffer into which they had just read or received them.
    #[must_use]
    pub fn relayed(&self) -> u64 {
        const RELAYED: [CounterId; 9] = [
            CounterId::RelayedFileFileBytes,
            CounterId::RelayedFilePipeBytes,
            CounterId::RelayedFileSocketBytes,
            CounterId::RelayedPipeFileBytes,
            CounterId::RelayedPipePipeBytes,
            CounterId::RelayedPipeSocketBytes,
            CounterId::RelayedSocketFileBytes,
            CounterId::RelayedSocketPipeBytes,
            CounterId::RelayedSocketSocketBytes,
        ];
        RELAYED.iter().fold(0, |sum: u64, counter| sum.saturating_add(self[*counter]))
    }
}

#[cfg(test)]
mod tests {
    use zc_common::path::CopyPath;

    use super::*;
    use crate::{
        id::Id,
        snapshot::{FlowSample, ObjectId, ObjectKind},
    };

    fn flow(
        from: (u64, ObjectKind),
        to: (u64, ObjectKind),
        via: FlowVia,
        bytes: u64,
    ) -> FlowSample {
        let object = |(inode, kind)| {
            Arc::new(Object {
                id: ObjectId { inode, ..ObjectId::default() },
                kind,
                name: None,
                is_whole: false,
                is_deleted: false,
                mount_namespace: None,
                ends: None,
            })
        };
        let process = ProcessId { pid: 7, start_ns: 11 };
        let (from, to) = (object(from), object(to));
        FlowSample { from, to, process, comm: "cat".into(), via, ops: 1, bytes }
    }

    #[test]
    fn flows_of_several_processes_are_one_and_both_legs_through_a_pipe_are_there() {
        let on = |path| FlowVia::Path(Id::Known(path));
        let (file, pipe, socket) =
            ((1, ObjectKind::File), (2, ObjectKind::Pipe), (3, ObjectKind::Socket));
        let other = ProcessId { pid: 8, start_ns: 13 };
        let into = flow(file, pipe, on(CopyPath::SpliceFilePipe), 101);
        let objects = Objects {
            flows: vec![
                into.clone(),
                FlowSample { process: other, bytes: 103, ..into },
                flow(pipe, socket, on(CopyPath::SplicePipeSocket), 101),
                flow(file, socket, FlowVia::Relayed, 107),
                flow(file, file, on(CopyPath::CopyRangeCopied), 109),
            ],
            ..Objects::default()
        };
        let listed = |which| {
            let flows = objects.flows(which).into_iter();
            flows.map(|flow| (flow.from.id.inode, flow.to.id.inode, flow.bytes)).collect::<Vec<_>>()
        };
        assert_eq!(listed(Which::Files), [(1, 2, 204), (1, 1, 109), (1, 3, 107)]);
        assert_eq!(listed(Which::Peers), [(1, 2, 204), (1, 3, 107), (2, 3, 101)]);
    }
}
