//! What the screen of a tour shows: the tour, how far it is scrolled, whether the help is open.

use crate::{
    screen::keymap::Action,
    tour::walk::{Conditions, Progress, Tour},
};
use zc_render::theme::Theme;
use zc_tui::action::Motion;

/// Lines of a screenful, as good as any: what is longer than the screen is scrolled rarely.
const PAGE: u16 = 15;

/// The state of the screen.
pub struct State {
    /// The tour.
    pub tour: Tour,
    /// Where it is given; `None` until the probes are attached.
    pub conditions: Option<Conditions>,
    /// What is under way.
    pub progress: Progress,
    theme: Theme,
    scrolled: u16,
    help: bool,
}

/// What an action asks of the outside world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// Leave.
    Quit,
    /// Leave, as on Ctrl-C.
    Interrupt,
    /// Draw everything anew.
    Redraw,
    /// Stop the job.
    Suspend,
}

impl State {
    /// The first screen of `tour`.
    #[must_use]
    pub fn new(tour: Tour, theme: Theme) -> Self {
        let progress = Progress::default();
        Self { tour, conditions: None, progress, theme, scrolled: 0, help: false }
    }

    /// What the terminal can show.
    #[must_use]
    pub const fn theme(&self) -> Theme {
        self.theme
    }

    /// Lines that are above the screen, if there are so many.
    #[must_use]
    pub const fn scrolled(&self) -> u16 {
        self.scrolled
    }

    /// Whether the help is open.
    #[must_use]
    pub const fn shows_help(&self) -> bool {
        self.help
    }

    /// Does what a key asks for.
    pub fn update(&mut self, action: Action) -> Effect {
        let before = self.place();
        match action {
            Action::Quit if self.help => self.help = false,
            Action::ToggleHelp => self.help = !self.help,
            Action::Quit => return Effect::Quit,
            Action::Interrupt => return Effect::Interrupt,
            Action::Redraw => return Effect::Redraw,
            Action::Suspend => return Effect::Suspend,
            Action::Move(motion) => self.scroll(motion),
            Action::PauseOrGoOn => self.tour.pause_or_go_on(),
            Action::Next => self.tour.next(),
            Action::Previous => self.tour.previous(),
            Action::Faster => self.tour.faster(),
            Action::Slower => self.tour.slower(),
        }
        self.follow(before);
        Effect::None
    }

    /// Lets something happen to the tour; what is new is shown from its top.
    pub fn happens(&mut self, change: impl FnOnce(&mut Tour)) {
        let before = self.place();
        change(&mut self.tour);
        self.follow(before);
    }

    /// There are only so many lines to scroll.
    pub fn keep_within(&mut self, hidden: u16) {
        self.scrolled = self.scrolled.min(hidden);
    }

    fn place(&self) -> (usize, usize, bool) {
        (self.tour.looking(), self.tour.findings().len(), self.help)
    }

    fn follow(&mut self, before: (usize, usize, bool)) {
        if self.place() != before {
            self.scrolled = 0;
        }
    }

    fn scroll(&mut self, motion: Motion) {
        self.scrolled = match motion {
            Motion::Up => self.scrolled.saturating_sub(1),
            Motion::Down => self.scrolled.saturating_add(1),
            Motion::PageUp => self.scrolled.saturating_sub(PAGE),
            Motion::PageDown => self.scrolled.saturating_add(PAGE),
            Motion::First => 0,
            Motion::Last => u16::MAX,
        };
    }
}
