//! As Markdown, for a comment on a change.

use std::io;

use super::{
    Report, SECTIONS, Side, change, headline, machines, made_of, name, notes, per, reasons, rows,
    value, verdict,
};
use zc_model::diff::Verdict;

/// Writes a report as Markdown.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_markdown(report: &Report<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let Report { a, b, comparison, checked } = report;
    writeln!(out, "**{}**\n", literal(&headline(report)))?;
    writeln!(out, "| {} | A | B | change | verdict |", per(comparison.basis))?;
    writeln!(out, "| --- | ---: | ---: | ---: | --- |")?;
    for (section, title) in SECTIONS {
        let rows = rows(comparison, section);
        if rows.is_empty() {
            continue;
        }
        if title != "FIGURE" {
            writeln!(out, "| *{}* | | | | |", title.to_lowercase())?;
        }
        for figure in rows {
            let strong = if figure.verdict == Verdict::Changed { "**" } else { "" };
            writeln!(
                out,
                "| {} | {} | {} | {strong}{}{strong} | {} |",
                literal(&name(figure)),
                value(figure, figure.a.as_ref()),
                value(figure, figure.b.as_ref()),
                change(figure),
                verdict(&figure.verdict),
            )?;
        }
    }
    writeln!(out)?;
    write_side("A", a, out)?;
    write_side("B", b, out)?;
    for (why, names) in reasons(comparison) {
        writeln!(out, "- not known: {}: {}", literal(&names.join(", ")), literal(&why))?;
    }
    for note in notes(report) {
        writeln!(out, "- {}", literal(&note))?;
    }
    for check in *checked {
        writeln!(out, "- {}", literal(&check.line))?;
    }
    Ok(())
}

fn write_side(letter: &str, side: &Side<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let subject = side.subject.map_or_else(String::new, |it| format!(" of {}", literal(it)));
    writeln!(
        out,
        "- {letter}: {}: {}{subject} ({})",
        literal(side.name),
        made_of(side.series),
        literal(&machines(side.series))
    )
}

/// A text that is nothing but text in Markdown, and in the HTML that is made of it.
fn literal(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in crate::sanitize::sanitize(text).chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '@' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe
}
