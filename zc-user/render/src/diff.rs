//! What differs between two runs or recordings, for people and for programs.

mod json;
mod markdown;
mod text;

use zc_model::{
    column::Unit,
    diff::{Basis, Comparison, Estimate, Figure, Kind, Quantity, Section, Series, Verdict},
    value::Quality,
};

pub use self::{json::write_json, markdown::write_markdown, text::write_text};
use crate::{human, sanitize::sanitize};

/// One side of a report.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// What the user calls it: hostile, sanitise before display.
    pub name: &'a str,
    /// What was recorded there, where that is known: hostile, too.
    pub subject: Option<&'a str>,
    /// What was found.
    pub series: &'a Series,
}

/// A condition that was checked, in words.
#[derive(Clone, Debug)]
pub struct Checked {
    /// As it was written.
    pub text: String,
    /// `yes`, `maybe`, `no` or `unknown`.
    pub met: &'static str,
    /// What it found.
    pub line: String,
}

/// A report.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The first side.
    pub a: Side<'a>,
    /// The second side.
    pub b: Side<'a>,
    /// How they differ.
    pub comparison: &'a Comparison,
    /// What was to be checked.
    pub checked: &'a [Checked],
}

/// What a figure is called in a table. Safe for a terminal.
#[must_use]
pub fn name(figure: &Figure) -> String {
    name_of(&figure.quantity, figure.basis)
}

/// What a quantity is called in a table. Safe for a terminal.
#[must_use]
pub fn name_of(quantity: &Quantity, basis: Basis) -> String {
    let per_mib = basis == Basis::Byte && quantity.unit() != Unit::Bytes;
    let name = match quantity {
        Quantity::Copied => "copied".to_owned(),
        Quantity::ByReference => "by reference".to_owned(),
        Quantity::CpuTime => "CPU time".to_owned(),
        Quantity::CopyTax => "copy tax".to_owned(),
        Quantity::UserCopyShare => "copies of the program".to_owned(),
        Quantity::DmaRead => "DMA read".to_owned(),
        Quantity::DmaWritten => "DMA written".to_owned(),
        Quantity::Elapsed => "elapsed".to_owned(),
        Quantity::PathMoved(path) => format!("{} moved", path.id()),
        Quantity::PathCopied(path) => format!("{} copied", path.id()),
        Quantity::PathOps(path) => format!("{} calls", path.id()),
        Quantity::DeviceRead(kind, name) => format!("{} {} read", kind.id(), sanitize(name)),
        Quantity::DeviceWritten(kind, name) => format!("{} {} written", kind.id(), sanitize(name)),
        other => other.id().replace('_', " "),
    };
    if per_mib { name + " /MiB" } else { name }
}

/// The value of an estimate in the unit of its figure, with its mark.
#[must_use]
pub fn value(figure: &Figure, estimate: Option<&Estimate>) -> String {
    let Some(estimate) = estimate else { return human::UNAVAILABLE.to_owned() };
    let quality = Quality { provenance: estimate.provenance, lower_bound: estimate.more > 0.0 };
    number(&figure.quantity, figure.basis, estimate.value) + human::mark(quality)
}

/// A number in the unit of a quantity.
#[must_use]
pub fn number(quantity: &Quantity, basis: Basis, value: f64) -> String {
    let number = match basis {
        Basis::Byte if quantity.unit() != Unit::Bytes => value * MIB,
        _ => value,
    };
    match (quantity.unit(), basis) {
        (Unit::Bytes, Basis::Byte) | (Unit::Count, Basis::Byte) => ratio(number),
        (Unit::Bytes, Basis::Second) => human::bytes_per_sec(number),
        (Unit::Bytes, _) => human::bytes(whole(number)),
        (Unit::Nanoseconds, Basis::Second) => format!("{} of a CPU", human::percent(number / 1e9)),
        (Unit::Nanoseconds, _) => human::duration(whole(number)),
        (Unit::Fraction, _) => human::percent(number),
        (_, Basis::Second) => human::per_sec(number),
        _ if number < 100.0 && number.fract() > 0.0 => format!("{number:.1}"),
        _ => human::count(whole(number)),
    }
}

const MIB: f64 = 1_048_576.0;

/// Three digits, also of what is small.
fn ratio(value: f64) -> String {
    match value {
        0.0 => "0.00".to_owned(),
        ..0.00005 => format!("{value:.1e}"),
        ..0.0995 => format!("{value:.4}"),
        _ => human::ratio(value),
    }
}

