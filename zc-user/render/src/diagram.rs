//! The textbook picture with measured arrows: the main road of copies and DMA between five boxes,
//! and below it, every way around.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::{Block, Widget as _},
};

use self::labels::Labels;
use crate::{
    cell, plain,
    sanitize::{pad, pad_start, width},
    symbols::Arrow,
    theme::Theme,
    wrap,
};
use zc_model::{
    picture::{Hop, Means, Picture, Place, road},
    snapshot::Provenance,
};

pub mod labels;

/// Below this, arrows have no room for their figures: the hops become a list.
const LEAST_WIDTH: u16 = 74;
/// Beyond this, arrows only get longer.
const MOST_WIDTH: u16 = 120;
/// Cells of an arrow, below which the names of places are broken into lines.
const LEAST_GAP: u16 = 8;
/// Cells of an arrow on which a figure has room for its whole unit.
const LONG_GAP: u16 = 11;
/// Lines of the boxes where bytes travel both ways.
const BOTH_WAYS: u16 = 5;

/// What the figures are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unit {
    /// Bytes per second, of an interval of so many seconds. A road on which nothing travels stays,
    /// so that the picture does not jump from interval to interval.
    PerSecond(f64),
    /// Bytes. Only roads that lead on have a figure of 0.
    Total,
}

/// A picture ready to draw.
#[derive(Clone, Copy, Debug)]
pub struct Diagram<'a> {
    picture: &'a Picture,
    theme: Theme,
    unit: Unit,
    labels: &'static Labels,
    legend: bool,
    answer: Answer,
}

/// How much of a picture is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// All of it.
    Whole,
    /// So many arrows of [`Picture::travelled`], the last of them with bytes that have come so far.
    First(usize, u16),
    /// None: a question on each arrow, along which bytes have come so far, if something moves.
    None(Option<u16>),
}

/// A byte on its way.
const BEAD: &str = "o";
/// Cells from one to the next.
const BEADS: u16 = 6;
/// Cells of a name that stays in one line.
const SHORT_NAME: usize = 6;
/// On an arrow that is not known yet.
const QUESTION: &str = "?";

/// Where the boxes are.
struct Layout {
    boxes: [Rect; 5],
    /// Whether long names are broken into lines.
    broken: bool,
    /// Lines of the boxes.
    lines: u16,
    both_ways: bool,
}

impl<'a> Diagram<'a> {
    /// The diagram of `picture`.
    #[must_use]
    pub fn new(picture: &'a Picture, theme: Theme, unit: Unit) -> Self {
        Self { picture, theme, unit, labels: &labels::ENGLISH, legend: true, answer: Answer::Whole }
    }

    /// With the words of another language.
    #[must_use]
    pub const fn labelled(self, labels: &'static Labels) -> Self {
        Self { labels, ..self }
    }

    /// As a question: the places, and no answer on any arrow. With a beat, bytes move along them.
    #[must_use]
    pub fn asked(self, beat: Option<u16>) -> Self {
        Self { answer: Answer::None(beat), ..self }
    }

    /// Only the first arrows, with bytes that move along the last one; the others are still questions.
    #[must_use]
    pub fn first(self, arrows: usize, beat: u16) -> Self {
        Self { answer: Answer::First(arrows, beat), ..self }
    }

    /// Without the line that says what the arrows mean, where several share one.
    #[must_use]
    pub fn without_legend(mut self) -> Self {
        self.legend = false;
        self
    }

    /// Lines it takes at this width.
    #[must_use]
    pub fn height(&self, width: u16) -> u16 {
        let count = |hops: usize| u16::try_from(hops).unwrap_or(u16::MAX - BOTH_WAYS - 1);
        let lines = if width < LEAST_WIDTH {
            count(self.picture.travelled().len()).max(1)
        } else {
            self.layout(Rect::new(0, 0, width, 1)).lines + count(self.picture.detours().len())
        };
        lines + u16::from(self.legend)
    }

    /// Draws it into the top of `area`.
    pub fn draw(&self, area: Rect, buf: &mut Buffer) {
        if area.width < LEAST_WIDTH || area.height < self.layout(area).lines {
            // Has words, and no room for a legend: a blank line is in its place.
            self.draw_list(area, buf);
            return;
        }
        let below = self.draw_boxes(Rect { width: area.width.min(MOST_WIDTH), ..area }, buf);
        if self.legend && below < area.bottom() {
            let legend = legend(self.theme, self.labels);
            buf.set_line(area.x, below, &legend, area.width);
        }
    }

