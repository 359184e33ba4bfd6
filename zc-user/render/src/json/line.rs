//! The document on one line, written piece by piece: there may be ten thousand processes.

use std::io::{self, Write};

use super::document::Document;

mod row;
#[cfg(test)]
mod tests;
mod text;

use self::{row::Rows, text::push};

/// Bytes collected between two writes.
const CHUNK: usize = 64 << 10;

/// Room for the object with which a chunk ends.
const SPARE: usize = 8 << 10;

/// Writes what `serde_json` would write for `document`, and a newline.
pub(super) fn write(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Document { head, processes, tail } = document;
    let rows = Rows::new(processes.frame)?;
    let mut text = Vec::with_capacity(CHUNK + SPARE);
    push(&mut text, head)?;
    open(&mut text);
    text.extend_from_slice(b",\"processes\":[");
    for (index, process) in processes.processes.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        rows.push(&mut text, process)?;
        if text.len() >= CHUNK {
            out.write_all(&text)?;
            text.clear();
        }
    }
    text.push(b']');
    let end = text.len();
    push(&mut text, tail)?;
    // The members of the tail go on with the object.
    text[end] = b',';
    text.push(b'\n');
    out.write_all(&text)
}

/// Lets the object that `text` ends with go on.
fn open(text: &mut Vec<u8>) {
    debug_assert_eq!(text.last(), Some(&b'}'));
    text.pop();
}
