//! The textbook picture with measured arrows: the main road of copies and DMA between five boxes,
//! and below it, every way around.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::{Block, Widget as _},
};

use crate::{
    model::{
        frame::Frame,
        picture::{Hop, Means, Picture, Place},
    },
    sample::snapshot::Provenance,
    tui::{symbols::Arrow, text, theme::Theme},
};

/// Lines of the boxes.
const BOX_LINES: u16 = 5;
/// Below this, arrows have no room for their figures: the hops become a list.
const LEAST_WIDTH: u16 = 74;
/// Beyond this, arrows only get longer.
const MOST_WIDTH: u16 = 120;

/// A picture ready to draw.
pub struct Diagram<'a> {
    picture: &'a Picture,
    frame: &'a Frame,
    theme: Theme,
}

impl<'a> Diagram<'a> {
    /// The diagram of `picture`, which was made from `frame`.
    #[must_use]
    pub fn new(picture: &'a Picture, frame: &'a Frame, theme: Theme) -> Self {
        Self { picture, frame, theme }
    }

    /// Lines it takes at this width.
    #[must_use]
    pub fn height(&self, width: u16) -> u16 {
        let hops = if width < LEAST_WIDTH { self.listed().len() } else { self.detours().len() };
        let lines = u16::try_from(hops).unwrap_or(u16::MAX);
        if width < LEAST_WIDTH { lines.max(1) + 1 } else { BOX_LINES + lines + 1 }
    }

    /// Draws it into the top of `area`.
    pub fn draw(&self, area: Rect, buf: &mut Buffer) {
        if area.width < LEAST_WIDTH {
            self.draw_list(area, buf);
        } else {
            self.draw_boxes(area, buf);
        }
    }

    fn draw_boxes(&self, area: Rect, buf: &mut Buffer) {
        let area = Rect { width: area.width.min(MOST_WIDTH), ..area };
        let boxes = boxes(area);
        for (place, rect) in Place::ALL.iter().zip(boxes) {
            Block::bordered().border_set(self.theme.symbols.border).render(rect, buf);
            let line = Line::styled(place.title(), self.theme.strong()).centered();
            line.render(Rect::new(rect.x + 1, rect.y + 2, rect.width - 2, 1), buf);
        }
        for (index, pair) in Place::ALL.windows(2).enumerate() {
            let (left, right) = (boxes[index], boxes[index + 1]);
            let gap = Rect::new(left.right(), area.y, right.x - left.right(), BOX_LINES);
            let means = road(pair[0], pair[1]);
            self.draw_road(self.picture.hop(pair[0], pair[1], means), means, true, gap, buf);
            self.draw_road(self.picture.hop(pair[1], pair[0], means), means, false, gap, buf);
        }
        let mut y = area.y + BOX_LINES;
        for hop in self.detours() {
            if y >= area.bottom() {
                return;
            }
            self.draw_detour(hop, &boxes, y, area, buf);
            y += 1;
        }
        self.draw_legend(Rect { y, height: 1, ..area }, buf);
    }

    /// One direction between two neighbours: the figure beside its arrow.
    fn draw_road(
        &self,
        hop: Option<&Hop>,
        means: Means,
        rightwards: bool,
        gap: Rect,
        buf: &mut Buffer,
    ) {
        let (figure_y, arrow_y) = if rightwards { (0, 1) } else { (4, 3) };
        let known = hop.is_none_or(|hop| hop.provenance != Provenance::Unavailable);
        let moving = hop.is_some_and(|hop| hop.bytes > 0);
        let style = if moving { self.style(means) } else { self.theme.dim() };
        let figure = match hop {
            Some(hop) => self.rate(hop),
            None => "0".to_owned(),
        };
        let line = Line::styled(figure, style).centered();
        line.render(Rect::new(gap.x, gap.y + figure_y, gap.width, 1), buf);
        let shaft = Rect::new(gap.x, gap.y + arrow_y, gap.width, 1);
        let arrow = (moving || !known).then(|| self.arrow(means));
        self.draw_arrow(arrow, rightwards, style, shaft, buf);
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
        let style = self.style(hop.means);
        let label = format!(" {} {} ", self.rate(hop), name(hop));
        let width = u16::try_from(Span::raw(&label).width()).unwrap_or(u16::MAX);
        let (from, to) = (center(boxes[hop.from as usize]), center(boxes[hop.to as usize]));
        let (left, right) = (from.min(to), from.max(to));
        if hop.from == hop.to {
            let label = format!("{} within {}", label.trim(), hop.from.title());
            let width = u16::try_from(Span::raw(&label).width()).unwrap_or(u16::MAX);
            let x = from.saturating_sub(width / 2).min(area.right().saturating_sub(width));
            buf.set_stringn(x.max(area.x), y, &label, usize::from(area.width), style);
            return;
        }
        let corners = self.theme.symbols.corners;
        buf.set_string(left, y, corners[0], style);
        buf.set_string(right, y, corners[1], style);
        let shaft = Rect::new(left + 1, y, right - left - 1, 1);
        self.draw_arrow(Some(self.arrow(hop.means)), from < to, style, shaft, buf);
        if width + 4 <= shaft.width {
            buf.set_string(shaft.x + (shaft.width - width) / 2, y, &label, style);
        } else {
            // No room on the arrow: beside it, where there is more.
            let x = if right + 1 + width <= area.right() {
                right + 1
            } else {
                left.saturating_sub(width).max(area.x)
            };
            buf.set_stringn(x, y, &label, usize::from(area.right() - x), style);
        }
    }

