//! A module that takes the place of another: what was remembered of the files of the first says nothing
//! about those of the second.
//!
//! The kernel gives the memory of a module to the next one, so a table of file operations can appear at
//! the address of another. Modules with equal sections are laid out alike: both are `overlay`, and one of
//! them gives its file systems the type of `configfs`, whose files `zc` counts on another path. The test
//! unloads a module that others may need: it runs in guests only, after the other tests.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use crate::{
    Test,
    report::{Count, Process, Report},
    requirement::{self, Skip},
    zc::{run, zc},
};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] =
    &[("reloaded::a_module_in_the_place_of_another_is_classified_again", || OUTCOME.clone())];

/// The result of the test. A test after which the kernel loads no module any more waits for it.
pub(crate) static OUTCOME: LazyLock<Result<(), Skip>> = LazyLock::new(replaced);

const MODULE: &str = "overlay";
/// Its table, as the kernel's symbols name it.
const TABLE: &str = "ovl_file_operations";
/// The types of both file systems, `include/uapi/linux/magic.h` and `fs/configfs/mount.c`, 5.10 to 7.2.
const OVERLAYFS_MAGIC: u32 = 0x794c_7630;
const CONFIGFS_MAGIC: u32 = 0x6265_6570;
/// What follows the signature of a module. Without these words the kernel looks for no signature, and one
/// that does not match what is signed would be refused.
const SIGNED: &[u8] = b"~Module signature appended~\n";

/// How often one module is replaced with the other until one has the table of the other.
const MOST_ROUNDS: usize = 16;
/// Bytes of the file: a prime.
const SIZE: usize = 1_048_573;
/// Its transfers, and the one that finds its end.
const READS: u64 = 16 + 1;

fn replaced() -> Result<(), Skip> {
    requirement::administrator()?;
    let module = format!("/lib/modules/{}/{MODULE}.ko", release());
    let Ok(module) = fs::read(&module) else {
        return Err(Skip::Kernel(format!("there is no '{module}'")));
    };
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let module = module.strip_suffix(SIGNED).unwrap_or(&module);
    fs::write(at("files.ko"), module).unwrap();
    fs::write(at("pseudo.ko"), retyped(module)).unwrap();
    for name in ["one", "two", "merged"] {
        fs::create_dir(at(name)).unwrap();
    }
    fs::write(at("one/file"), vec![b'z'; SIZE]).unwrap();
    // With what it needs, and out again: the test loads it from its own files.
    modprobe(&[MODULE]);
    modprobe(&["--remove", MODULE]);

    let report = at("report.json");
    let observe = |words: &[&str]| {
        let mut command = zc(["stat", "--json", "-o"]);
        command.arg(&report).arg("--").args(words);
        run(command).exits(0);
        let report = fs::read_to_string(&report).unwrap();
        crate::keep("reloaded.json", report.as_bytes());
        Report::parse(&report)
    };
    let program = std::env::current_exe().unwrap();
    let words = [&*program, Path::new("workload"), Path::new("reloaded"), directory.path()];
    let words = words.map(|word| word.to_str().unwrap());
    let report = Report::complete(|| Ok(observe(&words)), || observe(&["sleep", "1"]))?;
    report.assert_complete();
    let mut readers = report.processes();
    readers.retain(|process| process.comm == "dd");
    readers.sort_by_key(|process| process.start_ns);

    let rounds: Vec<(u64, u64)> =
        serde_json::from_str(&fs::read_to_string(at("tables.json")).unwrap()).unwrap();
    crate::keep("reloaded.tables.json", format!("{rounds:x?}").as_bytes());
    let [idle, busy @ ..] = &readers[..] else { panic!("no dd") };
    assert_eq!(busy.len(), 2 * rounds.len(), "{readers:#?}");
    let whole = Count { ops: READS, errors: 0, bytes: SIZE as u64 };
    for (at, reader) in busy.iter().enumerate() {
        let counts = (more(reader, idle, "file_read"), more(reader, idle, "pseudo_read"));
        let expected =
            if at % 2 == 0 { (whole, Count::default()) } else { (Count::default(), whole) };
        assert_eq!(counts, expected, "reader {at}, tables at {rounds:x?}");
    }
    match rounds.last() {
        Some((one, other)) if one == other => Ok(()),
        _ => Err(Skip::Kernel(format!("no table took the address of another: {rounds:x?}"))),
    }
}

/// What a process moved on a path that `idle`, which is the same program, did not.
fn more(busy: &Process, idle: &Process, path: &str) -> Count {
    let (busy, idle) = (busy.path(path), idle.path(path));
    Count {
        ops: busy.ops - idle.ops,
        errors: busy.errors - idle.errors,
        bytes: busy.bytes - idle.bytes,
    }
}

/// The module with another type for its file systems. The code names it, so the sections stay as they are.
fn retyped(module: &[u8]) -> Vec<u8> {
    let (from, to) = (OVERLAYFS_MAGIC.to_le_bytes(), CONFIGFS_MAGIC.to_le_bytes());
    let places: Vec<_> = (0..module.len()).filter(|at| module[*at..].starts_with(&from)).collect();
    assert!(!places.is_empty(), "{MODULE} does not name its type");
    let mut module = module.to_vec();
    for at in places {
        module[at..][..to.len()].copy_from_slice(&to);
    }
    module
}

/// What this program does when it is started as `matrix workload reloaded DIRECTORY`.
pub(crate) fn workload(directory: &Path) {
    // For what `dd` reads before it copies.
    read(&directory.join("one/file"), &["count=0"]);
    let mut rounds = Vec::new();
    while rounds.len() < MOST_ROUNDS && rounds.last().is_none_or(|(one, other)| one != other) {
        rounds.push((visit(directory, "files.ko"), visit(directory, "pseudo.ko")));
    }
    fs::write(directory.join("tables.json"), serde_json::to_string(&rounds).unwrap()).unwrap();
}

/// Loads the module, reads a file through it and unloads it. Returns the address of its table.
fn visit(directory: &Path, module: &str) -> u64 {
    let at = |name: &str| directory.join(name);
    command("insmod", &[at(module)]);
    let merged = at("merged");
    let mut options = at("one").into_os_string();
    options.push(":");
    options.push(at("two"));
    let mut mount = Command::new("mount");
    mount.args(["-t", "overlay", "overlay", "-o"]);
    let mut lower = std::ffi::OsString::from("lowerdir=");
    lower.push(options);
    mount.arg(lower).arg(&merged);
    succeeds(&mut mount);
    read(&merged.join("file"), &[]);
    let table = table();
    command("umount", &[merged]);
    command("rmmod", &[PathBuf::from(MODULE)]);
    table
}

fn read(file: &Path, more: &[&str]) {
    let mut dd = Command::new("dd");
    dd.arg(format!("if={}", file.display())).args(["of=/dev/null", "bs=64k", "status=none"]);
    succeeds(dd.args(more));
}

/// Where the table is now.
fn table() -> u64 {
    let symbols = fs::read_to_string("/proc/kallsyms").unwrap();
    let mut tables = symbols.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (address, name) = (words.next()?, words.nth(1)?);
        (name == TABLE).then(|| u64::from_str_radix(address, 16).unwrap())
    });
    let table = tables.next().expect("the kernel names the table");
    assert_ne!(table, 0, "the kernel hides its addresses");
    table
}

fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

fn modprobe(words: &[&str]) {
    succeeds(Command::new("modprobe").args(words));
}

fn command(program: &str, words: &[PathBuf]) {
    succeeds(Command::new(program).args(words));
}

#[track_caller]
fn succeeds(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}
