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
    /// Whether an update stands above the next one.
    has_updated: bool,
    out: Box<dyn Write>,
}

impl Writer {
    pub(super) fn new(form: Form, selection: &Selection, out: Box<dyn Write>) -> Self {
        Self {
            form,
            busiest: selection.listing(Listing::busiest(LISTED)),
            everything: selection.listing(Listing::everything()),
            about: None,
            has_updated: false,
            out,
        }
    }

    /// The same for a report about something else.
    pub(super) fn of(self, about: Option<Report>) -> Self {
        Self { about, ..self }
    }

    /// Lists what did nothing, too, and as much as the user asked for.
    pub(super) fn list_all(&mut self) {
        self.busiest = self.everything;
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
        let Self { form, busiest, everything, about: _, has_updated, out } = self;
        match form {
            Form::Json => json::write_line(frame, everything, out)?,
            Form::Csv(rows) => rows.write(frame, everything, out)?,
            Form::Text(columns) => {
                if std::mem::replace(has_updated, true) {
                    writeln!(out)?;
                }
                table::write_update(frame, busiest, columns, out)?;
            }
        }
        out.flush()
    }

    /// Writes what is to be known of all updates, below the last one; `frame` is the time of all of them.
    pub(super) fn end(&mut self, frame: &Frame) -> io::Result<()> {
        if let Form::Text(_) = self.form {
            table::write_notes(frame, &self.busiest, &mut self.out)?;
        }
        self.out.flush()
    }

    /// Whether the notes are written at the end.
    pub(super) const fn has_notes(&self) -> bool {
        matches!(self.form, Form::Text(_))
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
        let Self { form, busiest, everything, about, has_updated: _, out } = self;
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
