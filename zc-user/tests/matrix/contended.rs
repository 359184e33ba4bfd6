//! More threads than a CPU can run: programs that can be preempted must not lose the calls of others.

use std::fs;

use crate::{
    Test,
    report::Report,
    requirement::{self, Skip},
    zc::{run, zc},
};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] = &[("contended::every_call_or_a_loss", every_call)];

/// Threads on the CPU.
const THREADS: u64 = 4;
/// Bytes that each writes, one per call.
const CALLS: u64 = 10_007;

fn every_call() -> Result<(), Skip> {
    requirement::ebpf()?;
    for program in ["chrt", "taskset", "dd"] {
        requirement::program(program)?;
    }
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report.json");
    let one = format!("dd if=/dev/zero of=/dev/null bs=1 count={CALLS} status=none");
    let all = (0..THREADS).map(|_| format!("{one} &")).collect::<String>();
    let mut command = zc(["stat", "--json", "-o"]);
    // In time slices, whatever the class of the tests.
    command.arg(&report).args(["--", "chrt", "-o", "0", "taskset", "-c", "0", "sh", "-c"]);
    command.arg(format!("{all} wait"));
    run(command).exits(0);
    let report = fs::read_to_string(&report).unwrap();
    crate::keep("contended.json", report.as_bytes());
    let report = Report::parse(&report);

    let processes = report.processes();
    let counted: u64 = processes
        .iter()
        .filter(|process| process.comm == "dd")
        .map(|process| process.path("pseudo_write").bytes)
        .sum();
    let losses = report.losses();
    let missed = losses.get("probe_recursions").copied().unwrap_or(0);
    let truth = THREADS * CALLS;
    assert!(counted <= truth && counted + missed >= truth, "{counted} of {truth}: {losses:?}");
    // A program at a tracepoint of 7.2 loses half of them and more.
    assert!(counted >= truth - truth / 50, "{counted} of {truth}, {missed} missed");
    Ok(())
}
