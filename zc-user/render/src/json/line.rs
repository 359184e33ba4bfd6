//! The document on one line, written piece by piece: of ten thousand processes most did nothing, and
//! what they did reads the same for all of them.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Serializer, ser::CompactFormatter};

use super::{
    document::{Document, Identity},
    escape::Escaping,
};
use zc_model::counter::Counters;

/// Bytes collected between two writes.
const CHUNK: usize = 64 << 10;

/// Writes what `serde_json` would write for `document`, and a newline.
pub(super) fn write(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Document { head, processes, tail } = document;
    let nothing = Counters::default();
    let idle = json(&processes.work(&nothing, &[]))?;
    let mut text = json(head)?;
    open(&mut text, b"\"processes\":[");
    for (index, process) in processes.processes.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        if process.is_active() {
            append(&mut text, &processes.row(process))?;
        } else {
            append(&mut text, &Identity::new(process))?;
            open(&mut text, members(&idle));
        }
        if text.len() >= CHUNK {
            out.write_all(&text)?;
            text.clear();
        }
    }
    text.extend_from_slice(b"],");
    text.extend_from_slice(members(&json(tail)?));
    text.push(b'\n');
    out.write_all(&text)
}

fn json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    append(&mut text, value)?;
    Ok(text)
}

fn append(text: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(text, Escaping(CompactFormatter)))?;
    Ok(())
}

/// Lets the object that `text` ends with go on with `more`.
fn open(text: &mut Vec<u8>, more: &[u8]) {
    debug_assert_eq!(text.last(), Some(&b'}'));
    text.pop();
    text.push(b',');
    text.extend_from_slice(more);
}

/// An object without its opening brace.
fn members(object: &[u8]) -> &[u8] {
    object.strip_prefix(b"{").unwrap_or(object)
}

#[cfg(test)]
mod tests {
    use zc_common::path::CopyPath;

    use super::*;
    use zc_model::{
        fixture::sketch::{path, process, snapshot},
        frame::Frame,
        sort::Listing,
    };

    #[test]
    fn the_pieces_make_the_document() {
        let busy = process(7, "busy", &[path(CopyPath::FileRead, 3, 30)]);
        let rows: [&[_]; 3] = [
            &[],
            &[process(8, "idle", &[]), busy, process(9, "\u{1b}[2J \"", &[])],
            &[process(8, "idle", &[]), process(9, "idle", &[])],
        ];
        for rows in rows {
            let frame = Frame::cumulative(snapshot(1, rows));
            let document = Document::new(&frame, &Listing::everything());
            let mut line = Vec::new();
            write(&document, &mut line).unwrap();
            let mut whole = json(&document).unwrap();
            whole.push(b'\n');
            assert_eq!(String::from_utf8(line).unwrap(), String::from_utf8(whole).unwrap());
        }
    }
}
