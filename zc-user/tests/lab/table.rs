//! What every scenario does on this kernel, written down by hand: nothing here is taken from `zc`.
//!
//! A scenario has a row for each of its sinks, in the order of the list.

use crate::row::{Row, row};

/// Bytes of the payload: a prime, so that the last transfer is a short one.
pub(crate) const SIZE: u64 = 1_048_573;
/// Bytes of a transfer.
pub(crate) const CHUNK: u64 = 65_536;
/// Transfers.
const TRANSFERS: u64 = 16;

/// Every scenario, to every sink.
pub(crate) const ROWS: &[Row] = &[
    // One call more finds the end of the file.
    row("read_write", "tcp")
        .moved(&[("file_read", SIZE), ("socket_send", SIZE)])
        .copied(2 * SIZE)
        .calls(2 * TRANSFERS + 1),
    row("read_write", "unix")
        .moved(&[("file_read", SIZE), ("socket_send", SIZE)])
        .copied(2 * SIZE)
        .calls(2 * TRANSFERS + 1),
    row("read_write", "pipe")
        .moved(&[("file_read", SIZE), ("pipe_write", SIZE)])
        .copied(2 * SIZE)
        .calls(2 * TRANSFERS + 1),
    row("read_write", "file")
        .moved(&[("file_read", SIZE), ("file_write", SIZE)])
        .copied(2 * SIZE)
        .calls(2 * TRANSFERS + 1),
    row("sendfile", "tcp").moved(&[("sendfile_to_socket", SIZE)]).copied(0),
    row("sendfile", "unix").moved(&[("sendfile_to_socket", SIZE)]).copied(0),
    row("sendfile", "pipe").moved(&[("sendfile_to_pipe", SIZE)]).copied(0),
];
