//! The paths of the whole system.

use super::tabular::{Table, TablePage};
use crate::state::key::PathKey;
use zc_model::{
    column::{PathRow, Paths},
    snapshot::PathSample,
};

/// The page: most copied first.
#[must_use]
pub fn page() -> TablePage<Paths, PathSample, PathKey> {
    TablePage::new(&TABLE)
}

static TABLE: Table<Paths, PathSample, PathKey> = Table {
    title: "Paths",
    about: "paths of the whole system",
    order: Paths::COPIED_BYTES_PER_SEC,
    items: |frame| &frame.totals.paths,
    row: |sample| PathRow::One(sample),
    key: PathKey::of,
    whose: "of followed processes",
    remark: |_| None,
    empty: "no data moved in this interval",
};
