//! The object of one process. Its keys, and the cells of what it did not do, are the same for every
//! process of a frame: they are written once, and copied.

use std::{io, ops::Range};

use super::{
    super::document::{self, Shown, provenance},
    text::{push, push_bool, push_cell, push_id, push_integer, push_string},
};
use zc_model::{
    advice,
    column::{Column, PathRow, Paths, Processes, Table},
    counter::{CounterId, Counters},
    frame::Frame,
    ledger,
    row::Row,
    snapshot::{PathSample, ProcessSample, Provenance},
    zerocopy,
};

/// Writes the processes of a frame.
pub(super) struct Rows<'a> {
    frame: &'a Frame,
    counters: Blank,
    /// The provenance of the counters other than `copied_bytes`: that of the frame, in every row.
    limited: Vec<u8>,
    columns: Vec<Member<Processes>>,
    of_paths: Vec<Member<Paths>>,
    /// What follows the identity of a process that did nothing.
    idle: Vec<u8>,
}

impl<'a> Rows<'a> {
    /// # Errors
    /// None but those of `serde_json`, which has none for a buffer.
    pub(super) fn new(frame: &'a Frame) -> io::Result<Self> {
        let nothing = Counters::default();
        let row = Row::counts(&nothing, &[]);
        let mut rows = Self {
            frame,
            counters: Blank::new(row, frame)?,
            limited: limited(row, frame),
            columns: members(),
            of_paths: members(),
            idle: Vec::new(),
        };
        let mut idle = Vec::new();
        rows.push_work(&mut idle, row)?;
        rows.idle = idle;
        Ok(rows)
    }

    /// Appends the object of a process.
    pub(super) fn push(&self, text: &mut Vec<u8>, process: &ProcessSample) -> io::Result<()> {
        push_identity(text, process)?;
        if process.is_active() {
            let row = Row::process(process);
            self.push_work(text, row)?;
        } else {
            text.extend_from_slice(&self.idle);
        }
        text.push(b'}');
        Ok(())
    }

    /// Appends what a process did, as further members of its object.
    fn push_work(&self, text: &mut Vec<u8>, row: Row<'_>) -> io::Result<()> {
        let frame = self.frame;
        text.extend_from_slice(b",\"counters\":");
        self.counters.push(text, row, frame)?;
        text.extend_from_slice(b",\"provenance\":{\"copied_bytes\":");
        push_id(text, provenance(CounterId::CopiedBytes, row, frame).id());
        text.extend_from_slice(&self.limited);
        text.push(b'}');
        push_members(text, &self.columns, row, frame)?;
        text.extend_from_slice(b",\"unknown_moved_bytes\":");
        push_integer(text, frame.copied(row.paths).unknown_moved_bytes);
        text.extend_from_slice(b",\"paths\":[");
        for (index, (sum, kinds)) in ledger::by_path(row.paths).enumerate() {
            text.extend_from_slice(if index > 0 { b",{\"path\":" } else { b"{\"path\":" });
            self.push_path(text, &sum, kinds)?;
        }
        text.extend_from_slice(b"],\"zerocopy\":");
        if zerocopy::is_requested(row) {
            push(text, &document::zerocopy(row, frame))?;
        } else {
            text.extend_from_slice(b"[]");
        }
        text.extend_from_slice(b",\"advice\":");
        if advice::best(row, frame).is_some() {
            push(text, &document::advice(row, frame))?;
        } else {
            text.extend_from_slice(b"[]");
        }
        Ok(())
    }

    /// Appends what follows the key of a path's id.
    fn push_path(
        &self,
        text: &mut Vec<u8>,
        sum: &PathSample,
        kinds: &[PathSample],
    ) -> io::Result<()> {
        push_id(text, sum.path.id());
        push_members(text, &self.of_paths, PathRow::One(sum), self.frame)?;
        if !kinds.is_empty() {
            text.extend_from_slice(b",\"sockets\":{");
            let kinds = kinds.iter().filter_map(|kind| Some((kind, kind.socket?.id())));
            for (index, (kind, id)) in kinds.enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                push_id(text, id);
                text.push(b':');
                let begin = text.len();
                push_members(text, &self.of_paths, PathRow::One(kind), self.frame)?;
                // The comma before the first member becomes the brace of the object.
                text[begin] = b'{';
                text.push(b'}');
            }
            text.push(b'}');
        }
        text.push(b'}');
        Ok(())
    }
}

