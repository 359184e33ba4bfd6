//! The threads that a process has now, as the machine lists them: what each copies was not counted.

use ratatui::style::Style;

use crate::{
    inspect::Thread,
    state::{Context, inspected::Known},
    view::canvas::Canvas,
    widget::grid::{Grid, Spec},
};
use zc_model::column::{Column, Processes};
use zc_render::{human, sanitize::name};

const fn spec(title: &'static str, width: u16, right: bool, priority: u8) -> Spec {
    Spec { title, width, right, marks: false, stretch: width, priority }
}

/// What it says of a thread.
#[derive(Clone, Copy)]
enum Cell {
    Tid,
    Name,
    State,
    Cpu,
    /// What was not counted.
    Bytes,
}

/// Draws the busiest of them, and how to have their bytes.
pub(super) fn draw(known: &Known<'_>, most: usize, context: &Context, canvas: &mut Canvas) {
    let theme = context.theme();
    let answer = known.answer;
    let mut threads: Vec<(&Thread, Option<f64>)> =
        answer.some.iter().map(|thread| (thread, known.share(thread))).collect();
    threads.sort_by(|(a, a_share), (b, b_share)| {
        let shares = b_share.unwrap_or(0.0).total_cmp(&a_share.unwrap_or(0.0));
        shares.then(b.cpu.cmp(&a.cpu)).then(a.tid.cmp(&b.tid))
    });
    let of = |column: &Column, priority| Spec { priority, ..like(column) };
    let cells = [
        (Cell::Tid, of(Processes::PID, 1)),
        (Cell::Name, Spec { stretch: 24, ..spec("COMMAND", 15, false, 0) }),
        (Cell::State, spec("STATE", 8, false, 4)),
        (Cell::Cpu, spec("CPU", 6, true, 2)),
        (Cell::Bytes, of(Processes::COPIED_BYTES_PER_SEC, 3)),
        (Cell::Bytes, of(Processes::MOVED_BYTES_PER_SEC, 5)),
    ];
    let specs: Vec<Spec> = cells.iter().map(|(_, spec)| spec.clone()).collect();
    let shown = threads.len().min(most);
    let (area, buf) = canvas.block(u16::try_from(shown + 1).unwrap_or(u16::MAX));
    let grid = Grid { specs: &specs, sorted: None, theme, area };
    grid.head(buf);
    for ((thread, share), line) in threads.iter().take(shown).zip(0..) {
        grid.row(line, false, buf, |slot| match cells[slot.column].0 {
            Cell::Tid => (thread.tid.to_string(), theme.text()),
            Cell::Name => (name(&thread.name).into_owned(), theme.text()),
            Cell::State => (thread.state.to_owned(), theme.text()),
            Cell::Cpu => share.map_or_else(
                || unknown(theme.dim()),
                |share| (human::percent(share), theme.text()),
            ),
            Cell::Bytes => unknown(theme.dim()),
        });
    }
    let more = usize::try_from(answer.threads).unwrap_or(usize::MAX).saturating_sub(shown);
    if more > 0 {
        canvas.paragraph(&format!("{} more", human::count(more as u64)), 0, theme.dim());
    }
    canvas.paragraph(
        "CPU: of one CPU, since the update before. Bytes of each: zc top --threads",
        0,
        theme.dim(),
    );
}

fn unknown(style: Style) -> (String, Style) {
    (human::UNAVAILABLE.to_owned(), style)
}

/// As wide as a column of processes.
fn like(column: &Column) -> Spec {
    Spec::of(column).unwrap_or_else(|| spec(column.title, 12, true, 9))
}
