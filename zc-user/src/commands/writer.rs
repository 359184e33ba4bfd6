//! A report in the form that was asked for.

use std::io::{self, Write};

use zc_model::{frame::Frame, sort::Listing};
use zc_render::{csv, folded, json, pprof, table};

use super::report::Report;
use crate::cli::{Form, Selection, StackForm};

/// What failed when a report on standard output cannot be written.
pub(super) const UNWRITTEN: &str = "cannot write to standard output";

/// Processes that a text lists, unless the user says how many.
const LISTED: usize = 20;

/// The same for stacks.
const STACKS: usize = 10;

/// Writes frames in one form.
pub(super) struct Writer {
    form: Form,
    /// What a text lists; the other forms have every process.
    busiest: Listing,
    everything: Listing,
    /// What the report is about, where that is not processes.
    about: Option<Report>,
    out: Box<dyn Write>,
}

impl Writer {
    pub(super) fn new(form: Form, selection: &Selection, out: Box<dyn Write>) -> Self {
        Self {
            form,
            busiest: selection.listing(Listing::busiest(LISTED)),
            everything: selection.listing(Listing::everything()),
            about: None,
            out,
        }
    }

    /// The same for a report about something else.
    pub(super) fn of(self, about: Option<Report>) -> Self {
        Self { about, ..self }
    }

    /// Writes what comes before the first frame.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        match (&self.form, self.about) {
            (Form::Csv(_), Some(_)) => csv::write_objects_header(&mut self.out),
            (Form::Csv(rows), None) => rows.write_header(&mut self.out),
            (Form::Text(_) | Form::Json, _) => Ok(()),
        }
    }

    /// Writes one interval of many.
    pub(super) fn update(&mut self, frame: &Frame) -> io::Result<()> {
        let Self { form, busiest, everything, about: _, out } = self;
        match form {
            Form::Json => json::write_line(frame, everything, out)?,
            Form::Csv(rows) => rows.write(frame, everything, out)?,
            Form::Text(columns) => table::write_once(frame, busiest, columns, out)?,
        }
        out.flush()
    }

    /// As [`Self::update`], of a report about files, or sockets and pipes, that `subject` used.
    pub(super) fn update_of(&mut self, frame: &Frame, subject: &str) -> io::Result<()> {
        match (&self.form, self.about) {
            (Form::Json, _) | (_, None) => self.update(frame),
            (Form::Text(_), Some(_)) => {
                self.whole_of(frame, subject)?;
                writeln!(self.out)?;
                self.out.flush()
            }
            (Form::Csv(_), Some(_)) => self.whole_of(frame, subject),
        }
    }

    /// Writes the one frame of a whole run, which observed `subject`.
    pub(super) fn whole(&mut self, frame: &Frame, subject: &str) -> io::Result<()> {
        self.begin()?;
        self.whole_of(frame, subject)
    }

    fn whole_of(&mut self, frame: &Frame, subject: &str) -> io::Result<()> {
        let Self { form, busiest, everything, about, out } = self;
        match (form, *about) {
            (_, Some(Report::Stacks { form, weight })) => match form {
                StackForm::Text => {
                    table::write_stacks(frame, subject, busiest.top.unwrap_or(STACKS), out)?;
                }
                StackForm::Folded => folded::write_folded(frame, weight, out)?,
                StackForm::Pprof => pprof::write_pprof(frame, out)?,
                StackForm::Json => json::write_document(frame, everything, out)?,
            },
            (Form::Json, _) => json::write_document(frame, everything, out)?,
            (Form::Csv(rows), None) => rows.write(frame, everything, out)?,
            (Form::Csv(_), Some(Report::Objects { which, .. })) => {
                csv::write_objects(frame, which, out)?;
            }
            (Form::Text(columns), None) => {
                table::write_stat(frame, subject, busiest, columns, out)?;
            }
            (Form::Text(_), Some(Report::Objects { which, .. })) => {
                let top = busiest.top.unwrap_or(LISTED);
                table::write_objects(frame, which, subject, top, out)?;
            }
        }
        out.flush()
    }
}
