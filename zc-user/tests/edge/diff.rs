//! `zc stat --repeat` and `zc diff`: runs are counted one by one, and compared with others.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use rustix::process::Signal;
use serde_json::Value;

use super::zc::{Finished, Running, run, zc};

/// Bytes that are copied: a prime.
const SIZE: usize = 3_000_017;

/// Runs a command of one line of shell several times; the documents of the runs.
fn runs(directory: &Path, name: &str, line: &str) -> (PathBuf, Vec<Value>) {
    let to = directory.join(name);
    let mut command = zc(["stat", "-r", "3", "--json", "-o"]);
    command.arg(&to).args(["--", "sh", "-c", line]).current_dir(directory);
    run(command).exits(0);
    let text = fs::read_to_string(&to).unwrap();
    (to, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn prepared() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a"), vec![b'a'; SIZE]).unwrap();
    directory
}

fn compared<W: AsRef<OsStr>>(words: &[W], a: &Path, b: &Path) -> Finished {
    let mut command = zc(["diff"]);
    command.args(words).args([a, b]);
    run(command)
}

fn figure<'d>(document: &'d Value, id: &str) -> &'d Value {
    let figures = document["figures"].as_array().unwrap();
    figures.iter().find(|figure| figure["id"] == id).unwrap_or_else(|| panic!("{id}: {document}"))
}

/// Bytes that were moved on a path, in each run.
fn moved(documents: &[Value], path: &str) -> Vec<u64> {
    let of = |document: &Value| {
        let paths = document["totals"]["paths"].as_array().unwrap();
        let found = paths.iter().find(|it| it["path"] == path);
        found.map_or(0, |it| it["moved_bytes"].as_u64().unwrap())
    };
    documents.iter().map(of).collect()
}

