//! Advice as a paragraph: the same for a row of processes and on the page of one.

use std::time::Duration;

use ratatui::text::Span;

use crate::{state::Context, view::canvas::Canvas};
use zc_model::{
    advice::{self, Advice, Evidence},
    column::Unit,
    frame::Frame,
};
use zc_render::{advice as words, cell, human, sanitize::name};

/// What to change, what it saves, why, and when not; `held` is how long it has held, as far as that was seen.
pub(super) fn told(
    command: &str,
    advice: &Advice,
    held: Option<Duration>,
    context: &Context,
    frame: &Frame,
    canvas: &mut Canvas,
) {
    let theme = context.theme();
    let seconds = frame.seconds();
    let amount = words::amount(advice, seconds).map_or_else(String::new, |it| format!(": {it}"));
    let head =
        format!("{} {}{amount} ({})", name(command), words::what(advice), advice.certainty.id());
    // Short of room, the shorter words.
    let is_long = Span::raw(&head).width() + 2 > usize::from(canvas.width());
    let head = if is_long { head.replace("each byte copied ", "copied ") } else { head };
    canvas.item(theme.symbols.advice, theme.notice(), 2, &head, theme.notice());
    let setting = advice::setting(command, advice);
    let change = setting.map_or_else(|| advice.remedy(), |setting| setting.change);
    labelled("change", change, context, canvas);
    if let Some(saves) = words::saves(advice.saving, seconds, theme.unicode) {
        labelled("would save", saves.trim_start_matches("saves "), context, canvas);
    }
    let held = held.map_or_else(String::new, |held| {
        let ns = u64::try_from(held.as_nanos()).unwrap_or(u64::MAX);
        let held = match held.as_secs() {
            seconds @ 0..60 => format!("{seconds} s"),
            _ => human::duration(ns),
        };
        format!(", for {held} or more")
    });
    labelled("because", &format!("{}{held}", because(advice, frame)), context, canvas);
    match setting {
        Some(setting) => {
            labelled("not if", setting.unless, context, canvas);
            labelled("see", setting.checked, context, canvas);
        }
        None => labelled("only", advice.condition(), context, canvas),
    }
}

fn labelled(label: &str, text: &str, context: &Context, canvas: &mut Canvas) {
    let theme = context.theme();
    canvas.item(&format!("  {label}"), theme.dim(), 14, text, theme.text());
}

/// What was seen.
fn because(advice: &Advice, frame: &Frame) -> String {
    let rate = |bytes: u64| cell::rate(bytes, Unit::BytesPerSec, frame);
    match advice.evidence {
        Evidence::Passed { from, to, bytes } => format!(
            "{} {}, {} {}, and {} {}",
            from.path.id(),
            rate(from.moved_bytes),
            to.path.id(),
            rate(to.moved_bytes),
            rate(bytes),
            if from.path.is_mapped() {
                "of it first touched there"
            } else {
                "of it from the same buffers"
            },
        ),
        _ => words::evidence(advice),
    }
}
