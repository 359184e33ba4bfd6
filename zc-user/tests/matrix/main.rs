//! What has to hold on every kernel that `zc` supports, whatever it lets one measure.
//!
//! `cargo xtask vm` boots these kernels and runs this program in them: it needs no sources, and no
//! programs but the most usual ones. On the host it runs like any other test. What it finds worth
//! keeping goes to the directory `ZC_VM_RESULTS`, if there is one.
#![expect(clippy::unwrap_used, reason = "a test")]

mod contended;
mod degraded;
mod doctor;
mod exact;
mod lab;
#[allow(dead_code, reason = "shared with tests that need more of it")]
#[path = "../live/report.rs"]
mod report;
#[allow(dead_code, reason = "shared with tests that need more of it")]
#[path = "../live/requirement.rs"]
mod requirement;
#[path = "../live/runner.rs"]
mod runner;
#[allow(dead_code, reason = "shared with tests that need more of it")]
#[path = "../edge/zc.rs"]
mod zc;

use std::{env, fs, path::PathBuf, process::ExitCode};

use requirement::Skip;

/// A test: it panics when something is wrong.
type Test = fn() -> Result<(), Skip>;

fn main() -> ExitCode {
    let tests = [doctor::TESTS, exact::TESTS, contended::TESTS, degraded::TESTS, lab::TESTS];
    let tests = tests.concat().into_iter();
    runner::run(tests.map(|(name, test)| runner::trial(name.to_owned(), test)).collect())
}

/// Keeps `contents` for whoever runs these tests in a virtual machine.
fn keep(name: &str, contents: &[u8]) {
    if let Some(directory) = env::var_os("ZC_VM_RESULTS") {
        fs::write(PathBuf::from(directory).join(name), contents).unwrap();
    }
}
