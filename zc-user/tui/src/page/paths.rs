//! The paths of the whole system.

use super::{
    Guide, Page,
    listing::{Listing, TablePage},
    users,
};
use crate::state::{Context, key::PathKey};
use zc_model::{
    column::{Column, PathRow, Paths, Unit},
    frame::Frame,
    snapshot::{PathSample, Provenance},
};
use zc_render::{cell, human};

/// The page: most copied first.
#[must_use]
pub fn page() -> TablePage<AllPaths> {
    TablePage::new(AllPaths)
}

/// Every path that was used.
pub struct AllPaths;

impl Listing for AllPaths {
    type Columns = Paths;
    type Item = PathSample;
    type Key = PathKey;

    const TABLE: &'static str = "paths";

    fn title(&self) -> &'static str {
        "Paths"
    }

    fn about(&self) -> &'static str {
        "paths of the whole system"
    }

    fn order(&self) -> &'static Column<Paths> {
        Paths::COPIED_BYTES_PER_SEC
    }

    fn items(&self, _context: &Context, frame: &Frame) -> Vec<PathSample> {
        frame.totals.paths.clone()
    }

    fn key(item: &PathSample) -> PathKey {
        PathKey::of(item)
    }

    fn row(item: &PathSample) -> PathRow<'_> {
        PathRow::One(item)
    }

    fn empty(&self, _context: &Context) -> &'static str {
        "no data moved in this interval"
    }

    fn noun(&self) -> Option<[&'static str; 2]> {
        Some(["path", "paths"])
    }

    fn remark(&self, context: &Context) -> Option<String> {
        context.follows_some().then(|| "of followed processes".to_owned())
    }

    const HAS_NOTE: bool = true;

    fn note(&self, item: Option<&PathSample>, context: &Context) -> String {
        let Some((item, frame)) = item.zip(context.frame()) else { return String::new() };
        let mut note = item.path.help().to_owned();
        if item.path.is_known_and(|path| path.is_mapped()) {
            note.push_str(" No call moves such pages: they are in no sum of moved bytes.");
        }
        if let Some(share) = share(item, frame) {
            note.push_str(&format!(" {share} of all copied bytes."));
        }
        note
    }

    const OPENS: Option<&'static str> = Some("its processes");

    fn opened(&self) -> Vec<Guide> {
        users::of_path_guides()
    }

    fn open(&self, item: &PathSample, _frame: &Frame) -> Option<Box<dyn Page>> {
        Some(Box::new(TablePage::new(users::OfPath(PathKey::of(item)))))
    }
}

/// Its part of what all paths copied, where that is known.
#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
fn share(item: &PathSample, frame: &Frame) -> Option<String> {
    let all = frame.copied(&frame.totals.paths);
    let is_known = item.provenance != Provenance::Unavailable && !all.is_unavailable();
    (is_known && all.bytes > 0 && item.copied_bytes > 0)
        .then(|| human::percent(item.copied_bytes as f64 / all.bytes as f64))
}

/// What a path is called where there is no column for the kind of socket.
#[must_use]
pub fn name(key: PathKey) -> String {
    let socket = key.socket.map_or_else(String::new, |socket| format!(" {}", socket.id()));
    format!("{}{socket}", key.path.id())
}

/// The bytes that it copied per second, as the rows have them.
#[must_use]
pub fn copied(item: &PathSample, frame: &Frame) -> String {
    let column = Paths::COPIED_BYTES_PER_SEC;
    cell::full(&column.of(PathRow::One(item), frame), Unit::BytesPerSec)
}
