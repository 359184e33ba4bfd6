//! Two scenarios side by side.

use std::io::{self, Write};

use crate::{
    comparison::{Comparison, Difference},
    finding::{Finding, Spread},
    metric::{Findings, Metric, in_words, per_sec},
    sampled::{Interval, Spent},
    scenario::Setting,
};
use zc_model::{user_copies::Share, value::Value};
use zc_render::{
    human,
    paragraph::{self, Indent},
    sanitize::sanitize,
    table::grid::{Cell, Grid},
};

use super::{csv, json, markdown, spread::range_of, text::Look};

const GIB: u64 = 1 << 30;

/// Writes both side by side, and the difference in words.
///
/// # Errors
/// When `out` fails.
pub fn write(comparison: &Comparison, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let [a, b] = &comparison.findings;
    let Setting { sink, size, chunk, .. } = a.setting;
    let titles = format!("{} and {}", a.scenario.title, b.scenario.title);
    writeln!(out, "{titles}, alternating, to {}", sink.title())?;
    writeln!(out, "{}, {} per transfer", human::bytes(size), human::bytes(chunk))?;
    let columns = usize::from(look.columns).min(100);
    let Some([first, second]) = comparison.ran() else {
        let why = b.outcome.why().or(a.outcome.why()).unwrap_or("");
        let words = format!("{}: {why}", b.outcome.id());
        return paragraph::write(&words, Indent { first: "", rest: "  " }, columns, out);
    };
    writeln!(out)?;
    let mut grid =
        Grid::new([("", false), (a.scenario.id, true), (b.scenario.id, true), ("RATIO", true)]);
    for metric in Findings::shown() {
        let (of_a, of_b) = (metric.of(a, &()), metric.of(b, &()));
        if of_a == Value::Absent && of_b == Value::Absent {
            continue;
        }
        let (mut times, mark) = ratio(&of_a, &of_b);
        if let Some(median) = in_rounds(metric, comparison) {
            times = human::ratio(median);
        }
        grid.push(vec![
            Cell::text(metric.title),
            cell(metric, a, &of_a),
            cell(metric, b, &of_b),
            Cell::marked(times, mark),
        ]);
    }
    grid.write(out)?;
    writeln!(out)?;
    for sentence in sentences(comparison) {
        paragraph::write(&sentence, Indent::ITEM, columns, out)?;
    }
    for (finding, ran) in [(a, first), (b, second)] {
        let words = format!("{}: {}", finding.scenario.id, ran.verdict.judgement.sentence());
        paragraph::write(&words, Indent::ITEM, columns, out)?;
    }
    let mut notes: Vec<&String> = first.verdict.notes.iter().chain(&second.verdict.notes).collect();
    notes.dedup();
    for (at, note) in notes.iter().enumerate() {
        if !notes[..at].contains(note) {
            paragraph::write(note, Indent::ITEM, columns, out)?;
        }
    }
    Ok(())
}

fn cell(metric: &Metric, finding: &Finding, value: &Value<'_>) -> Cell {
    match metric.extra.margin {
        Some(_) => Cell::text(in_words(metric, finding)),
        None => Cell::value(value, metric.unit),
    }
}

/// Writes both findings and their ratios as one document.
///
/// # Errors
/// When `out` fails.
pub fn write_json(comparison: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    json::write_comparison(comparison, out)
}

/// Writes a line for each.
///
/// # Errors
/// When `out` fails.
pub fn write_csv(comparison: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    csv::write(&comparison.findings, out)
}

/// Writes a table with both, and the difference in words.
///
/// # Errors
/// When `out` fails.
pub fn write_markdown(comparison: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    markdown::write(&comparison.findings, out)?;
    writeln!(out)?;
    for sentence in sentences(comparison) {
        writeln!(out, "- {}", sanitize(&sentence))?;
    }
    Ok(())
}

/// The second as a multiple of the first, and the mark of the less trustworthy of both.
fn ratio(a: &Value<'_>, b: &Value<'_>) -> (String, &'static str) {
    match (a.number(), b.number()) {
        (Some(from), Some(to)) if from > 0.0 => {
            let worst = a
                .quality()
                .zip(b.quality())
                .map(|(a, b)| if a.provenance > b.provenance { a } else { b });
            (human::ratio(to / from), worst.map_or("", human::mark))
        }
        _ => (String::new(), ""),
    }
}

/// The middle of the ratios of the rounds, which differ less than the rounds do.
fn in_rounds(metric: &Metric, comparison: &Comparison) -> Option<f64> {
    if *metric == *Findings::WALL_NS {
        comparison.throughput.map(|spread| 1.0 / spread.median)
    } else if *metric == *Findings::THROUGHPUT_BYTES_PER_SEC {
        comparison.throughput.map(|spread| spread.median)
    } else if *metric == *Findings::CPU_NS {
        comparison.cpu.map(|spread| spread.median)
    } else {
        None
    }
}

