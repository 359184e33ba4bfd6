//! Its files and peers.

use super::{
    subject::Subject,
    table::{self, Form},
};
use crate::{state::Context, view::canvas::Canvas};
use zc_model::{
    column::{
        Column,
        object::{ObjectLine, Objects},
    },
    object::{Used, Which, moved},
    snapshot,
};
use zc_render::table::{object_name, shortened, users};

/// The columns for one process.
const OF_PROCESS: Form<Objects> = Form {
    columns: &[
        Objects::NAME,
        Objects::COPIED_BYTES_PER_SEC,
        Objects::OPS_PER_SEC,
        Objects::AVERAGE_BYTES,
        Objects::PATH,
        Objects::READ_BYTES_PER_SEC,
        Objects::WRITTEN_BYTES_PER_SEC,
    ],
    shorten,
};

/// The same for several.
const OF_GROUP: Form<Objects> = Form {
    columns: &[
        Objects::NAME,
        Objects::COPIED_BYTES_PER_SEC,
        Objects::OPS_PER_SEC,
        Objects::PROCESS,
        Objects::AVERAGE_BYTES,
        Objects::PATH,
        Objects::READ_BYTES_PER_SEC,
        Objects::WRITTEN_BYTES_PER_SEC,
    ],
    shorten,
};

fn shorten(column: &Column<Objects>, text: String, room: usize) -> String {
    if column == Objects::NAME { shortened(&text, room).into_owned() } else { text }
}

/// Draws the busiest of them.
pub(super) fn draw(subject: &Subject, most: usize, context: &Context, canvas: &mut Canvas) {
    let theme = context.theme();
    let Some(objects) = &subject.frame.objects else {
        let text = if context.is_recorded() {
            "This recording has no files and peers: zc record --objects FILE makes one that has them."
        } else {
            "Files and peers are not counted: zc top --objects counts them."
        };
        return canvas.paragraph(text, 0, theme.dim());
    };
    let own = objects.rows.iter().filter(|row| subject.has(row.process)).cloned().collect();
    let own = snapshot::Objects { rows: own, ..snapshot::Objects::default() };
    let peers = objects.peers();
    let which = [Which::Files, Which::Peers];
    let mut used: Vec<Used> = which.into_iter().flat_map(|which| own.used(which)).collect();
    used.sort_by_key(|it| std::cmp::Reverse(moved(&it.from).saturating_add(moved(&it.to))));
    if used.is_empty() {
        return canvas.paragraph("none was used in this interval", 0, theme.dim());
    }
    // Names take time, and there may be thousands.
    let left_out = used.len().saturating_sub(most);
    used.truncate(most);
    let line = |used: Used| ObjectLine {
        name: object_name(&used.object, &used.processes, &peers),
        process: users(&used.processes),
        paths: used.paths(),
        from: used.from,
        to: used.to,
    };
    let lines: Vec<ObjectLine> = used.into_iter().map(line).collect();
    let form = if subject.is_group() { &OF_GROUP } else { &OF_PROCESS };
    table::draw(form, &lines, |line| line, (most, left_out, &subject.frame), context, canvas);
}
