//! Processes that the lab starts: this program again, as worker or receiver. None outlives the lab.

use std::{
    convert::Infallible,
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, ErrorKind, Read as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::process::CommandExt as _,
    },
    path::Path,
    process::{Child as Process, ChildStderr, Command, ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::{
    process::{
        Pid, Signal, WaitId, WaitIdOptions, getppid, kill_process, set_parent_process_death_signal,
        waitid,
    },
    thread::CapabilitySet,
};
use serde::de::DeserializeOwned;
use tokio::{
    net::unix::pipe::Receiver,
    signal::unix::{SignalKind, signal},
    time::timeout,
};

use zc_privilege::{keep_only, limits};

use super::network::Network;
use crate::unsupported::{EXIT_STATUS, Unsupported};

/// How long a worker may take for one round.
const PATIENCE: Duration = Duration::from_secs(120);

/// A child; it is killed when dropped.
pub(crate) struct Child {
    process: Process,
    changes: tokio::signal::unix::Signal,
    name: String,
}

impl Child {
    /// Runs `zc lab WORDS` with these as standard input and output.
    pub(crate) fn spawn<S: AsRef<OsStr>>(
        words: &[S],
        input: OwnedFd,
        output: Stdio,
    ) -> Result<Self> {
        Self::spawn_in(None, words, input, output)
    }

    /// The same in a network of its own.
    pub(crate) fn spawn_in<S: AsRef<OsStr>>(
        network: Option<&Arc<Network>>,
        words: &[S],
        input: OwnedFd,
        output: Stdio,
    ) -> Result<Self> {
        // Before the child exists: no change of its state is missed.
        let changes = signal(SignalKind::child()).context("cannot watch for children")?;
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("zc")
            .arg("lab")
            .arg("--parent")
            .arg(std::process::id().to_string())
            .args(words)
            .stdin(Stdio::from(input))
            .stdout(output)
            .stderr(Stdio::piped())
            // Ctrl-C at the terminal is for the lab to handle, which then ends its children.
            .process_group(0);
        if let Some(network) = network.cloned() {
            // SAFETY: makes system calls only, on descriptors that are open in the child, too.
            unsafe { command.pre_exec(move || network.enter()) };
        }
        let process = command.spawn().context("cannot start a process of the lab")?;
        let name = words
            .first()
            .map_or_else(String::new, |word| word.as_ref().to_string_lossy().into_owned());
        Ok(Self { process, changes, name })
    }

    /// Runs another program, which is also killed when the lab exits.
    pub(crate) fn program(
        network: Option<&Arc<Network>>,
        words: &[OsString],
        input: OwnedFd,
        output: Stdio,
    ) -> Result<Self> {
        let program = words.first().context("no program to run")?;
        let name = Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned();
        let words: Vec<_> = ["exec".as_ref(), "--".as_ref()]
            .into_iter()
            .chain(words.iter().map(OsString::as_os_str))
            .collect();
        let start = || Self::spawn_in(network, &words, input, output);
        let mut child = limits::as_before(start)?;
        child.name = name;
        Ok(child)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it has stopped itself.
    ///
    /// # Errors
    /// When it ended instead: with what it wrote to standard error.
    pub(crate) async fn stopped(&mut self) -> Result<()> {
        if self.wait(WaitIdOptions::STOPPED).await? {
            self.off_cpu();
            return Ok(());
        }
        let status = self.process.wait().context("cannot wait for a child")?;
        Err(self.complaint(status))
    }

    /// Waits until a stopped child has left its CPU, which is a moment after the kernel reports the
    /// stop to its parent: what it did is settled by then.
    ///
    /// The kernel waits before it reports where a process is (`wait_task_inactive` in
    /// `task_current_syscall`, lib/syscall.c, 5.10 to 7.2). The result, or an error, does not matter.
    fn off_cpu(&self) {
        let _ = std::fs::read(format!("/proc/{}/syscall", self.pid()));
    }

    /// Lets it go on after a stop.
    pub(crate) fn proceed(&self) -> Result<()> {
        kill_process(self.handle()?, Signal::CONT).context("cannot continue a child")
    }

    /// Waits until it has ended, and returns what it reported.
    ///
    /// # Errors
    /// When it failed: with what it wrote to standard error.
    pub(crate) async fn report<T: DeserializeOwned>(&mut self) -> Result<T> {
        self.wait(WaitIdOptions::empty()).await?;
        let status = self.process.wait().context("cannot wait for a child")?;
        if !status.success() {
            return Err(self.complaint(status));
        }
        let text = self.stderr();
        serde_json::from_str(&text)
            .with_context(|| format!("cannot understand the report of the {}: '{text}'", self.name))
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When it failed: with what it wrote to standard error.
    pub(crate) async fn finished(&mut self) -> Result<()> {
        self.wait(WaitIdOptions::empty()).await?;
        match self.ended()? {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// The error of a child that has ended and failed.
    pub(crate) fn ended(&mut self) -> Result<Option<anyhow::Error>> {
        let status = self.process.try_wait().context("cannot wait for a child")?;
        Ok(status.filter(|status| !status.success()).map(|status| self.complaint(status)))
    }

    /// Waits, blocking this thread, for a child that is about to end.
    pub(crate) fn outlast(&mut self) {
        // A failure cannot be reported to a caller any more.
        let _ = self.process.wait();
    }

    /// A line that it prints, without its end; its output was a pipe.
    ///
    /// # Errors
    /// When it ends instead: with what it wrote to standard error.
    pub(crate) async fn line(&mut self) -> Result<Vec<u8>> {
        let output = self.process.stdout.take().context("the output of a child is elsewhere")?;
        let output = Receiver::from_owned_fd(output.into()).context("cannot read from a pipe")?;
        let mut line = Vec::new();
        while line.pop_if(|byte| *byte == b'\n').is_none() {
            let mut some = [0; 256];
            let read = async {
                output.readable().await?;
                output.try_read(&mut some)
            };
            match timeout(PATIENCE, read).await {
                Ok(Ok(0)) => {
                    self.finished().await?;
                    bail!("the {} prints nothing", self.name);
                }
                Ok(Ok(got)) => line.extend_from_slice(&some[..got]),
                Ok(Err(error)) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(Err(error)) => return Err(error).context("cannot read from a pipe"),
                Err(_) => bail!("the {} prints nothing for {} s", self.name, PATIENCE.as_secs()),
            }
        }
        Ok(line)
    }

    /// CPU time that it has used so far, user and system, ended threads included.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        let pid = self.process.id().cast_signed();
        let mut clock = 0;
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: both calls write to the one place given, which lives on.
        let failed = unsafe {
            libc::clock_getcpuclockid(pid, &raw mut clock) != 0
                || libc::clock_gettime(clock, &raw mut time) != 0
        };
        if failed {
            bail!("cannot read the CPU time of the {}", self.name);
        }
        let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
        Ok(Duration::new(time.tv_sec.cast_unsigned(), nanoseconds))
    }

    /// Waits for its end or for `changes`; whether it is one of the changes.
    async fn wait(&mut self, changes: WaitIdOptions) -> Result<bool> {
        let pid = self.handle()?;
        let wait = async {
            loop {
                // The end is not collected here: the standard library does that.
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
                let status = waitid(WaitId::Pid(pid), options | changes)
                    .context("cannot wait for a child")?;
                if let Some(status) = status {
                    let changed = status.stopped();
                    if changed {
                        // Reported once: the next stop is another.
                        waitid(WaitId::Pid(pid), WaitIdOptions::STOPPED | WaitIdOptions::NOHANG)
                            .context("cannot wait for a child")?;
                    }
                    return Ok(changed);
                }
                self.changes.recv().await;
            }
        };
        match timeout(PATIENCE, wait).await {
            Ok(result) => result,
            Err(_) => bail!(
                "the {} made no progress for {} s; is the machine overloaded?",
                self.name,
                PATIENCE.as_secs()
            ),
        }
    }

    fn handle(&self) -> Result<Pid> {
        Pid::from_raw(self.process.id().cast_signed()).ok_or_else(|| anyhow!("a child without pid"))
    }

    fn complaint(&mut self, status: ExitStatus) -> anyhow::Error {
        let text = self.stderr();
        let text = text.trim().trim_start_matches("zc: ");
        if status.code() == Some(i32::from(EXIT_STATUS)) {
            return Unsupported(text.to_owned()).into();
        }
        if text.is_empty() {
            anyhow!("the {} ended with {status}", self.name)
        } else {
            anyhow!("the {} failed: {text}", self.name)
        }
    }

    fn stderr(&mut self) -> String {
        let mut text = Vec::new();
        if let Some(stderr) = self.process.stderr.as_mut() {
            read_all(stderr, &mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

fn read_all(from: &mut ChildStderr, text: &mut Vec<u8>) {
    // What was read until the failure is used.
    let _ = from.read_to_end(text);
}

impl Drop for Child {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            // It may end by itself at this very moment.
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// Execs a program, which the kernel kills when the lab exits, as it would this process; without the
/// user's environment, and without any capability.
///
/// # Errors
/// When it cannot be run; otherwise this does not return.
pub fn exec(words: &[OsString]) -> Result<Infallible> {
    keep_only(CapabilitySet::empty())?;
    let (program, words) = words.split_first().context("no program to run")?;
    let error = Command::new(program)
        .args(words)
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .exec();
    Err(error).with_context(|| format!("cannot run '{}'", program.display()))
}

/// Has the kernel kill this process when its parent, the lab, exits or is killed. Returns whether
/// `parent`, the process id on the command line, is the parent.
///
/// # Errors
/// When the kernel refuses.
pub fn follow(parent: Option<u32>) -> Result<bool> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .context("cannot arrange to be killed with the lab")?;
    // A parent that had ended before would send no signal any more.
    let actual = getppid().map(|pid| pid.as_raw_nonzero().get().cast_unsigned());
    Ok(parent.is_some() && parent == actual)
}

/// Standard input as a file of its own.
pub(crate) fn standard_input() -> Result<File> {
    own(io::stdin().as_fd().try_clone_to_owned())
}

/// Standard output as a file of its own; nothing else may write there.
pub(crate) fn standard_output() -> Result<File> {
    own(io::stdout().as_fd().try_clone_to_owned())
}

fn own(fd: io::Result<OwnedFd>) -> Result<File> {
    match fd {
        Ok(fd) => Ok(File::from(fd)),
        Err(error) if error.raw_os_error() == Some(libc::EBADF) => {
            bail!("internal subcommand; use `zc lab run`")
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => bail!("interrupted"),
        Err(error) => Err(error).context("cannot use a standard stream"),
    }
}