    /// The diagram as lines of text, `width` cells wide at most, with or without escape sequences
    /// for colours.
    #[must_use]
    pub fn to_text(&self, width: u16, color: bool) -> String {
        let area = Rect::new(0, 0, width, self.height(width));
        let mut buf = Buffer::empty(area);
        self.draw(area, &mut buf);
        plain::text(&buf, color)
    }

    /// Returns the line below it.
    fn draw_boxes(&self, area: Rect, buf: &mut Buffer) -> u16 {
        let layout = self.layout(area);
        for (place, rect) in Place::ALL.iter().zip(layout.boxes) {
            self.draw_place(*place, layout.broken, rect.intersection(area), buf);
        }
        for (index, pair) in Place::ALL.windows(2).enumerate() {
            let (left, right) = (layout.boxes[index], layout.boxes[index + 1]);
            let gap = Rect::new(left.right(), area.y, right.x - left.right(), layout.lines);
            let rightwards =
                if layout.both_ways { (0, 1) } else { (gap.height - 3, gap.height - 2) };
            self.draw_road(pair[0], pair[1], rightwards, gap, buf);
            if layout.both_ways {
                self.draw_road(pair[1], pair[0], (4, 3), gap, buf);
            }
        }
        let mut y = area.y + layout.lines;
        for hop in self.picture.detours() {
            if y >= area.bottom() {
                break;
            }
            self.draw_detour(hop, &layout.boxes, y, area, buf);
            y += 1;
        }
        y
    }

    fn draw_place(&self, place: Place, broken: bool, rect: Rect, buf: &mut Buffer) {
        Block::bordered().border_set(self.theme.symbols.border).render(rect, buf);
        let idle = self.unit == Unit::Total
            && self.answer == Answer::Whole
            && !self.picture.travelled().iter().any(|hop| hop.from == place || hop.to == place);
        let style = if idle { self.theme.dim() } else { self.theme.strong() };
        let lines = name_lines(self.picture.name(place), broken);
        let above = rect.height.saturating_sub(count(lines.len())) / 2;
        for (line, y) in lines.into_iter().zip(rect.y + above..rect.bottom()) {
            let line = Line::styled(line, style).centered();
            line.render(Rect::new(rect.x + 1, y, rect.width - 2, 1), buf);
        }
    }

    /// One direction between two neighbours: the figure next to its arrow, on these lines.
    fn draw_road(
        &self,
        from: Place,
        to: Place,
        (figure_y, arrow_y): (u16, u16),
        gap: Rect,
        buf: &mut Buffer,
    ) {
        let hop = self.picture.on_road(from, to);
        let means = hop.map_or(road(from, to), |hop| hop.means);
        let rightwards = from < to;
        let known = hop.is_none_or(|hop| hop.provenance != Provenance::Unavailable);
        let moving = hop.is_some_and(|hop| hop.bytes > 0);
        if self.unit == Unit::Total && !rightwards && !moving {
            return;
        }
        let is_hidden = self.hides(hop);
        let style = if moving && !is_hidden { self.style(means) } else { self.theme.dim() };
        let figure = match hop {
            _ if is_hidden && !rightwards => return,
            _ if is_hidden => QUESTION.to_owned(),
            Some(hop) => self.figure(hop, gap.width),
            None => "0".to_owned(),
        };
        let line = Line::styled(figure, style).centered();
        line.render(Rect::new(gap.x, gap.y + figure_y, gap.width, 1), buf);
        let shaft = Rect::new(gap.x, gap.y + arrow_y, gap.width, 1);
        let arrow = ((moving || !known) && !is_hidden).then(|| arrow(self.theme, means));
        self.draw_arrow(arrow, rightwards, style, shaft, buf);
        if let Some(beat) = self.beat(hop) {
            draw_beads(beat, rightwards, style, shaft, buf);
        }
    }

    /// Whether this is not to be seen yet.
    fn hides(&self, hop: Option<&Hop>) -> bool {
        match self.answer {
            Answer::Whole => false,
            Answer::None(_) => true,
            // Nothing is an answer, too, which comes last.
            Answer::First(arrows, _) => {
                let hops = self.picture.travelled().len();
                self.turn(hop).unwrap_or(hops) >= arrows
            }
        }
    }

    /// How far bytes have come on this arrow, if they are shown on it.
    fn beat(&self, hop: Option<&Hop>) -> Option<u16> {
        match self.answer {
            Answer::Whole => None,
            Answer::None(beat) => beat,
            Answer::First(arrows, beat) => {
                self.turn(hop).filter(|turn| turn + 1 == arrows).map(|_| beat)
            }
        }
    }

    /// Which of the arrows it is, if something travels.
    fn turn(&self, hop: Option<&Hop>) -> Option<usize> {
        self.picture.travelled().iter().position(|it| Some(*it) == hop)
    }

