//! What to know at once: who copies, on which path, what of it could be avoided, and how sure that is.

use zc_model::{
    advice::ByCommand,
    column::{Processes, Unit},
    counter::CounterId,
    frame::Frame,
    group::GroupBy,
    ledger,
    row::Row,
    snapshot::{PathSample, Provenance},
    value::Value,
};
use zc_render::{human, table::losses};

use super::{
    advice::{meaning, savings, setting},
    grouped,
    groups::{named, share},
    sheet::{Modelled, measured},
};
use crate::content::{Figure, Tone};

/// The sentences at the top.
pub(super) fn sentences(
    frame: &Frame,
    advised: &[ByCommand<'_>],
    modelled: Modelled,
) -> Vec<String> {
    let totals = Row::totals(frame);
    let copied = totals.counters[CounterId::CopiedBytes];
    let all = self::copied(frame, modelled);
    if copied == 0 {
        return vec![match frame.copied(totals.paths).is_unavailable() {
            true => "What the CPU copied is not known on this kernel.".to_owned(),
            false => "The CPU copied nothing on the paths that zc watches.".to_owned(),
        }];
    }
    let mut sentences = vec![who(frame, copied, &all)];
    let avoidable = avoidable(advised);
    let Some(best) = advised.first() else {
        sentences.push(no_advice(frame));
        return sentences;
    };
    if avoidable > 0 {
        sentences.push(format!(
            "{} of that, {}, could be avoided.",
            human::bytes(avoidable),
            share(avoidable, copied)
        ));
    }
    let setting = setting(best).map_or_else(String::new, |setting| format!(" {setting}"));
    sentences.push(format!(
        "What to change in {}: {}.{setting}",
        named(best.comm),
        best.advice.remedy()
    ));
    sentences.push(format!(
        "That works {}; this is {}: {}.",
        best.advice.condition(),
        best.advice.certainty.id(),
        meaning(best.advice.certainty)
    ));
    if best.advice.saving.copied_bytes > 0 {
        sentences.push(format!("It saves: {}.", savings(best, frame).join("; ")));
    }
    sentences
}

/// Why there is no advice: nothing was passed on, or it was, and there is reason to think that it was looked at.
fn no_advice(frame: &Frame) -> String {
    use CounterId as Id;
    let passed_on = [
        Id::RelayedFileFileBytes,
        Id::RelayedFilePipeBytes,
        Id::RelayedFileSocketBytes,
        Id::RelayedPipeFileBytes,
        Id::RelayedPipePipeBytes,
        Id::RelayedPipeSocketBytes,
        Id::RelayedSocketFileBytes,
        Id::RelayedSocketPipeBytes,
        Id::RelayedSocketSocketBytes,
        Id::MappedSentBytes,
    ];
    let counters = &frame.totals.counters;
    let bytes = passed_on.iter().map(|id| counters[*id]).fold(0, u64::saturating_add);
    if bytes == 0 {
        return "zc has seen no sign that these copies could be avoided.".to_owned();
    }
    format!(
        "{} of that went on from the buffers into which they had been copied. zc gives no advice on them: the evidence \
         is not enough, as programs may have looked at them, or changed them, in the CPU time that they took. If they \
         do neither, these copies can be avoided.",
        human::bytes(bytes)
    )
}

/// What the CPU copied, with its mark.
pub(super) fn copied(frame: &Frame, modelled: Modelled) -> String {
    modelled.figure(&Processes::COPIED_BYTES.of(Row::totals(frame), frame), Unit::Bytes)
}

/// Who copied most, and on which path.
fn who(frame: &Frame, copied: u64, all: &str) -> String {
    let groups = grouped(frame, GroupBy::Command);
    let of_first = groups.first().map_or(0, |group| group.counters[CounterId::CopiedBytes]);
    let unattributed = frame.unattributed.counters[CounterId::CopiedBytes];
    let (name, bytes, paths) = match groups.first() {
        Some(group) if of_first >= unattributed => (named(&group.name), of_first, &group.paths),
        _ => {
            let name = "work that belongs to no process".to_owned();
            (name, unattributed, &frame.unattributed.paths)
        }
    };
    let by = match bytes == copied {
        true => "all of it".to_owned(),
        false => share(bytes, copied),
    };
    let on = most_on(paths).map_or_else(String::new, |on| match bytes == copied {
        true => format!(", {on}"),
        // The shares are of what that one copied.
        false => format!(", whose copies were {on}"),
    });
    format!("The CPU copied {all}, {by} for {name}{on}.")
}

/// `half on file_read, half on socket_send`: the paths that make up most of the copies.
fn most_on(paths: &[PathSample]) -> Option<String> {
    let mut sums: Vec<PathSample> = ledger::by_path(paths).map(|(sum, _)| sum).collect();
    sums.retain(|sum| sum.provenance != Provenance::Unavailable && sum.copied_bytes > 0);
    sums.sort_by_key(|sum| std::cmp::Reverse(sum.copied_bytes));
    let all = sums.iter().map(|sum| sum.copied_bytes).fold(0, u64::saturating_add);
    match &sums[..] {
        [] => None,
        [only] => Some(format!("on the path {}", only.path.id())),
        [first, second, ..] if second.copied_bytes >= first.copied_bytes / 3 => Some(format!(
            "on the paths {} ({}) and {} ({})",
            first.path.id(),
            share(first.copied_bytes, all),
            second.path.id(),
            share(second.copied_bytes, all),
        )),
        [first, ..] => Some(format!(
            "mostly on the path {} ({})",
            first.path.id(),
            share(first.copied_bytes, all)
        )),
    }
}

/// What all advice together would save. Each byte is claimed once.
fn avoidable(advised: &[ByCommand<'_>]) -> u64 {
    advised.iter().map(|one| one.advice.saving.copied_bytes).fold(0, u64::saturating_add)
}

/// The figures that matter most.
pub(super) fn figures(frame: &Frame, advised: &[ByCommand<'_>], modelled: Modelled) -> Vec<Figure> {
    let totals = Row::totals(frame);
    let of = |column: &'static zc_model::column::Column| column.of(totals, frame);
    let shown =
        |column: &'static zc_model::column::Column| modelled.figure(&of(column), column.unit);
    let why = |value: &Value<'_>, note: String| match value {
        Value::Unavailable(why) => (*why).to_owned(),
        _ => note,
    };
    let figure = |label, value, note, tone| Figure { label, value, note, tone };
    let copied = of(Processes::COPIED_BYTES);
    let devices = devices(frame);
    let mut figures = vec![
        figure(
            "Copied by the CPU",
            shown(Processes::COPIED_BYTES),
            why(&copied, shown(Processes::COPIED_BYTES_PER_SEC)),
            Tone::Copied,
        ),
        figure(
            "Moved by reference",
            shown(Processes::ZERO_COPIED_BYTES),
            shown(Processes::ZERO_COPIED_BYTES_PER_SEC),
            Tone::Reference,
        ),
        figure(
            "Moved by devices",
            modelled.figure(&measured(devices), Unit::Bytes),
            "DMA, of the whole machine".to_owned(),
            Tone::Device,
        ),
        figure(
            "Copies per byte",
            shown(Processes::AMPLIFICATION),
            "copied, per byte of payload".to_owned(),
            Tone::Plain,
        ),
    ];
    let value = of(Processes::COPY_TAX);
    let margin = shown(Processes::COPY_TAX_MARGIN);
    figures.push(Figure {
        label: "Copy tax",
        value: shown(Processes::COPY_TAX),
        note: why(&value, format!("±{margin}, of the CPU time, in copy routines of the kernel")),
        tone: Tone::Plain,
    });
    let avoidable = avoidable(advised);
    figures.push(figure(
        "Avoidable",
        human::bytes(avoidable),
        match avoidable {
            0 => "no advice on copies".to_owned(),
            _ => format!(
                "{} of what was copied, if the conditions hold",
                share(avoidable, totals.counters[CounterId::CopiedBytes])
            ),
        },
        Tone::Advice,
    ));
    figures
}

/// Bytes that hardware moved.
pub(super) fn devices(frame: &Frame) -> u64 {
    let moving = frame.devices.iter().filter(|device| device.does_dma());
    let bytes = moving.map(|device| device.read_bytes.saturating_add(device.write_bytes));
    bytes.fold(0, u64::saturating_add)
}

/// What holds for all figures.
pub(super) fn caveats(frame: &Frame, modelled: Modelled, unreadable: &[String]) -> Vec<String> {
    let mut caveats = Vec::new();
    if modelled.0 {
        let of_copies = frame.host.limitation(CounterId::CopiedBytes);
        let why = of_copies
            .map_or("the copies that each path is known to make, times the bytes moved", |it| {
                it.reason.trim_end_matches('.')
            });
        caveats.push(format!(
            "Copies are modelled on this kernel, not measured: {why}. That holds for every figure of copied bytes \
             without a mark. Bytes moved, calls and CPU time are measured."
        ));
    }
    let [own, others] = losses(frame);
    let lost = own.iter().chain(&others).map(|(_, count)| *count).fold(0, u64::saturating_add);
    if lost > 0 {
        caveats.push(format!(
            "{} events were not counted where they belong; see What was lost.",
            human::count(lost)
        ));
    }
    if !unreadable.is_empty() {
        caveats.push("The recording is not whole; see What was lost.".to_owned());
    }
    caveats
}
