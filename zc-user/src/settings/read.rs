//! From the text of the file to settings, with the place of each problem.

use std::{ops::Range, path::Path, time::Duration};

use toml_edit::{Document, Item, Key, Table, Value};
use zc_model::filter::{self, nearest};
use zc_render::theme::{Graph, Look};
use zc_tui::{
    keymap::{ACTIONS, Chord, parse},
    page,
};

use super::{
    Settings,
    table::{Kind, SETTINGS, Setting},
};

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The line, from 1.
    pub(crate) line: usize,
    /// The character of the line, from 1.
    pub(crate) column: usize,
    /// What is wrong, and what to write instead.
    pub(crate) message: String,
}

impl Problem {
    /// A problem at the end of `before`, which is the beginning of the file.
    pub(super) fn after(before: &str, message: impl Into<String>) -> Self {
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
        }
    }

    /// As it is reported of this file.
    pub(crate) fn in_file(&self, path: &Path) -> String {
        let Self { line, column, message } = self;
        format!("{}:{line}:{column}: {message}", path.display())
    }
}

/// Reads settings. What is wrong is left out.
pub(crate) fn read(text: &str) -> (Settings, Vec<Problem>) {
    let mut reader = Reader { text, settings: Settings::default(), problems: Vec::new() };
    match Document::parse(text) {
        Ok(document) => reader.read(document.as_table()),
        Err(error) => {
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            reader.problem(error.span(), message);
        }
    }
    let Reader { settings, mut problems, .. } = reader;
    problems.sort_by_key(|problem| (problem.line, problem.column));
    (settings, problems)
}