    fn draw_legend(&self, area: Rect, buf: &mut Buffer) {
        let sample = |means: Means| {
            let arrow = self.arrow(means);
            let shaft: String = arrow.shaft.iter().cycle().take(3).copied().collect();
            Span::styled(format!("{shaft}{}", arrow.right), self.style(means))
        };
        let line = Line::from(vec![
            sample(Means::Copy),
            Span::styled(" copied by the CPU   ", self.theme.dim()),
            sample(Means::Reference),
            Span::styled(" by reference   ", self.theme.dim()),
            sample(Means::Dma),
            Span::styled(" left to the device", self.theme.dim()),
        ]);
        buf.set_line(area.x, area.y, &line, area.width);
    }

    fn draw_list(&self, area: Rect, buf: &mut Buffer) {
        let hops = self.listed();
        if hops.is_empty() {
            buf.set_stringn(
                area.x,
                area.y,
                "nothing moved in this interval",
                usize::from(area.width),
                self.theme.dim(),
            );
        }
        for (hop, y) in hops.into_iter().zip(area.top()..area.bottom()) {
            let arrow = self.arrow(hop.means);
            let shaft: String = arrow.shaft.iter().cycle().take(2).copied().collect();
            let line = Line::from(vec![
                Span::raw(format!("{:>10} ", hop.from.title())),
                Span::styled(format!("{shaft}{}", arrow.right), self.style(hop.means)),
                Span::raw(format!(" {:<10} ", hop.to.title())),
                Span::styled(format!("{:>8} {}", self.rate(hop), name(hop)), self.style(hop.means)),
            ]);
            buf.set_line(area.x, y, &line, area.width);
        }
    }

    fn detours(&self) -> Vec<&'a Hop> {
        self.sorted(|hop| hop.bytes > 0 && !is_road(hop))
    }

    fn listed(&self) -> Vec<&'a Hop> {
        self.sorted(|hop| hop.bytes > 0)
    }

    fn sorted(&self, keep: impl Fn(&Hop) -> bool) -> Vec<&'a Hop> {
        let mut hops: Vec<&Hop> = self.picture.0.iter().filter(|hop| keep(hop)).collect();
        hops.sort_by_key(|hop| (hop.from, hop.to, hop.means));
        hops
    }

    fn style(&self, means: Means) -> Style {
        match means {
            Means::Copy => self.theme.copied(),
            Means::Reference => self.theme.reference(),
            Means::Dma => self.theme.dma(),
        }
    }

    fn rate(&self, hop: &Hop) -> String {
        text::short_rate(hop.bytes, hop.provenance, self.frame.seconds())
    }

    fn arrow(&self, means: Means) -> Arrow {
        match means {
            Means::Copy => self.theme.symbols.copy,
            Means::Reference => self.theme.symbols.reference,
            Means::Dma => self.theme.symbols.dma,
        }
    }
}

/// How bytes travel on the main road between these neighbours.
fn road(a: Place, b: Place) -> Means {
    let device = |place| matches!(place, Place::Storage | Place::Network);
    if device(a) || device(b) { Means::Dma } else { Means::Copy }
}

fn is_road(hop: &Hop) -> bool {
    (hop.from as usize).abs_diff(hop.to as usize) == 1 && hop.means == road(hop.from, hop.to)
}

fn name(hop: &Hop) -> &'static str {
    match (hop.means, hop.provenance) {
        (Means::Reference, Provenance::Unavailable) => "copied or by reference",
        (Means::Copy, _) => "copied",
        (Means::Reference, _) => "by reference",
        (Means::Dma, _) => "DMA",
    }
}

fn center(rect: Rect) -> u16 {
    rect.x + rect.width / 2
}

/// The five boxes, spread over the width.
fn boxes(area: Rect) -> [Rect; 5] {
    let widths = Place::ALL.iter().map(|place| u16::try_from(place.title().len()).unwrap_or(0) + 2);
    let taken: u16 = widths.clone().sum();
    let gap = area.width.saturating_sub(taken) / 4;
    let mut x = area.x;
    let mut boxes = [Rect::ZERO; 5];
    for (rect, width) in boxes.iter_mut().zip(widths) {
        *rect = Rect::new(x, area.y, width, BOX_LINES);
        x += width + gap;
    }
    boxes
}
