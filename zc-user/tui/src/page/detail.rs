//! One process: the picture, what could be saved, its paths, counters and history.

use std::sync::Arc;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::{Guide, Page, tabular, zerocopy};
use crate::{
    action::Motion,
    state::{Context, key::ProcessKey, scroll::Scroll},
    view::canvas::Canvas,
    widget::{grid::Grid, sparkline::sparkline},
};
use zc_model::{
    advice::{self, Advice, Evidence, PathTotal, Saving},
    column::{PathRow, Paths, Processes, Unit, state as life},
    counter::CounterId,
    frame::Frame,
    history::{History, Point},
    id::Id,
    picture::Picture,
    row::Row,
    snapshot::ProcessSample,
    user_copies,
    value::Value,
};
use zc_render::{
    advice as words, cell,
    diagram::{Diagram, Unit as Figures},
    human,
    sanitize::sanitize,
};

/// Cells of a counter with its name.
const COUNTER_WIDTH: u16 = 40;

/// The page of one process.
pub struct Detail {
    key: ProcessKey,
    /// The last frame that has the process: it may end while the user reads.
    seen: Option<Arc<Frame>>,
    scroll: Scroll,
}

impl Detail {
    /// The page of the process with this key.
    #[must_use]
    pub const fn new(key: ProcessKey) -> Self {
        Self { key, seen: None, scroll: Scroll::START }
    }

    /// The page of a process that has ended: this frame is the last that has it.
    #[must_use]
    pub const fn last(key: ProcessKey, seen: Arc<Frame>) -> Self {
        Self { key, seen: Some(seen), scroll: Scroll::START }
    }

    /// What the help says of such a page.
    #[must_use]
    pub const fn guide() -> Guide {
        Guide { title: "Process", keys: Vec::new(), columns: Vec::new() }
    }

    /// The whole page at this width.
    fn canvas(&self, context: &Context, width: u16) -> Canvas {
        let mut canvas = Canvas::new(width);
        let seen = self.seen.as_deref().and_then(|frame| Some((frame, self.key.find(frame)?)));
        let Some((frame, process)) = seen else {
            canvas.line("collecting...");
            return canvas;
        };
        if !context.frame().is_some_and(|now| self.is_in(now)) {
            let name = sanitize(&process.comm);
            let text =
                format!("{name} ({}) has ended. These are its last figures.", process.id.pid);
            canvas.line(Span::styled(text, context.theme().notice()));
        }
        title(context, process, &mut canvas);
        picture(context, process, frame, &mut canvas);
        advices(context, process, frame, &mut canvas);
        zerocopy::section(context, process, frame, &mut canvas);
        paths_table(context, process, frame, &mut canvas);
        history(context, process, &mut canvas);
        counters(context, process, frame, &mut canvas);
        canvas
    }

    fn is_in(&self, frame: &Frame) -> bool {
        self.key.find(frame).is_some()
    }
}

impl Page for Detail {
    fn title(&self) -> &'static str {
        "Process"
    }

    fn about(&self) -> &'static str {
        "one process"
    }

    fn step(&mut self, motion: Motion, context: &Context) {
        let body = context.body();
        let height = self.canvas(context, body.width).height();
        self.scroll.step(motion, height, body.height);
    }

    fn arrange(&mut self, context: &Context) {
        if let Some(frame) = context.frame()
            && self.is_in(frame)
        {
            self.seen = Some(Arc::clone(frame));
        }
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) {
        let canvas = self.canvas(context, area.width);
        canvas.show(self.scroll.lines(), context.theme(), area, buf);
    }
}

fn title(context: &Context, process: &ProcessSample, canvas: &mut Canvas) {
    let theme = context.theme();
    let mut spans = vec![
        Span::styled(sanitize(&process.comm).into_owned(), theme.strong()),
        Span::raw(format!("  pid {}  parent {}  ", process.id.pid, process.parent.pid)),
        Span::styled(life(process), theme.dim()),
    ];
    if let Some(cgroup) = &process.cgroup {
        spans.push(Span::styled(format!("  {}", sanitize(cgroup)), theme.dim()));
    }
    canvas.line(spans);
}

