//! The names that can be compared: ids of columns and paths, headings as they are on the screen, and short names.

use std::iter;

use zc_common::path::CopyPath;

use super::Operand;
use crate::column::{Column, Kind, Processes, Table as _, Unit, View};

/// What people call the column `amplification`.
pub(crate) const COPIES_PER_BYTE: &str = "copies_per_byte";

/// Names that are neither an id nor a heading.
const SHORT: &[(&str, Operand)] = &[
    ("name", Operand::Column(Processes::COMM)),
    ("by reference", Operand::Column(Processes::ZERO_COPIED_BYTES)),
    ("copies per byte", Operand::Column(Processes::AMPLIFICATION)),
    ("calls", Operand::Column(Processes::SYSCALLS)),
    ("calls/s", Operand::Column(Processes::SYSCALLS_PER_SEC)),
    ("parent", Operand::Column(Processes::PPID)),
    ("tax", Operand::Column(Processes::COPY_TAX)),
    ("user", Operand::User),
    ("path", Operand::AnyPath),
];

/// The most words of a name: those that no operator follows are names of processes.
pub(super) const MOST_WORDS: usize = 4;

/// The column with this id, of sums or of processes.
fn column(name: &str) -> Option<&'static Column> {
    if name == COPIES_PER_BYTE { Some(Processes::AMPLIFICATION) } else { Column::from_id(name) }
}

/// What a name stands for in a filter. A filter selects processes, which are in groups afterwards: it has no column of
/// groups.
pub(super) fn operand(name: &str) -> Option<Operand> {
    if name == "path" {
        return Some(Operand::AnyPath);
    }
    if let Some(column) = column(name) {
        return (*column != *Processes::GROUP).then_some(Operand::Column(column));
    }
    if let Some(path) = CopyPath::from_id(name) {
        return Some(Operand::Moved(path));
    }
    let name = plain(name);
    if let Some((_, operand)) = SHORT.iter().find(|(short, _)| *short == name) {
        return Some(*operand);
    }
    let columns =
        || Processes::COLUMNS.iter().copied().filter(|column| **column != *Processes::GROUP);
    // Two headings are alike only where neither is on the screen.
    let on_screen = columns().filter(|column| column.is_in(View::Dashboard));
    let titled = on_screen.chain(columns()).find(|column| plain(column.title) == name);
    titled
        .or_else(|| columns().find(|column| plain(column.id) == name))
        .map(Operand::Column)
        .or_else(|| {
            CopyPath::ALL.iter().find(|path| plain(path.id()) == name).copied().map(Operand::Moved)
        })
}

/// As people may write it: in any case, with blanks, hyphens or underscores between words.
fn plain(name: &str) -> String {
    let name = name.to_lowercase().replace(['_', '-'], " ");
    name.split_whitespace().collect::<Vec<_>>().join(" ").replace(" per sec", "/s")
}

/// All names, those that people write first: short ones, headings of the screen, ids of columns and of paths.
pub fn names() -> impl Iterator<Item = String> {
    let titles = Processes::of_view(View::Dashboard).map(|column| plain(column.title));
    let ids = Processes::COLUMNS.iter().map(|column| column.id);
    let ids = ids.filter(|id| *id != Processes::GROUP.id);
    let paths = CopyPath::ALL.iter().map(|path| path.id());
    titles
        .filter(|title| !title.is_empty())
        .chain(SHORT.iter().map(|(short, _)| (*short).to_owned()))
        .chain(ids.chain(iter::once(COPIES_PER_BYTE)).chain(paths).map(str::to_owned))
}

