//! One process per kind of system call, each with figures that are known in advance.
//!
//! A single `zc stat` watches them all: the workload `scenarios` forks a child for each, which
//! executes nothing, so there is no start-up to subtract. Sizes and counts are primes: a number
//! that is right by accident is unlikely.

mod cache;
mod completions;
mod direct;
mod evidence;
mod files;
#[cfg(target_arch = "x86_64")]
pub(crate) mod foreign;
mod memory;
mod messages;
mod misled;
mod packets;
mod passed;
mod pipes;
mod received;
pub(crate) mod rings;
mod sockets;
mod threads;
mod transfers;

use std::{
    collections::BTreeMap,
    fs,
    os::fd::{AsRawFd, RawFd},
    path::{Path, PathBuf},
    sync::LazyLock,
};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    report::{Count, Paths, Process, Report, number},
    requirement::{self, Skip},
    workload::fork,
    zc::{idle, observe, on_disk, workload},
};

/// Bytes of the file that scenarios read: a prime, and no multiple of a page.
pub(crate) const INPUT: usize = 1_000_003;

/// Bytes of a figure that a scenario tells.
const FIGURE: usize = 20;

/// A piece of work and what it amounts to.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Does it, in a process of its own. `Err` says why this machine cannot.
    run: fn(&Stage) -> Result<(), String>,
    /// Every path that is used, but for those of the address space.
    expected: &'static [Expected],
    /// Whether all of it goes through calls that `/proc/PID/io` counts too: not the calls of
    /// sockets, nor splice, vmsplice, tee, process_vm, io_uring, nor libaio.
    in_proc_io: bool,
    /// Whether all bytes are copied, also on paths that usually copy nothing.
    all_copied: bool,
    /// A path that copies as a rule, and of which nothing is copied here.
    by_reference: Option<&'static str>,
    /// The path whose bytes are assumed to be copied also where copies are measured.
    assumed: Option<&'static str>,
    /// Whether it becomes another program, which the kernel copies.
    executes: bool,
    /// How many threads it has.
    threads: u64,
    /// What else has to hold.
    also: fn(&Process, &Ground),
}

impl Scenario {
    const fn new(
        name: &'static str,
        run: fn(&Stage) -> Result<(), String>,
        expected: &'static [Expected],
    ) -> Self {
        Self {
            name,
            run,
            expected,
            in_proc_io: false,
            all_copied: false,
            by_reference: None,
            assumed: None,
            executes: false,
            threads: 1,
            also: |_, _| {},
        }
    }

    const fn in_proc_io(mut self) -> Self {
        self.in_proc_io = true;
        self
    }

    const fn all_copied(mut self) -> Self {
        self.all_copied = true;
        self
    }

    const fn by_reference(mut self, path: &'static str) -> Self {
        self.by_reference = Some(path);
        self
    }

    const fn assumed(mut self, path: &'static str) -> Self {
        self.assumed = Some(path);
        self
    }

    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "programs of another kind"))]
    const fn executes(mut self) -> Self {
        self.executes = true;
        self
    }

    const fn threads(mut self, threads: u64) -> Self {
        self.threads = threads;
        self
    }

    const fn also(mut self, check: fn(&Process, &Ground)) -> Self {
        self.also = check;
        self
    }
}

/// A path with its known figures.
pub(crate) struct Expected {
    path: &'static str,
    ops: usize,
    errors: usize,
    bytes: usize,
}

/// `ops` operations moved `bytes`.
const fn moved(path: &'static str, ops: usize, bytes: usize) -> Expected {
    Expected { path, ops, errors: 0, bytes }
}

/// `errors` operations failed and nothing moved.
const fn failed(path: &'static str, errors: usize) -> Expected {
    Expected { path, ops: 0, errors, bytes: 0 }
}

/// What a scenario finds when it begins.
pub(crate) struct Stage {
    /// A directory on the disk.
    directory: PathBuf,
}

impl Stage {
    /// Tells the check of a scenario a figure that it has found out: one write of [`FIGURE`] bytes.
    fn tell(&self, scenario: &str, figure: u64) {
        let file = self.directory.join(format!("{scenario}.figure"));
        fs::write(file, format!("{figure:0FIGURE$}")).expect("room for a figure");
    }

    /// A file of [`INPUT`] bytes that is in the page cache.
    fn input(&self) -> fs::File {
        fs::File::open(self.directory.join("input")).expect("the input is there")
    }

    /// A new file that can be read too.
    fn output(&self, name: &str) -> fs::File {
        fs::File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(self.directory.join(name))
            .expect("a new file")
    }
}

/// What a call returned, or a panic that says why it failed.
fn ok(result: isize) -> usize {
    let error = std::io::Error::last_os_error();
    usize::try_from(result).unwrap_or_else(|_| panic!("a call failed: {error}"))
}

