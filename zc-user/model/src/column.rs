//! THE column tables: every number and name that can be shown, sorted by, filtered on or exported.
//!
//! Each table describes one kind of row: [`process::Processes`], [`path::Paths`],
//! [`device::Devices`], those of files ([`object`]), of code ([`stack`]) and of who uses what
//! ([`user`]); the lab has one for its findings. Every output reads these tables. To add a
//! column, add an entry to one of them.

use crate::value::Value;

pub mod device;
pub mod object;
pub mod path;
pub mod process;
pub mod stack;
pub mod user;

pub use self::{
    device::Devices,
    path::{PathRow, Paths},
    process::{Processes, state, why_copies_are_unavailable},
};

/// A kind of row, with the columns that can be read from it.
pub trait Table: Sized + 'static {
    /// A row.
    type Row<'a>: Copy;
    /// What a row is read in: the frame that it is part of.
    type Context: 'static;
    /// What this table knows of its columns and others do not.
    type Extra: Copy + 'static;

    /// Extra knowledge of a column that does not say otherwise.
    const PLAIN: Self::Extra;
    /// Every column, in the order of every output.
    const COLUMNS: &'static [&'static Column<Self>];

    /// The columns of a view, in order.
    fn of_view(view: View) -> impl Iterator<Item = &'static Column<Self>> {
        Self::COLUMNS.iter().copied().filter(move |column| column.is_in(view))
    }

    /// The ids of all columns, for messages.
    #[must_use]
    fn ids() -> String {
        let ids: Vec<_> = Self::COLUMNS.iter().map(|column| column.id).collect();
        ids.join(", ")
    }
}

/// What a column's numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSec,
    /// Things per second.
    PerSec,
    /// How many times.
    Ratio,
    /// A part of a whole, from 0 to 1.
    Fraction,
    /// Nanoseconds.
    Nanoseconds,
    /// A number that is a name: shown as it is, without separators.
    Number,
    /// A name.
    Text,
}

impl Unit {
    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Bytes => "bytes",
            Self::BytesPerSec => "bytes_per_sec",
            Self::PerSec => "per_sec",
            Self::Ratio => "ratio",
            Self::Fraction => "fraction",
            Self::Nanoseconds => "ns",
            Self::Number => "number",
            Self::Text => "text",
        }
    }

    /// Whether cells are best aligned to the right.
    #[must_use]
    pub const fn is_numeric(self) -> bool {
        !matches!(self, Self::Text)
    }
}

/// How a column behaves over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; a frame holds what was added during its interval.
    Counter,
    /// Goes up and down: rates and ratios.
    Gauge,
    /// Identifies the row, or describes it in a word.
    Label,
    /// Explains the row in a sentence, which exports leave out unless it is requested.
    Note,
}

impl Kind {
    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Label => "label",
            Self::Note => "note",
        }
    }
}

/// Where a column is shown unless the user chooses columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// A page of the dashboard: the columns with a [`Screen`].
    Dashboard,
    /// `zc top --once`.
    Once,
    /// The report of `zc stat`.
    Report,
    /// The report's table of what was mapped for devices.
    Mappings,
    /// The JSON document, as a member of the row's object.
    Json,
    /// The same, but only where there is something to tell: neither absent nor 0.
    JsonIfAny,
    /// CSV with a row per path: the columns that identify the process.
    PerPath,
    /// `zc top --once` of groups.
    GroupOnce,
    /// The report of `zc stat` on groups.
    GroupReport,
    /// CSV with a row per path of groups: the columns that identify the group.
    GroupPerPath,
    /// The lab's figures.
    Figures,
}

/// How a column lies on a page of the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Columns with a greater number are dropped first when there is little room.
    pub priority: u8,
    /// Cells it needs.
    pub width: u16,
    /// Cells it makes use of.
    pub most: u16,
    /// The look of its cells.
    pub tone: Tone,
}

/// The look of a cell, by meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    Text,
    /// What the row is recognised by.
    Strong,
    /// Bytes copied by the CPU.
    Copied,
    /// Bytes that moved by reference.
    Reference,
    /// Bytes that a device moved.
    Dma,
    /// Something to look at.
    Notice,
    /// Background.
    Dim,
}

/// Which part of a long text stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// All of it.
    Never,
    /// This many characters of its beginning.
    Start(usize),
    /// This many characters of its end, which says more.
    End(usize),
}

