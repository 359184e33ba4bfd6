//! Its rates over the last minutes: two curves above one axis of time.

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use super::track::{MOST, Point, Track};
use crate::{state::Context, view::canvas::Canvas, widget::sparkline};
use zc_render::{human, theme::Theme};

/// What an axis covers, intervals.
const SPANS: [usize; 4] = [60, 120, 300, MOST];

/// Cells of a time of day, and a blank before it.
const TIME_OF_DAY: usize = 14;

/// Cells left of the curves: the scale, and the axis.
const SCALE: u16 = 11;

/// What was before the page was opened is not known yet.
const READING: &str = "reading what was before...";

/// What is drawn of the points.
struct Window<'a> {
    track: &'a Track,
    points: Vec<Point>,
    /// Intervals from edge to edge.
    span: usize,
    /// Cells from edge to edge.
    width: usize,
    /// Seconds between two of them.
    each: f64,
    /// Whether there are more to come.
    is_reading: bool,
    theme: Theme,
}

/// Draws it; each curve has so many lines.
pub(super) fn draw(track: &Track, lines: u16, context: &Context, canvas: &mut Canvas) {
    let theme = context.theme();
    let points: Vec<Point> = track.points().collect();
    let is_reading = track.is_reading() && context.has_archive();
    if points.is_empty() && is_reading {
        return canvas.line(Span::styled(READING, theme.dim()));
    }
    if points.is_empty() {
        let text = "No history: it was quiet, or quieter than a thousand others.";
        return canvas.paragraph(text, 0, theme.dim());
    }
    let width = usize::from(canvas.width().saturating_sub(SCALE));
    let span = SPANS.into_iter().find(|span| *span >= points.len()).unwrap_or(MOST);
    let each = usual(track.now().1, context);
    let window = Window { track, points, span, width, each, is_reading, theme };
    window.curve("copied", |point| point.copied, theme.copied(), lines, canvas);
    window.curve("by ref", |point| point.by_reference, theme.reference(), lines, canvas);
    window.axis(canvas);
}

/// The time between two points, where the last two were so far apart: a tick that is a little late does not move those
/// before it.
fn usual(last: f64, context: &Context) -> f64 {
    let asked = context.interval().as_secs_f64();
    let is_near = (last - asked).abs() < asked / 4.0;
    if is_near && !context.is_recorded() { asked } else { last }
}

impl Window<'_> {
    fn curve(
        &self,
        label: &str,
        read: impl Fn(&Point) -> f64,
        style: Style,
        lines: u16,
        canvas: &mut Canvas,
    ) {
        let theme = self.theme;
        let values: Vec<f64> = self.points.iter().map(read).collect();
        let top = values.iter().copied().fold(0.0, f64::max);
        if top <= 0.0 {
            let none = "none in this time";
            let spans = [
                Span::styled(format!("{label:<9}"), theme.head()),
                Span::styled(format!(" {none}"), theme.dim()),
            ];
            return canvas.line(spans.to_vec());
        }
        let newest = values.last().copied().unwrap_or(0.0);
        canvas.line(Line::from(vec![
            Span::styled(format!("{label:<9}"), theme.head()),
            Span::styled(format!(" now {:<11}", human::bytes_per_sec(newest)), style),
            Span::styled(format!(" peak {}", human::bytes_per_sec(top)), theme.dim()),
        ]));
        let cells = self.cells(&values);
        let axis = theme.symbols.border.vertical_left;
        for line in 0..lines {
            let scale = if line == 0 { human::bytes_per_sec(top) } else { String::new() };
            let scale = scale.trim_end_matches("/s");
            let levels = cells.iter().map(|value| level(*value, top, line, lines));
            let drawn: String = levels.map(|level| theme.symbols.spark[level]).collect();
            canvas.line(Line::from(vec![
                Span::styled(format!("{scale:>9} {axis}"), theme.dim()),
                Span::styled(drawn, style),
            ]));
        }
    }

    /// The height of each cell, from edge to edge.
    fn cells(&self, values: &[f64]) -> Vec<f64> {
        let cells = sparkline::cells(values, self.track.newest(), self.span, self.width);
        let each = self.width.checked_div(cells.len()).unwrap_or(1);
        cells
            .into_iter()
            .flat_map(|value| std::iter::repeat_n(value.unwrap_or(0.0), each))
            .collect()
    }

    /// When it was: at each quarter.
    #[expect(clippy::cast_precision_loss, reason = "seconds are shown")]
    fn axis(&self, canvas: &mut Canvas) {
        let theme = self.theme;
        let (taken_at_ns, _) = self.track.now();
        let width = self.cells(&[]).len();
        let border = theme.symbols.border;
        canvas.line(Span::styled(
            format!("{:10}{}{}", "", border.bottom_left, border.horizontal_bottom.repeat(width)),
            theme.dim(),
        ));
        let mut text = " ".repeat(usize::from(SCALE));
        let seconds = self.span as f64 * self.each;
        for quarter in 0..4_usize {
            let label = format!("-{}", human::span(seconds * (4 - quarter) as f64 / 4.0));
            // The last ones leave room for the time of day.
            if label.len() + 2 > width / 4 || quarter == 3 && width / 4 < 18 {
                continue;
            }
            let at = usize::from(SCALE) + width * quarter / 4;
            text.push_str(&" ".repeat(at.saturating_sub(text.len())));
            text.push_str(&label);
        }
        if self.is_reading {
            let room = width.saturating_sub(TIME_OF_DAY);
            text = format!("{:1$}", "", usize::from(SCALE)) + &READING[..READING.len().min(room)];
        }
        let now = human::clock(taken_at_ns);
        let at = usize::from(SCALE) + width;
        text.push_str(&" ".repeat(at.saturating_sub(text.len() + now.len())));
        text.push_str(&now);
        canvas.line(Span::styled(text, theme.dim()));
    }
}

/// How full a cell of `line` is, counted from the top, in eighths. Anything above 0 is visible.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the quotient is between 0 and 1"
)]
fn level(value: f64, top: f64, line: u16, lines: u16) -> usize {
    if value.is_nan() || value <= 0.0 || top <= 0.0 {
        return 0;
    }
    let eighths = (value / top * 8.0 * f64::from(lines)).round().max(1.0) as usize;
    let below = usize::from(lines - 1 - line) * 8;
    eighths.saturating_sub(below).min(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_as_full_as_its_line_of_the_value() {
        let column = |value| (0..3).map(|line| level(value, 24.0, line, 3)).collect::<Vec<_>>();
        assert_eq!(column(24.0), [8, 8, 8]);
        assert_eq!(column(13.0), [0, 5, 8]);
        assert_eq!(column(0.1), [0, 0, 1], "little is more than nothing");
        assert_eq!(column(0.0), [0, 0, 0]);
        assert_eq!(level(1.0, 0.0, 0, 3), 0);
    }
}