struct Reader<'t> {
    text: &'t str,
    settings: Settings,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn problem(&mut self, at: Option<Range<usize>>, message: impl Into<String>) {
        let before = at.and_then(|at| self.text.get(..at.start)).unwrap_or_default();
        self.problems.push(Problem::after(before, message));
    }

    /// The entries of a table with their keys, which have places.
    fn entries(table: &Table) -> Vec<(&Key, &Item)> {
        table.iter().filter_map(|(name, _)| table.get_key_value(name)).collect()
    }

    fn read(&mut self, table: &Table) {
        for (key, item) in Self::entries(table) {
            match (key.get(), item) {
                ("keys", Item::Table(keys)) => self.keys(keys),
                ("filters", Item::Table(filters)) => self.filters(filters),
                ("columns", Item::Table(columns)) => self.columns(columns),
                (name @ ("keys" | "filters" | "columns"), _) => {
                    self.problem(key.span(), format!("'{name}' is a table: write [{name}]"));
                }
                (name, item) => match Setting::named(name) {
                    Some(setting) => self.setting(setting, item),
                    None => {
                        let known = SETTINGS.iter().map(|setting| setting.name);
                        let meant = nearest(name, known.chain(["keys", "filters", "columns"]));
                        self.problem(key.span(), format!("there is no setting '{name}'{meant}"));
                    }
                },
            }
        }
    }

    fn setting(&mut self, setting: &Setting, item: &Item) {
        let name = setting.name;
        match (&setting.kind, item.as_value()) {
            (Kind::OneOf(words), Some(Value::String(word))) => {
                let (word, words) = (word.value(), words());
                if words.contains(word) {
                    self.set(name, word);
                } else {
                    let meant = nearest(word, words.iter().map(String::as_str));
                    let known = words.join(", ");
                    let message =
                        format!("'{name}' cannot be '{word}'{meant} It is one of {known}");
                    self.problem(item.span(), message);
                }
            }
            (Kind::OneOf(words), _) => {
                let known = words().join("\", \"");
                self.problem(item.span(), format!("'{name}' is one of \"{known}\""));
            }
            (Kind::Percent(_), value) => {
                match value.and_then(number).filter(|share| (0.0..=100.0).contains(share)) {
                    Some(share) if name == "busy" => self.settings.limits.busy = share / 100.0,
                    Some(share) => self.settings.limits.bad = share / 100.0,
                    None => {
                        let message = format!("'{name}' is a number of percent between 0 and 100");
                        self.problem(item.span(), message);
                    }
                }
            }
            (Kind::Seconds, value) => {
                match value.and_then(number).filter(|seconds| (0.1..=86_400.0).contains(seconds)) {
                    Some(seconds) => {
                        self.settings.interval = Some(Duration::from_secs_f64(seconds));
                    }
                    None => self.problem(
                        item.span(),
                        format!("'{name}' is a number of seconds between 0.1 and 86400"),
                    ),
                }
            }
        }
    }

    /// Takes over a word that is one of those that the setting can be.
    fn set(&mut self, name: &str, word: &str) {
        let settings = &mut self.settings;
        match name {
            "theme" => settings.theme = one(Look::ALL, |look| look.id() == word),
            "graph" => settings.graph = one(Graph::ALL, |graph| graph.id() == word),
            "page" => word.clone_into(&mut settings.preferences.page),
            "group" => {
                let by = page::groups().find(|(name, _)| *name == word);
                settings.preferences.chosen.group = by.map(|(_, by)| by);
            }
            _ => {}
        }
    }

    fn columns(&mut self, table: &Table) {
        for (key, item) in Self::entries(table) {
            let name = key.get();
            let Some((_, _, known)) = page::TABLES.iter().find(|(table, ..)| *table == name) else {
                let meant = nearest(name, page::TABLES.iter().map(|(table, ..)| *table));
                self.problem(key.span(), format!("there is no table '{name}'{meant}"));
                continue;
            };
            let known = known();
            let Some(Value::Array(values)) = item.as_value() else {
                let message = format!("'{name}' is a list of columns, such as [\"{}\"]", known[0]);
                self.problem(item.span(), message);
                continue;
            };
            let mut chosen: Vec<String> = Vec::new();
            for value in values {
                match value.as_str() {
                    None => self.problem(value.span(), "the name of a column is a text"),
                    Some(id) if !known.contains(&id) => {
                        let meant = nearest(id, known.iter().copied());
                        let known = known.join(", ");
                        let message =
                            format!("'{name}' has no column '{id}'{meant} It has {known}");
                        self.problem(value.span(), message);
                    }
                    Some(id) if chosen.iter().any(|other| other == id) => {
                        self.problem(value.span(), format!("column '{id}' is named twice"));
                    }
                    Some(id) => chosen.push(id.to_owned()),
                }
            }
            if values.is_empty() {
                self.problem(item.span(), format!("'{name}' needs a column"));
            }
            if !chosen.is_empty() {
                self.settings.preferences.chosen.columns.push((name.to_owned(), chosen));
            }
        }
    }

    fn keys(&mut self, table: &Table) {
        let mut chosen: Vec<(Chord, &str, Vec<Chord>)> = Vec::new();
        for (key, item) in Self::entries(table) {
            let name = key.get();
            let Some((name, own, _)) = ACTIONS.iter().find(|(action, ..)| *action == name) else {
                let meant = nearest(name, ACTIONS.iter().map(|(action, ..)| *action));
                self.problem(key.span(), format!("there is no action '{name}'{meant}"));
                continue;
            };
            let values: Vec<&Value> = match item.as_value() {
                Some(Value::Array(keys)) => keys.iter().collect(),
                Some(value) => vec![value],
                None => Vec::new(),
            };
            let mut chords = Vec::new();
            for value in &values {
                let chord = value.as_str().map(parse);
                match chord.unwrap_or_else(|| Err("a key is a text, such as \"q\"".to_owned())) {
                    Ok(chord) => match chosen.iter().find(|(_, _, taken)| taken.contains(&chord)) {
                        Some((_, other, _)) => {
                            self.problem(value.span(), format!("'{other}' has this key already"));
                        }
                        None => chords.push(chord),
                    },
                    Err(message) => self.problem(value.span(), message),
                }
            }
            if values.is_empty() {
                self.problem(key.span(), format!("'{name}' needs a key, such as \"q\""));
            }
            if !chords.is_empty() {
                chosen.push((*own, name, chords));
            }
        }
        self.displaced(table, &chosen);
        for (own, _, chords) in chosen {
            self.settings.preferences.keys.set(own, chords);
        }
    }

    /// Keys that were those of actions that have no other.
    fn displaced(&mut self, table: &Table, chosen: &[(Chord, &str, Vec<Chord>)]) {
        for (_, name, chords) in chosen {
            let is_chosen = |own: &Chord| chosen.iter().any(|(other, ..)| other == own);
            let displaced = ACTIONS
                .iter()
                .find(|(other, own, _)| other != name && chords.contains(own) && !is_chosen(own));
            if let Some((other, own, _)) = displaced {
                let span = table.get_key_value(name).and_then(|(key, _)| key.span());
                let message =
                    format!("{own} is the key of '{other}': give '{other}' another one, too");
                self.problem(span, message);
            }
        }
    }

    fn filters(&mut self, table: &Table) {
        for (key, item) in Self::entries(table) {
            let name = key.get();
            if name.is_empty() || !name.chars().all(filter::is_name_part) {
                let message = format!(
                    "'{name}' cannot be written behind @: names have letters of English, digits, _ and -"
                );
                self.problem(key.span(), message);
                continue;
            }
            let Some(text) = item.as_str() else {
                self.problem(item.span().or(key.span()), format!("filter '{name}' is a text"));
                continue;
            };
            let place = |of: Range<usize>| {
                item.span().map(|span| {
                    // Of a text without escapes, the place within it.
                    let is_plain = self.text.get(span.start + 1..span.end - 1) == Some(text);
                    let start = span.start + if is_plain { 1 + of.start } else { 0 };
                    start..span.end
                })
            };
            if let Some(other) = filter::first_name(text) {
                let place = place(other);
                let message =
                    format!("filter '{name}' names another one: write here what that stands for");
                self.problem(place, message);
                continue;
            }
            match filter::parse(text) {
                Ok(_) => {
                    self.settings.preferences.filters.push((name.to_owned(), text.to_owned()));
                }
                Err(error) => {
                    let place = place(error.span.clone());
                    self.problem(place, format!("filter '{name}': {}", error.message));
                }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "out of bounds long before")]
fn number(value: &Value) -> Option<f64> {
    value.as_float().or(value.as_integer().map(|number| number as f64))
}

/// The first of `all` of which this is true; the usual one if there is none.
fn one<T: Copy + Default>(all: &[T], is: impl Fn(&T) -> bool) -> T {
    all.iter().copied().find(is).unwrap_or_default()
}
