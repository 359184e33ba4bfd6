//! The figures of the header: a line each for what was copied, what went by reference, and what devices moved.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{ROOMY, WIDE};
use crate::{state::Context, widget::sparkline};
use zc_model::{
    column::{Column, Processes, Unit},
    counter::CounterId,
    frame::Frame,
    history::History,
    row::Row,
    snapshot::{DeviceKind, DeviceSample, Provenance},
    tax,
    value::{Quality, Value},
};
use zc_render::{cell, human};

/// Cells of a label with its blank, and of a rate.
const LABEL: u16 = 9;
const RATE: u16 = 11;
/// Cells of what is at the right of a curve.
const ASIDE: u16 = 28;
/// Cells of a peak with its blanks: `peak 1.20G`, or `peak 1.20 GiB/s`.
const fn peak_width(is_wide: bool) -> u16 {
    if is_wide { 20 } else { 15 }
}

/// A line: what it is about, its rate, its curve, and what else belongs there.
struct Figure {
    label: &'static str,
    rate: String,
    style: Style,
    points: Vec<f64>,
    aside: Vec<Span<'static>>,
}

/// Draws as many of the lines as there is room for.
pub(super) fn draw(context: &Context, area: Rect, buf: &mut Buffer) {
    let Some(frame) = context.frame() else {
        let room = usize::from(area.width);
        buf.set_stringn(area.x, area.y, "collecting...", room, context.theme().notice());
        return;
    };
    let is_wide = area.width >= WIDE;
    let figures =
        [copied(context, frame), by_reference(context, frame, is_wide), devices(context, frame)];
    for (figure, y) in figures.into_iter().zip(area.top()..area.bottom()) {
        draw_figure(context, figure, Rect { y, height: 1, ..area }, buf);
    }
}

fn draw_figure(context: &Context, figure: Figure, area: Rect, buf: &mut Buffer) {
    let theme = context.theme();
    let Figure { label, rate, style, points, aside } = figure;
    let aside = Line::from(aside);
    let set = |x: u16, text: &str, style: Style, buf: &mut Buffer| {
        let room = usize::from(area.right().saturating_sub(x));
        buf.set_stringn(x.min(area.right()), area.y, text, room, style).0
    };
    if area.width < ROOMY.0 {
        let end = set(area.x, label, theme.dim(), buf);
        let end = set(end + 1, &rate, style, buf) + 2;
        buf.set_line(end.min(area.right()), area.y, &aside, area.right().saturating_sub(end));
        return;
    }
    set(area.x, label, theme.dim(), buf);
    let width = u16::try_from(Span::raw(&rate).width()).unwrap_or(RATE);
    set(area.x + LABEL + RATE.saturating_sub(width), &rate, style, buf);
    let x = area.x + LABEL + RATE + 1;
    // As much as the widest of what is at the right leaves, up to a cell for each point.
    let is_wide = area.width >= WIDE;
    let room = area.width.checked_sub(LABEL + RATE + 1 + peak_width(is_wide) + ASIDE);
    let cells = room.unwrap_or(0).min(if is_wide { 30 } else { 20 });
    let mut right = x + 1;
    if room.is_some() {
        let peak = points.iter().copied().fold(0.0, f64::max);
        let (span, newest) = (History::LENGTH, context.history().frames());
        let curve = sparkline::curve(&points, newest, span, cells.into(), peak, theme.symbols);
        let end = set(x, &curve, style, buf);
        let end = set(end + u16::from(cells > 0), "peak ", theme.dim(), buf);
        set(end, &short(peak, is_wide), theme.dim(), buf);
        right = x + cells + peak_width(is_wide);
    }
    buf.set_line(right.min(area.right()), area.y, &aside, area.right().saturating_sub(right));
}

/// `1.2G`, or `1.20 GiB/s`.
fn short(rate: f64, is_long: bool) -> String {
    let text = human::bytes_per_sec(rate);
    if is_long { text } else { text.replace("iB/s", "").replace(" B/s", "B").replace(' ', "") }
}

fn copied(context: &Context, frame: &Frame) -> Figure {
    let theme = context.theme();
    let track = context.history().totals().points();
    #[expect(clippy::cast_precision_loss, reason = "drawn eight levels high")]
    let points = track.map(|point| point.copied_bytes_per_sec as f64).collect();
    Figure {
        label: "copied",
        rate: rate(frame, Processes::COPIED_BYTES_PER_SEC),
        style: theme.copied(),
        points,
        aside: avoidable(context, frame),
    }
}

/// What all advice together would save: of what is copied, and for how many commands.
#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
fn avoidable(context: &Context, frame: &Frame) -> Vec<Span<'static>> {
    let theme = context.theme();
    let findings = context.findings();
    let copied = frame.copied(&frame.totals.paths);
    let avoidable = findings.copied_bytes().min(copied.bytes);
    let (rate, share) = if frame.elapsed_ns == 0 || copied.is_unavailable() {
        (human::UNAVAILABLE.to_owned(), String::new())
    } else {
        let rate = human::bytes_per_sec(avoidable as f64 / frame.seconds());
        let share = avoidable as f64 / copied.bytes.max(1) as f64 * 100.0;
        let share = match share {
            _ if avoidable == 0 => String::new(),
            ..0.5 => "<1%".to_owned(),
            share => format!("{share:.0}%"),
        };
        (rate, share)
    };
    let style = if avoidable > 0 { theme.notice() } else { theme.text() };
    let mut spans = vec![
        Span::styled("avoidable ", theme.dim()),
        Span::styled(format!("{rate:>10}"), style),
        Span::styled(format!(" {share:>4}"), style),
    ];
    if findings.commands() > 0 {
        let groups = format!(" {}{}", theme.symbols.advice, findings.commands());
        spans.push(Span::styled(groups, theme.notice()));
    }
    if context.body().width >= WIDE {
        spans.push(Span::raw("   "));
        spans.extend(copy_tax(context, frame));
    }
    spans
}

