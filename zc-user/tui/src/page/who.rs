//! Who copies: processes, grouped by what they have in common, and what the selected ones could do about it.

use std::{collections::HashSet, sync::Arc};

use crossterm::event::KeyCode;
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    Chosen, Guide, Heading, Intent, Page, Sign,
    detail::Detail,
    tabular::{self, Clicked},
};
use crate::{
    action::Motion,
    keymap::{self, Binding, Chord, Key, bind, chr, key},
    state::{Context, order::Order, rows::Rows},
    widget::grid::Spec,
};
use zc_model::{
    column::{Column, Processes as Columns},
    frame::Frame,
    group::{GroupBy, GroupId, UNKNOWN},
    sort::Direction,
};
use zc_render::{human, sanitize::name, theme::Theme};

mod bottom;
mod columns;
mod draw;
mod ended;
mod layout;
mod list;
mod mean;
mod minutes;
mod side;

use self::{
    columns::{Content, Shown},
    layout::Areas,
    list::{Entry, Item, Key as RowKey, Life, List, Query},
};

/// What `g` goes through; `None`: each process by itself.
pub(crate) const GROUPINGS: &[Option<GroupBy>] = &[
    Some(GroupBy::Command),
    None,
    Some(GroupBy::Container),
    Some(GroupBy::User),
    Some(GroupBy::Parent),
    Some(GroupBy::Path),
];

/// What the keys of this page do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Open,
    Details,
    Unfold,
    Group,
    Leave,
}

#[rustfmt::skip]
static KEYS: &[Binding<Action>] = &[
    bind(&[key(KeyCode::Enter), key(KeyCode::Right), chr('l')], "Enter Right l", Action::Open, "open the processes of a group, or the details of a process").hint(20, "Enter", "Open"),
    bind(&[chr('i')], "i", Action::Details, "details of a group").hint(32, "i", "Details"),
    bind(&[chr('g')], "g", Action::Group, "group by command, process, container, user, parent, path").hint(31, "g", "Group"),
    bind(&[chr('e')], "e", Action::Unfold, "list its processes below, or not"),
    bind(&[key(KeyCode::Esc)], "Esc", Action::Leave, "leave a group, or clear the filter"),
    bind(&[key(KeyCode::Left), key(KeyCode::Backspace)], "Left Backspace", Action::Leave, "leave a group"),
];

/// A group whose processes are listed by themselves.
struct Inside {
    by: GroupBy,
    id: GroupId,
    /// Hostile input, sanitise before display.
    name: String,
    /// What was selected outside.
    rows: Rows<RowKey>,
}

/// The page of processes and groups of them.
pub struct Who {
    /// A place in [`GROUPINGS`].
    grouping: usize,
    inside: Option<Inside>,
    unfolded: HashSet<GroupId>,
    /// The columns on the screen, by their places among all, if they were chosen.
    chosen: Option<Vec<usize>>,
    /// Both stay as the user left them.
    column: &'static Column,
    descending: bool,
    /// Sorts by the change since the baseline instead, while there is one.
    by_change: bool,
    /// Whether there is a baseline.
    compares: bool,
    /// So many are listed at most.
    top: Option<usize>,
    list: List,
    rows: Rows<RowKey>,
    /// A line below the rows is selected.
    below: Option<Below>,
}

/// A line below the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Below {
    /// How many more rows there are.
    More,
    /// What is unattributed.
    Rest,
}

impl Who {
    /// The page, sorted by this column, with at most `top` rows.
    #[must_use]
    pub fn new(column: &'static Column, direction: Direction, top: Option<usize>) -> Self {
        Self {
            grouping: 0,
            inside: None,
            unfolded: HashSet::new(),
            chosen: None,
            column: columns::on_page(column),
            descending: direction == Direction::Descending,
            by_change: false,
            compares: false,
            top,
            list: List::default(),
            rows: Rows::default(),
            below: None,
        }
    }

    /// How rows are grouped now.
    fn by(&self) -> Option<GroupBy> {
        if self.inside.is_some() { None } else { GROUPINGS[self.grouping] }
    }

    /// The columns on the screen: their places, and how they lie.
    fn specs(&self, context: &Context) -> (Vec<usize>, Vec<Spec>) {
        columns::specs(self.by(), context.baseline().is_some(), self.chosen.as_deref())
    }

