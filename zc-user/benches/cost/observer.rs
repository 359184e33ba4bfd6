//! A `zc` process that counts while something is measured: a build of this checkout, of another
//! revision, or one with probe groups switched off.
//!
//! A build is an executable, which brings its own loader for its own object: map layouts and globals
//! differ between revisions. Every revision since the first release understands the few words that
//! are used here.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use aya::programs::loaded_programs;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::Value;

use crate::binary::ZC;

/// What the build of this checkout is called, in every table and every document.
pub(crate) const OWN: &str = "zc";

/// How often the benchmark looks whether the probes are attached, and for how long.
const POLL: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(300);

/// An executable of `zc`, and how it is called. `cargo xtask bench` gives it as JSON.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Build {
    /// What the tables call it.
    pub(crate) name: String,
    /// The executable; `None` for this checkout's.
    program: Option<PathBuf>,
    /// Probe groups that it leaves out.
    without: Vec<String>,
    /// What is switched on; `None`: nothing.
    pub(crate) with: Option<Switch>,
    /// Whether it follows other processes than the one that is measured.
    elsewhere: bool,
}

impl Build {
    /// The build of this checkout, with everything.
    pub(crate) fn own() -> Self {
        let name = OWN.to_owned();
        Self { name, program: None, without: Vec::new(), with: None, elsewhere: false }
    }

    /// The same build without another group.
    pub(crate) fn leaving_out(mut self, group: &str) -> Self {
        if !self.without.iter().any(|it| it == group) {
            self.without.push(group.to_owned());
        }
        self
    }

    /// Attaches its probes; returns when they count.
    pub(crate) fn observe(&self, output: Output) -> Result<Observer> {
        Observer::start(self, output).with_context(|| format!("cannot attach '{}'", self.name))
    }
}

/// What `zc` can do in addition to what `zc stat` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Switch {
    /// Count per file, socket and pipe, and what flows between them (`zc files`).
    Objects,
    /// Take call stacks (`zc stacks`).
    Stacks,
    /// Look at the code of samples (`--user-copies`).
    UserCopies,
}

impl FromStr for Build {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// What a `zc` process does with what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Prints one report when it ends (`zc stat`), which proves that it counted.
    Report,
    /// Prints an update every second to /dev/null (`zc top`), as in production.
    Updates,
}

/// A `zc` process whose probes are attached. They go when this is dropped.
#[derive(Debug)]
pub(crate) struct Observer {
    child: Child,
    output: Output,
    /// Whether it follows other processes.
    elsewhere: bool,
    /// From its start until its probes were attached.
    pub(crate) attached_after: Duration,
}

impl Observer {
    fn start(build: &Build, output: Output) -> Result<Self> {
        // It attaches the probes with its privileges and gives them up for good when it has: see
        // `wait`.
        ensure!(
            !has_no_new_privs(Path::new("/proc/self"))?,
            "this process has no_new_privs set, which is the sign that zc has attached its probes; \
             run the benchmark without it (setpriv --no-new-privs, a container's security options)"
        );
        let verb: &[&str] = match (output, build.with) {
            (Output::Report, None) => &["stat", "--json"],
            (Output::Report, Some(Switch::Objects)) => &["files", "--json"],
            (_, Some(Switch::Stacks)) => &["stacks", "--json"],
            (Output::Report, Some(Switch::UserCopies)) => &["stat", "--json", "--user-copies"],
            (Output::Updates, None) => &["top", "--json", "--interval", "1"],
            (Output::Updates, Some(Switch::Objects)) => &["files", "--json", "--interval", "1"],
            (Output::Updates, Some(Switch::UserCopies)) => {
                &["top", "--json", "--interval", "1", "--user-copies"]
            }
        };
        let stdout = match output {
            Output::Report => Stdio::piped(),
            Output::Updates => Stdio::null(),
        };
        let started = Instant::now();
        let program = build.program.as_deref().unwrap_or(Path::new(ZC));
        let child = Command::new(program)
            .args(verb)
            .args(build.without.iter().flat_map(|group| ["--without", group]))
            // The kernel's own threads: one descends from the other.
            .args(build.elsewhere.then_some(["--pid", "2"]).iter().flatten())
            .stdin(Stdio::null())
            .stdout(stdout)
            .spawn()
            .with_context(|| format!("cannot run '{}'", program.display()))?;
        let (elsewhere, attached_after) = (build.elsewhere, Duration::ZERO);
        let mut observer = Self { child, output, elsewhere, attached_after };
        observer.wait(started)?;
        observer.attached_after = started.elapsed();
        Ok(observer)
    }

