//! A scene for a projector: its picture, and its result in figures that the last row reads. The figures and notes of the
//! ordinary page are left out.

use ratatui::{
    layout::{Position, Size},
    style::Style,
    text::{Line, Span},
};

use super::{digits, pictures, question, scene};
use crate::{
    finding::{Finding, Outcome},
    metric::{Findings, figure},
    tour::{
        script::{Act, Scene},
        sentence::sentences,
        summary::word,
        walk::{Conditions, Phase, Tour},
        words::Words,
    },
};
use zc_model::{snapshot::Provenance, value::Value};
use zc_render::{
    human,
    sanitize::{sanitize, truncate, width},
    theme::Theme,
};
use zc_tui::view::canvas::Canvas;

/// The smallest page on which each block is two cells wide and two lines high.
const DOUBLE: Size = Size { width: 120, height: 36 };
/// Cells between two figures.
const GAP: u16 = 6;
/// What stands for a guess, or an answer, that is still to come.
const OPEN: &str = "?";
/// What stands for a figure that is not known.
const UNKNOWN: &str = "-";

/// A figure, what it is, and how it looks.
struct Block {
    digits: String,
    caption: String,
    style: Style,
}

/// The page of the scene that is looked at.
#[must_use]
pub(super) fn canvas(
    tour: &Tour,
    progress: &str,
    conditions: Option<&Conditions>,
    theme: Theme,
    size: Size,
) -> Canvas {
    let mut canvas = Canvas::new(size.width);
    let Some((scene, phase, findings)) = tour.shown() else { return canvas };
    if tour.looking() == 0 {
        scene::limits(&mut canvas, conditions, theme);
    }
    if !scene.act.is_workload() {
        for sentence in sentences(&scene.before.text) {
            canvas.paragraph(sentence, 0, theme.strong());
            canvas.gap();
        }
        return canvas;
    }
    match phase {
        Phase::After => after(&mut canvas, tour, (scene, findings), theme, size),
        Phase::Before | Phase::Running | Phase::Summary => {
            before(&mut canvas, tour, (scene, phase == Phase::Running), theme, size);
            if phase == Phase::Running {
                canvas.gap();
                scene::under_way(&mut canvas, tour, progress, theme);
            }
        }
    }
    canvas
}

/// The question, and the guess.
fn before(
    canvas: &mut Canvas,
    tour: &Tour,
    (scene, runs): (&Scene, bool),
    theme: Theme,
    size: Size,
) {
    let words = tour.words();
    if let Some(first) = sentences(&scene.before.text).first().filter(|_| !runs) {
        canvas.paragraph(first, 0, theme.text());
        canvas.gap();
    }
    question::in_short(canvas, tour, scene, runs, theme);
    let guess = tour.guess_of(tour.looking());
    if !matches!(scene.act, Act::Step(..)) || runs && guess.is_none() {
        return;
    }
    if !runs {
        canvas.paragraph(words.guess, 0, theme.strong());
    }
    let digits = guess.map_or(OPEN.to_owned(), |copies| copies.to_string());
    let guess = Block { digits, caption: words.guess_column.to_owned(), style: theme.notice() };
    blocks(canvas, &[guess], theme, size);
}

/// The answer.
fn after(
    canvas: &mut Canvas,
    tour: &Tour,
    (scene, findings): (&Scene, &[Finding]),
    theme: Theme,
    size: Size,
) {
    let words = tour.words();
    if let Some(seen) = tour.sighting() {
        scene::sighting(canvas, words, seen, theme);
        return;
    }
    pictures::in_short(canvas, tour, findings, theme);
    if tour.reveal().is_some() {
        return;
    }
    let ran: Vec<_> = findings.iter().filter(|finding| finding.ran().is_some()).collect();
    if ran.is_empty() {
        return;
    }
    canvas.line(Span::styled(words.big_copies, theme.head()));
    let guess = tour.guess_of(tour.looking());
    let figures = match ran[..] {
        [only] => of_one(words, only, guess, theme),
        _ => {
            ran.iter().map(|it| measured(it, words.say(it.scenario.title).into(), theme)).collect()
        }
    };
    blocks(canvas, &figures, theme, size);
    canvas.gap();
    for finding in &ran {
        verdict(canvas, words, finding, ran.len() > 1, theme);
    }
    question::judge(canvas, tour, theme);
    // What is said of it, as far as there is room: the picture and the figure come first.
    let lesson = scene::lesson(tour, scene, findings);
    if let Some(first) = sentences(&lesson).first() {
        let mut said = Canvas::new(size.width);
        said.paragraph(first, 0, theme.text());
        if canvas.height() + 1 + said.height() <= size.height {
            canvas.gap();
            canvas.paragraph(first, 0, theme.text());
        }
    }
}

