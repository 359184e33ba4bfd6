//! The table of processes.

use std::sync::LazyLock;

use crossterm::event::KeyCode;
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
};

use super::{
    Guide, Heading, Intent, Page, Sign,
    detail::Detail,
    tabular::{self, Clicked},
};
use crate::{
    action::Motion,
    keymap::{self, Binding, Chord, Key, bind, chr, key},
    state::{Context, key::ProcessKey, order::Order, rows::Rows},
    widget::{
        grid::{Grid, Slot, Spec},
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
use zc_render::{cell, human, sanitize::sanitize, theme::Theme};

/// What the keys of this page do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Open,
    ClearFilter,
}

#[rustfmt::skip]
static KEYS: &[Binding<Action>] = &[
    bind(&[key(KeyCode::Enter), key(KeyCode::Right), chr('l')], "Enter Right l", Action::Open, "open process details").hint(20, "Enter", "Open"),
    bind(&[key(KeyCode::Esc)], "Esc", Action::ClearFilter, "clear the filter"),
];

/// A column of the table of processes: how a column of the model is shown here.
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

/// The page of processes.
pub struct Processes {
    /// Stays as the user left it.
    order: Order,
    rows: Rows<ProcessKey>,
}

impl Processes {
    /// The page, sorted by this column.
    #[must_use]
    pub fn new(column: &Column, direction: Direction) -> Self {
        let column = sortable().find(|(_, shown)| shown.column == column).map_or(3, |(at, _)| at);
        let descending = direction == Direction::Descending;
        Self { order: Order { column, descending }, rows: Rows::default() }
    }

    fn open(&self) -> Intent {
        let selected = self.rows.selected();
        selected.map_or(Intent::Nothing, |key| Intent::Open(Box::new(Detail::new(key.clone()))))
    }
}

impl Page for Processes {
    fn title(&self) -> &'static str {
        "Processes"
    }

    fn about(&self) -> &'static str {
        "processes"
    }

    fn keys(&self) -> Vec<&'static Key> {
        keymap::keys(KEYS)
    }

    fn press(&mut self, chord: Chord, _context: &Context) -> Option<Intent> {
        Some(match keymap::find(KEYS, chord)? {
            Action::Open => self.open(),
            Action::ClearFilter => Intent::ClearFilter,
        })
    }

    fn step(&mut self, motion: Motion, context: &Context) {
        self.rows.step(motion, rows_visible(context));
    }

    fn click(&mut self, at: Position, context: &Context) -> Intent {
        match tabular::clicked(&specs(), at, context.body()) {
            Some(Clicked::Heading(column)) => Intent::SortBy(column),
            Some(Clicked::Row(row)) if row < rows_visible(context) => {
                let before = self.rows.selected().cloned();
                // A second click on the selected row opens it.
                if self.rows.select_visible(row) && before.as_ref() == self.rows.selected() {
                    self.open()
                } else {
                    Intent::Nothing
                }
            }
            _ => Intent::Nothing,
        }
    }

    fn arrange(&mut self, context: &Context) {
        if let Some(frame) = context.frame() {
            self.rows.replace(keys(frame, context, self.order), rows_visible(context));
        }
    }

    fn columns(&self) -> Vec<Heading> {
        headings()
    }

    fn order(&self) -> Option<Order> {
        Some(self.order)
    }

    fn set_order(&mut self, order: Order, context: &Context) {
        self.order = order;
        self.arrange(context);
    }

    fn is_filterable(&self) -> bool {
        true
    }

    fn guides(&self) -> Vec<Guide> {
        let own = Guide { title: self.title(), keys: self.keys(), columns: self.columns() };
        vec![own, Detail::guide()]
    }

    fn signs(&self, theme: Theme) -> Vec<Sign> {
        vec![
            (
                "~",
                "modelled: measured bytes times the copies that the path makes; this kernel cannot trace the function that copies",
            ),
            ("?", "assumed: bytes that no traced function copied, without evidence of zero-copy"),
            ("+", "at least: a part of the sum is unavailable"),
            (
                human::UNAVAILABLE,
                "unavailable on this machine, or not applicable; never the same as 0",
            ),
            (theme.symbols.advice, "there is advice; Enter shows it with its evidence"),
        ]
    }

    fn scope(&self, context: &Context) -> String {
        let Some(frame) = context.frame() else { return String::new() };
        let all = human::count(frame.processes.len() as u64);
        if !context.is_filtered() {
            return format!("{all} processes");
        }
        let shown = human::count(self.rows.len() as u64);
        match context.filter().text().trim() {
            "" => format!("{shown} of {all} processes"),
            filter => format!("{shown} of {all} processes, filter: {}", sanitize(filter)),
        }
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) {
        draw(self, context, area, buf);
    }
}

