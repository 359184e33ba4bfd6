//! The table of processes.

use std::sync::LazyLock;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::tabular;
use crate::{
    state::{State, key::ProcessKey, order::Order},
    widget::{
        grid::{Slot, Spec},
        sparkline::sparkline,
    },
};
use zc_model::{
    advice,
    column::Column,
    frame::Frame,
    history::Point,
    row::Row,
    sort::{self, Direction},
};
use zc_render::{cell, human, theme::Theme};

/// A column of the table of processes: how one of THE columns is shown here.
struct Shown {
    column: &'static Column,
    content: Content,
    width: u16,
    stretch: u16,
    priority: u8,
    style: fn(Theme) -> Style,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// The value.
    Value,
    /// A sign if there is a value.
    Sign,
    /// The value over the last intervals.
    Curve,
}

/// The columns by id, with least and greatest useful width, and the order in which they give way.
static SHOWN: LazyLock<Vec<Shown>> = LazyLock::new(|| {
    use Content::{Curve, Sign, Value};
    [
        show("advice", Sign, (1, 1), 4, Theme::notice),
        show("pid", Value, (7, 7), 2, Theme::text),
        show("comm", Value, (13, 20), 0, Theme::strong),
        show("copied_bytes_per_sec", Value, (10, 10), 1, Theme::copied),
        show("copied_bytes_per_sec", Curve, (8, 20), 6, Theme::curve),
        show("moved_bytes_per_sec", Value, (8, 10), 5, Theme::text),
        show("amplification", Value, (7, 7), 7, Theme::text),
        show("dominant_path", Value, (19, 21), 3, Theme::text),
        show("zero_copied_bytes_per_sec", Value, (13, 13), 8, Theme::reference),
        show("mode_switches_per_sec", Value, (9, 9), 9, Theme::text),
        show("advice", Value, (14, 21), 10, Theme::notice),
        show("context_switches_voluntary_per_sec", Value, (10, 10), 11, Theme::text),
        show("context_switches_involuntary_per_sec", Value, (12, 12), 12, Theme::text),
        show("page_cache_hit_ratio", Value, (10, 10), 13, Theme::text),
        show("syscalls_per_sec", Value, (11, 11), 14, Theme::text),
        show("state", Value, (7, 7), 15, Theme::dim),
        show("cgroup", Value, (20, 80), 16, Theme::dim),
    ]
    .into_iter()
    .flatten()
    .collect()
});

fn show(
    id: &str,
    content: Content,
    (width, stretch): (u16, u16),
    priority: u8,
    style: fn(Theme) -> Style,
) -> Option<Shown> {
    let column = Column::from_id(id)?;
    Some(Shown { column, content, width, stretch, priority, style })
}

impl Shown {
    fn title(&self) -> &'static str {
        match self.content {
            Content::Value => self.column.title,
            Content::Sign => "",
            Content::Curve => "TREND",
        }
    }
}

fn specs() -> Vec<Spec> {
    SHOWN
        .iter()
        .map(|shown| Spec {
            title: shown.title(),
            width: shown.width,
            right: shown.content == Content::Value && shown.column.unit.is_numeric(),
            marks: shown.content == Content::Value && may_be_marked(shown.column),
            stretch: shown.stretch,
            priority: shown.priority,
        })
        .collect()
}

/// The sortable columns: their places in the table, in the order of the menu.
fn sortable() -> impl Iterator<Item = (usize, &'static Shown)> {
    SHOWN.iter().enumerate().filter(|(_, shown)| shown.content == Content::Value)
}

/// The order that shows this column's greatest numbers, or first names, first.
#[must_use]
pub fn order_by(column: &Column, direction: Direction) -> Order {
    let column = sortable().find(|(_, shown)| shown.column == column).map_or(3, |(at, _)| at);
    Order { column, descending: direction == Direction::Descending }
}

/// The selected processes' keys in this order.
#[must_use]
pub fn keys(frame: &Frame, state: &State, order: Order) -> Vec<ProcessKey> {
    let Some(shown) = SHOWN.get(order.column) else { return Vec::new() };
    let direction = if order.descending { Direction::Descending } else { Direction::Ascending };
    sort::order(frame, shown.column, direction)
        .into_iter()
        .map(|index| &frame.processes[index])
        .filter(|process| state.selects(process, frame))
        .map(ProcessKey::of)
        .collect()
}

