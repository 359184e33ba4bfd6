//! The JSON contract, `zc/1`.
//!
//! Integers are raw: bytes, nanoseconds, counts. What this kernel cannot tell is `null`, never 0.
//! Keys are stable: more may come, none is renamed. Characters that a terminal would obey are
//! escaped, which changes nothing for who reads the document as JSON.

mod document;
pub mod escape;
mod line;
pub mod read;

use std::io;

use serde::Serialize as _;
use serde_json::{Serializer, ser::PrettyFormatter};

pub use self::{
    document::{Device, Document, Path, SCHEMA},
    escape::Escaping,
    read::Run,
};
use zc_model::{frame::Frame, sort::Listing};

/// Writes one indented document.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_document(frame: &Frame, listing: &Listing, out: &mut dyn io::Write) -> io::Result<()> {
    let formatter = Escaping(PrettyFormatter::new());
    Document::new(frame, listing)
        .serialize(&mut Serializer::with_formatter(&mut *out, formatter))?;
    writeln!(out)
}

/// Writes the document of one run of several, on one line.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_run(
    frame: &Frame,
    listing: &Listing,
    run: Run,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    line::write(&Document::new(frame, listing).of_run(run), out)
}

/// Writes one document on one line.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_line(frame: &Frame, listing: &Listing, out: &mut dyn io::Write) -> io::Result<()> {
    line::write(&Document::new(frame, listing), out)
}
