//! What was counted, in words: what is not 0, or all of it with its ids.

use super::subject::Subject;
use crate::{page::zerocopy, state::Context, view::canvas::Canvas, widget::grid};
use ratatui::layout::Rect;
use zc_model::{
    advice,
    column::{Processes, Unit},
    counter::CounterId,
    frame::Frame,
    row::Row,
    user_copies,
    value::Value,
};
use zc_render::{cell, counter::words, human};

/// Cells of a counter with its name.
const WIDTH: u16 = 40;

/// Cells of its value.
const VALUE: u16 = 11;

/// Draws those that are not 0; `all` of them with their ids.
pub(super) fn draw(subject: &Subject, all: bool, context: &Context, canvas: &mut Canvas) {
    let theme = context.theme();
    let frame = &subject.frame;
    let mut listed = Vec::new();
    let mut quiet = 0;
    for counter in CounterId::ALL.iter().copied() {
        let (text, is_quiet) = rate(counter, subject.row(), frame);
        if all {
            listed.push((counter.id(), text, is_quiet));
        } else if is_listed(counter, frame) {
            if is_quiet { quiet += 1 } else { listed.push((words(counter), text, false)) }
        }
    }
    let columns = (canvas.width() / WIDTH).max(1);
    let count = u16::try_from(listed.len()).unwrap_or(u16::MAX);
    let lines = count.div_ceil(columns);
    let (area, buf) = canvas.block(lines);
    for ((label, text, is_quiet), at) in listed.iter().zip(0..count) {
        let x = at / lines * WIDTH;
        let y = area.y + at % lines;
        let width = (WIDTH - 2).min(area.width.saturating_sub(x));
        let style = if *is_quiet { theme.dim() } else { theme.text() };
        let named = width.saturating_sub(VALUE + 1);
        grid::put(label, false, style, Rect::new(x, y, named, 1), theme, buf);
        let value = Rect::new(x + named, y, width - named, 1);
        grid::put(text, true, style, value, theme, buf);
    }
    if listed.is_empty() {
        canvas.paragraph("nothing was counted in this interval", 0, theme.dim());
    }
    canvas.paragraph(&footnote(quiet, all, frame), 0, theme.dim());
}

/// What is not listed, and why.
fn footnote(quiet: u16, all: bool, frame: &Frame) -> String {
    let limited = frame.host.limitations.len();
    let doctor = match limited {
        0 => "",
        1 => " One counter is limited on this machine: Doctor says why.",
        _ => " Some counters are limited on this machine: Doctor says why.",
    };
    let other = match (all, quiet) {
        (true, _) => "x: only what is not 0, in words.".to_owned(),
        (false, 0) => "x: all counters with their ids.".to_owned(),
        (false, _) => format!(
            "{} more are 0 or not known. x: all counters with their ids.",
            human::count(quiet.into())
        ),
    };
    format!("{other}{doctor}")
}

/// Whether a counter is no detail of what another part of the page says.
fn is_listed(counter: CounterId, frame: &Frame) -> bool {
    !matches!(counter, CounterId::MovedBytes | CounterId::CopiedBytes)
        && !zerocopy::SHOWN_HERE.contains(&counter)
        && !advice::COUNTERS.contains(&counter)
        && !user_copies::is_left_out(counter, frame)
}

/// A counter's rate, and whether there is nothing to see.
fn rate(counter: CounterId, row: Row<'_>, frame: &Frame) -> (String, bool) {
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
