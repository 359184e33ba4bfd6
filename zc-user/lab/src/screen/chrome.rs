//! What is around the page of the tour: the header, how far it is, the list of scenes.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{page::TourPage, pictures::SIDE_BY_SIDE};
use crate::{
    finding::{Finding, Outcome},
    hazard,
    language::fill,
    tour::{
        summary::word,
        walk::{Conditions, Exhibit, Laboratory, Phase, Tour},
    },
    verdict::Judgement,
};
use zc_model::snapshot::Provenance;
use zc_render::{
    human,
    sanitize::{sanitize, truncate},
    theme::Theme,
};
use zc_tui::{
    state::Context,
    view::chrome::{Areas, Chrome, LEAST, Place},
};

/// From this width on, the scenes are listed at the left.
const WIDE: u16 = 120;
/// The list's width.
const LIST: u16 = 36;

impl<'a, L: Laboratory + 'a> TourPage<'a, L> {
    /// Whether the scenes are listed at the left, unless two pictures or big figures take the room.
    fn has_list(&self, width: u16) -> bool {
        let is_pair = matches!(self.tour.shown(), Some((_, Phase::After, [_, _])));
        width >= WIDE && !self.is_big && !(is_pair && width >= SIDE_BY_SIDE)
    }
}

impl<'a, L: Laboratory + 'a> Chrome for TourPage<'a, L> {
    fn areas(&self, screen: Rect) -> Option<Areas> {
        if screen.width < LEAST.0 || screen.height < LEAST.1 {
            return None;
        }
        let left = if self.has_list(screen.width) { LIST } else { 0 };
        // A blank line below the position, where there is room for it.
        let top = if screen.height < 30 { 2 } else { 3 };
        let line = |y: u16| Rect { y, height: 1, ..screen };
        Some(Areas {
            header: line(screen.y),
            tabs: line(screen.y + 1),
            body: Rect {
                x: screen.x + left,
                y: screen.y + top,
                width: screen.width - left,
                height: screen.height - top - 1,
            },
            footer: line(screen.bottom() - 1),
        })
    }

    fn has_tabs(&self) -> bool {
        false
    }

    fn has_frames(&self) -> bool {
        false
    }

    fn draw(&self, context: &Context, place: &Place, areas: &Areas, buf: &mut Buffer) {
        let theme = context.theme();
        draw_header(self.tour, self.conditions.as_ref(), theme, areas.header, buf);
        let over = self.help.as_ref().map(|_| self.tour.words().help).or(place.over);
        draw_position(self.tour, over, theme, areas, buf);
        if areas.body.x > areas.header.x {
            let list = Rect { x: areas.header.x, width: LIST - 1, ..areas.body };
            draw_list(self.tour, theme, list, buf);
        }
    }

    fn brief(&self, context: &Context) -> (String, Style) {
        let last = self.tour.findings().last();
        let text = last.map(|found| {
            let words = self.tour.words();
            let name = words.say(found.scenario.title);
            format!("{name}{}{}", words.colon, word(found, words))
        });
        (text.unwrap_or_default(), context.theme().text())
    }
}