/// A column: defined once, read by every output.
pub struct Column<T: Table = Processes> {
    /// The stable snake_case id: the same word in JSON, CSV, filters, `--sort` and docs.
    pub id: &'static str,
    /// The heading.
    pub title: &'static str,
    /// What it says, in one sentence.
    pub help: &'static str,
    /// What its numbers count.
    pub unit: Unit,
    /// How it behaves over time.
    pub kind: Kind,
    /// How it lies on the dashboard, if it is there.
    pub screen: Option<Screen>,
    /// Its numbers carry a mark where copies are not measured.
    pub marks: bool,
    /// What stays of a long text in tables of text.
    pub cut: Cut,
    /// What only its table knows of it.
    pub extra: T::Extra,
    views: &'static [View],
    read: for<'a> fn(T::Row<'a>, &'a T::Context) -> Value<'a>,
}

impl<T: Table> std::fmt::Debug for Column<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Column").field("id", &self.id).finish_non_exhaustive()
    }
}

impl<T: Table> PartialEq for Column<T> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl<T: Table> Column<T> {
    /// A column that no view shows by itself.
    #[must_use]
    pub const fn new(
        id: &'static str,
        title: &'static str,
        unit: Unit,
        kind: Kind,
        help: &'static str,
        read: for<'a> fn(T::Row<'a>, &'a T::Context) -> Value<'a>,
    ) -> Self {
        Self {
            id,
            title,
            help,
            unit,
            kind,
            screen: None,
            marks: false,
            cut: Cut::Never,
            extra: T::PLAIN,
            views: &[],
            read,
        }
    }

    /// Shows it in these views.
    #[must_use]
    pub const fn on(mut self, views: &'static [View]) -> Self {
        self.views = views;
        self
    }

    /// Shows it on the dashboard, with at least and at most so many cells.
    #[must_use]
    pub const fn screen(mut self, priority: u8, (width, most): (u16, u16), tone: Tone) -> Self {
        self.screen = Some(Screen { priority, width, most, tone });
        self
    }

    /// Its numbers carry a mark where copies are not measured.
    #[must_use]
    pub const fn marked(mut self) -> Self {
        self.marks = true;
        self
    }

    /// Cuts its texts in tables of text.
    #[must_use]
    pub const fn cut(mut self, cut: Cut) -> Self {
        self.cut = cut;
        self
    }

    /// With what only its table knows of it.
    #[must_use]
    pub const fn with(mut self, extra: T::Extra) -> Self {
        self.extra = extra;
        self
    }

    /// The column with this id, as a user writes it. The code names columns by their constants.
    #[must_use]
    pub fn from_id(id: &str) -> Option<&'static Self> {
        T::COLUMNS.iter().copied().find(|column| column.id == id)
    }

    /// Whether `view` shows it.
    #[must_use]
    pub fn is_in(&self, view: View) -> bool {
        match view {
            View::Dashboard => self.screen.is_some(),
            _ => self.views.contains(&view),
        }
    }

    /// The cell of a row.
    #[must_use]
    pub fn of<'a>(&self, row: T::Row<'a>, context: &'a T::Context) -> Value<'a> {
        (self.read)(row, context)
    }
}

/// Declares the columns of a [`Table`]: a constant for each, by which code names it, and the list.
#[macro_export]
macro_rules! columns {
    ($table:ident: $(
        $name:ident = $id:literal, $title:literal, $unit:ident, $kind:ident, $help:expr, $read:expr
        $(, .$set:ident($($argument:expr),*))*;
    )*) => {
        impl $table {
            $(
                #[doc = concat!("`", $id, "`")]
                pub const $name: &'static $crate::column::Column<Self> =
                    &$crate::column::Column::<$table>::new(
                        $id,
                        $title,
                        $crate::column::Unit::$unit,
                        $crate::column::Kind::$kind,
                        $help,
                        $read,
                    )$(.$set($($argument),*))*;
            )*
            const ALL: &'static [&'static $crate::column::Column<Self>] = &[$(Self::$name),*];
        }
    };
}

/// A count of the interval per second; absent where no time has passed.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a rate is shown with four digits at most")]
pub fn per_second<'a>(value: Value<'a>, frame: &crate::frame::Frame) -> Value<'a> {
    match value {
        Value::Integer(_, _) if frame.elapsed_ns == 0 => Value::Absent,
        Value::Integer(value, quality) => Value::Real(value as f64 / frame.seconds(), quality),
        other => other,
    }
}

const fn measured<'a>(value: u64) -> Value<'a> {
    Value::Integer(value, crate::value::Quality::MEASURED)
}

#[cfg(test)]
mod tests;
