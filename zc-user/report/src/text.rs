//! A report as text, for a terminal.

use std::{borrow::Cow, io};

use zc_render::{
    diagram::{Diagram, Unit},
    human,
    paragraph::{self, Indent},
    plain, sanitize,
    table::shortened,
    theme::Theme,
};

use crate::{
    content::{Block, Counsel, Kind, Report, Section, Table},
    series::{CURVES, Curve, Series, Stretch},
    wording::Wording,
};

/// The fewest columns that are made use of.
pub const LEAST_COLUMNS: u16 = 80;

/// The most: of longer lines the eye loses the beginning.
const MOST_COLUMNS: u16 = 120;

/// The widest cell of words.
const WORDS: usize = 44;

/// The narrowest one.
const LEAST_WORDS: usize = 16;

/// How a report is written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Colours and signs.
    pub theme: Theme,
    /// Columns of the terminal.
    pub columns: u16,
}

/// Writes a report.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(report: &Report, style: Style, out: &mut dyn io::Write) -> io::Result<()> {
    let columns = style.columns.clamp(LEAST_COLUMNS, MOST_COLUMNS);
    Writer { wording: report.wording, theme: style.theme, columns: columns.into(), out }
        .report(report)
}

struct Writer<'a> {
    wording: &'static Wording,
    theme: Theme,
    columns: usize,
    out: &'a mut dyn io::Write,
}

