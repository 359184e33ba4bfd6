//! A scene as a page: what is said, what runs, and its result, theory next to measurement.
//!
//! The parts are put together differently on the screen and in the text that `--text` prints, where
//! all that depends on time comes last.

use std::borrow::Cow;

use ratatui::{
    layout::Size,
    style::Style,
    text::{Line, Span},
};

use super::{
    pictures::{SIDE_BY_SIDE, diagram, pictures},
    practice, question,
    versus::{self, Extent},
};
use crate::{
    finding::{Finding, Outcome, Ran},
    hazard::{self, Fact, Sighting},
    language::fill,
    metric::{Findings, Metric, figure, in_words},
    tour::{
        script::Scene,
        sentence,
        walk::{Conditions, Exhibit, Phase, Tour},
        words::Words,
    },
    verdict::Judgement,
};
use zc_model::{column::Unit, value::Value};
use zc_render::{
    human,
    sanitize::{pad, pad_start, sanitize},
    theme::Theme,
};
use zc_tui::{
    view::canvas::Canvas,
    widget::flow::{self, Pair},
};

/// Width of the names of figures.
const NAME: usize = 20;
/// Width of a figure in the table.
const FIGURE: usize = 12;

/// Lines from which on parts are set apart.
const ROOMY: u16 = 30;

/// The page of the scene that is looked at. Where there is room, with what it is compared with.
#[must_use]
pub fn canvas(
    tour: &Tour,
    progress: &str,
    conditions: Option<&Conditions>,
    theme: Theme,
    size: Size,
) -> Canvas {
    let page = |extent| page(tour, (progress, conditions), extent, theme, size);
    if size.height < ROOMY {
        return page(Extent::Nothing);
    }
    let fits = |canvas: &Canvas| canvas.height() <= size.height;
    let all = Extent::ALL.into_iter().map(page);
    all.into_iter().find(fits).unwrap_or_else(|| page(Extent::Nothing))
}

/// The page, with so much of what it is compared with.
fn page(
    tour: &Tour,
    (progress, conditions): (&str, Option<&Conditions>),
    extent: Extent,
    theme: Theme,
    size: Size,
) -> Canvas {
    let mut canvas = Canvas::new(size.width);
    let Some((scene, phase, findings)) = tour.shown() else { return canvas };
    let words = tour.words();
    if tour.looking() == 0 {
        limits(&mut canvas, conditions, theme);
    }
    match phase {
        Phase::After if tour.reveal().is_some() => {
            pictures(&mut canvas, tour, findings, theme);
            versus::show(&mut canvas, tour, findings.first(), extent, theme);
        }
        Phase::After => {
            said(&mut canvas, &lesson(tour, scene, findings), theme);
            if let Some(seen) = tour.sighting() {
                sighting(&mut canvas, words, seen, theme);
            }
            results(&mut canvas, tour, findings, extent, (size.height >= ROOMY, theme));
            let has_failed = tour.result(tour.looking()).is_some_and(Exhibit::has_failed);
            if has_failed {
                canvas.gap();
                canvas.line(Span::styled(words.failed_twice, theme.strong()));
            }
            practice::show(&mut canvas, tour, scene, theme);
        }
        Phase::Before | Phase::Running | Phase::Summary => {
            said(&mut canvas, &scene.before.text, theme);
            question::show(&mut canvas, tour, scene, phase == Phase::Running, theme);
            if phase == Phase::Running {
                under_way(&mut canvas, tour, progress, theme);
            }
            versus::show(&mut canvas, tour, None, extent, theme);
        }
    }
    canvas
}

