//! The page of the tour: its keys, its state, and the laboratory behind it.

use std::{
    future::Future,
    mem,
    pin::Pin,
    task::{self, Poll},
    time::Duration,
};

use anyhow::Result;
use crossterm::event::KeyCode;
use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
};

use super::{scene, summary};
use crate::tour::walk::{Conditions, Exhibit, Laboratory, Progress, Tour};
use zc_render::theme::Theme;
use zc_tui::{
    action::Motion,
    keymap::{self, Binding, Chord, Key, bind, chr, key},
    page::{Intent, Page, Sign, Work},
    state::{Context, scroll::Scroll},
    view::{canvas::Canvas, chrome::Chrome},
};

/// How often the screen follows the time.
pub const TICK: Duration = Duration::from_millis(250);

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    PauseOrGoOn,
    Next,
    Previous,
    Faster,
    Slower,
    Leave,
}

#[rustfmt::skip]
static KEYS: &[Binding<Action>] = &[
    bind(&[chr(' '), key(KeyCode::Enter)], "Space Enter", Action::PauseOrGoOn, "pause or continue").hint(0, "Space", "Pause/Next"),
    bind(&[chr('n'), chr('l'), key(KeyCode::Right)], "n Right l", Action::Next, "go to the next step without waiting").hint(1, "n", "Next"),
    bind(&[chr('p'), chr('h'), key(KeyCode::Left), key(KeyCode::Backspace)], "p Left h", Action::Previous, "go back to an earlier result; the tour waits").hint(2, "p", "Back"),
    bind(&[chr('+'), chr('=')], "+", Action::Faster, "twice as fast").hint(3, "+/-", "Speed"),
    bind(&[chr('-')], "-", Action::Slower, "half as fast"),
    bind(&[chr('q'), key(KeyCode::Esc)], "q Esc", Action::Leave, "leave the tour").hint(13, "q", "Quit"),
];

/// What opens the laboratory.
type Open<'a, L> = Box<dyn FnOnce() -> Result<L> + 'a>;

/// The laboratory, and what it does.
enum LabState<'a, L> {
    /// Not open yet.
    Closed(Open<'a, L>),
    /// Nothing runs.
    Idle(L),
    /// A workload, which ends when it is dropped.
    Busy(Pin<Box<dyn Future<Output = (L, Exhibit)> + 'a>>),
    /// It could not be opened.
    Broken,
}

/// The page of a tour.
pub struct TourPage<'a, L> {
    pub(super) tour: &'a mut Tour,
    /// Where the tour is given; `None` until the probes are attached.
    pub(super) conditions: Option<Conditions>,
    /// What is in progress.
    progress: Progress,
    scroll: Scroll,
    bench: LabState<'a, L>,
}

impl<'a, L: Laboratory + 'a> TourPage<'a, L> {
    /// The page of `tour`; `open` attaches the probes.
    #[must_use]
    pub fn new(tour: &'a mut Tour, open: impl FnOnce() -> Result<L> + 'a) -> Self {
        Self {
            tour,
            conditions: None,
            progress: Progress::default(),
            scroll: Scroll::START,
            bench: LabState::Closed(Box::new(open)),
        }
    }

    fn canvas(&self, theme: Theme, size: Size) -> Canvas {
        if self.tour.shown().is_none() {
            return summary::canvas(self.tour, theme, size.width);
        }
        let progress = self.progress.borrow();
        scene::canvas(self.tour, &progress, self.conditions.as_ref(), theme, size)
    }

    /// Lets something happen to the tour; what is new is shown from its top.
    fn happens(&mut self, change: impl FnOnce(&mut Tour)) -> Intent {
        let place = |tour: &Tour| (tour.looking(), tour.findings().len());
        let before = place(self.tour);
        change(self.tour);
        if place(self.tour) != before {
            self.scroll = Scroll::START;
        }
        if self.tour.is_over() { Intent::Quit } else { Intent::Nothing }
    }
}

impl<'a, L: Laboratory + 'a> Page for TourPage<'a, L> {
    fn title(&self) -> &'static str {
        "Tour"
    }

    fn about(&self) -> &'static str {
        "the tour of the lab"
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) {
        let canvas = self.canvas(context.theme(), area.as_size());
        canvas.show(self.scroll.lines(), context.theme(), area, buf);
    }

    fn step(&mut self, motion: Motion, context: &Context) {
        let body = context.body();
        let height = self.canvas(context.theme(), body.as_size()).height();
        self.scroll.step(motion, height, body.height);
    }

    fn keys(&self) -> Vec<&'static Key> {
        keymap::keys(KEYS)
    }

    fn press(&mut self, chord: Chord, _context: &Context) -> Option<Intent> {
        Some(match keymap::find(KEYS, chord)? {
            Action::PauseOrGoOn => self.happens(Tour::pause_or_go_on),
            Action::Next => self.happens(Tour::next),
            Action::Previous => self.happens(Tour::previous),
            Action::Faster => self.happens(Tour::faster),
            Action::Slower => self.happens(Tour::slower),
            Action::Leave => Intent::Quit,
        })
    }

    fn signs(&self, _theme: Theme) -> Vec<Sign> {
        vec![
            ("=", "as the textbook says; hazard reproduced"),
            ("!", "differs, for a known reason"),
            ("?", "differs, and zc does not know why"),
            ("-", "skipped: this machine cannot do it"),
            ("x", "failed"),
            ("o", "not measured, or nothing to measure"),
            ("~", "after a figure: modelled; this kernel cannot trace the function that copies"),
        ]
    }

    fn chrome(&self) -> &dyn Chrome {
        self
    }

    fn work(&mut self) -> Option<&mut dyn Work> {
        Some(self)
    }
}

impl<'a, L: Laboratory + 'a> Work for TourPage<'a, L> {
    fn start(&mut self) -> Result<()> {
        if let LabState::Closed(open) = mem::replace(&mut self.bench, LabState::Broken) {
            let laboratory = open()?;
            self.progress = laboratory.progress();
            self.conditions = Some(laboratory.conditions().clone());
            self.bench = LabState::Idle(laboratory);
        }
        Ok(())
    }

    fn tick(&self) -> Duration {
        TICK
    }

    fn pass(&mut self, time: Duration) -> Intent {
        self.happens(|tour| tour.pass(time))
    }

    fn tend(&mut self) {
        if let LabState::Idle(laboratory) = &mut self.bench {
            laboratory.tend();
        }
    }

    /// Runs what is due; ready when it has run.
    fn poll(&mut self, task: &mut task::Context<'_>) -> Poll<()> {
        if let Some(act) = self.tour.due().cloned() {
            self.bench = match mem::replace(&mut self.bench, LabState::Broken) {
                LabState::Idle(mut laboratory) => LabState::Busy(Box::pin(async move {
                    let exhibit = laboratory.run(&act).await;
                    (laboratory, exhibit)
                })),
                other => other,
            };
        }
        let LabState::Busy(run) = &mut self.bench else { return Poll::Pending };
        let Poll::Ready((laboratory, exhibit)) = run.as_mut().poll(task) else {
            return Poll::Pending;
        };
        self.bench = LabState::Idle(laboratory);
        self.happens(|tour| tour.receive(exhibit));
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_has_two_meanings() {
        let chords: Vec<_> = KEYS.iter().flat_map(|binding| binding.key.chords).collect();
        for (index, chord) in chords.iter().enumerate() {
            assert!(!chords[..index].contains(chord), "{chord:?}");
        }
    }
}
