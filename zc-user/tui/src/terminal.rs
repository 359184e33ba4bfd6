//! The terminal: taken over, and given back whatever happens.

mod bounded;
pub(crate) mod clipboard;
mod emergency;

use std::{
    io::{self, IsTerminal as _, Stdout, Write as _},
    mem::{ManuallyDrop, MaybeUninit},
    panic, ptr,
};

use anyhow::{Context as _, Result, bail};
use crossterm::{
    cursor, execute,
    style::Print,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    layout::{Position, Rect},
};
use zc_session::stall::{self, Stoppable};

use bounded::Bounded;

/// How the terminal is drawn on.
pub type Output = Bounded<CrosstermBackend<Stoppable<Stdout>>>;

/// Clicks and the wheel in SGR coordinates. Not crossterm's own command: that one also reports
/// every movement of the mouse, each of which would wake us up.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// Synchronized updates (DEC private mode 2026): a terminal that knows them shows a screen when it is complete, others
/// ignore the mode, as all private modes that they do not know.
const FRAME_BEGINS: &str = "\x1b[?2026h";
const FRAME_ENDS: &str = "\x1b[?2026l";

/// A terminal in raw mode on the alternate screen; dropping it gives the terminal back.
pub struct Screen {
    // Never dropped: on a terminal that is gone, its destructor panics over a cursor that it
    // cannot show. Ours shows it.
    terminal: ManuallyDrop<Terminal<Output>>,
}

impl Screen {
    /// Takes the terminal over. From here on a panic restores it before it prints.
    ///
    /// # Errors
    /// When standard output is not a terminal, or it refuses raw mode.
    pub fn open() -> Result<Self> {
        if !io::stdout().is_terminal() {
            bail!(
                "cannot start the dashboard: standard output is not a terminal; use --once or --json"
            );
        }
        emergency::prepare();
        stall::at_the_end(emergency::restore);
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            leave();
            previous(info);
        }));
        let output = Bounded(CrosstermBackend::new(Stoppable(io::stdout())));
        let terminal = Terminal::new(output)
            .context("cannot start the dashboard: the size of the terminal is unknown")?;
        let screen = Self { terminal: ManuallyDrop::new(terminal) };
        enter().context("cannot start the dashboard: the terminal refuses raw mode")?;
        Ok(screen)
    }

    /// What to draw on.
    pub fn terminal(&mut self) -> &mut Terminal<Output> {
        &mut self.terminal
    }

    /// What is drawn from now on is one screen.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn begin_frame(&mut self) -> Result<()> {
        // In the same buffer as what is drawn.
        Stoppable(io::stdout())
            .write_all(FRAME_BEGINS.as_bytes())
            .context("cannot draw on the terminal")
    }

    /// The screen is complete.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn end_frame(&mut self) -> Result<()> {
        let mut stdout = Stoppable(io::stdout());
        stdout
            .write_all(FRAME_ENDS.as_bytes())
            .and_then(|()| stdout.flush())
            .context("cannot draw on the terminal")
    }

    /// Gives `text` to the clipboard of the terminal, if the terminal allows that; what is too long is left out.
    ///
    /// # Errors
    /// When the terminal fails.
    pub fn copy(&mut self, text: &str) -> Result<()> {
        let Some(sequence) = clipboard::sequence(text) else { return Ok(()) };
        let mut stdout = Stoppable(io::stdout());
        let written = stdout.write_all(sequence.as_bytes()).and_then(|()| stdout.flush());
        written.context("cannot write to the terminal")
    }

    /// Gives the terminal back, stops like any program on Ctrl-Z, and returns when continued.
    ///
    /// # Errors
    /// When the terminal cannot be taken over again.
    pub fn suspend(&mut self) -> Result<()> {
        leave();
        stop_job()?;
        self.resume()
    }

    /// Takes the terminal over again after another program had it.
    ///
    /// # Errors
    /// When the terminal refuses.
    pub fn resume(&mut self) -> Result<()> {
        leave();
        enter().context("cannot take the terminal back")?;
        // Not `clear`, which asks the terminal where its cursor is: the answer would go to the
        // reader of keys.
        let size = self.terminal.size().context("cannot read the size of the terminal")?;
        self.terminal
            .resize(Rect::from((Position::ORIGIN, size)))
            .context("cannot clear the terminal")
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

fn enter() -> io::Result<()> {
    emergency::take(true);
    enable_raw_mode()?;
    execute!(Stoppable(io::stdout()), EnterAlternateScreen, Print(MOUSE_ON), cursor::Hide)
}

/// Safe to call twice, and from a panic hook. Errors have nowhere to go: the terminal is gone.
fn leave() {
    let mut stdout = Stoppable(io::stdout());
    let _gone =
        execute!(stdout, Print(FRAME_ENDS), Print(MOUSE_OFF), LeaveAlternateScreen, cursor::Show);
    let _gone = disable_raw_mode();
    let _gone = stdout.flush();
    emergency::take(false);
}

/// Stops the whole job, as the terminal would have done had it not been in raw mode.
///
/// With the default action, not `SIGSTOP`: the kernel then ignores it where no shell is there to
/// continue us.
fn stop_job() -> Result<()> {
    let mut default = MaybeUninit::<libc::sigaction>::zeroed();
    let mut ours = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: both point to a sigaction; all zeroes is a valid one (no flags, empty mask), and
    // SIG_DFL runs no code of ours. `ours` is written by the first call before the second reads it.
    let result = unsafe {
        (*default.as_mut_ptr()).sa_sigaction = libc::SIG_DFL;
        if libc::sigaction(libc::SIGTSTP, default.as_ptr(), ours.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error()).context("cannot suspend");
        }
        let stopped = libc::kill(0, libc::SIGTSTP);
        let error = io::Error::last_os_error();
        libc::sigaction(libc::SIGTSTP, ours.as_ptr(), ptr::null_mut());
        if stopped == 0 { Ok(()) } else { Err(error) }
    };
    result.context("cannot suspend")
}
