//! The copy tax, compared with what the observed work knows of itself, and with perf.
//!
//! The work measures which part of its CPU time went into phases that copy. What part of such a phase
//! is spent in copy routines depends on the machine: work that does nothing but copy shows it.

use std::{
    collections::HashMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;
use zc_model::{
    counter::CounterId,
    frame::Frame,
    source::SnapshotSource as _,
    tax::{LEAST_SAMPLES, copy_tax},
};
use zc_probe::{
    attach::Options,
    catalog::{Part, ProbeGroup},
    live::Live,
    tax,
};

use crate::{
    Test,
    requirement::{self, Skip},
    workload::tax::FILE_BYTES,
    zc::{observe, workload},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("tax::samples_are_cpu_time_and_copies_among_them", shares),
    ("tax::agrees_with_the_work_itself", agrees_with_the_work),
    ("tax::agrees_with_perf", agrees_with_perf),
];

/// Work without a period.
const KINDS: [&str; 3] = ["copy", "random", "compute"];

/// How often zc samples when the work itself is the witness. As a user runs it, it samples 99 times a
/// second, which takes minutes for what this gives in seconds: shares to half a percentage point.
const FREQUENCY: u32 = 1_999;

/// CPU time of each process then, in ms, and percentage points that the shares may be off: six times
/// their standard error. A sampler that keeps step with periodic work is off by tens.
const WORK: u64 = 3_000;
const TOLERANCE: f64 = 4.0;

/// The same where perf is the witness: how often both sample, for how long perf looks at a time, and how
/// many samples of each process it has to have in the end. On a busy machine that takes several times.
const PERF_FREQUENCY: u32 = 4_999;
const PERF_SECONDS: &str = "3";
const PERF_SAMPLES: u32 = 30_000;
const PERF_TIMES: usize = 600;
const PERF_TOLERANCE: f64 = 2.0;

/// CPU time of each process where `zc` samples as for a user, in ms.
const CPU_TIME: u64 = 1_000;

/// How often `zc` tidies up while it waits, as its commands do.
const TEND: Duration = Duration::from_millis(100);

/// A file that is in the page cache.
fn cached_file() -> (TempDir, PathBuf) {
    // Not on tmpfs, whose reads are others.
    let directory = TempDir::new_in("/var/tmp").expect("a directory");
    let file = directory.path().join("cached");
    fs::write(&file, vec![7; FILE_BYTES]).expect("a file");
    (directory, file)
}

fn words(kind: &str, milliseconds: u64, file: &Path) -> Vec<std::ffi::OsString> {
    let mut words: Vec<_> = workload().map(Into::into).into();
    words.extend(["tax".into(), kind.into(), milliseconds.to_string().into(), file.into()]);
    words
}

pub(crate) fn sampler() -> Result<(), Skip> {
    requirement::ebpf()?;
    let text = fs::read_to_string("/proc/kallsyms").unwrap_or_default();
    if text.starts_with("0000000000000000 ") && !text.contains("\nffff") {
        return Err(Skip::Kernel(
            "the kernel hides its addresses (kernel.kptr_restrict)".to_owned(),
        ));
    }
    Ok(())
}

/// What each process printed of itself: the share of its CPU time in phases that copy.
fn known(output: &str) -> HashMap<String, f64> {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let kind = words.next().expect("a kind").to_owned();
        let mut time = || words.next().expect("a time").parse::<f64>().expect("nanoseconds");
        let copied = time();
        (kind, copied / time())
    };
    output.lines().map(line).collect()
}

/// Through the program, at the rate that users have.
fn shares() -> Result<(), Skip> {
    sampler()?;
    let (_directory, file) = cached_file();
    let expected = CPU_TIME * u64::from(tax::FREQUENCY) / 1_000;
    let observed = observe(&[], &words(&KINDS.join(","), CPU_TIME, &file));
    let known = known(&String::from_utf8(observed.output.stdout).expect("UTF-8"));
    let rows = observed.report.processes();
    let measured = KINDS.map(|kind| {
        let row = rows.iter().find(|row| row.comm == kind).expect("a row");
        let (cpu, copy) = (row.counter("cpu_samples"), row.counter("copy_samples"));
        // It takes turns with whatever else runs here, so the clock may find it more or less often than
        // its CPU time says; a virtual machine that is kept waiting also misses ticks.
        let possible = LEAST_SAMPLES..expected * 2;
        assert!(possible.contains(&cpu), "{kind}: {cpu} samples, not {expected}");
        copy as f64 / cpu as f64
    });
    let [copy, random, compute] = measured;
    assert!((0.5..=1.0).contains(&copy) && compute <= 0.05, "{measured:?}");
    // Five standard errors of a hundred samples.
    assert!((random - copy * known["random"]).abs() <= 0.25, "{measured:?}, {known:?}");
    Ok(())
}

/// `zc` in this process, and processes that it looks at, which end with this.
struct Sampling {
    live: Live,
    children: Vec<Child>,
}

impl Sampling {
    fn start(frequency: u32) -> Result<Self, Skip> {
        let options = Options { sampling: Some(frequency), ..Options::default() };
        let live = Live::start(&options).expect("zc attaches");
        match live.attached().refusal(Part::Group(ProbeGroup::Tax)) {
            Some(why) => Err(Skip::Kernel(why.to_string())),
            None => Ok(Self { live, children: Vec::new() }),
        }
    }

