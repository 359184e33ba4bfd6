//! What `zc` counts on the running kernel, compared with figures that are known exactly.
//!
//! The tests run the built binary as a user would and read its JSON. The programs it observes are
//! the usual ones (dd, cp, python, nginx...), and this very program: started as
//! `live workload NAME`, it makes system calls of known number and size instead of running tests.
//!
//! A test that cannot run here is counted as ignored and listed as `SKIPPED`, with the reason, after
//! the result. Where `CI` is set, only what the kernel lacks may be skipped: privileges and programs
//! have to be there.

mod advice;
mod devices;
mod exhaustion;
mod expectations;
mod export;
mod followed;
mod groups;
mod names;
mod nginx;
mod objects;
mod processes;
mod programs;
mod scenarios;
mod shapes;
mod stacks;
mod tax;
mod unseen;
mod user_copies;
mod witness;
mod workload;
mod writeback;
mod zc;

use std::{ffi::OsString, process::ExitCode};

use zc_test_support::{
    report,
    requirement::{self, Skip},
    runner::{self, trial},
};

/// A test: it panics when something is wrong.
type Test = fn() -> Result<(), Skip>;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == "workload") {
        let words: Vec<OsString> = words.collect();
        return workload::main(&words);
    }

    let mut trials = scenarios::trials();
    trials.extend(witness::trials());
    trials.extend(advice::trials());
    let tests = [
        programs::TESTS,
        processes::TESTS,
        exhaustion::TESTS,
        expectations::TESTS,
        export::TESTS,
        followed::TESTS,
        groups::TESTS,
        names::TESTS,
        devices::TESTS,
        shapes::TESTS,
        stacks::TESTS,
        nginx::TESTS,
        objects::TESTS,
        writeback::TESTS,
        tax::TESTS,
        user_copies::TESTS,
        unseen::TESTS,
    ];
    trials.extend(tests.concat().into_iter().map(|(name, test)| trial(name.to_owned(), test)));
    runner::run(trials)
}
