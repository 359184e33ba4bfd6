//! A report in the form that was asked for.

use std::io::{self, Write};

use zc_model::{frame::Frame, sort::Listing};
use zc_render::{json, table};

use crate::cli::{Form, Selection};

/// What failed when a report on standard output cannot be written.
pub(super) const UNWRITTEN: &str = "cannot write to standard output";

/// Processes that a text lists, unless the user says how many.
const LISTED: usize = 20;

/// Writes frames in one form.
pub(super) struct Writer {
    form: Form,
    /// What a text lists; the other forms have every process.
    busiest: Listing,
    everything: Listing,
    out: Box<dyn Write>,
}

impl Writer {
    pub(super) fn new(form: Form, selection: &Selection, out: Box<dyn Write>) -> Self {
        Self {
            form,
            busiest: selection.listing(Listing::busiest(LISTED)),
            everything: selection.listing(Listing::everything()),
            out,
        }
    }

    /// Writes what comes before the first frame.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        match &self.form {
            Form::Csv(rows) => rows.write_header(&mut self.out),
            Form::Text(_) | Form::Json => Ok(()),
        }
    }

    /// Writes one interval of many.
    pub(super) fn update(&mut self, frame: &Frame) -> io::Result<()> {
        let Self { form, busiest, everything, out } = self;
        match form {
            Form::Json => json::write_line(frame, everything, out)?,
            Form::Csv(rows) => rows.write(frame, everything, out)?,
            Form::Text(columns) => table::write_once(frame, busiest, columns, out)?,
        }
        out.flush()
    }

    /// Writes the one frame of a whole run, which observed `subject`.
    pub(super) fn whole(&mut self, frame: &Frame, subject: &str) -> io::Result<()> {
        self.begin()?;
        let Self { form, busiest, everything, out } = self;
        match form {
            Form::Json => json::write_document(frame, everything, out)?,
            Form::Csv(rows) => rows.write(frame, everything, out)?,
            Form::Text(columns) => table::write_stat(frame, subject, busiest, columns, out)?,
        }
        out.flush()
    }
}
