//! Where the lab's report goes, and in which form.

use std::io::{self, BufWriter, IsTerminal as _, Write};

use anyhow::{Context as _, Result};

use crate::cli::lab::LabReport;
use zc_lab::{
    comparison::Comparison,
    finding::Finding,
    form::{self, Look, Text},
    hazard::Sighting,
};
use zc_privilege::files;
use zc_render::{sanitize::sanitize, theme::Theme};
use zc_session::stall::Stoppable;

/// What failed, when the report could not be written.
pub(super) const UNWRITTEN: &str = "cannot write the report";
/// Columns of an output that is not a terminal.
const COLUMNS: u16 = 80;
/// The narrowest width for tables.
const LEAST_COLUMNS: u16 = 40;

/// A report, opened before anything runs, so that a bad path fails at once.
pub(super) struct ReportWriter<'a> {
    form: &'a LabReport,
    out: Box<dyn Write>,
    look: Look,
}

impl<'a> ReportWriter<'a> {
    pub(super) fn open(form: &'a LabReport) -> Result<Self> {
        let (out, is_terminal): (Box<dyn Write>, _) = match &form.output {
            Some(path) => {
                let file = files::create(path).with_context(|| {
                    format!("cannot write the report to '{}'", sanitize(&path.to_string_lossy()))
                })?;
                (Box::new(BufWriter::new(Stoppable(file))), false)
            }
            None => (Box::new(BufWriter::new(Stoppable(io::stdout()))), io::stdout().is_terminal()),
        };
        Ok(Self { form, out, look: look(form.no_color, is_terminal) })
    }

    /// The text under way; `None` for the forms that are written as a whole.
    pub(super) fn text(&mut self) -> Option<Text<'_>> {
        let LabReport { json, csv, markdown, .. } = *self.form;
        if json || csv || markdown { None } else { Some(Text::new(self.look, &mut self.out)) }
    }

    /// Writes the forms that are not written as text.
    pub(super) fn findings(&mut self, findings: &[Finding]) -> Result<()> {
        self.write_findings(findings).context(UNWRITTEN)
    }

    fn write_findings(&mut self, findings: &[Finding]) -> io::Result<()> {
        let Self { form, out, .. } = self;
        if form.json {
            form::write_json(findings, out)?;
        } else if form.csv {
            form::write_csv(findings, out)?;
        } else if form.markdown {
            form::write_markdown(findings, out)?;
        }
        out.flush()
    }

    /// Writes what was seen of a hazard, unless it is written as a whole.
    pub(super) fn sighting(&mut self, sighting: &Sighting) -> io::Result<()> {
        let Self { form, out, look } = self;
        if form.json {
            return Ok(());
        }
        form::write_hazard(sighting, *look, out)?;
        out.flush()
    }

    /// Writes the form that is written as a whole.
    pub(super) fn sightings(&mut self, sightings: &[Sighting]) -> io::Result<()> {
        let Self { form, out, .. } = self;
        if form.json {
            form::write_hazards_json(sightings, out)?;
        }
        out.flush()
    }

    pub(super) fn comparison(&mut self, comparison: &Comparison) -> Result<()> {
        self.write_comparison(comparison).context(UNWRITTEN)
    }

    fn write_comparison(&mut self, comparison: &Comparison) -> io::Result<()> {
        let Self { form, out, look } = self;
        if form.json {
            form::write_comparison_json(comparison, out)?;
        } else if form.csv {
            form::write_comparison_csv(comparison, out)?;
        } else if form.markdown {
            form::write_comparison_markdown(comparison, out)?;
        } else {
            form::write_comparison(comparison, *look, out)?;
        }
        out.flush()
    }
}

/// How text looks on standard output.
pub(super) fn look(no_color: bool, is_terminal: bool) -> Look {
    let theme = Theme::detect(no_color || !is_terminal, |name| std::env::var(name).ok());
    let columns = if is_terminal {
        crossterm::terminal::size().map_or(COLUMNS, |(columns, _)| columns.max(LEAST_COLUMNS))
    } else {
        COLUMNS
    };
    Look { columns, theme }
}
