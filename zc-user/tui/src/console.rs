//! The console: this process's terminal with its keys, the clock, and signals.

use std::time::Duration;

use anyhow::{Context as _, Result};
use crossterm::event::EventStream;
use futures_util::StreamExt as _;
use ratatui::Terminal;
use tokio::signal::unix::{Signal, SignalKind, signal};
use zc_session::{
    signals::Signals,
    world::{Events, Real},
};

use super::{
    terminal::{Output, Screen},
    world::{Happening, Surface, World},
};

/// Half as often as without a screen, since an idle dashboard must cost next to nothing.
const TEND_EVERY: Duration = Duration::from_millis(200);

/// The world of a dashboard that a user looks at.
pub struct Console {
    inputs: Real<Keys>,
    // Last, so that it is dropped last: nothing reads the terminal once it is given back.
    screen: Screen,
}

impl Console {
    /// Takes the terminal and the signals over.
    ///
    /// # Errors
    /// When there is no terminal, or the kernel refuses the signal handlers.
    pub fn open() -> Result<Self> {
        let on = |number| signal(SignalKind::from_raw(number)).context("cannot handle signals");
        let signals = Signals::new()?;
        let (stop, resume) = (on(libc::SIGTSTP)?, on(libc::SIGCONT)?);
        let screen = Screen::open()?;
        let keys = Keys { events: None, stop, resume };
        Ok(Self { inputs: Real::with(signals, keys).tend_every(TEND_EVERY), screen })
    }
}

impl World for Console {
    type Surface = Screen;
    type Inputs = Real<Keys>;

    fn parts(&mut self) -> (&mut Screen, &mut Real<Keys>) {
        (&mut self.screen, &mut self.inputs)
    }
}

/// The keys and the mouse of the terminal, and the signals of job control.
pub struct Keys {
    /// Opened when the first key is waited for: it starts a thread, and what the session needs privileges for
    /// comes before. A thread keeps those that it was started with.
    events: Option<EventStream>,
    stop: Signal,
    resume: Signal,
}

impl Events for Keys {
    type Event = Happening;

    async fn next(&mut self) -> Happening {
        tokio::select! {
            biased;
            _ = self.stop.recv() => Happening::Suspend,
            _ = self.resume.recv() => Happening::Resume,
            event = self.events.get_or_insert_with(EventStream::new).next() => match event {
                Some(Ok(event)) => Happening::Terminal(event),
                Some(Err(_)) | None => Happening::Closed,
            },
        }
    }
}

impl Surface for Screen {
    type Backend = Output;

    fn terminal(&mut self) -> &mut Terminal<Self::Backend> {
        Self::terminal(self)
    }

    fn begin_frame(&mut self) -> Result<()> {
        Self::begin_frame(self)
    }

    fn end_frame(&mut self) -> Result<()> {
        Self::end_frame(self)
    }

    fn copy(&mut self, text: &str) -> Result<()> {
        Self::copy(self, text)
    }

    fn suspend(&mut self) -> Result<()> {
        Self::suspend(self)
    }

    fn resume(&mut self) -> Result<()> {
        Self::resume(self)
    }
}
