//! The lab's findings as CSV: a line per scenario, raw numbers, empty where there is no value.

use std::io::{self, Write};

use crate::{
    catalog::SCENARIOS,
    finding::{Finding, Ran},
    metric::{METRICS, Metric},
};
use zc_model::{column::Unit, value::Value};
use zc_render::sanitize::sanitize;

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

const SETTING: [&str; 8] =
    ["scenario", "sink", "size", "chunk", "cold", "rounds", "outcome", "why"];

fn header() -> Vec<String> {
    let mut names: Vec<String> = SETTING.map(str::to_owned).to_vec();
    for metric in METRICS {
        if has_theory(metric) {
            names.push(format!("{}_theory", metric.id));
        }
        names.push(metric.id.to_owned());
        if metric.has_spread() {
            names.extend([format!("{}_min", metric.id), format!("{}_max", metric.id)]);
        }
    }
    names.extend(["copies_provenance", "losses", "verdict", "sentence"].map(str::to_owned));
    names
}

fn line(finding: &Finding) -> Vec<String> {
    let Finding { scenario, setting, outcome } = finding;
    let ran = finding.ran();
    let mut cells = vec![
        scenario.id.to_owned(),
        setting.sink.id().to_owned(),
        setting.size.to_string(),
        setting.chunk.to_string(),
        setting.cold.to_string(),
        ran.map_or_else(String::new, |ran| ran.rounds.to_string()),
        outcome.id().to_owned(),
        sanitize(outcome.why().unwrap_or("")).into_owned(),
    ];
    for metric in METRICS {
        if has_theory(metric) {
            cells.push(raw(&(metric.theory)(scenario), metric.unit));
        }
        cells.push(
            ran.map_or_else(String::new, |ran| raw(&metric.measured(finding, ran), metric.unit)),
        );
        if metric.has_spread() {
            let spread = ran.and_then(|ran| metric.spread(finding, ran));
            let end = |end: Option<f64>| end.map_or_else(String::new, |end| real(end, metric.unit));
            cells.extend([end(spread.map(|s| s.min)), end(spread.map(|s| s.max))]);
        }
    }
    cells.extend(match ran {
        Some(ran) => [
            ran.measurement.copies().provenance.id().to_owned(),
            lost(ran),
            ran.verdict.judgement.id().to_owned(),
            sanitize(&ran.verdict.judgement.sentence()).into_owned(),
        ],
        None => std::array::from_fn(|_| String::new()),
    });
    cells
}

/// How many losses there were; empty when nothing was counted.
fn lost(ran: &Ran) -> String {
    let frame = ran.measurement.frame.as_ref();
    frame.map_or_else(|_| String::new(), |frame| frame.losses.total().to_string())
}

/// Whether the books say something on it, of any scenario.
fn has_theory(metric: &Metric) -> bool {
    SCENARIOS.iter().any(|scenario| (metric.theory)(scenario) != Value::Absent)
}

fn raw(value: &Value<'_>, unit: Unit) -> String {
    match value {
        Value::Integer(value, _) => value.to_string(),
        Value::Real(value, _) => real(*value, unit),
        Value::Text(text) => sanitize(text).into_owned(),
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
