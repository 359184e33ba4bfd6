//! A report as a page: one file that asks for nothing, has no script, and is well-formed XML as well.

use std::io;

mod chart;
mod icicle;
mod markup;
mod picture;

use self::{markup::Page, picture::Answer};
use crate::{
    content::{Block, Counsel, Figure, Kind, Report, Row, Section, Table, Tone},
    series::Series,
    text::marks,
    wording::Wording,
};

/// The look of the page.
const STYLE: &str = include_str!("html/style.css");

/// SHA-256 of the style, which is the only thing that the page allows itself: see `tests/page.rs`.
const STYLE_DIGEST: &str = include_str!("html/style.digest");

/// Writes a report.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    out.write_all(page(report).as_bytes())
}

fn page(report: &Report) -> String {
    let Report { wording, title, subject, answer, figures, caveats, sections } = report;
    let mut page = Page::default();
    page.raw("<!DOCTYPE html>\n<html lang=\"");
    page.raw(wording.lang);
    page.raw("\">\n<head>\n<meta charset=\"utf-8\"/>\n");
    page.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-");
    page.raw(STYLE_DIGEST.trim_ascii());
    page.raw("'; base-uri 'none'; form-action 'none'\"/>\n");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n");
    page.raw("<meta name=\"referrer\" content=\"no-referrer\"/>\n");
    page.raw("<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>");
    page.text(title);
    page.raw("</title>\n<style>");
    page.raw(STYLE);
    page.raw("</style>\n</head>\n<body>\n<header>\n");
    page.element("h1", title);
    page.element("p", subject);
    page.raw("</header>\n<main>\n<section id=\"answer\" aria-label=\"");
    page.text(wording.answer);
    page.raw("\">\n");
    page.raw("<div class=\"said\">\n");
    if let [first, others @ ..] = &answer[..] {
        page.classed("p", "lead", first);
        page.raw("<div>\n");
        others.iter().for_each(|sentence| page.classed("p", "then", sentence));
        page.raw("</div>\n");
    }
    page.raw("</div>\n");
    for caveat in caveats {
        page.classed("p", "caveat", caveat);
    }
    write_figures(figures, &mut page);
    page.raw("</section>\n<nav aria-label=\"");
    page.text(wording.sections);
    page.raw("\"><ul>\n");
    for section in sections {
        page.raw("<li><a href=\"#");
        page.raw(section.id);
        page.raw("\">");
        page.text(section.title);
        page.raw("</a></li>\n");
    }
    page.raw("</ul></nav>\n");
    for section in sections {
        write_section(section, wording, &mut page);
    }
    page.raw("</main>\n<footer><p>");
    page.text(wording.made_by);
    page.raw(" ");
    page.raw(env!("CARGO_PKG_VERSION"));
    page.text(wording.asks_for_nothing);
    page.raw("</p></footer>\n</body>\n</html>\n");
    page.done()
}

fn write_figures(figures: &[Figure], page: &mut Page) {
    page.raw("<dl class=\"figures\">\n");
    for figure in figures {
        page.raw("<div class=\"");
        page.raw(match figure.tone {
            Tone::Copied => "copied",
            Tone::Reference => "reference",
            Tone::Device => "device",
            Tone::Advice => "advice",
            Tone::Plain => "plain",
        });
        page.raw("\">");
        page.element("dt", figure.label);
        page.element("dd", &figure.value);
        page.classed("dd", "note", &figure.note);
        page.raw("</div>\n");
    }
    page.raw("</dl>\n");
}

fn write_section(section: &Section, wording: &Wording, page: &mut Page) {
    page.raw("<section id=\"");
    page.raw(section.id);
    page.raw("\">\n");
    page.element("h2", section.title);
    for block in &section.blocks {
        write_block(section, block, wording, page);
    }
    page.raw("</section>\n");
}

