use std::{collections::BTreeMap, path::Path};

use parquet::{
    file::reader::{FileReader as _, SerializedFileReader},
    record::{Field, Row as Record},
};
use zc_common::{loss::Loss, path::CopyPath};
use zc_model::{
    fixture::sketch::{path, process, snapshot},
    snapshot::{Host, Limitation, Snapshot},
};

use super::*;

fn tables(directory: &Path) -> Tables {
    Tables::new(|name| File::create(directory.join(name))).unwrap()
}

fn rows(directory: &Path, table: &str) -> Vec<BTreeMap<String, Field>> {
    let file = File::open(directory.join(format!("{table}.parquet"))).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let keys = reader.metadata().file_metadata().key_value_metadata().unwrap().clone();
    assert_eq!(keys[0].value.as_deref(), Some(SCHEMA));
    let columns =
        |row: Record| row.get_column_iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    reader.get_row_iter(None).unwrap().map(|row| columns(row.unwrap())).collect()
}

fn int(row: &BTreeMap<String, Field>, column: &str) -> Option<i64> {
    match &row[column] {
        Field::Long(value) => Some(*value),
        Field::Null => None,
        other => panic!("{column}: {other:?}"),
    }
}

/// A machine that cannot tell how zero-copy sends end, nor what misses the page cache.
fn taken(seconds: u64, bytes: u64) -> Snapshot {
    let paths =
        [path(CopyPath::FileRead, 3, bytes), path(CopyPath::SocketSendZerocopy, 1, 2 * bytes)];
    let mut snapshot = snapshot(seconds, &[process(7, "a\u{1b}[2Jb", &paths)]);
    snapshot.unattributed.paths = vec![path(CopyPath::SkbLinearize, 1, bytes)];
    snapshot.losses[Loss::OperationsCut] = seconds;
    let limitations = vec![Limitation {
        counter: CounterId::PageCacheMisses.into(),
        provenance: Provenance::Unavailable,
        reason: "hidden".to_owned(),
    }];
    snapshot.host = Host { limitations, ..(*snapshot.host).clone() }.into();
    snapshot
}

#[test]
fn intervals_add_up_and_what_is_not_available_is_null() {
    let directory = tempfile::tempdir().unwrap();
    let mut tables = tables(directory.path());
    let snapshots = [taken(1, 101), taken(2, 1_009), taken(3, 10_007)];
    for pair in snapshots.windows(2) {
        tables.add(&Frame::between(&pair[0], &pair[1])).unwrap();
    }
    tables.mark(2_500_000_000, "release").unwrap();
    let facts = vec![("subject".to_owned(), "x".to_owned())];
    tables.finish(&About { facts }).unwrap();

    let paths = rows(directory.path(), "paths");
    let sum = |path: &str, column: &str| -> Option<i64> {
        let of = paths.iter().filter(|row| row["path"] == Field::Str(path.to_owned()));
        of.map(|row| int(row, column)).sum()
    };
    assert_eq!(sum("file_read", "moved_bytes"), Some(10_007 - 101));
    assert_eq!(sum("file_read", "copied_bytes"), Some(10_007 - 101));
    assert_eq!(sum("socket_send_zerocopy", "moved_bytes"), Some(2 * (10_007 - 101)));
    assert_eq!(sum("socket_send_zerocopy", "copied_bytes"), None, "not known is not 0");
    // What is unattributed has a row without a process.
    let unattributed: Vec<_> = paths.iter().filter(|row| row["pid"] == Field::Null).collect();
    assert_eq!(
        unattributed.iter().filter_map(|row| int(row, "moved_bytes")).sum::<i64>(),
        10_007 - 101
    );
    assert_eq!(paths[0]["comm"], Field::Str("a\\u{1b}[2Jb".to_owned()));
    assert_eq!(paths[0]["ts"], Field::TimestampMicros(2_000_000));

    let processes = rows(directory.path(), "processes");
    assert_eq!(int(&processes[0], "page_cache_misses"), None);
    assert_eq!(int(&processes[0], "syscalls"), Some(0));
    let losses = rows(directory.path(), "losses");
    assert_eq!(losses.iter().filter_map(|row| int(row, "count")).sum::<i64>(), 2);
    assert_eq!(rows(directory.path(), "marks")[0]["text"], Field::Str("release".to_owned()));
    let meta = rows(directory.path(), "meta");
    let value = |key: &str| {
        let row = meta.iter().find(|row| row["key"] == Field::Str(key.to_owned()));
        row.map(|row| row["value"].clone())
    };
    assert_eq!(value("intervals"), Some(Field::Str("2".to_owned())));
    assert_eq!(
        value("limitation.page_cache_misses"),
        Some(Field::Str("unavailable: hidden".to_owned()))
    );
}

#[test]
fn more_rows_than_a_group_has_are_all_there() {
    let directory = tempfile::tempdir().unwrap();
    let file = File::create(directory.path().join("long.parquet")).unwrap();
    let mut table =
        Table::new("long", vec![Column::int("n"), Column::text("t")], file, SCHEMA).unwrap();
    let count = (1 << 16) * 2 + 7;
    for n in 0..count {
        let text = if n % 3 == 0 { Cell::Null } else { Cell::Text("x") };
        table.push([Cell::int(n), text]).unwrap();
    }
    table.finish().unwrap();
    let rows = rows(directory.path(), "long");
    assert_eq!(rows.len() as u64, count);
    assert_eq!(
        rows.iter().filter_map(|row| int(row, "n")).sum::<i64>() as u64,
        count * (count - 1) / 2
    );
    assert_eq!(rows[65_538]["t"], Field::Null);
    assert_eq!(rows[65_539]["t"], Field::Str("x".to_owned()));
}