fn draw_header(
    tour: &Tour,
    conditions: Option<&Conditions>,
    theme: Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let words = tour.words();
    let mut right = vec![];
    let notice = theme.notice().patch(theme.selected());
    if tour.looks_elsewhere() {
        right.push(Span::styled(format!(" {} ", words.looking_back), notice));
    } else if tour.is_paused() {
        right.push(Span::styled(format!(" {} ", words.paused), notice));
    } else if tour.waits_for_key() && tour.phase() == Phase::Summary {
        right.push(Span::styled(format!(" {} ", words.space_leaves), notice));
    } else if tour.waits_for_key() {
        right.push(Span::styled(format!(" {} ", words.space_continues), notice));
    } else if let Some(left) = tour.goes_on_in() {
        let seconds = left.as_secs() + 1;
        right.push(Span::styled(fill(words.next_in, &[("seconds", &seconds)]), theme.dim()));
    } else if tour.phase() == Phase::Running {
        right.push(Span::styled(words.running, theme.notice()));
    }
    right.push(Span::styled(format!("  {}x", tour.speed()), theme.dim()));
    let right = Line::from(right);
    let room = area.width.saturating_sub(u16::try_from(right.width()).unwrap_or(u16::MAX));
    let name = Span::styled(tour.script().name.clone(), theme.strong());
    let mut left = vec![Span::styled("zc demo  ", theme.head()), name];
    if let Some(conditions) = conditions {
        let (copies, style) = match conditions.copies {
            None => (words.copies_unknown.to_owned(), theme.notice()),
            Some(Provenance::Measured) => (words.copies_measured.to_owned(), theme.reference()),
            Some(other) => {
                let quality = zc_model::value::Quality { provenance: other, lower_bound: false };
                let provenance = words.provenance(other);
                let copies = fill(words.copies_other, &[("provenance", &provenance)]);
                (format!("{copies}{}", human::mark(quality)), theme.notice())
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
fn draw_position(tour: &Tour, over: Option<&str>, theme: Theme, areas: &Areas, buf: &mut Buffer) {
    let (area, has_list) = (areas.tabs, areas.body.x > areas.tabs.x);
    let scenes = &tour.script().scenes;
    let count = scenes.len();
    let title = scenes.get(tour.looking()).map_or(tour.words().summary, |scene| &scene.title);
    let place = if tour.looking() < count {
        format!("{}/{count} ", tour.looking() + 1)
    } else {
        String::new()
    };
    let heading = over.map_or_else(|| format!("{place}{title}"), str::to_owned);
    let (end, _) = buf.set_stringn(area.x, area.y, heading, usize::from(area.width), theme.head());
    let marks: Vec<_> = (0..count).map(|index| mark(tour, index, theme)).collect();
    let width = u16::try_from(marks.len()).unwrap_or(u16::MAX);
    if has_list || end.saturating_add(width).saturating_add(2) > area.right() {
        return;
    }
    for (x, (sign, style)) in (area.right() - width..).zip(marks) {
        buf.set_string(x, area.y, sign, style);
    }
}

fn draw_list(tour: &Tour, theme: Theme, area: Rect, buf: &mut Buffer) {
    let titles =
        tour.script().scenes.iter().map(|scene| scene.title.as_str()).chain([tour.words().summary]);
    let lines = usize::from(area.height);
    let first = (tour.looking() + 1).saturating_sub(lines);
    for ((index, title), y) in titles.enumerate().skip(first).zip(area.top()..area.bottom()) {
        let (sign, style) = mark(tour, index, theme);
        buf.set_string(area.x, y, sign, style);
        let room = usize::from(area.width.saturating_sub(3));
        let title = numbered(index, title, tour);
        let text = truncate(&title, room, theme.symbols.ellipsis);
        let is_known = index == tour.at() || tour.result(index).is_some();
        let look = if is_known { theme.text() } else { theme.dim() };
        buf.set_string(area.x + 2, y, &text, look);
        if index == tour.looking() {
            buf.set_style(Rect { y, height: 1, ..area }, theme.selected());
        }
    }
}

/// A heading with its number, by which it is reached.
pub(super) fn numbered(index: usize, title: &str, tour: &Tour) -> String {
    if index < tour.script().scenes.len() {
        format!("{:>2} {title}", index + 1)
    } else {
        title.to_owned()
    }
}

/// How a scene turned out, in one sign.
pub(super) fn mark(tour: &Tour, index: usize, theme: Theme) -> (&'static str, Style) {
    let Some(Exhibit { findings, sighting }) = tour.result(index) else {
        return if index == tour.at() { (">", theme.notice()) } else { (".", theme.dim()) };
    };
    if let Some(sighting) = sighting {
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
