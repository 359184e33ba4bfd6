//! The part of the screen that is the same on every page of the dashboard.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{
    chrome::{self, Areas, Chrome, LEAST, Place},
    notice,
};
use crate::{state::Context, widget::grid};
use zc_model::{column::Processes, snapshot::Provenance, source::Moment, value::Quality};
use zc_render::{human, sanitize::sanitize};

mod cost;
mod figures;

/// From this width on, there is a line for devices.
const WIDE: u16 = 140;
/// Below this width or height, there is room for what is most important only.
const ROOMY: (u16, u16) = (60, 14);

/// Header and tabs of the dashboard.
#[derive(Clone, Copy, Debug)]
pub struct Dashboard;

impl Chrome for Dashboard {
    fn areas(&self, screen: Rect) -> Option<Areas> {
        if screen.width < LEAST.0 || screen.height < LEAST.1 {
            return None;
        }
        let header = match (screen.width, screen.height) {
            (_, ..14) => 2,
            (WIDE.., _) => 4,
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
        draw_identity(context, place, Rect { height: 1, ..areas.header }, buf);
        let below = Rect { y: areas.header.y + 1, height: areas.header.height - 1, ..areas.header };
        figures::draw(context, below, buf);
        draw_tabs(context, place, areas.tabs, buf);
    }

    fn brief(&self, context: &Context) -> (String, Style) {
        let copied = context.frame().map_or_else(
            || "...".to_owned(),
            |frame| figures::total(frame, Processes::COPIED_BYTES_PER_SEC),
        );
        (format!("copied {copied}"), context.theme().copied())
    }
}

/// A part of the first line.
struct Part {
    /// With less room, those with a greater number go first; 0 stays.
    priority: u8,
    text: String,
    style: Style,
}

/// Which machine, how copies are known, what was lost, what it costs, and of when it is.
fn draw_identity(context: &Context, place: &Place, area: Rect, buf: &mut Buffer) {
    let mut left = identity(context);
    let mut right = condition(context, place);
    // Parts are two cells apart, the halves at least as much.
    let width = |parts: &[Part]| -> usize {
        parts.iter().map(|part| Span::raw(&part.text).width() + 2).sum()
    };
    while width(&left) + width(&right) > usize::from(area.width) + 2 {
        let all = left.iter().chain(&right);
        let Some(priority) = all.map(|part| part.priority).max().filter(|most| *most > 0) else {
            break;
        };
        left.retain(|part| part.priority != priority);
        right.retain(|part| part.priority != priority);
    }
    let line = |parts: Vec<Part>| {
        let mut spans: Vec<Span<'_>> = Vec::new();
        for part in parts {
            if let Some(last) = spans.last() {
                // What is in reverse has a blank of its own.
                let has_blank = last.content.ends_with(' ');
                spans.push(Span::raw(if has_blank { " " } else { "  " }));
            }
            spans.push(Span::styled(part.text, part.style));
        }
        Line::from(spans)
    };
    let (left, right) = (line(left), line(right));
    let room = area.width.saturating_sub(u16::try_from(right.width()).unwrap_or(u16::MAX));
    buf.set_line(area.x, area.y, &left, room.saturating_sub(1));
    buf.set_line(area.x + room, area.y, &right, area.width - room);
}

fn identity(context: &Context) -> Vec<Part> {
    let theme = context.theme();
    let mut parts = vec![Part { priority: 9, text: "zc".to_owned(), style: theme.head() }];
    let Some(frame) = context.frame() else { return parts };
    let host = &frame.host;
    let (style, copies) = match host.copies {
        Provenance::Measured => (theme.reference(), "copies measured".to_owned()),
        other => {
            let mark = human::mark(Quality::of(other));
            (theme.notice(), format!("copies {} {mark}", other.id()))
        }
    };
    let name = sanitize(&host.name).into_owned();
    parts.push(Part { priority: 4, text: name, style: theme.strong() });
    // What the maintainers of a distribution add is for those who have room for it.
    let release = host.kernel.split('-').next().unwrap_or_default();
    let kernel = format!("Linux {}", sanitize(release));
    let rest = format!("{} {}", &host.kernel[release.len()..], host.arch);
    parts.push(Part { priority: 7, text: kernel, style: theme.text() });
    let rest = sanitize(rest.trim_start_matches(['-', ' '])).into_owned();
    parts.push(Part { priority: 12, text: rest, style: theme.dim() });
    parts.push(Part { priority: 0, text: copies, style });
    parts
}

fn condition(context: &Context, place: &Place) -> Vec<Part> {
    let theme = context.theme();
    let mut parts = Vec::new();
    let lost = context.losses_here().fold(0_u64, |sum, (_, count)| sum.saturating_add(count));
    if lost > 0 {
        let doctor = place.tabs.iter().position(|title| *title == "Doctor");
        let explained = doctor.map_or_else(|| "?".to_owned(), |tab| format!("{} Doctor", tab + 1));
        let text = format!(" lost {} ({explained}) ", human::count_short(lost));
        parts.push(Part { priority: 0, text, style: theme.alarm() });
    } else if context.frame().is_some() {
        parts.push(Part { priority: 10, text: "lost 0".to_owned(), style: theme.dim() });
    }
    if let Some(frame) = context.frame() {
        // The short form is for those who have no room for the long one.
        let [short, long] = cost::own(frame);
        let text = if place.width >= WIDE { long } else { short };
        parts.push(Part { priority: 8, text, style: theme.dim() });
    }
    if let Some(message) = status(context) {
        let style = theme.notice().patch(theme.selected());
        parts.push(Part { priority: 0, text: format!(" {message} "), style });
    } else {
        parts.push(Part { priority: 6, text: "LIVE".to_owned(), style: theme.reference() });
    }
    if let Some(moment) = context.moment() {
        let text = if context.is_in_past() { ago(moment) } else { position(moment) };
        parts.push(Part { priority: 5, text, style: theme.dim() });
    }
    let is_then = context.is_recorded() || context.is_in_past();
    if !is_then {
        let every = if place.width >= 100 { "every " } else { "" };
        let text = format!("{every}{}", interval(context));
        parts.push(Part { priority: 3, text, style: theme.dim() });
    }
    if let Some(frame) = context.frame() {
        let priority = if is_then { 2 } else { 11 };
        let text = human::clock(frame.taken_at_ns);
        parts.push(Part { priority, text, style: theme.dim() });
    }
    parts
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

/// How long ago it was, of how much that can be gone back to.
fn ago(moment: &Moment) -> String {
    let until_now = |at: u64| human::stopwatch(moment.last_ns.saturating_sub(at));
    format!("{} ago, of {}", until_now(moment.at_ns), until_now(moment.first_ns))
}

/// How long an interval is.
fn interval(context: &Context) -> String {
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

/// Draws the names of the pages, and at the right how much of everything is listed, after what has happened.
fn draw_tabs(context: &Context, place: &Place, area: Rect, buf: &mut Buffer) {
    let theme = context.theme();
    let line = chrome::tab_line(place, area);
    let mut end = area.x;
    for (tab, x, label) in line.labels {
        let style = if tab == place.tab { theme.selected() } else { theme.dim() };
        let room = usize::from(area.right().saturating_sub(x));
        let (right, _) = buf.set_stringn(x, area.y, label, room, style);
        end = end.max(right);
    }
    let width = |text: &str| u16::try_from(Span::raw(text).width()).unwrap_or(u16::MAX);
    let room = area.right().saturating_sub(end + 1);
    let rest = if line.notice.is_empty() {
        room
    } else {
        let rest = room.saturating_sub(width(&line.notice).saturating_add(2));
        // What has been done is there until the next key.
        if context.said().is_some() { rest } else { rest.max(room / 2) }
    };
    let scope = width(&line.scope).min(rest);
    let cell = Rect::new(area.right() - scope, area.y, scope, 1);
    let style = if place.is_narrowed { theme.notice() } else { theme.dim() };
    grid::put(&line.scope, false, style, cell, theme, buf);
    let gap = u16::from(scope > 0) * 2;
    let used = width(&line.notice).min(room.saturating_sub(scope + gap));
    let cell = Rect::new(area.right() - scope - gap - used, area.y, used, 1);
    grid::put(&line.notice, false, notice::style(context), cell, theme, buf);
}
