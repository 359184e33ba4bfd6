//! How far a page longer than the screen is scrolled.

use crate::action::Motion;

/// Lines that are above the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scroll(u16);

impl Scroll {
    /// At the top.
    pub const START: Self = Self(0);

    /// Lines that are above the screen, if there are so many.
    #[must_use]
    pub const fn lines(self) -> u16 {
        self.0
    }

    /// Scrolls `height` lines, of which the screen shows `room`.
    pub fn step(&mut self, motion: Motion, height: u16, room: u16) {
        let last = height.saturating_sub(room);
        let screen = room.saturating_sub(2).max(1);
        let now = self.0.min(last);
        self.0 = match motion {
            Motion::Up => now.saturating_sub(1),
            Motion::Down => now.saturating_add(1),
            Motion::PageUp => now.saturating_sub(screen),
            Motion::PageDown => now.saturating_add(screen),
            Motion::First => 0,
            Motion::Last => last,
        }
        .min(last);
    }
}
