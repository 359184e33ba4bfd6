//! Hazards: which there are, and what was seen of them.

use std::io::{self, Write};

use serde::Serialize;

use super::{
    json::{SCHEMA, write_document},
    text::Look,
};
use crate::hazard::{Fact, Hazard, Outcome, Seen, Sighting};
use zc_model::frame::Frame;
use zc_render::{
    json::Path,
    paragraph::{self, Indent},
};

/// Room for a paragraph, beyond which lines are hard to read.
const PROSE: usize = 100;

/// Writes a line per hazard, under a heading of their own.
///
/// # Errors
/// When `out` fails.
pub fn write_list(hazards: &[&Hazard], out: &mut dyn Write) -> io::Result<()> {
    let room = hazards.iter().map(|hazard| hazard.id.len()).max().unwrap_or(0);
    writeln!(out, "\nHazards")?;
    for Hazard { id, title, .. } in hazards {
        writeln!(out, "  {id:room$}  {title}")?;
    }
    Ok(())
}

/// Writes what each is about.
///
/// # Errors
/// When `out` fails.
pub fn write_details(hazards: &[&Hazard], columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let columns = columns.min(PROSE);
    for Hazard { id, title, lesson, danger, .. } in hazards {
        writeln!(out, "\n{id}: {title}")?;
        paragraph::write(lesson, Indent { first: "  ", rest: "  " }, columns, out)?;
        paragraph::write(&format!("Danger: {danger}."), Indent::HANGING, columns, out)?;
    }
    Ok(())
}

/// Writes what was seen of a hazard.
///
/// # Errors
/// When `out` fails.
pub fn write_text(sighting: &Sighting, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let Sighting { hazard, outcome } = sighting;
    let columns = usize::from(look.columns).min(PROSE);
    let mut prose = |text: &str, indent| paragraph::write(text, indent, columns, &mut *out);
    prose(&format!("{} ({})", hazard.title, hazard.id), Indent::NONE)?;
    prose(hazard.lesson, Indent::NONE)?;
    match outcome {
        Outcome::Skipped(why) => prose(&format!("Skipped: {why}"), Indent::NONE)?,
        Outcome::Failed(why) => prose(&format!("Failed: {why}"), Indent::NONE)?,
        Outcome::Seen(seen) => {
            for Fact { text, as_expected } in &seen.facts {
                let mark = if *as_expected { "" } else { "NOT AS EXPECTED: " };
                prose(&format!("{mark}{text}"), Indent::ITEM)?;
            }
            if let Err(why) = &seen.cases {
                prose(&format!("figures not measured: {why}"), Indent::ITEM)?;
            }
            prose(&format!("Danger: {}.", hazard.danger), Indent::NONE)?;
            prose(&format!("Verdict: {}", verdict(seen)), Indent::NONE)?;
        }
    }
    writeln!(out)
}

fn verdict(seen: &Seen) -> &'static str {
    if seen.is_as_expected() { "as expected" } else { "not as expected" }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    hazards: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    hazard: &'static str,
    title: &'static str,
    lesson: &'static str,
    danger: &'static str,
    /// `seen`, `skipped` or `failed`.
    outcome: &'static str,
    why: Option<&'a str>,
    #[serde(flatten)]
    seen: Option<SeenRow<'a>>,
}

#[derive(Serialize)]
struct SeenRow<'a> {
    as_expected: bool,
    facts: &'a [Fact],
    /// What was counted; `null` when nothing was, and `not_measured` says why.
    cases: Option<Vec<Case<'a>>>,
    not_measured: Option<&'a str>,
}

#[derive(Serialize)]
struct Case<'a> {
    title: &'static str,
    paths: Vec<Path<'a>>,
}

/// Writes all of it as one document.
///
/// # Errors
/// When `out` fails.
pub fn write_json(sightings: &[Sighting], out: &mut dyn Write) -> io::Result<()> {
    write_document(&Document { schema: SCHEMA, hazards: sightings.iter().map(row).collect() }, out)
}

fn row(Sighting { hazard, outcome }: &Sighting) -> Row<'_> {
    let (id, why, seen) = match outcome {
        Outcome::Seen(seen) => ("seen", None, Some(seen)),
        Outcome::Skipped(why) => ("skipped", Some(&**why), None),
        Outcome::Failed(why) => ("failed", Some(&**why), None),
    };
    Row {
        hazard: hazard.id,
        title: hazard.title,
        lesson: hazard.lesson,
        danger: hazard.danger,
        outcome: id,
        why,
        seen: seen.map(|seen| SeenRow {
            as_expected: seen.is_as_expected(),
            facts: &seen.facts,
            cases: seen.cases.as_ref().ok().map(|cases| cases.iter().map(case).collect()),
            not_measured: seen.cases.as_ref().err().map(|why| &**why),
        }),
    }
}

fn case<'a>((title, frame): &'a (&'static str, Frame)) -> Case<'a> {
    Case { title, paths: Path::all(&frame.totals.paths, frame) }
}
