//! Everything outside of a session: keys, time, signals, the terminal.

use std::{future::Future, time::Duration};

use anyhow::Result;
use crossterm::event::Event;
use ratatui::{Terminal, backend::Backend};

/// Something happened outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The next snapshot is due.
    Tick,
    /// Time for housekeeping.
    Tend,
    /// A key, the mouse, or a new size.
    Terminal(Event),
    /// Leave: a signal said so, or the terminal is gone.
    Stop,
    /// A signal asks us to stop like Ctrl-Z does.
    Suspend,
    /// We have been continued.
    Resume,
}

/// Everything outside of the session.
pub trait World {
    /// What is drawn on.
    type Backend: Backend;

    /// What is drawn on.
    fn terminal(&mut self) -> &mut Terminal<Self::Backend>;

    /// Waits for the next input. A tick is due `wait` after the last one; with `None` there are
    /// no more.
    fn next(&mut self, wait: Option<Duration>) -> impl Future<Output = Input>;

    /// Gives the terminal back, stops the job, and returns with the terminal when continued.
    ///
    /// # Errors
    /// When the terminal cannot be taken over again.
    fn suspend(&mut self) -> Result<()>;

    /// Takes over the terminal of a job that was continued.
    ///
    /// # Errors
    /// When the terminal cannot be taken over again.
    fn resume(&mut self) -> Result<()>;
}
