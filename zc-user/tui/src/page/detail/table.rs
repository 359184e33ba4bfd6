//! Tables of some columns, the most important first.

use crate::{
    page::tabular,
    state::Context,
    view::canvas::Canvas,
    widget::grid::{Grid, Spec},
};
use zc_model::{
    column::{Column, Table},
    frame::Frame,
};
use zc_render::human;

/// Cells of a column that no page has by itself.
const OTHER: u16 = 12;

/// What a cell shows of a text that does not fit.
pub(super) type Shorten<T> = fn(&Column<T>, String, usize) -> String;

/// Columns in their order, with which there is an order of importance, and how to shorten what they have.
pub(super) struct Form<T: Table + 'static> {
    pub(super) columns: &'static [&'static Column<T>],
    pub(super) shorten: Shorten<T>,
}

/// Nothing is shortened but at the edge.
pub(super) fn whole<T: Table>(_: &Column<T>, text: String, _: usize) -> String {
    text
}

/// Draws the first `most` rows below a head, and how many more there are: `left_out` besides `rows`.
pub(super) fn draw<'a, T: Table<Context = Frame>, I: 'a>(
    form: &Form<T>,
    rows: &'a [I],
    row: impl Fn(&'a I) -> T::Row<'a>,
    (most, left_out, frame): (usize, usize, &'a Frame),
    context: &Context,
    canvas: &mut Canvas,
) {
    let theme = context.theme();
    let specs: Vec<Spec> = form.columns.iter().zip(0..).map(spec).collect();
    let shown = rows.len().min(most);
    let (area, buf) = canvas.block(u16::try_from(shown + 1).unwrap_or(u16::MAX));
    let grid = Grid { specs: &specs, sorted: None, theme, area };
    grid.head(buf);
    for (item, line) in rows.iter().take(shown).zip(0..) {
        grid.row(line, false, buf, |slot| {
            let column = form.columns[slot.column];
            let (text, style) = tabular::value(column, row(item), frame, theme);
            ((form.shorten)(column, text, usize::from(slot.width)), style)
        });
    }
    let more = rows.len() - shown + left_out;
    if more > 0 {
        let more = human::count(more as u64);
        canvas.paragraph(&format!("{more} more"), 0, theme.dim());
    }
}

fn spec<T: Table>((column, at): (&&'static Column<T>, u8)) -> Spec {
    let title = u16::try_from(column.title.len()).unwrap_or(u16::MAX);
    let spec = Spec::of(column).unwrap_or(Spec {
        title: column.title,
        width: OTHER,
        right: column.unit.is_numeric(),
        marks: column.marks,
        stretch: OTHER * 2,
        priority: at,
    });
    let (width, stretch) = (spec.width.max(title), spec.stretch.max(title));
    Spec { priority: at, width, stretch, ..spec }
}
