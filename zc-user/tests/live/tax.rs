//! The copy tax, beside what perf makes of the same seconds.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;
use zc_model::{
    counter::CounterId,
    frame::Frame,
    snapshot::ProcessSample,
    source::SnapshotSource as _,
    tax::{LEAST_SAMPLES, copy_tax},
};
use zc_probe::{attach::Options, catalog::Group, live::Live, tax};

use crate::{
    Test,
    requirement::{self, Skip},
    workload::tax::FILE_BYTES,
    zc::{observe, workload},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("tax::samples_are_cpu_time_and_copies_among_them", shares),
    ("tax::agrees_with_perf", agrees_with_perf),
];

const KINDS: [&str; 3] = ["copy", "half", "compute"];

/// How often zc and perf sample in the comparison. `zc` as a user runs it samples 99 times a second,
/// which takes a minute for what this gives in seconds: each share to a third of a percentage point.
const FREQUENCY: u32 = 9_973;

/// For how long perf looks at a time, and how many samples of each workload it has to have in the end:
/// on a busy machine that takes several times.
const SECONDS: &str = "3";
const SAMPLES: u32 = 6_000;
const MOST_TIMES: usize = 30;

/// As the issue of agreement was put: percentage points either way.
const TOLERANCE: f64 = 2.0;

/// CPU time of each workload where `zc` samples as for a user, in ms.
const CPU_TIME: u64 = 1_000;

/// A file that is in the page cache.
fn cached_file() -> (TempDir, std::path::PathBuf) {
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

fn sampler() -> Result<(), Skip> {
    requirement::ebpf()?;
    let text = fs::read_to_string("/proc/kallsyms").unwrap_or_default();
    if text.starts_with("0000000000000000 ") && !text.contains("\nffff") {
        return Err(Skip::Kernel(
            "the kernel hides its addresses (kernel.kptr_restrict)".to_owned(),
        ));
    }
    Ok(())
}

/// Through the program, at the rate that users have.
fn shares() -> Result<(), Skip> {
    sampler()?;
    let (_directory, file) = cached_file();
    let expected = CPU_TIME * u64::from(tax::FREQUENCY) / 1_000;
    let rows = observe(&[], &words(&KINDS.join(","), CPU_TIME, &file)).report.processes();
    for kind in KINDS {
        let row = rows.iter().find(|row| row.comm == kind).expect("a row");
        let (cpu, copy) = (row.counter("cpu_samples"), row.counter("copy_samples"));
        // It takes turns with whoever else runs here, so the clock may find it more or less often than
        // its CPU time says; a virtual machine that is kept waiting also misses ticks.
        let possible = LEAST_SAMPLES..expected * 2;
        assert!(possible.contains(&cpu), "{kind}: {cpu} samples, not {expected}");
        let share = copy as f64 / cpu as f64;
        let possible = match kind {
            "copy" => 0.5..=1.0,
            "half" => 0.2..=0.7,
            _ => 0.0..=0.05,
        };
        assert!(possible.contains(&share), "{kind}: {copy} of {cpu} samples");
    }
    Ok(())
}

/// A workload that runs until it is dropped.
struct Endless(Child);

impl Endless {
    fn start(kind: &str, file: &Path) -> Self {
        let words = words(kind, u64::from(u32::MAX), file);
        let child = Command::new(&words[0]).args(&words[1..]).stdin(Stdio::null()).spawn();
        Self(child.expect("the workload runs"))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn agrees_with_perf() -> Result<(), Skip> {
    sampler()?;
    let perf = requirement::program("perf")?;
    let (directory, file) = cached_file();
    let options = Options { sampling: Some(FREQUENCY), ..Options::default() };
    let mut live = Live::start(&options).expect("zc attaches");
    if let Some(why) = live.attached().refusal(Group::Tax) {
        return Err(Skip::Kernel(why.to_owned()));
    }
    let workloads = KINDS.map(|kind| Endless::start(kind, &file));
    let pids = workloads.each_ref().map(|workload| workload.0.id());

    let before = live.next().expect("zc counts").expect("a snapshot");
    let data = directory.path().join("perf.data");
    let mut theirs = HashMap::new();
    for _ in 0..MOST_TIMES {
        record(&perf, &pids, &data)?;
        add_shares(&perf, &data, &mut theirs);
        if pids.iter().all(|pid| theirs.get(pid).is_some_and(|(_, all)| *all >= SAMPLES)) {
            break;
        }
    }
    let after = live.next().expect("zc counts").expect("a snapshot");
    drop(workloads);

    let frame = Frame::between(&before, &after);
    let mut found = Vec::new();
    for (kind, pid) in KINDS.iter().zip(pids) {
        let row = frame.processes.iter().find(|row| row.id.pid == pid).expect("a row");
        let ours = copy_tax(&row.counters, &frame).number().expect("enough samples") * 100.0;
        let (copying, all) = theirs.get(&pid).copied().unwrap_or_default();
        assert!(all >= SAMPLES, "perf has {all} samples of '{kind}'");
        let perfs = 100.0 * f64::from(copying) / f64::from(all);
        found.push((*kind, ours, samples(row), perfs, all));
    }
    for (kind, ours, samples, perfs, all) in &found {
        println!("{kind}: zc {ours:.2} % of {samples}, perf {perfs:.2} % of {all} samples");
    }
    for (kind, ours, _, perfs, _) in &found {
        assert!((ours - perfs).abs() <= TOLERANCE, "{kind}: {found:?}");
    }
    Ok(())
}

fn samples(row: &ProcessSample) -> u64 {
    row.counters[CounterId::CpuSamples]
}

/// Has perf sample `pids`.
fn record(perf: &Path, pids: &[u32], data: &Path) -> Result<(), Skip> {
    let pids = pids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let output = Command::new(perf)
        .args(["record", "-q", "-e", "cpu-clock", "-F", &FREQUENCY.to_string(), "-p", &pids, "-o"])
        .arg(data)
        .args(["--", "sleep", SECONDS])
        .stdin(Stdio::null())
        .output()
        .expect("perf runs");
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
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
