//! `zc serve` as others see it: scraped by hand and by the real Prometheus, looked at by `zc top --connect`, and
//! bothered by clients that are slow, broken or hostile. Live on this machine's kernel, so these need root.
#![expect(clippy::unwrap_used, reason = "a test")]

mod clients;
mod contrib;
mod manager;
mod prometheus;
mod scrapes;
mod served;
mod viewers;
mod workload;

use std::process::ExitCode;

use zc_test_support::{
    pty,
    requirement::{self, Skip},
    runner::{self, trial},
    zc,
};

/// A test: it panics when something is wrong.
type Test = fn() -> Result<(), Skip>;

fn main() -> ExitCode {
    let tests = [
        contrib::TESTS,
        scrapes::TESTS,
        prometheus::TESTS,
        clients::TESTS,
        manager::TESTS,
        viewers::TESTS,
    ];
    let trials = tests.concat().into_iter().map(|(name, test)| trial(name.to_owned(), test));
    runner::run(trials.collect())
}
