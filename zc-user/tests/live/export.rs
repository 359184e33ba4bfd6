//! `zc export`: the questions of docs/export.md, answered by DuckDB, and pprof.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    Test,
    requirement::{self, Skip, program},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("export::duckdb_answers_the_questions_of_the_document", duckdb),
    ("export::pprof_reads_the_profile", pprof),
];

/// Bytes that are copied: a prime.
const SIZE: usize = 3_000_017;

/// Runs each block of SQL of a text, and prints the rows of each.
const SCRIPT: &str = "
import duckdb, json, re, sys
blocks = re.findall(r'```sql\\n(.*?)```', open(sys.argv[1]).read(), re.S)
print(json.dumps([duckdb.sql(block).fetchall() for block in blocks], default=str))
";

/// A Python with DuckDB.
fn python() -> Result<PathBuf, Skip> {
    let python = env::var_os("ZC_TEST_PYTHON").filter(|it| !it.is_empty());
    python.map(PathBuf::from).ok_or_else(|| {
        Skip::Program("Python with DuckDB, which cargo xtask test makes,".to_owned())
    })
}

fn zc(directory: &Path, words: &[&str]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zc"));
    let output = command.args(words).current_dir(directory).output().expect("zc runs");
    assert!(output.status.success(), "{words:?}: {output:?}");
    output.stdout
}

/// A recording of a copy, and what a replay of it prints.
fn recorded(options: &[&str]) -> (tempfile::TempDir, Vec<Value>) {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("a"), vec![b'a'; SIZE]).expect("a file");
    let copy = "for i in 1 2 3; do dd if=a of=b bs=64k status=none; sleep 0.2; done";
    let words = ["record", "-i", "0.1", "-o", "run.zc"];
    let words: Vec<_> =
        words.iter().chain(options).chain(&["--", "sh", "-c", copy]).copied().collect();
    zc(directory.path(), &words);
    let text = zc(directory.path(), &["replay", "--json", "run.zc"]);
    let documents = String::from_utf8(text).expect("text");
    let documents =
        documents.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    (directory, documents)
}

fn rows<'a>(documents: &'a [Value], of: &'a str) -> impl Iterator<Item = &'a Value> {
    documents.iter().flat_map(move |it| it[of].as_array().expect("rows"))
}

fn number(value: &Value) -> u64 {
    // DuckDB's sums are wide: Python writes them as numbers.
    value.as_u64().unwrap_or_else(|| panic!("{value}"))
}

/// Sums of the replay by a word of each row.
fn sums<'a>(
    all: impl Iterator<Item = &'a Value>,
    word: &str,
    count: impl Fn(&Value) -> Option<u64>,
) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for row in all {
        let key = row[word].as_str().expect("a word").to_owned();
        *sums.entry(key).or_insert(0) += count(row).unwrap_or(0);
    }
    sums
}

/// A column of an answer, by its first column.
fn answer(rows: &Value, column: usize) -> BTreeMap<String, u64> {
    let rows = rows.as_array().expect("rows").iter();
    rows.map(|row| {
        let count = if row[column].is_null() { 0 } else { number(&row[column]) };
        (row[0].as_str().unwrap_or("(unattributed)").to_owned(), count)
    })
    .collect()
}

fn duckdb() -> Result<(), Skip> {
    requirement::ebpf()?;
    let python = python()?;
    let (directory, documents) = recorded(&[]);
    zc(directory.path(), &["export", "run.zc", "--format", "parquet", "-o", "run"]);
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/export.md");
    let output = Command::new(python)
        .args(["-c", SCRIPT])
        .arg(document)
        .current_dir(&directory)
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answers.as_array().map(Vec::len), Some(5), "{answers}");

    let of = |process: &Value, what: &str| {
        let paths = process["paths"].as_array().expect("paths").iter();
        Some(paths.map(|path| path[what].as_u64().unwrap_or(0)).sum())
    };
    let without = |mut sums: BTreeMap<String, u64>, all: &BTreeMap<String, u64>| {
        // A process that used no path has no row of paths.
        sums.retain(|key, count| *count > 0 || all.contains_key(key));
        sums
    };
    // Who: as the replay has it, and the bytes that are known.
    let processes = || rows(&documents, "processes");
    let copied = answer(&answers[0], 1);
    let moved = answer(&answers[0], 2);
    assert_eq!(without(sums(processes(), "comm", |it| of(it, "moved_bytes")), &moved), moved);
    assert_eq!(without(sums(processes(), "comm", |it| of(it, "copied_bytes")), &copied), copied);
    assert!(moved["dd"] >= 3 * 2 * SIZE as u64, "{moved:?}");
    // On which paths.
    let paths = || documents.iter().flat_map(|it| it["totals"]["paths"].as_array().expect("paths"));
    for (column, what) in [(1, "moved_bytes"), (2, "copied_bytes")] {
        let replayed = sums(paths(), "path", |path| path[what].as_u64());
        assert_eq!(answer(&answers[1], column), replayed, "{what}");
    }
    assert_eq!(answer(&answers[1], 1)["file_write"], 3 * SIZE as u64);
    // When: the intervals together.
    let intervals = answers[2].as_array().expect("rows").iter();
    let together: u64 = intervals.map(|row| row[1].as_u64().unwrap_or(0)).sum();
    assert_eq!(together, copied.values().sum::<u64>());
    // At what cost.
    let calls = answer(&answers[3], 1);
    let replayed = sums(processes(), "comm", |it| it["counters"]["syscalls"].as_u64());
    assert_eq!(calls["dd"], replayed["dd"]);
    assert_eq!(calls["sh"], replayed["sh"]);
    // What the hardware did.
    let devices = || rows(&documents, "devices");
    for (column, what) in [(1, "dma_read_bytes"), (2, "dma_write_bytes")] {
        let replayed = sums(devices(), "device", |it| it[what].as_u64());
        assert_eq!(answer(&answers[4], column), replayed, "{what}");
    }
    Ok(())
}

fn pprof() -> Result<(), Skip> {
    requirement::ebpf()?;
    let go = program("go")?;
    let (directory, _) = recorded(&["--stacks"]);
    zc(directory.path(), &["export", "run.zc", "--format", "pprof", "-o", "run.pb.gz"]);
    let output = Command::new(go)
        .args(["tool", "pprof", "-top", "run.pb.gz"])
        .current_dir(&directory)
        .output()
        .expect("go runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("Type: copied_bytes"), "{output:?}");
    let folded = zc(directory.path(), &["export", "run.zc", "--format", "folded"]);
    let folded = String::from_utf8(folded).expect("text");
    assert!(
        folded.lines().any(|line| line.starts_with("dd;") && line.contains("[file_write]")),
        "{folded}"
    );
    Ok(())
}
