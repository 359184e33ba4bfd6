//! Files, sockets and pipes between two snapshots.
//!
//! For each path, and for each end that it has, the rows and what is outside them add up to the total of the path. Where
//! they fall short of it, the rest is [`Outside::NotAttributed`].
//!
//! The rows are read a moment after the totals, and may be ahead of them by the calls of that moment. So the rest is
//! the difference of what had been missing up to the two snapshots: what was missing in an interval alone would have
//! these calls once more, as the rest of the next interval.

use std::collections::HashMap;

use zc_common::{
    object::{END_FROM, END_TO, ends},
    path::CopyPath,
};

use crate::{
    ledger,
    snapshot::{
        FlowSample, ObjectId, ObjectSample, Objects, Outside, OutsideSample, PathSample, ProcessId,
    },
};

type Key = (ProcessId, ObjectId);

/// What happened from `previous` to `next`. Rows that moved nothing and failed at nothing are not there.
pub(super) fn between(previous: Option<&Objects>, next: &Objects) -> Objects {
    let empty = Objects::default();
    let previous = previous.unwrap_or(&empty);
    let before: HashMap<Key, &ObjectSample> =
        previous.rows.iter().map(|row| ((row.process, row.object.id), row)).collect();
    let since = |row: &ObjectSample| {
        let (from, to) = before
            .get(&(row.process, row.object.id))
            .map_or((&[][..], &[][..]), |row| (&row.from[..], &row.to[..]));
        ObjectSample {
            from: ledger::difference(from, &row.from),
            to: ledger::difference(to, &row.to),
            ..row.clone()
        }
    };
    let outside = next.outside.iter().map(|sample| {
        let before = previous.outside.iter().find(|before| before.reason == sample.reason);
        let (from, to) =
            before.map_or((&[][..], &[][..]), |before| (&before.from[..], &before.to[..]));
        OutsideSample {
            reason: sample.reason,
            from: ledger::difference(from, &sample.from),
            to: ledger::difference(to, &sample.to),
        }
    });
    let rows = next.rows.iter().map(since);
    Objects {
        rows: rows.filter(|row| !row.from.is_empty() || !row.to.is_empty()).collect(),
        outside: outside.collect(),
        flows: flows_between(&previous.flows, &next.flows),
    }
}

/// What came to be missing between two snapshots.
pub(super) fn missing_between(previous: &OutsideSample, next: &OutsideSample) -> OutsideSample {
    OutsideSample {
        reason: next.reason,
        from: ledger::difference(&previous.from, &next.from),
        to: ledger::difference(&previous.to, &next.to),
    }
}

fn flows_between(previous: &[FlowSample], next: &[FlowSample]) -> Vec<FlowSample> {
    let key = |flow: &FlowSample| (flow.process, flow.from.id, flow.to.id, flow.via);
    let before: HashMap<_, _> = previous.iter().map(|flow| (key(flow), flow)).collect();
    let since = |flow: &FlowSample| {
        let (ops, bytes) = before.get(&key(flow)).map_or((0, 0), |flow| (flow.ops, flow.bytes));
        FlowSample {
            ops: flow.ops.saturating_sub(ops),
            bytes: flow.bytes.saturating_sub(bytes),
            ..flow.clone()
        }
    };
    next.iter().map(since).filter(|flow| flow.bytes > 0).collect()
}

impl Objects {
    /// Adds what rows lack of the totals of the paths; `missing` is that.
    pub(super) fn complete(&mut self, missing: OutsideSample) {
        self.outside.retain(|sample| sample.reason != Outside::NotAttributed);
        if !missing.from.is_empty() || !missing.to.is_empty() {
            self.outside.push(missing);
        }
    }

    /// What the rows lack of `totals`.
    pub(super) fn missing(&self, totals: &[PathSample]) -> OutsideSample {
        let missing = |end: usize, rows: Vec<PathSample>| {
            let has_end = |path: CopyPath| ends(path)[end];
            let of_end: Vec<_> =
                totals.iter().filter(|path| path.path.is_known_and(has_end)).copied().collect();
            ledger::difference(&rows, &of_end)
        };
        let from = missing(usize::from(END_FROM), self.sum(|row| &row.from, |row| &row.from));
        let to = missing(usize::from(END_TO), self.sum(|row| &row.to, |row| &row.to));
        OutsideSample { reason: Outside::NotAttributed, from, to }
    }

