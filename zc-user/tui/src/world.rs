//! Everything outside of a session: what it draws on, and what happens to it.

use anyhow::Result;
use crossterm::event::Event;
use ratatui::{Terminal, backend::Backend};
use zc_session::world;

/// Something happened to the terminal, or to the job that owns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A key, the mouse, or a new size.
    Terminal(Event),
    /// A signal asks us to stop like Ctrl-Z does.
    Suspend,
    /// We have been continued.
    Resume,
    /// The terminal is gone.
    Closed,
}

/// What happens to a session that has a terminal.
pub type Input = world::Input<Happening>;

/// What a session draws on.
pub trait Surface {
    /// How it is drawn.
    type Backend: Backend;

    /// What is drawn on.
    fn terminal(&mut self) -> &mut Terminal<Self::Backend>;

    /// Gives `text` to the clipboard of the terminal.
    ///
    /// # Errors
    /// When the terminal fails.
    fn copy(&mut self, _text: &str) -> Result<()> {
        Ok(())
    }

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

    /// What is drawn from now on is one screen: the terminal may wait for its end.
    ///
    /// # Errors
    /// When the terminal fails.
    fn begin_frame(&mut self) -> Result<()> {
        Ok(())
    }

    /// The screen is complete.
    ///
    /// # Errors
    /// When the terminal fails.
    fn end_frame(&mut self) -> Result<()> {
        Ok(())
    }

    /// The terminal has a new size, in columns and rows.
    fn resized(&mut self, _columns: u16, _rows: u16) {}
}

/// Everything outside of a session.
pub trait World {
    /// What it draws on.
    type Surface: Surface;
    /// What happens to it.
    type Inputs: world::World<Event = Happening>;

    /// Both.
    fn parts(&mut self) -> (&mut Self::Surface, &mut Self::Inputs);
}
