//! What `zc top` itself takes while it watches many processes: CPU time, memory, kernel memory.

use std::{
    collections::HashSet,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use zc_probe::catalog::{PROBES, ProbeGroup};

use crate::{binary::ZC, population::Population, screen::Dashboard, targets};

/// Time for the calls of a whole population to be over, and for what they cost.
const SETTLE: Duration = Duration::from_secs(3);

/// How often is looked whether the probes are attached, and for how long.
const POLL: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(60);

/// Updates in which the whole population must have been seen.
const UPDATES: usize = 10;

/// One way of running `zc`.
struct Footprint {
    what: String,
    /// Processes that a second `zc` saw at the same time.
    processes: usize,
    cpu_percent: f64,
    /// Bytes of output per second, which is per update. Absent where the kernel does not count them.
    written: Option<f64>,
    rss: Memory,
    map_bytes: u64,
}

/// Resident memory, bytes.
struct Memory {
    total: u64,
    /// Heap, stacks, relocated data.
    anonymous: u64,
    /// Of the program file, and of the kernel's records: they are mapped.
    mapped: u64,
}

/// The outcome.
pub(crate) struct Measured(Vec<Footprint>);

/// Measures both outputs, with a population that sleeps and with one that makes calls every second.
pub(crate) fn run(processes: u32, seconds: u64) -> Result<Measured> {
    let mut all = Vec::new();
    for output in [Output::Json, Output::Dashboard] {
        for active in [false, true] {
            all.push(measure(processes, output, active, seconds)?);
        }
    }
    Ok(Measured(all))
}

/// Sizes of populations that are recorded.
const RECORDED: [u32; 3] = [100, 1_000, 10_000];

/// Measures recordings of several populations. Over a multiple of a minute, each has as many whole snapshots among the
/// differences as any longer one.
pub(crate) fn recordings(seconds: u64) -> Result<Measured> {
    let mut all = Vec::new();
    for processes in RECORDED {
        for active in [false, true] {
            all.push(measure(processes, Output::Recording, active, seconds)?);
        }
    }
    Ok(Measured(all))
}

#[derive(Clone, Copy)]
enum Output {
    Json,
    Dashboard,
    Recording,
}

fn measure(count: u32, output: Output, active: bool, seconds: u64) -> Result<Footprint> {
    let doing = if active { "that make calls every second" } else { "that sleep" };
    let command = match output {
        Output::Json => "zc top --json",
        Output::Dashboard => "zc top (dashboard)",
        Output::Recording => "zc record",
    };
    let what = format!("{command}, {count} processes {doing}");
    eprintln!("{what}");
    let mut population = Population::start(count, active)?;
    let zc = Running::start(output)?;
    zc.wait()?;
    let mut witness = Witness::start()?;
    // Both are attached: now nothing is missed.
    witness.update()?;
    population.begin()?;
    let processes = witness.processes(count as usize)?;
    drop(witness);
    sleep(SETTLE);
    let (begin, before, written_before) = (Instant::now(), zc.cpu()?, zc.written());
    sleep(Duration::from_secs(seconds));
    let used = zc.cpu()? - before;
    let written = zc.written().zip(written_before).map(|(after, before)| after - before);
    let elapsed = begin.elapsed().as_secs_f64();
    Ok(Footprint {
        what,
        processes,
        cpu_percent: 100.0 * used.as_secs_f64() / elapsed,
        written: written.map(|bytes| bytes as f64 / elapsed),
        rss: zc.memory()?,
        map_bytes: zc.map_bytes()?,
    })
}

/// A running `zc top`; its output is discarded.
enum Running {
    Json(Child),
    Dashboard(Dashboard),
    /// `zc record`, and the file that it writes.
    Recording(Child, NamedTempFile),
}

impl Running {
    fn start(output: Output) -> Result<Self> {
        if let Output::Dashboard = output {
            return Ok(Self::Dashboard(Dashboard::start()?));
        }
        if let Output::Recording = output {
            let file = NamedTempFile::new().context("cannot make a file for the recording")?;
            let child = Command::new(ZC)
                .args(["record", "--output"])
                .arg(file.path())
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .with_context(|| format!("cannot run '{ZC}'"))?;
            return Ok(Self::Recording(child, file));
        }
        let child = Command::new(ZC)
            .args(["top", "--json", "--interval", "1"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot run '{ZC}'"))?;
        Ok(Self::Json(child))
    }

    /// Waits until it counts.
    fn wait(&self) -> Result<()> {
        if let Self::Dashboard(dashboard) = self {
            dashboard.first()?;
            return Ok(());
        }
        let needed = PROBES.iter().filter(|probe| probe.group == ProbeGroup::Core).count();
        let deadline = Instant::now() + PATIENCE;
        while self.links()? < needed {
            if Instant::now() > deadline {
                bail!("zc does not attach its probes");
            }
            sleep(POLL);
        }
        Ok(())
    }

    /// Probes that it has attached.
    fn links(&self) -> Result<usize> {
        let names = fs::read_dir(self.proc().join("fd")).context("zc is gone")?;
        Ok(names
            .filter_map(|name| fs::read_link(name.ok()?.path()).ok())
            .filter(|name| name.to_str() == Some("anon_inode:bpf_link"))
            .count())
    }

    fn proc(&self) -> PathBuf {
        let pid = match self {
            Self::Json(child) | Self::Recording(child, _) => child.id(),
            Self::Dashboard(dashboard) => dashboard.id(),
        };
        Path::new("/proc").join(pid.to_string())
    }

    /// CPU time of all its threads.
    fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(self.proc().join("stat")).context("zc is gone")?;
        let ticks: u64 = stat
            .rsplit_once(')')
            .context("cannot make sense of /proc/PID/stat")?
            .1
            .split_whitespace()
            // utime and stime are fields 14 and 15; the first one after the name is field 3.
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
    }

    /// Bytes that it has written to anything, or of the recording.
    fn written(&self) -> Option<u64> {
        if let Self::Recording(_, file) = self {
            return Some(file.as_file().metadata().ok()?.len());
        }
        let io = fs::read_to_string(self.proc().join("io")).ok()?;
        io.lines().find_map(|line| line.strip_prefix("wchar:")?.trim().parse().ok())
    }

    fn memory(&self) -> Result<Memory> {
        let status = fs::read_to_string(self.proc().join("status")).context("zc is gone")?;
        let field = |name: &str| -> u64 {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
                .map_or(0, |kib: u64| kib << 10)
        };
        Ok(Memory {
            total: field("VmRSS:"),
            anonymous: field("RssAnon:"),
            mapped: field("RssFile:") + field("RssShmem:"),
        })
    }

    /// Kernel memory of its maps, each counted once.
    fn map_bytes(&self) -> Result<u64> {
        let mut seen = HashSet::new();
        let mut bytes = 0;
        for entry in fs::read_dir(self.proc().join("fdinfo")).context("zc is gone")? {
            let text = fs::read_to_string(entry?.path()).unwrap_or_default();
            let field = |name: &str| -> Option<u64> {
                text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
            };
            if let (Some(id), Some(memory)) = (field("map_id:"), field("memlock:"))
                && seen.insert(id)
            {
                bytes += memory;
            }
        }
        Ok(bytes)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Self::Json(child) | Self::Recording(child, _) = self {
            // It may have ended by itself; there is nothing else to be done then.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A second `zc`, whose output is read: proof that the population is seen.
struct Witness {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Witness {
    fn start() -> Result<Self> {
        let mut child = Command::new(ZC)
            .args(["top", "--json", "--interval", "1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run '{ZC}'"))?;
        let output = child.stdout.take().context("zc has no output")?;
        Ok(Self { child, output: BufReader::new(output) })
    }

    /// Processes in its next update.
    fn update(&mut self) -> Result<usize> {
        let mut line = String::new();
        self.output.read_line(&mut line).context("cannot read zc's output")?;
        let document: Value = serde_json::from_str(&line).context("zc printed no JSON")?;
        Ok(document["processes"].as_array().map_or(0, Vec::len))
    }

    /// Processes in its first update that has so many.
    fn processes(&mut self, least: usize) -> Result<usize> {
        let mut processes = 0;
        for _ in 0..UPDATES {
            processes = self.update()?;
            if processes >= least {
                return Ok(processes);
            }
        }
        bail!("zc saw {processes} processes, and not the {least} that there are");
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        // As above.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Measured {
    pub(crate) fn print(&self) {
        println!("\nWhat zc itself takes");
        for footprint in &self.0 {
            let Footprint { what, processes, cpu_percent, written, rss, map_bytes } = footprint;
            let Memory { total, anonymous, mapped } = rss;
            println!("{what} ({processes} seen):");
            println!(
                "    {cpu_percent:.2} % of a CPU, {}",
                targets::limit(*cpu_percent, targets::CPU_PERCENT)
            );
            println!(
                "    {:.1} MiB resident ({:.1} of its own, {:.1} mapped), {}",
                mib(*total),
                mib(*anonymous),
                mib(*mapped),
                targets::limit(mib(*total), targets::RSS_MIB)
            );
            println!("    {:.1} MiB of kernel memory in maps", mib(*map_bytes));
            if let Some(written) = written {
                println!(
                    "    {:.1} KiB of output per update, {:.1} MiB per hour",
                    written / 1024.0,
                    written * 3600.0 / f64::from(1 << 20)
                );
            }
        }
    }

    pub(crate) fn json(&self) -> Value {
        self.0
            .iter()
            .map(|footprint| {
                let Footprint { what, processes, cpu_percent, written, rss, map_bytes } = footprint;
                json!({
                    "what": what,
                    "processes": processes,
                    "cpu_percent": cpu_percent,
                    "output_bytes_per_update": written,
                    "rss_bytes": rss.total,
                    "rss_anonymous_bytes": rss.anonymous,
                    "rss_mapped_bytes": rss.mapped,
                    "map_bytes": map_bytes,
                })
            })
            .collect()
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
