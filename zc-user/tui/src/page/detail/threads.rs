//! Its threads; of a group its processes.

use super::{
    subject::{Subject, What},
    table::{self, Form},
    tasks,
};
use crate::{state::Context, view::canvas::Canvas};
use zc_model::{column::Processes, row::Row, snapshot::ProcessSample};
use zc_render::human;

/// The columns of processes, and of threads, of which a part is known only.
const COLUMNS: Form<Processes> = Form {
    columns: &[
        Processes::PID,
        Processes::COMM,
        Processes::COPIED_BYTES_PER_SEC,
        Processes::MOVED_BYTES_PER_SEC,
        Processes::AMPLIFICATION,
        Processes::HOW,
        Processes::SYSCALLS_PER_SEC,
    ],
    shorten: table::whole,
};

/// Draws the busiest of them.
pub(super) fn draw(subject: &Subject, most: usize, context: &Context, canvas: &mut Canvas) {
    let What::Process(process) = &subject.what else {
        return rows(&subject.members, subject, most, context, canvas);
    };
    if subject.has_threads() {
        return rows(&threads(process, subject), subject, most, context, canvas);
    }
    let known = context.known(process.id).filter(|known| !known.answer.some.is_empty());
    if let Some(known) = known {
        return tasks::draw(&known, most, context, canvas);
    }
    let pid = process.id.pid;
    let text = if context.is_recorded() {
        "This recording has no threads: zc record --threads FILE makes one that has them."
            .to_owned()
    } else if process.is_merged() {
        "Threads of processes that were merged are not told apart.".to_owned()
    } else {
        format!(
            "Not told apart here: run zc top --threads, or zc stat -p {pid} -d 10 --group-by thread"
        )
    };
    canvas.paragraph(&text, 0, context.theme().dim());
}

/// The threads that did something, as if each were a process.
fn threads(process: &ProcessSample, subject: &Subject) -> Vec<ProcessSample> {
    let own = subject.frame.threads.iter().filter(|thread| thread.process == process.id);
    let did = own.filter(|thread| !thread.paths.is_empty() || !thread.counters.is_zero());
    let mut threads: Vec<_> = did
        .map(|thread| {
            let comm = match thread.has_ended() {
                true => format!("{} ({} ended)", thread.comm, human::count(thread.ended)).into(),
                false => std::sync::Arc::clone(&thread.comm),
            };
            ProcessSample {
                id: thread.id,
                comm,
                merged: 1,
                exited: thread.has_ended(),
                counters: thread.counters.clone(),
                paths: thread.paths.clone(),
                ..process.clone()
            }
        })
        .collect();
    threads.sort_by_key(|thread| std::cmp::Reverse(subject.frame.copied(&thread.paths).bytes));
    threads
}

fn rows(
    rows: &[ProcessSample],
    subject: &Subject,
    most: usize,
    context: &Context,
    canvas: &mut Canvas,
) {
    if rows.is_empty() {
        return canvas.paragraph("none did anything in this interval", 0, context.theme().dim());
    }
    table::draw(&COLUMNS, rows, Row::process, (most, 0, &subject.frame), context, canvas);
}
