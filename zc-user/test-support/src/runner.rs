//! Runs tests that may turn out to be impossible here, and says which were.

use std::{
    env,
    fs::File,
    io::Write as _,
    process::ExitCode,
    sync::{Mutex, PoisonError},
};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::requirement::Skip;

/// Names a file to which a line is added for every skipped test: a tool that runs several test programs
/// can tell of all of them in the end.
const SKIPS: &str = "ZC_TEST_SKIPS";

/// Tests that could not run, and why.
static SKIPPED: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Runs those of `trials` that the command line asks for.
pub fn run(mut trials: Vec<Trial>) -> ExitCode {
    let (words, filters) = filters(env::args().collect());
    let arguments = Arguments::from_iter(words);
    trials.retain(|trial| {
        filters.is_empty() || filters.iter().any(|part| trial.name().contains(part.as_str()))
    });
    let conclusion = libtest_mimic::run(&arguments, trials);
    tell_skipped();
    conclusion.exit_code()
}

/// After the result, where it is seen.
fn tell_skipped() {
    let mut skipped = SKIPPED.lock().unwrap_or_else(PoisonError::into_inner);
    skipped.sort();
    let lines: String =
        skipped.iter().map(|(name, why)| format!("SKIPPED: {name}: {why}\n")).collect();
    print!("{lines}");
    if let Some(path) = env::var_os(SKIPS) {
        let file = File::options().create(true).append(true).open(path);
        let written = file.and_then(|mut file| file.write_all(lines.as_bytes()));
        written.expect("the file for skipped tests can be written");
    }
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

/// `test` for the runner: a skip is counted as such, and is a failure where everything should be there.
pub fn trial(name: String, test: impl Fn() -> Result<(), Skip> + Send + 'static) -> Trial {
    let shown = name.clone();
    Trial::ignorable_test(name, move || match test() {
        Ok(()) => Ok(Completion::Completed),
        Err(skip) if skip.is_excused() => {
            // A line each.
            let why = skip.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            let mut skipped = SKIPPED.lock().unwrap_or_else(PoisonError::into_inner);
            skipped.push((shown.clone(), why.clone()));
            Ok(Completion::ignored_with(why))
        }
        Err(skip) => Err(Failed::from(format!("cannot run: {skip}"))),
    })
}
