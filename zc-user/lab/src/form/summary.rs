//! All findings in one table, a line each.

use std::io::{self, Write};

use crate::{
    finding::{Finding, Outcome},
    metric::{Findings, Metric, Place, in_words},
};
use zc_model::{column::Table as _, value::Value};
use zc_render::table::grid::{Cell, Grid};

use super::spread::range_of;

/// A column of the table.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    metric: &'static Metric,
    place: Place,
    /// The range of the rounds instead of their median.
    range: bool,
}

/// The columns. Where the textbook says something it stands before what was measured.
pub(super) fn shown(findings: &[Finding]) -> Vec<Shown> {
    let mut shown = Vec::new();
    for metric in Findings::COLUMNS.iter().copied() {
        let Some(place) = metric.extra.place else { continue };
        let is_absent = |finding| metric.of(finding, &()) == Value::Absent;
        if place.is_optional && findings.iter().all(is_absent) {
            continue;
        }
        shown.push(Shown { metric, place, range: false });
        if let Some(priority) = place.range {
            let place = Place { heading: "RANGE", priority, range: None, is_optional: false };
            shown.push(Shown { metric, place, range: true });
        }
    }
    shown
}

/// Writes as many columns as fit.
pub(super) fn write(findings: &[Finding], columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut shown = shown(findings);
    let mut ids: Vec<_> = findings.iter().map(|finding| finding.scenario.id).collect();
    ids.sort_unstable();
    // The sink stays where two findings differ in nothing else.
    let has_twins = ids.windows(2).any(|pair| pair[0] == pair[1]);
    let priority = |column: &Shown| match column.metric == Findings::SINK && has_twins {
        true => 0,
        false => column.place.priority,
    };
    loop {
        let text = table(findings, &shown)?;
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        let least = shown.iter().map(priority).max().unwrap_or(0);
        if widest <= columns || least == 0 {
            return out.write_all(text.as_bytes());
        }
        shown.retain(|column| priority(column) != least);
    }
}

fn table(findings: &[Finding], columns: &[Shown]) -> io::Result<String> {
    let mut grid = Grid::new(columns.iter().map(|column| (column.heading(), column.is_numeric())));
    for finding in findings {
        grid.push(columns.iter().map(|column| column.cell(finding)).collect());
    }
    let mut text = Vec::new();
    grid.write(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

impl Shown {
    /// The heading.
    pub(super) const fn heading(&self) -> &'static str {
        self.place.heading
    }

    /// The cell of a finding as plain text.
    pub(super) fn text(&self, finding: &Finding) -> String {
        self.cell(finding).plain()
    }

    /// Whether it holds numbers.
    pub(super) const fn is_numeric(&self) -> bool {
        self.metric.unit.is_numeric()
    }

    fn cell(&self, finding: &Finding) -> Cell {
        let Self { metric, range, .. } = self;
        if *metric == Findings::VERDICT {
            return Cell::text(word(finding));
        }
        if *range {
            let spread = finding.ran().and_then(|ran| metric.extra.spread(finding, ran));
            return Cell::text(
                spread.map_or_else(String::new, |spread| range_of(spread, metric.unit)),
            );
        }
        if metric.extra.margin.is_some() {
            return Cell::text(in_words(metric, finding));
        }
        let measured = Cell::of(metric, finding, &());
        // Theory and measurement: `2 / 2.00`.
        match (metric.extra.theory)(finding.scenario).number() {
            Some(theory) if finding.ran().is_some() => measured.after(&format!("{theory} / ")),
            _ => measured,
        }
    }
}

/// The verdict in a word or two.
pub(super) fn word(finding: &Finding) -> String {
    match &finding.outcome {
        Outcome::Ran(ran) => ran.verdict.judgement.id().replace('_', " "),
        other => other.id().to_owned(),
    }
}
