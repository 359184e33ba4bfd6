//! What happened over time, as curves with axes and units.

use zc_render::human;

use super::markup::{Page, Step};
use crate::{
    series::{CURVES, Series, Stretch},
    text::rate,
};

/// Size of a drawing, and what of it the axes take.
#[derive(Clone, Copy)]
struct Size {
    class: &'static str,
    width: f64,
    height: f64,
    left: f64,
    /// Stretches that it has room for.
    most: usize,
    /// Distance between two times on the axis, at least.
    step: f64,
}

const WIDE: Size =
    Size { class: "wide", width: 1_000.0, height: 260.0, left: 86.0, most: 600, step: 90.0 };
const NARROW: Size =
    Size { class: "narrow", width: 340.0, height: 220.0, left: 70.0, most: 120, step: 62.0 };
const TOP: f64 = 22.0;
const RIGHT: f64 = 14.0;
const BOTTOM: f64 = 40.0;

/// A curve: its class, its name, and what it shows.
type Drawn<'a> = (&'static str, String, Box<dyn Fn(&Stretch) -> u64 + 'a>);

/// Writes two charts: how fast bytes moved and how, and which commands copied.
pub(super) fn write(series: &Series, page: &mut Page) {
    // The most important one is drawn last, on top.
    let classes = ["curve copied", "curve reference", "curve device"];
    let drawn = classes.into_iter().zip(CURVES).rev();
    let curves: Vec<Drawn<'_>> =
        drawn.map(|(class, it)| (class, it.name.to_owned(), Box::new(it.of) as _)).collect();
    page.raw("<figure class=\"chart\">\n");
    for (size, id) in [(WIDE, "rates"), (NARROW, "rates-narrow")] {
        lines(series, &curves, size, id, page);
    }
    page.raw("<figcaption class=\"legend\">");
    for (class, name, _) in curves.iter().rev() {
        key(class, true, name, page);
    }
    page.raw("</figcaption>\n</figure>\n");
    if series.commands.len() > 1 {
        by_command(series, page);
    }
}

/// Whose copies: areas on top of each other, which add up to what was copied.
fn by_command(series: &Series, page: &mut Page) {
    const CLASSES: [&str; 4] = ["area one", "area two", "area three", "area four"];
    let mut areas: Vec<Drawn<'_>> = Vec::new();
    for (at, (command, class)) in series.commands.iter().zip(CLASSES).enumerate() {
        let of = move |it: &Stretch| it.of_commands.get(at).copied().unwrap_or(0);
        areas.push((class, command.clone(), Box::new(of)));
    }
    let others = |it: &Stretch| {
        it.copied.saturating_sub(it.of_commands.iter().copied().fold(0, u64::saturating_add))
    };
    if series.stretches.iter().any(|it| others(it) > 0) {
        areas.push(("area others", "others".to_owned(), Box::new(others)));
    }
    page.raw("<figure class=\"chart\">\n");
    for (size, id) in [(WIDE, "commands"), (NARROW, "commands-narrow")] {
        stacked(series, &areas, size, id, page);
    }
    page.raw("<figcaption class=\"legend\">");
    for (class, name, _) in &areas {
        key(class, false, name, page);
    }
    page.raw("</figcaption>\n</figure>\n");
}

/// An item of a legend.
fn key(class: &'static str, is_line: bool, name: &str, page: &mut Page) {
    page.raw("<span><svg viewBox=\"0 0 44 12\" aria-hidden=\"true\">");
    if is_line {
        page.path(class, &[Step::Move(0.0, 6.0), Step::Across(44.0)]);
    } else {
        page.shape("rect", class, &[("x", 12.0), ("width", 20.0), ("height", 12.0)]);
    }
    page.raw("</svg> ");
    page.text(name);
    page.raw("</span>");
}

