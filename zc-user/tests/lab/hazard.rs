//! The hazards: each is reproduced, and does no harm.

use serde_json::Value;
use zc_lab::hazard::HAZARDS;

use crate::{
    Test,
    requirement::{self, Skip},
    zc::{ZC, run, through, zc},
};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("hazard::each_is_seen_and_counted", seen),
    ("hazard::each_is_seen_without_privileges", unprivileged),
    ("hazard::they_are_listed_and_run_without_scenarios", words),
];

/// What each has to tell, with figures that are known beforehand: 4,194,301 bytes are in the file.
const FACTS: [(&str, &[&str]); 5] = [
    (
        "sigbus",
        &["truncated to 41969 bytes", "offset 45056", "SIGBUS", "returned 1, and afterwards 0"],
    ),
    (
        "sendfile_truncated",
        &["sendfile of 4194301 bytes", "returned 2097149,", "2097149 bytes arrived"],
    ),
    (
        "direct_misaligned",
        &["aligned: 65536 bytes, right", "odd address", "odd offset", "odd length"],
    ),
    ("pipe_capacity", &["holds 65536 bytes", "holds 1048576 bytes"]),
    ("mmap_tiny_files", &["251 files of 1009 bytes hold 1028096"]),
];

fn ids() -> Vec<&'static str> {
    HAZARDS.iter().map(|hazard| hazard.id).collect()
}

/// The rows of a run, each as it has to be.
fn rows(document: &Value) -> &[Value] {
    let rows = document["hazards"].as_array().unwrap();
    let shown: Vec<_> = rows.iter().map(|row| row["hazard"].as_str().unwrap()).collect();
    assert_eq!(shown, FACTS.map(|(id, _)| id), "a hazard without a row in this test");
    for (row, (_, words)) in rows.iter().zip(FACTS) {
        assert_eq!(
            (&row["outcome"], &row["as_expected"]),
            (&"seen".into(), &true.into()),
            "{row:#}"
        );
        let facts = row["facts"].to_string();
        for word in words {
            assert!(facts.contains(word), "'{word}' is not in {row:#}");
        }
    }
    rows
}

fn seen() -> Result<(), Skip> {
    requirement::ebpf()?;
    let words = ["lab", "run", "--json"];
    let document = run(zc(words.iter().copied().chain(ids()))).exits(0).json();
    let rows = rows(&document);
    // By the counts of paths: of the hazard, its case.
    let count = |hazard: usize, case: usize, path: &str| {
        let paths = rows[hazard]["cases"][case]["paths"].as_array().unwrap();
        let row = paths.iter().find(|row| row["path"] == path).unwrap();
        (row["ops"].as_u64().unwrap(), row["moved_bytes"].as_u64().unwrap())
    };
    assert_eq!(count(1, 0, "sendfile_to_socket").1, 2_097_149);
    // 63 times 64 KiB and a rest; three times 1 MiB and a rest.
    assert_eq!(count(3, 0, "splice_file_pipe"), (64, 4_194_301));
    assert_eq!(count(3, 1, "splice_file_pipe"), (4, 4_194_301));
    assert_eq!(count(4, 0, "file_read"), (251, 251 * 1009));
    let mapped = rows[4]["cases"][1]["paths"].as_array().unwrap();
    assert!(mapped.iter().all(|row| row["path"] != "file_read"), "{mapped:?}");
    let facts = rows[4]["facts"].to_string();
    assert!(facts.contains("read: 251 calls") && facts.contains("mmap: 502 calls"), "{facts}");
    Ok(())
}

fn unprivileged() -> Result<(), Skip> {
    let none = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    let words = [&["lab", "run", "--json"], &ids()[..]].concat();
    let command = match requirement::ebpf() {
        Ok(()) => through(&none, ZC.as_ref(), &words),
        Err(_) => zc(&words),
    };
    let document = run(command).exits(0).json();
    for row in rows(&document) {
        assert!(row["cases"].is_null(), "{row:#}");
        assert!(row["not_measured"].as_str().unwrap().contains("CAP_BPF"), "{row:#}");
    }
    Ok(())
}

fn words() -> Result<(), Skip> {
    let list = run(zc(["lab", "list"])).exits(0).stdout();
    let (_, section) = list.split_once("\nHazards\n").unwrap();
    for (line, id) in section.lines().zip(ids()) {
        assert!(line.trim_start().starts_with(id), "{list}");
    }
    run(zc(["lab", "run", "sigbus", "sendfile"])).fails(2, &["without scenarios"]);
    run(zc(["lab", "run", "sigbus", "--csv"])).fails(2, &["--json"]);
    run(zc(["lab", "hazard", "sigbus", "--case", "0"])).fails(2, &["internal subcommand"]);
    Ok(())
}
