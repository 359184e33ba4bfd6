//! A page: its keys, its state, its drawing and its clicks, in one file.
//!
//! To add a page, write that file and name the page in [`crate::shell::dashboard`].

use std::{
    task::{self, Poll},
    time::Duration,
};

use anyhow::Result;
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use crate::{
    action::Motion,
    archive::Archive,
    inspect::Question,
    keymap::{Chord, Key},
    state::{Context, order::Order},
    view::{chrome::Chrome, header::Dashboard},
};
use zc_model::column::{Column, Table};
use zc_render::theme::Theme;

mod advised;
mod chosen;
pub mod code;
pub mod detail;
pub mod devices;
pub mod doctor;
pub mod files;
pub mod help;
pub mod listing;
pub mod paths;
pub mod stack;
pub mod switch;
pub mod tabular;
pub mod users;
pub mod who;
mod zerocopy;

pub use self::chosen::{Chosen, TABLES, groups};

/// What a page asks of the shell.
pub enum Intent {
    /// Nothing more.
    Nothing,
    /// Put a page on top of this one.
    Open(Box<dyn Page>),
    /// Go back to where the user came from.
    Back,
    /// Show all processes again.
    ClearFilter,
    /// Sort the page by this column; by the same one again, the other way round.
    SortBy(usize),
    /// What was lost so far has been seen.
    Acknowledge,
    /// Give this text to the clipboard of the terminal.
    Copy(String),
    /// Leave the program.
    Quit,
}

/// A column by which a page can be sorted.
#[derive(Clone, Copy, Debug)]
pub struct Heading {
    /// The column's id, where it is one that processes are sorted by.
    pub id: Option<&'static str>,
    /// The heading.
    pub title: &'static str,
    /// What the column says, in one sentence.
    pub help: &'static str,
    /// Whether it holds numbers.
    pub numeric: bool,
    /// Whether the sort menu lists it: not where another column says the same in another way.
    pub is_choice: bool,
}

impl Heading {
    /// The heading of a column.
    #[must_use]
    pub const fn of<T: Table>(column: &Column<T>) -> Self {
        Self {
            id: Some(column.id),
            title: column.title,
            help: column.help,
            numeric: column.unit.is_numeric(),
            is_choice: true,
        }
    }
}

/// What the help says of a page.
pub struct Guide {
    /// The name of the page.
    pub title: &'static str,
    /// Its own keys.
    pub keys: Vec<&'static Key>,
    /// Its columns.
    pub columns: Vec<Heading>,
}

/// A sign on the screen, and what it means.
pub type Sign = (&'static str, &'static str);

/// What the user looks at.
///
/// A page never changes the context: it says what it wants as an [`Intent`].
pub trait Page {
    /// The name on its tab.
    fn title(&self) -> &'static str;

    /// What is on it, in a few words, for the help.
    fn about(&self) -> &'static str;

    /// Draws the page into `area`, which is [`Context::body`].
    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer);

    /// Moves the selection, or scrolls.
    fn step(&mut self, motion: Motion, context: &Context);

    /// Takes over what the user has chosen, before there is anything to show.
    fn prefer(&mut self, _chosen: &Chosen) {}

    /// The keys that mean something on this page only; the others are the shell's.
    fn keys(&self) -> Vec<&'static Key> {
        Vec::new()
    }

    /// Does what one of [`Self::keys`] asks for; `None` for all other keys.
    fn press(&mut self, _chord: Chord, _context: &Context) -> Option<Intent> {
        None
    }

    /// A click of the left button within the page, in coordinates of the screen.
    fn click(&mut self, _at: Position, _context: &Context) -> Intent {
        Intent::Nothing
    }

    /// The user goes to this page from another tab.
    fn enter(&mut self) {}

    /// Which page the user was on, told before [`Self::enter`] to a page that says something of it.
    fn come_from(&mut self, _page: &'static str) {}

    /// The frame, the filter or the size of the screen has changed. The shell calls this for all
    /// pages, whether they are on the screen or not.
    fn arrange(&mut self, _context: &Context) {}

    /// The same, of the page on the screen only, after [`Self::arrange`]: what takes work belongs here.
    fn attend(&mut self, _context: &Context) {}

    /// The columns to sort by, in the order of the sort menu.
    fn columns(&self) -> Vec<Heading> {
        Vec::new()
    }

    /// By which column it is sorted; `None` for a page that cannot be sorted.
    fn order(&self) -> Option<Order> {
        None
    }

    /// Sorts by another column.
    fn set_order(&mut self, _order: Order, _context: &Context) {}

    /// Whether the filter applies to what is on this page.
    fn is_filterable(&self) -> bool {
        false
    }

    /// Whether what it lists is what passes the filter; that can be typed on the page that it was opened from.
    fn is_narrowed(&self) -> bool {
        self.is_filterable()
    }

    /// How much of everything is listed, for the line of the tabs.
    fn scope(&self, _context: &Context) -> String {
        String::new()
    }

    /// What the help says of this page, and of pages that it opens.
    fn guides(&self) -> Vec<Guide> {
        vec![Guide { title: self.title(), keys: self.keys(), columns: self.columns() }]
    }

    /// The signs on this page.
    fn signs(&self, _theme: Theme) -> Vec<Sign> {
        Vec::new()
    }

    /// What is drawn around this page.
    fn chrome(&self) -> &dyn Chrome {
        &Dashboard
    }

    /// What it asks the machine while it is on the screen.
    fn asks(&self, _context: &Context) -> Option<Question> {
        None
    }

    /// Reads a part of what was before, from where that is kept; whether there is something new to draw. Called a few
    /// times a second while it is on the screen.
    ///
    /// # Errors
    /// When it cannot be read.
    fn recall(&mut self, _archive: &mut dyn Archive, _context: &Context) -> Result<bool> {
        Ok(false)
    }

    /// What goes on behind this page.
    fn work(&mut self) -> Option<&mut dyn Work> {
        None
    }
}

/// Work behind a page. It goes on while other pages are on the screen, and ends with the page.
pub trait Work {
    /// Begins. The first screen has been drawn by then: this may take a moment.
    ///
    /// # Errors
    /// When the session cannot go on without it.
    fn start(&mut self) -> Result<()>;

    /// How often it wants to know that time passes.
    fn tick(&self) -> Duration;

    /// Time has passed.
    fn pass(&mut self, time: Duration) -> Intent;

    /// Time for housekeeping, a few times a second.
    fn tend(&mut self);

    /// Goes on; ready when there is something new to draw.
    fn poll(&mut self, task: &mut task::Context<'_>) -> Poll<()>;
}
