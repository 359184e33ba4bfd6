//! All findings in one table, a line each.

use std::io::{self, Write};

use crate::{
    finding::{Finding, Outcome, Ran},
    metric::{METRICS, Metric},
};
use zc_model::{
    column::Unit,
    counter::CounterId,
    value::{Quality, Value},
};
use zc_render::{
    human,
    table::grid::{Cell, Grid},
};

use super::text::range_of;

/// A column of the table.
pub(super) struct Column {
    /// The heading.
    pub(super) title: &'static str,
    numeric: bool,
    /// Greater numbers go first where there is little room. The sink stays where it tells findings
    /// apart.
    priority: u8,
    cell: fn(&Finding) -> Cell,
}

/// The columns. Where the books say something it stands before what was measured.
pub(super) const COLUMNS: &[Column] = &[
    Column { title: "SCENARIO", numeric: false, priority: 0, cell: |f| Cell::text(f.scenario.id) },
    Column {
        title: "SINK",
        numeric: false,
        priority: 6,
        cell: |f| Cell::text(f.setting.sink.id()),
    },
    Column { title: "COPIES", numeric: true, priority: 0, cell: |f| compared(f, "cpu_copies") },
    Column { title: "DMA", numeric: true, priority: 3, cell: |f| compared(f, "dma_copies") },
    Column {
        title: "MODE SW.",
        numeric: true,
        priority: 1,
        cell: |f| compared(f, "mode_switches_per_transfer"),
    },
    Column {
        title: "SYSCALLS",
        numeric: true,
        priority: 7,
        cell: |f| sum(f, &[CounterId::Syscalls]),
    },
    Column {
        title: "CTX SW.",
        numeric: true,
        priority: 8,
        cell: |f| {
            sum(f, &[CounterId::ContextSwitchesVoluntary, CounterId::ContextSwitchesInvoluntary])
        },
    },
    Column {
        title: "FAULTS",
        numeric: true,
        priority: 9,
        cell: |f| sum(f, &[CounterId::PageFaultsMinor, CounterId::PageFaultsMajor]),
    },
    Column { title: "TIME", numeric: true, priority: 4, cell: |f| measured(f, "wall_ns") },
    Column { title: "RANGE", numeric: true, priority: 11, cell: |f| range(f, "wall_ns") },
    Column { title: "CPU TIME", numeric: true, priority: 5, cell: |f| measured(f, "cpu_ns") },
    Column {
        title: "vs R+W",
        numeric: true,
        priority: 1,
        cell: |f| measured(f, "relative_throughput"),
    },
    Column {
        title: "RANGE",
        numeric: true,
        priority: 10,
        cell: |f| range(f, "relative_throughput"),
    },
    Column { title: "VERDICT", numeric: false, priority: 0, cell: |f| Cell::text(word(f)) },
];

/// Writes as many columns as fit.
pub(super) fn write(findings: &[Finding], columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut shown: Vec<&Column> = COLUMNS.iter().collect();
    let mut ids: Vec<_> = findings.iter().map(|finding| finding.scenario.id).collect();
    ids.sort_unstable();
    let sink_tells = ids.windows(2).any(|pair| pair[0] == pair[1]);
    let priority = |column: &Column| match column.title {
        "SINK" if sink_tells => 0,
        _ => column.priority,
    };
    loop {
        let text = table(findings, &shown)?;
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        let least = shown.iter().map(|column| priority(column)).max().unwrap_or(0);
        if widest <= columns || least == 0 {
            return out.write_all(text.as_bytes());
        }
        shown.retain(|column| priority(column) != least);
    }
}

fn table(findings: &[Finding], columns: &[&Column]) -> io::Result<String> {
    let mut grid = Grid::new(columns.iter().map(|column| (column.title, column.numeric)));
    for finding in findings {
        grid.push(columns.iter().map(|column| (column.cell)(finding)).collect());
    }
    let mut text = Vec::new();
    grid.write(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

impl Column {
    /// The cell of a finding as plain text.
    pub(super) fn text(&self, finding: &Finding) -> String {
        (self.cell)(finding).plain()
    }

    /// Whether it holds numbers.
    pub(super) const fn is_numeric(&self) -> bool {
        self.numeric
    }
}

/// The verdict in a word or two.
pub(super) fn word(finding: &Finding) -> String {
    match &finding.outcome {
        Outcome::Ran(ran) => ran.verdict.judgement.id().replace('_', " "),
        other => other.id().to_owned(),
    }
}

fn ran(finding: &Finding, cell: impl FnOnce(&Ran) -> Cell) -> Cell {
    finding.ran().map_or_else(|| Cell::text(""), cell)
}

fn metric(id: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.id == id)
}

fn measured(finding: &Finding, id: &str) -> Cell {
    ran(finding, |ran| {
        metric(id).map_or_else(
            || Cell::text(""),
            |metric| Cell::value(&metric.measured(finding, ran), metric.unit),
        )
    })
}

/// Theory and measurement: `2 / 2.00`.
fn compared(finding: &Finding, id: &str) -> Cell {
    let Some(metric) = metric(id) else { return Cell::text("") };
    let theory = (metric.theory)(finding.scenario);
    let theory = theory.number().map_or_else(String::new, |number| format!("{number} / "));
    match finding.ran() {
        Some(ran) => Cell::value(&metric.measured(finding, ran), metric.unit).after(&theory),
        None => Cell::text(""),
    }
}

fn range(finding: &Finding, id: &str) -> Cell {
    ran(finding, |ran| {
        let metric = metric(id);
        let range = metric.and_then(|metric| Some((metric.spread(finding, ran)?, metric.unit)));
        Cell::text(range.map_or_else(String::new, |(spread, unit)| range_of(spread, unit)))
    })
}

fn sum(finding: &Finding, counters: &[CounterId]) -> Cell {
    ran(finding, |ran| {
        let mut total = Value::Integer(0, Quality::MEASURED);
        for counter in counters {
            total = match (total, ran.measurement.counter(*counter)) {
                (Value::Integer(a, qa), Value::Integer(b, qb)) => {
                    let provenance = qa.provenance.max(qb.provenance);
                    Value::Integer(a + b, Quality { provenance, ..qa })
                }
                _ => return Cell::text(human::UNAVAILABLE),
            };
        }
        Cell::value(&total, Unit::Count)
    })
}
