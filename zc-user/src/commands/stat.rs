//! `zc stat`: count while a command runs, or for a while, and print the breakdown.

use std::{
    ffi::OsString,
    fs::File,
    future::pending,
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
    time::{Instant, sleep_until},
};

use super::{
    options_with, privilege,
    report::Report,
    say_ended,
    writer::{UNWRITTEN, Writer},
};
use crate::cli::{Stat, Usage};
use zc_model::{
    column::View,
    expectation::{Expectation, Verdict},
    filter::Filter,
    frame::Frame,
    snapshot::{ProcessId, Snapshot},
    source::SnapshotSource as _,
};
use zc_privilege::{files, limits, raised};
use zc_probe::{
    follow::Follow,
    live::Live,
    names::{identity, namespace},
};
use zc_render::{expectation, sanitize::sanitize};
use zc_session::{
    drive,
    output::{Flow, Output},
    signals::{Ending, Signals},
    stall::Stoppable,
    world::{Events, Real},
};

/// Runs `zc stat`, or the verb that makes another report.
pub(super) async fn run(
    arguments: &Stat,
    expected: &[Expectation],
    about: Option<Report>,
) -> Result<ExitCode> {
    let watched = watched(arguments)?;
    let ids: Vec<_> = watched.iter().map(|it| it.id).collect();
    let report = open(arguments, about)?;
    let signals = Signals::new()?;
    let follow = if arguments.command.is_empty() {
        arguments.selection.follow(&ids)
    } else {
        Follow::Children
    };
    let filter = arguments.selection.filter(&follow);
    let options = options_with(&arguments.probing, follow, about)?;
    let mut live = Live::start(&arguments.selection.completed(options))?;

    let child = if arguments.command.is_empty() {
        privilege::drop_unneeded(Some(&live), CapabilitySet::empty())?;
        None
    } else {
        let child = spawn(&arguments.command)?;
        // A signal may have to be passed on to a command that changed its user.
        privilege::drop_unneeded(Some(&live), CapabilitySet::KILL)?;
        Some(child)
    };
    let watch = Watch::new(watched, child.as_ref());
    let subject = |watched: &[Watched]| subject(arguments, &filter, watched);
    let every = about.and_then(Report::interval);
    let mut watch = Reporting {
        watch,
        report,
        filter: &filter,
        subject,
        every,
        previous: None,
        expected,
        is_met: true,
    };
    if every.is_some() {
        watch.report.begin().context(UNWRITTEN)?;
    }
    drive(&mut live, &mut watch, &mut Real::with(signals, Course::new(child, arguments.duration)))
        .await?;
    let status = watch.watch.status.map_or(ExitCode::SUCCESS, exit_code);
    privilege::drop_unneeded(Some(&live), CapabilitySet::empty())?;
    if !arguments.format.is_text() {
        watch
            .watch
            .watched
            .iter()
            .filter(|it| it.has_ended)
            .for_each(|it| say_ended(it.id.pid, &it.comm));
    }

    let snapshot = live.next()?.context("the probes returned no snapshot")?;
    match watch.last(snapshot) {
        // The reader has seen enough and left; the command's status is still its own.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        written => written.context("cannot write the report")?,
    }
    if status == ExitCode::SUCCESS && !watch.is_met { Ok(UNMET.into()) } else { Ok(status) }
}

/// The exit status when the command has succeeded, and not all is as expected.
const UNMET: u8 = 3;

/// Says the results of expectations on standard error. Whether all of them are met.
fn check(expected: &[Expectation], frame: &Frame) -> bool {
    let say = |text: &str| {
        // Nothing more can be done when standard error is gone; the status tells.
        let _ = writeln!(io::stderr(), "zc: {}", sanitize(text));
    };
    let verdicts: Vec<_> = expected
        .iter()
        .map(|expectation| {
            let outcome = expectation.check(frame);
            say(&expectation::line(&expectation.text, &outcome));
            outcome.verdict
        })
        .collect();
    let count = |verdict| verdicts.iter().filter(|it| **it == verdict).count();
    let (failed, unknown) = (count(Verdict::Failed), count(Verdict::Unknown));
    if failed + unknown > 0 {
        say(&expectation::sum(verdicts.len(), failed, unknown));
    }
    failed + unknown == 0
}

/// A watch, with the reports that it makes on its way.
struct Reporting<'a, S> {
    watch: Watch,
    report: Writer,
    filter: &'a Filter,
    /// What was watched, for the heading.
    subject: S,
    /// How often a report is made, where it is not once at the end.
    every: Option<Duration>,
    previous: Option<Snapshot>,
    /// What is expected in the end, and whether it is so.
    expected: &'a [Expectation],
    is_met: bool,
}

