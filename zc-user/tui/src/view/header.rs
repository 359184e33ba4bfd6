//! The top of the screen: what the machine does, in one look.

use std::sync::Arc;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::chrome::{self, Areas, Chrome, LEAST, Place};
use crate::{
    state::Context,
    widget::{
        flow::{self, Pair},
        grid,
    },
};
use zc_model::{
    column::{Column, Processes, Unit},
    counter::CounterId,
    frame::Frame,
    row::Row,
    snapshot::{ProcessSample, Provenance},
    source::Moment,
    tax,
    value::{Quality, Value},
};
use zc_render::{cell, human, sanitize::sanitize};

/// From this width on, the figures of the header fit into one line.
const WIDE: u16 = 152;

/// Header and tabs of the dashboard.
#[derive(Clone, Copy, Debug)]
pub struct Dashboard;

impl Chrome for Dashboard {
    fn areas(&self, screen: Rect) -> Option<Areas> {
        if screen.width < LEAST.0 || screen.height < LEAST.1 {
            return None;
        }
        let header = match screen.height {
            ..14 => 2,
            _ if screen.width >= WIDE => 2,
            _ => 3,
        };
        let line = |y: u16, height: u16| Rect::new(screen.x, screen.y + y, screen.width, height);
        Some(Areas {
            header: line(0, header),
            tabs: line(header, 1),
            body: line(header + 1, screen.height - header - 2),
            footer: line(screen.height - 1, 1),
        })
    }

    fn has_tabs(&self) -> bool {
        true
    }

    fn has_frames(&self) -> bool {
        true
    }

    fn draw(&self, context: &Context, place: &Place, areas: &Areas, buf: &mut Buffer) {
        draw_figures(context, areas.header, buf);
        draw_tabs(context, place, areas.tabs, buf);
    }

    fn brief(&self, context: &Context) -> (String, Style) {
        let copied = context.frame().map_or_else(
            || "...".to_owned(),
            |frame| total(frame, Processes::COPIED_BYTES_PER_SEC),
        );
        (format!("copied {copied}"), context.theme().copied())
    }
}

/// Draws the figures, most important ones first.
fn draw_figures(context: &Context, area: Rect, buf: &mut Buffer) {
    draw_identity(context, Rect { height: 1, ..area }, buf);
    let pairs = match context.frame() {
        Some(frame) => pairs(context, frame, area.width),
        None => vec![Pair {
            label: String::new(),
            value: "collecting...".to_owned(),
            style: context.theme().notice(),
            width: 0,
        }],
    };
    let rest = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    flow::draw(&pairs, context.theme().dim(), rest, buf);
}

fn draw_identity(context: &Context, area: Rect, buf: &mut Buffer) {
    let theme = context.theme();
    let mut spans = vec![Span::styled("zc ", theme.head())];
    if let Some(frame) = context.frame() {
        let host = &frame.host;
        let (style, copies) = match host.copies {
            Provenance::Measured => (theme.reference(), "copies measured".to_owned()),
            other => {
                (theme.notice(), format!("copies {}{}", other.id(), human::mark(plain(other))))
            }
        };
        let kernel = format!("Linux {} {}  ", sanitize(&host.kernel), sanitize(&host.arch));
        spans.push(Span::styled(format!("{}  ", sanitize(&host.name)), theme.strong()));
        spans.push(Span::raw(kernel));
        spans.push(Span::styled(copies, style));
    }
    let mut right = Vec::new();
    if let Some(message) = status(context) {
        right.push(Span::styled(format!(" {message} "), theme.notice().patch(theme.selected())));
        right.push(Span::raw(" "));
    }
    if let Some(moment) = context.moment() {
        right.push(Span::styled(format!("{}  ", position(moment)), theme.dim()));
    }
    right.push(Span::styled(interval(context), theme.dim()));
    let right = Line::from(right);
    let room = area.width.saturating_sub(u16::try_from(right.width()).unwrap_or(0));
    // How copies are known matters more than the kernel's name.
    while spans.len() > 2 && Line::from(spans.clone()).width() >= usize::from(room) {
        spans.remove(spans.len() - 2);
    }
    buf.set_line(area.x, area.y, &Line::from(spans), room.saturating_sub(1));
    buf.set_line(area.x + room, area.y, &right, area.width - room);
}

