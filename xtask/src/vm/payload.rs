//! What goes into every guest: the tests, `zc`, the programs that they observe, and their libraries.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{create, python};
use crate::shell;
use crate::workspace;

/// A test program that can run in a guest: it needs no cargo and no sources.
struct Suite {
    name: &'static str,
    /// Parts of the names of the tests that run by default; if it is empty, all tests run.
    tests: &'static [&'static str],
    /// Whether it has tests that leave the kernel unusable for other tests.
    has_last: bool,
}

/// All suites. An emulated machine takes many seconds to attach the probes, so the tests that run
/// by default attach them once for many figures.
const SUITES: [Suite; 2] = [
    Suite { name: "matrix", tests: &[], has_last: true },
    Suite {
        name: "live",
        tests: &["scenarios::", "programs::", "nginx::", "fio_", "cp_", "iperf3_"],
        has_last: false,
    },
];

/// Programs of the host that guests have under the same path, as far as they are installed. What is
/// not among them is an applet of busybox.
const PROGRAMS: &[&str] = &[
    "bash",
    "cat",
    "chmod",
    "cp",
    "cut",
    "dash",
    "dd",
    "df",
    "env",
    "find",
    "grep",
    "head",
    "id",
    "ln",
    "ls",
    "mkdir",
    "mktemp",
    "mv",
    "nproc",
    "od",
    "ps",
    "rm",
    "sed",
    "seq",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "stat",
    "stdbuf",
    "sync",
    "tail",
    "tee",
    "timeout",
    "touch",
    "tr",
    "true",
    "truncate",
    "wc",
    "yes", // coreutils and the like
    "blkid",
    "chrt",
    "fallocate",
    "losetup",
    "mount",
    "nsenter",
    "prlimit",
    "setpriv",
    "setsid",
    "taskset",
    "umount",
    "unshare", // util-linux
    "depmod",
    "insmod",
    "lsmod",
    "modprobe",
    "rmmod", // kmod
    "mkfs.btrfs",
    "mkfs.ext4",
    "mkfs.xfs", // file systems
    "ethtool",
    "ip",
    "iperf3",
    "tc", // network
    "fio",
    "nginx",
    "perf",
    "python3",
    "strace",
    "sysctl", // witnesses, and programs to observe
];

/// Directories that are links where `/usr` has been merged.
const MERGED: [&str; 5] = ["bin", "sbin", "lib", "lib32", "lib64"];

/// What is left of our programs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keep {
    /// Code and the names of its functions.
    Symbols,
    /// Code only: `zc stacks` does not search large programs for names then, which takes emulated machines minutes.
    Code,
}

