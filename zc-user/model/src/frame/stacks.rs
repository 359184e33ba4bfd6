//! Call stacks between two snapshots.

use std::{collections::HashMap, sync::Arc};

use crate::snapshot::{PathId, ProcessId, SocketId, StackEnd, StackFrame, StackSample, Stacks};

type Frames<'a> = &'a [Arc<StackFrame>];
type Key<'a> = (ProcessId, Frames<'a>, StackEnd, Frames<'a>, Option<PathId>, Option<SocketId>);

fn key(row: &StackSample) -> Key<'_> {
    (row.process, &row.frames, row.end, &row.kernel, row.path, row.socket)
}

/// What happened from `previous` to `next`. Rows without a sample are not there.
pub(super) fn between(previous: Option<&Stacks>, next: &Stacks) -> Stacks {
    let empty = Stacks::default();
    let previous = previous.unwrap_or(&empty);
    let before: HashMap<Key<'_>, &StackSample> =
        previous.rows.iter().map(|row| (key(row), row)).collect();
    let since = |row: &StackSample| {
        let Some(before) = before.get(&key(row)) else { return row.clone() };
        StackSample {
            samples: row.samples.saturating_sub(before.samples),
            bytes: (row.bytes - before.bytes).max(0.0),
            variance: (row.variance - before.variance).max(0.0),
            calls: (row.calls - before.calls).max(0.0),
            time_samples: row.time_samples.saturating_sub(before.time_samples),
            ..row.clone()
        }
    };
    let rows = next.rows.iter().map(since);
    let variance_since = |now: f64| Some((now - previous.lost_variance.unwrap_or(0.0)).max(0.0));
    Stacks {
        rows: rows.filter(|row| row.samples > 0 || row.time_samples > 0).collect(),
        lost_bytes: next.lost_bytes.saturating_sub(previous.lost_bytes),
        lost_variance: next.lost_variance.and_then(variance_since),
        lost_time: next.lost_time.saturating_sub(previous.lost_time),
        frequency: next.frequency,
        mean_bytes: next.mean_bytes,
    }
}
