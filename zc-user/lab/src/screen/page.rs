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

use super::{
    big,
    choice::{self, Choice, Chosen},
    help::{self, Help, Pressed},
    scene, summary,
};
use crate::language::{Language, fill};
use crate::tour::{
    code, guess,
    walk::{Conditions, Exhibit, Laboratory, Progress, Tour},
    words,
};
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
    Digit,
    Scenes,
    Again,
    Copy,
    Big,
    Help,
    Leave,
}

/// The keys, with what a language says of them.
macro_rules! table {
    ($words:expr) => {
        &[
            bind(
                &[chr(' '), key(KeyCode::Enter)],
                "Space Enter",
                Action::PauseOrGoOn,
                $words.pause.1,
            )
            .hint(0, "Space", $words.pause.0),
            bind(
                &[chr('n'), chr('l'), key(KeyCode::Right)],
                "n Right l",
                Action::Next,
                $words.next.1,
            )
            .hint(1, "n", $words.next.0),
            bind(
                &[chr('p'), chr('h'), key(KeyCode::Left), key(KeyCode::Backspace)],
                "p Left h",
                Action::Previous,
                $words.back.1,
            )
            .hint(2, "p", $words.back.0),
            bind(&[chr('+'), chr('=')], "+", Action::Faster, $words.faster.1).hint(
                20,
                "+/-",
                $words.faster.0,
            ),
            bind(&[chr('-')], "-", Action::Slower, $words.slower),
            bind(
                &[
                    chr('0'),
                    chr('1'),
                    chr('2'),
                    chr('3'),
                    chr('4'),
                    chr('5'),
                    chr('6'),
                    chr('7'),
                    chr('8'),
                    chr('9'),
                ],
                "0-9",
                Action::Digit,
                $words.digits,
            ),
            bind(&[chr('g')], "g", Action::Scenes, $words.scenes.1).hint(4, "g", $words.scenes.0),
            bind(&[chr('r')], "r", Action::Again, $words.again.1).hint(3, "r", $words.again.0),
            bind(&[chr('y')], "y", Action::Copy, $words.copy.1).hint(14, "y", $words.copy.0),
            bind(&[chr('b')], "b", Action::Big, $words.big.1).hint(5, "b", $words.big.0),
            bind(&[chr('?'), key(KeyCode::F(1))], "? F1", Action::Help, $words.help.1).hint(
                12,
                "?",
                $words.help.0,
            ),
            bind(&[chr('q'), key(KeyCode::Esc)], "q Esc", Action::Leave, $words.quit.1).hint(
                13,
                "q",
                $words.quit.0,
            ),
        ]
    };
}

static KEYS: &[Binding<Action>] = table!(words::ENGLISH_KEYS);
static CHINESE_KEYS: &[Binding<Action>] = table!(words::CHINESE_KEYS);

/// The keys in a language.
const fn keys_in(language: Language) -> &'static [Binding<Action>] {
    match language {
        Language::En => KEYS,
        Language::Zh => CHINESE_KEYS,
    }
}

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
    /// The scene to go to, while it is chosen.
    choice: Option<Choice>,
    /// The help, while it is open.
    pub(super) help: Option<Help>,
    /// Whether figures are big, and words few.
    pub(super) is_big: bool,
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
            choice: None,
            help: None,
            is_big: false,
            bench: LabState::Closed(Box::new(open)),
        }
    }

    /// The same, with big figures from the beginning.
    #[must_use]
    pub fn enlarged(self, is_big: bool) -> Self {
        Self { is_big, ..self }
    }

    fn canvas(&self, theme: Theme, size: Size) -> Canvas {
        if self.help.is_some() {
            let words = self.tour.words();
            let own = keymap::keys(keys_in(words.language));
            return help::canvas(&own, words, theme, size.width);
        }
        if let Some(choice) = &self.choice {
            return choice.canvas(self.tour, theme, size.width);
        }
        if self.tour.shown().is_none() {
            return summary::canvas(self.tour, theme, size.width);
        }
        let progress = self.progress.borrow();
        let draw = if self.is_big { big::canvas } else { scene::canvas };
        draw(self.tour, &progress, self.conditions.as_ref(), theme, size)
    }

    /// Lets something happen to the tour; what is new is shown from its top.
    fn happens(&mut self, change: impl FnOnce(&mut Tour)) -> Intent {
        let place = |tour: &Tour| (tour.looking(), tour.phase(), tour.reveal().is_some());
        let before = place(self.tour);
        change(self.tour);
        if place(self.tour) != before {
            self.scroll = Scroll::START;
        }
        if self.tour.is_over() { Intent::Quit } else { Intent::Nothing }
    }

    /// A key while a scene is chosen.
    fn choose(&mut self, mut choice: Choice, chord: Chord) -> Intent {
        match choice.press(chord, self.tour) {
            Chosen::NotYet => self.choice = Some(choice),
            Chosen::Scene(scene) => return self.happens(|tour| tour.go_to(scene)),
            Chosen::None => {}
        }
        Intent::Nothing
    }

    /// A digit: a guess where one is asked for, else the number of a scene.
    fn digit(&mut self, chord: Chord) -> Intent {
        if let KeyCode::Char(sign) = chord.code
            && let Some(digit) = sign.to_digit(10).and_then(|digit| u8::try_from(digit).ok())
            && self.tour.asks()
            && digit <= guess::MOST
        {
            return self.happens(|tour| tour.guess(digit));
        }
        self.choose(Choice::at(self.tour.looking()), chord)
    }
}

