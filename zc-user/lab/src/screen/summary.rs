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
    },
};
use zc_render::{
    sanitize::{truncate, width},
    theme::Theme,
};
use zc_tui::view::canvas::Canvas;

/// Figures of a line: metric, heading, width.
const COLUMNS: &[(&Metric, &str, usize)] =
    &[(Findings::CPU_COPIES, "copies", 7), (Findings::MODE_SWITCHES_PER_TRANSFER, "switches", 9)];
/// Figures that differ from run to run.
const TIMED: &[(&Metric, &str, usize)] = &[
    (Findings::THROUGHPUT_BYTES_PER_SEC, "throughput", 12),
    (Findings::RELATIVE_THROUGHPUT, "vs r+w", 7),
];

/// The table.
#[must_use]
pub fn canvas(tour: &Tour, theme: Theme, width: u16) -> Canvas {
    let mut canvas = Canvas::new(width);
    let findings: Vec<&Finding> = tour.findings().collect();
    canvas.paragraph(&Tally::of(tour).to_string(), 0, theme.strong());
    let score = tour.score();
    if score.guessed > 0 {
        canvas.paragraph(&score.to_string(), 0, theme.notice());
    }
    canvas.paragraph(tour.words().summary_table, 0, theme.dim());
    if tour.waits_for_key() {
        canvas.paragraph(tour.words().leave, 0, theme.notice());
    }
    canvas.gap();
    rows(&mut canvas, &findings, theme);
    hazards(&mut canvas, tour, theme);
    canvas
}

/// A line for each finding.
pub fn rows(canvas: &mut Canvas, findings: &[&Finding], theme: Theme) {
    let width = usize::from(canvas.width());
    let fixed: usize = COLUMNS.iter().map(|(.., width)| 2 * width).sum::<usize>() + 1;
    let timed: usize = TIMED.iter().map(|(.., width)| width).sum();
    let room = (width.saturating_sub(fixed + 17)).clamp(16, 34);
    let timed = width >= room + fixed + 17 + timed;
    let mut head = format!("{:room$}", "");
    for (_, title, width) in COLUMNS {
        head += &format!("{title:>width$}{:>width$}", "");
    }
    head += &format!(" {:<16}", "");
    if timed {
        for (_, title, width) in TIMED {
            head += &format!("{title:>width$}");
        }
    }
    canvas.line(Span::styled(head.trim_end().to_owned(), theme.head()));
    for finding in findings {
        let title = label(finding);
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
        spans.push(Span::styled(word(finding), style));
        if timed {
            spans.push(Span::raw(" ".repeat(15_usize.saturating_sub(word(finding).len()))));
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
    for sighting in tour.results().filter_map(|exhibit| exhibit.sighting.as_ref()) {
        let style = match &sighting.outcome {
            hazard::Outcome::Seen(seen) if seen.is_as_expected() => theme.reference(),
            hazard::Outcome::Skipped(_) => theme.notice(),
            hazard::Outcome::Seen(_) | hazard::Outcome::Failed(_) => theme.alarm(),
        };
        let title = truncate(sighting.hazard.title, 63, theme.symbols.ellipsis);
        canvas.line(Line::from(vec![
            Span::raw(pad(&title, 65)),
            Span::styled(hazard_word(sighting), style),
        ]));
    }
}

/// A line for each finding that has times.
pub fn times(canvas: &mut Canvas, findings: &[&Finding], theme: Theme) {
    let ran: Vec<_> = findings.iter().filter(|finding| finding.ran().is_some()).collect();
    if ran.is_empty() {
        return;
    }
    let head: String = TIMED.iter().map(|(_, title, width)| format!("{title:>width$}")).collect();
    canvas.line(Span::styled(format!("{:34}{head}", "Times differ from run to run"), theme.head()));
    for finding in ran {
        let name = label(finding);
        let mut line = pad(&truncate(&name, 33, theme.symbols.ellipsis), 34);
        for (metric, _, width) in TIMED {
            line += &format!("{:>width$}", cells(metric, finding).1);
        }
        canvas.line(line);
    }
    canvas.gap();
}

/// `text`, and blanks up to so many cells.
fn pad(text: &str, cells: usize) -> String {
    format!("{text}{}", " ".repeat(cells.saturating_sub(width(text))))
}

fn label(finding: &Finding) -> String {
    format!("{}, {}", finding.scenario.title, finding.setting.sink.id())
}

/// Theory and measurement of a figure.
fn cells(metric: &Metric, finding: &Finding) -> (String, String) {
    let theory = figure(&(metric.extra.theory)(finding.scenario), metric.unit);
    (theory, figure(&metric.of(finding, &()), metric.unit))
}
