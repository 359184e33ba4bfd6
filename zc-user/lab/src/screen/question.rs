//! A scene before its answer: the picture with a question on each arrow, and the guess of the class.

use ratatui::text::{Line, Span};

use crate::{
    language::fill,
    tour::{
        guess,
        reveal::beat,
        script::{Act, How, Scene},
        walk::Tour,
        words::Words,
    },
    workload::scenario::Scenario,
};
use zc_model::picture::Picture;
use zc_render::{
    diagram::{Diagram, Unit},
    theme::Theme,
};
use zc_tui::view::canvas::Canvas;

/// What will run, or runs.
pub(super) fn show(canvas: &mut Canvas, tour: &Tour, scene: &Scene, runs: bool, theme: Theme) {
    let words = tour.words();
    for scenario in scene.act.scenarios() {
        name(canvas, words, scenario, scene, theme);
        // The claim of the textbook is an answer: it comes after the guess.
        if runs {
            let claim = words.say(scenario.theory.claim);
            canvas.paragraph(&fill(words.claim, &[("claim", &claim)]), 2, theme.text());
            canvas.gap();
        }
    }
    subject(canvas, tour, scene, runs, theme);
    if !runs && matches!(scene.act, Act::Step(..)) {
        canvas.paragraph(words.question, 0, theme.text());
        ask(canvas, tour, theme);
    }
}

/// The same in few words: the name, and the picture.
pub(super) fn in_short(canvas: &mut Canvas, tour: &Tour, scene: &Scene, runs: bool, theme: Theme) {
    for scenario in scene.act.scenarios() {
        name(canvas, tour.words(), scenario, scene, theme);
    }
    subject(canvas, tour, scene, runs, theme);
}

fn name(canvas: &mut Canvas, words: &Words, scenario: &Scenario, scene: &Scene, theme: Theme) {
    let how = scene.act.how().map(|how| describe(how, words)).unwrap_or_default();
    canvas.line(Line::from(vec![
        Span::styled(words.say(scenario.title), theme.strong()),
        Span::styled(format!(" ({}){how}", scenario.id), theme.dim()),
    ]));
}

/// The picture with a question on each arrow, or the hazard.
fn subject(canvas: &mut Canvas, tour: &Tour, scene: &Scene, runs: bool, theme: Theme) {
    let words = tour.words();
    match scene.act {
        Act::Step(scenario, ref how) => {
            let picture = places(scenario, how, words);
            let moves = (runs && tour.is_animated()).then(|| beat(tour.ran_for()));
            let diagram =
                Diagram::new(&picture, theme, Unit::Total).labelled(words.labels).asked(moves);
            let (area, buf) = canvas.block(diagram.height(canvas.width()));
            diagram.draw(area, buf);
            canvas.gap();
        }
        Act::Hazard(hazard) => {
            let title = fill(words.hazard, &[("title", &words.say(hazard.title))]);
            canvas.line(Span::styled(title, theme.strong()));
            canvas.paragraph(&words.say(hazard.lesson), 2, theme.text());
            canvas.gap();
        }
        Act::Page | Act::Compare(..) => {}
    }
}

fn ask(canvas: &mut Canvas, tour: &Tour, theme: Theme) {
    if !tour.asks() {
        return;
    }
    canvas.paragraph(tour.words().guess, 0, theme.strong());
    if let Some(copies) = tour.guess_of(tour.at()) {
        canvas.line(Span::styled(format!("{}{copies}", tour.words().guessed), theme.notice()));
    }
}

/// Whether the guess was right.
pub(super) fn judge(canvas: &mut Canvas, tour: &Tour, theme: Theme) {
    let words = tour.words();
    let guessed = || {
        let copies = tour.guess_of(tour.looking())?;
        let finding = tour.result(tour.looking())?.findings.first()?;
        Some((copies, guess::is_right(copies, finding)?))
    };
    let Some((copies, is_right)) = guessed() else { return };
    let (word, style) =
        if is_right { (words.right, theme.reference()) } else { (words.wrong, theme.notice()) };
    canvas.line(Line::from(vec![
        Span::raw(format!("{}{copies}{}", words.guessed, words.comma)),
        Span::styled(word, style.patch(theme.strong())),
        Span::raw(format!(" ({})", tour.score().sentence(words))),
    ]));
}

/// The places between which the payload will travel.
fn places(scenario: &Scenario, how: &How, words: &Words) -> Picture {
    let sink = how.sink.unwrap_or(scenario.sinks[0]);
    Picture { names: words.names(sink), ..Picture::default() }
}

fn describe(how: &How, words: &Words) -> String {
    let mut text = String::new();
    if let Some(sink) = how.sink {
        text += &fill(words.destination, &[("sink", &words.say(sink.title()))]);
    }
    if how.cold {
        text += words.cold;
    }
    text
}