fn by_reference(context: &Context, frame: &Frame, is_wide: bool) -> Figure {
    let theme = context.theme();
    let track = context.history().totals().points();
    #[expect(clippy::cast_precision_loss, reason = "drawn eight levels high")]
    let points = track.map(|point| point.zero_copied_bytes_per_sec as f64).collect();
    let aside = if is_wide {
        let [disk, _] = traffic(context, frame);
        let mut spans = disk;
        spans.push(Span::styled("   mode switches ", theme.dim()));
        spans.push(Span::raw(total(frame, Processes::MODE_SWITCHES_PER_SEC)));
        spans
    } else {
        copy_tax(context, frame)
    };
    Figure {
        label: "by ref",
        rate: rate(frame, Processes::ZERO_COPIED_BYTES_PER_SEC),
        style: theme.reference(),
        points,
        aside,
    }
}

fn devices(context: &Context, frame: &Frame) -> Figure {
    let theme = context.theme();
    #[expect(clippy::cast_precision_loss, reason = "drawn eight levels high")]
    let points = context.history().devices().map(|bytes| bytes as f64).collect();
    let [_, mut aside] = traffic(context, frame);
    aside.push(Span::styled("   context switches ", theme.dim()));
    aside.push(Span::raw(context_switches(frame)));
    // Devices serve all processes: no hook says for whom a packet is.
    let label = if context.follows_some() { "machine" } else { "devices" };
    Figure { label, rate: dma(frame), style: theme.dma(), points, aside }
}

/// What disks and interfaces moved, each way.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn traffic(context: &Context, frame: &Frame) -> [Vec<Span<'static>>; 2] {
    let theme = context.theme();
    let sum = |kind, read: fn(&DeviceSample) -> u64, counter| {
        let devices = frame.devices.iter().filter(|it| it.kind == kind && it.does_dma());
        let is_unknown = frame.host.provenance(counter) == Provenance::Unavailable;
        if frame.elapsed_ns == 0 || is_unknown {
            return human::UNAVAILABLE.to_owned();
        }
        let bytes = devices.map(read).fold(0, u64::saturating_add);
        human::bytes_per_sec(bytes as f64 / frame.seconds())
    };
    let pair = |labels: [&'static str; 2], figures: [String; 2]| {
        let [first, second] = figures;
        vec![
            Span::styled(labels[0], theme.dim()),
            Span::raw(format!("{first:<10}")),
            Span::styled(labels[1], theme.dim()),
            Span::raw(format!("{second:<10}")),
        ]
    };
    let read = |device: &DeviceSample| device.read_bytes;
    let write = |device: &DeviceSample| device.write_bytes;
    let (block, net) = (DeviceKind::Block, DeviceKind::Net);
    [
        pair(
            ["disk read ", " written "],
            [
                sum(block, read, CounterId::BlockReadBytes),
                sum(block, write, CounterId::BlockWriteBytes),
            ],
        ),
        pair(
            ["net in    ", " out     "],
            [sum(net, read, CounterId::NetRxBytes), sum(net, write, CounterId::NetTxBytes)],
        ),
    ]
}

/// A rate of the totals. What all copies have in common is said in the first line, so only what differs is marked.
fn rate(frame: &Frame, column: &Column) -> String {
    let value = column.of(Row::totals(frame), frame);
    let is_ordinary = value.quality() == Some(Quality::of(frame.host.copies));
    if is_ordinary {
        human::value(&value, column.unit).into_owned()
    } else {
        cell::full(&value, column.unit)
    }
}

pub(super) fn total(frame: &Frame, column: &Column) -> String {
    cell::full(&column.of(Row::totals(frame), frame), column.unit)
}

/// What hardware moves by itself, in and out.
fn dma(frame: &Frame) -> String {
    let unavailable = [CounterId::BlockReadBytes, CounterId::NetTxBytes]
        .iter()
        .all(|counter| frame.host.provenance(*counter) == Provenance::Unavailable);
    if frame.elapsed_ns == 0 || (frame.devices.is_empty() && unavailable) {
        return human::UNAVAILABLE.to_owned();
    }
    cell::rate(frame.device_bytes(), Unit::BytesPerSec, frame)
}

/// With its margin, since an interval of a second may hold a hundred samples; without fractions, which
/// would then mean nothing.
fn copy_tax(context: &Context, frame: &Frame) -> Vec<Span<'static>> {
    let theme = context.theme();
    let counters = &frame.totals.counters;
    let (share, margin) = (tax::copy_tax(counters, frame), tax::copy_tax_margin(counters, frame));
    let cpus = frame.host.cpus;
    let of = format!(" of {cpus} {}", if cpus == 1 { "CPU" } else { "CPUs" });
    let (figure, style) = match (share.number(), margin.number()) {
        (Some(share), Some(margin)) => {
            let sign = if theme.unicode { "\u{b1}" } else { "+-" };
            let figure = format!("{:.0}% {sign}{:.0}", share * 100.0, margin * 100.0);
            // What may be nothing at all is no alarm.
            (figure, if share > margin { theme.copied_share(share) } else { theme.text() })
        }
        _ => (human::UNAVAILABLE.to_owned(), theme.text()),
    };
    vec![
        Span::styled("copy tax  ", theme.dim()),
        Span::styled(figure, style),
        Span::styled(of, theme.dim()),
    ]
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
