//! The lab's findings as text, JSON, CSV and Markdown.

mod json;

use std::io::{self, Write};

pub use self::json::write as write_json;

use crate::{
    lab::{
        finding::{Finding, Outcome},
        metric::METRICS,
        scenario::Scenario,
    },
    output::human,
};

/// The list of scenarios.
#[must_use]
pub fn list(scenarios: &[&Scenario]) -> String {
    let mut text = String::new();
    let mut group = None;
    for scenario in scenarios {
        if group != Some(scenario.group) {
            group = Some(scenario.group);
            text += &format!("{}\n", scenario.group.title());
        }
        text += &format!("  {:<24} {}\n", scenario.id, scenario.title);
    }
    text
}

/// Writes the findings for people.
///
/// # Errors
/// When `out` fails.
pub fn write_text(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    for finding in findings {
        let Finding { scenario, setting, outcome } = finding;
        writeln!(out, "{} ({}) to {}", scenario.title, scenario.id, setting.sink.title())?;
        match outcome {
            Outcome::Skipped(why) => writeln!(out, "  skipped: {why}")?,
            Outcome::Failed(why) => writeln!(out, "  failed: {why}")?,
            Outcome::Ran(ran) => {
                for metric in METRICS {
                    let theory = human::marked(&(metric.theory)(scenario), metric.unit);
                    let measured = human::marked(&metric.measured(finding, ran), metric.unit);
                    writeln!(out, "  {:<20} {theory:>12} {measured:>12}", metric.title)?;
                }
                writeln!(out, "  {}", ran.verdict.judgement.sentence())?;
                for note in &ran.verdict.notes {
                    writeln!(out, "  - {note}")?;
                }
            }
        }
    }
    Ok(())
}
