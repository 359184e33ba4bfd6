//! The lab end to end: every scenario to every sink, compared with figures that are known beforehand; what
//! others count for the same process; and what the lab does when things go wrong.
//!
//! Runs without root too: the payload must arrive all the same, and what cannot be compared is counted
//! as ignored and listed as `SKIPPED`, with the reason. Where `CI` is set, only what the kernel lacks
//! may be skipped.
#![expect(clippy::unwrap_used, reason = "a test")]

mod failure;
mod finding;
mod forms;
mod hazard;
mod interrupt;
mod outside;
#[allow(dead_code, reason = "shared with tests that need more of it")]
#[path = "../edge/pty.rs"]
mod pty;
#[allow(dead_code, reason = "shared with tests that need more of it")]
#[path = "../live/report.rs"]
mod report;
#[allow(dead_code, reason = "shared with tests that need more of it")]
#[path = "../live/requirement.rs"]
mod requirement;
#[allow(dead_code, reason = "rows that need it are yet to come")]
mod row;
#[path = "../live/runner.rs"]
mod runner;
mod table;
#[allow(dead_code, reason = "shared with tests that need more of it")]
#[path = "../edge/zc.rs"]
mod zc;

use std::process::ExitCode;

use requirement::Skip;

/// A test: it panics when something is wrong.
type Test = fn() -> Result<(), Skip>;

fn main() -> ExitCode {
    let mut trials = row::trials();
    let tests: [&[(&str, Test)]; 6] =
        [row::TESTS, outside::TESTS, hazard::TESTS, failure::TESTS, interrupt::TESTS, forms::TESTS];
    for (name, test) in tests.concat() {
        trials.push(runner::trial(name.to_owned(), test));
    }
    runner::run(trials)
}
