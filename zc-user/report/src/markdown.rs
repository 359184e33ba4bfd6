//! A report as Markdown, as GitHub and GitLab show it.

use std::io;

use zc_render::{
    diagram::{Diagram, Unit},
    human, sanitize,
    symbols::UNICODE,
    theme::Theme,
};

use crate::{
    content::{Block, Counsel, Kind, Report, Section, Table},
    series::{CURVES, Curve, Series},
    text::{marks, sparkline},
    wording::Wording,
};

/// Columns of what is not wrapped.
const COLUMNS: u16 = 100;

/// Signs of a curve.
const SIGNS: usize = 60;

/// Writes a report.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let Report { wording, title, subject, answer, figures, caveats, sections } = report;
    writeln!(out, "# {}\n\n{}\n", escaped(title), line(subject))?;
    writeln!(out, "**{}**\n", line(&answer.join(" ")))?;
    for caveat in caveats {
        writeln!(out, "> {}\n", line(caveat))?;
    }
    writeln!(out, "| | | |\n| --- | ---: | --- |")?;
    for figure in figures {
        let (label, value) = (escaped(figure.label), escaped(&figure.value));
        writeln!(out, "| {label} | {value} | {} |", escaped(&figure.note))?;
    }
    sections.iter().try_for_each(|section| write_section(section, wording, out))
}

fn write_section(section: &Section, wording: &Wording, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "\n## {}", section.title)?;
    section.blocks.iter().try_for_each(|block| {
        writeln!(out)?;
        write_block(block, wording, out)
    })
}

fn write_block(block: &Block, wording: &Wording, out: &mut dyn io::Write) -> io::Result<()> {
    match block {
        Block::Heading(text) => writeln!(out, "### {}", line(text)),
        Block::Text(text) => writeln!(out, "{}", line(text)),
        Block::List(items) => items.iter().try_for_each(|item| writeln!(out, "- {}", line(item))),
        Block::Table(table) => write_table(table, out),
        Block::Picture(picture) => {
            let diagram = Diagram::new(picture, Theme::new(false, true), Unit::Total)
                .labelled(wording.labels);
            write!(out, "```text\n{}```\n", diagram.to_text(COLUMNS, false))
        }
        Block::Question(picture) => {
            let diagram = Diagram::new(picture, Theme::new(false, true), Unit::Total)
                .labelled(wording.labels)
                .asked(None);
            write!(out, "```text\n{}```\n", diagram.to_text(COLUMNS, false))
        }
        Block::Series(series) => write_series(series, out),
        Block::Advice(all) => all.iter().try_for_each(|one| write_counsel(one, out)),
        // The table of stacks has the figures.
        Block::Stacks(_) => Ok(()),
        Block::Command(command) => write_code(&sanitize::sanitize(command), out),
        Block::Code(lines) => {
            let lines: Vec<_> = lines.iter().map(|line| sanitize::sanitize(line)).collect();
            write_code(&lines.join("\n"), out)
        }
    }
}

/// Lines of code, each of which is sanitised.
fn write_code(code: &str, out: &mut dyn io::Write) -> io::Result<()> {
    let fence = fence(code);
    writeln!(out, "{fence}sh\n{code}\n{fence}")
}

/// Longer than any row of backticks in the text.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

fn write_counsel(counsel: &Counsel, out: &mut dyn io::Write) -> io::Result<()> {
    let Counsel { to, certainty: (certainty, meaning), remedy, savings, evidence } = counsel;
    writeln!(out, "- **{}**: {}", escaped(to), escaped(remedy))?;
    for saving in savings {
        writeln!(out, "  - Saves: {}", escaped(saving))?;
    }
    writeln!(out, "  - Seen: {}", escaped(evidence))?;
    writeln!(out, "  - How sure: {}; {}.", escaped(certainty), escaped(meaning))
}

