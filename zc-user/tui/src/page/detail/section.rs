//! The sections of the page, one at a time where there is no room for all of them.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use zc_render::theme::Theme;

/// A section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// The picture, advice, and paths.
    Flow,
    /// Files, sockets and pipes.
    Files,
    /// Threads; of a group its processes.
    Threads,
    /// Functions that copy.
    Code,
    /// Curves.
    History,
    /// What was counted.
    Counters,
}

impl Section {
    const ALL: [Self; 6] =
        [Self::Flow, Self::Files, Self::Threads, Self::Code, Self::History, Self::Counters];

    /// Its name.
    pub(super) const fn title(self, of_group: bool) -> &'static str {
        match self {
            Self::Flow => "Flow",
            Self::Files => "Files and peers",
            Self::Threads if of_group => "Processes",
            Self::Threads => "Threads",
            Self::Code => "Code",
            Self::History => "History",
            Self::Counters => "Counters",
        }
    }

    /// The one so many after it; the first one follows the last one.
    pub(super) fn after(self, steps: usize) -> Self {
        Self::ALL[(self as usize + steps) % Self::ALL.len()]
    }

    /// The one before it.
    pub(super) fn before(self) -> Self {
        self.after(Self::ALL.len() - 1)
    }
}

/// Where the names lie in this line: left edge, width, and the section. Where there is no room for all, the one that
/// is open alone.
fn places(open: Section, of_group: bool, area: Rect) -> Vec<(u16, u16, Section)> {
    let width =
        |section: Section| u16::try_from(section.title(of_group).len() + 2).unwrap_or(u16::MAX);
    let all: u16 = Section::ALL.iter().map(|section| width(*section) + 1).sum();
    if all > area.width {
        return vec![(area.x, width(open).min(area.width), open)];
    }
    let mut x = area.x;
    let mut places = Vec::new();
    for section in Section::ALL {
        places.push((x, width(section), section));
        x += width(section) + 1;
    }
    places
}

/// Draws the names of the sections in one line.
pub(super) fn draw(open: Section, of_group: bool, theme: Theme, area: Rect, buf: &mut Buffer) {
    let rule = theme.symbols.border.horizontal_top;
    buf.set_stringn(
        area.x,
        area.y,
        rule.repeat(usize::from(area.width)),
        usize::from(area.width),
        theme.dim(),
    );
    let places = places(open, of_group, area);
    for (x, width, section) in &places {
        let style = if *section == open { theme.selected() } else { theme.text() };
        let text = format!(" {} ", section.title(of_group));
        buf.set_stringn(*x, area.y, text, usize::from(*width), style);
    }
    let used: u16 = places.last().map_or(0, |(x, width, _)| x + width - area.x);
    let keys = match places.len() {
        1 => format!(" {} of {}: n p ", open as usize + 1, Section::ALL.len()),
        _ => " n p ".to_owned(),
    };
    let room = area.width.saturating_sub(used);
    let width = u16::try_from(keys.len()).unwrap_or(u16::MAX);
    if width <= room {
        buf.set_stringn(area.right() - width, area.y, keys, usize::from(width), theme.dim());
    }
}

/// The section whose name is at this place.
pub(super) fn clicked(open: Section, of_group: bool, area: Rect, at: Position) -> Option<Section> {
    let mut places = places(open, of_group, area).into_iter();
    let hit = |(x, width, _): &(u16, u16, Section)| (*x..*x + *width).contains(&at.x);
    places.find(|place| at.y == area.y && hit(place)).map(|(_, _, section)| section)
}