fn results(
    canvas: &mut Canvas,
    tour: &Tour,
    findings: &[Finding],
    extent: Extent,
    (roomy, theme): (bool, Theme),
) {
    let gap = |canvas: &mut Canvas| {
        if roomy {
            canvas.gap();
        }
    };
    let words = tour.words();
    match findings {
        [_, _] if canvas.width() >= SIDE_BY_SIDE => pictures(canvas, tour, findings, theme),
        _ => {
            for finding in findings {
                heading(canvas, words, finding, theme);
                why_not(canvas, words, finding, theme);
                diagram(canvas, finding, tour, findings.len() == 1, theme);
                gap(canvas);
            }
        }
    }
    match findings {
        [_, _] if extent == Extent::Whole => versus::pair(canvas, words, findings, theme),
        _ => versus::show(canvas, tour, findings.first(), extent, theme),
    }
    table(canvas, words, findings, guess(tour), theme);
    question::judge(canvas, tour, theme);
    gap(canvas);
    for finding in findings {
        verdict(canvas, tour, finding, findings, theme);
    }
    gap(canvas);
    for finding in findings {
        name_among(canvas, words, finding, findings, theme);
        figures(canvas, words, finding, |_| true, theme);
    }
    gap(canvas);
    notes(canvas, tour, findings, theme);
}

/// What runs, and for how long.
pub(super) fn under_way(canvas: &mut Canvas, tour: &Tour, progress: &str, theme: Theme) {
    let words = tour.words();
    let (what, seconds) = (sanitize(progress), tour.ran_for().as_secs());
    let text = fill(words.runs_for, &[("what", &what), ("seconds", &seconds)]);
    canvas.line(Span::styled(text, theme.notice()));
    if tour.tries_again() {
        canvas.line(Span::styled(words.second_attempt, theme.notice()));
    }
}

/// What is not measured here.
pub fn limits(canvas: &mut Canvas, conditions: Option<&Conditions>, theme: Theme) {
    let limits = conditions.map_or("", |conditions| &conditions.limits);
    if !limits.is_empty() {
        canvas.paragraph(&sanitize(limits), 0, theme.notice());
        canvas.gap();
    }
}

/// Sentences of the script.
pub fn said(canvas: &mut Canvas, text: &str, theme: Theme) {
    if !text.is_empty() {
        canvas.paragraph(text, 0, theme.text());
        canvas.gap();
    }
}

/// What the script says of the findings, with a warning where the findings do not show it.
#[must_use]
pub fn lesson<'a>(tour: &Tour, scene: &'a Scene, findings: &[Finding]) -> Cow<'a, str> {
    let text = scene.after.text.as_str();
    let ran = findings.iter().filter_map(Finding::ran);
    if text.is_empty() || findings.is_empty() || ran.clone().any(is_measured) {
        return Cow::Borrowed(text);
    }
    if ran.count() == 0 {
        return Cow::Owned(fill(tour.words().would_have_seen, &[("text", &text)]));
    }
    // Said once: it holds for every scene.
    if tour.earlier(|finding| finding.ran().is_some_and(|ran| !is_measured(ran))) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(fill(tour.words().theory, &[("text", &text)]))
}

fn is_measured(ran: &Ran) -> bool {
    !matches!(ran.verdict.judgement, Judgement::NotMeasured(_))
}

/// What ran, and in what setting.
pub fn heading(canvas: &mut Canvas, words: &Words, finding: &Finding, theme: Theme) {
    heading_after(canvas, words, "", finding, theme);
}

/// The same, after a few words.
pub(super) fn heading_after(
    canvas: &mut Canvas,
    words: &Words,
    before: &str,
    finding: &Finding,
    theme: Theme,
) {
    let Finding { scenario, setting, .. } = finding;
    let cold = if setting.cold { words.cold } else { "" };
    let [size, chunk] = [setting.size, setting.chunk].map(human::bytes);
    let sink = words.say(setting.sink.title());
    let what = fill(words.setting, &[("sink", &sink), ("size", &size)]);
    let how = fill(words.transfers, &[("size", &chunk)]) + cold;
    let mut line = Line::from(vec![
        Span::styled(before, theme.dim()),
        Span::styled(words.say(scenario.title), theme.strong()),
        Span::styled(what, theme.dim()),
        Span::styled(how, theme.dim()),
    ]);
    // What does not fit is left out whole.
    if line.width() > usize::from(canvas.width()) {
        line.spans.pop();
    }
    canvas.line(line);
}

/// Why there is no result.
pub fn why_not(canvas: &mut Canvas, words: &Words, finding: &Finding, theme: Theme) {
    match &finding.outcome {
        Outcome::Ran(_) => {}
        Outcome::Skipped(why) => {
            canvas.paragraph(&sanitize(&words.skipped(why)), 0, theme.notice());
        }
        Outcome::Failed(why) => {
            canvas.paragraph(&sanitize(&words.failed(why)), 0, theme.alarm());
        }
    }
}