/// How the second compares with the first.
fn sentences(comparison: &Comparison) -> Vec<String> {
    let Some(runs) = comparison.ran() else { return Vec::new() };
    let [a, b] = [&comparison.findings[0], &comparison.findings[1]];
    let mut words = Vec::new();
    let per_byte = |what: &str, metric: &Metric| {
        let Difference { first, second } = comparison.difference(metric)?;
        let marks = [a, b].map(|finding| mark(metric, finding));
        Some(format!(
            "{} {what} instead of {}",
            human::ratio(second) + marks[1],
            human::ratio(first) + marks[0]
        ))
    };
    let in_user_space = in_user_space(comparison);
    // That sentence names the copies of the kernel, too.
    if !in_user_space.iter().any(|words| words.starts_with(UNSEEN))
        && let Some(figures) = per_byte("times", Findings::CPU_COPIES)
    {
        let what = if in_user_space.is_empty() { "CPU" } else { "kernel" };
        words.push(format!("{}: the {what} copies each byte {figures}.", b.scenario.id));
    }
    if let Some(figures) =
        per_byte("mode switches per transfer", Findings::MODE_SWITCHES_PER_TRANSFER)
    {
        words.push(format!("{}: {figures}.", b.scenario.id));
    }
    words.extend(in_user_space);
    if let Some(cpu) = comparison.cpu {
        let [before, after] = runs.map(|ran| ran.cpu_ns.median);
        words.push(format!(
            "{} needs {} the CPU time of {}: {} per GiB instead of {}.",
            b.scenario.id,
            times(cpu),
            a.scenario.id,
            per_gib(b, after),
            per_gib(a, before),
        ));
    }
    if let Some(throughput) = comparison.throughput {
        words.push(if throughput.min <= 1.0 && throughput.max >= 1.0 {
            format!("Neither is clearly faster: {} the throughput.", times(throughput))
        } else {
            format!(
                "{} has {} the throughput of {}.",
                b.scenario.id,
                times(throughput),
                a.scenario.id
            )
        });
    }
    words
}

/// How copies in user space compare, and whether counters of the kernel show the difference.
fn in_user_space(comparison: &Comparison) -> Vec<String> {
    let [a, b] = [&comparison.findings[0], &comparison.findings[1]];
    let differ = |share| {
        let [a, b] = [a, b].map(|finding| Interval::of(Spent::User(share), finding));
        a.zip(b).map(|(a, b)| a.is_apart(b))
    };
    let (Some(copies), Some(no_file)) = (differ(Share::All), differ(Share::NoFile)) else {
        return Vec::new();
    };
    let (id, other) = (b.scenario.id, a.scenario.id);
    let [time, before] = [b, a].map(|finding| in_words(Findings::USER_COPY_NS, finding));
    let [share, instead] = [b, a].map(|finding| in_words(Findings::USER_COPY_SHARE, finding));
    let mut words = vec![format!(
        "{id}: copies in user space take an estimated {share} of the CPU time instead of {instead}: {time} per round \
         instead of {before}."
    )];
    if no_file {
        let [share, instead] = [b, a].map(|finding| in_words(Findings::NO_FILE_SHARE, finding));
        words.push(format!(
            "{id}: code with no file takes an estimated {share} of the CPU time instead of {instead}. zc does not \
             look into such code, so this is no count of copies; but the routines with which a Java machine copies \
             are there."
        ));
    }
    if !copies && !no_file {
        words.push("The samples do not tell these two apart: use a greater --repeat.".to_owned());
    } else if let Some(Difference { first, second }) = comparison.difference(Findings::CPU_COPIES)
        && (first - second).abs() <= ALIKE * first.max(second)
    {
        words.push(format!(
            "{UNSEEN}: the kernel copies each byte {} times in {id}, and {} times in \
             {other}.",
            human::ratio(second) + mark(Findings::CPU_COPIES, b),
            human::ratio(first) + mark(Findings::CPU_COPIES, a),
        ));
    }
    words
}

/// How the sentence begins that says where the difference is not.
const UNSEEN: &str = "No counter of the kernel shows this";

/// Copies of the kernel per byte that differ by no more than this are alike: servers get requests, and their runtimes
/// read a little for themselves.
const ALIKE: f64 = 0.01;

fn mark(metric: &Metric, finding: &Finding) -> &'static str {
    metric.of(finding, &()).quality().map_or("", human::mark)
}

/// `0.21x (0.19 to 0.25)`.
fn times(spread: Spread) -> String {
    let median = human::ratio(spread.median);
    if spread.min < spread.max {
        format!("{median}x ({})", range_of(spread, zc_model::column::Unit::Ratio))
    } else {
        format!("{median}x")
    }
}

/// Time for a GiB at this rate.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn per_gib(finding: &Finding, ns: f64) -> String {
    let rate = per_sec(finding.setting.size, ns);
    if rate > 0.0 {
        human::duration((GIB as f64 * 1e9 / rate) as u64)
    } else {
        human::UNAVAILABLE.to_owned()
    }
}
