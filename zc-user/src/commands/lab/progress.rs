//! A progress line on standard error, if that is a terminal.

use std::{
    cell::Cell,
    io::{self, IsTerminal as _, Write as _},
};

use zc_lab::{scenario::Scenario, sink::Sink};
use zc_render::sanitize::truncate;
use zc_session::stall::Stoppable;

/// The line. It is gone when this is dropped.
pub(super) struct ProgressLine {
    wanted: bool,
    shown: Cell<bool>,
    number: Cell<usize>,
    of: usize,
}

impl ProgressLine {
    /// Of a run of so many scenarios.
    pub(super) fn new(of: usize, quiet: bool) -> Self {
        let wanted = !quiet && io::stderr().is_terminal();
        Self { wanted, shown: Cell::new(false), number: Cell::new(0), of }
    }

    /// The next scenario begins.
    pub(super) fn next(&self) {
        self.number.set(self.number.get() + 1);
    }

    /// A round begins.
    pub(super) fn round(&self, scenario: &Scenario, sink: Sink, round: u32, of: u32) {
        if !self.wanted {
            return;
        }
        let text = format!(
            "running {} of {}: {} to {}, round {round} of {of}",
            self.number.get(),
            self.of,
            scenario.title,
            sink.title(),
        );
        let columns = crossterm::terminal::size().map_or(80, |(columns, _)| columns);
        // A line that wraps could not be erased.
        self.write(&format!("\r\x1b[K{}", truncate(&text, usize::from(columns).max(2) - 1, "...")));
        self.shown.set(true);
    }

    /// Erases the line.
    pub(super) fn clear(&self) {
        if self.shown.replace(false) {
            self.write("\r\x1b[K");
        }
    }

    fn write(&self, text: &str) {
        // A terminal that is gone needs no progress.
        let _ = Stoppable(io::stderr()).write_all(text.as_bytes());
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.clear();
    }
}