/// What was seen of a hazard.
pub fn sighting(canvas: &mut Canvas, words: &Words, sighting: &Sighting, theme: Theme) {
    let Sighting { hazard, outcome } = sighting;
    let title = fill(words.hazard, &[("title", &words.say(hazard.title))]);
    canvas.line(Span::styled(title, theme.strong()));
    match outcome {
        hazard::Outcome::Skipped(why) => {
            canvas.paragraph(&sanitize(&words.skipped(why)), 0, theme.notice());
        }
        hazard::Outcome::Failed(why) => {
            canvas.paragraph(&sanitize(&words.failed(why)), 0, theme.alarm());
        }
        hazard::Outcome::Seen(seen) => {
            for Fact { text, as_expected } in &seen.facts {
                let style = if *as_expected { theme.text() } else { theme.alarm() };
                let fact = words.say(text);
                let fact = match as_expected {
                    true => fact.into_owned(),
                    false => fill(words.not_expected_mark, &[("fact", &fact)]),
                };
                canvas.item("-", theme.dim(), 2, &sanitize(&fact), style);
            }
            if let Err(why) = &seen.cases {
                let text = fill(words.figures_not_measured, &[("why", &words.say(why))]);
                canvas.item("-", theme.dim(), 2, &sanitize(&text), theme.notice());
            }
            let (word, style) = if seen.is_as_expected() {
                (words.as_expected, theme.reference().patch(theme.strong()))
            } else {
                (words.not_as_expected, theme.alarm())
            };
            canvas.line(Span::styled(word, style));
            let danger = fill(words.danger, &[("danger", &words.say(hazard.danger))]);
            canvas.paragraph(&danger, 0, theme.notice());
        }
    }
    canvas.gap();
}

/// Theory next to measurement, for figures of which the textbook says something.
///
/// With a guess, what the class said of the copies.
pub fn table(
    canvas: &mut Canvas,
    words: &Words,
    findings: &[Finding],
    guess: Option<Guess>,
    theme: Theme,
) {
    let ran: Vec<_> =
        findings.iter().filter_map(|finding| Some((finding, finding.ran()?))).collect();
    if ran.is_empty() {
        return;
    }
    if ran.len() > 1 {
        let mut names = vec![Span::raw(format!("{:NAME$}", ""))];
        let width = 2 * FIGURE + 2;
        for (finding, _) in &ran {
            let title = pad_start(&words.say(finding.scenario.title), width);
            names.push(Span::styled(title, theme.strong()));
        }
        canvas.line(Line::from(names));
    }
    let mut head = format!("{:NAME$}", "");
    for _ in &ran {
        for title in [words.column_theory, words.column_measured] {
            head += &format!(" {}", pad_start(title, FIGURE));
        }
    }
    if let Some((_, title)) = guess {
        head += &format!(" {}", pad_start(title, FIGURE));
    }
    canvas.line(Span::styled(head, theme.head()));
    for metric in Findings::figures() {
        let theories: Vec<_> =
            ran.iter().map(|(finding, _)| (metric.extra.theory)(finding.scenario)).collect();
        if !theories.iter().any(Value::is_known) {
            continue;
        }
        let mut spans = vec![Span::raw(pad(&words.say(metric.title), NAME))];
        for ((finding, _), theory) in ran.iter().zip(theories) {
            let measured = metric.of(finding, &());
            spans.push(Span::raw(format!(" {:>FIGURE$}", figure(&theory, metric.unit))));
            let style = look(metric, &measured, theme);
            spans
                .push(Span::styled(format!(" {:>FIGURE$}", figure(&measured, metric.unit)), style));
        }
        if let Some((copies, _)) = guess.filter(|_| metric == Findings::CPU_COPIES) {
            spans.push(Span::styled(format!(" {copies:>FIGURE$}"), theme.notice()));
        }
        canvas.line(Line::from(spans));
    }
}

