//! The `zc` binary: parses the command line, runs a verb, and turns its outcome into a status.

use std::{env, ffi::OsString, io::Write as _, process::ExitCode};

use clap::Parser as _;
use zc_probe::refusal::Refusal;
use zc_render::sanitize::{is_hostile, sanitize};
use zc_session::stall;

use crate::cli::Cli;

mod cli;
mod commands;
mod metrics;
mod settings;

fn main() -> ExitCode {
    // Before anything that the user names is looked at.
    if let Err(error) = zc_privilege::begin() {
        return fail(&error);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let outcome = commands::run(cli);
    stall::leave();
    match outcome {
        Ok(status) => status,
        Err(error) if commands::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Prints an error. The one way of errors to the terminal: they name files, processes and commands.
fn fail(error: &anyhow::Error) -> ExitCode {
    let text = format!("{error:#}");
    // The verifier's log has lines, and no name in it. In all else the end of a line belongs to a name.
    let has_log = error.chain().any(|cause| cause.is::<Refusal>());
    let text = if has_log { lines(&text) } else { sanitize(&text).into_owned() };
    // Nothing more can be done when standard error is gone too.
    let _ = writeln!(std::io::stderr(), "zc: {text}");
    ExitCode::from(commands::status(error))
}

/// Wrong words on the command line, or a request for help: clap knows the text and the status.
fn refuse(error: &clap::Error) -> ExitCode {
    let hostile = |word: OsString| word.to_string_lossy().contains(is_hostile);
    if !error.use_stderr() || !env::args_os().any(hostile) {
        error.exit();
    }
    // clap repeats the words. Made harmless, they are as wrong.
    let words = env::args_os().map(|word| sanitize(&word.to_string_lossy()).into_owned());
    let text = match Cli::try_parse_from(words) {
        Err(error) => error.render().to_string(),
        Ok(_) => "error: wrong words on the command line".to_owned(),
    };
    let _ = writeln!(std::io::stderr(), "{}", lines(text.trim_end()));
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// A text of several lines, with nothing in them that a terminal would obey.
fn lines(text: &str) -> String {
    text.split('\n').map(sanitize).collect::<Vec<_>>().join("\n")
}
