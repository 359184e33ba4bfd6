//! What a run watches, and what ends it: a command, processes, a time, a signal.

use std::{
    ffi::OsString,
    fs::File,
    future::pending,
    io::{self, ErrorKind},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{ExitCode, ExitStatus},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use rustix::{
    process::{Pid, Signal, getpgrp, kill_process},
    termios::tcgetpgrp,
};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep_until},
};

use super::say;
use crate::cli::{Selection, Usage};
use zc_model::{filter::Filter, snapshot::ProcessId};
use zc_privilege::{limits, raised};
use zc_probe::names::{cgroup, identity, namespace};
use zc_render::sanitize::sanitize;
use zc_session::{output::Flow, signals::Ending, world::Events};

/// The processes given by pid, as they are now.
pub(super) fn watched(command: &[OsString], selection: &Selection) -> Result<Vec<Watched>> {
    let announced = std::env::args_os().next_back().is_some_and(|word| word == "--");
    if command.is_empty() && announced {
        return Err(Usage("the command after '--' is missing".into()).into());
    }
    if !command.is_empty() && !namespace::has_host_pids() {
        bail!(
            "cannot follow a command: in this PID namespace (a container) processes have other \
             numbers than the kernel counts by; run zc on the host, or in a container with the \
             host's PID namespace (docker run --pid=host)"
        );
    }
    if !command.is_empty() && !selection.pids.is_empty() {
        return Err(Usage(
            "a command and --pid exclude each other: run the command, or watch the process".into(),
        )
        .into());
    }
    Ok(raised(|| selection.watched())?.into_iter().map(Watched::new).collect())
}

/// Refuses to follow control groups of which there is none, and says of each that is not there yet. A command may make
/// its own.
pub(super) fn groups_exist(command: &[OsString], selection: &Selection) -> Result<()> {
    if command.is_empty() {
        for path in cgroup::missing(&selection.cgroups)? {
            say(&format!("there is no control group '{path}' yet; it is followed once there is"));
        }
    }
    Ok(())
}

/// What ends a run by itself.
pub(super) enum Event {
    /// The command has ended.
    Ended(io::Result<ExitStatus>),
    /// The time is up.
    TimeUp,
}

/// The command, if there is one, and the time that is left.
pub(super) struct Course {
    child: Option<Child>,
    end: Option<Instant>,
}

impl Course {
    pub(super) fn new(child: Option<Child>, duration: Option<Duration>) -> Self {
        Self { child, end: duration.map(|duration| Instant::now() + duration) }
    }
}

impl Events for Course {
    type Event = Event;

    async fn next(&mut self) -> Event {
        let Self { child, end } = self;
        let ended = async {
            match child {
                Some(child) => child.wait().await,
                None => pending().await,
            }
        };
        tokio::select! {
            status = ended => Event::Ended(status),
            () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => {
                *end = None;
                Event::TimeUp
            }
        }
    }
}

/// Counts until the command ends; without one, until the time is up, every watched process has ended,
/// or a signal arrives. A command whose time is up, and one that a signal asks to end, decides itself.
pub(super) struct Watch {
    pub(super) watched: Vec<Watched>,
    /// The command, while it runs or is a zombie.
    command: Option<Pid>,
    pub(super) status: Option<ExitStatus>,
    /// The time was up, and so the command was asked to end.
    pub(super) is_time_up: bool,
}

/// A process that was given by number.
pub(super) struct Watched {
    pub(super) id: ProcessId,
    /// Its name, which may hold anything: the last one that was seen.
    pub(super) comm: String,
    pub(super) has_ended: bool,
}

impl Watched {
    pub(super) fn new(id: ProcessId) -> Self {
        Self { id, comm: identity::name(id.pid).unwrap_or_default(), has_ended: false }
    }

    fn look(&mut self) {
        let name = identity::name(self.id.pid);
        self.has_ended |= !identity::is_running(self.id);
        // Another process may have its number.
        if let Some(name) = name.filter(|_| !self.has_ended) {
            self.comm = name;
        }
    }
}

impl Watch {
    pub(super) fn new(watched: Vec<Watched>, child: Option<&Child>) -> Self {
        let pid = child.and_then(Child::id).and_then(|pid| Pid::from_raw(pid.cast_signed()));
        Self { watched, command: pid, status: None, is_time_up: false }
    }

    /// Passes a signal on to the command; without one, the run is over.
    fn end(&self, signal: Signal) -> Flow {
        let Some(pid) = self.command else { return Flow::End };
        // A command that has just ended needs no signal any more.
        let _ = kill_process(pid, signal);
        Flow::Continue
    }
}

impl Watch {
    pub(super) fn tended(&mut self, outcome: Result<()>) -> Result<Flow> {
        outcome?;
        self.watched.iter_mut().for_each(Watched::look);
        let over = !self.watched.is_empty() && self.watched.iter().all(|it| it.has_ended);
        Ok(if over { Flow::End } else { Flow::Continue })
    }

    pub(super) fn signal(&self, signal: Ending) -> Flow {
        match signal {
            // The terminal has sent it to the command, too, which decides what to do with it.
            Ending::Interrupt if self.command.is_some() && is_foreground() => Flow::Continue,
            Ending::Interrupt => self.end(Signal::INT),
            Ending::Hangup => self.end(Signal::HUP),
            Ending::Terminate => self.end(Signal::TERM),
        }
    }

    pub(super) fn event(&mut self, event: Event) -> Result<Flow> {
        match event {
            Event::TimeUp => {
                self.is_time_up = true;
                Ok(self.end(Signal::TERM))
            }
            Event::Ended(status) => {
                self.status = Some(status.context("cannot wait for the command")?);
                Ok(Flow::End)
            }
        }
    }
}

/// Whether the keys of a terminal send their signals to this process and what it started.
fn is_foreground() -> bool {
    File::open("/dev/tty")
        .ok()
        .and_then(|terminal| tcgetpgrp(terminal).ok())
        .is_some_and(|group| group == getpgrp())
}

pub(super) fn spawn(command: &[OsString]) -> Result<Child> {
    let (program, arguments) = command.split_first().context("the command is empty")?;
    limits::as_before(|| Command::new(program).args(arguments).spawn()).map_err(|error| {
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
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct NotRun {
    message: String,
    /// The status that a shell gives in that case: 126 or 127.
    pub(super) status: u8,
}

/// As a shell tells it: the command's status, or 128 and the signal.
pub(super) fn exit_code(status: ExitStatus) -> ExitCode {
    ExitCode::from(code(status))
}

/// The same as a number.
pub(super) fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}

/// What was watched, for the heading.
pub(super) fn subject(command: &[OsString], filter: &Filter, watched: &[Watched]) -> String {
    if !command.is_empty() {
        let words: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
        return words.join(" ");
    }
    let name = |it: &Watched| {
        let end = if it.has_ended { ", ended" } else { "" };
        format!("{} ({}{end})", it.id.pid, it.comm)
    };
    match watched {
        [] if filter.is_everything() && !filter.followed => "the whole system".to_owned(),
        [] => "the selected processes".to_owned(),
        [one] => format!("process {} and its descendants", name(one)),
        all => {
            let all: Vec<_> = all.iter().map(name).collect();
            format!("processes {} and their descendants", all.join(", "))
        }
    }
}
