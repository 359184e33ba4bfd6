//! The lower half of a large screen: what a scene is compared with, for the same payload, and both results as bars on
//! one scale.

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use super::{pictures, scene};
use crate::{
    finding::{Finding, Outcome},
    language::fill,
    metric::{Findings, Metric, figure},
    tour::{rival::Rival, walk::Tour, words::Words},
    workload::scenario::Scenario,
};
use zc_model::value::Value;
use zc_render::{
    sanitize::{pad, pad_start, truncate, width},
    theme::Theme,
};
use zc_tui::{view::canvas::Canvas, widget::sparkline::bar};

/// How much of it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// The picture of the other scene, and bars.
    Whole,
    /// Bars.
    Bars,
    /// Nothing.
    Nothing,
}

impl Extent {
    /// From the most to the least.
    pub(super) const ALL: [Self; 3] = [Self::Whole, Self::Bars, Self::Nothing];
}

/// Figures that do not depend on the moment.
const STEADY: [&Metric; 2] = [Findings::CPU_COPIES, Findings::MODE_SWITCHES_PER_TRANSFER];
/// Those that do, and on where the payload goes.
const TIMED: [&Metric; 2] = [Findings::THROUGHPUT_BYTES_PER_SEC, Findings::CPU_NS];

/// Cells of the name of a figure.
const NAME: usize = 20;
/// The most cells of the name of a mechanism.
const LABEL: usize = 26;
/// The most cells of a bar, and those of the figure behind it.
const BAR: (usize, usize) = (60, 14);

/// One of two that are compared.
struct Contender<'a> {
    scenario: &'a Scenario,
    result: State<'a>,
}

/// What is known of it.
#[derive(Clone, Copy)]
enum State<'a> {
    /// The answer is still to come.
    Asked,
    /// Its scene was left out.
    NotRun,
    Found(&'a Finding),
}

/// The scene that is looked at with its rival; nothing where it has none.
pub(super) fn show(
    canvas: &mut Canvas,
    tour: &Tour,
    own: Option<&Finding>,
    extent: Extent,
    theme: Theme,
) {
    let rival = Rival::of(tour.script(), tour.looking());
    let Some(rival) = rival.filter(|_| extent != Extent::Nothing) else { return };
    let Some(scene) = tour.script().scenes.get(tour.looking()) else { return };
    let words = tour.words();
    let finding = tour.result(rival.scene).and_then(|exhibit| exhibit.findings.first());
    let other =
        Contender { scenario: rival.scenario, result: finding.map_or(State::NotRun, State::Found) };
    let is_hidden = tour.reveal().is_some();
    let result = own.filter(|_| !is_hidden).map_or(State::Asked, State::Found);
    let own = scene.act.scenarios().first().map(|scenario| Contender { scenario, result });
    if matches!(own, Some(Contender { result: State::Asked, .. })) && !is_hidden {
        canvas.gap();
    }
    let number = fill(words.compared_with, &[("scene", &(rival.scene + 1))]);
    match finding {
        Some(finding) => {
            scene::heading_after(canvas, words, &number, finding, theme);
            if extent == Extent::Whole {
                scene::why_not(canvas, words, finding, theme);
                pictures::still(canvas, finding, tour, theme);
                canvas.gap();
            }
        }
        None => canvas.line(Line::from(vec![
            Span::styled(number, theme.dim()),
            Span::styled(words.say(rival.scenario.title), theme.strong()),
            Span::styled(format!("{}{}", words.comma, words.bar_not_run), theme.notice()),
        ])),
    }
    if let Some(own) = own {
        let timed = match (rival.has_same_sink, extent) {
            (false, _) => &[],
            (true, Extent::Whole) => &TIMED[..],
            (true, _) => &TIMED[..1],
        };
        bars(canvas, words, &[other, own], timed, theme);
    }
    canvas.gap();
}

/// Both results of a comparison, which ran in the same setting.
pub(super) fn pair(canvas: &mut Canvas, words: &Words, findings: &[Finding], theme: Theme) {
    let all = findings.iter();
    let all = all.map(|it| Contender { scenario: it.scenario, result: State::Found(it) });
    bars(canvas, words, &all.collect::<Vec<_>>(), &TIMED, theme);
    canvas.gap();
}

fn bars(
    canvas: &mut Canvas,
    words: &Words,
    all: &[Contender<'_>],
    timed: &[&Metric],
    theme: Theme,
) {
    let names: Vec<_> = all.iter().map(|it| words.say(it.scenario.title)).collect();
    let label = names.iter().map(|name| width(name)).max().unwrap_or(0).min(LABEL);
    let taken = NAME + label + 2 + BAR.1;
    let room = usize::from(canvas.width()).saturating_sub(taken).min(BAR.0);
    for metric in STEADY.iter().chain(timed).copied() {
        let values: Vec<_> = all.iter().map(|it| it.value(metric)).collect();
        let is_steady = STEADY.contains(&metric);
        let known = || values.iter().filter_map(|value| value.as_ref()?.number());
        // A time says nothing without the other one.
        if !is_steady && known().count() < all.len() {
            continue;
        }
        let most = known().fold(0.0, f64::max);
        for ((contender, value), (index, name)) in
            all.iter().zip(&values).zip(names.iter().enumerate())
        {
            let title = if index == 0 { words.say(metric.title) } else { "".into() };
            let name = truncate(name, label, theme.symbols.ellipsis);
            let mut spans = vec![
                Span::raw(pad(&title, NAME)),
                Span::styled(pad(&name, label), theme.dim()),
                Span::raw("  "),
            ];
            match value.as_ref().and_then(Value::number) {
                Some(number) => {
                    let share = if most > 0.0 { number / most } else { 0.0 };
                    let style = look(metric, theme);
                    spans.push(Span::styled(bar(share, room, theme.symbols), style));
                    let text = value.as_ref().map(|it| figure(it, metric.unit)).unwrap_or_default();
                    spans.push(Span::styled(pad_start(&text, BAR.1 - 1), theme.strong()));
                }
                None => {
                    let (text, style) = contender.missing(words, theme);
                    spans.push(Span::styled(text, style));
                }
            }
            canvas.line(Line::from(spans));
        }
    }
}

impl Contender<'_> {
    /// The figure, if it is known.
    fn value(&self, metric: &Metric) -> Option<Value<'_>> {
        match self.result {
            State::Found(finding) => finding.ran().map(|_| metric.of(finding, &())),
            State::Asked | State::NotRun => None,
        }
    }

    /// Why there is no figure.
    fn missing(&self, words: &Words, theme: Theme) -> (&'static str, Style) {
        match self.result {
            State::Asked => ("?", theme.dim()),
            State::NotRun => (words.bar_not_run, theme.notice()),
            State::Found(finding) => match finding.outcome {
                Outcome::Ran(_) => (words.word_not_measured, theme.notice()),
                Outcome::Skipped(_) => (words.word_skipped, theme.notice()),
                Outcome::Failed(_) => (words.word_failed, theme.alarm()),
            },
        }
    }
}

fn look(metric: &Metric, theme: Theme) -> Style {
    if metric == Findings::CPU_COPIES { theme.copied() } else { theme.text() }
}