    /// Whether this column has the arrow.
    fn is_sorted_by(&self, shown: &Shown) -> bool {
        if self.by_change { shown.content == Content::Change } else { shown.is(self.column) }
    }

    /// The selected row.
    fn selected(&self) -> Option<&Entry> {
        self.rows
            .place()
            .filter(|_| self.below.is_none())
            .and_then(|at| self.list.entries().get(at))
    }

    fn build(&mut self, context: &Context) {
        self.compares = context.baseline().is_some();
        self.by_change &= self.compares;
        let query = Query {
            by: self.by(),
            inside: self.inside.as_ref().map(|inside| (inside.by, inside.id)),
            unfolded: &self.unfolded,
            column: self.column,
            since: context.baseline().filter(|_| self.by_change),
            descending: self.descending,
            top: self.top,
        };
        self.list.build(&query, context);
        let keys = self.list.entries().iter().map(|entry| entry.key.clone()).collect();
        self.rows.replace(keys, self.height(context));
        self.below = self.below.filter(|line| self.has(*line, context));
    }

    /// Rows that fit.
    fn height(&self, context: &Context) -> usize {
        self.areas(context).rows
    }

    fn areas(&self, context: &Context) -> Areas {
        Areas::of(context, self.list.entries().len() + usize::from(self.list.cut > 0))
    }

    /// Whether this line is on the screen.
    fn has(&self, line: Below, context: &Context) -> bool {
        let areas = self.areas(context);
        match line {
            Below::More => areas.more.is_some(),
            Below::Rest => areas.rest.is_some(),
        }
    }

    /// The line below the one that is selected, if it is none of the rows.
    fn next_line(&self, context: &Context) -> Option<Below> {
        let after: &[Below] = match self.below {
            None if self.rows.is_at_end() => &[Below::More, Below::Rest],
            None => &[],
            Some(_) => &[Below::Rest],
        };
        after.iter().copied().find(|line| self.has(*line, context))
    }

    /// Shows what is not on the screen.
    fn list_more(&mut self, context: &Context) {
        self.below = None;
        if self.list.cut > 0 {
            self.top = None;
            self.build(context);
        }
        let height = self.height(context);
        // The selected row may have gone elsewhere since.
        if self.rows.offset() + height >= self.rows.len() {
            // All that is left is above.
            return self.rows.step(Motion::First, height);
        }
        let before = self.rows.offset();
        // To the edge of the screen, and beyond it.
        for _ in 0..2 {
            if self.rows.offset() == before {
                self.rows.step(Motion::PageDown, height);
            }
        }
    }

    fn regroup(&mut self, steps: usize, context: &Context) {
        self.grouping = (self.grouping + steps) % GROUPINGS.len();
        self.inside = None;
        (self.rows, self.below) = (Rows::default(), None);
        self.list.forget();
        self.build(context);
    }

    /// Opens the selected row: the processes of a group, the details of a process.
    fn open(&mut self, context: &Context) -> Intent {
        if self.below == Some(Below::More) {
            self.list_more(context);
            return Intent::Nothing;
        }
        let Some(frame) = self.list.frame().map(Arc::clone) else { return Intent::Nothing };
        let Some(entry) = self.selected() else { return Intent::Nothing };
        let Item::Group(group) = &entry.item else {
            let RowKey::Process(key, _) = &entry.key else { return Intent::Nothing };
            let detail = match (&entry.life, entry.process(&frame)) {
                // It may not be in the frame any more.
                (Life::Ended, Some(process)) if key.find(&frame).is_none() => {
                    let last = Frame { processes: vec![process.clone()], ..Frame::clone(&frame) };
                    Detail::last(key.clone(), Arc::new(last), context)
                }
                _ => Detail::new(key.clone()),
            };
            return Intent::Open(Box::new(detail));
        };
        let inside = Inside {
            by: group.by,
            id: group.id,
            name: group.name.clone(),
            rows: self.rows.clone(),
        };
        self.inside = Some(inside);
        self.rows = Rows::default();
        self.list.forget();
        self.build(context);
        // A group of one has nothing to choose from.
        if self.list.entries().len() == 1 && !self.is_by_path() {
            let intent = self.open(context);
            self.leave(context);
            return intent;
        }
        Intent::Nothing
    }

