//! A page of several tables, one of which is on the screen.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{Chosen, Guide, Heading, Intent, Page, Sign};
use crate::{
    action::Motion,
    keymap::{self, Binding, Chord, Key, bind, chr},
    state::{Context, order::Order},
};
use zc_render::theme::Theme;

/// What the keys of such a page do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Next,
}

static KEYS: &[Binding<Action>] =
    &[bind(&[chr('p')], "p", Action::Next, "show the next table").hint(21, "p", "Next table")];

/// The page; the first table is on the screen at first.
pub struct Switch {
    title: &'static str,
    about: &'static str,
    tables: Vec<Box<dyn Page>>,
    at: usize,
}

impl Switch {
    /// The page of these tables, of which there is one at least.
    #[must_use]
    pub fn new(
        title: &'static str,
        about: &'static str,
        first: Box<dyn Page>,
        others: Vec<Box<dyn Page>>,
    ) -> Self {
        let tables = [first].into_iter().chain(others).collect();
        Self { title, about, tables, at: 0 }
    }

    fn table(&self) -> &dyn Page {
        &*self.tables[self.at]
    }
}

impl Page for Switch {
    fn title(&self) -> &'static str {
        self.title
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) {
        self.table().draw(context, area, buf);
    }

    fn prefer(&mut self, chosen: &Chosen) {
        self.tables.iter_mut().for_each(|table| table.prefer(chosen));
    }

    fn step(&mut self, motion: Motion, context: &Context) {
        self.tables[self.at].step(motion, context);
    }

    fn keys(&self) -> Vec<&'static Key> {
        self.table().keys().into_iter().chain(keymap::keys(KEYS)).collect()
    }

    fn press(&mut self, chord: Chord, context: &Context) -> Option<Intent> {
        match keymap::find(KEYS, chord) {
            Some(Action::Next) => {
                self.at = (self.at + 1) % self.tables.len();
                self.attend(context);
                Some(Intent::Nothing)
            }
            None => self.tables[self.at].press(chord, context),
        }
    }

    fn click(&mut self, at: Position, context: &Context) -> Intent {
        self.tables[self.at].click(at, context)
    }

    fn arrange(&mut self, context: &Context) {
        self.tables.iter_mut().for_each(|table| table.arrange(context));
    }

    fn attend(&mut self, context: &Context) {
        self.tables[self.at].attend(context);
    }

    fn columns(&self) -> Vec<Heading> {
        self.table().columns()
    }

    fn order(&self) -> Option<Order> {
        self.table().order()
    }

    fn set_order(&mut self, order: Order, context: &Context) {
        self.tables[self.at].set_order(order, context);
    }

    fn is_filterable(&self) -> bool {
        self.table().is_filterable()
    }

    fn is_narrowed(&self) -> bool {
        self.table().is_narrowed()
    }

    fn scope(&self, context: &Context) -> String {
        self.table().scope(context)
    }

    fn guides(&self) -> Vec<Guide> {
        let mut titles = Vec::new();
        let mut guides: Vec<Guide> = self.tables.iter().flat_map(|table| table.guides()).collect();
        // Tables with the same columns are explained once.
        guides.retain(|guide| {
            let columns: Vec<_> = guide.columns.iter().map(|column| column.title).collect();
            let is_new = !titles.contains(&columns);
            titles.push(columns);
            is_new
        });
        for guide in guides.iter_mut().skip(1) {
            guide.keys.clear();
        }
        if let Some(first) = guides.first_mut() {
            first.title = self.title;
            first.keys = self.keys();
        }
        guides
    }

    fn signs(&self, theme: Theme) -> Vec<Sign> {
        self.table().signs(theme)
    }
}