fn write_block(section: &Section, block: &Block, wording: &Wording, page: &mut Page) {
    match block {
        Block::Heading(text) => page.element("h3", text),
        Block::Text(text) => page.element("p", text),
        Block::List(items) => {
            page.raw("<ul class=\"notes\">\n");
            items.iter().for_each(|item| page.element("li", item));
            page.raw("</ul>\n");
        }
        Block::Table(table) => write_table(table, page),
        Block::Picture(picture) => picture::write(picture, Answer::Whole, wording, page),
        Block::Question(picture) => picture::write(picture, Answer::None, wording, page),
        Block::Series(series) => write_series(series, page),
        Block::Advice(all) => {
            page.raw("<ol class=\"counsel\">\n");
            all.iter().for_each(|one| write_counsel(one, page));
            page.raw("</ol>\n");
        }
        Block::Stacks(tree) => icicle::write(tree, page),
        Block::Command(command) => {
            write_code(section, std::slice::from_ref(command), wording, page);
        }
        Block::Code(lines) => write_code(section, lines, wording, page),
    }
}

fn write_code(section: &Section, lines: &[String], wording: &Wording, page: &mut Page) {
    page.raw("<pre aria-label=\"");
    page.text(wording.command);
    page.raw(" ");
    page.raw(section.id);
    page.raw("\"><code>");
    for (line, at) in lines.iter().zip(0..) {
        if at > 0 {
            page.raw("\n");
        }
        page.text(line);
    }
    page.raw("</code></pre>\n");
}

fn write_counsel(counsel: &Counsel, page: &mut Page) {
    let Counsel { to, certainty: (certainty, meaning), remedy, savings, evidence } = counsel;
    page.raw("<li>");
    page.element("h3", to);
    page.classed("p", "remedy", remedy);
    page.raw("<dl>");
    page.element("dt", "Saves");
    page.element("dd", &savings.join("; "));
    page.element("dt", "Seen");
    page.element("dd", evidence);
    page.element("dt", "How sure");
    page.raw("<dd><strong>");
    page.text(certainty);
    page.raw("</strong>: ");
    page.text(meaning);
    page.raw("</dd></dl></li>\n");
}

fn write_series(series: &Series, page: &mut Page) {
    chart::write(series, page);
    let marks = marks(series);
    if marks.is_empty() {
        return;
    }
    page.raw("<ul class=\"notes\">\n");
    marks.iter().for_each(|mark| page.element("li", mark));
    page.raw("</ul>\n");
}

fn write_table(table: &Table, page: &mut Page) {
    page.raw("<div class=\"table\" role=\"region\" tabindex=\"0\" aria-label=\"");
    page.text(&table.caption);
    page.raw("\">\n<table>\n");
    page.element("caption", &table.caption);
    page.raw("<thead><tr>");
    for column in table.columns.iter().filter(|column| !column.is_prose) {
        page.raw(match column.is_number {
            true => "<th scope=\"col\" class=\"number\">",
            false => "<th scope=\"col\">",
        });
        page.text(column.title);
        page.raw("</th>");
    }
    page.raw("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        write_row(table, row, page);
    }
    page.raw("</tbody>\n</table>\n");
    if !table.marks.is_empty() {
        page.raw("<ul class=\"marks\">");
        table.marks.iter().for_each(|mark| page.element("li", mark));
        page.raw("</ul>\n");
    }
    page.raw("</div>\n");
}

fn write_row(table: &Table, row: &Row, page: &mut Page) {
    page.raw(match row.kind {
        Kind::Row => "<tr>",
        Kind::Part => "<tr class=\"part\">",
        Kind::Rest => "<tr class=\"rest\">",
        Kind::Total => "<tr class=\"total\">",
    });
    // Explanations are below what they explain.
    let prose = table.columns.iter().zip(&row.cells).find(|(column, _)| column.is_prose);
    for (at, (column, cell)) in table.columns.iter().zip(&row.cells).enumerate() {
        match (at, column.is_number) {
            _ if column.is_prose => {}
            (0, _) => {
                page.raw("<th scope=\"row\">");
                page.text(cell);
                if let Some((_, prose)) = prose.filter(|(_, prose)| !prose.is_empty()) {
                    page.element("small", prose);
                }
                if let Some(share) = row.share.filter(|share| *share > 0) {
                    page.raw(
                        "<svg class=\"bar\" viewBox=\"0 0 1000 1\" preserveAspectRatio=\"none\" \
                              aria-hidden=\"true\"><rect height=\"1\" width=\"",
                    );
                    page.number(f64::from(share));
                    page.raw("\"/></svg>");
                }
                page.raw("</th>");
            }
            (_, true) => page.classed("td", "number", cell),
            _ => page.element("td", cell),
        }
    }
    page.raw("</tr>\n");
}