/// The files of every guest.
pub(crate) struct Payload {
    /// Where a file is in the guest, and where it is here.
    pub(crate) files: Vec<(PathBuf, PathBuf)>,
    /// Links in the guest, and what they point to.
    pub(crate) links: Vec<(PathBuf, PathBuf)>,
    /// Directories of the guest that are on its disk.
    pub(crate) on_disk: Vec<String>,
    suites: Vec<(&'static Suite, PathBuf)>,
}

/// Builds the tests and gathers what they need. The set-up has been done before.
pub(crate) fn build(directory: &Path) -> Result<Payload> {
    let suites = test_programs()?;
    let zc = workspace::target()?.join("debug/zc");
    let programs: Vec<_> = suites.iter().map(|(_, program)| program.clone()).chain([zc]).collect();
    Ok(Payload { suites, ..gather(directory, &programs, Keep::Symbols)? })
}

/// Gathers what programs of ours need, and them.
pub(crate) fn gather(directory: &Path, ours: &[PathBuf], keep: Keep) -> Result<Payload> {
    let target = workspace::target()?;
    let zc = target.join("debug/zc");
    let stripped = directory.join("stripped");
    create(&stripped)?;
    let mut files = Vec::new();
    for (index, program) in ours.iter().enumerate() {
        let name = program.file_name().context("a program without a name")?;
        // Several may have the same name.
        let copy = stripped.join(format!("{index}-{}", name.to_string_lossy()));
        // Nine tenths of a program are for a debugger.
        let keep = match keep {
            Keep::Symbols => "--strip-debug",
            Keep::Code => "--strip-all",
        };
        let mut strip = shell::command("strip", &[keep, "-o"]);
        shell::capture(strip.arg(&copy).arg(program))?;
        // At the same place as here, because the tests know `zc` by its full path.
        files.push((program.clone(), copy));
    }
    let mut links = vec![(PathBuf::from("/usr/bin/zc"), zc)];
    for name in MERGED {
        let path = Path::new("/").join(name);
        if let Ok(to) = fs::read_link(&path) {
            links.push((path, to));
        }
    }

    let mut programs: Vec<_> = PROGRAMS.iter().filter_map(|name| find(name)).collect();
    if let Some(python) = find("python3") {
        programs.extend(python::modules(&python)?);
    }
    let busybox = find("busybox").context("busybox is not installed")?;
    files.push((PathBuf::from("/busybox"), busybox));
    let mut dynamic: Vec<PathBuf> = files.iter().map(|(_, here)| here.clone()).collect();
    dynamic.append(&mut programs.clone());
    programs.extend(libraries(&dynamic)?);
    for path in programs {
        files.push((in_real_directory(&path)?, path));
    }
    let mut on_disk = vec!["/tmp".to_owned(), "/var/tmp".to_owned()];
    // What cargo tells tests as a place for files.
    on_disk.push(target.join("tmp").display().to_string());
    // Read line by line.
    on_disk.push(String::new());
    Ok(Payload { files, links, on_disk, suites: Vec::new() })
}

impl Payload {
    /// The script that a guest runs: all suites with `words`, or else a line of shell.
    pub(crate) fn script(&self, run: Option<&str>, words: &[String]) -> String {
        if let Some(run) = run {
            return format!("{run}\n");
        }
        let mut script = String::from("failed=0\n");
        for (suite, program) in &self.suites {
            let mut line = vec![shell::quote(&program.to_string_lossy())];
            if words.is_empty() {
                line.extend(suite.tests.iter().map(|word| shell::quote(word)));
            } else {
                line.extend(words.iter().map(|word| shell::quote(word)));
            }
            script.push_str(&format!("{} || failed=1\n", line.join(" ")));
        }
        // What takes rights from the kernel that it does not give back.
        for (_, program) in self.suites.iter().filter(|(suite, _)| suite.has_last) {
            let words = words.iter().map(|word| shell::quote(word));
            let program = shell::quote(&program.to_string_lossy());
            let line: Vec<_> = std::iter::once(program).chain(words).collect();
            script.push_str(&format!("ZC_VM_LAST=1 {} || failed=1\n", line.join(" ")));
        }
        script.push_str("exit $failed\n");
        script
    }
}

/// Builds the tests, and `zc` with them. Returns where they are, which only cargo knows.
fn test_programs() -> Result<Vec<(&'static Suite, PathBuf)>> {
    let targets: Vec<_> = SUITES.iter().map(|suite| ("--test", suite.name)).collect();
    Ok(SUITES.iter().zip(programs(&targets)?).collect())
}

/// Builds targets of the workspace, each given as an option of cargo with a name. Returns the
/// program of each.
pub(crate) fn programs(targets: &[(&str, &str)]) -> Result<Vec<PathBuf>> {
    // The same packages as for all tests: with others, features differ, and all is built twice.
    let mut build = vec!["test", "--workspace", "--exclude", "zc-ebpf", "--no-run"];
    build.extend(targets.iter().flat_map(|(option, name)| [*option, *name]));
    // The first one shows the compiler's messages, the second one has nothing left to do.
    shell::run(&mut shell::cargo(&build))?;
    let mut list = shell::cargo(&build);
    let messages = shell::capture(list.args(["--quiet", "--message-format=json"]))?;
    let executable = |name: &str| {
        messages
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["target"]["name"] == name)
            .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
    };
    let found = targets.iter().map(|(_, name)| {
        executable(name)
            .with_context(|| format!("cargo built '{name}' but did not say where it is"))
    });
    found.collect()
}

/// The full path of a program, where root's `PATH` looks.
fn find(name: &str) -> Option<PathBuf> {
    let directories = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"];
    directories.into_iter().map(|directory| Path::new(directory).join(name)).find(|it| it.is_file())
}

/// The libraries of programs, and the program that loads them.
fn libraries(programs: &[PathBuf]) -> Result<BTreeSet<PathBuf>> {
    // Its status is 1 if one of them is static, and it says of each what it found.
    let mut ldd = shell::command("ldd", &[]);
    let output = ldd.args(programs).output().context("cannot run ldd")?;
    let text = String::from_utf8_lossy(&output.stdout);
    // Indented, other than the name of the program: `\tlibc.so.6 => /lib/libc.so.6 (0x7f...)`
    let lines = text.lines().filter(|line| line.starts_with('\t'));
    let paths = lines.filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    Ok(paths.map(PathBuf::from).collect())
}

/// `path` with its directory resolved: `/bin/sh` is `/usr/bin/sh` where `/bin` is a link.
fn in_real_directory(path: &Path) -> Result<PathBuf> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        bail!("'{}' is no file", path.display());
    };
    let parent = fs::canonicalize(parent)
        .with_context(|| format!("cannot find the directory of '{}'", path.display()))?;
    Ok(parent.join(name))
}
