//! As text.

use std::io;

use super::{
    Report, SECTIONS, Side, change, headline, machines, made_of, name, notes, per, reasons, rows,
    value, verdict,
};
use crate::{
    human,
    paragraph::{self, Indent},
    sanitize::sanitize,
    table::grid::{Cell, Grid},
};
use zc_model::diff::Verdict;

/// Longest line of prose.
const COLUMNS: usize = 100;

/// Writes a report as text.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_text(report: &Report<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let Report { a, b, comparison, checked } = report;
    write_side("A", a, out)?;
    write_side("B", b, out)?;
    let (in_a, in_b) = comparison.payloads();
    if in_a > 0.0 || in_b > 0.0 {
        writeln!(
            out,
            "payload: {} in A, {} in B",
            human::bytes(super::whole(in_a)),
            human::bytes(super::whole(in_b))
        )?;
    }
    writeln!(out)?;
    paragraph::write(&headline(report), Indent::NONE, COLUMNS, out)?;
    writeln!(out, "\n{}", per(comparison.basis))?;
    for (section, title) in SECTIONS {
        let rows = rows(comparison, section);
        if rows.is_empty() {
            continue;
        }
        writeln!(out)?;
        let mut grid = Grid::new([
            (title, false),
            ("A", true),
            ("B", true),
            ("CHANGE", true),
            ("VERDICT", false),
        ]);
        for figure in rows {
            grid.push(vec![
                Cell::text(name(figure)),
                Cell::text(value(figure, figure.a.as_ref())),
                Cell::text(value(figure, figure.b.as_ref())),
                Cell::text(change(figure)),
                Cell::text(verdict(&figure.verdict)),
            ]);
        }
        grid.write(out)?;
    }
    let hidden = |verdict: fn(&Verdict) -> bool| {
        let shown: usize = SECTIONS
            .iter()
            .map(|(section, _)| {
                rows(comparison, *section).iter().filter(|it| verdict(&it.verdict)).count()
            })
            .sum();
        comparison.figures.iter().filter(|it| verdict(&it.verdict)).count() - shown
    };
    let unchanged = hidden(|verdict| *verdict == Verdict::Unchanged);
    if unchanged > 0 {
        writeln!(out, "\nnot changed, and not listed: {unchanged} more")?;
    }
    let mut lines: Vec<_> = reasons(comparison)
        .into_iter()
        .map(|(why, names)| format!("not known: {}: {why}", names.join(", ")))
        .collect();
    lines.extend(notes(report));
    if !lines.is_empty() {
        writeln!(out, "\nNotes")?;
        for line in lines {
            paragraph::write(&line, Indent::HANGING, COLUMNS, out)?;
        }
    }
    for check in *checked {
        paragraph::write(&check.line, Indent::NONE, COLUMNS, out)?;
    }
    Ok(())
}

fn write_side(letter: &str, side: &Side<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let subject = side.subject.map_or_else(String::new, |it| format!(" of {}", sanitize(it)));
    writeln!(
        out,
        "{letter}: {}: {}{subject} ({})",
        sanitize(side.name),
        made_of(side.series),
        machines(side.series)
    )
}
