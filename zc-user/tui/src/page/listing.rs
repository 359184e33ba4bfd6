//! Tables on pages of their own: what is listed is a [`Listing`], the rest is the same for all.

use std::marker::PhantomData;

use crossterm::event::KeyCode;
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    Chosen, Guide, Heading, Intent, Page,
    tabular::{self, Clicked},
};
use crate::{
    action::Motion,
    keymap::{self, Binding, Chord, Key, bind, chr, key},
    state::{Context, order::Order, rows::Rows},
    view::canvas::Canvas,
    widget::grid::{self, Grid, Spec},
};
use zc_model::{
    column::{Column, Table as Columns},
    frame::Frame,
    value::Value,
};
use zc_render::human;

/// The fewest lines of a page that has room for what is said below its table.
const ROOM_FOR_NOTE: u16 = 12;

/// Lines below the table: a rule, and two of text.
const NOTE: u16 = 3;

/// What a page lists.
pub trait Listing: 'static {
    /// The columns.
    type Columns: Columns<Context = Frame>;
    /// What a row is made of.
    type Item: 'static;
    /// What identifies a row while the rows change places.
    type Key: Clone + PartialEq + 'static;

    /// What the table is called where columns are chosen; nothing where they cannot be.
    const TABLE: &'static str = "";

    /// The name on the tab.
    fn title(&self) -> &'static str;

    /// What is on the page, in a few words, for the help.
    fn about(&self) -> &'static str;

    /// The column that sorts at first, from large to small.
    fn order(&self) -> &'static Column<Self::Columns>;

    /// A frame has come, maybe, while this page is not on the screen.
    fn arrange(&mut self, _context: &Context) {}

    /// What is listed now, in any order.
    fn items(&self, context: &Context, frame: &Frame) -> Vec<Self::Item>;

    /// What identifies the row of an item.
    fn key(item: &Self::Item) -> Self::Key;

    /// The row of an item.
    fn row(item: &Self::Item) -> <Self::Columns as Columns>::Row<'_>;

    /// The first line of the page, where its tab does not say all.
    fn heading(&self, _context: &Context) -> Option<String> {
        None
    }

    /// Why there is no table: what would be in it is not counted. A paragraph each.
    fn absent(&self, _context: &Context, _frame: &Frame) -> Option<Vec<String>> {
        None
    }

    /// What an empty table says.
    fn empty(&self, context: &Context) -> &'static str;

    /// What is listed, in a word, for one and for several; without it they are not counted.
    fn noun(&self) -> Option<[&'static str; 2]> {
        None
    }

    /// Whether an item is one of these.
    fn is_counted(_item: &Self::Item) -> bool {
        true
    }

    /// What else must be known to take the figures for what they are, in a few words.
    fn remark(&self, _context: &Context) -> Option<String> {
        None
    }

    /// Whether something is said below the table.
    const HAS_NOTE: bool = false;

    /// What is said there of the selected row.
    fn note(&self, _item: Option<&Self::Item>, _context: &Context) -> String {
        String::new()
    }

    /// Whether rows can be opened.
    const OPENS: Option<&'static str> = None;

    /// The page that a row opens.
    fn open(&self, _item: &Self::Item, _frame: &Frame) -> Option<Box<dyn Page>> {
        None
    }

    /// What the help says of that page.
    fn opened(&self) -> Vec<Guide> {
        Vec::new()
    }

    /// Whether the filter applies, and Esc clears it.
    const IS_FILTERED: bool = false;

    /// Whether what is listed is what passes the filter: on a page that was opened, the filter is that of the page below.
    const IS_NARROWED: bool = Self::IS_FILTERED;

    /// The part of a text that stays where it has this room.
    fn shorten(_column: &Column<Self::Columns>, text: String, _room: usize) -> String {
        text
    }
}

/// What the keys of a table do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Open,
    ClearFilter,
}

#[rustfmt::skip]
static OPEN: &[Binding<Action>] = &[
    bind(&[key(KeyCode::Enter), key(KeyCode::Right), chr('l')], "Enter Right l", Action::Open, "open the row").hint(20, "Enter", "Open"),
];

#[rustfmt::skip]
static CLEAR: &[Binding<Action>] = &[
    bind(&[key(KeyCode::Esc)], "Esc", Action::ClearFilter, "clear the filter"),
];

/// The key of a row, and where its item is.
#[derive(Clone, Debug)]
struct At<K> {
    key: K,
    place: usize,
}

impl<K: PartialEq> PartialEq for At<K> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

