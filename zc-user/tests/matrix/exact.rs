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
    // What the first one reads are its libraries, as the second one does before it copies. Both in
    // one run: to attach the probes takes longer than all the rest.
    let script = format!(
        "dd if=/dev/null of=/dev/null status=none; dd bs=64k status=none if={} of={}; true",
        from.display(),
        to.display()
    );
    let observe = |words: &[&str]| {
        let mut command = zc(["stat", "--json", "-o"]);
        command.arg(&report).arg("--").args(words);
        run(command).exits(0);
        let report = fs::read_to_string(&report).unwrap();
        crate::keep("dd.json", report.as_bytes());
        Report::parse(&report)
    };
    let copy = || Ok(observe(&["sh", "-c", &script]));
    let report = Report::complete(copy, || observe(&["sleep", "1"]))?;
    report.assert_complete();

    assert!(fs::read(&to).unwrap() == contents, "the copy differs");
    let processes = report.processes();
    let mut dd: Vec<_> = processes.iter().filter(|process| process.comm == "dd").collect();
    dd.sort_by_key(|process| process.start_ns);
    let [idle, busy] = dd[..] else { panic!("two of dd in {processes:#?}") };
    let size = SIZE as u64;
    assert_eq!(busy.path("file_write"), Count { ops: 16, errors: 0, bytes: size });
    let read = busy.path("file_read").bytes - idle.path("file_read").bytes;
    assert_eq!(read, size, "{busy:#?}");
    Ok(())
}
