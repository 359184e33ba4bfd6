//! `zc demo`: the guided tour, full screen or as text.

use std::{
    io::{self, ErrorKind, IsTerminal as _, Write as _},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context as _, Result, bail};

use self::laboratory::LiveLaboratory;
use super::{super::config, interrupted, language, options_of, print};
use crate::cli::{Usage, lab::demo::Demo};
use zc_lab::{
    screen::run::{TourLook, session},
    tour::{
        parse::parse_in,
        script::{Act, Script},
        summary::Tally,
        walk::{Pace, Tour},
        words::Words,
    },
};
use zc_privilege::files;
use zc_probe::attach::Options;
use zc_render::{sanitize::sanitize, theme::Theme};
use zc_session::{signals::Ending, stall::Stoppable};
use zc_tui::{console::Console, run::Exit};

mod handout;
mod laboratory;
mod text;

/// A script of ten hours is a tenth of this.
const MOST_BYTES: u64 = 1 << 20;

/// Runs `zc demo`.
pub(super) async fn run(arguments: &Demo) -> Result<ExitCode> {
    let words = Words::of(language(arguments.lang));
    if arguments.print_script {
        return print(words.script.as_bytes());
    }
    let script = script(arguments.script.as_deref(), words)?;
    arguments.report.as_deref().map(handout::check).transpose()?;
    let acts: Vec<_> = script.scenes.iter().map(|scene| scene.act.clone()).collect();
    let terminal = io::stdout().is_terminal() && !arguments.text;
    if arguments.again && !terminal {
        bail!(Usage("--loop needs a terminal; leave it out to print the tour once".to_owned()));
    }
    if arguments.big && !terminal {
        bail!(Usage("--big needs a terminal; leave it out to print the tour as text".to_owned()));
    }
    let is_dumb = std::env::var_os("TERM").is_none_or(|name| name == "dumb");
    let animate = terminal && !arguments.no_animation && !is_dumb;
    let Demo { speed, wait, again, .. } = *arguments;
    let tour = Tour::new(script, Pace { speed, wait, animate, again });
    // Before the tour takes the terminal.
    let scenarios = acts.iter().flat_map(|act| act.scenarios().to_vec());
    let options = options_of(&arguments.probing, scenarios)?;
    let theme = Theme::detect(arguments.no_color, |name| std::env::var(name).ok());
    if terminal {
        let theme = config::theme(arguments.theme, arguments.no_color);
        dashboard(tour, TourLook { theme, is_big: arguments.big }, arguments, &options, &acts).await
    } else {
        text::run(tour, theme, arguments, &options, &acts).await
    }
}

/// The script, parsed completely before anything runs.
fn script(path: Option<&Path>, words: &'static Words) -> Result<Script> {
    let (name, text) = match path {
        Some(path) => {
            let name = path.display().to_string();
            let text = files::read(path, MOST_BYTES).map_err(|error| unread(&name, &error))?;
            (name, String::from_utf8_lossy(&text).into_owned())
        }
        None => ("the built-in script".to_owned(), words.script.to_owned()),
    };
    let name = sanitize(&name);
    Ok(parse_in(&text, words).map_err(|error| Usage(format!("{name}:{error}")))?)
}

/// What failed, why, and what to do.
fn unread(name: &str, error: &io::Error) -> Usage {
    let why = match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        ErrorKind::PermissionDenied => "permission denied: you may not read it".to_owned(),
        _ => error.to_string(),
    };
    Usage(format!(
        "cannot read the script '{}': {why}; zc demo --print-script prints one to begin with",
        sanitize(name)
    ))
}

async fn dashboard(
    tour: Tour,
    look: TourLook,
    arguments: &Demo,
    options: &Options,
    acts: &[Act],
) -> Result<ExitCode> {
    let mut world = Console::open()?;
    let words = tour.words();
    let ended =
        session(tour, || LiveLaboratory::open(arguments, options, acts, words), look, &mut world)
            .await;
    // The terminal is restored before anything is printed.
    drop(world);
    let ended = ended?;
    let tally = Tally::of(&ended.tour);
    if let Some(path) = &arguments.report {
        handout::write(&ended.tour, ended.conditions.as_ref(), path)?;
    }
    let mut out = Stoppable(io::stdout());
    // After a hangup there is no reader.
    let said = writeln!(out, "{}", tally.sentence(words)).and_then(|()| out.flush());
    match ended.exit {
        Exit::Interrupted => Ok(interrupted(libc::SIGINT)),
        Exit::Stopped(signal) => Ok(interrupted(signal.unwrap_or(Ending::Hangup).number())),
        Exit::Left => {
            said.context("cannot write to standard output")?;
            Ok(status(tally))
        }
    }
}

/// A failure if a workload failed or its result is unexplained.
fn status(tally: Tally) -> ExitCode {
    if tally.is_bad() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
