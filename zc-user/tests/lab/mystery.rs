//! The exercise: three programs, graded by what was recorded; and nothing of it stays.

use std::{
    fs,
    io::{Read as _, Write as _},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

use rustix::process::Signal;
use zc_lab::mystery::{
    role::{NAMES, Role, assign},
    suspect,
};

use crate::{
    Test,
    requirement::{self, Skip},
    zc::{ZC, deadline, run, through, until, zc},
};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("mystery::the_right_one_is_graded_right", right),
    ("mystery::the_others_are_not", wrong),
    ("mystery::each_copies_as_often_as_its_role_says", ground_truth),
    ("mystery::names_are_typed_until_it_is_right", typed),
    ("mystery::nothing_is_left_at_any_signal", signals),
    ("mystery::without_probes_it_says_why", unprivileged),
];

/// Programs of another exercise have the same names, and recordings are of the whole machine.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What a test needs. None of the others runs at the same time.
fn alone() -> Result<MutexGuard<'static, ()>, Skip> {
    requirement::ebpf()?;
    // A failed test poisons the lock; the next test can run all the same.
    Ok(ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Of the roles that seed 0 gives: copies, refers, maps.
fn mystery(options: &[&str]) -> Command {
    let words = ["lab", "mystery", "--seed", "0", "--seconds", "2"];
    zc([&words[..], options].concat())
}

fn right() -> Result<(), Skip> {
    let _alone = alone()?;
    assert_eq!(assign(0), [Role::Copies, Role::Refers, Role::Maps]);
    let text = run(mystery(&["--fix", "alpha"])).exits(0).stdout();
    assert!(text.contains("Right: that was the one."), "{text}");
    assert!(text.contains("The fix is splice."), "{text}");
    Ok(())
}

fn wrong() -> Result<(), Skip> {
    let _alone = alone()?;
    for (name, word) in [("beta", "Nothing was saved"), ("gamma", "It did copy, but little")] {
        let text = run(mystery(&["--fix", name])).exits(1).stdout();
        assert!(text.contains(word), "{name}: {text}");
        assert!(text.contains("The right one would have been alpha."), "{name}: {text}");
    }
    Ok(())
}

/// Copies of each byte, whatever the rate: of a program that copies, two before and none after the fix.
fn ground_truth() -> Result<(), Skip> {
    let _alone = alone()?;
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    run(mystery(&["--fix", "alpha", "--keep", dir])).exits(0);
    for (name, before, after) in [("alpha", 2, 0), ("beta", 0, 0), ("gamma", 1, 1)] {
        for (file, copies) in [("before.zcr", before), ("after.zcr", after)] {
            let file = directory.path().join(file);
            let words = ["diff", file.to_str().unwrap(), file.to_str().unwrap()];
            let words = [&words[..], &["--comm", name, "--per", "byte", "--json"]].concat();
            let document = run(zc(words)).exits(0).json();
            let figures = document["figures"].as_array().unwrap();
            let copied = figures.iter().find(|it| it["id"] == "copied_per_byte");
            let value = copied.map_or(0.0, |it| it["a"]["value"].as_f64().unwrap());
            // A snapshot may fall between the two calls of a transfer.
            assert!((value - f64::from(copies)).abs() < 0.02, "{name}: {value}, not {copies}");
        }
    }
    Ok(())
}

fn typed() -> Result<(), Skip> {
    let _alone = alone()?;
    let mut command = mystery(&[]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"delta\nfix beta\nbeta\nALPHA\n").unwrap();
    let output = child.wait_with_output().unwrap();
    drop(input);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    let places = ["Expected alpha", "Nothing was saved", "is fixed already", "Right: that was"];
    let places = places.map(|word| text.find(word).unwrap_or_else(|| panic!("{word}: {text}")));
    assert!(places.is_sorted(), "{places:?}: {text}");
    // Without an answer, the solution.
    let text = run(mystery(&[])).exits(1).stdout();
    assert!(text.contains("The right one would have been alpha."), "{text}");
    Ok(())
}

fn signals() -> Result<(), Skip> {
    let _alone = alone()?;
    for (signal, code) in [
        (Signal::INT, Some(130)),
        (Signal::TERM, Some(143)),
        (Signal::HUP, Some(129)),
        (Signal::KILL, None),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let dir = directory.path().to_str().unwrap();
        // Descriptor 9 goes to whatever is started: its output ends when all of them are gone.
        let shell = ["sh", "-c", "exec \"$@\" 9>&1 1>/dev/null", "sh"];
        let words = ["lab", "mystery", "--seconds", "600", "--dir", dir];
        let mut command = through(&shell, ZC.as_ref(), &words);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        until("all three run", || names(&child).len() == NAMES.len());
        crate::zc::signal(child.id(), signal);
        let mut status = None;
        until(&format!("it has ended after {signal:?}"), || {
            status = child.try_wait().unwrap();
            status.is_some()
        });
        assert_eq!(status.unwrap().code(), code, "{signal:?}");
        let mut output = child.stdout.take().unwrap();
        let (ended, all_ended) = mpsc::channel();
        thread::spawn(move || {
            output.read_to_end(&mut Vec::new()).unwrap();
            ended.send(()).unwrap();
        });
        assert!(all_ended.recv_timeout(deadline()).is_ok(), "something runs on after {signal:?}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "{signal:?}");
    }
    Ok(())
}

/// The names of its children that are those of the exercise.
fn names(child: &Child) -> Vec<String> {
    let id = child.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let name = |pid: &str| fs::read_to_string(format!("/proc/{pid}/comm")).ok();
    let names = children.split_whitespace().filter_map(name).map(|name| name.trim().to_owned());
    names.filter(|name| NAMES.contains(&name.as_str())).collect()
}

fn unprivileged() -> Result<(), Skip> {
    let _alone = alone()?;
    let none = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    let words = ["lab", "mystery", "--seconds", "2", "--fix", "alpha"];
    run(through(&none, ZC.as_ref(), &words)).fails(1, &["cannot grade this exercise", "zc doctor"]);
    // A program of the exercise does nothing by itself.
    run(zc(["lab", "suspect", "alpha", "/tmp"])).fails(2, &["internal subcommand"]);
    assert_ne!(suspect::FIX, Role::Copies.code());
    Ok(())
}
