//! The lab's JSON contract, `zc-lab/1`. As in `zc/1`, numbers are raw, and what is not known is
//! `null`, never 0.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::ser::PrettyFormatter;

use crate::{
    comparison::Comparison,
    finding::{Finding, Ran, Spread},
    metric::Findings,
};
use zc_model::{
    column::Unit,
    snapshot::{Losses, Provenance, SelfCost},
    value::Value,
};
use zc_render::json::{Device, Escaping, Path};

use super::theory::TheoryFigures;

/// Name and version of the contract.
pub(super) const SCHEMA: &str = "zc-lab/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    /// The machine; `null` where nothing was counted.
    kernel: Option<&'a str>,
    arch: Option<&'a str>,
    host: Option<&'a str>,
    /// The provenance of an ordinary copy there.
    copies: Option<Provenance>,
    findings: Vec<Row<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<Ratios>,
}

/// The second finding as a multiple of the first, round by round.
#[derive(Serialize)]
struct Ratios {
    throughput: Option<Range>,
    cpu_time: Option<Range>,
}

#[derive(Serialize)]
struct Range {
    min: Number,
    median: Number,
    max: Number,
}

/// A scenario in a setting.
#[derive(Serialize)]
struct Row<'a> {
    scenario: &'static str,
    title: &'static str,
    theory: TheoryFigures,
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
    rounds: u32,
    /// Every byte arrived as it was sent, in every round: otherwise it has failed.
    payload_intact: bool,
    metrics: Metrics<'a>,
    /// What the observed processes did; empty when nothing was counted.
    paths: Vec<Path<'a>>,
    devices: Vec<Device<'a>>,
    /// `null` when nothing was counted.
    losses: Option<&'a Losses>,
    #[serde(rename = "self")]
    self_cost: Option<&'a SelfCost>,
    /// Bytes that TCP sent once more than needed: what the network stack copies on the way, it copied
    /// again. `null` where TCP did not send or does not tell.
    sent_again_bytes: Option<u64>,
    /// What the kernel reported to the program about its request.
    told: Option<&'a str>,
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
    unit: &'static str,
    /// Over the rounds, of which `measured` is the median.
    #[serde(skip_serializing_if = "Option::is_none")]
    spread: Option<Range>,
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
    write_document(&document(findings, None), out)
}

/// Writes a comparison as one document.
///
/// # Errors
/// When `out` fails.
pub(super) fn write_comparison(comparison: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    let ratios = Ratios {
        throughput: comparison.throughput.map(|spread| Range::of(spread, Unit::Ratio)),
        cpu_time: comparison.cpu.map(|spread| Range::of(spread, Unit::Ratio)),
    };
    write_document(&document(&comparison.findings, Some(ratios)), out)
}

fn document(findings: &[Finding], comparison: Option<Ratios>) -> Document<'_> {
    let mut frames =
        findings.iter().filter_map(|finding| finding.ran()?.measurement.frame.as_ref().ok());
    let host = frames.next().map(|frame| &*frame.host);
    Document {
        schema: SCHEMA,
        kernel: host.map(|host| &*host.kernel),
        arch: host.map(|host| &*host.arch),
        host: host.map(|host| &*host.name),
        copies: host.map(|host| host.copies),
        findings: findings.iter().map(row).collect(),
        comparison,
    }
}

impl Range {
    fn of(spread: Spread, unit: Unit) -> Self {
        let Spread { min, median, max } = spread;
        let [min, median, max] = [min, median, max].map(|end| real(end, unit));
        Self { min, median, max }
    }
}

/// Writes an indented document.
pub(super) fn write_document(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let formatter = Escaping(PrettyFormatter::new());
    document.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, formatter))?;
    writeln!(out)
}

fn row(finding: &Finding) -> Row<'_> {
    let Finding { scenario, setting, outcome } = finding;
    Row {
        scenario: scenario.id,
        title: scenario.title,
        theory: TheoryFigures::new(&scenario.theory),
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
        rounds: ran.rounds,
        payload_intact: true,
        metrics: Metrics(finding, ran),
        paths: frame.map_or_else(Vec::new, |frame| Path::all(&frame.totals.paths, frame)),
        devices: frame.map_or_else(Vec::new, Device::all),
        losses: frame.map(|frame| &frame.losses),
        self_cost: frame.map(|frame| &frame.self_cost),
        sent_again_bytes: ran.measurement.sent_again,
        told: ran.measurement.report.told.as_deref(),
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
        serializer.collect_map(Findings::figures().map(|metric| {
            let measured = metric.of(finding, &());
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
                theory: number(&(metric.extra.theory)(finding.scenario), metric.unit),
                measured: number(&measured, metric.unit),
                provenance,
                unit: metric.unit.id(),
                spread: metric
                    .extra
                    .spread(finding, ran)
                    .map(|spread| Range::of(spread, metric.unit)),
                why,
            };
            (metric.id, figure)
        }))
    }
}

fn number(value: &Value<'_>, unit: Unit) -> Option<Number> {
    match value {
        Value::Integer(value, _) => Some(Number::Integer(*value)),
        Value::Real(value, _) => Some(real(*value, unit)),
        Value::Text(_) | Value::Absent | Value::Unavailable(_) => None,
    }
}

/// Nanoseconds and bytes are whole.
fn real(value: f64, unit: Unit) -> Number {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    match unit {
        Unit::Nanoseconds | Unit::Bytes | Unit::BytesPerSec => {
            Number::Integer(value.round() as u64)
        }
        _ => Number::Real(value),
    }
}
