//! What the user has chosen of the pages: columns, and how processes are grouped at first.

use super::{tabular, who};
use zc_model::{
    column::{
        Paths,
        object::{Flows, Objects},
        stack::{Copiers, Stacks},
    },
    group::GroupBy,
};

/// What the user has chosen.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// How processes are grouped at first; `Some(None)`: not at all.
    pub group: Option<Option<GroupBy>>,
    /// The columns of tables, in order: the name of the table, and the names of columns.
    pub columns: Vec<(String, Vec<String>)>,
}

impl Chosen {
    /// The columns of this table, if they were chosen: their places among `known`.
    pub(super) fn places(&self, table: &str, known: &[&str]) -> Option<Vec<usize>> {
        let (_, names) = self.columns.iter().find(|(name, _)| name == table)?;
        let place = |name: &String| known.iter().position(|id| id == name);
        let places: Vec<usize> = names.iter().filter_map(place).collect();
        (!places.is_empty()).then_some(places)
    }
}

/// The names of the columns of a table.
type Names = fn() -> Vec<&'static str>;

/// Tables whose columns can be chosen, with what they are.
pub const TABLES: &[(&str, &str, Names)] = &[
    ("who", "page 1", who::column_names),
    ("paths", "page 2", tabular::names::<Paths>),
    ("files", "page 3, files and peers", tabular::names::<Objects>),
    ("flows", "page 3, flows", tabular::names::<Flows>),
    ("code", "page 5, stacks", tabular::names::<Stacks>),
    ("copiers", "page 5, copies that programs make themselves", tabular::names::<Copiers>),
];

/// The ways to group processes, in the order of the key that goes through them.
pub fn groups() -> impl Iterator<Item = (&'static str, Option<GroupBy>)> {
    who::GROUPINGS.iter().map(|by| (by.map_or("process", GroupBy::id), *by))
}