/// The nearest integer.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// The change of a figure: `-48.0% ±0.3`, `new`.
#[must_use]
pub fn change(figure: &Figure) -> String {
    let (Some(a), Some(b)) = (figure.a, figure.b) else { return String::new() };
    let Some(relative) = figure.relative else {
        return if b.value > 0.0 { "new".to_owned() } else { String::new() };
    };
    if a.value > 0.0 && b.value <= 0.0 {
        return "-100% (gone)".to_owned();
    }
    // In percent, it would be a number that has to be counted.
    if relative >= 10.0 {
        return format!("x{}", human::count(whole(relative + 1.0)));
    }
    format!("{}{}", percent(relative), margin(figure))
}

/// `-48.0%`.
fn percent(relative: f64) -> String {
    let percent = relative * 100.0;
    match percent.abs() {
        ..0.05 => "0.0%".to_owned(),
        ..99.95 => format!("{percent:+.1}%"),
        _ => format!("{percent:+.0}%"),
    }
}

/// ` ±0.3`.
fn margin(figure: &Figure) -> String {
    figure.margin().map_or_else(String::new, |margin| match margin * 100.0 {
        margin @ ..9.95 => format!(" ±{margin:.1}"),
        1000.0.. => " ±>999".to_owned(),
        margin => format!(" ±{margin:.0}"),
    })
}

/// A verdict in a word or two.
#[must_use]
pub const fn verdict(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Changed => "changed",
        Verdict::Unchanged => "not changed",
        Verdict::Negligible => "negligible",
        Verdict::Untold(_) => "not known",
    }
}

/// What a side is made of: `5 runs`.
fn made_of(series: &Series) -> String {
    let Series { kind, count, .. } = series;
    let noun = match (kind, count) {
        (Kind::Runs, 1) => "run",
        (Kind::Runs, _) => "runs",
        (Kind::Intervals, 1) => "interval",
        (Kind::Intervals, _) => "intervals",
    };
    format!("{} {noun}", human::count(*count))
}

/// The machines of a side. Safe for a terminal.
fn machines(series: &Series) -> String {
    let machine = |[kernel, arch, host]: &[String; 3]| {
        format!("{}, Linux {}, {}", sanitize(host), sanitize(kernel), sanitize(arch))
    };
    series.hosts.iter().map(machine).collect::<Vec<_>>().join("; ")
}

/// Whether each side is one observation, so that there is no spread.
fn is_of_facts(report: &Report<'_>) -> bool {
    report.a.series.count == 1 || report.b.series.count == 1
}

/// The changes that matter most, in a sentence.
fn headline(report: &Report<'_>) -> String {
    let Report { comparison, .. } = report;
    let least = comparison.options.least;
    let facts = is_of_facts(report);
    let is_named = |figure: &&Figure| {
        figure.verdict == Verdict::Changed
            || facts
                && figure.verdict != Verdict::Negligible
                && figure.differs(least)
                && !is_uncertain(figure)
    };
    let changes: Vec<_> = comparison
        .section(Section::Head)
        .filter(is_named)
        .map(|figure| match (figure.basis, figure.quantity.unit()) {
            (Basis::Byte, Unit::Bytes) => format!(
                "{} {} (from {} to {} per payload byte)",
                name(figure),
                change(figure),
                value(figure, figure.a.as_ref()),
                value(figure, figure.b.as_ref()),
            ),
            _ => format!("{} {}", name(figure).trim_end_matches(" /MiB"), change(figure)),
        })
        .collect();
    match (changes.is_empty(), facts) {
        (false, false) => format!("Changed: {}.", changes.join(", ")),
        (false, true) => format!("Different, in the runs compared: {}.", changes.join(", ")),
        (true, false) if comparison.has_changes() => {
            "None of the main figures changed; others did.".to_owned()
        }
        (true, false) => unchanged(comparison),
        (true, true) => "The runs compared do not differ in any of the main figures.".to_owned(),
    }
}

/// That there is no change, as far as that can be said: what is not known is not unchanged.
fn unchanged(comparison: &Comparison) -> String {
    let head = || comparison.section(Section::Head);
    let untold = head().filter(|figure| matches!(figure.verdict, Verdict::Untold(_)));
    let names: Vec<_> =
        untold.map(|figure| name(figure).trim_end_matches(" /MiB").to_owned()).collect();
    let is_known = head().any(|figure| figure.verdict == Verdict::Unchanged);
    match (names.is_empty(), is_known) {
        (true, _) => "No change was found.".to_owned(),
        (false, true) => {
            format!("No change was found; whether there is one is not known of: {}.", names.join(", "))
        }
        (false, false) => {
            "Whether anything changed is not known: see the notes. More runs, or longer recordings, can tell."
                .to_owned()
        }
    }
}

