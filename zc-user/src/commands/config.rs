//! `zc config`: the user's settings.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Result, anyhow};
use zc_render::sanitize::sanitize;
#[cfg(feature = "lab")]
use zc_render::theme::{Look, Theme};

use super::{print, say};
use crate::{
    cli::{Config, ConfigVerb, Usage},
    settings::{self, Unread, table},
};

/// Runs `zc config`.
pub(super) fn run(arguments: &Config) -> Result<ExitCode> {
    match &arguments.verb {
        None => print(table::default_text().as_bytes()),
        Some(ConfigVerb::Schema) => print(format!("{:#}\n", table::schema()).as_bytes()),
        Some(ConfigVerb::Check { file: Some(file) }) => check(file.clone(), true),
        Some(ConfigVerb::Check { file: None }) => {
            let path = settings::path().ok_or_else(|| {
                anyhow!(
                    "cannot find the settings: neither HOME nor XDG_CONFIG_HOME is set; name a file"
                )
            })?;
            check(path, false)
        }
    }
}

/// Prints what is wrong in the file.
fn check(path: PathBuf, is_named: bool) -> Result<ExitCode> {
    let shown = path.display().to_string();
    let shown = sanitize(&shown);
    let problems = match settings::text(&path) {
        Ok(Some(text)) => settings::read(&text).1,
        Ok(None) if is_named => {
            let why = format!("cannot read '{}': there is no such file", path.display());
            return Err(Usage(why).into());
        }
        Ok(None) => return print(format!("{shown}: not there, and need not be\n").as_bytes()),
        Err(Unread::Whole(why)) => return Err(Usage(why).into()),
        Err(Unread::At(problem)) => vec![problem],
    };
    if problems.is_empty() {
        return print(format!("{shown}: all right\n").as_bytes());
    }
    let mut err = io::stderr().lock();
    for problem in &problems {
        // Nothing more can be done when standard error is gone.
        let _ = writeln!(err, "{}", sanitize(&problem.in_file(&path)));
    }
    Ok(ExitCode::from(2))
}

/// How the user wants what is drawn on a terminal to look: as chosen on the command line, else as it is set.
#[cfg(feature = "lab")]
pub(super) fn theme(chosen: Option<Look>, no_color: bool) -> Theme {
    let settings::Settings { theme, graph, .. } = of_dashboard();
    Theme::of(chosen.unwrap_or(theme), graph, no_color, |name| std::env::var(name).ok())
}

/// The settings for the dashboard. Says on standard error what is wrong with them: before the dashboard takes the
/// terminal, and to be read after it.
pub(super) fn of_dashboard() -> settings::Settings {
    let (settings, notice) = settings::load();
    if let Some(notice) = notice {
        say(&notice);
    }
    settings
}
