//! fio, whose report says how many bytes each of its jobs has moved, in how many operations.
//!
//! One run of fio has all jobs, each in a process of its own.

use std::{fmt, fs, io::Write as _, path::Path, sync::LazyLock};

use libtest_mimic::Trial;
use serde_json::Value;

use super::{Expected, check};
use crate::{
    report::{Process, Report, number},
    requirement::{self, Skip, program},
    runner::trial,
    workload::{Launch, Launched},
    zc::{observe, on_disk, workload},
};

/// Bytes and number of the operations that go through the page cache: primes, and no multiples of
/// anything that a kernel cares for.
const BUFFERED: (u64, u64) = (10_007, 101);
/// The same of those that do not: whole blocks of 4 KiB.
const DIRECT: (u64, u64) = (3 * 4096, 83);

/// A page of the mapped file.
const PAGE: u64 = 4096;

/// Most pages that the processes of fio write to for each other.
const SHARED: u64 = 16;

/// An engine with its options, and the figures that it leaves.
struct Engine {
    name: &'static str,
    options: &'static [&'static str],
    leaves: fn(&Job, &Truth) -> Vec<Expected>,
    /// Whether it can go around the page cache.
    direct: bool,
}

const fn engine(name: &'static str, options: &'static [&'static str]) -> Engine {
    Engine { name, options, leaves: plain, direct: true }
}

/// Every engine. What comes first in the options is fio's name of it.
const ENGINES: &[Engine] = &[
    engine("sync", &["sync"]),
    engine("psync", &["psync"]),
    engine("pvsync2", &["pvsync2"]),
    Engine { leaves: mapped, direct: false, ..engine("mmap", &["mmap"]) },
    Engine { leaves: spliced, direct: false, ..engine("splice", &["splice"]) },
    engine("libaio", &["libaio", "iodepth=5"]),
    // All that are under way are reaped by one call, as databases do.
    engine(
        "libaio_many",
        &["libaio", "iodepth=64", "iodepth_batch=64", "iodepth_batch_complete_max=64"],
    ),
    engine("io_uring", &["io_uring", "iodepth=5"]),
    engine("io_uring_vectored", &["io_uring", "iodepth=5", "nonvectored=0"]),
    engine("io_uring_registered", &["io_uring", "iodepth=5", "fixedbufs=1", "registerfiles=1"]),
    // A thread of the kernel submits.
    engine("io_uring_polled", &["io_uring", "iodepth=5", "sqthread_poll=1"]),
    // Threads of the kernel do the work.
    engine("io_uring_deferred", &["io_uring", "iodepth=5", "force_async=1"]),
];

/// One way to use an engine.
#[derive(Clone, Copy)]
struct Job {
    engine: &'static Engine,
    direct: bool,
    write: bool,
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cache = if self.direct { "direct" } else { "buffered" };
        let way = if self.write { "write" } else { "read" };
        write!(f, "{}_{cache}_{way}", self.engine.name)
    }
}

impl Job {
    /// Bytes of an operation, and how many of them.
    const fn size(&self) -> (u64, u64) {
        if self.direct { DIRECT } else { BUFFERED }
    }
}

/// Every job, in the order in which they run.
fn jobs() -> Vec<Job> {
    let ways = [(false, false), (false, true), (true, false), (true, true)];
    let jobs = ENGINES.iter().flat_map(|engine| {
        ways.into_iter()
            .filter(|(direct, _)| engine.direct || !*direct)
            .map(move |(direct, write)| Job { engine, direct, write })
    });
    jobs.collect()
}

/// What fio says of a job.
struct Truth {
    bytes: u64,
    operations: u64,
    /// `errno` with which it ended.
    error: u64,
}

/// All jobs.
struct Runs {
    report: Report,
    launched: Launched,
    truth: Vec<Truth>,
}

fn runs() -> Result<&'static Runs, Skip> {
    static RUNS: LazyLock<Result<Runs, Skip>> = LazyLock::new(run_all);
    requirement::ebpf()?;
    RUNS.as_ref().map_err(Clone::clone)
}

fn run_all() -> Result<Runs, Skip> {
    // Below the directory of the build: /tmp may be in memory, which cannot do direct I/O.
    let directory = on_disk();
    let words = words(directory.path())?;
    let plan = directory.path().join("plan");
    let text = serde_json::to_string(&[Launch { words }]).expect("a plan is JSON");
    fs::write(&plan, text).expect("room");
    let mut command = Vec::from(workload());
    command.extend(["launch".into(), plan.clone()]);
    let report = observe(&[], &command).report;
    let read = |path: &Path| fs::read_to_string(path).expect("a result");
    let launched: Vec<Launched> =
        serde_json::from_str(&read(&plan.with_extension("results"))).expect("results are JSON");
    let told: Value =
        serde_json::from_str(&read(&directory.path().join("told"))).expect("fio has written JSON");
    let told = told["jobs"].as_array().expect("jobs");
    let truth = jobs().iter().zip(told).map(|(job, told)| truth(*job, told)).collect();
    Ok(Runs { report, launched: launched[0].clone(), truth })
}

