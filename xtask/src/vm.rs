//! `vm`: the tests on Debian's kernels, from the oldest that `zc` supports to the newest.
//!
//! Each kernel is taken from Debian's archive, booted in qemu without a disk of its own, and given
//! the test programs in its initramfs. Everything lies in `vm/` of cargo's target directory, a
//! directory per kernel: packages, kernel and modules are kept, and what a run reported is in
//! `results/`. Nothing of it needs root.

use std::collections::VecDeque;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::slice;
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
use payload::Payload;
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
mod report;
mod unpack;
mod vmlinux;

/// What it takes to get and to boot a kernel, and what the guests cannot do without.
const PROGRAMS: [Program; 11] = [
    Program { name: "qemu-system-x86_64", package: "qemu-system-x86" },
    Program { name: "busybox", package: "busybox-static" },
    Program { name: "depmod", package: "kmod" },
    Program { name: "strip", package: "binutils" },
    Program { name: "xz", package: "xz-utils" },
    Program { name: "zstd", package: "zstd" },
    Program { name: "lz4", package: "lz4" },
    Program { name: "mkfs.ext4", package: "e2fsprogs" },
    Program { name: "mkfs.btrfs", package: "btrfs-progs" },
    Program { name: "ip", package: "iproute2" },
    Program { name: apt::KEYRING, package: "debian-archive-keyring" },
];

/// Fewer kernels than this say too little.
const LEAST_KERNELS: usize = 4;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only this kernel; may be given several times [default: all]
    #[arg(long = "kernel", value_name = "SERIES", value_parser = matrix::parse)]
    kernels: Vec<&'static Kernel>,

    /// Kernels at a time
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u8).range(1..=16))]
    jobs: u8,

    /// Seconds after which a guest is killed
    #[arg(long, value_name = "SECONDS", default_value = "1200")]
    timeout: u64,

    /// Take over what the kernels let `zc` measure into docs/attach-matrix.json and .md, instead of
    /// comparing with it
    #[arg(long)]
    write: bool,

    /// Run this line of shell in the guests instead of the tests; `zc` is on their PATH
    #[arg(long, value_name = "COMMAND")]
    run: Option<String>,

    /// Parts of test names, and anything else that the test programs take
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
    // Whoever asks for something special is in the middle of a change.
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
        bail!("the kernels do not let zc measure what they are said to: see above");
    }
    if !arguments.kernels.is_empty() && skipped > 0 {
        bail!("{skipped} of the kernels that were asked for could not be had");
    }
    if arguments.kernels.is_empty() && chosen.len() - skipped < LEAST_KERNELS {
        bail!("fewer than {LEAST_KERNELS} kernels are left: see above, and look for others");
    }
    Ok(())
}

/// Gets what it takes to boot kernels. Returns the directory of all guests, with a lock on it.
fn prepare() -> Result<(PathBuf, File)> {
    ensure!(
        cfg!(target_arch = "x86_64"),
        "cannot boot the kernels: they are for x86-64, and the tests are built for this machine"
    );
    ensure!(
        apt::is_here(),
        "cannot get the kernels: they are Debian packages, and this machine has no apt; run this on Debian"
    );
    setup::prepare(Needs { programs: &PROGRAMS, ..Needs::default() })?;
    let directory = workspace::target()?.join("vm");
    create(&directory)?;
    // Two runs at a time would write to the same images.
    let lock = lock(&directory)?;
    Ok((directory, lock))
}

/// Runs the benchmark `cost` with `words` on a kernel, in guests that count instructions, one after
/// the other. Returns the contents of `file` among the results of each.
pub(crate) fn measure(
    kernel: &'static Kernel,
    words: &str,
    file: &str,
    guests: u32,
    timeout: Duration,
) -> Result<Vec<String>> {
    let (directory, _lock) = prepare()?;
    let program = payload::programs(&[("--bench", "cost")])?.swap_remove(0);
    let job = Job {
        payload: payload::gather(&directory, slice::from_ref(&program))?,
        script: format!("exec {} {words}\n", shell::quote(&program.to_string_lossy())),
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

/// Where the results of a kernel go, from its directory.
fn results(home: &Path) -> PathBuf {
    home.join("results")
}

/// A lock that the kernel lifts when this process ends.
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

/// Boots the kernels, several at a time, and returns what came of each in the order of `kernels`.
fn boot_all(
    job: &Job,
    at_a_time: u8,
    directory: &Path,
    kernels: &[&'static Kernel],
) -> Vec<Outcome> {
    let queue: Mutex<VecDeque<_>> = Mutex::new(kernels.iter().copied().enumerate().collect());
    let outcomes: Mutex<Vec<_>> = Mutex::new(kernels.iter().map(|_| None).collect());
    let work = || {
        // Not in the condition of the loop: there the lock would be held while the guest runs.
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
    // A worker that panics ends this process when the scope ends: none is missing here.
    outcomes.into_iter().flatten().collect()
}

/// Gets one kernel, boots it, and waits for what it has to say.
fn one(job: &Job, directory: &Path, kernel: &'static Kernel) -> Result<Outcome> {
    // One at a time: several kernels come from the same lists, and the network is shared anyway.
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
