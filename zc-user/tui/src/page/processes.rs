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
    column::{Column, Processes as Columns},
    frame::Frame,
    history::Point,
    row::Row,
    sort::{self, Direction},
};
use zc_render::{human, sanitize::sanitize, theme::Theme};

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

/// What a cell of the table of processes shows of a column.
struct Shown {
    column: &'static Column,
    content: Content,
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

/// The columns of the dashboard, with a sign for advice in front and a curve after the copied bytes.
static SHOWN: LazyLock<Vec<Shown>> = LazyLock::new(|| {
    let show = |column, content| Shown { column, content };
    let mut shown = vec![show(Columns::ADVICE, Content::Sign)];
    for column in tabular::shown::<Columns>() {
        shown.push(show(column, Content::Value));
        if column == Columns::COPIED_BYTES_PER_SEC {
            shown.push(show(column, Content::Curve));
        }
    }
    shown
});

impl Shown {
    fn spec(&self) -> Option<Spec> {
        let plain = Spec { right: false, marks: false, ..Spec::of(self.column)? };
        Some(match self.content {
            Content::Value => return Spec::of(self.column),
            Content::Sign => Spec { title: "", width: 1, stretch: 1, priority: 4, ..plain },
            Content::Curve => Spec { title: "TREND", width: 7, stretch: 20, priority: 6, ..plain },
        })
    }

    fn is(&self, column: &Column) -> bool {
        self.column == column
    }
}

fn specs() -> Vec<Spec> {
    SHOWN.iter().filter_map(Shown::spec).collect()
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
    /// So many are listed at most.
    top: Option<usize>,
}

impl Processes {
    /// The page, sorted by this column, with at most `top` processes.
    #[must_use]
    pub fn new(column: &Column, direction: Direction, top: Option<usize>) -> Self {
        let column = sortable().find(|(_, shown)| shown.column == column).map_or(3, |(at, _)| at);
        let descending = direction == Direction::Descending;
        Self { order: Order { column, descending }, rows: Rows::default(), top }
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
                if self.rows.select_visible(row, rows_visible(context))
                    && before.as_ref() == self.rows.selected()
                {
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
            let mut keys = keys(frame, context, self.order);
            keys.truncate(self.top.unwrap_or(usize::MAX));
            self.rows.replace(keys, rows_visible(context));
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
        let shown = human::count(self.rows.len() as u64);
        let noun = if frame.processes.len() == 1 { "process" } else { "processes" };
        let followed = if context.follows_some() { "followed " } else { "" };
        let processes = format!("{followed}{noun}");
        let typed = context.filter().text().trim();
        let window = self.rows.window(rows_visible(context));
        let at = window.map_or_else(String::new, |(first, last)| format!("{first}-{last} of "));
        if !context.is_filtered() && self.top.is_none() {
            return format!("{at}{all} {processes}");
        }
        let shown = format!("{at}{shown}");
        let mut scope = format!("{shown} of {all} {processes}");
        if let Some(top) = self.top {
            scope.push_str(&format!(", --top {top}"));
        }
        if let Some(narrowed) = context.narrowed_to() {
            scope.push_str(&format!(", only: {}", sanitize(&narrowed)));
        }
        if !typed.is_empty() {
            scope.push_str(&format!(", filter: {}", sanitize(typed)));
        }
        scope
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

/// Whether the row of what belongs to no process is on the screen. A filter hides it, unless it may have what
/// threads of the selected processes did without a slot.
fn shows_unattributed(context: &Context) -> bool {
    !context.is_filtered() || context.frame().is_some_and(|frame| frame.crowded)
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
            let heading = Heading::of(shown.column);
            match shown.content {
                Content::Value => heading,
                Content::Sign => {
                    let help = "There is advice for this process.";
                    // A sign is there or not: from large to small, those with one come first.
                    Heading { id: None, title: "!", help, numeric: true, is_choice: false }
                }
                Content::Curve => Heading {
                    title: "TREND",
                    help: "Bytes copied per second in each of the last intervals.",
                    is_choice: false,
                    ..heading
                },
            }
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
        let Some(process) = key.find(frame) else { continue };
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
            Content::Value if process.merged > 1 && SHOWN[slot.column].is(Columns::PID) => {
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
        grid.row(line, false, buf, |slot| match &SHOWN[slot.column] {
            shown if shown.is(Columns::COMM) => (unattributed(slot.width).to_owned(), theme.dim()),
            shown if shown.content != Content::Value => (String::new(), Style::new()),
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
    tabular::value(SHOWN[slot.column].column, row, frame, theme)
}

#[expect(clippy::cast_precision_loss, reason = "drawn eight levels high")]
fn copied(point: &Point) -> f64 {
    point.copied_bytes_per_sec as f64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_column_gives_way_at_its_own_time() {
        let priorities: HashSet<u8> = specs().iter().map(|spec| spec.priority).collect();
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
