//! What `zc` counts on the running kernel, beside figures that are known exactly.
//!
//! The tests run the built binary as a user would and read its JSON. The programs it observes are
//! the usual ones (dd, cp, python, nginx...), and this very program: started as
//! `live workload NAME`, it makes system calls of known number and size instead of running tests.
//!
//! A test that cannot run here says `SKIPPED` and why. Where `CI` is set, only what the kernel
//! lacks may be skipped: privileges and programs have to be there.

mod devices;
mod exhaustion;
mod names;
mod nginx;
mod processes;
mod programs;
mod report;
mod requirement;
mod scenarios;
mod workload;
mod zc;

use std::{ffi::OsString, process::ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};

use requirement::Skip;

/// A test: it panics when something is wrong.
type Test = fn() -> Result<(), Skip>;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == "workload") {
        let words: Vec<OsString> = words.collect();
        return workload::main(&words);
    }

    let (words, filters) = filters(std::env::args().collect());
    let arguments = Arguments::from_iter(words);
    let mut trials = scenarios::trials();
    for (name, test) in [
        programs::TESTS,
        processes::TESTS,
        exhaustion::TESTS,
        names::TESTS,
        devices::TESTS,
        nginx::TESTS,
    ]
    .concat()
    {
        trials.push(trial(name.to_owned(), test));
    }
    trials.retain(|trial| {
        filters.is_empty() || filters.iter().any(|part| trial.name().contains(part.as_str()))
    });
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The parts of names on the command line, when there are several: the usual test programs take any
/// number of them, this runner takes one. The rest is left to the runner.
fn filters(words: Vec<String>) -> (Vec<String>, Vec<String>) {
    const WITH_VALUE: [&str; 5] = ["--color", "--format", "--logfile", "--skip", "--test-threads"];
    let is_filter = |at: usize| {
        at > 0 && !words[at].starts_with('-') && !WITH_VALUE.contains(&words[at - 1].as_str())
    };
    let (filters, rest): (Vec<_>, Vec<_>) = (0..words.len()).partition(|at| is_filter(*at));
    let pick = |places: Vec<usize>| places.into_iter().map(|at| words[at].clone()).collect();
    if filters.len() < 2 { (words, Vec::new()) } else { (pick(rest), pick(filters)) }
}

/// `test` for the runner: a skip is told, and is a failure where everything should be there.
fn trial(name: String, test: impl Fn() -> Result<(), Skip> + Send + 'static) -> Trial {
    let shown = name.clone();
    Trial::test(name, move || match test() {
        Ok(()) => Ok(()),
        Err(skip) if skip.is_excused() => {
            eprintln!("SKIPPED: {shown}: {skip}");
            Ok(())
        }
        Err(skip) => Err(Failed::from(format!("cannot run: {skip}"))),
    })
}
