//! The `zc` binary: parses the command line, runs a verb, and turns its outcome into a status.

use std::{
    io::{ErrorKind, Write as _},
    process::ExitCode,
};

use clap::Parser as _;
use zc::{cli::Cli, commands};

fn main() -> ExitCode {
    // Wrong words on the command line: clap prints the hint and exits with 2.
    let cli = Cli::parse();
    match commands::run(cli) {
        Ok(status) => status,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing more can be done when standard error is gone too.
            let _ = writeln!(std::io::stderr(), "zc: {error:#}");
            ExitCode::from(commands::status(&error))
        }
    }
}

/// Whoever read the output has seen enough: a quiet end, as for any filter.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|error| error.io_error_kind() == Some(ErrorKind::BrokenPipe))
    })
}
