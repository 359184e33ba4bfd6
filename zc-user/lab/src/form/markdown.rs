//! The lab's findings as Markdown, to paste into a handout.

use std::io::{self, Write};

use crate::{
    finding::{Finding, Outcome},
    metric::Findings,
};
use zc_model::{snapshot::Provenance, value::Value};
use zc_render::sanitize::sanitize;

use super::summary;

/// Writes a table, and a verdict per finding.
///
/// # Errors
/// When `out` fails.
pub fn write(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    write_table(findings, out)?;
    writeln!(out)?;
    for finding in findings {
        let sentence = match &finding.outcome {
            Outcome::Ran(ran) => ran.verdict.judgement.sentence(),
            other => format!("{}: {}", other.id(), other.why().unwrap_or("")),
        };
        writeln!(
            out,
            "- **{}** ({}): {}.",
            finding.scenario.title,
            finding.setting.sink.title(),
            escape(sentence.trim_end_matches('.')),
        )?;
    }
    write_notes(findings, out)
}

fn write_table(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    let line = |cells: Vec<String>, out: &mut dyn Write| writeln!(out, "| {} |", cells.join(" | "));
    let columns = summary::shown(findings);
    line(columns.iter().map(|column| column.heading().to_owned()).collect(), out)?;
    let rule = |numeric| if numeric { "---:" } else { "---" }.to_owned();
    line(columns.iter().map(|column| rule(column.is_numeric())).collect(), out)?;
    for finding in findings {
        line(columns.iter().map(|column| escape(&column.text(finding))).collect(), out)?;
    }
    Ok(())
}

/// What is true of some or all of them, each once.
fn write_notes(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    let mut notes: Vec<&str> = Vec::new();
    let mut modelled = false;
    let samples = |finding| Findings::USER_COPY_SHARE.of(finding, &()) != Value::Absent;
    for ran in findings.iter().filter_map(Finding::ran) {
        modelled |= ran.measurement.copies().provenance == Provenance::Modelled;
        for note in &ran.verdict.notes {
            if !notes.contains(&note.as_str()) {
                notes.push(note);
            }
        }
    }
    writeln!(
        out,
        "\nCOPIES, DMA: times each byte is copied by the CPU, moved by a device; MODE SW.: \
                   mode switches per transfer; each as theory / measured. Times are the median of \
                   the rounds."
    )?;
    if findings.iter().any(samples) {
        writeln!(
            out,
            "USER COPIES: share of the CPU time in copies that the program makes itself, estimated from \
             samples; +-: with 95 % confidence."
        )?;
    }
    if modelled {
        writeln!(out, "`~`: modelled, not measured.")?;
    }
    if !notes.is_empty() {
        writeln!(out)?;
    }
    for note in notes {
        writeln!(out, "- {}", escape(note))?;
    }
    Ok(())
}

/// Safe for a terminal, and in a cell.
fn escape(text: &str) -> String {
    sanitize(text).replace('|', "\\|").replace('<', "&lt;")
}
