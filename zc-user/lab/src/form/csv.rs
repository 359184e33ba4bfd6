//! The lab's findings as CSV: a line per scenario, raw numbers, empty where there is no value.

use std::io::{self, Write};

use crate::{
    catalog::SCENARIOS,
    finding::Finding,
    metric::{Findings, Metric},
};
use zc_model::{
    column::{Table as _, Unit},
    value::Value,
};
use zc_render::csv::harmless;

/// Writes the names of the columns, and a line per finding.
///
/// # Errors
/// When `out` fails.
pub fn write(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(header())?;
    for finding in findings {
        writer.write_record(line(finding))?;
    }
    writer.flush()
}

fn header() -> Vec<String> {
    let mut names = Vec::new();
    for metric in Findings::COLUMNS {
        if has_theory(metric) {
            names.push(format!("{}_theory", metric.id));
        }
        names.push(metric.id.to_owned());
        if metric.extra.rounds.is_some() {
            names.extend([format!("{}_min", metric.id), format!("{}_max", metric.id)]);
        }
    }
    names
}

fn line(finding: &Finding) -> Vec<String> {
    let mut cells = Vec::new();
    for metric in Findings::COLUMNS {
        if has_theory(metric) {
            cells.push(raw(&(metric.extra.theory)(finding.scenario), metric.unit));
        }
        cells.push(raw(&metric.of(finding, &()), metric.unit));
        if metric.extra.rounds.is_some() {
            let spread = finding.ran().and_then(|ran| metric.extra.spread(finding, ran));
            let end = |end: Option<f64>| end.map_or_else(String::new, |end| real(end, metric.unit));
            cells.extend([end(spread.map(|s| s.min)), end(spread.map(|s| s.max))]);
        }
    }
    cells
}

/// Whether the textbook says something on it, of any scenario.
fn has_theory(metric: &Metric) -> bool {
    SCENARIOS.iter().any(|scenario| (metric.extra.theory)(scenario) != Value::Absent)
}

fn raw(value: &Value<'_>, unit: Unit) -> String {
    match value {
        Value::Integer(value, _) => value.to_string(),
        Value::Real(value, _) => real(*value, unit),
        Value::Text(text) => harmless(text).into_owned(),
        Value::Absent | Value::Unavailable(_) => String::new(),
    }
}

/// Nanoseconds and bytes are whole.
fn real(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Nanoseconds | Unit::Bytes | Unit::BytesPerSec => format!("{value:.0}"),
        _ => value.to_string(),
    }
}
