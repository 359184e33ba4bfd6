//! The user's settings: one TOML file.
//!
//! THE table of settings is [`table::SETTINGS`]: the default text, the check and the schema read it. To add a setting, add
//! a row there, a field here, and a line in [`read`].

use std::{
    env,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use zc_render::theme::{Graph, Limits, Look};
use zc_tui::shell::Preferences;

mod read;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub(crate) use self::read::{Problem, read};

/// What the file says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// The colours.
    pub(crate) theme: Look,
    /// How curves are drawn.
    pub(crate) graph: Graph,
    /// What is much, and what is too much.
    pub(crate) limits: Limits,
    /// Time between updates of the dashboard.
    pub(crate) interval: Option<Duration>,
    /// What is the dashboard's alone.
    pub(crate) preferences: Preferences,
}

/// Far more than any settings.
const MOST_BYTES: u64 = 256 << 10;

/// Where the settings are: `$XDG_CONFIG_HOME/zc/config.toml`, which is usually `~/.config/zc/config.toml`.
pub(crate) fn path() -> Option<PathBuf> {
    let absolute =
        |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(base.join("zc/config.toml"))
}

/// Why there is no text.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The file cannot be read.
    Whole(String),
    /// It is no text, from this place on.
    At(Problem),
}

/// The text of a file of settings, with the user's own rights. `None` if there is no such file.
pub(crate) fn text(path: &Path) -> Result<Option<String>, Unread> {
    let bytes = match zc_privilege::files::read_at_once(path, MOST_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => {
            return Err(Unread::Whole(format!("cannot read '{}': {error}", path.display())));
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(&error.as_bytes()[..valid]);
            let problem =
                Problem::after(&before, "this is no text in UTF-8; save the file as that");
            Err(Unread::At(problem))
        }
    }
}

/// The filters with names. What is wrong with the settings is said elsewhere.
pub(crate) fn filters() -> Vec<(String, String)> {
    load().0.preferences.filters
}

/// The settings of the user, and what is wrong with them, in a line. What is wrong is as if it was not set.
pub(crate) fn load() -> (Settings, Option<String>) {
    let Some(path) = path() else { return (Settings::default(), None) };
    match text(&path) {
        Ok(Some(text)) => {
            let (settings, problems) = read(&text);
            let more = match problems.len() {
                0 | 1 => String::new(),
                count => format!(" ({} more; zc config check lists them)", count - 1),
            };
            let notice = problems.first().map(|first| format!("{}{more}", first.in_file(&path)));
            (settings, notice)
        }
        Ok(None) => (Settings::default(), None),
        Err(Unread::Whole(why)) => (Settings::default(), Some(why)),
        Err(Unread::At(problem)) => (Settings::default(), Some(problem.in_file(&path))),
    }
}
