//! A program whose bytes are known.

use std::fs;

use crate::{
    Test,
    report::{Count, Report},
    requirement::{self, Skip},
    zc::{run, zc},
};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] = &[("exact::dd_copies_a_file", dd)];

/// Bytes of the file: a prime, so that the last transfer is a short one.
const SIZE: usize = 1_048_573;

fn dd() -> Result<(), Skip> {
    requirement::ebpf()?;
    requirement::program("dd")?;
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (directory.path().join("from"), directory.path().join("to"));
    let contents: Vec<u8> = (0..SIZE).map(|at| (at % 251) as u8).collect();
    fs::write(&from, &contents).unwrap();

    let report = directory.path().join("report.json");
    let mut command = zc(["stat", "--json", "-o"]);
    command.arg(&report).args(["--", "dd", "bs=64k", "status=none"]);
    command.arg(format!("if={}", from.display())).arg(format!("of={}", to.display()));
    run(command).exits(0);
    let report = fs::read_to_string(&report).unwrap();
    crate::keep("dd.json", report.as_bytes());
    let report = Report::parse(&report);
    report.assert_complete();

    assert!(fs::read(&to).unwrap() == contents, "the copy differs");
    let processes = report.processes();
    let dd: Vec<_> = processes.iter().filter(|process| process.comm == "dd").collect();
    assert_eq!(dd.len(), 1, "{processes:#?}");
    let (read, written) = (dd[0].path("file_read"), dd[0].path("file_write"));
    assert_eq!(written, Count { ops: 16, errors: 0, bytes: SIZE as u64 });
    // The loader reads libraries through the same path; how many, another run tells.
    assert_eq!(read.bytes - loader(), SIZE as u64, "{:#?}", dd[0]);
    Ok(())
}

/// Bytes that `dd` reads before it copies anything.
fn loader() -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report.json");
    let mut command = zc(["stat", "--json", "-o"]);
    command.arg(&report).args(["--", "dd", "if=/dev/null", "of=/dev/null", "status=none"]);
    run(command).exits(0);
    let report = Report::parse(&fs::read_to_string(&report).unwrap());
    let processes = report.processes();
    processes.iter().find(|process| process.comm == "dd").unwrap().path("file_read").bytes
}