    /// Starts a process of each kind.
    fn spawn(&mut self, kinds: &[&str], milliseconds: u64, file: &Path) {
        self.children.extend(kinds.iter().map(|kind| {
            let words = words(kind, milliseconds, file);
            let mut command = Command::new(&words[0]);
            command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::piped());
            command.spawn().expect("the workload runs")
        }));
    }

    fn pids(&self) -> Vec<u32> {
        self.children.iter().map(Child::id).collect()
    }

    /// Waits for the end of a process, while `zc` does what it does between two looks.
    fn wait(live: &mut Live, child: &mut Child) {
        while child.try_wait().expect("a child").is_none() {
            live.tend().expect("zc tidies up");
            thread::sleep(TEND);
        }
    }

    /// Waits for all of them; returns what they printed.
    fn finish(&mut self) -> String {
        let mut text = String::new();
        for child in &mut self.children {
            Self::wait(&mut self.live, child);
            let stdout = child.stdout.as_mut().expect("a pipe");
            stdout.read_to_string(&mut text).expect("UTF-8");
        }
        text
    }

    /// The copy tax of each process since its start, in percent, and its samples.
    fn taxes(&mut self) -> Vec<(f64, u64)> {
        let snapshot = self.live.next().expect("zc counts").expect("a snapshot");
        let frame = Frame::cumulative(snapshot);
        let taxes = self.children.iter().map(|child| {
            let row = frame.processes.iter().find(|row| row.id.pid == child.id());
            let counters = &row.expect("a row").counters;
            let tax = copy_tax(counters, &frame).number().expect("enough samples");
            (tax * 100.0, counters[CounterId::CpuSamples])
        });
        taxes.collect()
    }
}

impl Drop for Sampling {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn agrees_with_the_work() -> Result<(), Skip> {
    sampler()?;
    let (_directory, file) = cached_file();
    let mut sampling = Sampling::start(FREQUENCY)?;
    // The mean period of the sampler, and a quarter of it.
    let beats = [1, 4].map(|part| format!("beat:{}", 1_000_000_000 / FREQUENCY / part));
    let kinds = [&KINDS[..2], &beats.each_ref().map(String::as_str)].concat();
    sampling.spawn(&kinds, WORK, &file);
    let known = known(&sampling.finish());
    let taxes = sampling.taxes();
    let copy = taxes[0].0;
    let found: Vec<_> = kinds
        .iter()
        .zip(&taxes)
        .map(|(kind, (tax, samples))| (*kind, *tax, copy * known[*kind], *samples))
        .collect();
    for (kind, tax, truth, samples) in &found {
        println!("{kind}: {tax:.2} % of {samples} samples, in truth {truth:.2} %");
    }
    assert!((50.0..=100.0).contains(&copy), "{found:?}");
    for (kind, tax, truth, _) in &found {
        assert!((tax - truth).abs() <= TOLERANCE, "{kind}: {found:?}");
    }
    Ok(())
}

/// perf has a fixed period, so only on work that has none.
fn agrees_with_perf() -> Result<(), Skip> {
    sampler()?;
    let perf = requirement::program("perf")?;
    let (directory, file) = cached_file();
    let mut sampling = Sampling::start(PERF_FREQUENCY)?;
    sampling.spawn(&KINDS, u64::from(u32::MAX), &file);
    let pids = sampling.pids();
    let data = directory.path().join("perf.data");
    let mut theirs = HashMap::new();
    for _ in 0..PERF_TIMES {
        record(&mut sampling.live, &perf, &pids, &data)?;
        add_shares(&perf, &data, &mut theirs);
        if pids.iter().all(|pid| theirs.get(pid).is_some_and(|(_, all)| *all >= PERF_SAMPLES)) {
            break;
        }
    }
    let mut found = Vec::new();
    for ((kind, pid), (ours, samples)) in KINDS.iter().zip(&pids).zip(sampling.taxes()) {
        let (copying, all) = theirs.get(pid).copied().unwrap_or_default();
        assert!(all >= PERF_SAMPLES, "perf has {all} samples of '{kind}'");
        let perfs = 100.0 * f64::from(copying) / f64::from(all);
        println!("{kind}: zc {ours:.2} % of {samples}, perf {perfs:.2} % of {all} samples");
        found.push((*kind, ours, perfs));
    }
    for (kind, ours, perfs) in &found {
        assert!((ours - perfs).abs() <= PERF_TOLERANCE, "{kind}: {found:?}");
    }
    Ok(())
}

/// Has perf sample `pids`.
fn record(live: &mut Live, perf: &Path, pids: &[u32], data: &Path) -> Result<(), Skip> {
    let pids = pids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let frequency = PERF_FREQUENCY.to_string();
    let mut child = Command::new(perf)
        .args(["record", "-q", "-e", "cpu-clock", "-F", &frequency, "-p", &pids, "-o"])
        .arg(data)
        .args(["--", "sleep", PERF_SECONDS])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("perf runs");
    Sampling::wait(live, &mut child);
    let Output { status, stderr, .. } = child.wait_with_output().expect("perf has ended");
    if status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&stderr).into_owned();
    Err(Skip::Kernel(format!("perf cannot sample here: {words}")))
}

/// Adds samples in copy routines and samples in all, by pid, as perf itself names the symbols.
fn add_shares(perf: &Path, data: &Path, shares: &mut HashMap<u32, (u32, u32)>) {
    let output = Command::new(perf)
        .args(["script", "-F", "pid,ip,sym", "-i"])
        .arg(data)
        .stdin(Stdio::null())
        .output()
        .expect("perf runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let mut words = line.split_whitespace();
        let Some(pid) = words.next().and_then(|word| word.parse().ok()) else { continue };
        let symbol = words.nth(1).unwrap_or_default();
        let (copying, all) = shares.entry(pid).or_default();
        *copying += u32::from(tax::is_copy_routine(symbol));
        *all += 1;
    }
}
