//! `zc stat`: count while a command runs, or for a while, and print the breakdown.

use std::{
    ffi::OsString,
    fmt,
    fs::File,
    io::{self, BufWriter, ErrorKind, Write},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{ExitCode, ExitStatus},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use rustix::{
    process::{Pid, Signal, getpgrp, kill_process},
    termios::tcgetpgrp,
    thread::CapabilitySet,
};
use tokio::{
    process::{Child, Command},
    signal::unix::SignalKind,
    time::{MissedTickBehavior, interval, sleep},
};

use super::{is_broken_pipe, options, privilege, stop::Stop};
use crate::cli::{Stat, Usage};
use zc_model::{
    column::Column, filter::Filter, frame::Frame, snapshot::ProcessId, sort::Listing,
    source::SnapshotSource as _,
};
use zc_probe::{
    live::Live,
    names::{identity, namespace},
};
use zc_render::{csv, json, sanitize::sanitize, table};

/// How often the slots of exited threads are recycled.
const TEND: Duration = Duration::from_millis(100);

/// Processes that the text report lists.
const LISTED: usize = 20;

/// Runs `zc stat`.
pub(super) async fn run(arguments: &Stat) -> Result<ExitCode> {
    let watched = watched(arguments)?;
    let mut report = Report::open(arguments)?;
    let mut stop = Stop::new()?;
    let mut live = Live::start(&options(&arguments.probing))?;

    let mut filter = arguments.selection.filter();
    let status = if arguments.command.is_empty() {
        privilege::drop_unneeded(CapabilitySet::empty())?;
        watch(&mut live, arguments.duration, &watched, &mut stop).await?;
        ExitCode::SUCCESS
    } else {
        live.track_children();
        filter.tracked = true;
        let child = spawn(&arguments.command)?;
        // A signal may have to be passed on to a command that changed its user.
        privilege::drop_unneeded(CapabilitySet::KILL)?;
        exit_code(observe(&mut live, child, arguments.duration, &mut stop).await?)
    };

    let snapshot = live.next()?.context("the probes returned no snapshot")?;
    let frame = Frame::cumulative(snapshot).select(&filter);
    match report.write(&frame, &filter) {
        // Whoever read the report has seen enough; the command's status is still its own.
        Err(error) if is_broken_pipe(&error) => Ok(status),
        written => written.context("cannot write the report").map(|()| status),
    }
}

/// The processes given by pid, as they are now.
fn watched(arguments: &Stat) -> Result<Vec<ProcessId>> {
    let announced = std::env::args_os().next_back().is_some_and(|word| word == "--");
    if arguments.command.is_empty() && announced {
        return Err(Usage("the command after '--' is missing".into()).into());
    }
    if !arguments.command.is_empty() && !namespace::has_host_pids() {
        bail!(
            "cannot follow a command: in this PID namespace (a container) processes have other \
             numbers than the kernel counts by; run zc on the host, or in a container with the \
             host's PID namespace (docker run --pid=host)"
        );
    }
    if !arguments.command.is_empty() && !arguments.selection.pids.is_empty() {
        return Err(Usage(
            "a command and --pid exclude each other: run the command, or watch the process".into(),
        )
        .into());
    }
    arguments.selection.pids.iter().map(|pid| identity::find(*pid)).collect()
}

/// Counts until the time is up, every watched process has ended, or a signal arrives.
async fn watch(
    live: &mut Live,
    duration: Option<Duration>,
    watched: &[ProcessId],
    stop: &mut Stop,
) -> Result<()> {
    let mut tend = interval(TEND);
    tend.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = async {
        match duration {
            Some(duration) => sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    loop {
        tokio::select! {
            () = &mut end => return Ok(()),
            _ = stop.next() => return Ok(()),
            _ = tend.tick() => {
                live.tend()?;
                let gone = |found: &ProcessId| identity::find(found.pid).ok() != Some(*found);
                if !watched.is_empty() && watched.iter().all(gone) {
                    return Ok(());
                }
            }
        }
    }
}

/// Counts until the command ends, or the time is up and it was asked to end.
async fn observe(
    live: &mut Live,
    mut child: Child,
    duration: Option<Duration>,
    stop: &mut Stop,
) -> Result<ExitStatus> {
    let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
    let mut tend = interval(TEND);
    tend.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = async {
        match duration {
            Some(duration) => sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    let mut timed_out = false;
    loop {
        tokio::select! {
            status = child.wait() => return status.context("cannot wait for the command"),
            () = &mut end, if !timed_out => {
                timed_out = true;
                pass_on(pid, Signal::TERM);
            }
            signal = stop.next() => match signal {
                // The terminal has sent it to the command too: it decides what to do with it.
                signal if signal == SignalKind::interrupt() && is_foreground() => {}
                signal if signal == SignalKind::interrupt() => pass_on(pid, Signal::INT),
                signal if signal == SignalKind::hangup() => pass_on(pid, Signal::HUP),
                _ => pass_on(pid, Signal::TERM),
            },
            _ = tend.tick() => live.tend()?,
        }
    }
}

fn pass_on(pid: Option<Pid>, signal: Signal) {
    if let Some(pid) = pid {
        // It may just have ended: then there is nobody to tell.
        let _ = kill_process(pid, signal);
    }
}

/// Whether the keys of a terminal send their signals to this process and what it started.
fn is_foreground() -> bool {
    File::open("/dev/tty")
        .ok()
        .and_then(|terminal| tcgetpgrp(terminal).ok())
        .is_some_and(|group| group == getpgrp())
}

fn spawn(command: &[OsString]) -> Result<Child> {
    let (program, arguments) = command.split_first().context("the command is empty")?;
    Command::new(program).args(arguments).spawn().map_err(|error| {
        let name = sanitize(&program.to_string_lossy()).into_owned();
        let (why, status) = refusal(Path::new(program), &error);
        NotRun { message: format!("cannot run '{name}': {why}"), status }.into()
    })
}

/// Why a command did not start, and the status that a shell gives then.
fn refusal(program: &Path, error: &io::Error) -> (String, u8) {
    let why = match error.kind() {
        // Not looked for along PATH, and there: so it is what it needs that is missing.
        ErrorKind::NotFound if program.components().count() > 1 && program.exists() => {
            "its interpreter or loader is missing; see its first line, or `file`"
        }
        ErrorKind::NotFound => "there is no such command; check the spelling, or give its path",
        ErrorKind::PermissionDenied if program.is_dir() => "it is a directory; give a program",
        ErrorKind::PermissionDenied => "it is not executable; see `ls -l`",
        _ if error.raw_os_error() == Some(libc::ENOEXEC) => {
            "it is neither a program for this machine nor a script that begins with #!; run it \
             through its interpreter, such as sh"
        }
        _ => return (error.to_string(), 126),
    };
    (why.to_owned(), if error.kind() == ErrorKind::NotFound { 127 } else { 126 })
}

/// The command could not be started.
#[derive(Debug)]
pub(super) struct NotRun {
    message: String,
    /// The status that a shell gives in that case: 126 or 127.
    pub(super) status: u8,
}

impl fmt::Display for NotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for NotRun {}

/// As a shell tells it: the command's status, or 128 and the signal.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// Where the report goes, opened before anything is counted: a bad path fails at once.
struct Report<'a> {
    arguments: &'a Stat,
    out: Box<dyn Write>,
}

impl<'a> Report<'a> {
    fn open(arguments: &'a Stat) -> Result<Self> {
        let out: Box<dyn Write> = match &arguments.output {
            Some(path) => Box::new(BufWriter::new(create(path)?)),
            None if arguments.command.is_empty()
                || arguments.format.json
                || arguments.format.csv =>
            {
                Box::new(BufWriter::new(io::stdout()))
            }
            None => Box::new(BufWriter::new(io::stderr())),
        };
        Ok(Self { arguments, out })
    }

    fn write(&mut self, frame: &Frame, filter: &Filter) -> Result<()> {
        let Self { arguments, out } = self;
        let everything = arguments.selection.listing(Listing::everything());
        if arguments.format.json {
            json::write_document(frame, &everything, out)?;
        } else if arguments.format.csv {
            let columns: Vec<&Column> = table::once_columns();
            csv::write_header(&columns, out)?;
            csv::write_rows(frame, &everything, &columns, out)?;
        } else {
            let listing = arguments.selection.listing(Listing::busiest(LISTED));
            table::write_stat(frame, &subject(arguments, filter), &listing, out)?;
        }
        Ok(out.flush()?)
    }
}

fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| {
        format!("cannot write the report to '{}'", sanitize(&path.to_string_lossy()))
    })
}

/// What was watched, for the heading.
fn subject(arguments: &Stat, filter: &Filter) -> String {
    if !arguments.command.is_empty() {
        let words: Vec<_> = arguments.command.iter().map(|word| word.to_string_lossy()).collect();
        return words.join(" ");
    }
    if filter.is_everything() {
        return "the whole system".to_owned();
    }
    match filter.pids.as_slice() {
        [] => "the selected processes".to_owned(),
        [pid] => format!("process {pid}"),
        pids => {
            let pids: Vec<_> = pids.iter().map(u32::to_string).collect();
            format!("processes {}", pids.join(", "))
        }
    }
}