/// Whether a figure is too uncertain to be named as a fact: an estimate, or what depends on the moment.
fn is_uncertain(figure: &Figure) -> bool {
    use zc_model::diff::Class;
    figure.quantity.class() != Class::Work || figure.basis == Basis::Second || !comparable(figure)
}

fn comparable(figure: &Figure) -> bool {
    match (&figure.a, &figure.b) {
        (Some(a), Some(b)) => {
            let modelled = |it: &Estimate| human::mark(Quality::of(it.provenance)) == "~";
            modelled(a) == modelled(b)
        }
        _ => false,
    }
}

/// The figures of a section that are worth a row.
fn rows(comparison: &Comparison, section: Section) -> Vec<&Figure> {
    let is_shown = |figure: &&Figure| match section {
        Section::Head | Section::Rates => true,
        _ => match figure.verdict {
            Verdict::Changed => true,
            Verdict::Unchanged | Verdict::Negligible => false,
            Verdict::Untold(_) => {
                figure.a.is_none() != figure.b.is_none() || figure.differs(comparison.options.least)
            }
        },
    };
    comparison.section(section).filter(is_shown).collect()
}

/// The reasons why something is not known, each with what it is about.
fn reasons(comparison: &Comparison) -> Vec<(String, Vec<String>)> {
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    for section in SECTIONS {
        for figure in rows(comparison, section.0) {
            let Verdict::Untold(why) = &figure.verdict else { continue };
            // The margin is in the table.
            if why.starts_with("with this spread") {
                continue;
            }
            let name = name(figure) + if figure.basis == Basis::Second { " /s" } else { "" };
            match reasons.iter_mut().find(|(known, _)| known == why) {
                Some((_, names)) => names.push(name),
                None => reasons.push((why.clone(), vec![name])),
            }
        }
    }
    reasons
}

/// The sections, and what they are called.
const SECTIONS: [(Section, &str); 5] = [
    (Section::Head, "FIGURE"),
    (Section::Rates, "PER SECOND"),
    (Section::Paths, "PATH"),
    (Section::Counters, "COUNTER"),
    (Section::Devices, "DEVICE"),
];

/// What the figures are per.
const fn per(basis: Basis) -> &'static str {
    match basis {
        Basis::Byte => "per payload byte; counts and times per MiB of payload",
        Basis::Second => "per second",
        Basis::Run | Basis::Share => "per run",
    }
}

/// What a reader must know to take the figures for what they are.
fn notes(report: &Report<'_>) -> Vec<String> {
    let Report { a, b, comparison, .. } = report;
    let mut notes = Vec::new();
    if a.series.hosts != b.series.hosts {
        notes.push(
            "The sides are of different machines or kernels: a change may be one of these."
                .to_owned(),
        );
    }
    for (name, side) in [("A", a), ("B", b)] {
        if side.series.failed > 0 {
            notes.push(format!(
                "{name}: {} of {} ended with a status other than 0.",
                human::count(side.series.failed),
                made_of(side.series)
            ));
        }
        let lost: Vec<_> = side.series.losses.occurred().collect();
        if !lost.is_empty() {
            let lost: Vec<_> =
                lost.iter().map(|(loss, count)| format!("{} {count}", loss.id())).collect();
            notes.push(format!(
                "{name}: not everything was counted ({}). Figures may be larger.",
                lost.join(", ")
            ));
        }
    }
    if is_of_facts(report) {
        notes.push(
            "One run or interval on a side: these are facts of what was measured; how far runs lie apart is not known. \
             Compare several runs (zc stat -r 5 --json) or recordings."
                .to_owned(),
        );
    }
    if !rows(comparison, Section::Devices).is_empty() {
        notes.push(
            "DMA and devices are those of the whole machine, for whichever process.".to_owned(),
        );
    }
    let modelled = comparison.figures.iter().any(|figure| {
        let is = |it: &Option<Estimate>| {
            it.is_some_and(|it| human::mark(Quality::of(it.provenance)) == "~")
        };
        is(&figure.a) || is(&figure.b)
    });
    if modelled {
        notes.push(
            "~ modelled: this kernel does not let zc trace the functions that copy.".to_owned(),
        );
    }
    notes
}

#[cfg(test)]
mod tests;
