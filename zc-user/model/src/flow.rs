//! From which object to which one bytes were moved, for a report.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use zc_common::path::CopyPath;

use crate::{
    counter::{CounterId, Counters},
    object::Which,
    snapshot::{FlowSample, FlowVia, Object, Objects, ProcessId},
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
    /// The flows of which an end is listed by `which`, the busiest first, each pair of objects once for each way. What a
    /// process spliced into a pipe and out of it again is one flow, from where it came to where it went.
    #[must_use]
    pub fn flows(&self, which: Which) -> Vec<Flow> {
        let left: HashSet<_> = self
            .flows
            .iter()
            .filter(|flow| leaves_pipe(flow.via))
            .map(|flow| (flow.process, flow.from.id))
            .collect();
        let goes_on = |flow: &FlowSample| {
            enters_pipe(flow.via) && left.contains(&(flow.process, flow.from.id))
        };
        let mut samples: Vec<_> = self
            .flows
            .iter()
            .filter(|flow| which.lists(flow.from.kind) || which.lists(flow.to.kind))
            .filter(|flow| !goes_on(flow))
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

/// Whether a call moved references to pages into a pipe.
fn enters_pipe(via: FlowVia) -> bool {
    const PATHS: [CopyPath; 4] = [
        CopyPath::SendfileToPipe,
        CopyPath::SpliceFilePipe,
        CopyPath::SpliceSocketPipe,
        CopyPath::SplicePipePipe,
    ];
    is_one_of(via, &PATHS)
}

/// Whether a call moved them out of a pipe.
fn leaves_pipe(via: FlowVia) -> bool {
    const PATHS: [CopyPath; 4] = [
        CopyPath::SplicePipeSocket,
        CopyPath::SplicePipeFile,
        CopyPath::SplicePipePipe,
        CopyPath::SplicePipePseudo,
    ];
    is_one_of(via, &PATHS)
}

fn is_one_of(via: FlowVia, paths: &[CopyPath]) -> bool {
    matches!(via, FlowVia::Path(path) if path.is_known_and(|path| paths.contains(&path)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::Id,
        snapshot::{ObjectId, ObjectKind},
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
    fn what_goes_through_a_pipe_of_the_process_is_one_flow() {
        let on = |path| FlowVia::Path(Id::Known(path));
        let (file, pipe, socket) =
            ((1, ObjectKind::File), (2, ObjectKind::Pipe), (3, ObjectKind::Socket));
        let other = (4, ObjectKind::File);
        let objects = Objects {
            flows: vec![
                flow(file, pipe, on(CopyPath::SpliceFilePipe), 101),
                flow(file, socket, on(CopyPath::SplicePipeSocket), 101),
                // Another process takes it out of the pipe.
                flow(other, pipe, on(CopyPath::SpliceFilePipe), 103),
                flow(file, socket, FlowVia::Relayed, 107),
            ],
            ..Objects::default()
        };
        let listed = |which| {
            let flows = objects.flows(which).into_iter();
            flows.map(|flow| (flow.from.id.inode, flow.to.id.inode, flow.bytes)).collect::<Vec<_>>()
        };
        assert_eq!(listed(Which::Files), [(1, 3, 107), (4, 2, 103), (1, 3, 101)]);
        assert_eq!(listed(Which::Peers), listed(Which::Files));
    }
}
