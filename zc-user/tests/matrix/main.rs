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
mod hotplug;
mod lab;
mod late;
mod locked;
mod reloaded;
mod tls;
mod tracers;
mod verified;
mod wires;

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use zc_test_support::{
    agreement, child, gate, pty, report,
    requirement::{self, Skip},
    runner, zc,
};

/// Set when nothing else will run on this kernel any more: what cannot be undone comes then.
const LAST: &str = "ZC_VM_LAST";

/// A test: it panics when something is wrong.
type Test = fn() -> Result<(), Skip>;

fn main() -> ExitCode {
    let words: Vec<_> = env::args_os().skip(1).collect();
    if words.first().is_some_and(|word| word == "workload") {
        return workload(&words[1..]);
    }
    let trials = |tests: &[&[(&'static str, Test)]]| -> Vec<_> {
        let tests = tests.concat().into_iter();
        tests.map(|(name, test)| runner::trial(name.to_owned(), test)).collect()
    };
    if env::var_os(LAST).is_some() {
        return runner::run(trials(&[hotplug::TESTS, late::TESTS, reloaded::TESTS, locked::TESTS]));
    }
    let mut trials = trials(&[
        doctor::TESTS,
        exact::TESTS,
        contended::TESTS,
        degraded::TESTS,
        lab::TESTS,
        tracers::TESTS,
        verified::TESTS,
    ]);
    trials.extend(tls::trials());
    trials.extend(wires::trials());
    runner::run(trials)
}

/// What this program does instead of running tests: it is observed.
fn workload(words: &[OsString]) -> ExitCode {
    let [name, directory] = words else { panic!("no workload in {words:?}") };
    match name.to_str() {
        Some("paths") => degraded::paths::workload(Path::new(directory)),
        Some("reloaded") => reloaded::workload(Path::new(directory)),
        Some("tracers") => tracers::workload(Path::new(directory)),
        Some("tls") => tls::workload(Path::new(directory)),
        Some("wires") => wires::workload(Path::new(directory)),
        _ => panic!("there is no workload {name:?}"),
    }
    ExitCode::SUCCESS
}

/// Whether this is a guest of `cargo xtask vm`, where copies are measured and no other
/// program uses the devices.
fn is_guest() -> bool {
    env::var_os("ZC_VM_RESULTS").is_some()
}

/// Saves `contents` as a result of the guest, if the tests run in one.
fn keep(name: &str, contents: &[u8]) {
    if let Some(directory) = env::var_os("ZC_VM_RESULTS") {
        fs::write(PathBuf::from(directory).join(name), contents).unwrap();
    }
}