    /// Opens the details of the selected row, also where it is a group.
    fn details(&mut self, context: &Context) -> Intent {
        match self.selected().map(|entry| &entry.item) {
            Some(Item::Group(group)) => Intent::Open(Box::new(Detail::group(group.by, group.id))),
            _ => self.open(context),
        }
    }

    fn is_by_path(&self) -> bool {
        self.inside.as_ref().is_some_and(|inside| inside.by == GroupBy::Path)
    }

    /// Back to the groups; false where the user is there already.
    fn leave(&mut self, context: &Context) -> bool {
        let Some(inside) = self.inside.take() else { return false };
        (self.rows, self.below) = (inside.rows, None);
        self.list.forget();
        self.build(context);
        true
    }

    fn unfold(&mut self, context: &Context) {
        let id = match self.selected().map(|entry| &entry.key) {
            Some(RowKey::Group(id) | RowKey::Process(_, Some(id))) => *id,
            _ => return,
        };
        if !self.unfolded.remove(&id) {
            self.unfolded.insert(id);
        }
        self.build(context);
        self.rows.select(&RowKey::Group(id), self.height(context));
    }
}

impl Page for Who {
    fn title(&self) -> &'static str {
        "Who"
    }

    fn about(&self) -> &'static str {
        "who copies: groups, processes"
    }

    fn prefer(&mut self, chosen: &Chosen) {
        let first = chosen.group.and_then(|by| GROUPINGS.iter().position(|other| *other == by));
        self.grouping = first.unwrap_or(self.grouping);
        self.chosen = chosen.places("who", &column_names());
    }

    fn keys(&self) -> Vec<&'static Key> {
        keymap::keys(KEYS)
    }

    fn press(&mut self, chord: Chord, context: &Context) -> Option<Intent> {
        Some(match keymap::find(KEYS, chord)? {
            Action::Open => self.open(context),
            Action::Details => self.details(context),
            Action::Unfold => {
                self.unfold(context);
                Intent::Nothing
            }
            Action::Group => {
                self.regroup(1, context);
                Intent::Nothing
            }
            Action::Leave if self.leave(context) => Intent::Nothing,
            Action::Leave if chord.code == KeyCode::Esc => Intent::ClearFilter,
            Action::Leave => Intent::Nothing,
        })
    }

    fn step(&mut self, motion: Motion, context: &Context) {
        match motion {
            Motion::Down if self.below.is_some() || self.next_line(context).is_some() => {
                self.below = self.next_line(context).or(self.below);
            }
            Motion::Up if self.below == Some(Below::Rest) && self.has(Below::More, context) => {
                self.below = Some(Below::More);
            }
            Motion::Up if self.below.is_some() => self.below = None,
            _ => {
                self.below = None;
                self.rows.step(motion, self.height(context));
            }
        }
    }

    fn click(&mut self, at: Position, context: &Context) -> Intent {
        let height = self.height(context);
        let areas = self.areas(context);
        if !areas.table.contains(at) {
            return Intent::Nothing;
        }
        let (places, specs) = self.specs(context);
        match tabular::clicked(&specs, at, areas.table) {
            Some(Clicked::Heading(column)) => {
                places.get(column).map_or(Intent::Nothing, |at| Intent::SortBy(*at))
            }
            Some(Clicked::Row(row)) if row < height => {
                let before = self.rows.selected().cloned().filter(|_| self.below.is_none());
                // A second click on the selected row opens it.
                if !self.rows.select_visible(row, height) {
                    return Intent::Nothing;
                }
                self.below = None;
                if before.as_ref() == self.rows.selected() {
                    self.open(context)
                } else {
                    Intent::Nothing
                }
            }
            Some(Clicked::Row(row)) if areas.rest.is_some_and(|y| y == at.y) && row >= height => {
                self.below = Some(Below::Rest);
                Intent::Nothing
            }
            // The line that says how many more there are: as a row, a second click opens it.
            Some(Clicked::Row(_)) if self.below == Some(Below::More) => self.open(context),
            Some(Clicked::Row(_)) => {
                self.below = self.has(Below::More, context).then_some(Below::More);
                Intent::Nothing
            }
            None => Intent::Nothing,
        }
    }

    fn arrange(&mut self, context: &Context) {
        self.build(context);
    }

    fn columns(&self) -> Vec<Heading> {
        let more = columns::place(self.column).is_none().then_some(self.column);
        columns::headings(self.by(), self.compares, more)
    }

    fn order(&self) -> Option<Order> {
        let last = self.columns().len() - 1;
        let column =
            if self.by_change { columns::place_of_change() } else { columns::place(self.column) };
        let column = column.unwrap_or(last);
        Some(Order { column, descending: self.descending })
    }

    fn set_order(&mut self, order: Order, context: &Context) {
        if let Some(shown) = columns::SHOWN.get(order.column) {
            self.by_change = shown.content == Content::Change;
            if !self.by_change {
                self.column = shown.column;
            }
        }
        self.descending = order.descending;
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
            (
                theme.symbols.advice,
                "there is advice, which follows the selection; Enter shows all of it with its evidence",
            ),
            (
                "N",
                "processes that did something; dim rows did nothing, or have ended in the last ten seconds",
            ),
            (
                theme.symbols.descending,
                "rows are in the order of the mean of three intervals, so that they do not change places each second",
            ),
        ]
    }

    fn scope(&self, context: &Context) -> String {
        scope(self, context)
    }

    fn draw(&self, context: &Context, _area: Rect, buf: &mut Buffer) {
        draw::draw(self, context, buf);
    }
}