/// What was measured, what the textbook says, and the guess.
fn of_one(words: &Words, finding: &Finding, guess: Option<u8>, theme: Theme) -> Vec<Block> {
    // A model is not called a measurement.
    let value = Findings::CPU_COPIES.of(finding, &());
    let provenance = value.quality().map(|quality| quality.provenance);
    let caption = match provenance {
        Some(other @ (Provenance::Modelled | Provenance::Assumed)) => words.provenance(other),
        _ => words.column_measured.into(),
    };
    let mut blocks = vec![measured(finding, caption.into_owned(), theme)];
    if let Some(copies) = finding.scenario.theory.cpu_copies {
        let caption = words.column_theory.to_owned();
        blocks.push(Block { digits: rounded(copies), caption, style: theme.dim() });
    }
    if let Some(copies) = guess {
        let (digits, caption) = (copies.to_string(), words.guess_column.to_owned());
        blocks.push(Block { digits, caption, style: theme.notice() });
    }
    blocks
}

/// The copies of each byte as they were measured, with their mark.
fn measured(finding: &Finding, caption: String, theme: Theme) -> Block {
    let value = Findings::CPU_COPIES.of(finding, &());
    let style = scene::look(Findings::CPU_COPIES, &value, theme);
    let digits = match (value.number(), value.quality()) {
        (Some(copies), quality) => rounded(copies) + quality.map_or("", human::mark),
        (None, _) => UNKNOWN.to_owned(),
    };
    Block { digits, caption, style }
}

/// With one decimal: the rest is on the ordinary page.
fn rounded(copies: f64) -> String {
    format!("{copies:.1}")
}

/// The verdict in a word or two, with the figure as it is.
fn verdict(canvas: &mut Canvas, words: &Words, finding: &Finding, is_named: bool, theme: Theme) {
    let Outcome::Ran(ran) = &finding.outcome else { return };
    let style = scene::judgement_look(&ran.verdict.judgement, theme);
    let name = match is_named {
        true => format!("{}{}", words.say(finding.scenario.title), words.colon),
        false => String::new(),
    };
    let mut line = vec![Span::raw(name), Span::styled(word(finding, words), style)];
    let value = Findings::CPU_COPIES.of(finding, &());
    if !matches!(value, Value::Absent) {
        let exact = figure(&value, Findings::CPU_COPIES.unit);
        line.push(Span::styled(format!(" ({exact})"), theme.dim()));
    }
    canvas.line(Line::from(line));
}

/// Figures next to each other with their captions below; double where there is room.
fn blocks(canvas: &mut Canvas, all: &[Block], theme: Theme, size: Size) {
    let wide = |scale: u16| {
        let widths =
            all.iter().map(|block| digits::width(&block.digits, scale).saturating_add(GAP));
        widths.fold(0, u16::saturating_add).saturating_sub(GAP)
    };
    let is_large = size.width >= DOUBLE.width && size.height >= DOUBLE.height;
    let scale = if is_large && wide(2) <= size.width { 2 } else { 1 };
    let (area, buf) = canvas.block(digits::LINES * scale + 1);
    let mut x = area.x;
    for block in all {
        let cells = digits::width(&block.digits, scale);
        if x.saturating_add(cells) > area.right() {
            break;
        }
        digits::draw(&block.digits, (Position::new(x, area.y), scale), (block.style, theme), buf);
        let below = area.bottom() - 1;
        // A caption may go on below the gap.
        let room = usize::from(area.right().saturating_sub(x));
        let room = room.min(usize::from(cells.max(MOST_CAPTION)));
        let caption =
            truncate(&sanitize(&block.caption), room, theme.symbols.ellipsis).into_owned();
        buf.set_stringn(x, below, &caption, room, theme.strong());
        let taken = cells.max(u16::try_from(width(&caption)).unwrap_or(cells));
        x = x.saturating_add(taken).saturating_add(GAP);
    }
}

/// Cells of a caption that is wider than its figure.
const MOST_CAPTION: u16 = 24;
