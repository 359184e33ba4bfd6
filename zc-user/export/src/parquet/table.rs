//! One table: rows are collected until a group of them is written.

use std::{fs::File, sync::Arc};

use anyhow::{Context as _, Result};
use parquet::{
    basic::{Compression, ZstdLevel},
    column::writer::ColumnWriter,
    data_type::ByteArray,
    file::{metadata::KeyValue, properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};

/// Rows in a group: so many are in memory at most.
const GROUP: usize = 1 << 16;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Time,
    Int,
    Text,
    Bool,
}

impl Column {
    pub(super) const fn time(name: &'static str) -> Self {
        Self { name, kind: Kind::Time }
    }

    pub(super) const fn int(name: &'static str) -> Self {
        Self { name, kind: Kind::Int }
    }

    pub(super) const fn text(name: &'static str) -> Self {
        Self { name, kind: Kind::Text }
    }

    pub(super) const fn bool(name: &'static str) -> Self {
        Self { name, kind: Kind::Bool }
    }

    fn declaration(self) -> String {
        let Self { name, kind } = self;
        match kind {
            Kind::Time => format!("OPTIONAL INT64 {name} (TIMESTAMP(MICROS,true));"),
            Kind::Int => format!("OPTIONAL INT64 {name};"),
            Kind::Text => format!("OPTIONAL BYTE_ARRAY {name} (UTF8);"),
            Kind::Bool => format!("OPTIONAL BOOLEAN {name};"),
        }
    }
}

/// A value of a row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    Int(i64),
    Text(&'a str),
    Bool(bool),
    Null,
}

impl<'a> Cell<'a> {
    /// A count. What does not fit, no machine can have counted.
    pub(super) fn int(count: u64) -> Self {
        Self::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// A moment, from ns since the Unix epoch.
    pub(super) fn time(at_ns: u64) -> Self {
        Self::int(at_ns / 1000)
    }

    pub(super) fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

/// The values of a column that are collected.
#[derive(Debug, Default)]
struct Values {
    ints: Vec<i64>,
    texts: Vec<ByteArray>,
    bools: Vec<bool>,
    /// 1 where a row has a value, 0 where it is null.
    present: Vec<i16>,
}

impl Values {
    fn push(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Int(value) => self.ints.push(value),
            Cell::Text(text) => self.texts.push(ByteArray::from(text.as_bytes().to_vec())),
            Cell::Bool(value) => self.bools.push(value),
            Cell::Null => {}
        }
        self.present.push(i16::from(!matches!(cell, Cell::Null)));
    }
}

/// A table that is written.
pub(super) struct Table {
    name: String,
    writer: SerializedFileWriter<File>,
    values: Vec<Values>,
    rows: usize,
}

impl Table {
    pub(super) fn new(name: &str, columns: Vec<Column>, file: File, schema: &str) -> Result<Self> {
        let declared: String = columns.iter().map(|column| column.declaration()).collect();
        let message = parse_message_type(&format!("message {name} {{ {declared} }}"))?;
        let level = ZstdLevel::try_new(3)?;
        let keys = vec![KeyValue::new("zc.schema".to_owned(), schema.to_owned())];
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_key_value_metadata(Some(keys))
            .set_created_by(format!("zc {}", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            name: name.to_owned(),
            writer: SerializedFileWriter::new(file, Arc::new(message), Arc::new(properties))?,
            values: columns.iter().map(|_| Values::default()).collect(),
            rows: 0,
        })
    }

    /// Adds a row: a cell for each column.
    pub(super) fn push<'a>(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) -> Result<()> {
        let mut columns = self.values.iter_mut();
        for cell in cells {
            columns.next().context("a row has more cells than there are columns")?.push(cell);
        }
        debug_assert!(columns.next().is_none(), "a row has a cell for each column");
        self.rows += 1;
        if self.rows == GROUP { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let unwritten = || format!("cannot write '{}.parquet'", self.name);
        let mut group = self.writer.next_row_group().with_context(unwritten)?;
        for values in &mut self.values {
            let Values { ints, texts, bools, present } = std::mem::take(values);
            let mut column =
                group.next_column().with_context(unwritten)?.context("a column is missing")?;
            let present = Some(&*present);
            match column.untyped() {
                ColumnWriter::Int64ColumnWriter(writer) => writer.write_batch(&ints, present, None),
                ColumnWriter::ByteArrayColumnWriter(writer) => {
                    writer.write_batch(&texts, present, None)
                }
                ColumnWriter::BoolColumnWriter(writer) => writer.write_batch(&bools, present, None),
                _ => unreachable!("columns are of these three kinds"),
            }
            .with_context(unwritten)?;
            column.close().with_context(unwritten)?;
        }
        group.close().with_context(unwritten)?;
        self.rows = 0;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<()> {
        if self.rows > 0 {
            self.flush()?;
        }
        let unwritten = || format!("cannot write '{}.parquet'", self.name);
        self.writer.finish().with_context(unwritten)?;
        Ok(())
    }
}
