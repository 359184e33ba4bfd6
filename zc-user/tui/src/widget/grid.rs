//! A table: columns that give way when there is little room, a head, and rows.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
    text::Span,
};

use zc_model::column::{Column, Table};
use zc_render::theme::Theme;

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The heading.
    pub title: &'static str,
    /// Cells it needs.
    pub width: u16,
    /// Aligned to the right.
    pub right: bool,
    /// Its numbers may carry a mark; those without one keep a blank, so that digits align.
    pub marks: bool,
    /// Takes what room is left over, up to this many cells.
    pub stretch: u16,
    /// Columns with a greater number go first when there is little room.
    pub priority: u8,
}

impl Spec {
    /// How a column lies on the dashboard, if it is there.
    #[must_use]
    pub fn of<T: Table>(column: &Column<T>) -> Option<Self> {
        let screen = column.screen?;
        Some(Self {
            title: column.title,
            width: screen.width,
            right: column.unit.is_numeric(),
            marks: column.marks,
            stretch: screen.most,
            priority: screen.priority,
        })
    }
}

/// Where a column came to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Index of the column.
    pub column: usize,
    /// Its left edge, relative to the table's.
    pub x: u16,
    /// Its width.
    pub width: u16,
}

/// The columns that fit into `width` cells, with one blank between them.
#[must_use]
pub fn fit(specs: &[Spec], width: u16) -> Vec<Slot> {
    let mut by_priority: Vec<usize> = (0..specs.len()).collect();
    by_priority.sort_by_key(|index| specs[*index].priority);
    let mut fitting = Vec::new();
    let mut used = 0_u16;
    for index in by_priority {
        let more = specs[index].width + u16::from(!fitting.is_empty());
        if used + more > width {
            // Nothing less important may take the place: columns would come and go while one resizes.
            break;
        }
        used += more;
        fitting.push(index);
    }
    fitting.sort_unstable();
    let mut left_over = width - used;
    let mut x = 0;
    fitting
        .into_iter()
        .map(|column| {
            let stretch = specs[column].stretch.saturating_sub(specs[column].width).min(left_over);
            left_over -= stretch;
            let slot = Slot { column, x, width: specs[column].width + stretch };
            x += slot.width + 1;
            slot
        })
        .collect()
}

/// Writes `text` into a cell, cutting it visibly if it is too long.
pub fn put(text: &str, right: bool, style: Style, area: Rect, theme: Theme, buf: &mut Buffer) {
    let room = usize::from(area.width);
    let width = Span::raw(text).width();
    if width <= room {
        let indent = if right { room - width } else { 0 };
        let x = area.x + u16::try_from(indent).unwrap_or(0);
        buf.set_stringn(x, area.y, text, room - indent, style);
    } else if room > 0 {
        let (x, _) = buf.set_stringn(area.x, area.y, text, room - 1, style);
        buf.set_stringn(x, area.y, theme.symbols.ellipsis, 1, style);
    }
}

fn with_room_for_mark(mut text: String, spec: &Spec) -> String {
    if spec.marks && !text.ends_with(['?', '~', '+']) {
        text.push(' ');
    }
    text
}

/// A table being drawn.
pub struct Grid<'a> {
    /// The columns.
    pub specs: &'a [Spec],
    /// The column that sorts, and whether from large to small.
    pub sorted: Option<(usize, bool)>,
    /// The theme.
    pub theme: Theme,
    /// Where everything is.
    pub area: Rect,
}