/// Whether the line of what is unattributed is on the screen. A filter hides it, unless it may have what threads of the
/// selected processes did without a slot.
fn shows_rest(context: &Context) -> bool {
    !context.is_filtered() || context.frame().is_some_and(|frame| frame.crowded)
}

/// What the columns are called where they are chosen.
pub(super) fn column_names() -> Vec<&'static str> {
    columns::SHOWN.iter().map(Shown::name).collect()
}

/// What is listed, and how much of it, for the line of the tabs.
fn scope(page: &Who, context: &Context) -> String {
    let Some(frame) = context.frame() else { return String::new() };
    let mut parts = Vec::new();
    let shown = page.rows.len();
    let window = page.rows.window(page.height(context));
    let at = window.map_or_else(String::new, |(first, last)| format!("{first}-{last} of "));
    let all = human::count((shown + page.list.cut) as u64);
    let followed = if context.follows_some() { "followed " } else { "" };
    let of_followed = if context.follows_some() { " of followed processes" } else { "" };
    match (&page.inside, page.by()) {
        (Some(inside), _) => parts.push(format!("in {}: {at}{all}", name(named(&inside.name)))),
        (None, Some(by)) => {
            let count =
                if page.list.cut > 0 { format!("{shown} of {all}") } else { format!("{at}{all}") };
            parts.push(format!("by {} (g) {count}{of_followed}", word(by)));
        }
        (None, None) => {
            let listed = human::count(shown as u64);
            let is_narrowed = context.is_filtered() || page.list.cut > 0;
            let of_all = human::count(frame.processes.len() as u64);
            let noun = if frame.processes.len() == 1 { "process" } else { "processes" };
            parts.push(if is_narrowed {
                format!("{at}{listed} of {of_all} {followed}{noun}")
            } else {
                format!("{at}{listed} {followed}{noun}")
            });
        }
    }
    if let Some(top) = page.top {
        parts.push(format!("--top {top}"));
    }
    if !is_visible(page, context) {
        let symbols = context.theme().symbols;
        let arrow = if page.descending { symbols.descending } else { symbols.ascending };
        let title = if page.by_change { "SINCE b" } else { page.column.title };
        parts.push(format!("sorted by {title}{arrow}"));
    }
    parts.join(", ")
}

/// Whether the column that sorts has its arrow on the screen.
fn is_visible(page: &Who, context: &Context) -> bool {
    let (places, specs) = page.specs(context);
    let width = Areas::of(context, 0).table.width;
    crate::widget::grid::fit(&specs, width)
        .into_iter()
        .any(|slot| page.is_sorted_by(&columns::SHOWN[places[slot.column]]))
}

/// The name of a group as it is shown.
fn named(name: &str) -> &str {
    if name == UNKNOWN { "(not known)" } else { name }
}

/// What groups have in common, in a word.
const fn word(by: GroupBy) -> &'static str {
    by.id()
}

/// The bytes that the CPU copied for all of these.
fn copied_in_all(frame: &Frame) -> u64 {
    frame.copied(&frame.totals.paths).bytes
}

/// The column of the bytes that the CPU copied.
const COPIED: &Column = Columns::COPIED_BYTES_PER_SEC;
