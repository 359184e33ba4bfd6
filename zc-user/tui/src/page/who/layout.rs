//! Where the parts of the page are: the table, below it what the selected row could do, or at its right.

use ratatui::layout::Rect;

use super::{minutes, shows_rest};
use crate::state::Context;

/// From this width on, what is about the selected row is at the right.
const WIDE: u16 = 140;
/// From this width on, the picture has room for its boxes.
const PICTURE: u16 = 160;
/// Lines of the page, below which there is no room for more than the table.
const LEAST_LINES: u16 = 12;

/// The parts of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Areas {
    /// Headings, rows, and the lines below them.
    pub(super) table: Rect,
    /// Rows that fit.
    pub(super) rows: usize,
    /// The line that says how many more there are.
    pub(super) more: Option<u16>,
    /// The line of what is unattributed.
    pub(super) rest: Option<u16>,
    /// Two lines on the selected row, below a rule.
    pub(super) bottom: Option<Rect>,
    /// All about the selected row.
    pub(super) side: Option<Rect>,
    /// The last ten minutes.
    pub(super) minutes: Option<Rect>,
}

impl Areas {
    /// The parts for so many rows.
    pub(super) fn of(context: &Context, rows: usize) -> Self {
        let all = context.body();
        let lines = minutes::lines(all);
        let body = Rect { height: all.height - lines, ..all };
        let minutes = (lines > 0).then(|| Rect { y: body.bottom(), height: lines, ..all });
        let side = (body.width >= WIDE).then(|| {
            let width = if body.width >= PICTURE { 76 } else { body.width / 3 };
            Rect { x: body.right() - width, width, ..body }
        });
        let width = side.map_or(body.width, |side| body.width - side.width - 1);
        let has_bottom = side.is_none() && body.height >= LEAST_LINES;
        let height = if has_bottom { body.height - 3 } else { body.height };
        let table = Rect { width, height, ..body };
        let bottom = has_bottom.then(|| Rect { y: table.bottom(), height: 3, width, ..body });
        let mut lines = usize::from(table.height.saturating_sub(1));
        let mut end = table.bottom();
        let mut take = |is_there: bool, lines: &mut usize| {
            let has = is_there && *lines > 0;
            *lines -= usize::from(has);
            end -= u16::from(has);
            has.then_some(end)
        };
        let rest = take(shows_rest(context), &mut lines);
        let more = take(rows > lines, &mut lines);
        Self { table, rows: lines, more, rest, bottom, side, minutes }
    }
}
