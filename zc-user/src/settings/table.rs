//! The table of settings: their names, what they can be, and what they are unless they are set.

use std::{fmt::Write as _, time::Duration};

use crate::commands::lab_page::{self, Shows};
use serde_json::{Map, Value, json};
use zc_model::{column::Processes, filter::Filter, sort::Direction};
use zc_render::theme::{Graph, Look, Theme};
use zc_tui::{
    keymap::ACTIONS,
    page,
    shell::{Shell, dashboard},
    state::checks::Checks,
};

/// A setting.
pub(crate) struct Setting {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it can be.
    pub(crate) kind: Kind,
    /// What it does.
    help: &'static str,
}

/// What a setting can be.
pub(crate) enum Kind {
    /// One of some words; the first unless it is set.
    OneOf(fn() -> Vec<String>),
    /// A number of seconds; one unless it is set.
    Seconds,
    /// A share in percent; this one unless it is set.
    Percent(u8),
}

/// All settings outside of tables.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        name: "theme",
        kind: Kind::OneOf(|| ids(Look::ALL, |look| look.id())),
        help: "Colours of the dashboard: auto asks the terminal whether its background is light (COLORFGBG)",
    },
    Setting {
        name: "graph",
        kind: Kind::OneOf(|| ids(Graph::ALL, |graph| graph.id())),
        help: "Signs of curves, where the terminal has Unicode",
    },
    Setting {
        name: "page",
        kind: Kind::OneOf(pages),
        help: "The page that the dashboard shows first",
    },
    Setting {
        name: "group",
        kind: Kind::OneOf(|| page::groups().map(|(name, _)| name.to_owned()).collect()),
        help: "How the first page groups processes at first; --group-by says otherwise",
    },
    Setting {
        name: "interval",
        kind: Kind::Seconds,
        help: "Time between updates of the dashboard, in seconds: 0.1 to 86400",
    },
    Setting {
        name: "busy",
        kind: Kind::Percent(10),
        help: "From this share on, in percent, what is copied is bold: of all that is copied, and the copy tax",
    },
    Setting {
        name: "bad",
        kind: Kind::Percent(50),
        help: "Above this share, in percent, it has the colour of what is wrong, and is underlined without colours",
    },
];

fn ids<T>(all: &[T], id: impl Fn(&T) -> &'static str) -> Vec<String> {
    all.iter().map(|one| id(one).to_owned()).collect()
}

/// The pages of the dashboard.
fn pages() -> Vec<String> {
    shell().pages().map(str::to_lowercase).collect()
}

/// The dashboard without anything to show, for what is read from its tables.
pub(crate) fn shell() -> Shell<'static> {
    let sort = (Processes::COPIED_BYTES_PER_SEC, Direction::Descending);
    let interval = Duration::from_secs(1);
    let theme = Theme::new(false, false);
    let lab = lab_page::page(Shows::Recording);
    let (filter, checks) = (Filter::default(), Checks::default());
    dashboard(theme, interval, filter, sort, None, checks, lab)
}

impl Kind {
    /// What it is unless it is set.
    fn default(&self) -> Value {
        match self {
            Self::OneOf(words) => words().into_iter().next().into(),
            Self::Seconds => 1.0.into(),
            Self::Percent(usual) => (*usual).into(),
        }
    }
}

impl Setting {
    /// The setting of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }
}

/// The file with all settings as they are unless they are set.
pub(crate) fn default_text() -> String {
    let mut text = String::from(
        "# Settings of zc. What a line that begins with # sets is so anyway; remove the # to change it.\n\
         # The command line goes before this file. zc config check says whether all is right.\n",
    );
    for Setting { name, kind, help } in SETTINGS {
        let _ = write!(text, "\n# {help}");
        if let Kind::OneOf(words) = kind {
            let _ = write!(text, ": {}", words().join(", "));
        }
        // Words and numbers are written in TOML as in JSON.
        let _ = write!(text, "\n# {name} = {}\n", kind.default());
    }
    text.push_str(
        "\n# Other keys for what the dashboard does: a key, or several. The usual key does nothing then.\n\
         # Keys are written as q, Q, F10, PgUp, Space, Ctrl-X, Alt-x.\n[keys]\n",
    );
    for (name, own, help) in ACTIONS {
        let _ = writeln!(text, "# {name} = \"{own}\"  # {help}");
    }
    text.push_str(&columns_text());
    text.push_str(
        "\n# Filters with names: /, then @, the beginning of the name and Tab put one into the line; Up goes through them.\n\
         [filters]\n# web = \"nginx or haproxy\"\n# busy = \"copied > 100 MiB/s\"\n",
    );
    text
}

fn columns_text() -> String {
    let mut text = String::from(
        "\n# Columns of tables, in order; those named last give way first where there is little room.\n[columns]\n",
    );
    for (name, what, columns) in page::TABLES {
        // Names are written in TOML as in JSON.
        let _ = writeln!(text, "# {name} = {}  # {what}", json!(columns()));
    }
    text
}

fn columns_schema() -> Value {
    let mut tables = Map::new();
    for (name, what, columns) in page::TABLES {
        let table = json!({
            "description": what,
            "type": "array",
            "items": { "type": "string", "enum": columns() },
            "minItems": 1,
            "uniqueItems": true,
        });
        tables.insert((*name).to_owned(), table);
    }
    json!({
        "description": "Columns of tables, in order",
        "type": "object",
        "properties": tables,
        "additionalProperties": false,
    })
}

/// The JSON schema of the file.
pub(crate) fn schema() -> Value {
    let mut properties = Map::new();
    for Setting { name, kind, help } in SETTINGS {
        let mut property = match kind {
            Kind::OneOf(words) => json!({ "type": "string", "enum": words() }),
            Kind::Seconds => json!({ "type": "number", "minimum": 0.1, "maximum": 86_400 }),
            Kind::Percent(_) => json!({ "type": "number", "minimum": 0, "maximum": 100 }),
        };
        property["description"] = (*help).into();
        property["default"] = kind.default();
        properties.insert((*name).to_owned(), property);
    }
    let mut keys = Map::new();
    for (name, own, help) in ACTIONS {
        let key = json!({ "type": "string", "minLength": 1 });
        let keys_of = json!({
            "description": help,
            "default": own.to_string(),
            "anyOf": [key, { "type": "array", "items": key, "minItems": 1 }],
        });
        keys.insert((*name).to_owned(), keys_of);
    }
    properties.insert(
        "keys".to_owned(),
        json!({
            "description": "Other keys for what the dashboard does",
            "type": "object",
            "properties": keys,
            "additionalProperties": false,
        }),
    );
    properties.insert("columns".to_owned(), columns_schema());
    properties.insert(
        "filters".to_owned(),
        json!({
            "description": "Filters with names",
            "type": "object",
            "additionalProperties": { "type": "string", "minLength": 1 },
        }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of zc",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}