/// The call failed with `errno`.
fn fails(result: isize, errno: i32) {
    let error = std::io::Error::last_os_error();
    assert_eq!((result, error.raw_os_error()), (-1, Some(errno)), "{error}");
}

fn fd(file: &impl AsRawFd) -> RawFd {
    file.as_raw_fd()
}

fn all() -> impl Iterator<Item = &'static Scenario> {
    #[cfg(not(target_arch = "x86_64"))]
    mod foreign {
        pub(super) const SCENARIOS: &[super::Scenario] = &[];
    }
    [
        cache::SCENARIOS,
        files::SCENARIOS,
        foreign::SCENARIOS,
        pipes::SCENARIOS,
        sockets::SCENARIOS,
        received::SCENARIOS,
        transfers::SCENARIOS,
        evidence::SCENARIOS,
        memory::SCENARIOS,
        misled::SCENARIOS,
        rings::SCENARIOS,
        direct::SCENARIOS,
        completions::SCENARIOS,
        packets::SCENARIOS,
        passed::SCENARIOS,
        threads::SCENARIOS,
    ]
    .into_iter()
    .flatten()
}

/// The workload: every scenario in a child, one after the other.
pub(crate) fn run_all(directory: &Path) {
    fs::write(directory.join("input"), vec![b'z'; INPUT]).expect("room for the input");
    let stage = Stage { directory: directory.to_owned() };
    let mut results = serde_json::Map::new();
    for scenario in all() {
        let excuse = directory.join(format!("{}.excuse", scenario.name));
        let child = fork(|| match (scenario.run)(&stage) {
            Ok(()) => 0,
            Err(why) => {
                fs::write(&excuse, why).expect("room for an excuse");
                EXCUSED
            }
        });
        child.wait_until_dead();
        let io = child.proc_io();
        let usage = child.reap();
        results.insert(
            scenario.name.to_owned(),
            json!({
                "pid": child.pid, "status": usage.code, "rchar": io.rchar, "wchar": io.wchar,
                "write_bytes": io.write_bytes,
                "minor": usage.minor, "major": usage.major,
                "voluntary": usage.voluntary, "involuntary": usage.involuntary,
            }),
        );
    }
    fs::write(directory.join("results"), Value::from(results).to_string()).expect("room");
}

/// Exit status of a scenario that this machine cannot do.
const EXCUSED: i32 = 77;

/// What the kernel and the scenarios themselves say of the same run.
pub(crate) struct Ground {
    report: Report,
    results: BTreeMap<String, Value>,
    excuses: BTreeMap<String, String>,
    /// What scenarios have found out.
    figures: BTreeMap<String, u64>,
}

impl Ground {
    /// The row of a scenario.
    fn row(&self, scenario: &str) -> Process {
        self.report.process(number(&self.results[scenario], "pid"))
    }
}

/// The one run that all tests here look at.
static GROUND: LazyLock<Ground> = LazyLock::new(make);

fn make() -> Ground {
    let directory = on_disk();
    let mut command = Vec::from(workload());
    command.extend(["scenarios".into(), directory.path().to_owned()]);
    let observed = observe(&[], &command);
    let results = fs::read_to_string(directory.path().join("results")).expect("results");
    let excuse = |name: &str| {
        let text = fs::read_to_string(directory.path().join(format!("{name}.excuse"))).ok()?;
        Some((name.to_owned(), text))
    };
    let figure = |name: &str| {
        let text = fs::read_to_string(directory.path().join(format!("{name}.figure"))).ok()?;
        Some((name.to_owned(), text.parse().expect("a figure")))
    };
    Ground {
        report: observed.report,
        results: serde_json::from_str(&results).expect("results are JSON"),
        excuses: all().filter_map(|scenario| excuse(scenario.name)).collect(),
        figures: all().filter_map(|scenario| figure(scenario.name)).collect(),
    }
}

/// A test per scenario.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials: Vec<_> = all()
        .map(|scenario| {
            let name = format!("scenarios::{}", scenario.name);
            crate::trial(name, move || check(scenario))
        })
        .collect();
    trials.push(crate::trial("scenarios::nothing_was_lost".to_owned(), || {
        requirement::ebpf()?;
        nothing_was_lost()
    }));
    trials
}

fn nothing_was_lost() -> Result<(), Skip> {
    if !GROUND.report.losses().is_empty() {
        Report::complete(|| Ok(make().report), idle)?.assert_complete();
    }
    Ok(())
}

