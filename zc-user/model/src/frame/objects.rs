//! Files, sockets and pipes between two snapshots.
//!
//! For each path, and for each end that it has, the rows and what is outside them add up to the total of the path. Where
//! they fall short of it, the rest is [`Outside::NotAttributed`].
//!
//! The rows are read a moment after the totals, and may be ahead of them by the calls of that moment. So the rest is
//! the difference of what had been missing up to the two snapshots: what was missing in an interval alone would have
//! these calls once more, as the rest of the next interval.

use std::{borrow::Cow, collections::HashMap};

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
///
/// A row of `previous` that `next` does not have any more, or has from 0 again, was given up: what it had is in
/// [`Outside::NoRoom`] of `next`, and is taken off there, since it did not happen in between.
pub(super) fn between(previous: Option<&Objects>, next: &Objects) -> Objects {
    let empty = Objects::default();
    let previous = previous.unwrap_or(&empty);
    let key = |row: &ObjectSample| (row.process, row.object.id);
    let mut before: HashMap<Key, &ObjectSample> =
        previous.rows.iter().map(|row| (key(row), row)).collect();
    let mut given_up = [Vec::new(), Vec::new()];
    let [from_given_up, to_given_up] = &mut given_up;
    let mut rows = Vec::new();
    for row in &next.rows {
        let (from, to) =
            before.remove(&key(row)).map_or((&[][..], &[][..]), |row| (&row.from, &row.to));
        let from = ledger::difference(&continued(from, &row.from, from_given_up), &row.from);
        let to = ledger::difference(&continued(to, &row.to, to_given_up), &row.to);
        if !from.is_empty() || !to.is_empty() {
            rows.push(ObjectSample { from, to, ..row.clone() });
        }
    }
    for row in before.values() {
        ledger::add(from_given_up, &row.from);
        ledger::add(to_given_up, &row.to);
    }
    let outside = next.outside.iter().map(|sample| {
        let before = previous.outside.iter().find(|before| before.reason == sample.reason);
        let (mut from, mut to) =
            before.map_or_else(Default::default, |before| (before.from.clone(), before.to.clone()));
        if sample.reason == Outside::NoRoom {
            ledger::add(&mut from, from_given_up);
            ledger::add(&mut to, to_given_up);
        }
        OutsideSample {
            reason: sample.reason,
            from: ledger::difference(&from, &sample.from),
            to: ledger::difference(&to, &sample.to),
        }
    });
    Objects { outside: outside.collect(), rows, flows: flows_between(&previous.flows, &next.flows) }
}

/// The paths of a row that go on in `now`; the others are added to `given_up`.
fn continued<'a>(
    before: &'a [PathSample],
    now: &[PathSample],
    given_up: &mut Vec<PathSample>,
) -> Cow<'a, [PathSample]> {
    let goes_on = |before: &PathSample| {
        now.iter().any(|now| {
            (now.path, now.socket) == (before.path, before.socket)
                && now.ops >= before.ops
                && now.errors >= before.errors
                && now.moved_bytes >= before.moved_bytes
        })
    };
    if before.iter().all(goes_on) {
        return Cow::Borrowed(before);
    }
    let (on, up): (Vec<_>, Vec<_>) = before.iter().copied().partition(goes_on);
    ledger::add(given_up, &up);
    Cow::Owned(on)
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
        // One that has less than before was given up, and began again.
        let goes_on = |before: &&&FlowSample| before.ops <= flow.ops && before.bytes <= flow.bytes;
        let before = before.get(&key(flow)).filter(goes_on);
        let (ops, bytes) = before.map_or((0, 0), |flow| (flow.ops, flow.bytes));
        FlowSample { ops: flow.ops - ops, bytes: flow.bytes - bytes, ..flow.clone() }
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
    fn what_rows_had_that_were_given_up_did_not_happen_in_between() {
        let read = |ops, bytes| vec![sample(CopyPath::FileRead, ops, bytes)];
        let write = |ops, bytes| vec![sample(CopyPath::FileWrite, ops, bytes)];
        let of = |rows, from, to| Objects {
            rows,
            outside: vec![OutsideSample { reason: Outside::NoRoom, from, to }],
            flows: Vec::new(),
        };
        let rows = vec![
            row(1, read(2, 202), Vec::new()),
            row(2, read(3, 303), write(5, 505)),
            row(3, read(7, 707), Vec::new()),
        ];
        let previous = of(rows, read(11, 1_111), Vec::new());
        // The first one is given up, of the second one what was read; the third one was, and is used again. A call
        // found no room in between, and 13 were given up that no snapshot had.
        let rows = vec![row(2, Vec::new(), write(6, 606)), row(3, read(1, 101), Vec::new())];
        let next =
            of(rows, read(11 + 2 + 3 + 7 + 1 + 13, 1_111 + 202 + 303 + 707 + 5 + 13), Vec::new());
        let found = between(Some(&previous), &next);
        let expected = [row(2, Vec::new(), write(1, 101)), row(3, read(1, 101), Vec::new())];
        assert_eq!(found.rows, expected);
        let [outside] = &found.outside[..] else { panic!("{:?}", found.outside) };
        assert_eq!((&outside.from, &outside.to), (&read(14, 18), &Vec::new()));
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
        // It was given up, and began again.
        let expected = [flow(1, sendfile, 1, 101)];
        assert_eq!(between(Some(&next), &of(expected.to_vec())).flows, expected);
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