    fn draw_arrow(
        &self,
        arrow: Option<Arrow>,
        rightwards: bool,
        style: Style,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let idle = [self.theme.symbols.idle];
        let shaft = arrow.map_or(&idle[..], |arrow| arrow.shaft);
        for (x, sign) in (area.left()..area.right()).zip(shaft.iter().cycle()) {
            buf.set_string(x, area.y, sign, style);
        }
        let Some(arrow) = arrow else { return };
        if rightwards {
            buf.set_string(area.right() - 1, area.y, arrow.right, style);
        } else {
            buf.set_string(area.left(), area.y, arrow.left, style);
        }
    }

    /// A way around the main road: an arrow below the boxes, or words where it goes nowhere.
    fn draw_detour(&self, hop: &Hop, boxes: &[Rect; 5], y: u16, area: Rect, buf: &mut Buffer) {
        if self.hides(Some(hop)) {
            return;
        }
        let style = self.style(hop.means);
        let room = match self.unit {
            Unit::PerSecond(_) => boxes[1].x.saturating_sub(boxes[0].right()),
            Unit::Total => 0,
        };
        let label = format!(" {} {} ", self.figure(hop, room), self.labels.name(hop));
        let width = u16::try_from(Span::raw(&label).width()).unwrap_or(u16::MAX);
        let (from, to) = (center(boxes[hop.from as usize]), center(boxes[hop.to as usize]));
        let (left, right) = (from.min(to), from.max(to));
        if hop.from == hop.to {
            let place = self.picture.name(hop.from);
            let label = format!("{} {} {place}", label.trim(), self.labels.within);
            let width = u16::try_from(Span::raw(&label).width()).unwrap_or(u16::MAX);
            let x = from.saturating_sub(width / 2).min(area.right().saturating_sub(width));
            buf.set_stringn(x.max(area.x), y, &label, usize::from(area.width), style);
            return;
        }
        let corners = self.theme.symbols.corners;
        buf.set_string(left, y, corners[0], style);
        buf.set_string(right, y, corners[1], style);
        let shaft = Rect::new(left + 1, y, right - left - 1, 1);
        self.draw_arrow(Some(arrow(self.theme, hop.means)), from < to, style, shaft, buf);
        if let Some(beat) = self.beat(Some(hop)) {
            draw_beads(beat, from < to, style, shaft, buf);
        }
        if width + 4 <= shaft.width {
            buf.set_string(shaft.x + (shaft.width - width) / 2, y, &label, style);
        } else {
            // No room on the arrow: next to it, where there is more.
            let x = if right + 1 + width <= area.right() {
                right + 1
            } else {
                left.saturating_sub(width).max(area.x)
            };
            buf.set_stringn(x, y, &label, usize::from(area.right() - x), style);
        }
    }

    fn draw_list(&self, area: Rect, buf: &mut Buffer) {
        let mut hops = self.picture.travelled();
        hops.retain(|hop| !self.hides(Some(hop)));
        if hops.is_empty() {
            let words = match self.unit {
                _ if self.answer != Answer::Whole => QUESTION,
                Unit::PerSecond(_) => self.labels.nothing_in_this_interval,
                Unit::Total => self.labels.nothing,
            };
            buf.set_stringn(area.x, area.y, words, usize::from(area.width), self.theme.dim());
        }
        let names = Place::ALL.iter().map(|place| width(self.picture.name(*place)));
        let room = names.max().unwrap_or(0);
        for (hop, y) in hops.into_iter().zip(area.top()..area.bottom()) {
            let (from, to) = (self.picture.name(hop.from), self.picture.name(hop.to));
            let style = self.style(hop.means);
            let line = Line::from(vec![
                Span::raw(format!("{} ", pad_start(from, room))),
                Span::styled(sample(self.theme, hop.means, 2), style),
                Span::raw(format!(" {} ", pad(to, room))),
                Span::styled(
                    format!("{:>8} {}", self.figure(hop, 0), self.labels.name(hop)),
                    style,
                ),
            ]);
            buf.set_line(area.x, y, &line, area.width);
        }
    }

    /// The five boxes, spread over the width.
    fn layout(&self, area: Rect) -> Layout {
        let whole = self.widths(false);
        let broken = gap(area.width, whole) < LEAST_GAP;
        let widths = if broken { self.widths(true) } else { whole };
        let both_ways = match self.unit {
            Unit::PerSecond(_) => true,
            Unit::Total => Place::ALL.windows(2).any(|pair| {
                self.picture.on_road(pair[1], pair[0]).is_some_and(|hop| hop.bytes > 0)
            }),
        };
        let names = Place::ALL.iter().map(|place| name_lines(self.picture.name(*place), broken));
        let names = names.map(|lines| count(lines.len())).max().unwrap_or(1);
        let lines = if both_ways { BOTH_WAYS } else { 2 + names };
        let mut x = area.x;
        let mut boxes = [Rect::ZERO; 5];
        for (rect, width) in boxes.iter_mut().zip(widths) {
            *rect = Rect::new(x, area.y, width, lines);
            x += width + gap(area.width, widths);
        }
        Layout { boxes, broken, lines, both_ways }
    }