impl<'a, L: Laboratory + 'a> Page for TourPage<'a, L> {
    fn title(&self) -> &'static str {
        self.tour.words().page
    }

    fn about(&self) -> &'static str {
        self.tour.words().page_about
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) {
        let canvas = self.canvas(context.theme(), area.as_size());
        let scrolled = match (&self.help, &self.choice) {
            (Some(help), _) => help.scroll.lines(),
            (None, Some(choice)) => choice.scrolled(area.height),
            (None, None) => self.scroll.lines(),
        };
        let more = |lines| fill(self.tour.words().more_lines, &[("lines", &lines)]);
        canvas.show_saying(scrolled, &more, context.theme(), area, buf);
    }

    fn step(&mut self, motion: Motion, context: &Context) {
        let body = context.body();
        if let Some(choice) = self.choice.as_mut().filter(|_| self.help.is_none()) {
            choice.step(motion, self.tour);
            return;
        }
        let height = self.canvas(context.theme(), body.as_size()).height();
        let scroll = self.help.as_mut().map_or(&mut self.scroll, |help| &mut help.scroll);
        scroll.step(motion, height, body.height);
    }

    fn keys(&self) -> Vec<&'static Key> {
        let language = self.tour.words().language;
        match (&self.help, &self.choice) {
            (Some(_), _) => help::keys(language),
            (None, Some(_)) => choice::keys(language),
            (None, None) => keymap::keys(keys_in(language)),
        }
    }

    fn press(&mut self, chord: Chord, context: &Context) -> Option<Intent> {
        if self.help.is_some() {
            match help::pressed(chord)? {
                Pressed::Close => self.help = None,
                Pressed::On => self.step(Motion::PageDown, context),
            }
            return Some(Intent::Nothing);
        }
        let is_help = keymap::find(KEYS, chord) == Some(Action::Help);
        if let Some(choice) = self.choice.take_if(|_| !is_help) {
            if choice.is_motion(chord) {
                self.choice = Some(choice);
                return None;
            }
            return Some(self.choose(choice, chord));
        }
        Some(match keymap::find(KEYS, chord)? {
            Action::PauseOrGoOn => self.happens(Tour::pause_or_go_on),
            Action::Next => self.happens(Tour::next),
            Action::Previous => self.happens(Tour::previous),
            Action::Faster => self.happens(Tour::faster),
            Action::Slower => self.happens(Tour::slower),
            Action::Digit => self.digit(chord),
            Action::Scenes => {
                self.choice = Some(Choice::at(self.tour.looking()));
                Intent::Nothing
            }
            Action::Again => self.happens(Tour::run_again),
            Action::Copy => {
                let scene = self.tour.script().scenes.get(self.tour.looking());
                let text = scene.and_then(|scene| code::to_copy(&scene.act));
                text.map_or(Intent::Nothing, Intent::Copy)
            }
            Action::Big => {
                self.is_big = !self.is_big;
                self.scroll = Scroll::START;
                Intent::Nothing
            }
            Action::Help => {
                self.help = Some(Help { scroll: Scroll::START });
                Intent::Nothing
            }
            Action::Leave => Intent::Quit,
        })
    }

    fn signs(&self, _theme: Theme) -> Vec<Sign> {
        self.tour.words().signs.to_vec()
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