/// What an expectation compares: a number that the sums over processes have.
pub(super) fn sum(name: &str) -> Result<Operand, (String, String)> {
    if name == "losses" {
        return Ok(Operand::Losses);
    }
    if let Some(rest) = name.strip_prefix("path.") {
        let (id, of) = rest.split_once('.').map_or((rest, "moved"), |(id, of)| (id, of));
        let path = CopyPath::from_id(id).ok_or_else(|| unknown_path(id))?;
        return match of {
            "moved" => Ok(Operand::Moved(path)),
            "copied" => Ok(Operand::Copied(path)),
            _ => {
                let message =
                    format!("a path has no '{}': write path.{id} or path.{id}.copied", brief(of));
                Err((message, String::new()))
            }
        };
    }
    if let Some(path) = CopyPath::from_id(name) {
        return Ok(Operand::Moved(path));
    }
    if name.starts_with("relay") {
        let message = format!(
            "'{name}' is evidence for advice, and may be more or less than what was passed on: expect the bytes of \
             a path"
        );
        return Err((message, String::new()));
    }
    match column(name) {
        Some(column) if is_summed(column) => Ok(Operand::Column(column)),
        Some(_) => {
            let message = format!(
                "'{name}' tells processes apart, and an expectation is about their sums: choose processes \
                 with -p, --comm, --cgroup or --filter"
            );
            Err((message, String::new()))
        }
        None => {
            let columns = Processes::COLUMNS.iter().filter(|column| is_summed(column));
            let names: Vec<_> =
                columns.map(|column| column.id).chain([COPIES_PER_BYTE, "losses"]).collect();
            let meant = nearest(name, names.iter().copied());
            let known = format!(
                "Figures: {}; path.file_read for the bytes moved on a path, path.file_read.copied for those \
                 that the CPU copied",
                names.join(", ")
            );
            Err((format!("there is no figure '{}'{meant}", brief(name)), known))
        }
    }
}

fn is_summed(column: &Column) -> bool {
    // Of groups only.
    let is_of_groups = *column == *Processes::MEMBERS;
    matches!(column.kind, Kind::Counter | Kind::Gauge)
        && !is_of_groups
        && !column.id.starts_with("relay")
}

/// The ids of all paths.
pub fn paths() -> impl Iterator<Item = &'static str> {
    CopyPath::ALL.iter().map(|path| path.id())
}

/// Whether a text is compared, not a number.
pub(super) const fn is_textual(operand: Operand) -> bool {
    match operand {
        Operand::AnyPath | Operand::User => true,
        Operand::Moved(_) | Operand::Copied(_) | Operand::Losses => false,
        Operand::Column(column) => matches!(column.unit, Unit::Text),
    }
}

/// What is wrong with a name, and the names that there are.
pub(super) fn unknown_name(name: &str) -> (String, String) {
    let ids = Processes::COLUMNS.iter().map(|column| column.id);
    let known: Vec<_> = ids.chain(["path"]).collect();
    let paths = CopyPath::ALL.iter().map(|path| path.id());
    let shorts = SHORT.iter().map(|(short, _)| *short);
    let candidates = known.iter().copied().chain(paths).chain(shorts);
    let meant = nearest(&name.to_lowercase().replace(' ', "_"), candidates);
    (
        format!("there is no column '{}'{meant}", brief(name)),
        format!(
            "Columns: {}. The id of a path (such as file_read) stands for the bytes moved on it",
            known.join(", ")
        ),
    )
}

pub(super) fn unknown_path(name: &str) -> (String, String) {
    let ids: Vec<_> = CopyPath::ALL.iter().map(|path| path.id()).collect();
    let meant = nearest(name, ids.iter().copied());
    (format!("there is no path '{}'{meant}", brief(name)), format!("Paths: {}", ids.join(", ")))
}

/// The beginning of a word that may be long, for a message.
pub(super) fn brief(word: &str) -> String {
    const SHOWN: usize = 60;
    let shown: String = word.chars().take(SHOWN).collect();
    if shown.len() < word.len() { format!("{shown}...") } else { shown }
}

/// The end of the sentence: `; did you mean 'x'?`, if a name is close enough.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> String {
    /// Far longer than any name: the comparison takes time and memory for each pair of characters.
    const LONGEST: usize = 64;
    if name.len() > LONGEST {
        return ".".to_owned();
    }
    let name = name.to_lowercase();
    names
        .map(|candidate| (strsim::normalized_damerau_levenshtein(&name, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or_else(|| ".".to_owned(), |(_, candidate)| format!("; did you mean '{candidate}'?"))
}
