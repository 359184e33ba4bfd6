//! Runs tests that may turn out to be impossible here.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::requirement::Skip;

/// Runs those of `trials` that the command line asks for.
pub(crate) fn run(mut trials: Vec<Trial>) -> ExitCode {
    let (words, filters) = filters(std::env::args().collect());
    let arguments = Arguments::from_iter(words);
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
pub(crate) fn trial(name: String, test: impl Fn() -> Result<(), Skip> + Send + 'static) -> Trial {
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
