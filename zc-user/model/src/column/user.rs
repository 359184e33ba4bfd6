//! The columns of those who use a path or a device: processes, each with what it did there.

use super::{Column, PathRow, Paths, Processes, Table, Tone, measured};
use crate::{columns, frame::Frame, row::Row, snapshot::PathSample, value::Value};

/// Processes on a path; each row has that path only.
pub struct PathUsers;

/// Processes that use disks.
pub struct DiskUsers;

/// Processes that use network interfaces.
pub struct NetUsers;

macro_rules! of_processes {
    ($($table:ident)*) => { $(
        impl Table for $table {
            type Row<'a> = Row<'a>;
            type Context = Frame;
            type Extra = ();

            const PLAIN: () = ();
            const COLUMNS: &'static [&'static Column<Self>] = Self::ALL;
        }
    )* };
}

of_processes! { PathUsers DiskUsers NetUsers }

columns! { PathUsers:
    PID = "pid", "PID", Number, Label, Processes::PID.help,
        pid,
        .screen(2, (9, 9), Tone::Dim);
    COMM = "comm", "COMMAND", Text, Label, Processes::COMM.help,
        |row, frame| Processes::COMM.of(row, frame),
        .screen(0, (15, 24), Tone::Strong);
    COPIED_BYTES_PER_SEC = "copied_bytes_per_sec", "COPIED/s", BytesPerSec, Gauge,
        Paths::COPIED_BYTES_PER_SEC.help,
        |row, frame| on_path(row, Paths::COPIED_BYTES_PER_SEC, frame),
        .screen(1, (11, 11), Tone::Copied), .marked();
    MOVED_BYTES_PER_SEC = "moved_bytes_per_sec", "MOVED/s", BytesPerSec, Gauge,
        Paths::MOVED_BYTES_PER_SEC.help,
        |row, frame| on_path(row, Paths::MOVED_BYTES_PER_SEC, frame),
        .screen(3, (10, 10), Tone::Text);
    OPS_PER_SEC = "ops_per_sec", "CALLS/s", PerSec, Gauge, Paths::OPS_PER_SEC.help,
        |row, frame| on_path(row, Paths::OPS_PER_SEC, frame),
        .screen(4, (8, 8), Tone::Text);
    AVERAGE_BYTES = "average_bytes", "AVERAGE", Bytes, Gauge,
        "Bytes that a call moved, on average.",
        |row, _| average(row.paths),
        .screen(5, (8, 8), Tone::Text);
    ERRORS_PER_SEC = "errors_per_sec", "FAILED/s", PerSec, Gauge, Paths::ERRORS_PER_SEC.help,
        |row, frame| on_path(row, Paths::ERRORS_PER_SEC, frame),
        .screen(6, (8, 8), Tone::Text);
    CGROUP = "cgroup", "CGROUP", Text, Label, Processes::CGROUP.help,
        |row, frame| Processes::CGROUP.of(row, frame),
        .screen(7, (12, 60), Tone::Dim);
}

columns! { DiskUsers:
    PID = "pid", "PID", Number, Label, Processes::PID.help,
        pid,
        .screen(2, (9, 9), Tone::Dim);
    COMM = "comm", "COMMAND", Text, Label, Processes::COMM.help,
        |row, frame| Processes::COMM.of(row, frame),
        .screen(0, (15, 24), Tone::Strong);
    BLOCK_READ_BYTES_PER_SEC = "block_read_bytes_per_sec", "READ/s", BytesPerSec, Gauge,
        "Bytes of requests that the process made to read from disks, per second.",
        |row, frame| Processes::BLOCK_READ_BYTES_PER_SEC.of(row, frame),
        .screen(1, (10, 10), Tone::Dma);
    BLOCK_WRITE_BYTES_PER_SEC = "block_write_bytes_per_sec", "WRITTEN/s", BytesPerSec, Gauge,
        "Bytes of requests that the process itself made to write to disks, per second: for pages that others dirtied, too.",
        |row, frame| Processes::BLOCK_WRITE_BYTES_PER_SEC.of(row, frame),
        .screen(3, (10, 10), Tone::Dma);
    BLOCK_DIRTIED_BYTES_PER_SEC = "block_dirtied_bytes_per_sec", "DIRTIED/s", BytesPerSec, Gauge,
        Processes::BLOCK_DIRTIED_BYTES_PER_SEC.help,
        |row, frame| Processes::BLOCK_DIRTIED_BYTES_PER_SEC.of(row, frame),
        .screen(4, (10, 10), Tone::Text);
    CGROUP = "cgroup", "CGROUP", Text, Label, Processes::CGROUP.help,
        |row, frame| Processes::CGROUP.of(row, frame),
        .screen(5, (12, 60), Tone::Dim);
}

columns! { NetUsers:
    PID = "pid", "PID", Number, Label, Processes::PID.help,
        pid,
        .screen(2, (9, 9), Tone::Dim);
    COMM = "comm", "COMMAND", Text, Label, Processes::COMM.help,
        |row, frame| Processes::COMM.of(row, frame),
        .screen(0, (15, 24), Tone::Strong);
    NET_TX_BYTES_PER_SEC = "net_tx_bytes_per_sec", "SENT/s", BytesPerSec, Gauge,
        Processes::NET_TX_BYTES_PER_SEC.help,
        |row, frame| Processes::NET_TX_BYTES_PER_SEC.of(row, frame),
        .screen(1, (10, 10), Tone::Text);
    NET_RX_BYTES_PER_SEC = "net_rx_bytes_per_sec", "RECEIVED/s", BytesPerSec, Gauge,
        Processes::NET_RX_BYTES_PER_SEC.help,
        |row, frame| Processes::NET_RX_BYTES_PER_SEC.of(row, frame),
        .screen(3, (11, 11), Tone::Text);
    CGROUP = "cgroup", "CGROUP", Text, Label, Processes::CGROUP.help,
        |row, frame| Processes::CGROUP.of(row, frame),
        .screen(4, (12, 60), Tone::Dim);
}

/// Processes that were merged because they ended have none.
fn pid<'a>(row: Row<'a>, frame: &'a Frame) -> Value<'a> {
    match row.process {
        Some(process) if process.is_merged() => Value::Absent,
        _ => Processes::PID.of(row, frame),
    }
}

fn on_path<'a>(row: Row<'a>, column: &Column<Paths>, frame: &'a Frame) -> Value<'a> {
    row.paths.first().map_or(Value::Absent, |sample| column.of(PathRow::One(sample), frame))
}

/// Bytes for each call that succeeded; absent without one.
pub(super) fn average<'a>(paths: &[PathSample]) -> Value<'a> {
    let sum = |count: fn(&PathSample) -> u64| paths.iter().map(count).fold(0, u64::saturating_add);
    let (bytes, calls) = (sum(|it| it.moved_bytes), sum(|it| it.ops));
    bytes.checked_div(calls).map_or(Value::Absent, measured)
}
