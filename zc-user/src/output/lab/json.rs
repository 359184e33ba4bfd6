//! The lab's JSON contract, `zc-lab/1`. As in `zc/1`, numbers are raw, and what is not known is
//! `null`, never 0.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::ser::PrettyFormatter;

use crate::{
    lab::{
        finding::{Finding, Ran},
        metric::METRICS,
    },
    model::value::Value,
    output::json::{Device, Escaping, Path},
};

/// Name and version of the contract.
const SCHEMA: &str = "zc-lab/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    findings: Vec<Row<'a>>,
}

/// A scenario in a setting.
#[derive(Serialize)]
struct Row<'a> {
    scenario: &'static str,
    title: &'static str,
    sink: &'static str,
    size: u64,
    chunk: u64,
    cold: bool,
    /// `ran`, `skipped` or `failed`.
    outcome: &'static str,
    why: Option<&'a str>,
    #[serde(flatten)]
    result: Option<Result<'a>>,
}

/// Of a scenario that ran.
#[derive(Serialize)]
struct Result<'a> {
    metrics: Metrics<'a>,
    /// What the observed processes did; empty when nothing was counted.
    paths: Vec<Path<'a>>,
    devices: Vec<Device<'a>>,
    verdict: Verdict<'a>,
}

#[derive(Serialize)]
struct Verdict<'a> {
    judgement: &'static str,
    sentence: String,
    reasons: Vec<&'a str>,
    notes: &'a [String],
}

/// Every figure by id.
struct Metrics<'a>(&'a Finding, &'a Ran);

#[derive(Serialize)]
struct Figure<'a> {
    theory: Option<Number>,
    measured: Option<Number>,
    /// Of `measured`; `null` where the question has no answer.
    provenance: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Number {
    Integer(u64),
    Real(f64),
}

/// Writes the findings as one document.
///
/// # Errors
/// When `out` fails.
pub fn write(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    let document = Document { schema: SCHEMA, findings: findings.iter().map(row).collect() };
    let formatter = Escaping(PrettyFormatter::new());
    document.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, formatter))?;
    writeln!(out)
}

fn row(finding: &Finding) -> Row<'_> {
    let Finding { scenario, setting, outcome } = finding;
    Row {
        scenario: scenario.id,
        title: scenario.title,
        sink: setting.sink.id(),
        size: setting.size,
        chunk: setting.chunk,
        cold: setting.cold,
        outcome: outcome.id(),
        why: outcome.why(),
        result: finding.ran().map(|ran| result(finding, ran)),
    }
}

fn result<'a>(finding: &'a Finding, ran: &'a Ran) -> Result<'a> {
    let frame = ran.measurement.frame.as_ref().ok();
    Result {
        metrics: Metrics(finding, ran),
        paths: frame.map_or_else(Vec::new, |frame| Path::all(&frame.totals.paths)),
        devices: frame
            .map_or_else(Vec::new, |frame| frame.devices.iter().map(Device::new).collect()),
        verdict: Verdict {
            judgement: ran.verdict.judgement.id(),
            sentence: ran.verdict.judgement.sentence(),
            reasons: ran.verdict.judgement.reasons(),
            notes: &ran.verdict.notes,
        },
    }
}

impl Serialize for Metrics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Self(finding, ran) = *self;
        serializer.collect_map(METRICS.iter().map(|metric| {
            let measured = metric.measured(finding, ran);
            let why = match measured {
                Value::Unavailable(why) => Some(why),
                _ => None,
            };
            let provenance = match (measured.quality(), why) {
                (Some(quality), _) => Some(quality.provenance.id()),
                (None, Some(_)) => Some("unavailable"),
                (None, None) => None,
            };
            let figure = Figure {
                theory: number(&(metric.theory)(finding.scenario)),
                measured: number(&measured),
                provenance,
                why,
            };
            (metric.id, figure)
        }))
    }
}

fn number(value: &Value<'_>) -> Option<Number> {
    match value {
        Value::Integer(value, _) => Some(Number::Integer(*value)),
        Value::Real(value, _) => Some(Number::Real(*value)),
        Value::Text(_) | Value::Absent | Value::Unavailable(_) => None,
    }
}