/// Rows that fit below the headings, and above the line of what belongs to no process.
fn rows_visible(context: &Context) -> usize {
    let pinned = usize::from(shows_unattributed(context));
    tabular::rows_visible(context.body()).saturating_sub(pinned)
}

/// Whether the row of what belongs to no process is on the screen. A filter hides it: whether
/// the filter would select it is unknown.
fn shows_unattributed(context: &Context) -> bool {
    !context.is_filtered()
}

/// The selected processes' keys in this order.
fn keys(frame: &Frame, context: &Context, order: Order) -> Vec<ProcessKey> {
    let Some(shown) = SHOWN.get(order.column) else { return Vec::new() };
    let direction = if order.descending { Direction::Descending } else { Direction::Ascending };
    sort::order(frame, shown.column, direction)
        .into_iter()
        .map(|index| &frame.processes[index])
        .filter(|process| context.selects(process, frame))
        .map(ProcessKey::of)
        .collect()
}

fn headings() -> Vec<Heading> {
    SHOWN
        .iter()
        .map(|shown| {
            let (title, help) = match shown.content {
                Content::Value => (shown.column.title, shown.column.help),
                Content::Sign => ("!", "There is advice for this process."),
                Content::Curve => {
                    ("TREND", "Bytes copied per second in each of the last intervals.")
                }
            };
            Heading { title, help, numeric: shown.column.unit.is_numeric() }
        })
        .collect()
}

/// Draws the table; what belongs to no process is its last line.
fn draw(page: &Processes, context: &Context, area: Rect, buf: &mut Buffer) {
    let theme = context.theme();
    let specs = specs();
    let grid = Grid { specs: &specs, sorted: Some(page.order.into()), theme, area };
    grid.head(buf);
    let Some(frame) = context.frame() else {
        return tabular::empty("collecting...", theme, area, buf);
    };
    if page.rows.is_empty() {
        let message = if context.is_filtered() {
            "no process matches the filter"
        } else {
            "no process has done anything yet"
        };
        tabular::empty(message, theme, area, buf);
    }
    for ((key, selected), line) in page.rows.visible(rows_visible(context)).zip(0..) {
        let Some(process) = frame.processes.iter().find(|process| key.is(process)) else {
            continue;
        };
        let row = Row::process(process);
        grid.row(line, selected, buf, |slot| match SHOWN[slot.column].content {
            Content::Curve => {
                let points = context.points(process.id);
                let copied: Vec<f64> = points.iter().map(copied).collect();
                let curve = sparkline(&copied, slot.width.into(), theme.symbols);
                (curve, theme.curve())
            }
            Content::Sign => match advice::best(Row::process(process), frame) {
                Some(_) => (theme.symbols.advice.to_owned(), theme.notice()),
                None => (String::new(), Style::new()),
            },
            // Merged rows have no process id: 0 would be the idle task.
            Content::Value if process.merged > 1 && SHOWN[slot.column].column.id == "pid" => {
                (format!("x{}", human::count(process.merged)), theme.dim())
            }
            Content::Value => {
                let (text, style) = value(row, slot, frame, theme);
                (text, if process.exited { theme.dim() } else { style })
            }
        });
    }
    if shows_unattributed(context) {
        let line = area.height.saturating_sub(2);
        let row = Row::unattributed(frame);
        grid.row(line, false, buf, |slot| match SHOWN[slot.column].column.id {
            "comm" => (unattributed(slot.width).to_owned(), theme.dim()),
            _ if SHOWN[slot.column].content != Content::Value => (String::new(), Style::new()),
            _ => value(row, slot, frame, theme),
        });
    }
}

/// The name of the row of what belongs to no process, in full where there is room for it.
fn unattributed(width: u16) -> &'static str {
    let name = "(unattributed)";
    if usize::from(width) < name.len() { "unattributed" } else { name }
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