fn picture(context: &Context, process: &ProcessSample, frame: &Frame, canvas: &mut Canvas) {
    let picture = Picture::new(frame, &process.counters, &process.paths);
    let diagram = Diagram::new(&picture, context.theme(), Figures::PerSecond(frame.seconds()));
    let (area, buf) = canvas.block(diagram.height(canvas.width()));
    diagram.draw(area, buf);
}

fn advices(context: &Context, process: &ProcessSample, frame: &Frame, canvas: &mut Canvas) {
    let theme = context.theme();
    for advice in advice::all(Row::process(process), frame) {
        let sign = theme.symbols.advice;
        let head = format!(
            "{} ({}): {}, {}",
            advice.rule.id(),
            advice.certainty.id(),
            advice.remedy(),
            advice.condition(),
        );
        canvas.item(sign, theme.notice(), 2, &head, theme.notice());
        canvas.paragraph(&because(&advice, frame), 2, theme.text());
    }
}

/// What was seen, and what would be saved.
fn because(advice: &Advice, frame: &Frame) -> String {
    let seen = match advice.evidence {
        Evidence::Passed { from, to, bytes } => format!(
            "{} in, {} out, {} of it {}",
            moved(from, frame),
            moved(to, frame),
            cell::rate(bytes, Unit::BytesPerSec, frame),
            if from.path.is_mapped() { "first touched there" } else { "from the same buffers" },
        ),
        Evidence::Calls(calls) => format!(
            "{} in calls of {} on average, {} of it copied",
            moved(calls, frame),
            human::bytes(calls.bytes_per_op()),
            cell::rate(calls.copied_bytes, Unit::BytesPerSec, frame),
        ),
        Evidence::Copied { sends, reason } => format!(
            "{} requested as zero-copy, {} of it copied{}",
            cell::rate(sends.moved_bytes, Unit::BytesPerSec, frame),
            cell::rate(sends.copied_bytes, Unit::BytesPerSec, frame),
            reason.map_or_else(String::new, |reason| format!(" ({})", reason.id())),
        ),
    };
    let Saving { copied_bytes, mode_switches, cpu: _ } = advice.saving;
    let mut saved = Vec::new();
    if copied_bytes > 0 {
        saved.push(format!("{} of copies", cell::rate(copied_bytes, Unit::BytesPerSec, frame)));
    }
    if mode_switches > 0 {
        saved.push(format!("{} mode switches", cell::rate(mode_switches, Unit::PerSec, frame)));
    }
    let spent = words::spent(advice.saving, frame.seconds());
    let spent = spent.map_or_else(String::new, |spent| format!("; {spent}"));
    if saved.is_empty() {
        format!("Seen: {seen}.")
    } else {
        format!("Seen: {seen}. Would save {}{spent}.", saved.join(" and "))
    }
}

fn moved(sum: PathTotal, frame: &Frame) -> String {
    format!("{} {}", sum.path.id(), cell::rate(sum.moved_bytes, Unit::BytesPerSec, frame))
}

fn paths_table(context: &Context, process: &ProcessSample, frame: &Frame, canvas: &mut Canvas) {
    let order = tabular::descending(Paths::COPIED_BYTES_PER_SEC);
    let rows = tabular::sorted::<Paths, _>(&process.paths, PathRow::One, order, frame);
    canvas.gap();
    let (area, buf) = canvas.block(u16::try_from(rows.len().max(1)).unwrap_or(u16::MAX - 1) + 1);
    let specs = tabular::specs::<Paths>();
    let grid = Grid { specs: &specs, sorted: None, theme: context.theme(), area };
    grid.head(buf);
    if rows.is_empty() {
        tabular::empty("no data moved in this interval", context.theme(), area, buf);
    }
    for (sample, line) in rows.into_iter().zip(0..) {
        grid.row(line, false, buf, |slot| {
            tabular::cell::<Paths>(PathRow::One(sample), slot, frame, context.theme())
        });
    }
}