/// The page of a listing.
pub struct TablePage<L: Listing> {
    listing: L,
    /// Stays as the user left it.
    order: Order,
    items: Vec<L::Item>,
    rows: Rows<At<L::Key>>,
    /// The columns on the screen, by their places among those of the dashboard, if they were chosen.
    places: Option<Vec<usize>>,
    columns: PhantomData<L::Columns>,
}

/// The parts of such a page.
struct Parts {
    heading: Rect,
    table: Rect,
    note: Rect,
}

impl<L: Listing> TablePage<L> {
    /// The page, without rows.
    #[must_use]
    pub fn new(listing: L) -> Self {
        let order = tabular::descending(listing.order());
        let (items, rows) = (Vec::new(), Rows::default());
        Self { listing, order, items, rows, places: None, columns: PhantomData }
    }

    /// The columns on the screen: their places, and how they lie.
    fn specs(&self) -> (Vec<usize>, Vec<Spec>) {
        let all = tabular::specs::<L::Columns>();
        match &self.places {
            Some(places) => (places.clone(), tabular::chosen(&all, places)),
            None => ((0..all.len()).collect(), all),
        }
    }

    fn parts(&self, context: &Context, area: Rect) -> Parts {
        let heading = u16::from(self.listing.heading(context).is_some()).min(area.height);
        let note = if L::HAS_NOTE && area.height >= ROOM_FOR_NOTE { NOTE } else { 0 };
        let line = |y: u16, height: u16| Rect { y: area.y + y, height, ..area };
        Parts {
            heading: line(0, heading),
            table: line(heading, area.height.saturating_sub(heading + note)),
            note: line(area.height.saturating_sub(note), note),
        }
    }

    fn height(&self, context: &Context) -> usize {
        tabular::rows_visible(self.parts(context, context.body()).table)
    }

    fn selected(&self) -> Option<&L::Item> {
        self.items.get(self.rows.selected()?.place)
    }

    fn open(&self, context: &Context) -> Intent {
        let page = self.selected().zip(context.frame());
        let page = page.and_then(|(item, frame)| self.listing.open(item, frame));
        page.map_or(Intent::Nothing, Intent::Open)
    }

    /// The keys of the items in their order.
    fn sorted(&self, frame: &Frame) -> Vec<At<L::Key>> {
        let mut places: Vec<usize> = (0..self.items.len()).collect();
        if let Some(column) = tabular::shown::<L::Columns>().nth(self.order.column) {
            let values: Vec<Value<'_>> =
                self.items.iter().map(|item| column.of(L::row(item), frame)).collect();
            places.sort_by(|a, b| self.order.compare(&values[*a], &values[*b]));
        }
        places.into_iter().map(|place| At { key: L::key(&self.items[place]), place }).collect()
    }

    fn sort(&mut self, context: &Context) {
        let Some(frame) = context.frame() else { return };
        let keys = self.sorted(frame);
        self.rows.replace(keys, self.height(context));
    }

    fn draw_table(&self, context: &Context, area: Rect, buf: &mut Buffer) {
        let theme = context.theme();
        let (places, specs) = self.specs();
        let sorted = places.iter().position(|place| *place == self.order.column);
        let sorted = sorted.map(|at| (at, self.order.descending));
        let grid = Grid { specs: &specs, sorted, theme, area };
        let Some(frame) = context.frame() else {
            grid.head(buf);
            return tabular::empty("collecting...", theme, area, buf);
        };
        if let Some(paragraphs) = self.listing.absent(context, frame) {
            let mut canvas = Canvas::new(area.width);
            for text in paragraphs {
                canvas.gap();
                canvas.paragraph(&text, 2, theme.text());
            }
            return canvas.show(0, theme, area, buf);
        }
        grid.head(buf);
        if self.rows.is_empty() {
            return tabular::empty(self.listing.empty(context), theme, area, buf);
        }
        let columns: Vec<_> = tabular::shown::<L::Columns>().collect();
        for ((at, selected), line) in self.rows.visible(tabular::rows_visible(area)).zip(0..) {
            let Some(item) = self.items.get(at.place) else { continue };
            let row = L::row(item);
            grid.row(line, selected, buf, |slot| {
                let column = columns[places[slot.column]];
                let (text, style) = tabular::value(column, row, frame, theme);
                (L::shorten(column, text, slot.width.into()), style)
            });
        }
    }

