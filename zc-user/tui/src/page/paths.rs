//! The paths of the whole system, and the table of paths of one process.

use super::tabular::{Field, Table, TablePage};
use crate::state::{key::PathKey, order::Order};
use zc_model::{
    column::{Unit, why_copies_are_unavailable},
    frame::Frame,
    snapshot::{PathSample, Provenance},
    value::{Quality, Value},
};
use zc_render::theme::Theme;

/// The page: most copied first.
#[must_use]
pub fn page() -> TablePage<PathSample, PathKey> {
    TablePage::new(&TABLE)
}

static TABLE: Table<PathSample, PathKey> = Table {
    title: "Paths",
    about: "paths of the whole system",
    fields: FIELDS,
    order: Order { column: 1, descending: true },
    items: |frame| &frame.totals.paths,
    key: PathKey::of,
    empty: "no data moved in this interval",
};

/// The columns of a table of paths.
pub static FIELDS: &[Field<PathSample>] = &[
    Field {
        title: "PATH",
        help: "What happened to the bytes; the same word filters and exports use.",
        unit: Unit::Text,
        width: 20,
        marks: false,
        stretch: 24,
        priority: 0,
        value: |sample, _| Value::Text(sample.path.id().into()),
        style: Theme::text,
    },
    Field {
        title: "COPIED/s",
        help: "Bytes copied by the CPU per second.",
        unit: Unit::BytesPerSec,
        width: 10,
        marks: true,
        stretch: 0,
        priority: 1,
        value: |sample, frame| match sample.provenance {
            Provenance::Unavailable => Value::Unavailable(why_copies_are_unavailable(frame)),
            provenance => {
                rate(sample.copied_bytes, frame, Quality { provenance, lower_bound: false })
            }
        },
        style: Theme::copied,
    },
    Field {
        title: "MOVED/s",
        help: "Bytes moved per second: what the calls returned.",
        unit: Unit::BytesPerSec,
        width: 10,
        marks: false,
        stretch: 0,
        priority: 2,
        value: |sample, frame| rate(sample.moved_bytes, frame, Quality::MEASURED),
        style: Theme::text,
    },
    Field {
        title: "OPS/s",
        help: "Calls that succeeded, per second.",
        unit: Unit::PerSec,
        width: 7,
        marks: false,
        stretch: 0,
        priority: 3,
        value: |sample, frame| rate(sample.ops, frame, Quality::MEASURED),
        style: Theme::text,
    },
    Field {
        title: "ERR/s",
        help: "Calls that failed, EAGAIN included, per second.",
        unit: Unit::PerSec,
        width: 7,
        marks: false,
        stretch: 0,
        priority: 5,
        value: |sample, frame| rate(sample.errors, frame, Quality::MEASURED),
        style: Theme::notice,
    },
    Field {
        title: "COPIES",
        help: "measured, assumed (no zero-copy evidence), modelled (no hook here) or unavailable.",
        unit: Unit::Text,
        width: 11,
        marks: false,
        stretch: 0,
        priority: 4,
        value: |sample, _| Value::Text(sample.provenance.id().into()),
        style: Theme::text,
    },
    Field {
        title: "SOCKET",
        help: "On the socket paths: the kind of socket.",
        unit: Unit::Text,
        width: 6,
        marks: false,
        stretch: 0,
        priority: 6,
        value: |sample, _| {
            sample.socket.map_or(Value::Absent, |socket| Value::Text(socket.id().into()))
        },
        style: Theme::text,
    },
    Field {
        title: "WHAT IT IS",
        help: "The path in one sentence.",
        unit: Unit::Text,
        width: 20,
        marks: false,
        stretch: 100,
        priority: 7,
        value: |sample, _| Value::Text(sample.path.help().into()),
        style: Theme::dim,
    },
];

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn rate<'a>(count: u64, frame: &Frame, quality: Quality) -> Value<'a> {
    if frame.elapsed_ns == 0 {
        Value::Absent
    } else {
        Value::Real(count as f64 / frame.seconds(), quality)
    }
}
