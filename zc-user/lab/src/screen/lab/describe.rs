//! A mechanism in words, and a run of it in a picture.

use ratatui::text::{Line, Span};

use super::watched::Watched;
use crate::{
    form::in_words,
    run::again::{PER_SECOND, SECONDS, SIZE},
    scenario::Scenario,
    sink::Sink,
};
use zc_model::column::Unit;
use zc_render::{
    cell,
    diagram::{Diagram, Unit as Figures},
    human,
    sanitize::sanitize,
};
use zc_tui::{state::Context, view::canvas::Canvas};

/// Where the text behind a label begins.
const INDENT: u16 = 12;

/// Copies of each byte, as the textbook has it.
pub(super) fn copies(scenario: &Scenario) -> String {
    let copies = scenario.theory.cpu_copies;
    copies.map_or_else(|| human::UNAVAILABLE.to_owned(), |copies| format!("{copies:.1}x"))
}

/// What a mechanism is.
pub(super) fn mechanism(
    context: &Context,
    scenario: &Scenario,
    place: Result<&Sink, &String>,
    canvas: &mut Canvas,
) {
    let theme = context.theme();
    match place {
        Ok(sink) => canvas.item(
            "Enter",
            theme.key(),
            INDENT,
            &format!(
                "runs it for {SECONDS} s as a process of its own, {} a second, to: {}",
                human::bytes(SIZE * PER_SECOND),
                sink.title(),
            ),
            theme.text(),
        ),
        Err(why) => canvas.item("not here", theme.notice(), INDENT, why, theme.notice()),
    }
    let theory = format!("{}: {}", in_words(&scenario.theory), scenario.theory.claim);
    canvas.item("textbook", theme.head(), INDENT, &theory, theme.text());
    canvas.paragraph(scenario.lesson, 0, theme.dim());
}

/// A run, with what was counted for it.
pub(super) fn run(context: &Context, run: &Watched, canvas: &mut Canvas) {
    let theme = context.theme();
    let scenario = run.scenario;
    canvas.line(Line::from(vec![
        Span::styled(scenario.title, theme.strong()),
        Span::styled(format!("  to: {}  ", run.setting.sink.title()), theme.dim()),
        Span::raw(run.state()),
    ]));
    if let Some(why) = run.failure() {
        canvas.paragraph(&sanitize(why), 0, theme.alarm());
    }
    match run.picture() {
        Some((picture, seconds)) => {
            let diagram = Diagram::new(&picture, theme, Figures::PerSecond(seconds));
            let (area, buf) = canvas.block(diagram.height(canvas.width()));
            diagram.draw(area, buf);
            canvas.gap();
        }
        None if context.follows_some() => canvas.paragraph(
            "Not counted: this zc follows some processes only. zc top without them counts it.",
            0,
            theme.notice(),
        ),
        None => canvas.paragraph("Nothing has been counted for it yet.", 0, theme.dim()),
    }
    // At least none says nothing.
    let known = run.copies().filter(|(_, quality)| !quality.lower_bound);
    let measured = known.map_or_else(
        || human::UNAVAILABLE.to_owned(),
        |(copies, quality)| format!("{copies:.2}x{}", human::mark(quality)),
    );
    canvas.line(Line::from(vec![
        Span::styled("copies of each byte  ", theme.head()),
        Span::styled(measured, theme.copied()),
        Span::raw(format!("   textbook {}", copies(scenario))),
    ]));
    if let Some(judgement) = run.judgement() {
        canvas.paragraph(&judgement, 0, theme.text());
    }
    let besides = run.besides();
    if !besides.is_empty() {
        let besides: Vec<_> = besides
            .iter()
            .map(|(sample, frame)| {
                let bytes = sample.moved_bytes.max(sample.copied_bytes);
                format!("{} {}", sample.path.id(), cell::rate(bytes, Unit::BytesPerSec, frame))
            })
            .collect();
        let besides = besides.join(", ");
        let text = format!("Not in the picture, to map pages or to prepare each round: {besides}.");
        canvas.paragraph(&text, 0, theme.dim());
    }
    canvas.gap();
    canvas.item("textbook", theme.head(), INDENT, scenario.theory.claim, theme.text());
    canvas.paragraph(scenario.lesson, 0, theme.dim());
}
