//! Who did it: short lives, reused pids, and processes that change their name or their program.

use std::fs;

use tempfile::TempDir;

use crate::{
    Test,
    report::Report,
    requirement::{self, Skip},
    zc::{idle, observe, workload},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("processes::twenty_thousand_short_lives_are_all_counted", swarm),
    ("processes::grandchildren_belong_to_the_command", nested),
    ("processes::a_reused_pid_is_another_process", reuse),
    ("processes::a_thread_may_become_another_program", thread_exec),
];

/// Slots for every process of a test and for ten thousand other processes, so that nothing is lost
/// on a machine so busy that `zc` gets no time to free slots.
const ROOM: [&str; 2] = ["--max-threads", "32768"];

fn run(words: &[&str], directory: &TempDir, file: &str) -> Report {
    let mut command = Vec::from(workload());
    command.extend(words.iter().map(Into::into));
    command.push(directory.path().join(file));
    observe(&ROOM, &command).report
}

/// The same where nothing was lost on the whole machine, with a directory of its own every time.
fn run_complete(words: &[&str], file: &str) -> Result<(Report, TempDir), Skip> {
    let mut directory = TempDir::new().expect("a directory");
    let again = || {
        directory = TempDir::new().expect("a directory");
        Ok(run(words, &directory, file))
    };
    let report = Report::complete(again, idle)?;
    report.assert_complete();
    Ok((report, directory))
}

/// Processes that wrote to a file, and what they wrote: merged rows stand for several.
fn writers(report: &Report) -> (u64, u64, u64) {
    let rows = report.processes();
    let wrote = rows.iter().filter(|row| row.path("file_write").bytes > 0);
    wrote.fold((0, 0, 0), |(processes, ops, bytes), row| {
        let count = row.path("file_write");
        (processes + row.merged, ops + count.ops, bytes + count.bytes)
    })
}

fn swarm() -> Result<(), Skip> {
    requirement::ebpf()?;
    let (report, directory) = run_complete(&["swarm", "20000", "1009"], "log")?;
    assert_eq!(writers(&report), (20_000, 20_000, 20_000 * 1009));
    let written = fs::metadata(directory.path().join("log")).expect("the log").len();
    assert_eq!(written, 20_000 * 1009);
    // The parent is one more, and no process is counted twice.
    let processes: u64 = report.processes().iter().map(|row| row.merged).sum();
    assert_eq!(processes, 20_001);
    assert!(report.processes().iter().all(|row| row.exited));
    Ok(())
}

/// Three generations under each child, all of which may be gone before `zc` looks.
fn nested() -> Result<(), Skip> {
    requirement::ebpf()?;
    let (report, _directory) = run_complete(&["nested", "1009", "503"], "log")?;
    assert_eq!(writers(&report), (3 * 1009, 3 * 1009, 3 * 1009 * 503));
    Ok(())
}

fn reuse() -> Result<(), Skip> {
    requirement::administrator()?;
    let directory = TempDir::new().expect("a directory");
    let report = run(&["reuse"], &directory, "");
    let pid = fs::read_to_string(directory.path().join("pid")).expect("the workload wrote a pid");
    let rows = report.incarnations(pid.parse().expect("a pid"));
    let seen: Vec<_> =
        rows.iter().map(|row| (row.comm.as_str(), row.path("file_write").bytes)).collect();
    assert_eq!(seen, [("first", 1009), ("second", 2003)]);
    assert!(rows[0].start_ns < rows[1].start_ns);
    Ok(())
}

/// The thread takes over the pid of the first thread, which may still be on its way out.
fn thread_exec() -> Result<(), Skip> {
    const COUNT: usize = 503;
    requirement::ebpf()?;
    let (report, _directory) = run_complete(&["thread-exec", &COUNT.to_string()], "")?;
    let mut rows = report.processes();
    rows.retain(|row| row.comm == "successor");
    assert_eq!(rows.iter().map(|row| row.merged).sum::<u64>(), COUNT as u64);
    for row in &rows {
        let written = row.path("file_write");
        assert_eq!((written.ops, written.bytes), (3 * row.merged, 3515 * row.merged), "{row:?}");
        assert!(row.exited, "{row:?}");
    }
    Ok(())
}