#[test]
fn each_run_has_its_own_counts_and_two_ways_to_copy_differ() {
    let directory = prepared();
    let (first, documents) = runs(directory.path(), "1", "exec dd if=a of=b bs=64k status=none");
    // Nothing of a run is in the next one.
    assert_eq!(moved(&documents, "file_write"), [SIZE as u64; 3]);
    let numbers: Vec<_> =
        documents.iter().map(|it| it["run"]["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3]);
    let (second, _) = runs(directory.path(), "2", "exec dd if=a of=b bs=16k status=none");

    let document = compared(&["--json", "--exit-code"], &first, &second).exits(3).json();
    let calls = figure(&document, "path.file_write.ops_per_byte");
    assert_eq!(calls["verdict"], "changed", "{calls}");
    // 46 calls, or 184: known from the sizes.
    let change = calls["change"].as_f64().unwrap();
    assert!((change - (184.0 / 46.0 - 1.0)).abs() < 1e-9, "{calls}");
    for id in ["copied_per_byte", "moved_per_byte"] {
        assert_eq!(figure(&document, id)["verdict"], "unchanged", "{document}");
    }

    let fail = |condition: &str| compared(&["--fail-if", condition], &first, &second);
    fail("copied_per_byte > +5%").exits(0);
    fail("path.file_write.ops_per_byte > +5%").exits(3);
    fail("path.file_write.ops_per_byte < -5%").exits(0);
    // What is not known is a failure that says so.
    let unknown = fail("user_copy_share > 50%").exits(3);
    assert!(unknown.stdout().contains("UNKNOWN: not known on either side"), "{}", unknown.stdout());
    let markdown = compared(&["--markdown"], &first, &second).exits(0).stdout();
    assert!(markdown.contains("| file\\_write calls /MiB | "), "{markdown}");
}

#[test]
fn equal_files_do_not_differ_and_one_run_each_is_a_fact() {
    let directory = prepared();
    let (runs, _) = runs(directory.path(), "1", "exec dd if=a of=b bs=64k status=none");
    let same = compared(&["--exit-code"], &runs, &runs).exits(0).stdout();
    assert!(same.contains("\nNo change was found"), "{same}");

    let one = |name: &str, size: &str| {
        let to = directory.path().join(name);
        let mut command = zc(["stat", "--json", "-o"]);
        command.arg(&to).args(["--", "dd", "if=a", "of=b", size, "status=none"]);
        run({
            command.current_dir(directory.path());
            command
        })
        .exits(0);
        to
    };
    let (small, large) = (one("small", "bs=16k"), one("large", "bs=64k"));
    let text = compared(&["--exit-code"], &small, &large).exits(0).stdout();
    assert!(text.contains("Different, in the runs compared: "), "{text}");
    assert!(text.contains("One run or interval on a side"), "{text}");
    // As facts they can be checked.
    compared(&["--fail-if", "path.file_write.ops_per_byte < -5%"], &small, &large).exits(3);
}

#[test]
fn a_recording_is_compared_with_another_one() {
    let directory = prepared();
    let record = |name: &str, line: &str| {
        let to = directory.path().join(name);
        let mut command = zc(["record", "-i", "0.1", "-o"]);
        command.arg(&to).args(["--", "sh", "-c", line]).current_dir(directory.path());
        run(command).exits(0);
        to
    };
    let work = |size: &str| {
        format!(
            "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do dd if=a of=b bs={size} status=none; sleep 0.1; done"
        )
    };
    let (first, second) = (record("1", &work("64k")), record("2", &work("16k")));
    // What the loader reads of dd and its libraries is no part of that payload.
    let words = ["--json", "--comm", "dd", "--per", "file_write"];
    let document = compared(&words, &first, &second).exits(0).json();
    assert_eq!(document["a"]["kind"], "intervals");
    assert_eq!(document["payload"]["a_bytes"], (12 * SIZE) as f64);
    let calls = figure(&document, "path.file_write.ops_per_byte");
    assert!((calls["change"].as_f64().unwrap() - 3.0).abs() < 1e-9, "{calls}");
    compared(&["--per", "run"], &first, &second).fails(2, &["have no runs"]);
}

#[test]
fn a_signal_ends_the_series_and_what_was_run_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let count = directory.path().join("count");
    // The first run ends; the second one waits for the signal.
    let line = format!(
        "echo >> {0}; test $(wc -l < {0}) -lt 2 || {{ echo ready >&2; exec sleep 1000; }}",
        count.display()
    );
    let mut command = zc(["stat", "-r", "5", "--json", "--"]);
    command.args(["sh", "-c", &line]);
    let mut stat = Running::start(command);
    stat.line();
    super::zc::until("the second run waits", || {
        fs::read_to_string(&count).is_ok_and(|text| text.lines().count() == 2)
    });
    stat.signal(Signal::TERM);
    let (status, rest, stderr) = stat.end();
    assert_eq!(status.code(), Some(128 + Signal::TERM.as_raw()), "{stderr}");
    let last: Value = serde_json::from_str(&rest).unwrap();
    assert_eq!((&last["run"]["number"], &last["run"]["interrupted"]), (&2.into(), &true.into()));
    assert_eq!(fs::read_to_string(&count).unwrap().lines().count(), 2, "no third run began");
}

#[test]
fn the_first_status_that_is_not_0_is_that_of_the_series() {
    let directory = tempfile::tempdir().unwrap();
    let line = "echo >> n; exit $(($(wc -l < n) * 3 - 3))";
    let mut command = zc(["stat", "-r", "3", "--", "sh", "-c", line]);
    command.current_dir(directory.path());
    let finished = run(command).exits(3);
    let stderr = finished.stderr();
    for said in ["run 2 of 3 ended with status 3", "run 3 of 3 ended with status 6", ": 3 runs\n"] {
        assert!(stderr.contains(said), "{stderr}");
    }
    assert!(!stderr.contains("run 1 of 3"), "{stderr}");

    let mut command =
        zc(["stat", "-r", "2", "--csv", "--columns", "syscalls", "--expect", "path.tee > 0"]);
    command.args(["--", "true"]);
    let finished = run(command).exits(3);
    assert!(
        finished.stderr().contains("run 2: expected path.tee > 0: FAILED"),
        "{}",
        finished.stderr()
    );
    let lines: Vec<_> = finished.stdout().lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "run,status,interrupted,taken_at_ns,elapsed_ns,syscalls");
    assert!(lines[2].starts_with("2,0,false,"), "{lines:?}");
    assert_eq!(lines.len(), 3);
}

#[test]
fn what_cannot_be_compared_is_refused_in_words() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let (empty, foreign) = (file("empty", b""), file("foreign", b"{\"schema\":\"zc/9\"}"));
    compared::<&str>(&[], &empty, &foreign).fails(2, &["there is nothing in", "empty"]);
    compared::<&str>(&[], &foreign, &empty).fails(2, &["schema \"zc/9\"", "use a newer zc"]);
    let hostile = file("h\u{1b}[2J", b"\x1b[2J{");
    compared::<&str>(&[], &hostile, &empty).fails(2, &["is neither a recording nor JSON of zc"]);
    let torn = file("torn", b"ZCREC\0");
    compared::<&str>(&[], &torn, &empty).fails(2, &["cannot read"]);
    compared::<&str>(&[], Path::new("/nonexistent"), &empty).fails(1, &["No such file"]);
}