/// Appends an object with who it is, and leaves it open.
fn push_identity(text: &mut Vec<u8>, process: &ProcessSample) -> io::Result<()> {
    let ProcessSample {
        id,
        parent,
        comm,
        cgroup,
        user,
        ancestry: _,
        kernel,
        exited,
        merged,
        counters: _,
        paths: _,
    } = process;
    text.extend_from_slice(b"{\"pid\":");
    push_integer(text, id.pid.into());
    text.extend_from_slice(b",\"ppid\":");
    push_integer(text, parent.pid.into());
    text.extend_from_slice(b",\"start_ns\":");
    push_integer(text, id.start_ns);
    text.extend_from_slice(b",\"comm\":");
    push_string(text, comm)?;
    text.extend_from_slice(b",\"cgroup\":");
    match cgroup {
        Some(cgroup) => push_string(text, cgroup)?,
        None => text.extend_from_slice(b"null"),
    }
    text.extend_from_slice(b",\"uid\":");
    match user {
        Some(uid) => push_integer(text, (*uid).into()),
        None => text.extend_from_slice(b"null"),
    }
    text.extend_from_slice(b",\"kernel\":");
    push_bool(text, *kernel);
    text.extend_from_slice(b",\"exited\":");
    push_bool(text, *exited);
    text.extend_from_slice(b",\"merged\":");
    push_integer(text, *merged);
    Ok(())
}

/// The counters of a row that counted nothing, as an object, and where their cells are in it.
struct Blank {
    text: Vec<u8>,
    cells: [Range<usize>; CounterId::COUNT],
}

impl Blank {
    fn new(nothing: Row<'_>, frame: &Frame) -> io::Result<Self> {
        let mut text = Vec::new();
        let mut cells = [const { 0..0 }; CounterId::COUNT];
        for (counter, cell) in CounterId::ALL.iter().zip(&mut cells) {
            let column = Processes::counter(*counter);
            text.push(if text.is_empty() { b'{' } else { b',' });
            push_id(&mut text, column.id);
            text.push(b':');
            let begin = text.len();
            push_cell(&mut text, &column.of(nothing, frame))?;
            *cell = begin..text.len();
        }
        text.push(b'}');
        Ok(Self { text, cells })
    }

    /// Appends the counters of a row. A counter that is 0 has the cell of one that counted nothing; only
    /// that of `copied_bytes` depends on the paths, too.
    fn push(&self, text: &mut Vec<u8>, row: Row<'_>, frame: &Frame) -> io::Result<()> {
        let mut at = 0;
        for (counter, count) in row.counters.iter() {
            if count == 0 && counter != CounterId::CopiedBytes {
                continue;
            }
            let cell = &self.cells[counter as usize];
            text.extend_from_slice(&self.text[at..cell.start]);
            push_cell(text, &Processes::counter(counter).of(row, frame))?;
            at = cell.end;
        }
        text.extend_from_slice(&self.text[at..]);
        Ok(())
    }
}

/// The provenance of the counters that are not simply measured on this machine, as further members.
fn limited(nothing: Row<'_>, frame: &Frame) -> Vec<u8> {
    let mut text = Vec::new();
    for counter in CounterId::ALL.iter().filter(|counter| **counter != CounterId::CopiedBytes) {
        let provenance = provenance(*counter, nothing, frame);
        if provenance != Provenance::Measured {
            text.push(b',');
            push_id(&mut text, counter.id());
            text.push(b':');
            push_id(&mut text, provenance.id());
        }
    }
    text
}

/// A column that is a member of an object.
struct Member<T: Table> {
    column: &'static Column<T>,
    shown: Shown,
    /// What precedes its cell: a comma, its id, a colon.
    key: String,
}

fn members<T: Table>() -> Vec<Member<T>> {
    let members = document::columns::<T>();
    members
        .map(|(column, shown)| Member { column, shown, key: format!(",\"{}\":", column.id) })
        .collect()
}

fn push_members<'a, T: Table>(
    text: &mut Vec<u8>,
    members: &[Member<T>],
    row: T::Row<'a>,
    context: &'a T::Context,
) -> io::Result<()> {
    for Member { column, shown, key } in members {
        let value = column.of(row, context);
        if shown.has(&value) {
            text.extend_from_slice(key.as_bytes());
            push_cell(text, &value)?;
        }
    }
    Ok(())
}
