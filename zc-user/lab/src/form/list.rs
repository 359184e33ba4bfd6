//! What scenarios there are.

use std::io::{self, Write};

use serde::Serialize;

use crate::{
    hazard::Hazard,
    scenario::{Scenario, Theory},
};
use zc_render::paragraph::{self, Indent};

use super::{
    json::{SCHEMA, write_document},
    theory::TheoryFigures,
};

/// Writes a line per scenario, under their headings.
///
/// # Errors
/// When `out` fails.
pub fn write_list(scenarios: &[&Scenario], out: &mut dyn Write) -> io::Result<()> {
    let room = |text: fn(&Scenario) -> &str| {
        scenarios.iter().map(|scenario| text(scenario).chars().count()).max().unwrap_or(0)
    };
    let (id, title) = (room(|scenario| scenario.id), room(|scenario| scenario.title));
    let mut group = None;
    for scenario in scenarios {
        if group != Some(scenario.group) {
            let gap = if group.is_some() { "\n" } else { "" };
            group = Some(scenario.group);
            writeln!(out, "{gap}{}", scenario.group.title())?;
        }
        let sinks: Vec<_> = scenario.sinks.iter().map(|sink| sink.id()).collect();
        writeln!(out, "  {:id$}  {:title$}  {}", scenario.id, scenario.title, sinks.join(" "))?;
    }
    Ok(())
}

/// Writes what each is about.
///
/// # Errors
/// When `out` fails.
pub fn write_details(
    scenarios: &[&Scenario],
    columns: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let columns = columns.min(100);
    let indent = Indent { first: "  ", rest: "    " };
    for (scenario, at) in scenarios.iter().zip(0..) {
        let Scenario { id, title, lesson, theory, sinks, .. } = scenario;
        let gap = if at > 0 { "\n" } else { "" };
        writeln!(out, "{gap}{id}: {title}")?;
        paragraph::write(lesson, Indent { first: "  ", rest: "  " }, columns, out)?;
        paragraph::write(&format!("Textbook: {}.", theory.claim), indent, columns, out)?;
        paragraph::write(&format!("Theory: {}.", in_words(theory)), indent, columns, out)?;
        let sinks: Vec<_> =
            sinks.iter().map(|sink| format!("{} ({})", sink.id(), sink.title())).collect();
        paragraph::write(&format!("Sinks: {}.", sinks.join(", ")), indent, columns, out)?;
    }
    Ok(())
}

/// Writes the same as JSON.
///
/// # Errors
/// When `out` fails.
pub fn write_list_json(
    scenarios: &[&Scenario],
    hazards: &[&Hazard],
    out: &mut dyn Write,
) -> io::Result<()> {
    let scenarios = scenarios.iter().map(|scenario| Entry::new(scenario)).collect();
    let hazards = hazards.iter().map(|hazard| HazardEntry::new(hazard)).collect();
    write_document(&List { schema: SCHEMA, scenarios, hazards }, out)
}

#[derive(Serialize)]
struct List {
    schema: &'static str,
    scenarios: Vec<Entry>,
    hazards: Vec<HazardEntry>,
}

#[derive(Serialize)]
struct HazardEntry {
    id: &'static str,
    title: &'static str,
    lesson: &'static str,
    danger: &'static str,
}

impl HazardEntry {
    const fn new(hazard: &Hazard) -> Self {
        let Hazard { id, title, lesson, danger, .. } = *hazard;
        Self { id, title, lesson, danger }
    }
}

#[derive(Serialize)]
struct Entry {
    id: &'static str,
    title: &'static str,
    group: &'static str,
    lesson: &'static str,
    theory: TheoryFigures,
    /// The first is the default.
    sinks: Vec<&'static str>,
}

impl Entry {
    fn new(scenario: &Scenario) -> Self {
        let Scenario { id, title, group, lesson, theory, sinks, .. } = scenario;
        Self {
            id,
            title,
            group: group.id(),
            lesson,
            theory: TheoryFigures::new(theory),
            sinks: sinks.iter().map(|sink| sink.id()).collect(),
        }
    }
}

/// The figures of the textbook in words.
pub(crate) fn in_words(theory: &Theory) -> String {
    let times = |number: f64| match number {
        1.0 => "once".to_owned(),
        2.0 => "twice".to_owned(),
        number => format!("{number} times"),
    };
    let mut words = Vec::new();
    if let Some(copies) = theory.cpu_copies {
        words.push(if copies == 0.0 {
            "the CPU copies nothing".to_owned()
        } else {
            format!("the CPU copies each byte {}", times(copies))
        });
    }
    for (count, what) in [(theory.storage_dma, "storage"), (theory.network_dma, "network")] {
        if count > 0 {
            words.push(format!("{what} DMA {}", times(f64::from(count))));
        }
    }
    if let Some(switches) = theory.mode_switches {
        words.push(format!("{switches} mode switches a transfer"));
    }
    if words.is_empty() { "no figures".to_owned() } else { words.join(", ") }
}
