//! Kinds of hooks that a kernel may refuse, switched off: each takes its own numbers away, and the
//! outputs say so.
//!
//! Every start of `zc` takes many seconds in an emulated machine: few starts switch off many things.

mod dashboard;
pub(crate) mod paths;

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use serde_json::Value;

use crate::{
    Test,
    agreement::{self, group},
    requirement::{self, Skip},
    zc::{in_own_mounts, run, zc},
};
use paths::{SIZE, Watched};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("degraded::copies_without_a_group_are_modelled_and_others_measured", groups),
    ("degraded::without_kprobes_what_modules_copy_is_assumed", kprobes),
    ("degraded::doctor_names_all_that_is_switched_off", doctor),
    ("degraded::the_dashboard_says_that_copies_are_modelled", dashboard::says_modelled),
    ("degraded::with_types_from_a_file_copies_are_modelled", types),
];

/// The groups of copy sites, half by half: each is off while others are on.
const HALVES: [&[&str]; 2] = [
    &["copy_files", "copy_late", "mapped"],
    &["copy_pipes", "copy_sockets", "copy_faults", "bounce"],
];

/// Paths whose copies a group sees.
const SEEN: [(&str, &[&str]); 5] = [
    ("copy_files", &["file_read", "file_write"]),
    ("copy_pipes", &["pipe_read", "pipe_write"]),
    ("copy_sockets", &["socket_recv", "socket_send"]),
    ("copy_faults", &["cow_copy"]),
    ("mapped", &["mmap_read"]),
];

/// Counters that need a group, and what they are without it.
const COUNTERS: [(&str, &[&str], &str); 4] = [
    ("copy_sockets", &["zerocopy_achieved_bytes", "transformed_bytes"], "unavailable"),
    ("copy_late", &["zerocopy_achieved_bytes", "zerocopy_linearized_bytes"], "unavailable"),
    ("copy_faults", &["cow_copied_bytes"], "modelled"),
    ("kprobes", &["transformed_bytes"], "unavailable"),
];

/// What this kernel measures with everything that it has.
pub(crate) fn unless_measured() -> Result<&'static Watched, Skip> {
    let watched = paths::all()?;
    if watched.report["totals"]["provenance"]["copied_bytes"] == "measured" {
        Ok(watched)
    } else {
        Err(Skip::Kernel("copies are not measured here".to_owned()))
    }
}

fn groups() -> Result<(), Skip> {
    let all = unless_measured()?;
    for (_, ids) in SEEN {
        for path in ids {
            assert_eq!(all.provenances(path), BTreeSet::from(["measured"]), "{path}");
        }
    }
    for (_, counters, _) in COUNTERS {
        for counter in counters {
            assert!(all.report["totals"]["counters"][counter].is_number(), "{counter}");
        }
    }
    let less = paths::watch(&off(HALVES[0]))?;
    check(&less, HALVES[0]);
    let findings = run(zc([vec!["doctor", "--json"], off(HALVES[0])].concat())).exits(0).json();
    agreement::check(&findings, &less.report);
    // Where the range that the kernel tries to map is reported, that remains.
    let left = less.provenances("mmap_read").into_iter().next().unwrap_or("unavailable");
    assert_eq!(group(&findings, "mapped")["provenance"], left, "{findings:#}");
    Ok(())
}

/// The other half, kprobes, and the group that is no loss where mapped pages are counted one by one.
fn kprobes() -> Result<(), Skip> {
    let all = unless_measured()?;
    let mut gone = HALVES[1].to_vec();
    gone.extend(["kprobes", "mmap"]);
    let less = paths::watch(&off(&gone))?;
    check(&less, &gone);
    let findings = run(zc([vec!["doctor", "--json"], off(&gone)].concat())).exits(0).json();
    agreement::check(&findings, &less.report);
    let mmap = group(&findings, "mmap");
    assert_eq!((&mmap["verdict"], &mmap["provenance"]), (&"OK".into(), &"measured".into()));
    assert!(mmap["what"].as_str().unwrap().contains("measured by mapped"), "{mmap:#}");
    // btrfs writes in a module; where it is part of the kernel image it is probed like the rest.
    if all.has_module {
        assert_eq!(all.module_write(), (SIZE, "measured"));
        assert_eq!(less.module_write(), (SIZE, "assumed"));
        let reason = reason(&less.report, "copied_bytes");
        assert!(reason.contains("--without kprobes"), "{reason}");
    }
    Ok(())
}

fn off<'a>(parts: &[&'a str]) -> Vec<&'a str> {
    parts.iter().flat_map(|part| ["--without", part]).collect()
}

