//! What is attached while the calls are timed.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use aya::{Ebpf, programs::RawTracePoint};
use rustix::process::{Pid, Signal, kill_process};
use zc_probe::OBJECT;

use crate::observer::{Build, Observer, Output, Work};

/// Bytes per process, call and kind of file, as well as bpftrace can. A descriptor's number is
/// an argument, which is gone when the call returns: bpftrace needs a probe at entry too.
const SCRIPT: &str = include_str!("equivalent.bt");

/// What is attached in one of the settings that are compared.
#[derive(Clone, Debug)]
pub(crate) enum Setting {
    /// No probes.
    Bare,
    /// An empty raw tracepoint on `sys_exit`.
    Floor,
    /// All probes of a build of `zc`.
    Zc(Build),
    /// A bpftrace script that counts the same bytes.
    Bpftrace,
}

/// What all figures are compared with: no probes at all.
pub(crate) const BARE: &str = "bare";

impl Setting {
    /// The build of this checkout and `others`, between what they are compared with.
    pub(crate) fn all(others: &[Build], bpftrace: bool) -> Vec<Self> {
        let mut all = vec![Self::Bare, Self::Floor, Self::Zc(Build::own())];
        all.extend(others.iter().cloned().map(Self::Zc));
        all.extend(bpftrace.then_some(Self::Bpftrace));
        all
    }

    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Bare => BARE,
            Self::Floor => "floor",
            Self::Zc(build) => &build.name,
            Self::Bpftrace => "bpftrace",
        }
    }

    /// Attaches it; returns when it counts.
    pub(crate) fn attach(&self, output: Output) -> Result<Attached> {
        Ok(match self {
            Self::Bare => Attached::Nothing,
            Self::Floor => Attached::Floor { _ebpf: floor()? },
            Self::Zc(build) => Attached::Zc(build.observe(output)?),
            Self::Bpftrace => Attached::Bpftrace(Script::start()?),
        })
    }
}

/// Something attached; dropping it detaches.
pub(crate) enum Attached {
    Nothing,
    Floor { _ebpf: Ebpf },
    Zc(Observer),
    Bpftrace(Script),
}

impl Attached {
    /// How long it took `zc` to attach.
    pub(crate) fn attached_after(&self) -> Option<Duration> {
        match self {
            Self::Zc(observer) => Some(observer.attached_after),
            _ => None,
        }
    }

    /// Detaches, after making sure that it did count what this process did, where it can tell.
    pub(crate) fn finish(self, least: Work) -> Result<()> {
        match self {
            Self::Nothing | Self::Floor { .. } => Ok(()),
            Self::Zc(observer) => match observer.finish()? {
                Some(report) => report.prove(least),
                None => Ok(()),
            },
            Self::Bpftrace(script) => {
                let counted = script.finish()?;
                ensure!(
                    counted >= least.moved_bytes,
                    "{} bytes were moved and only {counted} counted",
                    least.moved_bytes
                );
                Ok(())
            }
        }
    }
}

/// Attaches an empty program to the end of system calls.
pub(crate) fn floor() -> Result<Ebpf> {
    let mut ebpf = Ebpf::load(OBJECT).context("cannot load the object")?;
    let program: &mut RawTracePoint =
        ebpf.program_mut("zc_floor").context("the object has no program zc_floor")?.try_into()?;
    program.load()?;
    program.attach("sys_exit").context("cannot attach to sys_exit")?;
    Ok(ebpf)
}

/// bpftrace, running the script.
pub(crate) struct Script {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Script {
    fn start() -> Result<Self> {
        // bpftrace needs tracefs, which is not mounted everywhere: then it gets its own.
        let shell = "test -d /sys/kernel/tracing/events || mount -t tracefs tracefs /sys/kernel/tracing; \
                     exec bpftrace -e \"$0\"";
        let mut child = Command::new("unshare")
            .args(["--mount", "sh", "-c", shell, SCRIPT])
            .stdout(Stdio::piped())
            // It complains about the memory limit, which kernels since 5.11 do not apply.
            .stderr(Stdio::null())
            .spawn()
            .context("cannot run bpftrace")?;
        let output = BufReader::new(child.stdout.take().context("bpftrace has no output")?);
        let mut script = Self { child, output };
        script.wait_for("ready")?;
        Ok(script)
    }

    /// Reads until a line of its output is `word`.
    fn wait_for(&mut self, word: &str) -> Result<()> {
        let mut line = String::new();
        while line.trim_end() != word {
            line.clear();
            if self.output.read_line(&mut line).context("cannot read bpftrace's output")? == 0 {
                bail!(
                    "bpftrace ended early ({}): try it with zc-user/benches/cost/equivalent.bt",
                    self.child.wait()?
                );
            }
        }
        Ok(())
    }

    /// Ends it, and returns the bytes that it counted for this process.
    fn finish(mut self) -> Result<u64> {
        self.interrupt();
        // Processes may have names that are no UTF-8.
        let mut output = Vec::new();
        self.output.read_to_end(&mut output).context("cannot read bpftrace's output")?;
        let text = String::from_utf8_lossy(&output);
        Ok(text.lines().filter_map(counted).sum())
    }

    /// Asks it to print what it has and to exit.
    fn interrupt(&mut self) {
        // Only as long as it has not been waited for is the pid its own.
        if let Ok(None) = self.child.try_wait() {
            // It may have ended since: then there is nothing to interrupt.
            let _ = kill_process(Pid::from_child(&self.child), Signal::INT);
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.interrupt();
        // Nothing to do about a child that cannot be waited for.
        let _ = self.child.wait();
    }
}

/// Bytes in a line such as `@bytes[4711, cost, read, 8]: 123`, when it is of this process.
fn counted(line: &str) -> Option<u64> {
    let (key, value) = line.strip_prefix("@bytes[")?.split_once("]: ")?;
    let pid: u32 = key.split(',').next()?.parse().ok()?;
    if pid == std::process::id() { value.parse().ok() } else { None }
}