    fn draw_note(&self, context: &Context, area: Rect, buf: &mut Buffer) {
        let theme = context.theme();
        if area.is_empty() {
            return;
        }
        let rule = theme.symbols.border.horizontal_top.repeat(area.width.into());
        buf.set_stringn(area.x, area.y, rule, area.width.into(), theme.dim());
        let mut canvas = Canvas::new(area.width);
        canvas.paragraph(&self.listing.note(self.selected(), context), 0, theme.text());
        let rest = Rect { y: area.y + 1, height: area.height - 1, ..area };
        canvas.show_beginning(theme, rest, buf);
    }
}

/// What the help says of such a page.
#[must_use]
pub fn guide<L: Listing>(title: &'static str) -> Guide {
    Guide { title, keys: keys::<L>(), columns: columns::<L>() }
}

fn keys<L: Listing>() -> Vec<&'static Key> {
    let open = L::OPENS.map(|_| OPEN).unwrap_or_default();
    let clear = if L::IS_FILTERED { CLEAR } else { Default::default() };
    [open, clear].into_iter().flat_map(keymap::keys).collect()
}

fn columns<L: Listing>() -> Vec<Heading> {
    tabular::shown::<L::Columns>().map(Heading::of).collect()
}

impl<L: Listing> Page for TablePage<L> {
    fn title(&self) -> &'static str {
        self.listing.title()
    }

    fn about(&self) -> &'static str {
        self.listing.about()
    }

    fn prefer(&mut self, chosen: &Chosen) {
        self.places = chosen.places(L::TABLE, &tabular::names::<L::Columns>());
    }

    fn keys(&self) -> Vec<&'static Key> {
        keys::<L>()
    }

    fn press(&mut self, chord: Chord, context: &Context) -> Option<Intent> {
        let open = L::OPENS.and_then(|_| keymap::find(OPEN, chord));
        let action = open.or_else(|| keymap::find(CLEAR, chord).filter(|_| L::IS_FILTERED));
        Some(match action? {
            Action::Open => self.open(context),
            Action::ClearFilter => Intent::ClearFilter,
        })
    }

    fn step(&mut self, motion: Motion, context: &Context) {
        self.rows.step(motion, self.height(context));
    }

    fn click(&mut self, at: Position, context: &Context) -> Intent {
        let table = self.parts(context, context.body()).table;
        let (places, specs) = self.specs();
        match tabular::clicked(&specs, at, table) {
            Some(Clicked::Heading(column)) => Intent::SortBy(places[column]),
            Some(Clicked::Row(row)) if row < tabular::rows_visible(table) => {
                let before = self.rows.selected().cloned();
                let hit = self.rows.select_visible(row, tabular::rows_visible(table));
                // A second click on the selected row opens it.
                if hit && before.as_ref() == self.rows.selected() {
                    self.open(context)
                } else {
                    Intent::Nothing
                }
            }
            _ => Intent::Nothing,
        }
    }

    fn arrange(&mut self, context: &Context) {
        self.listing.arrange(context);
    }

    fn attend(&mut self, context: &Context) {
        self.items = match context.frame() {
            Some(frame) => self.listing.items(context, frame),
            None => Vec::new(),
        };
        match context.frame() {
            Some(_) => self.sort(context),
            None => self.rows.replace(Vec::new(), self.height(context)),
        }
    }

    fn guides(&self) -> Vec<Guide> {
        [guide::<L>(self.title())].into_iter().chain(self.listing.opened()).collect()
    }

    fn columns(&self) -> Vec<Heading> {
        columns::<L>()
    }

    fn order(&self) -> Option<Order> {
        Some(self.order)
    }

    fn set_order(&mut self, order: Order, context: &Context) {
        self.order = order;
        self.sort(context);
    }

    fn is_filterable(&self) -> bool {
        L::IS_FILTERED
    }

    fn is_narrowed(&self) -> bool {
        L::IS_NARROWED
    }

    fn scope(&self, context: &Context) -> String {
        let count = self.listing.noun().filter(|_| !self.rows.is_empty()).map(|noun| {
            if let Some((first, last)) = self.rows.window(self.height(context)) {
                return format!("{first}-{last} of {}", human::count(self.rows.len() as u64));
            }
            let count = self.items.iter().filter(|item| L::is_counted(item)).count();
            format!("{} {}", human::count(count as u64), noun[usize::from(count != 1)])
        });
        count.into_iter().chain(self.listing.remark(context)).collect::<Vec<_>>().join(", ")
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) {
        let theme = context.theme();
        let parts = self.parts(context, area);
        if let Some(heading) = self.listing.heading(context)
            && !parts.heading.is_empty()
        {
            grid::put(&heading, false, theme.strong(), parts.heading, theme, buf);
        }
        self.draw_table(context, parts.table, buf);
        self.draw_note(context, parts.note, buf);
    }
}
