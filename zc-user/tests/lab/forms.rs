//! The forms that the lab's results come in.

use serde_json::Value;

use crate::{
    Test,
    failure::bare,
    pty::Pty,
    requirement::Skip,
    zc::{Finished, run, zc},
};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("forms::a_line_per_scenario_and_no_progress_in_a_pipe", csv),
    ("forms::every_sink_that_a_scenario_has", every_sink),
    ("forms::two_scenarios_take_turns", compare),
    ("forms::a_file_gets_what_the_pipe_would", file),
    ("forms::progress_on_a_terminal_leaves_no_trace", progress),
    ("forms::quiet_means_no_progress", quiet),
];

/// Small, as only the forms are of interest.
const SMALL: [&str; 4] = ["--size", "65537", "--repeat", "2"];

fn lab(words: &[&str]) -> Finished {
    run(bare(&[&["lab"], words, &SMALL[..]].concat())).exits(0)
}

fn csv() -> Result<(), Skip> {
    let finished = lab(&["run", "sendfile", "read_write", "--csv"]);
    assert_eq!(finished.stderr(), "");
    let text = finished.stdout();
    let scenarios: Vec<_> = text.lines().filter_map(|line| line.split(',').next()).collect();
    assert_eq!(scenarios, ["scenario", "sendfile", "read_write"]);
    Ok(())
}

fn strings<'a>(values: &'a Value, key: &str) -> Vec<&'a str> {
    values.as_array().unwrap().iter().map(|value| value[key].as_str().unwrap()).collect()
}

fn every_sink() -> Result<(), Skip> {
    let list = run(zc(["lab", "list", "sendfile", "--json"])).exits(0).json();
    let known: Vec<_> = list["scenarios"][0]["sinks"].as_array().unwrap().iter().collect();
    assert!(known.len() > 1, "{list}");
    let document = lab(&["run", "sendfile", "--sink", "all", "--json"]).json();
    assert_eq!(strings(&document["findings"], "sink"), known);
    Ok(())
}

fn compare() -> Result<(), Skip> {
    let words = ["compare", "read_write", "sendfile", "--sink", "pipe"];
    let document = lab(&[&words[..], &["--json"]].concat()).json();
    assert_eq!(strings(&document["findings"], "scenario"), ["read_write", "sendfile"]);
    assert_eq!(strings(&document["findings"], "outcome"), ["ran", "ran"]);
    assert_eq!(document["findings"][0]["rounds"], 2);
    let throughput = &document["comparison"]["throughput"];
    let [min, max] = ["min", "max"].map(|end| throughput[end].as_f64().unwrap());
    assert!(0.0 < min && min <= max, "{throughput}");

    let text = lab(&words).stdout();
    for part in ["alternating, to pipe", "RATIO", "the throughput"] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    Ok(())
}

fn file() -> Result<(), Skip> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.md");
    let words = ["run", "read_write", "--markdown", "--output", path.to_str().unwrap()];
    assert_eq!(lab(&words).stdout(), "");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("| SCENARIO | SINK |"), "{text}");
    Ok(())
}

/// What stays on the screen of a terminal after these words.
fn on_a_terminal(words: &[&str]) -> String {
    let pty = Pty::open(80, 24);
    let words: Vec<_> = ["lab"].iter().chain(words).chain(&SMALL).copied().collect();
    let mut child = pty.spawn(&words);
    assert!(child.wait().unwrap().success());
    pty.rest()
}

fn progress() -> Result<(), Skip> {
    let seen = on_a_terminal(&["run", "read_write", "sendfile", "--sink", "pipe"]);
    for line in [
        "running 1 of 2: read + write to pipe, round 2 of 2",
        "running 2 of 2: sendfile to pipe, round 1 of 2",
    ] {
        let (before, after) = seen.split_once(line).unwrap_or_else(|| panic!("{line}: {seen:?}"));
        assert!(before.ends_with("\r\x1b[K"), "{before:?}");
        assert!(after.starts_with("\r\x1b[K"), "{after:?}");
    }
    Ok(())
}

fn quiet() -> Result<(), Skip> {
    let seen = on_a_terminal(&["run", "read_write", "--quiet"]);
    assert!(seen.contains("Verdict") && !seen.contains("running"), "{seen:?}");
    Ok(())
}
