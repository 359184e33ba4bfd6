//! A dashboard that stays when its inputs have ended: many pages, sizes and keys can be tried on one of them.

use std::{
    cell::{RefCell, RefMut},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};

use anyhow::Result;
use crossterm::event::{Event, KeyCode};
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, layout::Rect};
use zc_model::{
    snapshot::Snapshot,
    source::{Moment, SnapshotSource, Steer, Steered},
};
use zc_tui::{
    keymap::{Chord, chr, key},
    run::drive,
    shell::{Effect, Shell},
    world::{Happening, Input},
};

use crate::session::Script;

/// A dashboard and what it is fed with.
pub struct Stage {
    pub shell: Shell<'static>,
    source: Shared,
    size: (u16, u16),
}

impl Stage {
    pub(crate) fn new(
        shell: Shell<'static>,
        source: Box<dyn SnapshotSource>,
        size: (u16, u16),
    ) -> Self {
        let source = Shared(Rc::new(RefCell::new(source)));
        let mut stage = Self { shell, source, size };
        stage.resize(size.0, size.1);
        stage
    }

    /// Plays these inputs, with all that follows from them: snapshots are taken, and time is travelled in.
    pub fn play(&mut self, inputs: impl IntoIterator<Item = Input>) {
        let terminal = Terminal::new(TestBackend::new(self.size.0, self.size.1)).unwrap();
        let mut world = Script::new(terminal, inputs.into_iter().collect::<VecDeque<_>>());
        let source = self.source.clone();
        let open = || Ok(Some(Box::new(source) as Box<dyn SnapshotSource>));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(drive(&mut self.shell, open, &mut world)).unwrap();
    }

    /// Lets this many snapshots be taken.
    pub fn ticks(&mut self, count: usize) {
        self.play(std::iter::repeat_n(Input::Tick, count));
    }

    /// Presses a key, as far as the dashboard itself goes: nothing is taken from the source.
    pub fn press(&mut self, chord: Chord) -> Option<Effect> {
        self.shell.press(chord)
    }

    /// Types, as [`Self::press`] does; the control characters of Enter and Esc, and an arrow, are these keys.
    pub fn keys(&mut self, text: &str) {
        for c in text.chars() {
            self.press(match c {
                '\n' => key(KeyCode::Enter),
                '\u{1b}' => key(KeyCode::Esc),
                '←' => key(KeyCode::Left),
                c => chr(c),
            });
        }
    }

    /// Goes where the keys that were pressed wanted to be.
    pub fn arrive(&mut self) {
        self.play([Input::Event(Happening::Terminal(Event::FocusGained))]);
    }

    pub fn resize(&mut self, width: u16, height: u16) {
        self.size = (width, height);
        self.shell.resize(Rect::new(0, 0, width, height));
    }

    /// The screen as it is drawn: with cells behind wide characters, which a terminal has not.
    #[must_use]
    pub fn drawn(&self) -> Buffer {
        let area = Rect::new(0, 0, self.size.0, self.size.1);
        let mut screen = Buffer::empty(area);
        self.shell.draw(area, &mut screen);
        screen
    }
}

/// A source that outlives the session that takes from it.
#[derive(Clone)]
struct Shared(Rc<RefCell<Box<dyn SnapshotSource>>>);

impl Shared {
    fn source(&self) -> RefMut<'_, Box<dyn SnapshotSource>> {
        self.0.borrow_mut()
    }
}

impl SnapshotSource for Shared {
    fn next(&mut self) -> Result<Option<Snapshot>> {
        self.source().next()
    }

    fn pace(&self) -> Option<Duration> {
        self.source().pace()
    }

    fn moment(&self) -> Option<Moment> {
        self.source().moment()
    }

    fn steer(&mut self, steer: &Steer) -> Result<Steered> {
        self.source().steer(steer)
    }

    fn tend(&mut self) -> Result<()> {
        self.source().tend()
    }
}