/// The command line, with all files made beforehand: fio would make them itself.
fn words(directory: &Path) -> Result<Vec<String>, Skip> {
    let mut words = with_time_slices()?;
    words.push(program("fio")?.to_string_lossy().into_owned());
    words.push("--output-format=json".to_owned());
    words.push(format!("--output={}", directory.join("told").display()));
    for job in jobs() {
        let (block, count) = job.size();
        let bytes = block * count;
        let file = directory.join(job.to_string());
        write_pages(&file, bytes);
        words.push(format!("--name={job}"));
        words.push("--invalidate=0".to_owned());
        words.push(format!("--filename={}", file.display()));
        words.push(format!("--rw={}", if job.write { "write" } else { "read" }));
        words.push(format!("--direct={}", u8::from(job.direct)));
        words.push(format!("--bs={block}"));
        words.push(format!("--size={bytes}"));
        let (name, options) = job.engine.options.split_first().expect("a name");
        words.push(format!("--ioengine={name}"));
        words.extend(options.iter().map(|option| format!("--{option}")));
    }
    Ok(words)
}

/// The command that must start fio in a guest of `cargo xtask vm`. A guest runs everything in a
/// scheduling class without time slices: a job that polls would never let the kernel thread that does
/// its work run, if both are on the same CPU.
fn with_time_slices() -> Result<Vec<String>, Skip> {
    if std::env::var_os("ZC_VM_RESULTS").is_none() {
        return Ok(Vec::new());
    }
    let chrt = program("chrt")?.to_string_lossy().into_owned();
    Ok(vec![chrt, "--rr".to_owned(), "1".to_owned()])
}

/// A file of so many bytes. It is written a page at a time, so that its pages are single ones: of
/// large folios a kernel maps more at a fault than it tells.
fn write_pages(path: &Path, bytes: u64) {
    let mut file = fs::File::create(path).expect("a new file");
    let content = vec![b'z'; usize::try_from(bytes).expect("small")];
    for page in content.chunks(PAGE as usize) {
        file.write_all(page).expect("room");
    }
}

fn truth(job: Job, told: &Value) -> Truth {
    assert_eq!(told["jobname"], job.to_string());
    let way = &told[if job.write { "write" } else { "read" }];
    Truth {
        bytes: number(way, "io_bytes"),
        operations: number(way, "total_ios"),
        error: number(told, "error"),
    }
}

impl Runs {
    /// The process of the job at a place: they are forked in their order.
    fn process(&self, place: usize) -> Process {
        let mut rows = self.report.processes();
        rows.retain(|row| row.parent == self.launched.pid);
        rows.sort_by_key(|row| row.start_ns);
        assert_eq!(rows.len(), self.truth.len(), "a process per job");
        rows[place].clone()
    }
}

/// A test per job.
pub(super) fn trials() -> Vec<Trial> {
    let jobs = jobs().into_iter().enumerate();
    jobs.map(|(place, job)| trial(format!("witness::fio_{job}"), move || agrees(place, job)))
        .collect()
}

fn agrees(place: usize, job: Job) -> Result<(), Skip> {
    let runs = runs()?;
    let truth = &runs.truth[place];
    if truth.error != 0 {
        let error = std::io::Error::from_raw_os_error(i32::try_from(truth.error).unwrap_or(0));
        return Err(Skip::Kernel(format!("fio cannot do it here: {error}")));
    }
    let (block, count) = job.size();
    assert_eq!((truth.bytes, truth.operations), (block * count, count), "what fio was asked for");
    let row = runs.process(place);
    check(&row, &(job.engine.leaves)(&job, truth));
    let is_ring = job.engine.options[0] == "io_uring";
    let ring = row.counter("uring_ops");
    assert_eq!(ring, if is_ring { truth.operations } else { 0 }, "{row:?}");
    if job.engine.name == "io_uring_deferred" {
        assert_eq!(row.counter("uring_punted_ops"), truth.operations, "{row:?}");
    }
    if job.engine.name == "mmap" && job.write {
        // No system call moved data. Every page faults once, at its first write: the pages of the
        // file, and some that the processes of fio share.
        let pages = row.path("mmap_write");
        let known = truth.bytes.div_ceil(PAGE);
        assert!((known..=known + SHARED).contains(&pages.ops), "{pages:?}: {row:?}");
        assert_eq!(pages.bytes, pages.ops * PAGE, "{row:?}");
    }
    Ok(())
}

fn expected(path: &'static str, truth: &Truth, copied: u64) -> Expected {
    Expected { path, ops: Some(truth.operations), bytes: truth.bytes, copied }
}

/// Calls and requests that name a file.
fn plain(job: &Job, truth: &Truth) -> Vec<Expected> {
    let path = match (job.direct, job.write) {
        (false, false) => "file_read",
        (false, true) => "file_write",
        (true, false) => "direct_read",
        (true, true) => "direct_write",
    };
    vec![expected(path, truth, if job.direct { 0 } else { truth.bytes })]
}

/// No call moves anything.
fn mapped(_: &Job, _: &Truth) -> Vec<Expected> {
    Vec::new()
}

/// From the file to a pipe, and by vmsplice out of it, which copies; or the other way round, and
/// into the page cache, which copies.
fn spliced(job: &Job, truth: &Truth) -> Vec<Expected> {
    if job.write {
        vec![expected("vmsplice", truth, 0), expected("splice_pipe_file", truth, truth.bytes)]
    } else {
        vec![expected("splice_file_pipe", truth, 0), expected("pipe_read", truth, truth.bytes)]
    }
}
