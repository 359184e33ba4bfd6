//! The console: this process's terminal with its keys, the clock, and signals.

use std::{io::Stdout, time::Duration};

use anyhow::{Context as _, Result};
use crossterm::event::EventStream;
use futures_util::StreamExt as _;
use ratatui::{Terminal, backend::CrosstermBackend};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until},
};

use super::{
    terminal::Screen,
    world::{Input, World},
};

const TEND_EVERY: Duration = Duration::from_millis(200);

/// The world of a dashboard that a user looks at.
pub struct Console {
    events: EventStream,
    ticked_at: Instant,
    tend: Interval,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    stop: Signal,
    resume: Signal,
    stopped_by: Option<SignalKind>,
    // Last, so that it is dropped last: nothing reads the terminal once it is given back.
    screen: Screen,
}

impl Console {
    /// Takes the terminal and the signals over.
    ///
    /// # Errors
    /// When there is no terminal, or the kernel refuses the signal handlers.
    pub fn open() -> Result<Self> {
        let on = |kind| signal(kind).context("cannot handle signals");
        let (terminate, interrupt) = (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
        let (hangup, stop) = (on(SignalKind::hangup())?, on(SignalKind::from_raw(libc::SIGTSTP))?);
        let resume = on(SignalKind::from_raw(libc::SIGCONT))?;
        let mut tend = interval(TEND_EVERY);
        tend.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let screen = Screen::open()?;
        let events = EventStream::new();
        let ticked_at = Instant::now();
        let stopped_by = None;
        Ok(Self {
            events,
            ticked_at,
            tend,
            terminate,
            interrupt,
            hangup,
            stop,
            resume,
            stopped_by,
            screen,
        })
    }

    /// The signal that said to leave, if one did.
    #[must_use]
    pub const fn stopped_by(&self) -> Option<SignalKind> {
        self.stopped_by
    }
}

impl World for Console {
    type Backend = CrosstermBackend<Stdout>;

    fn terminal(&mut self) -> &mut Terminal<Self::Backend> {
        self.screen.terminal()
    }

    async fn next(&mut self, wait: Option<Duration>) -> Input {
        let Self {
            events,
            ticked_at,
            tend,
            terminate,
            interrupt,
            hangup,
            stop,
            resume,
            stopped_by,
            ..
        } = self;
        let mut left = |kind| {
            *stopped_by = Some(kind);
            Input::Stop
        };
        let due = *ticked_at + wait.unwrap_or_default();
        tokio::select! {
            // A shell that goes away hangs us up and continues us: then there is nothing to resume.
            biased;
            _ = terminate.recv() => left(SignalKind::terminate()),
            _ = interrupt.recv() => left(SignalKind::interrupt()),
            _ = hangup.recv() => left(SignalKind::hangup()),
            _ = stop.recv() => Input::Suspend,
            _ = resume.recv() => Input::Resume,
            event = events.next() => match event {
                Some(Ok(event)) => Input::Terminal(event),
                Some(Err(_)) | None => Input::Stop,
            },
            () = sleep_until(due), if wait.is_some() => {
                *ticked_at = Instant::now();
                Input::Tick
            }
            _ = tend.tick() => Input::Tend,
        }
    }

    fn suspend(&mut self) -> Result<()> {
        self.screen.suspend()
    }

    fn resume(&mut self) -> Result<()> {
        self.screen.resume()
    }
}
