//! Kinds of hooks that a kernel may refuse, switched off one by one: each takes its own numbers away.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    Test,
    requirement::{self, Skip},
    zc::{run, zc},
};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("degraded::without_functions_copies_are_modelled", functions),
    ("degraded::without_a_group_its_paths_are_modelled", group),
    ("degraded::without_kprobes_modules_are_assumed", kprobes),
    ("degraded::with_types_from_a_file_copies_are_modelled", types),
];

/// Bytes copied: a prime.
const SIZE: u64 = 300_007;

/// Copied bytes of the program `dd` on `file_write`, and where they come from.
fn written(options: &[&str], to: &Path) -> (u64, String, Value) {
    let from = tempfile::tempdir().unwrap();
    let from = from.path().join("from");
    fs::write(&from, vec![b'z'; SIZE as usize]).unwrap();
    let mut command = zc(["stat", "--json"]);
    command.args(options).args(["--", "dd", "bs=4099", "status=none"]);
    command.arg(format!("if={}", from.display())).arg(format!("of={}", to.display()));
    let report = run(command).exits(0).json();
    let processes = report["processes"].as_array().unwrap();
    let dd = processes.iter().find(|process| process["comm"] == "dd").unwrap();
    let paths = dd["paths"].as_array().unwrap();
    let path = paths.iter().find(|path| path["path"] == "file_write").unwrap();
    assert_eq!(path["moved_bytes"], SIZE, "{path:#}");
    let provenance = path["provenance"].as_str().unwrap().to_owned();
    (path["copied_bytes"].as_u64().unwrap(), provenance, report)
}

/// What this kernel gives with everything that it has.
fn measures() -> Result<bool, Skip> {
    requirement::ebpf()?;
    requirement::program("dd")?;
    let directory = tempfile::tempdir().unwrap();
    let (copied, provenance, _) = written(&[], &directory.path().join("to"));
    assert_eq!(copied, SIZE);
    Ok(provenance == "measured")
}

fn unless_measured() -> Result<(), Skip> {
    if measures()? { Ok(()) } else { Err(Skip::Kernel("copies are not measured here".to_owned())) }
}

fn functions() -> Result<(), Skip> {
    unless_measured()?;
    let directory = tempfile::tempdir().unwrap();
    let (copied, provenance, report) =
        written(&["--without", "functions"], &directory.path().join("to"));
    assert_eq!((copied, provenance.as_str()), (SIZE, "modelled"));
    assert!(report["limitations"].to_string().contains("--without functions"), "{report:#}");
    let doctor = run(zc(["doctor", "--without", "functions"])).exits(0).stdout();
    for group in ["copy_files", "copy_pipes", "copy_sockets", "copy_late", "copy_faults", "mapped"]
    {
        let row = doctor.lines().find(|line| line.split_whitespace().nth(1) == Some(group));
        assert!(row.is_some_and(|row| row.starts_with("DEGRADED")), "{group}: {doctor}");
    }
    let text = run(zc(["stat", "--without", "functions", "--", "true"])).exits(0).stderr();
    assert!(text.contains("copies are modelled"), "{text}");
    Ok(())
}

fn group() -> Result<(), Skip> {
    unless_measured()?;
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("to");
    let (copied, provenance, _) = written(&["--without", "copy_files"], &to);
    assert_eq!((copied, provenance.as_str()), (SIZE, "modelled"));
    for other in ["copy_pipes", "copy_sockets", "copy_late", "copy_faults", "mapped", "bounce"] {
        let (copied, provenance, _) = written(&["--without", other], &to);
        assert_eq!((copied, provenance.as_str()), (SIZE, "measured"), "without {other}");
    }
    Ok(())
}

fn kprobes() -> Result<(), Skip> {
    unless_measured()?;
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("to");
    let (copied, provenance, _) = written(&["--without", "kprobes"], &to);
    assert_eq!((copied, provenance.as_str()), (SIZE, "measured"), "no module writes here");
    // btrfs writes in a module; where it is part of the kernel image it is probed like the rest.
    let Some(mounted) = Btrfs::mount()? else { return Ok(()) };
    let to = mounted.0.join("to");
    let (copied, provenance, _) = written(&[], &to);
    assert_eq!((copied, provenance.as_str()), (SIZE, "measured"));
    let (copied, provenance, _) = written(&["--without", "kprobes"], &to);
    assert_eq!((copied, provenance.as_str()), (SIZE, "assumed"));
    Ok(())
}

fn types() -> Result<(), Skip> {
    unless_measured()?;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("types");
    fs::copy("/sys/kernel/btf/vmlinux", &file).unwrap();
    let (copied, provenance, _) =
        written(&["--btf", file.to_str().unwrap()], &directory.path().join("to"));
    assert_eq!((copied, provenance.as_str()), (SIZE, "modelled"));
    Ok(())
}

/// A btrfs file system, mounted in a guest only: nobody else sees it there.
struct Btrfs(std::path::PathBuf);

impl Btrfs {
    fn mount() -> Result<Option<Self>, Skip> {
        if std::env::var_os("ZC_VM_RESULTS").is_none() {
            return Ok(None);
        }
        requirement::program("mkfs.btrfs")?;
        let place = std::path::PathBuf::from("/run/btrfs");
        let script = "mkdir -p /run/btrfs && truncate -s 120M /tmp/btrfs.img && \
                      mkfs.btrfs -q /tmp/btrfs.img && mount -o loop /tmp/btrfs.img /run/btrfs";
        let output = std::process::Command::new("sh").args(["-ec", script]).output().unwrap();
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cannot mount btrfs: {why}");
        Ok(Some(Self(place)))
    }
}

impl Drop for Btrfs {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}