fn history(context: &Context, process: &ProcessSample, canvas: &mut Canvas) {
    let points = context.points(process.id);
    canvas.gap();
    let span = context.span(curve_width(canvas)).as_secs_f64();
    let span = if span < 1.0 { format!("{span:.1}") } else { format!("{span:.0}") };
    canvas.line(Span::styled(format!("Last {span} s"), context.theme().head()));
    let copied = |point: &Point| point.copied_bytes_per_sec;
    let zero_copied = |point: &Point| point.zero_copied_bytes_per_sec;
    let theme = context.theme();
    curve(context, "copied", &points, copied, theme.copied(), canvas);
    curve(context, "by reference", &points, zero_copied, theme.reference(), canvas);
}

/// Intervals that a curve shows.
fn curve_width(canvas: &Canvas) -> usize {
    usize::from(canvas.width()).saturating_sub(14 + 18).clamp(8, History::LENGTH)
}

#[expect(clippy::cast_precision_loss, reason = "drawn eight levels high")]
fn curve(
    context: &Context,
    label: &str,
    points: &[Point],
    read: impl Fn(&Point) -> u64,
    style: ratatui::style::Style,
    canvas: &mut Canvas,
) {
    let values: Vec<f64> = points.iter().map(|point| read(point) as f64).collect();
    let top = values.iter().copied().fold(0.0, f64::max);
    let room = curve_width(canvas);
    canvas.line(Line::from(vec![
        Span::styled(format!("{label:<13}"), context.theme().dim()),
        Span::styled(sparkline(&values, room, context.theme().symbols), style),
        Span::styled(format!("  peak {}", human::bytes_per_sec(top)), context.theme().dim()),
    ]));
}

fn counters(context: &Context, process: &ProcessSample, frame: &Frame, canvas: &mut Canvas) {
    let theme = context.theme();
    canvas.gap();
    canvas.line(Span::styled("Counters, per second", theme.head()));
    let listed: Vec<CounterId> = CounterId::ALL
        .iter()
        .copied()
        .filter(|c| !matches!(c, CounterId::MovedBytes | CounterId::CopiedBytes))
        .filter(|counter| !zerocopy::SHOWN_HERE.contains(counter))
        .filter(|counter| !advice::COUNTERS.contains(counter))
        .filter(|counter| !user_copies::is_left_out(*counter, frame))
        .collect();
    let columns = usize::from(canvas.width() / COUNTER_WIDTH).max(1);
    let lines = listed.len().div_ceil(columns);
    let (area, buf) = canvas.block(u16::try_from(lines).unwrap_or(u16::MAX));
    let row = Row::process(process);
    for (index, counter) in listed.iter().enumerate() {
        let (column, line) = (index / lines, index % lines);
        let x = u16::try_from(column).unwrap_or(0) * COUNTER_WIDTH;
        let y = area.y + u16::try_from(line).unwrap_or(0);
        let (text, quiet) = counter_rate(*counter, row, frame);
        let style = if quiet { theme.dim() } else { theme.text() };
        let cell = Rect::new(x, y, COUNTER_WIDTH.min(area.width - x), 1);
        let label = format!("{:<28} {text:>10}", counter.id());
        buf.set_stringn(cell.x, cell.y, label, usize::from(cell.width), style);
    }
    let listed = |counter: Id<CounterId>| {
        !counter.is_known_and(|counter| zerocopy::SHOWN_HERE.contains(&counter))
    };
    for limit in frame.host.limitations.iter().filter(|limit| listed(limit.counter)) {
        let text = format!(
            "{} is {}: {}",
            limit.counter.id(),
            limit.provenance.id(),
            sanitize(&limit.reason)
        );
        canvas.paragraph(&text, 0, theme.dim());
    }
}

/// A counter's rate, and whether there is nothing to see.
fn counter_rate(counter: CounterId, row: Row<'_>, frame: &Frame) -> (String, bool) {
    let column = Processes::counter(counter);
    let value = column.of(row, frame);
    let (Some(number), Some(quality)) = (value.number(), value.quality()) else {
        return (human::UNAVAILABLE.to_owned(), true);
    };
    if frame.elapsed_ns == 0 {
        return (human::UNAVAILABLE.to_owned(), true);
    }
    let unit = if column.unit == Unit::Bytes { Unit::BytesPerSec } else { Unit::PerSec };
    let rate = Value::Real(number / frame.seconds(), quality);
    (cell::full(&rate, unit), number == 0.0)
}