/// Where in a recording it is: after how long of how long, and how fast it is played.
fn position(moment: &Moment) -> String {
    let since = |at: u64| human::stopwatch(at.saturating_sub(moment.first_ns));
    let grows = if moment.grows { "+" } else { "" };
    let speed = if moment.speed.is_finite() && moment.speed != 1.0 {
        format!("x{}  ", moment.speed)
    } else {
        String::new()
    };
    format!("{speed}{}/{}{grows}", since(moment.at_ns), since(moment.last_ns))
}

/// How long an interval is, or of a recording when it ended.
fn interval(context: &Context) -> String {
    if let Some(frame) = context.frame().filter(|_| context.is_recorded() || context.is_in_past()) {
        return human::clock(frame.taken_at_ns);
    }
    let seconds = context.interval().as_secs_f64();
    if seconds < 1.0 {
        format!("{} ms", context.interval().as_millis())
    } else {
        format!("{seconds} s")
    }
}

fn status(context: &Context) -> Option<&'static str> {
    if context.has_ended() {
        Some("END")
    } else if context.is_in_past() {
        Some("PAST")
    } else if context.is_held() {
        Some("REPLAY STOPPED")
    } else if context.is_paused() {
        Some("PAUSED")
    } else if context.moment().is_some_and(|moment| moment.grows && moment.at_ns == moment.last_ns)
    {
        Some("REPLAY LIVE")
    } else if context.is_recorded() {
        Some("REPLAY")
    } else {
        None
    }
}

const fn plain(provenance: Provenance) -> Quality {
    Quality { provenance, lower_bound: false }
}

fn total(frame: &Frame, column: &Column) -> String {
    cell::full(&column.of(Row::totals(frame), frame), column.unit)
}

fn pairs(context: &Context, frame: &Frame, width: u16) -> Vec<Pair> {
    let theme = context.theme();
    let narrow = width < 60;
    let pair = |long: &str, short: &str, value: String, style: Style, width: usize| Pair {
        label: if narrow { short } else { long }.to_owned(),
        value,
        style,
        width,
    };
    let lost = context.losses_here().fold(0_u64, |sum, (_, count)| sum.saturating_add(count));
    let calm = theme.text();
    // Devices serve all processes: no hook says for whom a packet is.
    let (dma_long, dma_short) =
        if context.follows_some() { ("machine's DMA", "all DMA") } else { ("DMA", "DMA") };
    vec![
        pair("copied", "copied", total(frame, Processes::COPIED_BYTES_PER_SEC), theme.copied(), 11),
        pair(
            "by reference",
            "by ref",
            total(frame, Processes::ZERO_COPIED_BYTES_PER_SEC),
            theme.reference(),
            11,
        ),
        pair("copy tax", "tax", copy_tax(frame), theme.copied(), 9),
        pair(dma_long, dma_short, dma(frame), theme.dma(), 10),
        pair(
            "lost",
            "lost",
            human::count_short(lost),
            if lost > 0 { theme.alarm() } else { calm },
            5,
        ),
        pair(
            "switches: mode",
            "mode switches",
            total(frame, Processes::MODE_SWITCHES_PER_SEC),
            calm,
            8,
        ),
        pair("context", "context switches", context_switches(frame), calm, 8),
        pair("zc", "zc", own_cost(frame), calm, 16),
    ]
}

/// What hardware moves by itself, in and out.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn dma(frame: &Frame) -> String {
    let hardware = frame.devices.iter().filter(|device| device.does_dma());
    let unavailable = [CounterId::BlockReadBytes, CounterId::NetTxBytes]
        .iter()
        .all(|counter| frame.host.provenance(*counter) == Provenance::Unavailable);
    if frame.elapsed_ns == 0 || (frame.devices.is_empty() && unavailable) {
        return human::UNAVAILABLE.to_owned();
    }
    let bytes: u64 = hardware.map(|d| d.read_bytes.saturating_add(d.write_bytes)).sum();
    human::bytes_per_sec(bytes as f64 / frame.seconds())
}

