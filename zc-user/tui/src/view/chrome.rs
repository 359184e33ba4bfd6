//! What is around a page, and where. Drawing and the mouse agree because both ask here.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Span};

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
    /// What was done or went wrong, for which the names of tabs make room, too.
    pub complaint: String,
    /// Cells of a line of the screen.
    pub width: u16,
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

/// The last tab, whose key is in its name.
const HELP: &str = "Help";

/// The tabs with their left edges and their labels. Where all names leave no room for what the tab lists, only that of
/// the tab on the screen is written out.
pub(super) fn tabs(place: &Place, area: Rect) -> impl Iterator<Item = (usize, u16, String)> {
    let label = |index: usize, title: &str, is_long: bool| match title {
        HELP if index != place.tab => " ? ".to_owned(),
        _ if is_long || index == place.tab => format!(" {} {title} ", index + 1),
        _ => format!(" {} ", index + 1),
    };
    let all = || place.tabs.iter().enumerate();
    let width: usize = all().map(|(index, title)| label(index, title, true).len()).sum();
    let room = usize::from(area.width);
    let width_of = |text: &str| Span::raw(text.to_owned()).width();
    let scope = width_of(&place.scope).max(width_of(&place.complaint));
    // A space between the names is enough: each label brings two.
    let is_tight = width + 2 + scope > room;
    let is_long = room >= 60 && (!is_tight || width - place.tabs.len() + 2 + scope <= room);
    let overlap = u16::from(is_long && is_tight);
    let mut x = area.x;
    all()
        .map(|(index, title)| {
            let label = label(index, title, is_long);
            let left = x;
            x += (label.len() as u16).saturating_sub(overlap);
            (index, left, label)
        })
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scope: &str, width: u16) -> String {
        let names = ["Who", "Paths", "Files", "Devices", "Code", "Lab", "Doctor", "Help"];
        let place = Place {
            tabs: names.to_vec(),
            tab: 0,
            scope: scope.to_owned(),
            complaint: String::new(),
            width,
            over: None,
        };
        let area = Rect::new(0, 0, width, 1);
        let mut line = " ".repeat(usize::from(width));
        for (tab, x, label) in tabs(&place, area) {
            let x = usize::from(x);
            line.replace_range(x..x + label.len(), &label);
            assert_eq!(tab_at(&place, area, x as u16 + 1), Some(tab));
        }
        line.trim_end().to_owned()
    }

    #[test]
    fn names_give_way_to_what_is_listed() {
        let all = " 1 Who  2 Paths  3 Files  4 Devices  5 Code  6 Lab  7 Doctor  ?";
        assert_eq!(labels("1-9 of 99", 80), all);
        assert_eq!(
            labels("by command 1-9 of 99", 80),
            " 1 Who 2 Paths 3 Files 4 Devices 5 Code 6 Lab 7 Doctor ?"
        );
        assert_eq!(labels(&"x".repeat(40), 80), " 1 Who  2  3  4  5  6  7  ?");
        assert_eq!(labels("", 50), " 1 Who  2  3  4  5  6  7  ?");
    }
}
