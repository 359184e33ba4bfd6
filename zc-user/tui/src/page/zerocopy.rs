//! The part of a process's page on zero-copy: requested, achieved, and why not.

use ratatui::text::Span;

use crate::{state::Context, view::canvas::Canvas};
use zc_model::{
    column::Unit,
    counter::CounterId,
    frame::Frame,
    row::Row,
    value::{Quality, Value},
    zerocopy::{self, Achieved, Request, Shortfall},
};
use zc_render::{cell, human};

/// Counters that this part makes use of: a list of counters need not repeat them.
pub(super) const SHOWN_HERE: [CounterId; 9] = [
    CounterId::ZerocopyUringBytes,
    CounterId::ZerocopyNotEnabledBytes,
    CounterId::ZerocopyRefusals,
    CounterId::ZerocopyRefusedBytes,
    CounterId::ZerocopyCopiedLaterBytes,
    CounterId::ZerocopyLinearizedBytes,
    CounterId::ReferencedLinearizedBytes,
    CounterId::ZerocopyPulledBytes,
    CounterId::ReferencedPulledBytes,
];

/// Adds it, if the process requested zero-copy.
pub(super) fn section(context: &Context, row: Row<'_>, frame: &Frame, canvas: &mut Canvas) {
    let theme = context.theme();
    let requests = zerocopy::requests(row, frame);
    if requests.is_empty() {
        return;
    }
    canvas.gap();
    canvas.line(Span::styled("Zero-copy: requested and achieved", theme.head()));
    for request in &requests {
        canvas.line(vec![
            Span::raw(format!("{:<16}", request.mechanism.id())),
            Span::raw(format!(
                "{:>11}",
                cell::rate(request.requested_bytes, Unit::BytesPerSec, frame)
            )),
            Span::styled(format!("  achieved {:>11}", achieved(request, frame)), theme.reference()),
        ]);
        for reason in &request.reasons {
            canvas.paragraph(&because(reason, frame), 2, theme.dim());
        }
        if let Achieved::Unknown(why) = request.achieved {
            canvas.paragraph(why, 2, theme.dim());
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn achieved(request: &Request<'_>, frame: &Frame) -> String {
    match request.achieved {
        Achieved::Bytes(bytes, provenance) if frame.elapsed_ns > 0 => {
            let quality = Quality { provenance, lower_bound: false };
            let value = Value::Real(bytes as f64 / frame.seconds(), quality);
            cell::full(&value, Unit::BytesPerSec)
        }
        Achieved::Bytes(..) | Achieved::Unknown(_) => human::UNAVAILABLE.to_owned(),
    }
}

fn because(reason: &Shortfall, frame: &Frame) -> String {
    let Shortfall { reason, bytes, calls, sentence, .. } = *reason;
    let bytes = cell::rate(bytes, Unit::BytesPerSec, frame);
    let calls = calls.map_or_else(String::new, |calls| {
        format!(" in {} calls", cell::rate(calls, Unit::PerSec, frame))
    });
    format!("{bytes}{calls}, {}: {sentence}.", reason.id())
}
