//! Its code that copies.

use std::collections::HashMap;

use super::{
    subject::Subject,
    table::{self, Form},
};
use crate::{
    page::code::{Window, code, processes, quality, stacks_of},
    state::Context,
    view::canvas::Canvas,
};
use zc_model::{
    column::{
        Column,
        stack::{CopierLine, Copiers, StackLine, Stacks},
    },
    snapshot,
};
use zc_render::{
    human,
    sanitize::{truncate, truncate_start},
};

/// The columns of stacks.
const STACKS: Form<Stacks> = Form {
    columns: &[
        Stacks::SHARE,
        Stacks::MARGIN,
        Stacks::CODE,
        Stacks::COPIED_BYTES_PER_SEC,
        Stacks::PATH,
        Stacks::CPU,
    ],
    shorten: |column, text, room| {
        // The end says which call it was.
        if column == Stacks::CODE { truncate_start(&text, room, "..").into_owned() } else { text }
    },
};

/// The columns of functions that copy by themselves.
const COPIERS: Form<Copiers> = Form {
    columns: &[Copiers::SAMPLES, Copiers::COPY, Copiers::FUNCTION, Copiers::FILE],
    shorten: shorten_copier,
};

fn shorten_copier(column: &Column<Copiers>, text: String, room: usize) -> String {
    match column {
        it if it == Copiers::FILE => truncate_start(&text, room, "..").into_owned(),
        it if it == Copiers::FUNCTION => truncate(&text, room, "..").into_owned(),
        _ => text,
    }
}

/// Draws those that copied most.
pub(super) fn draw(
    subject: &Subject,
    window: &Window,
    most: usize,
    context: &Context,
    canvas: &mut Canvas,
) {
    let theme = context.theme();
    if subject.frame.stacks.is_some() {
        stacks(subject, window, most, context, canvas);
    } else {
        let text = if context.is_recorded() {
            "This recording has no stacks: zc record --stacks FILE makes one that has them."
        } else {
            "No stacks are taken: zc top --stacks takes them."
        };
        canvas.paragraph(text, 0, theme.dim());
    }
    if subject.frame.host.user_copies {
        copiers(subject, most, context, canvas);
    }
}

fn stacks(subject: &Subject, window: &Window, most: usize, context: &Context, canvas: &mut Canvas) {
    let theme = context.theme();
    let own = window.stacks_where(|process| subject.has(process));
    let (total, seconds) = (own.total(), window.seconds());
    let mut by_code: HashMap<String, StackLine> = HashMap::new();
    for (key, amount) in stacks_of(&own) {
        let code = code(&key);
        let line = StackLine {
            process: processes(&amount.processes, &key.comm),
            path: amount.paths.first().map_or_else(String::new, |(path, _)| path.id().to_owned()),
            quality: quality(&subject.frame, &amount.paths),
            estimate: amount.estimate,
            all: total,
            seconds,
            code: code.clone(),
        };
        by_code.entry(code).and_modify(|sum| add(sum, &line)).or_insert(line);
    }
    let mut lines: Vec<StackLine> = by_code.into_values().collect();
    lines.sort_by(|a, b| {
        let by_bytes = b.estimate.bytes.total_cmp(&a.estimate.bytes);
        by_bytes.then_with(|| a.code.cmp(&b.code))
    });
    if lines.is_empty() {
        return canvas.paragraph("no sample in the last intervals", 0, theme.dim());
    }
    let samples = human::count(total.samples);
    let text = format!("Kernel copies: {samples} samples in the last {seconds:.0} s");
    canvas.paragraph(&text, 0, theme.dim());
    table::draw(&STACKS, &lines, |line| line, (most, 0, &subject.frame), context, canvas);
}

/// Stacks of processes of several names that are the same.
fn add(sum: &mut StackLine, more: &StackLine) {
    sum.estimate.bytes += more.estimate.bytes;
    sum.estimate.variance += more.estimate.variance;
    sum.estimate.calls += more.estimate.calls;
    sum.estimate.samples += more.estimate.samples;
    sum.estimate.time_samples += more.estimate.time_samples;
}

fn copiers(subject: &Subject, most: usize, context: &Context, canvas: &mut Canvas) {
    let own = subject.frame.copiers.iter().filter(|copier| subject.has(copier.process));
    let line =
        |copier: &snapshot::Copier| CopierLine { copier: copier.clone(), process: String::new() };
    let mut lines: Vec<CopierLine> = own.map(line).collect();
    lines.sort_by_key(|line| {
        let samples = line.copier.samples.saturating_add(line.copier.fault_samples);
        (std::cmp::Reverse(samples), line.copier.function.clone())
    });
    if lines.is_empty() {
        let text = "no function of its own was found copying in this interval";
        return canvas.paragraph(text, 0, context.theme().dim());
    }
    canvas.paragraph("Copies that it makes itself, samples of CPU time", 0, context.theme().dim());
    table::draw(&COPIERS, &lines, |line| line, (most, 0, &subject.frame), context, canvas);
}
