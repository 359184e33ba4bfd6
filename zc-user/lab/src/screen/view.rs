//! Drawing: `(state, area) -> cells`, nothing else.

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
    style::Style,
    text::{Line, Span},
};

use super::{keymap, scene, state::State, summary};
use crate::{
    finding::{Finding, Outcome},
    hazard,
    tour::{
        summary::word,
        walk::{Phase, Tour},
    },
    verdict::Judgement,
};
use zc_model::snapshot::Provenance;
use zc_render::{
    human,
    sanitize::{sanitize, truncate},
    theme::Theme,
};
use zc_tui::view::{canvas::Canvas, chrome::LEAST};

/// From this width on, the scenes are listed at the left.
const WIDE: u16 = 120;
/// The list's width.
const LIST: u16 = 36;
/// Draws everything.
pub fn draw(state: &State, area: Rect, buf: &mut Buffer) {
    if area.width < LEAST.0 || area.height < LEAST.1 {
        draw_tiny(state, area, buf);
        return;
    }
    draw_header(state, Rect { height: 1, ..area }, buf);
    draw_position(state, Rect { y: area.y + 1, height: 1, ..area }, buf);
    let body = body(area);
    if body.x > area.x {
        draw_list(state, Rect { x: area.x, width: LIST - 1, ..body }, buf);
    }
    page(state, body.as_size()).show(state.scrolled(), state.theme(), body, buf);
    draw_footer(state, Rect { y: area.bottom() - 1, height: 1, ..area }, buf);
}

/// Lines of the page that are not on the screen.
#[must_use]
pub fn hidden(state: &State, area: Rect) -> u16 {
    let body = body(area);
    page(state, body.as_size()).height().saturating_sub(body.height)
}

fn body(area: Rect) -> Rect {
    let left = if area.width >= WIDE { LIST } else { 0 };
    // A blank line below the position, where there is room for it.
    let top = if area.height < 30 { 2 } else { 3 };
    let height = area.height.saturating_sub(top + 1);
    Rect { x: area.x + left, y: area.y + top, width: area.width.saturating_sub(left), height }
}

fn page(state: &State, size: Size) -> Canvas {
    let theme = state.theme();
    if state.shows_help() {
        help(theme, size.width)
    } else if state.tour.shown().is_none() {
        summary::canvas(&state.tour, theme, size.width)
    } else {
        let progress = state.progress.borrow();
        scene::canvas(&state.tour, &progress, state.conditions.as_ref(), theme, size)
    }
}

fn draw_header(state: &State, area: Rect, buf: &mut Buffer) {
    let (tour, theme) = (&state.tour, state.theme());
    let mut right = vec![];
    let notice = theme.notice().patch(theme.selected());
    if tour.looking() < tour.at() {
        right.push(Span::styled(" LOOKING BACK ", notice));
    } else if tour.is_paused() {
        right.push(Span::styled(" PAUSED ", notice));
    } else if tour.waits_for_key() {
        right.push(Span::styled(" Space goes on ", notice));
    } else if let Some(left) = tour.goes_on_in() {
        right.push(Span::styled(format!("next in {} s", left.as_secs() + 1), theme.dim()));
    } else if tour.phase() == Phase::Running {
        right.push(Span::styled("running", theme.notice()));
    }
    right.push(Span::styled(format!("  {}x", tour.speed()), theme.dim()));
    let right = Line::from(right);
    let room = area.width.saturating_sub(u16::try_from(right.width()).unwrap_or(u16::MAX));
    let name = Span::styled(tour.script().name.clone(), theme.strong());
    let mut left = vec![Span::styled("zc demo  ", theme.head()), name];
    if let Some(conditions) = &state.conditions {
        let (copies, style) = match conditions.copies {
            None => ("nothing is counted".to_owned(), theme.notice()),
            Some(Provenance::Measured) => ("copies measured".to_owned(), theme.reference()),
            Some(other) => {
                let quality = zc_model::value::Quality { provenance: other, lower_bound: false };
                (format!("copies {}{}", other.id(), human::mark(quality)), theme.notice())
            }
        };
        left.push(Span::styled(format!("  {copies}"), style));
        left.push(Span::styled(format!("  {}", sanitize(&conditions.machine)), theme.dim()));
        // What does not fit is left out whole.
        while left.len() > 2 && Line::from(left.clone()).width() >= usize::from(room) {
            left.pop();
        }
    }
    buf.set_line(area.x, area.y, &Line::from(left), room.saturating_sub(1));
    buf.set_line(area.x + room, area.y, &right, area.width - room);
}

/// How far it is: a mark for each scene, and the heading of the one that is looked at.
fn draw_position(state: &State, area: Rect, buf: &mut Buffer) {
    let (tour, theme) = (&state.tour, state.theme());
    let scenes = &tour.script().scenes;
    let count = scenes.len();
    let title = scenes.get(tour.looking()).map_or(summary::TITLE, |scene| &scene.title);
    let place = if tour.looking() < count {
        format!("{}/{count} ", tour.looking() + 1)
    } else {
        String::new()
    };
    let heading = if state.shows_help() { "Help".to_owned() } else { format!("{place}{title}") };
    let (end, _) = buf.set_stringn(area.x, area.y, heading, usize::from(area.width), theme.head());
    let marks: Vec<_> = (0..count).map(|index| mark(tour, index, theme)).collect();
    let width = u16::try_from(marks.len()).unwrap_or(u16::MAX);
    if area.width >= WIDE || end.saturating_add(width).saturating_add(2) > area.right() {
        return;
    }
    for (x, (sign, style)) in (area.right() - width..).zip(marks) {
        buf.set_string(x, area.y, sign, style);
    }
}

