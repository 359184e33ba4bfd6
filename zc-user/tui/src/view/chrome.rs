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
    /// How much of everything the tab lists: in full, then in fewer words. For that the names of tabs make room.
    pub scope: Vec<String>,
    /// Whether the filter applies to it.
    pub is_narrowed: bool,
    /// What was done, went wrong or has changed, in the same way.
    pub notice: Vec<String>,
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
    tab_line(place, area)
        .labels
        .into_iter()
        .find(|(_, left, label)| (*left..*left + label.len() as u16).contains(&x))
        .map(|(tab, ..)| tab)
}

/// The last tab, whose key is in its name.
const HELP: &str = "Help";

/// What the line of the tabs says.
pub(super) struct TabLine {
    /// The tabs with their left edges and their labels.
    pub(super) labels: Vec<(usize, u16, String)>,
    /// What has happened.
    pub(super) notice: String,
    /// How much is listed.
    pub(super) scope: String,
}

/// How the names of tabs are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// All of them.
    Apart,
    /// All of them, with one blank between two.
    Close,
    /// Only that of the tab on the screen.
    One,
}

/// The line of the tabs in this room: what is said at the right goes before the names of tabs, and is in fewer words where
/// there is no room for all of it.
pub(super) fn tab_line(place: &Place, area: Rect) -> TabLine {
    let room = usize::from(area.width);
    let width = |text: &str| Span::raw(text).width();
    let none = [String::new()];
    let notices = if place.notice.is_empty() { &none[..] } else { &place.notice };
    let scopes = if place.scope.is_empty() { &none[..] } else { &place.scope };
    let mut pairs: Vec<(usize, usize)> = (0..notices.len())
        .flat_map(|notice| (0..scopes.len()).map(move |scope| (notice, scope)))
        .collect();
    pairs.sort_by_key(|(notice, scope)| notice + scope);
    let fitting = pairs.iter().find_map(|(notice, scope)| {
        let texts = [width(&notices[*notice]), width(&scopes[*scope])];
        let between = if texts.contains(&0) { 0 } else { 2 };
        let needed = texts[0] + texts[1] + between;
        let names = [Names::Apart, Names::Close, Names::One];
        let fits = |names: &Names| {
            let used = labels(place, area, *names)
                .last()
                .map_or(0, |(_, x, label)| usize::from(x - area.x) + label.len());
            let blank = if *names == Names::Apart { 2 } else { 1 };
            (*names == Names::One || room >= 60) && used + blank + needed <= room
        };
        names.into_iter().find(fits).map(|names| (names, *notice, *scope))
    });
    let last = (Names::One, notices.len() - 1, scopes.len() - 1);
    let (names, notice, scope) = fitting.unwrap_or(last);
    TabLine {
        labels: labels(place, area, names),
        notice: notices[notice].clone(),
        scope: scopes[scope].clone(),
    }
}

fn labels(place: &Place, area: Rect, names: Names) -> Vec<(usize, u16, String)> {
    let is_long = names != Names::One;
    let overlap = u16::from(names == Names::Close);
    let mut x = area.x;
    let label = |(index, title): (usize, &&str)| {
        let label = match *title {
            HELP if index != place.tab => " ? ".to_owned(),
            title if is_long || index == place.tab => format!(" {} {title} ", index + 1),
            _ => format!(" {} ", index + 1),
        };
        let left = x;
        x += (label.len() as u16).saturating_sub(overlap);
        (index, left, label)
    };
    place.tabs.iter().enumerate().map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scope: &str, width: u16) -> String {
        let names = ["Who", "Paths", "Files", "Devices", "Code", "Lab", "Doctor", "Help"];
        let place = Place {
            tabs: names.to_vec(),
            tab: 0,
            is_narrowed: false,
            scope: vec![scope.to_owned()],
            notice: Vec::new(),
            width,
            over: None,
        };
        let area = Rect::new(0, 0, width, 1);
        let mut line = " ".repeat(usize::from(width));
        for (tab, x, label) in tab_line(&place, area).labels {
            let x = usize::from(x);
            line.replace_range(x..x + label.len(), &label);
            assert_eq!(tab_at(&place, area, x as u16 + 1), Some(tab));
        }
        line.trim_end().to_owned()
    }

    #[test]
    fn words_give_way_to_other_words_and_names_before_them() {
        let forms = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let said = |width: u16| {
            let place = Place {
                tabs: ["Who", "Paths", "Help"].to_vec(),
                tab: 0,
                is_narrowed: false,
                scope: forms(&["1-9 of 99, filter: nginx", "filter: nginx"]),
                notice: forms(&["since b: copied x2", "b: x2"]),
                width,
                over: None,
            };
            let TabLine { labels, notice, scope } = tab_line(&place, Rect::new(0, 0, width, 1));
            (labels.len(), labels[1].2.len(), notice, scope)
        };
        let of = |names, notice: &str, scope: &str| (3, names, notice.to_owned(), scope.to_owned());
        let (full, short) = ("1-9 of 99, filter: nginx", "filter: nginx");
        assert_eq!(said(80), of(9, "since b: copied x2", full));
        assert_eq!(said(60), of(3, "since b: copied x2", full));
        assert_eq!(said(50), of(3, "since b: copied x2", short));
        assert_eq!(said(45), of(3, "b: x2", full));
        assert_eq!(said(36), of(3, "b: x2", short));
        assert_eq!(said(20), of(3, "b: x2", short), "which is cut");
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
