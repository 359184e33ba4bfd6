//! The handout of a tour, as a file.

mod content;
mod wording;

use std::{io::Write as _, path::Path};

use anyhow::{Context as _, Result};

use crate::{
    cli::Usage,
    commands::{recorded::shown, say},
};
use zc_lab::{
    language::fill,
    tour::walk::{Conditions, Tour},
};
use zc_privilege::{as_user, files};
use zc_render::{human, theme::Theme};
use zc_report::{html, markdown, text};
use zc_session::stall::Stoppable;

/// Columns of a handout in text.
const COLUMNS: u16 = 100;

/// That a file can be made there, before a tour of half an hour.
///
/// # Errors
/// When there is no such directory.
pub(super) fn check(path: &Path) -> Result<(), Usage> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if path.file_name().is_none() || !as_user(|| directory.is_dir()) {
        return Err(Usage(format!(
            "cannot write the handout to '{}': there is no such directory; make it, or choose another file",
            shown(path)
        )));
    }
    Ok(())
}

/// Writes it, in the form that its name says.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(tour: &Tour, conditions: Option<&Conditions>, path: &Path) -> Result<()> {
    let report = content::report(tour, conditions);
    let mut bytes = Vec::new();
    let is = |any: &[&str]| {
        path.extension().is_some_and(|ending| any.iter().any(|it| ending.eq_ignore_ascii_case(it)))
    };
    let what = || format!("cannot write the handout to '{}'", shown(path));
    if is(&["md", "markdown"]) {
        markdown::write(&report, &mut bytes)
    } else if is(&["txt", "text"]) {
        let style = text::Style { theme: Theme::new(false, true), columns: COLUMNS };
        text::write(&report, style, &mut bytes)
    } else {
        html::write(&report, &mut bytes)
    }
    .with_context(what)?;
    files::replace(path, |file| Stoppable(file).write_all(&bytes)).with_context(what)?;
    let (size, path) = (human::bytes(bytes.len() as u64), shown(path));
    say(&fill(tour.words().handout_written, &[("size", &size), ("path", &path)]));
    Ok(())
}
