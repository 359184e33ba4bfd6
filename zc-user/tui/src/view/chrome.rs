//! What is around a page, and where. Drawing and the mouse agree because both ask here.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use crate::state::Context;

/// The parts of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Areas {
    /// What matters whatever the page.
    pub header: Rect,
    /// The names of the pages.
    pub tabs: Rect,
    /// The page.
    pub body: Rect,
    /// Keys, or the filter being typed.
    pub footer: Rect,
}

/// The smallest screen that can hold a page.
pub const LEAST: (u16, u16) = (32, 8);

/// What chrome has to know of the pages.
pub struct Place {
    /// The names of the tabs; empty where there are none.
    pub tabs: Vec<&'static str>,
    /// The tab on the screen.
    pub tab: usize,
    /// How much of everything the tab lists.
    pub scope: String,
    /// The page on top, when it is not one that has this chrome.
    pub over: Option<&'static str>,
}

/// What is around a page, except for the footer.
pub trait Chrome {
    /// The parts of a screen of this size; `None` if it is too small.
    fn areas(&self, screen: Rect) -> Option<Areas>;

    /// Whether pages have tabs, and keys that go from one to the next.
    fn has_tabs(&self) -> bool;

    /// Whether pages show frames of a source, which come at an interval and can be paused.
    fn has_frames(&self) -> bool;

    /// Draws all but page and footer.
    fn draw(&self, context: &Context, place: &Place, areas: &Areas, buf: &mut Buffer);

    /// The most important figure, for a screen that is too small.
    fn brief(&self, context: &Context) -> (String, Style);
}

/// The tab whose name is at `x`.
#[must_use]
pub fn tab_at(place: &Place, area: Rect, x: u16) -> Option<usize> {
    tabs(place, area)
        .find(|(_, left, label)| (*left..*left + label.len() as u16).contains(&x))
        .map(|(tab, ..)| tab)
}

/// The tabs with their left edges and their labels.
pub(super) fn tabs(place: &Place, area: Rect) -> impl Iterator<Item = (usize, u16, String)> {
    let roomy = area.width >= 60;
    let mut x = area.x;
    place.tabs.iter().enumerate().map(move |(index, title)| {
        let label = if roomy || index == place.tab {
            format!(" {} {title} ", index + 1)
        } else {
            format!(" {} ", index + 1)
        };
        let left = x;
        x += label.len() as u16;
        (index, left, label)
    })
}
