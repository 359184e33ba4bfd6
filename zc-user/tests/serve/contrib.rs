//! What is shipped for other programs is what these accept.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use crate::{
    Test,
    requirement::{Skip, program},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("contrib::alerts_and_rules_pass_their_tests", rules),
    ("contrib::units_are_understood_by_systemd", units),
];

fn contrib(directory: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../contrib").join(directory)
}

fn said(output: &Output) -> String {
    [&*output.stdout, &*output.stderr].concat().iter().map(|byte| char::from(*byte)).collect()
}

fn rules() -> Result<(), Skip> {
    let promtool = program("promtool")?;
    for words in [
        &["check", "rules", "zc-alerts.yml", "zc-recording.yml"][..],
        &["test", "rules", "zc-alerts.test.yml"],
    ] {
        let output =
            Command::new(&promtool).args(words).current_dir(contrib("prometheus")).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{words:?}: {}", said(&output));
    }
    Ok(())
}

fn units() -> Result<(), Skip> {
    let analyze = program("systemd-analyze")?;
    let units = ["zc.socket", "zc.service"].map(|unit| contrib("systemd").join(unit));
    let output = Command::new(analyze).arg("verify").args(units).output().unwrap();
    let said = said(&output);
    // It complains of other units of the machine, too; and zc need not be installed here, nor its manual.
    let complaints = said
        .lines()
        .filter(|line| line.contains("zc.service") || line.contains("zc.socket"))
        .filter(|line| !line.contains("is not executable") && !line.contains("'man zc-serve(1)'"));
    assert_eq!(complaints.count(), 0, "{said}");
    Ok(())
}
