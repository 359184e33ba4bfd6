//! A module that is loaded while `zc` counts: `zc` reports that it has no probes there.
//!
//! The test unloads the module, which other programs and tests may need: it runs in guests only,
//! after the other tests.

use std::{fs, path::Path, process::Command, sync::LazyLock};

use crate::{
    Test,
    degraded::{reason, unless_measured},
    report::Report,
    requirement::{self, Skip},
    zc::{run, zc},
};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] =
    &[("late::what_a_module_does_that_zc_did_not_find_is_not_measured", || OUTCOME.clone())];

/// The result of the test. A test after which the kernel loads no module any more waits for it.
pub(crate) static OUTCOME: LazyLock<Result<(), Skip>> = LazyLock::new(encryption);

/// The module that encrypts.
const MODULE: &str = "tls";

fn encryption() -> Result<(), Skip> {
    requirement::administrator()?;
    unless_measured()?;
    if !modprobe(&["--dry-run", MODULE]) {
        return Err(Skip::Kernel(format!("this kernel has no module {MODULE}")));
    }
    assert!(modprobe(&["--remove", MODULE]), "cannot unload {MODULE}: is it in use?");
    assert!(!Path::new("/sys/module").join(MODULE).exists(), "{MODULE} cannot be unloaded");

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.json");
    let mut command = zc(["stat", "--json", "-o"]);
    command.arg(&path).arg("--").arg(std::env::current_exe().unwrap());
    command.args(["workload", "tls"]).arg(directory.path());
    run(command).exits(0);
    let text = fs::read_to_string(&path).unwrap();
    crate::keep("late.json", text.as_bytes());

    let report = serde_json::from_str(&text).unwrap();
    let why = reason(&report, "transformed_bytes");
    for part in ["the module tls was loaded after zc", "start zc again"] {
        assert!(why.contains(part), "{why}");
    }
    for process in Report::parse(&text).processes() {
        assert_eq!(process.known("transformed_bytes"), None, "{process:#?}");
    }
    Ok(())
}

fn modprobe(words: &[&str]) -> bool {
    Command::new("modprobe").args(words).status().is_ok_and(|status| status.success())
}