    /// Waits until the probes are attached: then `zc` drops its privileges and sets no_new_privs,
    /// which does not depend on how it attaches and what it prints.
    fn wait(&mut self, started: Instant) -> Result<()> {
        let process = PathBuf::from(format!("/proc/{}", self.child.id()));
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("zc ended before its probes were attached: {status}");
            }
            if has_no_new_privs(&process)? {
                return Ok(());
            }
            ensure!(started.elapsed() < PATIENCE, "zc does not attach its probes");
            thread::sleep(POLL);
        }
    }

    /// Detaches. The report, where there is one; the other form of output proves nothing.
    pub(crate) fn finish(mut self) -> Result<Option<Report>> {
        ensure!(self.child.try_wait()?.is_none(), "zc ended before the measurement did");
        self.interrupt();
        let mut text = Vec::new();
        if let Some(output) = &mut self.child.stdout {
            output.read_to_end(&mut text).context("cannot read zc's report")?;
        }
        let status = self.child.wait().context("cannot wait for zc")?;
        ensure!(status.success(), "zc failed: {status}");
        match self.output {
            Output::Report => Ok(Some(Report::parse(&text, self.elsewhere)?)),
            Output::Updates => Ok(None),
        }
    }

    /// Ends it without a report, after making sure that it has loaded a program of this name, of which the kernel keeps
    /// fifteen bytes.
    pub(crate) fn abandon(mut self, program: &str) -> Result<()> {
        ensure!(self.child.try_wait()?.is_none(), "zc ended before the measurement did");
        let is_loaded =
            loaded_programs().flatten().any(|it| it.name_as_str().is_some_and(|it| it == program));
        ensure!(is_loaded, "the kernel has no program {program}");
        self.child.kill().context("cannot end zc")?;
        self.child.wait().context("cannot wait for zc")?;
        Ok(())
    }

    fn interrupt(&mut self) {
        // Only as long as it has not been waited for is the pid its own.
        if let Ok(None) = self.child.try_wait() {
            // It may have ended since: then there is nothing to interrupt.
            let _ = kill_process(Pid::from_child(&self.child), Signal::INT);
        }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        // After an error only. It may have ended by itself; there is nothing else to be done then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn has_no_new_privs(process: &Path) -> Result<bool> {
    let status = fs::read_to_string(process.join("status"))
        .with_context(|| format!("cannot read the status of {}", process.display()))?;
    Ok(status
        .lines()
        .any(|line| line.strip_prefix("NoNewPrivs:").is_some_and(|value| value.trim() == "1")))
}

/// What `zc stat --json` has printed.
#[derive(Debug)]
pub(crate) struct Report {
    json: Value,
    /// Whether it is of other processes.
    elsewhere: bool,
}

/// What a process did at the least, or what was counted of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// System calls.
    pub(crate) calls: u64,
    pub(crate) moved_bytes: u64,
}

impl Report {
    fn parse(text: &[u8], elsewhere: bool) -> Result<Self> {
        let json = serde_json::from_slice(text).context("zc printed no JSON")?;
        Ok(Self { json, elsewhere })
    }

    /// Makes sure that what this process did was counted, or none of it where other processes are
    /// followed: a probe that is not attached costs nothing.
    pub(crate) fn prove(&self, least: Work) -> Result<()> {
        let Work { calls, moved_bytes } = self.work_of(std::process::id());
        if self.elsewhere {
            ensure!(calls == 0, "other processes are followed; zc counted {calls} calls");
            return Ok(());
        }
        ensure!(
            calls >= least.calls && moved_bytes >= least.moved_bytes,
            "{} calls moved {} bytes; zc counted {calls} calls and {moved_bytes} bytes",
            least.calls,
            least.moved_bytes
        );
        Ok(())
    }

    /// What was counted of a process.
    fn work_of(&self, pid: u32) -> Work {
        let mut work = Work::default();
        for process in self.json["processes"].as_array().into_iter().flatten() {
            if process["pid"].as_u64() != Some(u64::from(pid)) {
                continue;
            }
            work.calls += process["counters"]["syscalls"].as_u64().unwrap_or(0);
            let paths = process["paths"].as_array().into_iter().flatten();
            work.moved_bytes += paths.filter_map(|path| path["moved_bytes"].as_u64()).sum::<u64>();
        }
        work
    }

    /// Makes sure that what this process did was counted: a probe that is not attached costs
    /// What this build could not measure: a program that the kernel refused costs nothing either.
    pub(crate) fn limitations(&self) -> Vec<String> {
        let all = self.json["limitations"].as_array().into_iter().flatten();
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        all.map(|it| format!("{}: {}", word(&it["counter"]), word(&it["reason"]))).collect()
    }
}
