//! The table at the end: every workload in one line.

use ratatui::text::{Line, Span};

use super::scene::judgement_look;
use crate::{
    finding::{Finding, Outcome},
    hazard,
    metric::{Findings, Metric, figure},
    tour::{
        summary::{Tally, hazard_word, word},
        walk::Tour,
        words::Words,
    },
};
use zc_render::{
    sanitize::{self, pad, pad_start, truncate},
    theme::Theme,
};
use zc_tui::view::canvas::Canvas;

/// Figures of a line: metric, heading, width.
const COLUMNS: &[(&Metric, Heading, usize)] = &[
    (Findings::CPU_COPIES, |words| words.column_copies, 7),
    (Findings::MODE_SWITCHES_PER_TRANSFER, |words| words.column_switches, 9),
];
/// Figures that differ from run to run.
const TIMED: &[(&Metric, Heading, usize)] = &[
    (Findings::THROUGHPUT_BYTES_PER_SEC, |words| words.column_throughput, 12),
    (Findings::RELATIVE_THROUGHPUT, |words| words.column_relative, 7),
];

/// A heading in some language.
type Heading = fn(&Words) -> &'static str;

/// The table.
#[must_use]
pub fn canvas(tour: &Tour, theme: Theme, width: u16) -> Canvas {
    let mut canvas = Canvas::new(width);
    let words = tour.words();
    let findings: Vec<&Finding> = tour.findings().collect();
    canvas.paragraph(&Tally::of(tour).sentence(words), 0, theme.strong());
    let score = tour.score();
    if score.guessed > 0 {
        canvas.paragraph(&score.sentence(words), 0, theme.notice());
    }
    canvas.paragraph(words.summary_table, 0, theme.dim());
    if tour.waits_for_key() {
        canvas.paragraph(words.leave, 0, theme.notice());
    }
    canvas.gap();
    rows(&mut canvas, words, &findings, theme);
    hazards(&mut canvas, tour, theme);
    canvas
}

/// A line for each finding.
pub fn rows(canvas: &mut Canvas, words: &Words, findings: &[&Finding], theme: Theme) {
    let width = usize::from(canvas.width());
    let fixed: usize = COLUMNS.iter().map(|(.., width)| 2 * width).sum::<usize>() + 1;
    let timed: usize = TIMED.iter().map(|(.., width)| width).sum();
    let room = (width.saturating_sub(fixed + 17)).clamp(16, 34);
    let timed = width >= room + fixed + 17 + timed;
    let mut head = format!("{:room$}", "");
    for (_, title, width) in COLUMNS {
        head += &pad_start(title(words), *width);
        head += &pad("", *width);
    }
    head += &format!(" {:<16}", "");
    if timed {
        for (_, title, width) in TIMED {
            head += &pad_start(title(words), *width);
        }
    }
    canvas.line(Span::styled(head.trim_end().to_owned(), theme.head()));
    for finding in findings {
        let title = label(finding, words);
        let title = truncate(&title, room - 1, theme.symbols.ellipsis);
        let mut spans = vec![Span::raw(pad(&title, room))];
        for (metric, _, width) in COLUMNS {
            let (theory, measured) = cells(metric, finding);
            spans.push(Span::raw(format!("{theory:>width$}")));
            spans.push(Span::styled(format!("{measured:>width$}"), theme.strong()));
        }
        let style = match &finding.outcome {
            Outcome::Ran(ran) => judgement_look(&ran.verdict.judgement, theme),
            Outcome::Skipped(_) => theme.notice(),
            Outcome::Failed(_) => theme.alarm(),
        };
        spans.push(Span::raw("  "));
        let word = word(finding, words);
        spans.push(Span::styled(word, style));
        if timed {
            spans.push(Span::raw(" ".repeat(15_usize.saturating_sub(sanitize::width(word)))));
            for (metric, _, width) in TIMED {
                let (_, measured) = cells(metric, finding);
                spans.push(Span::raw(format!("{measured:>width$}")));
            }
        }
        canvas.line(Line::from(spans));
    }
}

/// A line for each hazard.
pub fn hazards(canvas: &mut Canvas, tour: &Tour, theme: Theme) {
    let words = tour.words();
    for sighting in tour.results().filter_map(|exhibit| exhibit.sighting.as_ref()) {
        let style = match &sighting.outcome {
            hazard::Outcome::Seen(seen) if seen.is_as_expected() => theme.reference(),
            hazard::Outcome::Skipped(_) => theme.notice(),
            hazard::Outcome::Seen(_) | hazard::Outcome::Failed(_) => theme.alarm(),
        };
        let title = words.say(sighting.hazard.title);
        let title = truncate(&title, 63, theme.symbols.ellipsis);
        canvas.line(Line::from(vec![
            Span::raw(pad(&title, 65)),
            Span::styled(hazard_word(sighting, words), style),
        ]));
    }
}

/// A line for each finding that has times.
pub fn times(canvas: &mut Canvas, words: &Words, findings: &[&Finding], theme: Theme) {
    let ran: Vec<_> = findings.iter().filter(|finding| finding.ran().is_some()).collect();
    if ran.is_empty() {
        return;
    }
    let head: String =
        TIMED.iter().map(|(_, title, width)| pad_start(title(words), *width)).collect();
    canvas.line(Span::styled(format!("{}{head}", pad(words.times, 34)), theme.head()));
    for finding in ran {
        let name = label(finding, words);
        let mut line = pad(&truncate(&name, 33, theme.symbols.ellipsis), 34);
        for (metric, _, width) in TIMED {
            line += &format!("{:>width$}", cells(metric, finding).1);
        }
        canvas.line(line);
    }
    canvas.gap();
}

fn label(finding: &Finding, words: &Words) -> String {
    format!("{}{}{}", words.say(finding.scenario.title), words.comma, finding.setting.sink.id())
}

/// Theory and measurement of a figure.
fn cells(metric: &Metric, finding: &Finding) -> (String, String) {
    let theory = figure(&(metric.extra.theory)(finding.scenario), metric.unit);
    (theory, figure(&metric.of(finding, &()), metric.unit))
}