impl Writer<'_> {
    fn report(&mut self, report: &Report) -> io::Result<()> {
        let Report { wording: _, title, subject, answer, figures, caveats, sections } = report;
        self.heading(title)?;
        self.prose(subject, Indent::NONE)?;
        writeln!(self.out)?;
        self.prose(&answer.join(" "), Indent::NONE)?;
        for caveat in caveats {
            self.prose(&format!("! {caveat}"), Indent { first: "", rest: "  " })?;
        }
        writeln!(self.out)?;
        let label = figures.iter().map(|figure| sanitize::width(figure.label)).max().unwrap_or(0);
        let value = figures.iter().map(|figure| sanitize::width(&figure.value)).max().unwrap_or(0);
        for figure in figures {
            let gap = value - sanitize::width(&figure.value);
            let line = format!(
                "  {}  {:gap$}{}  {}",
                sanitize::pad(figure.label, label),
                "",
                figure.value,
                figure.note
            );
            let line = self.plain(&line);
            let line = sanitize::truncate(&line, self.columns, "...").into_owned();
            writeln!(self.out, "{}", line.trim_end())?;
        }
        sections.iter().try_for_each(|section| self.section(section))
    }

    fn section(&mut self, section: &Section) -> io::Result<()> {
        writeln!(self.out)?;
        self.heading(section.title)?;
        section.blocks.iter().try_for_each(|block| self.block(block))
    }

    fn block(&mut self, block: &Block) -> io::Result<()> {
        match block {
            Block::Heading(text) => {
                writeln!(self.out)?;
                self.prose(text, Indent::NONE)
            }
            Block::Text(text) => self.prose(text, Indent::NONE),
            Block::List(items) => items.iter().try_for_each(|item| self.prose(item, Indent::ITEM)),
            Block::Table(table) => self.table(table),
            Block::Picture(picture) => {
                let columns = u16::try_from(self.columns).unwrap_or(LEAST_COLUMNS);
                let diagram =
                    Diagram::new(picture, self.theme, Unit::Total).labelled(self.wording.labels);
                write!(self.out, "{}", diagram.to_text(columns, self.theme.has_color()))
            }
            Block::Question(picture) => {
                let columns = u16::try_from(self.columns).unwrap_or(LEAST_COLUMNS);
                let diagram = Diagram::new(picture, self.theme, Unit::Total)
                    .labelled(self.wording.labels)
                    .asked(None);
                write!(self.out, "{}", diagram.to_text(columns, self.theme.has_color()))
            }
            Block::Series(series) => self.series(series),
            Block::Advice(all) => all.iter().try_for_each(|one| self.counsel(one)),
            // The table of stacks has the figures.
            Block::Stacks(_) => Ok(()),
            Block::Code(lines) => lines.iter().try_for_each(|line| {
                let line = self.plain(line).into_owned();
                writeln!(self.out, "  {line}")
            }),
            Block::Command(command) => {
                let command = self.plain(command).into_owned();
                writeln!(self.out, "  {command}")
            }
        }
    }

    fn counsel(&mut self, counsel: &Counsel) -> io::Result<()> {
        let Counsel { to, certainty: (certainty, meaning), remedy, savings, evidence } = counsel;
        self.prose(&format!("{to}: {remedy}"), Indent { first: "  ", rest: "    " })?;
        let indent = Indent { first: "    ", rest: "      " };
        self.prose(&format!("Saves: {}.", savings.join("; ")), indent)?;
        self.prose(&format!("Seen: {evidence}"), indent)?;
        self.prose(&format!("How sure: {certainty}; {meaning}."), indent)
    }

    fn series(&mut self, series: &Series) -> io::Result<()> {
        for Curve { name, of } in CURVES {
            let (line, peak) = sparkline(series, of, self.columns - 42, &self.theme.symbols.spark);
            writeln!(self.out, "  {name:<17}  {line}  at most {}", human::bytes_per_sec(peak))?;
        }
        marks(series).iter().try_for_each(|mark| self.prose(mark, Indent::ITEM))
    }

    fn table(&mut self, table: &Table) -> io::Result<()> {
        writeln!(self.out)?;
        self.prose(&table.caption, Indent::NONE)?;
        // Without numbers there is room for words.
        let has_numbers = table.columns.iter().any(|column| column.is_number);
        let words = if has_numbers { WORDS } else { self.columns - LEAST_WORDS };
        let cells: Vec<Vec<Cow<'_, str>>> = table
            .rows
            .iter()
            .map(|row| {
                let indent = if row.kind == Kind::Part { "  " } else { "" };
                let cells = row.cells.iter().zip(&table.columns).enumerate();
                cells
                    .map(|(at, (cell, column))| {
                        let cell = self.plain(cell);
                        match (at, column.is_number) {
                            (_, true) => cell,
                            (0, false) => {
                                Cow::Owned(format!("{indent}{}", shortened(&cell, words)))
                            }
                            (_, false) => Cow::Owned(shortened(&cell, words).into_owned()),
                        }
                    })
                    .collect()
            })
            .collect();
        let width_of = |at: usize| {
            let cells = cells.iter().map(|row| sanitize::width(&row[at]));
            cells.chain([table.columns[at].title.len()]).max().unwrap_or(0)
        };
        let mut shown: Vec<usize> =
            (0..table.columns.len()).filter(|at| !table.columns[*at].is_prose).collect();
        let taken = |shown: &[usize]| shown.iter().map(|at| width_of(*at) + 2).sum::<usize>();
        while taken(&shown) > self.columns {
            let Some(last) = shown.iter().rposition(|at| table.columns[*at].is_extra) else {
                break;
            };
            shown.remove(last);
        }
        let mut widths: Vec<usize> = shown.iter().map(|at| width_of(*at)).collect();
        // Words give way to numbers, the widest first.
        while widths.iter().map(|width| width + 2).sum::<usize>() > self.columns {
            let words =
                shown.iter().zip(&mut widths).filter(|(at, _)| !table.columns[**at].is_number);
            match words.map(|(_, width)| width).max().filter(|width| **width > LEAST_WORDS) {
                Some(widest) => *widest -= 1,
                None => break,
            }
        }
        let head = shown.iter().map(|at| Cow::Borrowed(table.columns[*at].title)).collect();
        self.line(table, &shown, &widths, head)?;
        for row in &cells {
            let row = shown.iter().map(|at| row[*at].clone()).collect();
            self.line(table, &shown, &widths, row)?;
        }
        table.marks.iter().try_for_each(|mark| self.prose(mark, Indent::HANGING))
    }

    fn line(
        &mut self,
        table: &Table,
        shown: &[usize],
        widths: &[usize],
        cells: Vec<Cow<'_, str>>,
    ) -> io::Result<()> {
        let mut line = String::new();
        for ((at, width), cell) in shown.iter().zip(widths).zip(cells) {
            let cell = shortened(&cell, *width);
            let gap = " ".repeat(width.saturating_sub(sanitize::width(&cell)));
            line.push_str("  ");
            if table.columns[*at].is_number {
                line.push_str(&gap);
                line.push_str(&cell);
            } else {
                line.push_str(&cell);
                line.push_str(&gap);
            }
        }
        writeln!(self.out, "{}", line.trim_end())
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        let text = self.plain(text).into_owned();
        let text = plain::styled(&text, self.theme.head(), self.theme.has_color());
        writeln!(self.out, "{text}")
    }

    fn prose(&mut self, text: &str, indent: Indent) -> io::Result<()> {
        let text = self.plain(text).into_owned();
        paragraph::write(&text, indent, self.columns, self.out)
    }

    /// The one way of texts to the terminal.
    fn plain<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let text = sanitize::sanitize(text);
        if self.theme.unicode || !text.contains('±') {
            return text;
        }
        Cow::Owned(text.replace('±', "+-"))
    }
}

/// A curve in at most so many signs, and the greatest rate in it.
pub(crate) fn sparkline(
    series: &Series,
    of: fn(&Stretch) -> u64,
    most: usize,
    signs: &[&str; 9],
) -> (String, f64) {
    let rates: Vec<f64> = series.coarser(most).iter().map(|it| rate(of(it), it)).collect();
    let peak = rates.iter().copied().fold(0.0, f64::max);
    let sign = |rate: &f64| {
        let eighths = if peak > 0.0 { (rate / peak * 8.0).ceil() } else { 0.0 };
        signs[whole(eighths).min(8)]
    };
    (rates.iter().map(sign).collect(), peak)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 8")]
fn whole(eighths: f64) -> usize {
    eighths as usize
}

/// Bytes per second; 0 where no time has passed.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn rate(bytes: u64, stretch: &Stretch) -> f64 {
    let seconds = stretch.seconds();
    if seconds > 0.0 { bytes as f64 / seconds } else { 0.0 }
}

/// The marks of a series in words.
pub(crate) fn marks(series: &Series) -> Vec<String> {
    let marks = series.marks.iter().enumerate();
    let words = marks.map(|(at, (after_ns, text))| {
        format!("Mark {}, after {}: {text}", at + 1, human::duration(*after_ns))
    });
    words.collect()
}
