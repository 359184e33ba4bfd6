//! Where the parts of the screen are. Drawing and the mouse agree because both ask here.

use ratatui::layout::Rect;

/// The parts of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Areas {
    /// What the machine does, in one look.
    pub header: Rect,
    /// The names of the views.
    pub tabs: Rect,
    /// The view.
    pub body: Rect,
    /// Keys, or the filter being typed.
    pub footer: Rect,
}

/// From this width on, the figures of the header fit into one line.
const WIDE: u16 = 152;

/// The smallest screen that can hold the dashboard.
pub const LEAST: (u16, u16) = (32, 8);

/// The parts of a screen of this size; `None` if it is too small.
#[must_use]
pub fn areas(screen: Rect) -> Option<Areas> {
    if screen.width < LEAST.0 || screen.height < LEAST.1 {
        return None;
    }
    let header = match screen.height {
        ..14 => 2,
        _ if screen.width >= WIDE => 2,
        _ => 3,
    };
    let line = |y: u16, height: u16| Rect::new(screen.x, screen.y + y, screen.width, height);
    Some(Areas {
        header: line(0, header),
        tabs: line(header, 1),
        body: line(header + 1, screen.height - header - 2),
        footer: line(screen.height - 1, 1),
    })
}
