//! Call stacks of copies: estimates, compared with what is known to have been copied, and the functions that made
//! the calls.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Test,
    requirement::{self, Skip},
    workload::sites::{ONE, THREE, TIMES},
    zc::{workload, zc},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("stacks::two_functions_have_what_they_copied_within_the_margin", two),
    ("stacks::folded_stacks_and_a_profile_are_written", forms),
    ("stacks::every_copy_is_in_a_row", sums),
    ("stacks::lost_samples_stand_for_what_is_missing", losses),
    ("stacks::functions_have_names_after_the_first_thread_has_ended", without_first_thread),
];

/// Margins of 95 % are 1.96 standard deviations to both sides: this is what chance exceeds once in a million runs.
const CERTAIN: f64 = 5.0 / 1.96;
/// A wider margin, as a share, says little.
const WIDEST: f64 = 0.25;

/// Runs the workload with the options of `zc stacks`.
fn run(options: &[&str]) -> Vec<u8> {
    run_of("sites", options)
}

/// The same of one of the workloads that copy so.
fn run_of(name: &str, options: &[&str]) -> Vec<u8> {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("data");
    fs::write(&file, vec![7; THREE]).expect("there is room");
    let mut command = zc();
    command.arg("stacks").args(options).arg("--").args(workload()).arg(name).arg(&file);
    let output = command.output().expect("zc runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

struct Report(Value);

/// An estimate and its margin.
#[derive(Clone, Copy, Debug)]
struct Estimate {
    bytes: f64,
    margin: f64,
}

impl Report {
    fn of_a_run() -> Self {
        Self::of("sites")
    }

    /// The same with samples enough of both functions. While others on the machine copy a lot, there are fewer of these:
    /// then it runs again.
    fn with_samples(name: &str) -> Self {
        let has_enough = |report: &Self| {
            let is_enough =
                |function, truth| report.through(function).margin < WIDEST * (TIMES * truth) as f64;
            is_enough("three", THREE) && is_enough("one", ONE)
        };
        let mut reports = (0..3).map(|_| Self::of(name));
        reports.find(has_enough).unwrap_or_else(|| Self::of(name))
    }

    fn of(name: &str) -> Self {
        Self(serde_json::from_slice(&run_of(name, &["--format", "json"])).expect("JSON"))
    }

    fn rows(&self) -> &[Value] {
        self.0["stacks"].as_array().expect("rows")
    }

    /// The sum of the rows for which this holds.
    fn sum(&self, holds: impl Fn(&Value) -> bool) -> Estimate {
        let number = |row: &Value, name: &str| row[name].as_f64().expect("a number");
        let (mut bytes, mut variance) = (0.0, 0.0);
        for row in self.rows().iter().filter(|row| holds(row)) {
            bytes += number(row, "copied_bytes");
            variance += number(row, "copied_bytes_margin").powi(2);
        }
        Estimate { bytes, margin: variance.sqrt() }
    }

    /// What was copied through a function of the workload.
    fn through(&self, function: &str) -> Estimate {
        let name = format!("::sites::{function}");
        let is_it = |frame: &Value| {
            frame["function"].as_str().is_some_and(|function| function.ends_with(&name))
        };
        self.sum(|row| row["frames"].as_array().expect("frames").iter().any(is_it))
    }

    /// What lost samples stand for: an estimate like that of a row.
    fn lost(&self) -> Estimate {
        let number = |name: &str| self.0[name].as_f64().expect("a number");
        Estimate { bytes: number("stacks_lost_bytes"), margin: number("stacks_lost_bytes_margin") }
    }
}

/// Of the functions of a process it is not known whose samples were lost: none, or all of them.
fn assert_is(estimate: Estimate, lost: Estimate, truth: usize) {
    let missing = truth as f64 - estimate.bytes;
    let margin = CERTAIN * estimate.margin.hypot(lost.margin);
    let is_within = -CERTAIN * estimate.margin <= missing && missing <= lost.bytes + margin;
    assert!(is_within, "{estimate:?} of {truth}, lost {lost:?}");
    assert!(estimate.margin < WIDEST * truth as f64, "{estimate:?} of {truth}");
}

/// An emulated machine takes longer to read the names of this program, whose symbols are tens of megabytes, than it
/// runs: its stacks have none then.
fn names_in_time() -> Result<(), Skip> {
    requirement::ebpf()?;
    match std::env::var_os("ZC_VM_RESULTS") {
        Some(_) => Err(Skip::Kernel("an emulated machine finds no names in time".into())),
        None => Ok(()),
    }
}

fn two() -> Result<(), Skip> {
    names_in_time()?;
    let report = Report::with_samples("sites");
    let (three, one) = (report.through("three"), report.through("one"));
    assert_is(three, report.lost(), TIMES * THREE);
    assert_is(one, report.lost(), TIMES * ONE);
    // The function that made the call is right below the one of the C library.
    let below = |row: &Value| row["frames"][1]["function"].as_str().map(str::to_owned);
    let both: Vec<_> = report.rows().iter().filter_map(below).collect();
    for function in ["three", "one"] {
        let is_there = both.iter().any(|name| name.ends_with(&format!("::sites::{function}")));
        assert!(is_there, "{function}: {both:?}");
    }
    Ok(())
}

fn without_first_thread() -> Result<(), Skip> {
    names_in_time()?;
    let report = Report::with_samples("sites_without_first_thread");
    assert_is(report.through("three"), report.lost(), TIMES * THREE);
    assert_is(report.through("one"), report.lost(), TIMES * ONE);
    Ok(())
}

fn sums() -> Result<(), Skip> {
    requirement::ebpf()?;
    assert_is_complete(&Report::of_a_run());
    Ok(())
}

/// There is no room for the samples of seconds in which nothing takes them.
fn losses() -> Result<(), Skip> {
    requirement::ebpf()?;
    if std::env::var_os("ZC_VM_RESULTS").is_some() {
        return Err(Skip::Kernel("an emulated machine takes minutes to copy that much".into()));
    }
    let report = Report::of("sites_unread");
    let lost = report.lost();
    let Estimate { bytes, margin } = lost;
    assert!(bytes > margin && margin > 0.0, "{lost:?}");
    assert_is_complete(&report);
    Ok(())
}

fn assert_is_complete(report: &Report) {
    let of_path = |row: &Value| row["path"] == "file_read";
    let paths = report.0["totals"]["paths"].as_array().expect("paths");
    let counted = paths.iter().find(|path| path["path"] == "file_read").expect("the path");
    let copied = |path: &Value| path["copied_bytes"].as_f64().expect("a number");
    let counted = counted["copied_bytes"].as_u64().expect("a number");
    assert!(counted >= (TIMES * (ONE + THREE)) as u64, "{counted}");
    let (estimate, lost) = (report.sum(of_path), report.lost());
    assert_is(estimate, lost, counted as usize);
    // It is the only path that copies much: all that was lost is of it.
    let all =
        Estimate { bytes: estimate.bytes + lost.bytes, margin: estimate.margin.hypot(lost.margin) };
    let others: f64 = paths.iter().filter(|path| path["path"] != "file_read").map(copied).sum();
    let difference = (all.bytes - counted as f64).abs();
    assert!(difference <= CERTAIN * all.margin + others, "{all:?} of {counted}, others {others}");
}

fn forms() -> Result<(), Skip> {
    names_in_time()?;
    let folded = String::from_utf8(run(&["--format", "folded"])).expect("text");
    let mut bytes = 0.0;
    for line in folded.lines() {
        let (stack, number) = line.rsplit_once(' ').expect("a number at the end");
        let number: f64 = number.parse().expect("a number");
        if stack.split(';').any(|part| part.ends_with("::sites::three")) {
            assert!(stack.ends_with(";[file_read]"), "{line}");
            bytes += number;
        }
    }
    let truth = (TIMES * THREE) as f64;
    assert!((bytes - truth).abs() < 0.5 * truth, "{bytes} of {truth}: {folded}");
    let profile = run(&["--format", "pprof"]);
    assert_eq!(profile[..2], [0x1f, 0x8b], "gzip");
    Ok(())
}
