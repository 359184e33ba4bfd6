//! The last ten minutes below the table: what was copied, by which commands, and where the moments are that have a name.

use std::sync::Arc;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::state::Context;
use zc_model::history::timeline::{self, Bar, Timeline};
use zc_render::{human, sanitize::sanitize, theme::Theme};

/// Cells left of the bars: the scale, and the axis.
const SCALE: u16 = 10;
/// Lines around the bars: a rule with the names, the axis, and its times.
const AROUND: u16 = 3;
/// Commands that have a texture of their own.
const LEADERS: usize = 3;

/// Lines that it takes of a page of this height; 0 where there is no room.
pub(super) const fn lines(body: Rect) -> u16 {
    match body.height {
        ..30 => 0,
        30..40 => AROUND + 5,
        _ => AROUND + 8,
    }
}

/// Draws it.
pub(super) fn draw(context: &Context, shown_ns: u64, area: Rect, buf: &mut Buffer) {
    let theme = context.theme();
    let timeline = context.timeline();
    let span_ns = span_ns(timeline);
    let leaders = timeline.leaders(LEADERS, span_ns).into_iter();
    let leaders: Vec<Arc<str>> = leaders.map(|(comm, _)| comm).collect();
    let width = area.width.saturating_sub(SCALE);
    let bars = timeline.bars(usize::from(width), span_ns, &leaders);
    let graph = Graph {
        theme,
        bars: &bars,
        top: bars.iter().flatten().map(|bar| bar.copied).fold(0.0, f64::max),
        lines: area.height.saturating_sub(AROUND),
    };
    title(context, span_ns, &leaders, &bars, area, buf);
    graph.draw(area, buf);
    axis(context, span_ns, shown_ns, area, buf);
}

/// What is drawn, and whose textures these are.
fn title(
    context: &Context,
    span_ns: u64,
    leaders: &[Arc<str>],
    bars: &[Option<Bar>],
    area: Rect,
    buf: &mut Buffer,
) {
    let theme = context.theme();
    let rule = theme.symbols.border.horizontal_top;
    buf.set_stringn(
        area.x,
        area.y,
        rule.repeat(usize::from(area.width)),
        usize::from(area.width),
        theme.dim(),
    );
    // What the line of the filter selects is not known of what was before.
    let of = if context.is_filtered() { " by all processes" } else { "" };
    let title = format!("copied{of}, last {} ", human::span(span_ns as f64 / 1e9));
    let mut spans = vec![Span::styled(title, theme.head())];
    let is_more = |bar: &Bar| bar.leaders.iter().sum::<f64>() < bar.copied * 0.99;
    let has_others = bars.iter().flatten().any(is_more);
    let names = leaders.iter().map(|comm| sanitize(comm).into_owned());
    let names = names.chain(has_others.then(|| "others".to_owned()));
    let shades = theme.symbols.shades;
    for (at, name) in names.enumerate() {
        let texture = if at < leaders.len() { shades[at] } else { shades[LEADERS] };
        spans.push(Span::styled(format!(" {}", texture.repeat(2)), theme.copied()));
        spans.push(Span::styled(format!(" {name} "), theme.text()));
    }
    let signs = theme.symbols.moments;
    if context.baseline().is_some() {
        spans.push(Span::styled(format!(" {} baseline ", signs.baseline), theme.head()));
    }
    for (_, text) in context.timeline().marks() {
        let text = sanitize(text).into_owned();
        spans.push(Span::styled(format!(" {} {text} ", signs.mark), theme.head()));
    }
    // Of what does not fit, the end is left out as a whole.
    let room = usize::from(area.width.saturating_sub(2));
    let mut used = 0;
    spans.retain(|span| {
        used += span.width();
        used <= room
    });
    buf.set_line(area.x + 1, area.y, &Line::from(spans), area.width.saturating_sub(1));
}

struct Graph<'a> {
    theme: Theme,
    bars: &'a [Option<Bar>],
    /// The highest bar, bytes per second.
    top: f64,
    lines: u16,
}

