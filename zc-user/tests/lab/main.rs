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
mod mystery;
mod outside;
mod page;
#[allow(dead_code, reason = "rows that need it are yet to come")]
mod row;
mod table;
mod user_copies;

use std::process::ExitCode;

use zc_test_support::{
    pty, report,
    requirement::{self, Skip},
    runner, zc,
};

/// A test: it panics when something is wrong.
type Test = fn() -> Result<(), Skip>;

fn main() -> ExitCode {
    let mut trials = row::trials();
    let tests: [&[(&str, Test)]; 9] = [
        row::TESTS,
        outside::TESTS,
        hazard::TESTS,
        failure::TESTS,
        interrupt::TESTS,
        mystery::TESTS,
        page::TESTS,
        forms::TESTS,
        user_copies::TESTS,
    ];
    for (name, test) in tests.concat() {
        trials.push(runner::trial(name.to_owned(), test));
    }
    runner::run(trials)
}
