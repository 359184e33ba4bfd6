//! `vm`: the tests on Debian's kernels, from the oldest that `zc` supports to the newest.
//!
//! Each kernel is downloaded from Debian's archive and booted in qemu, with the test programs in its
//! initramfs. All files are in `vm/` of cargo's target directory, a directory per kernel: packages,
//! kernel and modules are kept for the next run, and `results/` has what the tests wrote. None of
//! this needs root.

use std::collections::VecDeque;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::apt::{self, Program};
use crate::setup::{self, Needs};
use crate::shell;
use crate::workspace;
use archive::Fetched;
use boot::Purpose;
use directory::create;
use matrix::{KERNELS, Kernel};
use payload::{Keep, Payload};
use report::{Outcome, Stage};

mod archive;
mod attach;
mod boot;
mod cpio;
mod directory;
mod image;
mod last_words;
pub(crate) mod matrix;
mod modules;
mod payload;
mod python;
mod report;
mod tally;
mod unpack;
mod vmlinux;

/// The programs that fetch and boot a kernel, and those that tests in guests observe.
const PROGRAMS: [Program; 16] = [
    Program { name: "qemu-system-x86_64", package: "qemu-system-x86" },
    Program { name: "busybox", package: "busybox-static" },
    Program { name: "depmod", package: "kmod" },
    Program { name: "strip", package: "binutils" },
    Program { name: "xz", package: "xz-utils" },
    Program { name: "zstd", package: "zstd" },
    Program { name: "lz4", package: "lz4" },
    Program { name: "mkfs.ext4", package: "e2fsprogs" },
    Program { name: "mkfs.btrfs", package: "btrfs-progs" },
    Program { name: "mkfs.xfs", package: "xfsprogs" },
    Program { name: "ip", package: "iproute2" },
    Program { name: "fio", package: "fio" },
    Program { name: "iperf3", package: "iperf3" },
    Program { name: "nginx", package: "nginx-light" },
    Program { name: "/usr/bin/python3", package: "python3" },
    Program { name: apt::KEYRING, package: "debian-archive-keyring" },
];

/// A run with fewer kernels fails.
const LEAST_KERNELS: usize = 4;

#[derive(Debug, Args)]
#[command(
    after_help = "The kernels are fetched from the Debian archives in the machine's package sources; \
                        ZC_DEBIAN_ARCHIVE=URL names another."
)]
pub(crate) struct Arguments {
    /// Boot only this kernel (repeatable) [default: all]
    #[arg(long = "kernel", value_name = "SERIES", value_parser = matrix::parse)]
    kernels: Vec<&'static Kernel>,

    /// Number of kernels that run at the same time
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u8).range(1..=16))]
    jobs: u8,

    /// Kill a guest after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "1800")]
    timeout: u64,

    /// Write what the kernels let `zc` measure into docs/attach-matrix.json and .md, instead of
    /// comparing it with them
    #[arg(long)]
    write: bool,

    /// Run this shell command in the guests instead of the tests; `zc` is on their PATH
    #[arg(long, value_name = "COMMAND")]
    run: Option<String>,

    /// Parts of test names, and other arguments of the test programs
    #[arg(last = true, value_name = "TESTS")]
    tests: Vec<String>,
}

/// What a guest runs, and how.
struct Job {
    payload: Payload,
    script: String,
    purpose: Purpose,
    timeout: Duration,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let (directory, _lock) = prepare()?;
    let payload = payload::build(&directory)?;
    let job = Job {
        script: payload.script(arguments.run.as_deref(), &arguments.tests),
        purpose: if arguments.run.is_none() { Purpose::Tests } else { Purpose::Command },
        timeout: Duration::from_secs(arguments.timeout),
        payload,
    };
    let everything: Vec<&Kernel> = KERNELS.iter().collect();
    let chosen = if arguments.kernels.is_empty() { &everything } else { &arguments.kernels };
    let outcomes = boot_all(&job, arguments.jobs, &directory, chosen);
    report::summary(&outcomes);
    let reports: Vec<_> = outcomes
        .iter()
        .filter(|outcome| outcome.has_results())
        .map(|outcome| (outcome.kernel(), results(&directory.join(outcome.kernel().series))))
        .collect();
    // A run with other tests or a command is part of a change in progress: nothing to compare.
    let whole = arguments.run.is_none() && arguments.tests.is_empty();
    let attached =
        if whole || arguments.write { attach::check(&reports, arguments.write) } else { Ok(()) };
    if let Err(error) = &attached {
        println!("FAILED: {error:#}");
    }

    let failed = outcomes.iter().filter(|outcome| outcome.is_failure()).count();
    let skipped = outcomes.iter().filter(|outcome| outcome.is_skip()).count();
    if failed > 0 {
        bail!("{failed} of {} kernels failed", chosen.len());
    }
    if attached.is_err() {
        bail!(
            "the kernels let zc measure other things than docs/attach-matrix.json says: see above"
        );
    }
    if !arguments.kernels.is_empty() && skipped > 0 {
        bail!("{skipped} of the requested kernels are not available: see above");
    }
    if arguments.kernels.is_empty() && chosen.len() - skipped < LEAST_KERNELS {
        bail!(
            "fewer than {LEAST_KERNELS} kernels are available: see above; \
             add others to xtask/src/vm/matrix.rs"
        );
    }
    Ok(())
}

