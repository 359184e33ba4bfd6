//! A kernel that is locked down, or whose switches are off: it does not refuse what `zc` asks for, or
//! refuses it for good.
//!
//! What is locked down stays so: in guests only, after everything else.

use std::{fs, path::Path, process::Command};

use crate::{
    Test,
    agreement::group,
    degraded::{paths, reason, unless_measured},
    late, reloaded,
    requirement::{self, Skip},
    zc::{run, zc},
};

/// The tests; one, because they are about the same kernel.
pub(crate) const TESTS: &[(&str, Test)] =
    &[("locked::every_switch_and_every_mode_of_lockdown_is_reported", everything)];

const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

fn everything() -> Result<(), Skip> {
    requirement::administrator()?;
    unless_measured()?;
    // What is locked down lets no module be loaded.
    let _ = (&*late::OUTCOME, &*reloaded::OUTCOME);
    kprobes();
    functions_and_addresses();
    if !Path::new(LOCKDOWN).exists() {
        return Err(Skip::Kernel("this kernel has no lockdown".to_owned()));
    }
    integrity();
    confidentiality();
    Ok(())
}

/// A switch of the kernel, put back in the end.
struct Switch(&'static str, String);

impl Switch {
    fn set(path: &'static str, value: &str) -> Self {
        let before = fs::read_to_string(path).unwrap();
        fs::write(path, value).unwrap();
        Self(path, before.trim().to_owned())
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        let _ = fs::write(self.0, &self.1);
    }
}

/// Kprobes can be attached, and do not fire.
fn kprobes() {
    let _off = Switch::set("/sys/kernel/debug/kprobes/enabled", "0");
    let watched = paths::watch(&[]).unwrap();
    assert_eq!(watched.provenances("file_write").into_iter().collect::<Vec<_>>(), ["measured"]);
    if watched.has_module {
        assert_eq!(watched.module_write(), (paths::SIZE, "assumed"));
    }
    assert!(watched.report["totals"]["counters"]["transformed_bytes"].is_null());
    for counter in ["transformed_bytes", "copied_bytes"] {
        let why = reason(&watched.report, counter);
        assert!(why.contains("kprobes are switched off"), "{counter}: {why}");
    }
}

/// Programs can be attached to functions, and do not run; where the copy routines are is hidden. That
/// sampling is for the privileged is no limit to who has the privilege.
fn functions_and_addresses() {
    let _functions = Switch::set("/proc/sys/kernel/ftrace_enabled", "0");
    let _addresses = Switch::set("/proc/sys/kernel/kptr_restrict", "2");
    let _sampling = Switch::set("/proc/sys/kernel/perf_event_paranoid", "3");

    let findings = run(zc(["doctor", "--json"])).exits(0).json();
    for (id, why) in [
        ("tax", "kernel.kptr_restrict=1"),
        ("copy_files", "kernel.ftrace_enabled=1"),
        ("mapped", "kernel.ftrace_enabled=1"),
        ("kprobes", "kernel.ftrace_enabled=1"),
    ] {
        let finding = group(&findings, id);
        assert_eq!(finding["verdict"], "DEGRADED", "{finding:#}");
        assert!(finding["reason"].as_str().unwrap().contains(why), "{finding:#}");
    }
    assert_eq!(group(&findings, "copies")["provenance"], "modelled");

    let words = ["dd", "if=/dev/zero", "of=/tmp/to", "bs=4099", "count=7", "status=none"];
    let text = run(zc(["stat", "--"].iter().chain(&words))).exits(0).stderr();
    assert!(text.contains("copies are modelled"), "{text}");
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["~ modelled: the tracing of functions is switched off", "kptr_restrict is 2"] {
        assert!(flat.contains(part), "{part}: {text}");
    }
    let row = text.lines().find(|line| line.trim_start().starts_with("file_write"));
    assert!(row.is_some_and(|row| row.trim_end().ends_with("/s~")), "{text}");
}

/// It takes nothing away.
fn integrity() {
    fs::write(LOCKDOWN, "integrity").unwrap();
    let findings = run(zc(["doctor", "--json"])).exits(0).json();
    let row = findings.as_array().unwrap().iter().find(|row| row["check"] == "lockdown").unwrap();
    assert_eq!(row["verdict"], "OK", "{row:#}");
    assert!(row["what"].as_str().unwrap().starts_with("integrity"), "{row:#}");
    for id in ["copy_files", "copy_sockets", "kprobes", "tax", "copies"] {
        assert_eq!(group(&findings, id)["provenance"], "measured", "{id}");
    }
}

/// No program may read the kernel's memory, which leaves nothing. That is said in one line, by every
/// verb.
fn confidentiality() {
    fs::write(LOCKDOWN, "confidentiality").unwrap();
    let why = ["locked down (confidentiality)", "lockdown=integrity"];
    run(zc(["stat", "--", "true"])).fails(1, &why);
    run(zc(["top", "--once", "--json"])).fails(1, &why);
    let doctor = run(zc(["doctor"])).exits(1).stdout();
    for check in ["lockdown", "probes"] {
        let row = doctor.lines().find(|line| line.split_whitespace().nth(1) == Some(check));
        let row = row.unwrap_or_else(|| panic!("no {check} in {doctor}"));
        assert!(row.starts_with("BLOCKING") && row.contains(why[0]), "{doctor}");
    }
    // The same without the file system that tells the mode.
    assert!(Command::new("umount").arg("/sys/kernel/security").status().unwrap().success());
    let doctor = run(zc(["doctor"])).exits(1).stdout();
    assert!(doctor.contains("BLOCKING  lockdown"), "{doctor}");
}
