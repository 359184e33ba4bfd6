//! The top of the screen: what the machine does, in one look.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    action::View,
    state::State,
    widget::flow::{self, Pair},
};
use zc_model::{
    column::{Column, Unit},
    counter::CounterId,
    frame::Frame,
    row::Row,
    snapshot::Provenance,
    tax,
    value::{Quality, Value},
};
use zc_render::{cell, human, sanitize::sanitize};

/// Draws the header, most important values first.
pub fn draw(state: &State, area: Rect, buf: &mut Buffer) {
    draw_identity(state, Rect { height: 1, ..area }, buf);
    let pairs = match state.frame() {
        Some(frame) => pairs(state, frame),
        None => vec![Pair {
            label: String::new(),
            value: "collecting...".to_owned(),
            style: state.theme().notice(),
            width: 0,
        }],
    };
    let rest = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    flow::draw(&pairs, state.theme().dim(), rest, buf);
}

/// Copied bytes per second of the whole machine.
#[must_use]
pub fn copied(state: &State) -> String {
    state.frame().map_or_else(|| "...".to_owned(), |frame| total(frame, "copied_bytes_per_sec"))
}

fn draw_identity(state: &State, area: Rect, buf: &mut Buffer) {
    let theme = state.theme();
    let mut spans = vec![Span::styled("zc ", theme.head())];
    if let Some(frame) = state.frame() {
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
    if let Some(message) = status(state) {
        right.push(Span::styled(format!(" {message} "), theme.notice().patch(theme.selected())));
        right.push(Span::raw(" "));
    }
    right.push(Span::styled(interval(state), theme.dim()));
    let right = Line::from(right);
    let room = area.width.saturating_sub(u16::try_from(right.width()).unwrap_or(0));
    // How copies are known matters more than the kernel's name.
    while spans.len() > 2 && Line::from(spans.clone()).width() >= usize::from(room) {
        spans.remove(spans.len() - 2);
    }
    buf.set_line(area.x, area.y, &Line::from(spans), room.saturating_sub(1));
    buf.set_line(area.x + room, area.y, &right, area.width - room);
}

fn interval(state: &State) -> String {
    let seconds = state.interval().as_secs_f64();
    if seconds < 1.0 {
        format!("{} ms", state.interval().as_millis())
    } else {
        format!("{seconds} s")
    }
}

fn status(state: &State) -> Option<&'static str> {
    if state.is_paused() {
        Some("PAUSED")
    } else if state.has_ended() {
        Some("END")
    } else {
        None
    }
}

const fn plain(provenance: Provenance) -> Quality {
    Quality { provenance, lower_bound: false }
}

fn total(frame: &Frame, id: &str) -> String {
    Column::from_id(id).map_or_else(String::new, |column| {
        cell::full(&column.of(Row::totals(frame), frame), column.unit)
    })
}

fn pairs(state: &State, frame: &Frame) -> Vec<Pair> {
    let theme = state.theme();
    let narrow = state.screen().width < 60;
    let pair = |long: &str, short: &str, value: String, style: Style, width: usize| Pair {
        label: if narrow { short } else { long }.to_owned(),
        value,
        style,
        width,
    };
    let lost = state.losses().total();
    let calm = theme.text();
    vec![
        pair("copied", "copied", total(frame, "copied_bytes_per_sec"), theme.copied(), 11),
        pair(
            "zero-copied",
            "zero-c.",
            total(frame, "zero_copied_bytes_per_sec"),
            theme.reference(),
            11,
        ),
        pair("copy tax", "tax", copy_tax(frame), theme.copied(), 9),
        pair("DMA", "DMA", dma(frame), theme.dma(), 10),
        pair(
            "lost",
            "lost",
            human::count_short(lost),
            if lost > 0 { theme.alarm() } else { calm },
            5,
        ),
        pair("mode switches", "modesw", total(frame, "mode_switches_per_sec"), calm, 8),
        pair("ctx switches", "ctxsw", context_switches(frame), calm, 8),
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
        let Some(column) = Column::from_id(counter.id()) else { continue };
        let value = column.of(Row::totals(frame), frame);
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
    let memory = human::bytes(frame.self_cost.rss_bytes);
    if frame.elapsed_ns == 0 {
        return memory;
    }
    let cpu = frame.self_cost.cpu_ns as f64 / frame.elapsed_ns as f64;
    format!("{} CPU {memory}", human::percent(cpu))
}

/// Draws the names of the views, and what went wrong at the right.
pub fn draw_tabs(state: &State, area: Rect, buf: &mut Buffer) {
    let theme = state.theme();
    let mut end = area.x;
    for (view, x, label) in tabs(state.page().view(), area) {
        let style = if state.page().view() == view { theme.selected() } else { theme.dim() };
        let room = usize::from(area.right().saturating_sub(x));
        (end, _) = buf.set_stringn(x, area.y, label, room, style);
    }
    let (notice, style) = if let Some(complaint) = state.complaint() {
        (sanitize(complaint).into_owned(), theme.alarm())
    } else if let Some((loss, count)) = state.losses().occurred().max_by_key(|(_, count)| *count) {
        (format!("lost: {} {}", loss.id(), human::count_short(count)), theme.alarm())
    } else {
        (scope(state), theme.dim())
    };
    let room = area.right().saturating_sub(end + 2);
    let width = u16::try_from(Span::raw(&notice).width()).unwrap_or(u16::MAX).min(room);
    let cell = Rect::new(area.right() - width, area.y, width, 1);
    crate::widget::grid::put(&notice, false, style, cell, theme, buf);
}

/// How much of everything is listed.
fn scope(state: &State) -> String {
    let Some(frame) = state.frame() else { return String::new() };
    let all = human::count(frame.processes.len() as u64);
    match (state.page().view(), state.is_filtered()) {
        (View::Processes, true) => {
            let shown = human::count(state.processes().len() as u64);
            let filter = state.filter_text().trim();
            let by = if filter.is_empty() {
                String::new()
            } else {
                format!(", filter: {}", sanitize(filter))
            };
            format!("{shown} of {all} processes{by}")
        }
        (View::Processes, false) => format!("{all} processes"),
        _ => String::new(),
    }
}

/// The view whose name is at `x`.
#[must_use]
pub fn tab_at(current: View, area: Rect, x: u16) -> Option<View> {
    tabs(current, area)
        .find(|(_, left, label)| (*left..*left + label.len() as u16).contains(&x))
        .map(|(view, ..)| view)
}

fn tabs(current: View, area: Rect) -> impl Iterator<Item = (View, u16, String)> {
    let roomy = area.width >= 60;
    let mut x = area.x;
    View::ALL.iter().enumerate().map(move |(index, view)| {
        let label = if roomy || *view == current {
            format!(" {} {} ", index + 1, view.title())
        } else {
            format!(" {} ", index + 1)
        };
        let left = x;
        x += label.len() as u16;
        (*view, left, label)
    })
}