impl Grid<'_> {
    /// Draws the head in the first line of the area.
    pub fn head(&self, buf: &mut Buffer) {
        for slot in fit(self.specs, self.area.width) {
            let spec = &self.specs[slot.column];
            let area = Rect::new(self.area.x + slot.x, self.area.y, slot.width, 1);
            match self.sorted {
                Some((column, descending)) if column == slot.column => {
                    let symbols = self.theme.symbols;
                    let mark = if descending { symbols.descending } else { symbols.ascending };
                    let title = format!("{}{mark}", spec.title);
                    put(&title, spec.right, self.theme.sorted_head(), area, self.theme, buf);
                }
                _ => {
                    let title = with_room_for_mark(spec.title.to_owned(), spec);
                    put(&title, spec.right, self.theme.head(), area, self.theme, buf);
                }
            }
        }
    }

    /// Draws a row, `line` lines below the head.
    pub fn row(
        &self,
        line: u16,
        selected: bool,
        buf: &mut Buffer,
        mut cell: impl FnMut(Slot) -> (String, Style),
    ) {
        let y = self.area.y + 1 + line;
        if y >= self.area.bottom() {
            return;
        }
        let mut pictures = Vec::new();
        for slot in fit(self.specs, self.area.width) {
            let (text, style) = cell(slot);
            let text = with_room_for_mark(text, &self.specs[slot.column]);
            let area = Rect::new(self.area.x + slot.x, y, slot.width, 1);
            put(&text, self.specs[slot.column].right, style, area, self.theme, buf);
            if selected && text.contains(is_block) {
                pictures.push(area);
            }
        }
        if selected {
            for x in self.area.x..self.area.right() {
                let at = Position::new(x, y);
                let is_picture = pictures.iter().any(|area| area.contains(at));
                if let Some(cell) = buf.cell_mut(at) {
                    cell.set_style(self.theme.in_selected_row(cell.style(), is_picture));
                }
            }
        }
    }
}

/// Whether bars and curves consist of it: block elements, and patterns of dots.
const fn is_block(sign: char) -> bool {
    matches!(sign, '\u{2580}'..='\u{259f}' | '\u{2801}'..='\u{28ff}')
}

/// The column of a table in `area` at `x` (screen coordinates), if there is one.
#[must_use]
pub fn column_at(specs: &[Spec], area: Rect, x: u16) -> Option<usize> {
    fit(specs, area.width)
        .into_iter()
        .find(|slot| (slot.x..=slot.x + slot.width).contains(&x.wrapping_sub(area.x)))
        .map(|slot| slot.column)
}

#[cfg(test)]
mod tests {
    use ratatui::style::Modifier;

    use super::*;

    fn spec(title: &'static str, width: u16, stretch: u16, priority: u8) -> Spec {
        Spec { title, width, right: false, marks: false, stretch, priority }
    }

    fn fitted(width: u16) -> Vec<(usize, u16, u16)> {
        let specs =
            [spec("a", 4, 0, 1), spec("b", 4, 8, 0), spec("c", 4, 0, 2), spec("d", 1, 0, 3)];
        fit(&specs, width).into_iter().map(|slot| (slot.column, slot.x, slot.width)).collect()
    }

    #[test]
    fn columns_give_way_in_the_order_of_their_priority() {
        assert_eq!(fitted(16), [(0, 0, 4), (1, 5, 4), (2, 10, 4), (3, 15, 1)]);
        assert_eq!(fitted(14), [(0, 0, 4), (1, 5, 4), (2, 10, 4)]);
        assert_eq!(fitted(13), [(0, 0, 4), (1, 5, 8)], "b stretches, d does not jump in");
        assert_eq!(fitted(4), [(1, 0, 4)]);
        assert_eq!(fitted(3), []);
    }

    #[test]
    fn a_bar_in_the_selected_row_is_not_in_reverse() {
        let specs = [spec("a", 3, 0, 0), spec("b", 4, 0, 1)];
        let row = |theme| {
            let area = Rect::new(0, 0, 9, 2);
            let mut buf = Buffer::empty(area);
            let grid = Grid { specs: &specs, sorted: None, theme, area };
            grid.row(0, true, &mut buf, |slot| {
                let text = if slot.column == 0 { "x" } else { "\u{2588}\u{258c}" };
                (text.to_owned(), theme.copied())
            });
            let cell = |x| buf[(x, 1)].style();
            (0..9).map(cell).collect::<Vec<_>>()
        };
        let reverse = |style: &Style| style.add_modifier.contains(Modifier::REVERSED);
        let mono: Vec<bool> = row(Theme::new(false, true)).iter().map(reverse).collect();
        assert_eq!(mono, [true, true, true, true, false, false, false, false, true]);
        let colored = row(Theme::new(true, true));
        assert!(colored.iter().all(|style| style.bg == colored[0].bg && !reverse(style)));
    }

    #[test]
    fn a_text_that_is_cut_says_so() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 5, 2));
        let theme = Theme::new(false, true);
        put("abcdefg", true, Style::new(), Rect::new(0, 0, 4, 1), theme, &mut buf);
        put("ab", true, Style::new(), Rect::new(0, 1, 4, 1), theme, &mut buf);
        assert_eq!(buf, Buffer::with_lines(["abc… ", "  ab "]));
    }
}
