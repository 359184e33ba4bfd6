//! As JSON: schema `zc-diff/1`.

use std::io;

use serde::Serialize;
use serde_json::{Serializer, ser::PrettyFormatter};

use super::{Report, Side};
use crate::json::Escaping;
use zc_model::{
    diff::{Basis, Estimate, Figure, Kind, Payload, Section, Verdict},
    snapshot::{Losses, Provenance},
};

/// Name and version of the contract.
const SCHEMA: &str = "zc-diff/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    a: End<'a>,
    b: End<'a>,
    /// What most figures are per.
    basis: &'static str,
    payload: PayloadOf,
    /// A change is larger than that.
    least_change: f64,
    changed: bool,
    figures: Vec<Row>,
    conditions: Vec<Checked<'a>>,
}

#[derive(Serialize)]
struct End<'a> {
    name: &'a str,
    subject: Option<&'a str>,
    kind: &'static str,
    count: u64,
    failed: u64,
    machines: Vec<Machine<'a>>,
    losses: &'a Losses,
}

#[derive(Serialize)]
struct Machine<'a> {
    host: &'a str,
    kernel: &'a str,
    arch: &'a str,
}

#[derive(Serialize)]
struct PayloadOf {
    /// The path whose bytes it is; `null`: the busier direction of all.
    path: Option<&'static str>,
    a_bytes: f64,
    b_bytes: f64,
}

#[derive(Serialize)]
struct Row {
    id: String,
    section: &'static str,
    unit: &'static str,
    basis: &'static str,
    a: Option<Found>,
    b: Option<Found>,
    change: Option<f64>,
    /// Between which two the change is, with 95 % confidence.
    interval: Option<(f64, f64)>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize)]
struct Found {
    value: f64,
    standard_error: Option<f64>,
    less: f64,
    more: f64,
    provenance: Provenance,
}

#[derive(Serialize)]
struct Checked<'a> {
    text: &'a str,
    met: &'static str,
}

impl<'a> End<'a> {
    fn new(side: &Side<'a>) -> Self {
        let series = side.series;
        Self {
            name: side.name,
            subject: side.subject,
            kind: match series.kind {
                Kind::Runs => "runs",
                Kind::Intervals => "intervals",
            },
            count: series.count,
            failed: series.failed,
            machines: series
                .hosts
                .iter()
                .map(|[kernel, arch, host]| Machine { host, kernel, arch })
                .collect(),
            losses: &series.losses,
        }
    }
}

impl Row {
    fn new(figure: &Figure) -> Self {
        Self {
            id: figure.id(),
            section: match figure.section {
                Section::Head => "head",
                Section::Rates => "rates",
                Section::Paths => "paths",
                Section::Counters => "counters",
                Section::Devices => "devices",
            },
            unit: figure.quantity.unit().id(),
            basis: basis(figure.basis),
            a: figure.a.map(Found::from),
            b: figure.b.map(Found::from),
            change: figure.relative,
            interval: figure.interval,
            verdict: match figure.verdict {
                Verdict::Changed => "changed",
                Verdict::Unchanged => "unchanged",
                Verdict::Negligible => "negligible",
                Verdict::Untold(_) => "unknown",
            },
            reason: match &figure.verdict {
                Verdict::Untold(why) => Some(why.clone()),
                _ => None,
            },
        }
    }
}

impl From<Estimate> for Found {
    fn from(estimate: Estimate) -> Self {
        Self {
            value: estimate.value,
            standard_error: estimate.error,
            less: estimate.less,
            more: estimate.more,
            provenance: estimate.provenance,
        }
    }
}

const fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Byte => "byte",
        Basis::Second => "second",
        Basis::Run => "run",
        Basis::Share => "share",
    }
}

/// Writes a report as one indented document.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_json(report: &Report<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let Report { a, b, comparison, checked } = report;
    let (a_bytes, b_bytes) = comparison.payloads();
    let document = Document {
        schema: SCHEMA,
        a: End::new(a),
        b: End::new(b),
        basis: basis(comparison.basis),
        payload: PayloadOf {
            path: match comparison.options.payload {
                Payload::Busier => None,
                Payload::Path(path) => Some(path.id()),
            },
            a_bytes,
            b_bytes,
        },
        least_change: comparison.options.least,
        changed: comparison.has_changes(),
        figures: comparison.figures.iter().map(Row::new).collect(),
        conditions: checked.iter().map(|it| Checked { text: &it.text, met: it.met }).collect(),
    };
    let formatter = Escaping(PrettyFormatter::new());
    document.serialize(&mut Serializer::with_formatter(&mut *out, formatter))?;
    writeln!(out)
}