fn write_series(series: &Series, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "```text")?;
    for Curve { name, of } in CURVES {
        let (line, peak) = sparkline(series, of, SIGNS, &UNICODE.spark);
        writeln!(out, "{name:<17}  {line}  at most {}", human::bytes_per_sec(peak))?;
    }
    writeln!(out, "```")?;
    let marks = marks(series);
    if !marks.is_empty() {
        writeln!(out)?;
    }
    marks.iter().try_for_each(|mark| writeln!(out, "- {}", line(mark)))
}

fn write_table(table: &Table, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "{}:\n", line(&table.caption))?;
    let titles: Vec<_> = table.columns.iter().map(|column| escaped(column.title)).collect();
    writeln!(out, "| {} |", titles.join(" | "))?;
    let sides = table.columns.iter().map(|it| if it.is_number { "---:" } else { "---" });
    writeln!(out, "| {} |", sides.collect::<Vec<_>>().join(" | "))?;
    for row in &table.rows {
        let cells = row.cells.iter().enumerate().map(|(at, cell)| match (row.kind, at) {
            _ if cell.is_empty() => String::new(),
            (Kind::Total, _) => format!("**{}**", escaped(cell)),
            (Kind::Rest, 0) => format!("*{}*", escaped(cell)),
            (Kind::Part, 0) => format!("&emsp;{}", escaped(cell)),
            _ => escaped(cell),
        });
        writeln!(out, "| {} |", cells.collect::<Vec<_>>().join(" | "))?;
    }
    if !table.marks.is_empty() {
        writeln!(out)?;
    }
    table.marks.iter().try_for_each(|mark| writeln!(out, "- {}", line(mark)))
}

/// A text at the beginning of a line, where some signs would make a list or a heading of it.
fn line(text: &str) -> String {
    let text = escaped(text);
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = text.len() - digits.len();
    if text.starts_with(['-', '+', '=', ' ']) {
        format!("\\{text}")
    } else if number > 0 && digits.starts_with([')', '.']) {
        format!("{}\\{digits}", &text[..number])
    } else {
        text
    }
}

/// A text that shows as it is: the one way of texts into the output, but for code.
fn escaped(text: &str) -> String {
    let text = sanitize::sanitize(text);
    let mut safe = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let after = chars.peek().copied().unwrap_or(' ');
        let is_special = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '&' | '~' | '#' | '!' | '$' | '@' => {
                true
            }
            // Within a word it means nothing.
            '_' => !(before.is_alphanumeric() && after.is_alphanumeric()),
            // What looks like an address would become a link.
            ':' => after == '/',
            '.' => {
                let last = safe.len().checked_sub(3).and_then(|at| safe.get(at..));
                last.is_some_and(|last| last.eq_ignore_ascii_case("www"))
            }
            _ => false,
        };
        if is_special {
            safe.push('\\');
        }
        safe.push(c);
        before = c;
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_markup() {
        assert_eq!(escaped("file_read"), "file_read");
        assert_eq!(escaped("_x_ *y* [z](q)"), "\\_x\\_ \\*y\\* \\[z\\](q)");
        assert_eq!(escaped("`a` $b$ ~~c~~ @d"), "\\`a\\` \\$b\\$ \\~\\~c\\~\\~ \\@d");
        assert_eq!(escaped("a|b <script> &amp;"), "a\\|b \\<script\\> \\&amp;");
        assert_eq!(escaped("http://x www.y"), "http\\://x www\\.y");
        assert_eq!(escaped("a\nb\u{202e}"), "a\\\\nb\\\\u{202e}");
        assert_eq!(line("# x"), "\\# x");
        assert_eq!(line("- x"), "\\- x");
        assert_eq!(line("1. x"), "1\\. x");
        assert_eq!(fence("a ``` b"), "````");
        assert_eq!(fence("a"), "```");
    }

    #[test]
    fn a_name_of_any_characters_is_cut_where_it_may_be() {
        assert_eq!(escaped("日.w"), "日.w");
        assert_eq!(escaped("éé.w"), "éé.w");
    }
}