impl<S: Fn(&[Watched]) -> String> Reporting<'_, S> {
    /// The last report: of all the time, or of the last interval.
    fn last(&mut self, snapshot: Snapshot) -> io::Result<()> {
        let subject = (self.subject)(&self.watch.watched);
        if self.every.is_none() {
            let frame = Frame::cumulative(snapshot).select(self.filter);
            let written = self.report.whole(&frame, &subject);
            self.is_met = check(self.expected, &frame);
            return written;
        }
        self.interval(snapshot)
    }

    fn interval(&mut self, next: Snapshot) -> io::Result<()> {
        let frame = match &self.previous {
            Some(previous) => Frame::between(previous, &next),
            None => Frame::cumulative(next.clone()),
        };
        let subject = (self.subject)(&self.watch.watched);
        self.previous = Some(next);
        self.report.update_of(&frame.select(self.filter), &subject)
    }
}

impl<S: Fn(&[Watched]) -> String> Output for Reporting<'_, S> {
    type Event = Event;

    fn wait(&mut self, _pace: Option<Duration>) -> Option<Duration> {
        self.every
    }

    fn receive(&mut self, snapshot: Result<Option<Snapshot>>) -> Result<Flow> {
        if let Some(snapshot) = snapshot? {
            self.interval(snapshot).context(UNWRITTEN)?;
        }
        Ok(Flow::Continue)
    }

    fn tended(&mut self, outcome: Result<()>) -> Result<Flow> {
        self.watch.tended(outcome)
    }

    fn signal(&mut self, signal: Ending) -> Result<Flow> {
        Ok(self.watch.signal(signal))
    }

    fn event(&mut self, event: Event) -> Result<Flow> {
        self.watch.event(event)
    }
}

/// The processes given by pid, as they are now.
fn watched(arguments: &Stat) -> Result<Vec<Watched>> {
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
    Ok(raised(|| arguments.selection.watched())?.into_iter().map(Watched::new).collect())
}

/// What ends a run by itself.
enum Event {
    /// The command has ended.
    Ended(io::Result<ExitStatus>),
    /// The time is up.
    TimeUp,
}

/// The command, if there is one, and the time that is left.
struct Course {
    child: Option<Child>,
    end: Option<Instant>,
}

impl Course {
    fn new(child: Option<Child>, duration: Option<Duration>) -> Self {
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
struct Watch {
    watched: Vec<Watched>,
    /// The command, while it runs or is a zombie.
    command: Option<Pid>,
    status: Option<ExitStatus>,
}

/// A process that was given by number.
struct Watched {
    id: ProcessId,
    /// Its name, which may hold anything: the last one that was seen.
    comm: String,
    has_ended: bool,
}

impl Watched {
    fn new(id: ProcessId) -> Self {
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
    fn new(watched: Vec<Watched>, child: Option<&Child>) -> Self {
        let pid = child.and_then(Child::id).and_then(|pid| Pid::from_raw(pid.cast_signed()));
        Self { watched, command: pid, status: None }
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
    fn tended(&mut self, outcome: Result<()>) -> Result<Flow> {
        outcome?;
        self.watched.iter_mut().for_each(Watched::look);
        let over = !self.watched.is_empty() && self.watched.iter().all(|it| it.has_ended);
        Ok(if over { Flow::End } else { Flow::Continue })
    }

    fn signal(&self, signal: Ending) -> Flow {
        match signal {
            // The terminal has sent it to the command, too, which decides what to do with it.
            Ending::Interrupt if self.command.is_some() && is_foreground() => Flow::Continue,
            Ending::Interrupt => self.end(Signal::INT),
            Ending::Hangup => self.end(Signal::HUP),
            Ending::Terminate => self.end(Signal::TERM),
        }
    }

    fn event(&mut self, event: Event) -> Result<Flow> {
        match event {
            Event::TimeUp => Ok(self.end(Signal::TERM)),
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

fn spawn(command: &[OsString]) -> Result<Child> {
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
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// Opens the report before anything is counted: a bad path fails at once.
fn open(arguments: &Stat, about: Option<Report>) -> Result<Writer> {
    let form = arguments.format.form(View::Report, arguments.selection.group_by.is_some())?;
    let out: Box<dyn Write> = match &arguments.output {
        Some(path) => Box::new(BufWriter::new(Stoppable(create(path)?))),
        None if arguments.command.is_empty()
            || !arguments.format.is_text()
            || about.is_some_and(Report::is_for_programs) =>
        {
            Box::new(BufWriter::new(Stoppable(io::stdout())))
        }
        None => Box::new(BufWriter::new(Stoppable(io::stderr()))),
    };
    Ok(Writer::new(form, &arguments.selection, out).of(about))
}

fn create(path: &Path) -> Result<File> {
    files::create(path).with_context(|| {
        format!("cannot write the report to '{}'", sanitize(&path.to_string_lossy()))
    })
}

/// What was watched, for the heading.
fn subject(arguments: &Stat, filter: &Filter, watched: &[Watched]) -> String {
    if !arguments.command.is_empty() {
        let words: Vec<_> = arguments.command.iter().map(|word| word.to_string_lossy()).collect();
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