    fn sum<'a>(
        &'a self,
        of_row: impl Fn(&'a ObjectSample) -> &'a [PathSample],
        of_outside: impl Fn(&'a OutsideSample) -> &'a [PathSample],
    ) -> Vec<PathSample> {
        let mut sum = Vec::new();
        self.rows.iter().for_each(|row| ledger::add(&mut sum, of_row(row)));
        self.outside.iter().for_each(|row| ledger::add(&mut sum, of_outside(row)));
        sum
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use zc_common::path::SocketKind;

    use super::*;
    use crate::{
        id::Id,
        snapshot::{FlowVia, Object, ObjectKind, Provenance},
    };

    fn sample(path: CopyPath, ops: u64, bytes: u64) -> PathSample {
        PathSample {
            path: Id::Known(path),
            socket: None::<Id<SocketKind>>,
            ops,
            errors: 0,
            moved_bytes: bytes,
            copied_bytes: bytes,
            assumed_bytes: 0,
            provenance: Provenance::Measured,
        }
    }

    fn row(inode: u64, from: Vec<PathSample>, to: Vec<PathSample>) -> ObjectSample {
        let id = ObjectId { inode, ..ObjectId::default() };
        let object = Object {
            id,
            kind: ObjectKind::File,
            name: None,
            is_whole: false,
            is_deleted: false,
            mount_namespace: None,
            ends: None,
        };
        let process = ProcessId { pid: 7, start_ns: 11 };
        ObjectSample { object: Arc::new(object), process, comm: "cat".into(), from, to }
    }

    #[test]
    fn rows_that_did_nothing_are_left_out_and_the_others_are_differences() {
        let read = |ops, bytes| vec![sample(CopyPath::FileRead, ops, bytes)];
        let previous = Objects {
            rows: vec![row(1, read(1, 101), Vec::new()), row(2, read(2, 202), Vec::new())],
            outside: Vec::new(),
            flows: Vec::new(),
        };
        let next = Objects {
            rows: vec![row(1, read(1, 101), Vec::new()), row(2, read(3, 303), Vec::new())],
            outside: Vec::new(),
            flows: Vec::new(),
        };
        let found = between(Some(&previous), &next);
        assert_eq!(found.rows, [row(2, read(1, 101), Vec::new())]);
        assert_eq!(between(None, &next).rows, next.rows);
    }

    #[test]
    fn flows_are_differences_by_where_they_come_from_and_how() {
        let object = |inode| row(inode, Vec::new(), Vec::new()).object;
        let flow = |from, via, ops, bytes| FlowSample {
            from: object(from),
            to: object(3),
            process: ProcessId { pid: 7, start_ns: 11 },
            comm: "cat".into(),
            via,
            ops,
            bytes,
        };
        let sendfile = FlowVia::Path(Id::Known(CopyPath::SendfileToSocket));
        let of = |flows| Objects { flows, ..Objects::default() };
        let previous = of(vec![flow(1, sendfile, 1, 101), flow(2, sendfile, 1, 103)]);
        let next = of(vec![
            flow(1, sendfile, 3, 307),
            flow(2, sendfile, 1, 103),
            flow(2, FlowVia::Relayed, 1, 109),
        ]);
        let expected = [flow(1, sendfile, 2, 206), flow(2, FlowVia::Relayed, 1, 109)];
        assert_eq!(between(Some(&previous), &next).flows, expected);
    }

    #[test]
    fn what_the_rows_lack_is_not_attributed_for_each_end_that_the_path_has() {
        let file = sample(CopyPath::SendfileToFile, 1, 101);
        let mut objects =
            Objects { rows: vec![row(1, vec![file], Vec::new())], ..Objects::default() };
        let cow = sample(CopyPath::CowCopy, 1, 4096);
        objects.complete(objects.missing(&[sample(CopyPath::SendfileToFile, 3, 303), cow]));
        let rest = |ops, bytes| vec![sample(CopyPath::SendfileToFile, ops, bytes)];
        let reason = Outside::NotAttributed;
        let expected = OutsideSample { reason, from: rest(2, 202), to: rest(3, 303) };
        assert_eq!(objects.outside, [expected]);
    }
}
