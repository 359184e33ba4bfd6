//! More threads than the table has room for: what cannot be attributed is still counted.
//!
//! A thread that found no slot has no row, so its calls cannot be distinguished from those of another
//! crowd or of any other process that calls tee(2) at that time. The two tests therefore run one at
//! a time, and repeat a measurement that has more calls than one crowd makes. Fewer calls are an
//! error at once.

use std::{
    process::Command,
    sync::{Mutex, PoisonError},
};

use crate::{
    Test,
    report::{Count, Report},
    requirement::{self, Skip},
    workload::crowd::BYTES,
    zc::{Watch, observe, workload},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("exhaustion::totals_reconcile_in_json", json),
    ("exhaustion::the_text_reports_the_loss", text),
    ("exhaustion::a_command_keeps_what_its_threads_did_without_a_slot", command),
];

/// Processes that are alive at the same time; the table has 64 slots.
const CROWD: u64 = 307;

/// How often another process may disturb a measurement.
const PATIENCE: usize = 7;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What `zc stat OPTIONS`, with 64 slots, saw of a crowd while no other process called tee(2).
/// `operations` finds how often tee(2) was called.
fn observe_crowd<T>(
    options: &[&str],
    finish: impl Fn(Watch) -> T,
    operations: impl Fn(&T) -> u64,
) -> T {
    // A failed test poisons the lock; the next test can run all the same.
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut seen = Vec::new();
    for _ in 0..PATIENCE {
        let watch = Watch::start(&[&["--max-threads", "64"], options].concat());
        let [program, word] = workload();
        let mut crowd = Command::new(program);
        let status = crowd.arg(word).args(["crowd", &CROWD.to_string()]).status();
        assert!(status.expect("the workload runs").success());
        let report = finish(watch);
        let count = operations(&report);
        assert!(count >= CROWD, "{count} of {CROWD} calls");
        if count == CROWD {
            return report;
        }
        seen.push(count);
    }
    panic!("{CROWD} calls of tee(2), and zc saw {seen:?}");
}

fn json() -> Result<(), Skip> {
    requirement::ebpf()?;
    let report = observe_crowd(&["--json"], Watch::finish, |report| report.totals()["tee"].ops);
    // Parsing has checked that the totals are the sum of the rows and the unattributed row.
    assert_eq!(report.totals()["tee"].bytes, CROWD * BYTES as u64);
    let unattributed = report.unattributed()["tee"];
    assert!(unattributed.ops >= CROWD - 64, "64 slots cannot hold {CROWD}: {unattributed:?}");
    assert_lost_slots(&report);
    Ok(())
}

/// Only what the command does is counted, and all of it.
fn command() -> Result<(), Skip> {
    requirement::ebpf()?;
    let crowd = [workload()[1].clone(), "crowd".into(), CROWD.to_string().into()];
    let command = [&[workload()[0].clone()], &crowd[..]].concat();
    let report = observe(&["--max-threads", "64"], &command).report;
    let expected = Count { ops: CROWD, errors: 0, bytes: CROWD * BYTES as u64 };
    assert_eq!(report.totals()["tee"], expected);
    assert!(report.unattributed()["tee"].ops >= CROWD - 64);
    assert_lost_slots(&report);
    Ok(())
}

/// Each process without a slot has lost at least one call; calls of other processes count, too.
fn assert_lost_slots(report: &Report) {
    let losses = report.losses();
    let lost = losses.get("slots_exhausted").copied().unwrap_or(0);
    assert!(lost >= CROWD - 64, "{losses:?}");
}

fn text() -> Result<(), Skip> {
    requirement::ebpf()?;
    let text = observe_crowd(&[], Watch::finish_text, |text| operations(text, "tee"));
    assert!(text.contains("(unattributed)"), "{text}");
    assert!(text.contains("Losses:"), "{text}");
    assert!(text.contains("slots_exhausted"), "{text}");
    Ok(())
}

/// The second word of the row of a path.
fn operations(text: &str, path: &str) -> u64 {
    let mut rows = text.lines().map(str::split_whitespace);
    let row = rows.find_map(|mut words| (words.next()? == path).then_some(words));
    let cell =
        row.and_then(|mut words| words.next()).unwrap_or_else(|| panic!("no {path}: {text}"));
    cell.replace(',', "").parse().unwrap_or_else(|_| panic!("{cell} operations: {text}"))
}
