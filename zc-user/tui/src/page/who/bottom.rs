//! Two lines on the selected row: what it does and how certain that is; what to change and what it saves.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Span};

use super::{
    Below, Who,
    list::{Entry, Life, Told},
};
use crate::{state::Context, widget::grid};
use zc_model::{column::Unit, frame::Frame, ledger};
use zc_render::{advice as words, cell, human, sanitize::name};

/// Two lines of text; the first one may have a word at its right end.
pub(super) struct Said {
    pub(super) first: String,
    pub(super) right: &'static str,
    pub(super) second: String,
    /// There is something to do.
    pub(super) is_advice: bool,
}

/// Draws a rule and the lines below it.
pub(super) fn draw(page: &Who, context: &Context, frame: &Frame, area: Rect, buf: &mut Buffer) {
    let theme = context.theme();
    let rule = theme.symbols.border.horizontal_top.repeat(usize::from(area.width));
    buf.set_stringn(area.x, area.y, rule, usize::from(area.width), theme.dim());
    let said = said(page, context, frame);
    let style = if said.is_advice { theme.notice() } else { theme.text() };
    let sign = if said.is_advice { theme.symbols.advice } else { " " };
    let right = u16::try_from(said.right.len()).unwrap_or(0).min(area.width);
    let width = area.width.saturating_sub(right + u16::from(right > 0));
    let mut said = said;
    if Span::raw(&said.first).width() + 2 > usize::from(width) {
        // Short of room, the shorter words.
        said.first = said.first.replace("each byte copied ", "copied ");
    }
    let first = format!("{sign} {}", said.first);
    let line = Rect::new(area.x, area.y + 1, width, 1);
    grid::put(&first, false, style, line, theme, buf);
    let x = area.right() - right;
    buf.set_stringn(x, area.y + 1, said.right, usize::from(right), style);
    let look = if said.is_advice { Style::new() } else { theme.dim() };
    let line = Rect::new(area.x, area.y + 2, area.width, 1);
    grid::put(&format!("  {}", said.second), false, look, line, theme, buf);
}

/// What there is to say of the selected row.
pub(super) fn said(page: &Who, context: &Context, frame: &Frame) -> Said {
    let plain = |first: &str, second: &str| Said {
        first: first.to_owned(),
        right: "",
        second: second.to_owned(),
        is_advice: false,
    };
    if page.below == Some(Below::More) {
        return plain(
            "the sum of what is not on the screen",
            if page.list.cut > 0 {
                "Enter lists all of it, also what --top leaves out"
            } else {
                "Enter goes there"
            },
        );
    }
    if page.below == Some(Below::Rest) {
        return plain(
            "unattributed: what the kernel copies for no process, such as writeback,",
            "socket buffers for a device, and what threads without a slot did",
        );
    }
    let Some(entry) = page.selected() else { return plain("", "") };
    let named = name(entry.name(frame)).into_owned();
    if let Some(told) = entry.advice.first() {
        return advised(&named, told, entry.advice.len() - 1, context, frame);
    }
    busy(&named, entry, frame)
}

fn advised(named: &str, told: &Told, more: usize, context: &Context, frame: &Frame) -> Said {
    let Told { command, advice } = told;
    let seconds = frame.seconds();
    let command = name(command);
    // Of a group by user or container, it is one of its programs; of the parent it may be the same.
    let is_said = named.starts_with(&*command);
    let who = if is_said { named.to_owned() } else { format!("{named}: {command}") };
    let amount = words::amount(advice, seconds).map_or_else(String::new, |it| format!(": {it}"));
    let saves = words::saves(advice.saving, seconds, context.theme().unicode);
    let change = words::change(advice, &told.command);
    let second = saves.map_or_else(|| change.to_owned(), |saves| format!("{change}   {saves}"));
    let more = if more > 0 { format!("   +{more} more (i)") } else { String::new() };
    Said {
        first: format!("{who} {}{amount}", words::what(advice)),
        right: advice.certainty.id(),
        second: second + &more,
        is_advice: true,
    }
}

/// Without advice: what it does most.
fn busy(name: &str, entry: &Entry, frame: &Frame) -> Said {
    let row = entry.row(frame);
    let said = |first: String, second: &str| Said {
        first,
        right: "",
        second: second.to_owned(),
        is_advice: false,
    };
    let on = |path| ledger::PathSum::on(row.paths, &[path]);
    let copying = row.paths.iter().filter_map(|it| it.path.known());
    let copying = copying.max_by_key(|path| on(*path).copied_bytes);
    let copying = copying.filter(|path| on(*path).copied_bytes > 0);
    let busiest = || ledger::dominant_path(row.paths).and_then(|path| path.known());
    // The page is about copies: a way by which more went without one is not what the row stands there for.
    let Some(path) = copying.or_else(busiest) else {
        return match entry.life {
            Life::Ended => said(format!("{name} has ended"), ""),
            _ => said(format!("{name} moved no data in this interval"), ""),
        };
    };
    let sum = on(path);
    let rate = cell::rate(sum.moved_bytes, Unit::BytesPerSec, frame);
    let copies = if sum.unknown_moved_bytes > 0 {
        "it is not known whether the CPU copied them"
    } else if sum.copied_bytes >= sum.moved_bytes.div_ceil(2) {
        "one copy each"
    } else {
        "no copy by the CPU"
    };
    let second = if entry.life == Life::Ended {
        "it has ended: these are its last figures"
    } else if sum.copied_bytes > 0 {
        // Advice takes evidence of enough bytes: of fewer, nothing is known.
        "no advice on it"
    } else {
        ""
    };
    let calls = human::bytes(sum.bytes_per_op());
    let size = if sum.ops > 0 { format!(" in calls of {calls}") } else { String::new() };
    said(format!("{name} {}: {rate}{size}, {copies}", words::doing(path)), second)
}
