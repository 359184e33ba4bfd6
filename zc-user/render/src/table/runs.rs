//! `zc stat --repeat`: means over runs, with their spread.

use std::io;

use super::{
    grid::{Cell, Grid},
    notes::write_wrapped,
    once::write_machine,
};
use crate::{
    diff::{name_of, number},
    human,
    sanitize::sanitize,
};
use zc_model::{
    diff::{Basis, Mean, Quantity, Section, Series},
    frame::Frame,
    value::Quality,
};

/// Writes the means of the runs in `series`, of which `last` was one. `subject` may contain anything; what is in
/// `notes` is said below.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_runs(
    last: &Frame,
    subject: &str,
    series: &Series,
    notes: &[String],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let runs = if series.count == 1 { "run" } else { "runs" };
    writeln!(out, "{}: {} {runs}", sanitize(subject), human::count(series.count))?;
    write_machine(last, out)?;
    let means = Mean::all(series);
    let sections = [
        (Section::Head, "PER RUN"),
        (Section::Paths, "PATH"),
        (Section::Counters, "COUNTER"),
        (Section::Devices, "DEVICE"),
    ];
    for (section, title) in sections {
        let mut rows = means.iter().filter(|mean| mean.section == section).peekable();
        if rows.peek().is_none() {
            continue;
        }
        writeln!(out)?;
        let mut grid = Grid::new([
            (title, false),
            ("MEAN", true),
            ("±", true),
            ("±%", true),
            ("LEAST", true),
            ("MOST", true),
        ]);
        rows.for_each(|mean| grid.push(row(mean)));
        grid.write(out)?;
    }
    let mut lines: Vec<_> = Vec::new();
    for mean in &means {
        if let Err(why) = &mean.estimate {
            lines.push(format!("{} is not known: {why}", name_of(&mean.quantity, mean.basis)));
        }
    }
    lines.push(if series.count == 1 {
        "±: one run shows no spread.".to_owned()
    } else {
        "±: the mean of more runs of the same is within this, with 95 % confidence (Student's t)."
            .to_owned()
    });
    lines.extend(series.losses.occurred().map(|(loss, count)| {
        format!("lost: {} {}: {}", human::count(count), loss.id(), loss.help())
    }));
    writeln!(out, "\nNotes")?;
    lines.iter().chain(notes).try_for_each(|line| write_wrapped(line, out))
}

fn row(mean: &Mean) -> Vec<Cell> {
    let Mean { quantity, basis, section: _, estimate, ends } = mean;
    let name = match (quantity, basis) {
        (Quantity::Copied, Basis::Byte) => "copied per payload byte".to_owned(),
        _ => name_of(quantity, *basis),
    };
    let shown = |value| Cell::text(number(quantity, *basis, value));
    let nothing = || Cell::text("");
    let Ok(estimate) = estimate else {
        let unknown = Cell::text(human::UNAVAILABLE);
        return vec![Cell::text(name), unknown, nothing(), nothing(), nothing(), nothing()];
    };
    let quality = Quality { provenance: estimate.provenance, lower_bound: estimate.more > 0.0 };
    let mean = Cell::marked(number(quantity, *basis, estimate.value), human::mark(quality));
    let (margin, part) = match estimate.margin() {
        Some(margin) if estimate.value > 0.0 => {
            (shown(margin), Cell::text(human::percent(margin / estimate.value)))
        }
        Some(margin) => (shown(margin), nothing()),
        None => (nothing(), nothing()),
    };
    vec![Cell::text(name), mean, margin, part, shown(ends.0), shown(ends.1)]
}