fn lines(series: &Series, curves: &[Drawn<'_>], size: Size, id: &'static str, page: &mut Page) {
    let stretches = series.coarser(size.most);
    let rates = |of: &dyn Fn(&Stretch) -> u64| -> Vec<f64> {
        stretches.iter().map(|it| rate(of(it), it)).collect()
    };
    let all: Vec<Vec<f64>> = curves.iter().map(|(_, _, of)| rates(of)).collect();
    let peak = all.iter().flatten().copied().fold(0.0, f64::max);
    let axes = Axes::new(series, size, peak);
    let peaks = curves.iter().zip(&all).rev().map(|((_, name, _), rates)| {
        let peak = rates.iter().copied().fold(0.0, f64::max);
        format!("{name} at most {}", human::bytes_per_sec(peak))
    });
    let words = format!("{}.", peaks.collect::<Vec<_>>().join("; "));
    page.drawing(size.class, id, (size.width, size.height), "Bytes per second over time", &words);
    axes.draw(series, page);
    for ((class, ..), rates) in curves.iter().zip(&all) {
        if *class == "curve copied" {
            let mut steps = axes.steps(&stretches, rates);
            steps.extend([Step::Down(axes.y(0.0)), Step::Across(axes.x(0)), Step::Close]);
            page.path("under copied", &steps);
        }
        page.path(class, &axes.steps(&stretches, rates));
    }
    page.raw("</svg>\n");
}

fn stacked(series: &Series, areas: &[Drawn<'_>], size: Size, id: &'static str, page: &mut Page) {
    let stretches = series.coarser(size.most);
    // Of each area the upper edge: its own and all before it.
    let mut sums = vec![0.0; stretches.len()];
    let mut edges: Vec<Vec<f64>> = Vec::new();
    for (_, _, of) in areas {
        for (sum, stretch) in sums.iter_mut().zip(&stretches) {
            *sum += rate(of(stretch), stretch);
        }
        edges.push(sums.clone());
    }
    let peak = sums.iter().copied().fold(0.0, f64::max);
    let axes = Axes::new(series, size, peak);
    let totals = areas.iter().map(|(_, name, of)| {
        let total = series.stretches.iter().map(of).fold(0, u64::saturating_add);
        format!("{name} {}", human::bytes(total))
    });
    let words = format!("In all: {}.", totals.collect::<Vec<_>>().join("; "));
    let title = "Bytes copied per second, by command";
    page.drawing(size.class, id, (size.width, size.height), title, &words);
    axes.draw(series, page);
    // The topmost first: each hides what is below its own part.
    for ((class, ..), edge) in areas.iter().zip(&edges).rev() {
        let mut steps = axes.steps(&stretches, edge);
        steps.extend([Step::Down(axes.y(0.0)), Step::Across(axes.x(0)), Step::Close]);
        page.path(class, &steps);
    }
    page.raw("</svg>\n");
}

struct Axes {
    size: Size,
    span_ns: u64,
    /// The rate at the top, and between two lines.
    top: f64,
    line: f64,
}

impl Axes {
    fn new(series: &Series, size: Size, peak: f64) -> Self {
        let line = nice(peak / 4.0);
        Self {
            size,
            span_ns: series.span_ns().max(1),
            top: (peak / line).ceil().max(1.0) * line,
            line,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a pixel is a thousandth")]
    fn x(&self, at_ns: u64) -> f64 {
        let room = self.size.width - self.size.left - RIGHT;
        self.size.left + room * (at_ns as f64 / self.span_ns as f64).min(1.0)
    }

    fn y(&self, rate: f64) -> f64 {
        let room = self.size.height - TOP - BOTTOM;
        TOP + room * (1.0 - (rate / self.top).min(1.0))
    }

    /// A rate holds for all of its stretch.
    fn steps(&self, stretches: &[Stretch], rates: &[f64]) -> Vec<Step> {
        let mut steps = Vec::with_capacity(2 * stretches.len() + 4);
        for (stretch, rate) in stretches.iter().zip(rates) {
            let y = self.y(*rate);
            steps.push(match steps.is_empty() {
                true => Step::Move(self.x(stretch.begin_ns), y),
                false => Step::Down(y),
            });
            steps.push(Step::Across(self.x(stretch.end_ns)));
        }
        steps
    }

    fn draw(&self, series: &Series, page: &mut Page) {
        let Size { width, height, left, step, .. } = self.size;
        let mut rate = 0.0;
        while rate <= self.top * 1.001 {
            let y = self.y(rate);
            page.path("grid", &[Step::Move(left, y), Step::Across(width - RIGHT)]);
            page.label("tick end", (left - 8.0, y + 4.0), &human::bytes_per_sec(rate));
            rate += self.line;
        }
        let each = times(self.span_ns, (width - left - RIGHT) / step);
        let mut at = 0;
        while at <= self.span_ns {
            let x = self.x(at);
            let bottom = height - BOTTOM;
            page.path("grid", &[Step::Move(x, bottom), Step::Down(bottom + 5.0)]);
            page.label("tick middle", (x, bottom + 18.0), &time(at, self.span_ns));
            at += each;
        }
        let middle = f64::midpoint(left, width - RIGHT);
        page.label("tick middle", (middle, height - 5.0), "time since the beginning");
        for (at, (after, _)) in series.marks.iter().enumerate() {
            let x = self.x(*after);
            page.path("mark", &[Step::Move(x, TOP - 6.0), Step::Down(height - BOTTOM)]);
            page.label("tick middle", (x, TOP - 9.0), &(at + 1).to_string());
        }
    }
}

/// The next round number of bytes per second: 1, 2 or 5, or ten or a hundred times that, in its unit.
fn nice(rate: f64) -> f64 {
    let mut unit = 1.0;
    while rate >= 1_000.0 * unit && unit < 1e18 {
        unit *= 1_024.0;
    }
    let of_unit = rate / unit;
    let round = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_024.0];
    let found = round.iter().find(|round| of_unit <= **round).unwrap_or(&1_024.0);
    found * unit
}

/// Time between two times on the axis, ns, so that there are no more than `most` and a first one.
fn times(span_ns: u64, most: f64) -> u64 {
    const SECONDS: [f64; 22] = [
        0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0,
        3_600.0, 7_200.0, 14_400.0, 21_600.0, 43_200.0, 86_400.0, 604_800.0,
    ];
    #[expect(clippy::cast_precision_loss, reason = "it becomes a round number")]
    let least = span_ns as f64 / 1e9 / most.max(1.0);
    let seconds = SECONDS.iter().find(|seconds| **seconds >= least).copied();
    // Beyond ten weeks on a line.
    let seconds = seconds.unwrap_or_else(|| (least / 604_800.0).ceil() * 604_800.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let ns = (seconds * 1e9) as u64;
    ns.max(1)
}

/// A time on an axis of this length.
#[expect(clippy::cast_precision_loss, reason = "a digit behind the point")]
fn time(at_ns: u64, span_ns: u64) -> String {
    let seconds = at_ns / 1_000_000_000;
    match span_ns / 1_000_000_000 {
        0..3 => format!("{:.1} s", at_ns as f64 / 1e9),
        3..120 => format!("{seconds} s"),
        120..7_200 => format!("{}:{:02} min", seconds / 60, seconds % 60),
        _ => format!("{}:{:02} h", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_at_round_numbers() {
        let shown =
            [(0.0, 1.0), (1.5, 2.0), (3.0 * 1_048_576.0, 5.0 * 1_048_576.0), (600.0, 1_024.0)];
        for (rate, line) in shown {
            assert_eq!(nice(rate), line, "{rate}");
        }
        assert!(nice(1e30).is_finite());
    }

    #[test]
    fn there_are_no_more_times_than_there_is_room_for() {
        for seconds in [1_u64, 7, 59, 119, 121, 3_599, 7_201, 100_000, 10_000_000, 100_000_000] {
            let span = seconds * 1_000_000_000;
            let each = times(span, 9.0);
            assert!(span / each <= 9, "{seconds}");
            assert!(span / each >= 2, "{seconds}: {each}");
        }
        assert_eq!(time(90_000_000_000, 600_000_000_000), "1:30 min");
        assert_eq!(time(500_000_000, 1_000_000_000), "0.5 s");
    }
}