/// Installs what booting kernels needs. Returns the directory of all guests, with a lock on it.
fn prepare() -> Result<(PathBuf, File)> {
    ensure!(
        cfg!(target_arch = "x86_64"),
        "cannot boot the kernels: they are for x86-64, and this machine is not; run this on x86-64"
    );
    ensure!(
        apt::is_here(),
        "cannot get the kernels: they are Debian packages, and this machine has no apt; run this on Debian"
    );
    setup::prepare(Needs { programs: &PROGRAMS, ..Needs::default() })?;
    let directory = workspace::target()?.join("vm");
    create(&directory)?;
    // Two runs at the same time would write to the same images.
    let lock = lock(&directory)?;
    Ok((directory, lock))
}

/// What the benchmark `cost` measures in guests that count instructions.
pub(crate) struct Measurement<'a> {
    /// Its arguments, for a shell.
    pub(crate) words: &'a str,
    /// The file that it writes, among the results of a guest.
    pub(crate) file: &'a str,
    /// Programs that guests have in addition to it and `zc`, under the same path as here.
    pub(crate) programs: &'a [PathBuf],
    /// Kill a guest after this long.
    pub(crate) timeout: Duration,
}

/// Measures on a kernel, in one guest after the other. Returns the contents of the file of each.
pub(crate) fn measure(
    kernel: &'static Kernel,
    measurement: &Measurement<'_>,
    guests: u32,
) -> Result<Vec<String>> {
    let Measurement { words, file, programs, timeout } = *measurement;
    let (directory, _lock) = prepare()?;
    let benchmark = payload::programs(&[("--bench", "cost")])?.swap_remove(0);
    let own = workspace::target()?.join("debug/zc");
    let all: Vec<_> = [&benchmark, &own].into_iter().chain(programs).cloned().collect();
    let job = Job {
        payload: payload::gather(&directory, &all, Keep::Code)?,
        script: format!("exec {} {words}\n", shell::quote(&benchmark.to_string_lossy())),
        purpose: Purpose::Instructions,
        timeout,
    };
    let measured = (0..guests).map(|_| {
        let outcome = one(&job, &directory, kernel)?;
        ensure!(!outcome.is_failure() && !outcome.is_skip(), "Linux {}", outcome.line());
        let path = results(&directory.join(kernel.series)).join(file);
        fs::read_to_string(&path).with_context(|| format!("cannot read '{}'", path.display()))
    });
    measured.collect()
}

/// The directory of a kernel's results, below its own directory.
fn results(home: &Path) -> PathBuf {
    home.join("results")
}

/// Takes a lock that the kernel releases when this process ends.
fn lock(directory: &Path) -> Result<File> {
    let path = directory.join("lock");
    let file =
        File::create(&path).with_context(|| format!("cannot create '{}'", path.display()))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            eprintln!("xtask: waiting for another run that uses {}", directory.display());
        }
        Err(TryLockError::Error(_)) => {}
    }
    file.lock().with_context(|| format!("cannot lock '{}'", path.display()))?;
    Ok(file)
}

/// Boots the kernels, several at the same time, and returns the outcomes in the order of `kernels`.
fn boot_all(
    job: &Job,
    at_a_time: u8,
    directory: &Path,
    kernels: &[&'static Kernel],
) -> Vec<Outcome> {
    let queue: Mutex<VecDeque<_>> = Mutex::new(kernels.iter().copied().enumerate().collect());
    let outcomes: Mutex<Vec<_>> = Mutex::new(kernels.iter().map(|_| None).collect());
    let work = || {
        // A closure, because in the condition of the loop the lock would be held while the guest runs.
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        while let Some((index, kernel)) = next() {
            let outcome = match one(job, directory, kernel) {
                Ok(outcome) => outcome,
                Err(error) => Outcome::failed(kernel, format!("{error:#}")),
            };
            eprintln!("{}", outcome.line());
            outcomes.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(outcome);
        }
    };
    thread::scope(|scope| {
        for _ in 0..usize::from(at_a_time).min(kernels.len()) {
            scope.spawn(work);
        }
    });
    let outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    // None is missing: a worker that panics ends this process at the end of the scope.
    outcomes.into_iter().flatten().collect()
}

/// Fetches one kernel, boots it, and waits for its outcome.
fn one(job: &Job, directory: &Path, kernel: &'static Kernel) -> Result<Outcome> {
    // One at a time: several kernels use the same lists, and all share the network.
    static FETCHING: Mutex<()> = Mutex::new(());
    let home = directory.join(kernel.series);
    create(&home)?;
    let fetched = {
        let _one_at_a_time = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
        archive::fetch(kernel, directory, &home)?
    };
    let packages = match fetched {
        Fetched::Packages(packages) => packages,
        Fetched::Gone(why) => return Ok(Outcome::skipped(kernel, why)),
    };
    let unpacked = unpack::unpack(kernel, &packages, &home)?;

    let stage = Stage::begin(kernel);
    let initrd = home.join("initrd.img");
    let size = image::write(&initrd, kernel, &unpacked, &job.payload, &job.script)?;
    stage.end(&format!("image of {} MB", size / 1_000_000));

    let results = results(&home);
    boot::boot(kernel, &unpacked.vmlinux, &initrd, &home, &results, job.timeout, job.purpose)
}