/// Headings and explanations, in the order of the table.
#[must_use]
pub fn titles() -> Vec<(&'static str, &'static str)> {
    SHOWN
        .iter()
        .map(|shown| match shown.content {
            Content::Value => (shown.column.title, shown.column.help),
            Content::Sign => ("!", "There is advice for this process."),
            Content::Curve => ("TREND", "Copied bytes per second over the last intervals."),
        })
        .collect()
}

/// Whether the column holds numbers.
#[must_use]
pub fn is_numeric(column: usize) -> bool {
    SHOWN[column].column.unit.is_numeric()
}

/// The column whose heading is at `x`.
#[must_use]
pub fn column_at(state: &State, area: Rect, x: u16) -> Option<usize> {
    tabular::grid(&specs(), state, area).column_at(x)
}

/// Draws the table; what belongs to no process is its last line.
pub fn draw(state: &State, area: Rect, buf: &mut Buffer) {
    let specs = specs();
    let grid = tabular::grid(&specs, state, area);
    grid.head(buf);
    let Some(frame) = state.frame() else {
        return tabular::empty("collecting...", state, area, buf);
    };
    if state.processes().is_empty() {
        let message = if state.is_filtered() {
            "no process passes the filter"
        } else {
            "no process has done anything yet"
        };
        tabular::empty(message, state, area, buf);
    }
    for ((key, selected), line) in state.processes().visible(state.rows_visible()).zip(0..) {
        let Some(process) = frame.processes.iter().find(|process| key.is(process)) else {
            continue;
        };
        let row = Row::process(process);
        grid.row(line, selected, buf, |slot| match SHOWN[slot.column].content {
            Content::Curve => {
                let theme = state.theme();
                let points = state.points(process.id);
                let copied: Vec<f64> = points.iter().map(copied).collect();
                let curve = sparkline(&copied, slot.width.into(), theme.symbols);
                (curve, theme.curve())
            }
            Content::Sign => match advice::best(Row::process(process), frame) {
                Some(_) => (state.theme().symbols.advice.to_owned(), state.theme().notice()),
                None => (String::new(), Style::new()),
            },
            Content::Value if process.merged > 1 && SHOWN[slot.column].column.id == "comm" => {
                let (name, style) = value(row, slot, frame, state.theme());
                (format!("{name} x{}", human::count(process.merged)), style)
            }
            Content::Value => {
                let (text, style) = value(row, slot, frame, state.theme());
                (text, if process.exited { state.theme().dim() } else { style })
            }
        });
    }
    if state.shows_unattributed() {
        let line = area.height.saturating_sub(2);
        let row = Row::unattributed(frame);
        grid.row(line, false, buf, |slot| match SHOWN[slot.column].column.id {
            "comm" => ("(no process)".to_owned(), state.theme().dim()),
            _ if SHOWN[slot.column].content != Content::Value => (String::new(), Style::new()),
            _ => value(row, slot, frame, state.theme()),
        });
    }
}

fn value(row: Row<'_>, slot: Slot, frame: &Frame, theme: Theme) -> (String, Style) {
    let shown = &SHOWN[slot.column];
    let value = shown.column.of(row, frame);
    let style = if tabular::is_quiet(&value) { theme.dim() } else { (shown.style)(theme) };
    (cell::cell(&value, shown.column.unit), style)
}

#[expect(clippy::cast_precision_loss, reason = "drawn eight levels high")]
fn copied(point: &Point) -> f64 {
    point.copied_bytes_per_sec as f64
}

/// Whether numbers of the column are marked on machines that cannot measure copies.
fn may_be_marked(column: &Column) -> bool {
    column.id.contains("copied") || column.id == "amplification"
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_column_exists_and_gives_way_at_its_own_time() {
        assert_eq!(SHOWN.len(), 17, "an id is not in the column table");
        let priorities: HashSet<u8> = SHOWN.iter().map(|shown| shown.priority).collect();
        assert_eq!(priorities.len(), SHOWN.len());
    }

    #[test]
    fn headings_fit_with_the_mark_of_the_sort_order() {
        for spec in specs() {
            assert!(
                spec.title.len() < usize::from(spec.width) || spec.title.is_empty(),
                "{spec:?}"
            );
        }
    }
}