/// The name of the scenario whose figures follow, where several ran.
pub fn name_among(
    canvas: &mut Canvas,
    words: &Words,
    finding: &Finding,
    among: &[Finding],
    theme: Theme,
) {
    if among.len() > 1 && finding.ran().is_some() {
        canvas.line(Span::styled(words.say(finding.scenario.title), theme.strong()));
    }
}

/// The other figures that `keep` wants, one after the other.
pub fn figures(
    canvas: &mut Canvas,
    words: &Words,
    finding: &Finding,
    keep: impl Fn(&Metric) -> bool,
    theme: Theme,
) {
    if finding.ran().is_none() {
        return;
    }
    let pairs: Vec<Pair> = Findings::shown()
        .filter(|metric| !(metric.extra.theory)(finding.scenario).is_known() && keep(metric))
        .map(|metric| (metric, metric.of(finding, &())))
        .filter(|(_, value)| *value != Value::Absent)
        .map(|(metric, value)| Pair {
            label: words.say(metric.title).into_owned(),
            value: match metric.extra.margin {
                Some(_) => in_words(metric, finding),
                None => figure(&value, metric.unit),
            },
            style: theme.text(),
            width: 0,
        })
        .collect();
    let lines = flow::lines(&pairs, canvas.width());
    let (area, buf) = canvas.block(lines);
    flow::draw(&pairs, theme.dim(), area, buf);
}

/// Whether a figure differs from run to run.
#[must_use]
pub fn is_timing(metric: &Metric) -> bool {
    matches!(metric.unit, Unit::Nanoseconds | Unit::BytesPerSec)
        || metric.extra.margin.is_some()
        || [Findings::CPU_NS_PER_BYTE, Findings::CPU_SAMPLES].contains(&metric)
        || metric == Findings::RELATIVE_THROUGHPUT
        || metric.id.starts_with("context_switches")
}

/// Whether the textbook is right; with the name where there are several.
pub fn verdict(
    canvas: &mut Canvas,
    tour: &Tour,
    finding: &Finding,
    among: &[Finding],
    theme: Theme,
) {
    let Some(ran) = finding.ran() else { return };
    let words = tour.words();
    let judgement = &ran.verdict.judgement;
    let is_first = among.first().is_none_or(|first| std::ptr::eq(first, finding));
    let sentence = sentence::of(tour, finding, is_first).unwrap_or_default();
    let mut text = sanitize(&sentence).into_owned();
    if among.len() > 1 {
        let name = words.say(finding.scenario.title);
        text.insert_str(0, &format!("{name}{}", words.colon));
    }
    canvas.paragraph(&text, 0, judgement_look(judgement, theme));
}

/// What the reader must know of the setting, unless an earlier scene said it.
pub fn notes(canvas: &mut Canvas, tour: &Tour, findings: &[Finding], theme: Theme) {
    let ran = findings.iter().filter_map(Finding::ran);
    let mut noted: Vec<&str> = Vec::new();
    for note in ran.flat_map(|ran| &ran.verdict.notes) {
        if tour.has_told(note) || noted.contains(&note.as_str()) {
            continue;
        }
        noted.push(note);
        canvas.item("-", theme.dim(), 2, &sanitize(&tour.words().say(note)), theme.dim());
    }
}

/// The look of a verdict.
#[must_use]
pub fn judgement_look(judgement: &Judgement, theme: Theme) -> Style {
    match judgement {
        Judgement::Textbook => theme.reference().patch(theme.strong()),
        Judgement::Differs(_) | Judgement::NotMeasured(_) => theme.notice(),
        Judgement::Unexplained(_) => theme.alarm(),
    }
}

/// A guess, and what its column is called.
type Guess = (u8, &'static str);

/// The guess for the scene that is looked at.
fn guess(tour: &Tour) -> Option<Guess> {
    Some((tour.guess_of(tour.looking())?, tour.words().guess_column))
}

pub(super) fn look(metric: &Metric, value: &Value<'_>, theme: Theme) -> Style {
    match value.number() {
        None => theme.dim(),
        Some(0.0) => theme.strong(),
        Some(_) if metric == Findings::CPU_COPIES => theme.copied(),
        Some(_) => theme.strong(),
    }
}