/// Without `gone`: what they see is not measured, and says why; the rest is.
fn check(watched: &Watched, gone: &[&str]) {
    let report = &watched.report;
    for (group, paths) in SEEN {
        let expected = if gone.contains(&group) { "modelled" } else { "measured" };
        for path in paths {
            let found = watched.provenances(path);
            // Some kernels have no event for mapped pages, either.
            let may_lack = *path == "mmap_read" && gone.contains(&group) && found.is_empty();
            assert!(may_lack || found == BTreeSet::from([expected]), "{path}: {found:?}");
        }
    }
    for (group, counters, worth) in COUNTERS {
        for counter in counters.iter().filter(|_| gone.contains(&group)) {
            let value = &report["totals"]["counters"][counter];
            assert_eq!(value.is_null(), worth == "unavailable", "{counter}: {value}");
            let reason = reason(report, counter);
            let known = gone.iter().any(|part| reason.contains(&format!("--without {part}")));
            assert!(known || worth == "modelled", "{counter}: {reason}");
        }
    }
    let copying = ["copy_files", "copy_pipes", "copy_sockets"];
    if let Some(first) = copying.iter().find(|group| gone.contains(group)) {
        let reason = reason(report, "copied_bytes");
        assert!(reason.contains(&format!("--without {first}")), "{reason}");
    }
}

/// Why a counter is not simply measured: all that is said of it.
pub(crate) fn reason(report: &Value, counter: &str) -> String {
    let limitations = report["limitations"].as_array().unwrap().iter();
    let of_it = limitations.filter(|limitation| limitation["counter"] == counter);
    let reasons: Vec<_> = of_it.map(|limitation| limitation["reason"].as_str().unwrap()).collect();
    assert!(!reasons.is_empty(), "{counter} is not limited: {:#}", report["limitations"]);
    reasons.join("; ")
}

fn doctor() -> Result<(), Skip> {
    unless_measured()?;
    let parts = ["kprobes"].iter().chain(HALVES.iter().copied().flatten());
    let parts: Vec<&str> = parts.copied().chain(["tax", "net", "block", "io_uring"]).collect();
    let words = [vec!["doctor", "--json"], off(&parts)].concat();
    let findings = run(zc(words)).exits(0).json();
    for part in parts {
        let finding = group(&findings, part);
        assert_eq!(finding["verdict"], "DEGRADED", "{finding:#}");
        assert_ne!(finding["provenance"], "measured", "{finding:#}");
        let what = finding["what"].as_str().unwrap();
        // Without any site there is nothing for kprobes to add to.
        let why = if part == "kprobes" { "disabled" } else { &format!("--without {part}") };
        let sites = HALVES.iter().any(|half| half.contains(&part));
        let why = if sites { "disabled" } else { why };
        assert!(what.contains("not measured") && what.contains(why), "{what}");
    }
    let copies = group(&findings, "copies");
    assert_eq!(
        (&copies["verdict"], &copies["provenance"]),
        (&"DEGRADED".into(), &"modelled".into())
    );
    Ok(())
}

fn types() -> Result<(), Skip> {
    unless_measured()?;
    let directory = tempfile::tempdir().unwrap();
    let types = directory.path().join("types");
    fs::copy("/sys/kernel/btf/vmlinux", &types).unwrap();
    let hidden = "mount -t tmpfs none /sys/kernel/btf; exec \"$0\"";
    run(in_own_mounts(&format!("{hidden} stat -- true")))
        .fails(1, &["no type information", "CONFIG_DEBUG_INFO_BTF=y", "--btf"]);
    let doctor = run(in_own_mounts(&format!("{hidden} doctor"))).exits(1).stdout();
    assert!(doctor.contains("BLOCKING  type information"), "{doctor}");

    let (types, to) = (types.display(), directory.path().join("to"));
    let script = format!(
        "{hidden} stat --btf {types} -- dd if=/dev/zero of={} bs=4099 count=7 status=none",
        to.display()
    );
    let text = run(in_own_mounts(&script)).exits(0).stderr();
    assert!(text.contains("copies are modelled"), "{text}");
    let mut rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row.first() == Some(&"file_write")).unwrap();
    assert!(row[1] == "7" && row.last().unwrap().ends_with('~'), "{text}");
    let notes = text.split_once("\nNotes\n").unwrap().1;
    assert!(notes.contains("~ modelled: functions are traced by the kernel's own type"), "{text}");
    Ok(())
}

/// A btrfs file system, mounted in a guest only, where no other program sees it.
pub(crate) struct Btrfs(PathBuf);

impl Btrfs {
    /// `None` outside of guests, and where btrfs is no module.
    fn mount() -> Result<Option<Self>, Skip> {
        if std::env::var_os("ZC_VM_RESULTS").is_none() {
            return Ok(None);
        }
        requirement::program("mkfs.btrfs")?;
        let place = PathBuf::from("/run/btrfs");
        let script = "mkdir -p /run/btrfs && truncate -s 120M /tmp/btrfs.img && \
                      mkfs.btrfs -q -f /tmp/btrfs.img && mount -o loop /tmp/btrfs.img /run/btrfs";
        let output = Command::new("sh").args(["-ec", script]).output().unwrap();
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cannot mount btrfs: {why}");
        Ok(Some(Self(place)))
    }
}

impl Drop for Btrfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