    fn widths(&self, broken: bool) -> [u16; 5] {
        let mut widths = [0; 5];
        for (room, place) in widths.iter_mut().zip(Place::ALL) {
            let lines = name_lines(self.picture.name(*place), broken);
            *room = count(lines.iter().map(|line| width(line)).max().unwrap_or(0)) + 2;
        }
        widths
    }

    fn style(&self, means: Means) -> Style {
        style(self.theme, means)
    }

    /// The bytes of a hop in so many cells, with the whole unit if there is room. All figures of a picture are written
    /// in the same way.
    fn figure(&self, hop: &Hop, room: u16) -> String {
        let seconds = match self.unit {
            Unit::PerSecond(seconds) => seconds,
            Unit::Total => return cell::short_bytes(hop.bytes, hop.provenance, room >= LONG_GAP),
        };
        let full = |hop: &Hop| cell::rate_of(hop.bytes, hop.provenance, seconds);
        let without = |hop: &Hop| full(hop).replace("/s", "");
        let fits = |hop: &Hop| Span::raw(without(hop)).width() <= usize::from(room);
        if room >= LONG_GAP {
            full(hop)
        } else if room >= LEAST_GAP && self.picture.travelled().into_iter().all(fits) {
            without(hop)
        } else {
            cell::short_rate(hop.bytes, hop.provenance, seconds)
        }
    }
}

/// Bytes on their way along an arrow, whose head stays.
fn draw_beads(beat: u16, rightwards: bool, style: Style, shaft: Rect, buf: &mut Buffer) {
    for along in (beat % BEADS..shaft.width.saturating_sub(1)).step_by(usize::from(BEADS)) {
        let x = if rightwards { shaft.x + along } else { shaft.right() - 1 - along };
        buf.set_string(x, shaft.y, BEAD, style);
    }
}

/// What the arrows mean, in a line.
#[must_use]
pub fn legend(theme: Theme, labels: &Labels) -> Line<'static> {
    let sample = |means| Span::styled(sample(theme, means, 3), style(theme, means));
    let word = |word: &str, end: &str| Span::styled(format!(" {word}{end}"), theme.dim());
    Line::from(vec![
        sample(Means::Copy),
        word(labels.copied_by_the_cpu, "   "),
        sample(Means::Reference),
        word(labels.by_reference, "   "),
        sample(Means::Dma),
        word(labels.by_the_device, ""),
    ])
}

/// A short arrow to the right.
fn sample(theme: Theme, means: Means, shaft: usize) -> String {
    let arrow = arrow(theme, means);
    let shaft: String = arrow.shaft.iter().cycle().take(shaft).copied().collect();
    format!("{shaft}{}", arrow.right)
}

fn style(theme: Theme, means: Means) -> Style {
    match means {
        Means::Copy => theme.copied(),
        Means::Reference => theme.reference(),
        Means::Dma => theme.dma(),
    }
}

fn arrow(theme: Theme, means: Means) -> Arrow {
    match means {
        Means::Copy => theme.symbols.copy,
        Means::Reference => theme.symbols.reference,
        Means::Dma => theme.symbols.dma,
    }
}

/// The name of a place, a line per word if it is broken; a long one without blanks in halves.
fn name_lines(name: &str, broken: bool) -> Vec<&str> {
    if !broken {
        return vec![name];
    }
    if name.contains(' ') || width(name) <= SHORT_NAME {
        return name.split(' ').collect();
    }
    // Where it can be broken: a name in narrow characters is one piece.
    let half = wrap::pieces(name).scan(0, |end, piece| {
        *end += piece.text.len();
        Some(*end)
    });
    match half
        .take_while(|end| *end < name.len())
        .find(|end| 2 * width(&name[..*end]) >= width(name))
    {
        Some(end) => vec![&name[..end], &name[end..]],
        None => vec![name],
    }
}

fn center(rect: Rect) -> u16 {
    rect.x + rect.width / 2
}

/// Cells between boxes of these widths.
fn gap(width: u16, boxes: [u16; 5]) -> u16 {
    width.saturating_sub(boxes.iter().sum()) / 4
}

fn count(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}