impl Graph<'_> {
    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let border = self.theme.symbols.border.vertical_left;
        for line in 0..self.lines {
            let y = area.y + 1 + line;
            let scale = if line == 0 && self.top > 0.0 {
                human::bytes_per_sec(self.top)
            } else {
                String::new()
            };
            let scale = format!("{:>9}{border}", scale.trim_end_matches("/s"));
            buf.set_stringn(area.x, y, scale, usize::from(SCALE), self.theme.dim());
            for (bar, x) in self.bars.iter().zip(area.x + SCALE..) {
                if let Some(bar) = bar {
                    let (sign, style) = self.cell(bar, line);
                    buf.set_stringn(x, y, sign, 1, style);
                }
            }
        }
    }

    /// A cell of `line`, counted from the top: who copied what is in the middle of it.
    fn cell(&self, bar: &Bar, line: u16) -> (&'static str, Style) {
        let symbols = self.theme.symbols;
        let style = self.theme.copied();
        if bar.copied <= 0.0 || self.top <= 0.0 {
            return (" ", style);
        }
        let lines = f64::from(self.lines);
        let height = bar.copied / self.top * lines;
        let below = f64::from(self.lines - 1 - line);
        let fill = height - below;
        // Little is more than nothing.
        let fill = if below == 0.0 { fill.max(0.125) } else { fill };
        if fill < 0.0625 {
            return (" ", style);
        }
        let middle = (below + fill.min(1.0) / 2.0) / lines * self.top;
        let mut sum = 0.0;
        let owner = bar.leaders.iter().position(|one| {
            sum += one;
            middle < sum
        });
        let texture = symbols.shades[owner.unwrap_or(LEADERS)];
        if fill >= 0.9375 || owner.is_some_and(|at| at > 0) || owner.is_none() {
            // Textures have no eighths.
            return (if fill >= 0.5 || below == 0.0 { texture } else { " " }, style);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 1 of a cell"
        )]
        let eighths = (fill * 8.0).round().clamp(1.0, 8.0) as usize;
        (symbols.spark[eighths], style)
    }
}

/// The axis with its moments, and when it was.
fn axis(context: &Context, span_ns: u64, shown_ns: u64, area: Rect, buf: &mut Buffer) {
    let theme = context.theme();
    let timeline = context.timeline();
    let border = theme.symbols.border;
    let width = area.width.saturating_sub(SCALE);
    let y = area.bottom() - 2;
    let line = format!(
        "{:>9}{}{}",
        "0",
        border.bottom_left,
        border.horizontal_bottom.repeat(usize::from(width))
    );
    buf.set_stringn(area.x, y, line, usize::from(area.width), theme.dim());
    let Some(end_ns) = timeline.end_ns() else { return };
    let place = |at_ns: u64| {
        let back = end_ns.checked_sub(at_ns)?;
        let cell = u64::from(width).checked_sub(1 + cells(back, span_ns, width))?;
        u16::try_from(cell).ok().map(|cell| area.x + SCALE + cell)
    };
    let mut put = |at_ns: u64, sign: &str, style: Style| {
        if let Some(x) = place(at_ns) {
            buf.set_stringn(x, y, sign, 1, style);
        }
    };
    let signs = theme.symbols.moments;
    for (at_ns, _) in timeline.marks() {
        put(at_ns, signs.mark, theme.notice());
    }
    if let Some(baseline) = context.baseline() {
        put(baseline.at_ns, signs.baseline, theme.notice());
    }
    if shown_ns < end_ns {
        put(shown_ns, signs.shown, theme.notice());
    }
    let seconds = span_ns as f64 / 1e9;
    for quarter in 0..4 {
        let x = area.x + SCALE + width / 4 * quarter;
        let label = format!("-{}", human::span(seconds * f64::from(4 - quarter) / 4.0));
        // The last one leaves room for the time of day.
        if width >= 60 {
            buf.set_stringn(x, y + 1, label, usize::from(width / 4), theme.dim());
        }
    }
    let now = human::clock(end_ns);
    let length = u16::try_from(now.len()).unwrap_or(0);
    let x = area.right().saturating_sub(length);
    buf.set_stringn(x, y + 1, &now, now.len(), theme.dim());
}

/// How many cells back a time is.
fn cells(back_ns: u64, span_ns: u64, width: u16) -> u64 {
    let cells = u128::from(back_ns) * u128::from(width) / u128::from(span_ns);
    u64::try_from(cells).unwrap_or(u64::MAX)
}

/// What the graph covers: one minute at first, ten in the end.
fn span_ns(timeline: &Timeline) -> u64 {
    const MINUTE_NS: u64 = 60_000_000_000;
    let reach_ns = timeline.reach_ns();
    let spans = [MINUTE_NS, 2 * MINUTE_NS, 5 * MINUTE_NS];
    spans.into_iter().find(|span| *span >= reach_ns).unwrap_or(timeline::SPAN_NS)
}
