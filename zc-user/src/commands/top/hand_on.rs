//! What the dashboard hands on: three files in the working directory, and the command line that shows it again.

use std::{
    ffi::OsString,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use zc_model::{
    column::{Processes, Table as _, View},
    sort::Listing,
};
use zc_privilege::{caller::as_caller, files};
use zc_recording::{Memory, Recording};
use zc_render::{human, json, table};
use zc_report::{Report, Source, html};
use zc_session::stall::Stoppable;
use zc_tui::hand_on::{HandOn, Seen};

use super::super::{
    recorded::{self, shown},
    words,
};

/// Where the whole stretch of time is, of which a moment is shown.
#[derive(Clone)]
pub(super) enum Kept {
    /// The last minutes.
    Memory(Memory),
    /// A recording, in this file.
    File(PathBuf),
}

impl Kept {
    /// All of it. `None` if there is nothing yet.
    pub(super) fn recording(&self) -> Result<Option<Recording>> {
        match self {
            Self::Memory(memory) => memory.recording(),
            Self::File(path) => recorded::open(path).map(Some),
        }
    }
}

/// Keeps what is on the screen.
pub(super) struct Keeper {
    kept: Kept,
    /// The command line of the dashboard, without its filter and its order.
    command: Vec<OsString>,
}

/// Options whose values are replaced by what is on the screen. Control groups are also what the run follows.
const REPLACED: &[&str] = &["--filter", "--sort", "--path"];
/// One that is, unless a name is no text.
const NAMES: &str = "--comm";

impl Keeper {
    /// Of a dashboard that was started by this command line.
    pub(super) fn new(kept: Kept, command: impl Iterator<Item = OsString>) -> Self {
        Self { kept, command: without(command, REPLACED) }
    }

    fn write_text(&self, seen: &Seen<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}\n\n{}\n", self.command(seen), seen.screen.trim_end())?;
        let at = human::date_time(seen.frame.taken_at_ns);
        let seconds = human::duration(seen.frame.elapsed_ns);
        writeln!(out, "The {seconds} until {at}, {}:\n", what(seen))?;
        let frame = seen.frame.clone().select(seen.selection);
        let columns: Vec<_> = Processes::of_view(View::Once).collect();
        table::write_once(&frame, &Listing::everything(), &columns, out)
    }

    /// Of all that is kept: a moment does not say what changed.
    fn write_page(&self, seen: &Seen<'_>, out: &mut dyn Write) -> Result<()> {
        let recording = self.kept.recording()?.context("nothing has been counted yet")?;
        let last = recording.len().saturating_sub(1);
        let command = self.command(seen);
        let source = Source {
            recording: &recording,
            stretch: (0, last),
            filter: seen.selection,
            selected: (!seen.selection.is_everything()).then_some(seen.typed),
            title: None,
            name: "the dashboard",
            command: &command,
            unreadable: &[],
        };
        let report = Report::of(&source)?.context("nothing has been counted yet")?;
        Ok(html::write(&report, out)?)
    }
}

fn what(seen: &Seen<'_>) -> String {
    if seen.selection.is_everything() {
        return "all processes".to_owned();
    }
    let words = if seen.typed.is_empty() { seen.selection.in_words() } else { None };
    format!(
        "those of: {}",
        zc_render::sanitize::sanitize(&words.unwrap_or_else(|| seen.typed.to_owned()))
    )
}

impl HandOn for Keeper {
    fn save(&mut self, seen: &Seen<'_>) -> Result<String> {
        let stem = free_name(&name(seen))?;
        let mut parts: Vec<(&str, Vec<u8>)> = Vec::new();
        let mut text = Vec::new();
        self.write_text(seen, &mut text)?;
        parts.push(("txt", text));
        let mut document = Vec::new();
        let frame = seen.frame.clone().select(seen.selection);
        json::write_document(&frame, &Listing::everything(), &mut document)?;
        parts.push(("json", document));
        let mut page = Vec::new();
        self.write_page(seen, &mut page)?;
        parts.push(("html", page));
        for (ending, bytes) in &parts {
            let path = stem.with_extension(ending);
            let write = || files::replace(&path, |file| Stoppable(file).write_all(bytes));
            as_caller(write).with_context(|| format!("cannot write '{}'", shown(&path)))?;
        }
        Ok(format!("saved as {}.txt, .json and .html", shown(&stem)))
    }

    fn command(&self, seen: &Seen<'_>) -> String {
        let mut command = self.command.clone();
        if seen.selection.comms.is_empty() {
            command = without(command.into_iter(), &[NAMES]);
        }
        if !seen.typed.trim().is_empty() {
            command.extend(["--filter".into(), seen.typed.trim().into()]);
        }
        if let Some((column, descending)) = seen.order {
            let sign = if descending { "" } else { "+" };
            command.extend(["--sort".into(), format!("{sign}{column}").into()]);
        }
        words::command(command.into_iter())
    }
}

/// What the files are called: the machine, and when it was.
fn name(seen: &Seen<'_>) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let host: String = seen.frame.host.name.chars().filter(|c| is_plain(*c)).take(32).collect();
    let at = human::date_time(seen.frame.taken_at_ns);
    let digits: String = at.chars().filter(char::is_ascii_digit).collect();
    let (day, time) = digits.split_at(digits.len().min(8));
    format!("zc-{host}-{day}-{time}")
}

/// The first of these names that no file has.
fn free_name(name: &str) -> Result<PathBuf> {
    let names = std::iter::once(name.to_owned()).chain((2..100).map(|n| format!("{name}-{n}")));
    for name in names {
        let is_free = |ending: &&str| {
            let path = Path::new(&name).with_extension(ending);
            zc_privilege::as_user(|| path.symlink_metadata()).is_err()
        };
        if ["txt", "json", "html"].iter().all(is_free) {
            return Ok(PathBuf::from(name));
        }
    }
    bail!("cannot save: there are a hundred files called {name} here");
}

/// The words without these options and their values.
fn without(words: impl Iterator<Item = OsString>, options: &[&str]) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut words = words;
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        if options.contains(&&*text) {
            words.next();
        } else if !options
            .iter()
            .any(|it| text.strip_prefix(it).is_some_and(|rest| rest.starts_with('=')))
        {
            kept.push(word);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_the_screen_replaces_are_left_out() {
        let words = ["top", "--filter", "nginx", "-i", "2", "--sort=pid", "-p", "7"];
        let kept = without(words.iter().map(OsString::from), REPLACED);
        assert_eq!(kept, ["top", "-i", "2", "-p", "7"]);
    }
}