fn check(scenario: &Scenario) -> Result<(), Skip> {
    requirement::ebpf()?;
    let ground = &*GROUND;
    if let Some(why) = ground.excuses.get(scenario.name) {
        return Err(Skip::Kernel(why.clone()));
    }
    let result = &ground.results[scenario.name];
    assert_eq!(number(result, "status"), 0, "the scenario itself failed");
    let row = ground.row(scenario.name);
    assert!(row.exited);

    let expected: Paths = scenario
        .expected
        .iter()
        .map(|Expected { path, ops, errors, bytes }| {
            let count = Count { ops: *ops as u64, errors: *errors as u64, bytes: *bytes as u64 };
            ((*path).to_owned(), count)
        })
        .collect();
    let mut counted = row.data_paths();
    if scenario.executes {
        counted.remove("kernel_copy");
    }
    assert_eq!(counted, expected);
    check_copies(&row, scenario);
    check_usage(&row, ground, result, scenario.threads);
    // The kernel adds what children did that were waited for: one of them has written the program that is executed.
    if let Some(dirtied) = row.known("block_dirtied_bytes")
        && !scenario.executes
    {
        let written = number(result, "write_bytes");
        assert_eq!(dirtied, written, "bytes dirtied, compared with /proc/PID/io");
    }
    if scenario.in_proc_io {
        check_proc_io(&row, result);
    }
    (scenario.also)(&row, ground);
    Ok(())
}

/// Paths on which the kernel copies nothing when all goes well. Pseudo files copy or do not.
const BY_REFERENCE: [&str; 13] = [
    "direct_read",
    "direct_write",
    "socket_recv_zerocopy",
    "vmsplice",
    "tee",
    "sendfile_to_socket",
    "sendfile_to_pipe",
    "splice_file_pipe",
    "splice_pipe_socket",
    "splice_socket_pipe",
    "splice_pipe_pipe",
    "copy_range_reflink",
    "mmap_read",
];

/// Where copies are measured, every byte of a copying path was copied once, and nothing else was.
fn check_copies(row: &Process, scenario: &Scenario) {
    let mut moved = BTreeMap::<&str, usize>::new();
    for Expected { path, bytes, .. } in scenario.expected {
        *moved.entry(path.split(':').next().expect("a path")).or_default() += bytes;
    }
    for (path, bytes) in moved {
        let (copied, provenance) = row.copied(path);
        let is_by_reference = BY_REFERENCE.contains(&path) && !scenario.all_copied
            || scenario.by_reference == Some(path);
        let has_no_model = path.contains("pseudo") || path == "kernel_copy";
        if provenance != "measured" && provenance != "assumed" || has_no_model {
            continue;
        }
        // Before 5.12 a pipe was written to like a file (`default_file_splice_write`, `fs/splice.c`).
        let copies_to_pipes = path == "sendfile_to_pipe" && requirement::kernel_before(5, 12);
        let expected = if is_by_reference && !copies_to_pipes { 0 } else { bytes };
        assert_eq!(copied, Some(expected as u64), "copied on {path}: {row:#?}");
        let expected = if scenario.assumed == Some(path) { "assumed" } else { "measured" };
        assert_eq!(provenance, expected, "copied on {path}");
    }
}

/// The kernel's own account of the process and of the children it has waited for, as `wait4`
/// returns it.
fn check_usage(row: &Process, ground: &Ground, result: &Value, threads: u64) {
    let children: Vec<_> =
        ground.report.processes().into_iter().filter(|child| child.parent == row.pid).collect();
    let zc = |counter: &str| {
        row.counter(counter) + children.iter().map(|child| child.counter(counter)).sum::<u64>()
    };
    let kernel = |what| number(result, what);
    assert_eq!(zc("page_faults_minor"), kernel("minor"), "minor faults");
    assert_eq!(zc("page_faults_major"), kernel("major"), "major faults");
    // A thread leaves the CPU for the last time after the kernel has added up what it reports, and
    // may be preempted once more on the way there: `zc` sees these switches, and the parent sees
    // them only if it looks late.
    let most = threads + children.len() as u64;
    for kind in ["voluntary", "involuntary"] {
        let switches = zc(&format!("context_switches_{kind}"));
        let unreported = switches.checked_sub(kernel(kind));
        assert!(
            unreported.is_some_and(|unreported| unreported <= most),
            "{switches} {kind} switches, the kernel says {}",
            kernel(kind)
        );
    }
}

/// `/proc/PID/io` knows two sums only: what was read, and what was written.
fn check_proc_io(row: &Process, result: &Value) {
    const THROUGH: [&str; 6] = [
        "sendfile_to_socket",
        "sendfile_to_file",
        "sendfile_to_pipe",
        "sendfile_to_pseudo",
        "copy_range_copied",
        "copy_range_reflink",
    ];
    let sum = |direction: &[&str]| -> u64 {
        let counts = |path: &&String| {
            let path = path.split(':').next().expect("a path");
            direction.contains(&path) || THROUGH.contains(&path)
        };
        row.paths.keys().filter(counts).map(|path| row.path(path).bytes).sum()
    };
    let read = sum(&["file_read", "direct_read", "pseudo_read", "pipe_read", "socket_recv"]);
    let written = sum(&["file_write", "direct_write", "pseudo_write", "pipe_write", "socket_send"]);
    assert_eq!(
        (read, written),
        (number(result, "rchar"), number(result, "wchar")),
        "bytes read and written, compared with /proc/PID/io"
    );
}