fn draw_list(state: &State, area: Rect, buf: &mut Buffer) {
    let (tour, theme) = (&state.tour, state.theme());
    let titles =
        tour.script().scenes.iter().map(|scene| scene.title.as_str()).chain([summary::TITLE]);
    let lines = usize::from(area.height);
    let first = (tour.looking() + 1).saturating_sub(lines);
    for ((index, title), y) in titles.enumerate().skip(first).zip(area.top()..area.bottom()) {
        let (sign, style) = mark(tour, index, theme);
        buf.set_string(area.x, y, sign, style);
        let room = usize::from(area.width.saturating_sub(3));
        let text = truncate(title, room, theme.symbols.ellipsis);
        let look = if index > tour.at() { theme.dim() } else { theme.text() };
        buf.set_string(area.x + 2, y, &text, look);
        if index == tour.looking() {
            buf.set_style(Rect { y, height: 1, ..area }, theme.selected());
        }
    }
}

/// How a scene turned out, in one sign.
fn mark(tour: &Tour, index: usize, theme: Theme) -> (&'static str, Style) {
    let Some(findings) = tour.findings().get(index) else {
        return if index == tour.at() { (">", theme.notice()) } else { (".", theme.dim()) };
    };
    if let Some(sighting) = tour.sightings().get(index).and_then(Option::as_ref) {
        return match &sighting.outcome {
            hazard::Outcome::Seen(seen) if seen.is_as_expected() => ("=", theme.reference()),
            hazard::Outcome::Seen(_) => ("?", theme.alarm()),
            hazard::Outcome::Skipped(_) => ("-", theme.notice()),
            hazard::Outcome::Failed(_) => ("x", theme.alarm()),
        };
    }
    let worst = findings.iter().map(|finding| sign(finding, theme)).max_by_key(|(rank, ..)| *rank);
    worst.map_or(("o", theme.dim()), |(_, sign, style)| (sign, style))
}

fn sign(finding: &Finding, theme: Theme) -> (u8, &'static str, Style) {
    match &finding.outcome {
        Outcome::Failed(_) => (5, "x", theme.alarm()),
        Outcome::Skipped(_) => (1, "-", theme.notice()),
        Outcome::Ran(ran) => match ran.verdict.judgement {
            Judgement::Unexplained(_) => (4, "?", theme.alarm()),
            Judgement::Differs(_) => (3, "!", theme.notice()),
            Judgement::Textbook => (2, "=", theme.reference()),
            Judgement::NotMeasured(_) => (0, "o", theme.dim()),
        },
    }
}

fn draw_footer(state: &State, area: Rect, buf: &mut Buffer) {
    let theme = state.theme();
    let mut x = area.x;
    for (key, label) in keymap::footer() {
        let line = Line::from(vec![
            Span::styled(key, theme.key()),
            Span::raw(" "),
            Span::styled(label, theme.text()),
        ]);
        let width = u16::try_from(line.width()).unwrap_or(u16::MAX);
        if x.saturating_add(width) > area.right() {
            break;
        }
        buf.set_line(x, area.y, &line, width);
        x += width + 2;
    }
}

fn draw_tiny(state: &State, area: Rect, buf: &mut Buffer) {
    let (width, height) = LEAST;
    let theme = state.theme();
    let last = state.tour.findings().iter().flatten().last();
    let lines = [
        ("terminal too small".to_owned(), theme.notice()),
        (
            last.map_or_else(String::new, |f| format!("{}: {}", f.scenario.title, word(f))),
            theme.text(),
        ),
        (format!("needs {width}x{height}"), theme.dim()),
        ("q quits".to_owned(), theme.dim()),
    ];
    for ((text, style), y) in lines.iter().zip(area.top()..area.bottom()) {
        buf.set_stringn(area.x, y, text, usize::from(area.width), *style);
    }
}

fn help(theme: Theme, width: u16) -> Canvas {
    let mut canvas = Canvas::new(width);
    canvas.line(Span::styled("Keys", theme.head()));
    for binding in keymap::BINDINGS {
        canvas.item(&format!("  {}", binding.shown), theme.key(), 20, binding.help, theme.text());
    }
    canvas.gap();
    canvas.line(Span::styled("Signs", theme.head()));
    for (sign, meaning) in [
        ("=", "as the textbook says; of a hazard: as it is known"),
        ("!", "it differs, for a reason that is known"),
        ("?", "it differs, and zc does not know why"),
        ("-", "skipped: this machine cannot do it"),
        ("x", "failed"),
        ("o", "nothing was measured, or there was nothing to measure"),
        ("~", "behind a figure: modelled, since this kernel offers no hook to count it"),
    ] {
        canvas.item(&format!("  {sign}"), theme.key(), 6, meaning, theme.text());
    }
    canvas
}
