//! Which process zc names as the writer of pages that the kernel writes back later.

use std::{path::Path, process::Command};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Test,
    devices::Loop,
    report::{Report, number},
    requirement::{self, Skip, program},
    workload::writeback::{OF_THE_DEAD, OF_THE_LIVING},
    zc::{Watch, workload},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("writeback::ext4_writes_count_for_the_process_that_dirtied", ext4),
    ("writeback::xfs_writes_count_for_the_process_that_dirtied", xfs),
    ("writeback::btrfs_writes_count_for_the_process_that_dirtied", btrfs),
];

/// Blocks of every file system here, and pages.
const BLOCK: u64 = 4_096;

fn ext4() -> Result<(), Skip> {
    observe("ext4", &["-q", "-b", "4096"])
}

fn xfs() -> Result<(), Skip> {
    observe("xfs", &["-q"])
}

fn btrfs() -> Result<(), Skip> {
    observe("btrfs", &["-q"])
}

fn observe(kind: &str, options: &[&str]) -> Result<(), Skip> {
    let report = observe_once(kind, options)?;
    let dirtied = report.total("block_dirtied_bytes");
    assert!(report.total("block_write_bytes") >= (OF_THE_DEAD + OF_THE_LIVING) as u64);
    let rows = report.processes();
    assert!(rows.iter().map(|row| row.counter("block_dirtied_bytes")).sum::<u64>() <= dirtied);
    Ok(())
}

/// A file system on a disk of its own, and what was written to it.
fn observe_once(kind: &str, options: &[&str]) -> Result<Report, Skip> {
    requirement::administrator()?;
    let format = program(&format!("mkfs.{kind}"))?;
    let disk = Loop::new(384 << 20)?;
    let made = Command::new(format).args(options).arg(&disk.device).output().expect("mkfs runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));

    let watch = Watch::start(&["--json"]);
    let who = write(&disk.device, kind);
    let report = watch.finish();

    // Whichever of two writers touched the file last.
    let writers = [
        ("dead", OF_THE_DEAD),
        ("living", OF_THE_LIVING),
        ("filler", OF_THE_LIVING),
        ("toucher", 1),
    ];
    for (name, bytes) in writers {
        let writer = report.process(number(&who[name], "pid"));
        let whole = (bytes as u64).next_multiple_of(BLOCK);
        assert_eq!(writer.counter("block_dirtied_bytes"), whole, "of the {name}");
        assert_eq!(writer.counter("block_write_bytes"), 0, "the {name} issued nothing");
        assert_eq!(number(&who[name], "write_bytes"), whole, "what the kernel says");
    }
    Ok(report)
}

/// Runs the workload on a disk; what it says of itself.
fn write(device: &Path, kind: &str) -> Value {
    let directory = TempDir::new().expect("a temporary directory");
    let [program, word] = workload();
    let output = Command::new(program)
        .args([word.as_path(), Path::new("writeback"), device, Path::new(kind), directory.path()])
        .output()
        .expect("the workload runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a line of JSON")
}
