//! What `zc` advises to real programs: a table of programs, and for each the advice that is right, which is
//! none for most.
//!
//! All programs of the table run one after the other under one `zc stat`. A case is a shell script; what
//! descends from its shell belongs to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write as _,
    fs,
    path::Path,
    sync::LazyLock,
};

use tempfile::TempDir;
use zc_test_support::runner::trial;

use crate::{
    report::{Process, Report},
    requirement::{self, Skip, program},
    zc::{observe, on_disk},
};

mod cases;

use cases::{CASES, Case};

/// Bytes of the file that is passed on: enough for the ticks of the kernel to tell.
const LARGE: u64 = 192 << 20;
/// Bytes of the file that is looked at.
const SMALL: usize = 40 << 20;

/// Every case as a test, and what holds for all of them.
pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    let mut trials: Vec<_> = CASES
        .iter()
        .map(|case| trial(format!("advice::{}", case.name), || is_right(case)))
        .collect();
    trials.push(trial("advice::no_process_saves_more_than_it_copied".to_owned(), savings));
    trials
}

/// What all cases did in one run: the report, and the process id of the shell of each.
struct Run {
    report: Report,
    shells: BTreeMap<&'static str, u64>,
}

fn run() -> Result<&'static Run, Skip> {
    static RUN: LazyLock<Run> = LazyLock::new(run_all);
    requirement::ebpf()?;
    program("sh")?;
    Ok(&RUN)
}

fn run_all() -> Run {
    let disk = on_disk();
    // Of another file system where there is one in memory, and always out of the way of the disk.
    let memory =
        if Path::new("/dev/shm").is_dir() { TempDir::new_in("/dev/shm") } else { TempDir::new() };
    let memory = memory.expect("a directory");
    prepare(disk.path(), memory.path());
    let mut script = String::new();
    for case in runnable() {
        let path = disk.path().join(format!("{}.sh", case.name));
        fs::write(&path, format!("echo $$ >{}.pid\n{}\n", case.name, case.script)).expect("room");
        writeln!(script, "sh {}.sh >{}.log 2>&1 </dev/null || exit 1", case.name, case.name)
            .expect("a string");
    }
    let all = disk.path().join("all.sh");
    let here = env::current_exe().expect("this program has a path");
    let head = format!(
        "cd '{}'; M='{}'; ZC_LIVE='{}'; export M ZC_LIVE\n",
        disk.path().display(),
        memory.path().display(),
        here.display()
    );
    fs::write(&all, head + &script).expect("room");
    let shell = Path::new("sh");
    let report = observe(&[], &[shell, &all]).report;
    let shells = runnable()
        .map(|case| {
            let pid = fs::read_to_string(disk.path().join(format!("{}.pid", case.name)));
            (case.name, pid.expect("the case ran").trim().parse().expect("a number"))
        })
        .collect();
    Run { report, shells }
}

/// The cases of which all programs are installed.
fn runnable() -> impl Iterator<Item = &'static Case> {
    CASES.iter().filter(|case| case.needs.iter().all(|name| program(name).is_ok()))
}

fn prepare(disk: &Path, memory: &Path) {
    // Holes: their pages are as good as any in the page cache, and take no room on the disk.
    for directory in [disk, memory] {
        let file = fs::File::create(directory.join("large")).expect("room");
        file.set_len(LARGE).expect("room");
    }
    // Lines that differ, and that no compressor finds easy.
    let mut state = 1_u64;
    let mut text = Vec::with_capacity(SMALL + 64);
    while text.len() < SMALL {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        writeln!(AsText(&mut text), "{state:016x} {:08x}", state >> 29).expect("memory");
    }
    fs::write(disk.join("small"), &text).expect("room");
    fs::write(disk.join("relay.py"), cases::RELAY).expect("room");
}

/// Bytes as a place for text.
struct AsText<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for AsText<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// The processes of a case: those that descend from its shell.
fn members(run: &Run, case: &Case) -> Vec<Process> {
    let rows = run.report.processes();
    let mut pids = BTreeSet::from([run.shells[case.name]]);
    loop {
        let children: Vec<_> =
            rows.iter().filter(|row| pids.contains(&row.parent)).map(|row| row.pid).collect();
        let before = pids.len();
        pids.extend(children);
        if pids.len() == before {
            return rows.into_iter().filter(|row| pids.contains(&row.pid)).collect();
        }
    }
}

fn is_right(case: &Case) -> Result<(), Skip> {
    for name in case.needs {
        program(name)?;
    }
    if case.rules.contains(&cases::MAPPED) && requirement::kernel_before(6, 12) {
        return Err(Skip::Kernel(
            "which pages a send maps is reported since Linux 6.12".to_owned(),
        ));
    }
    let run = run()?;
    let rows = members(run, case);
    let moved: u64 = rows.iter().map(|row| row.counter("moved_bytes")).sum();
    assert!(moved > 10_000, "the programs of the case did nothing: {rows:#?}");
    let mut found = BTreeSet::new();
    for row in &rows {
        for advice in &row.advice {
            found.insert((row.comm.as_str(), advice["rule"].as_str().expect("a rule")));
            let certainty = advice["certainty"].as_str().expect("how certain it is");
            // Nothing but the kernel's own report is certain.
            let levels = match advice["rule"].as_str() {
                Some("zerocopy_not_achieved") => &["possible", "likely", "certain"][..],
                _ if cases::POSSIBLE.contains(&case.name) => &["possible"],
                _ => &["possible", "likely"],
            };
            assert!(levels.contains(&certainty), "{advice}");
            assert!(advice["condition"].as_str().is_some_and(|text| text.starts_with("if ")));
        }
    }
    let mut expected: BTreeSet<_> = case.rules.iter().map(|(name, rule)| (*name, *rule)).collect();
    if cases::AT_MOST.contains(&case.name) {
        expected.retain(|it| found.contains(it));
    }
    assert_eq!(found, expected, "{rows:#?}");
    Ok(())
}

fn savings() -> Result<(), Skip> {
    for row in run()?.report.processes() {
        let saved: u64 = row
            .advice
            .iter()
            .map(|advice| advice["saved_copied_bytes"].as_u64().expect("bytes"))
            .sum();
        assert!(saved <= row.counter("copied_bytes"), "{row:#?}");
    }
    Ok(())
}
