//! How the bytes flow: the picture, what could be saved, zero-copy, and the paths.

use super::{
    subject::Subject,
    table::{self, Form},
    track::Track,
};
use crate::{
    page::{advised, tabular, zerocopy},
    state::Context,
    view::canvas::Canvas,
};
use zc_model::{
    column::{PathRow, Paths},
    picture::Picture,
};
use zc_render::diagram::{Diagram, Unit as Figures};

/// The columns of the paths. Errors are not told apart by their number: what is counted is how many there are.
const PATHS: Form<Paths> = Form {
    columns: &[
        Paths::PATH,
        Paths::COPIED_BYTES_PER_SEC,
        Paths::MOVED_BYTES_PER_SEC,
        Paths::OPS_PER_SEC,
        Paths::AVERAGE_BYTES,
        Paths::ERRORS_PER_SEC,
        Paths::SOCKET,
        Paths::PROVENANCE,
        Paths::MEANING,
    ],
    shorten: table::whole,
};

/// More than there are paths and kinds of sockets.
const ALL: usize = 1000;

/// Draws all of it, with blank lines in between if there is room.
pub(super) fn draw(
    subject: &Subject,
    track: &Track,
    is_roomy: bool,
    context: &Context,
    canvas: &mut Canvas,
) {
    let frame = &subject.frame;
    let row = subject.row();
    let picture = Picture::new(frame, row.counters, row.paths);
    let diagram = Diagram::new(&picture, context.theme(), Figures::PerSecond(frame.seconds()));
    let (area, buf) = canvas.block(diagram.height(canvas.width()));
    diagram.draw(area, buf);
    for (command, advice) in &subject.advice {
        let held = track.held(command, advice.rule);
        advised::told(command, advice, held, context, frame, canvas);
    }
    if subject.advice.is_empty() && frame.copied(row.paths).bytes > 0 {
        let text = "No advice: none of what the CPU copied here is avoidable that zc knows of.";
        canvas.paragraph(text, 0, context.theme().dim());
    }
    zerocopy::section(context, row, frame, canvas);
    let order = tabular::descending(Paths::COPIED_BYTES_PER_SEC);
    let rows = tabular::sorted::<Paths, _>(row.paths, PathRow::One, order, frame);
    if is_roomy {
        canvas.gap();
    }
    if rows.is_empty() {
        canvas.paragraph("no data moved in this interval", 0, context.theme().dim());
        return;
    }
    table::draw(&PATHS, &rows, |path| PathRow::One(path), (ALL, 0, frame), context, canvas);
}
