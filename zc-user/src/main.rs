//! The `zc` binary: parses the command line, runs a verb, and turns its outcome into a status.

use std::{io::Write as _, process::ExitCode};

use clap::Parser as _;

use crate::cli::Cli;

mod cli;
mod commands;
mod metrics;

fn main() -> ExitCode {
    // Wrong words on the command line: clap prints the hint and exits with 2.
    let cli = Cli::parse();
    match commands::run(cli) {
        Ok(status) => status,
        Err(error) if commands::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing more can be done when standard error is gone too.
            let _ = writeln!(std::io::stderr(), "zc: {error:#}");
            ExitCode::from(commands::status(&error))
        }
    }
}