/// With its margin, since an interval of a second may hold a hundred samples; without fractions, which
/// would then mean nothing.
fn copy_tax(frame: &Frame) -> String {
    let counters = &frame.totals.counters;
    let (share, margin) = (tax::copy_tax(counters, frame), tax::copy_tax_margin(counters, frame));
    match (share.number(), margin.number()) {
        (Some(share), Some(margin)) => {
            let percent = |fraction: f64| format!("{:.0}%", fraction * 100.0);
            human::with_margin(percent(share), &percent(margin))
        }
        _ => human::UNAVAILABLE.to_owned(),
    }
}

fn context_switches(frame: &Frame) -> String {
    let counters = [CounterId::ContextSwitchesVoluntary, CounterId::ContextSwitchesInvoluntary];
    let mut sum = 0.0;
    let mut worst = Quality::MEASURED;
    for counter in counters {
        let value = Processes::counter(counter).of(Row::totals(frame), frame);
        let (Some(number), Some(quality)) = (value.number(), value.quality()) else {
            return human::UNAVAILABLE.to_owned();
        };
        sum += number;
        worst.provenance = worst.provenance.max(quality.provenance);
    }
    if frame.elapsed_ns == 0 {
        return human::UNAVAILABLE.to_owned();
    }
    cell::full(&Value::Real(sum / frame.seconds(), worst), Unit::PerSec)
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn own_cost(frame: &Frame) -> String {
    /// Of less time, there is no telling: a start alone takes longer.
    const LEAST_NS: u64 = 50_000_000;
    let memory = human::bytes(frame.self_cost.rss_bytes);
    if frame.elapsed_ns < LEAST_NS {
        return memory;
    }
    let cpu = frame.self_cost.cpu_ns as f64 / frame.elapsed_ns as f64;
    format!("{} CPU {memory}", human::percent(cpu))
}

/// Draws the names of the pages, and what went wrong at the right.
fn draw_tabs(context: &Context, place: &Place, area: Rect, buf: &mut Buffer) {
    let theme = context.theme();
    let mut end = area.x;
    for (tab, x, label) in chrome::tabs(place, area) {
        let style = if tab == place.tab { theme.selected() } else { theme.dim() };
        let room = usize::from(area.right().saturating_sub(x));
        (end, _) = buf.set_stringn(x, area.y, label, room, style);
    }
    let (notice, style) = if let Some(said) = context.said() {
        (sanitize(said).into_owned(), theme.notice())
    } else if let Some(complaint) = context.complaint() {
        (sanitize(complaint).into_owned(), theme.alarm())
    } else if let Some(mark) = context.moment().and_then(|moment| moment.mark.as_ref()) {
        (format!("mark: {}", sanitize(mark)), theme.notice())
    } else if let Some(ended) = ended(context) {
        (ended, theme.notice())
    } else if let Some((loss, count)) = context.losses_here().max_by_key(|(_, count)| *count) {
        (format!("lost: {} {}", human::count_short(count), clause(loss.help())), theme.alarm())
    } else {
        (place.scope.clone(), theme.dim())
    };
    let room = area.right().saturating_sub(end + 2);
    let width = u16::try_from(Span::raw(&notice).width()).unwrap_or(u16::MAX).min(room);
    let cell = Rect::new(area.right() - width, area.y, width, 1);
    grid::put(&notice, false, style, cell, theme, buf);
}

/// Which of the processes given by number have ended.
fn ended(context: &Context) -> Option<String> {
    let name =
        |process: &Arc<ProcessSample>| format!("{} ({})", sanitize(&process.comm), process.id.pid);
    match context.ended() {
        [] => None,
        [one] => Some(format!("{} has ended", name(one))),
        all => Some(format!("{} have ended", all.iter().map(name).collect::<Vec<_>>().join(", "))),
    }
}

/// What was lost: the first clause of the sentence that the help has in full.
fn clause(sentence: &str) -> String {
    let clause = sentence.split([';', ':']).next().unwrap_or(sentence).trim_end_matches('.');
    let mut letters = clause.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
