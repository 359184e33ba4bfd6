//! `zc stat`: count while a command runs, or for a while, and print the breakdown.

mod series;

use std::{
    fs::File,
    io::{self, BufWriter, ErrorKind, Write},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, Result};
use rustix::thread::CapabilitySet;

use super::{
    options_with, privilege,
    report::Report,
    say, say_ended,
    watch::{Course, Event, Watch, Watched, exit_code, groups_exist, spawn, subject, watched},
    writer::{UNWRITTEN, Writer},
};
use crate::cli::{Expecting, Stat};
use zc_model::{
    advice::Recent,
    column::View,
    expectation::{Expectation, Verdict},
    filter::Filter,
    frame::Frame,
    snapshot::Snapshot,
    source::SnapshotSource as _,
};
use zc_privilege::files;
use zc_probe::{follow::Follow, live::Live};
use zc_render::{expectation, sanitize::sanitize};
use zc_session::{
    drive,
    output::{Flow, Output},
    signals::{Ending, Signals},
    stall::Stoppable,
    world::Real,
};

/// Runs `zc stat` itself.
pub(super) async fn verb(arguments: &Expecting) -> Result<ExitCode> {
    let Expecting { repeat, expect, stat } = arguments;
    match repeat {
        Some(repeat) => series::run(stat, expect, *repeat).await,
        None => run(stat, expect, None).await,
    }
}

/// Runs `zc stat`, or the verb that makes another report.
pub(super) async fn run(
    arguments: &Stat,
    expected: &[Expectation],
    about: Option<Report>,
) -> Result<ExitCode> {
    let watched = watched(&arguments.command, &arguments.selection)?;
    groups_exist(&arguments.command, &arguments.selection)?;
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
    let subject = |watched: &[Watched]| subject(&arguments.command, &filter, watched);
    let every = about.and_then(Report::interval);
    let mut watch = Reporting {
        watch,
        report,
        filter: &filter,
        subject,
        every,
        previous: None,
        recent: Recent::default(),
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
    // A command that was ended because its time was up has not failed.
    let is_time_up = watch.watch.is_time_up && !expected.is_empty();
    let status = if is_time_up { ExitCode::SUCCESS } else { status };
    if status == ExitCode::SUCCESS && !watch.is_met { Ok(UNMET.into()) } else { Ok(status) }
}

/// The exit status when the command has succeeded, and not all is as expected.
const UNMET: u8 = 3;

/// Says the results of expectations on standard error, after `of`. Whether all of them are met.
fn check(expected: &[Expectation], frame: &Frame, of: &str) -> bool {
    let verdicts: Vec<_> = expected
        .iter()
        .map(|expectation| {
            let outcome = expectation.check(frame);
            say(&format!("{of}{}", expectation::line(&expectation.text, &outcome)));
            outcome.verdict
        })
        .collect();
    let count = |verdict| verdicts.iter().filter(|it| **it == verdict).count();
    let (failed, unknown) = (count(Verdict::Failed), count(Verdict::Unknown));
    if failed + unknown > 0 {
        say(&format!("{of}{}", expectation::sum(verdicts.len(), failed, unknown)));
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
    recent: Recent,
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
            self.is_met = check(self.expected, &frame, "");
            return written;
        }
        self.interval(snapshot)
    }

    fn interval(&mut self, next: Snapshot) -> io::Result<()> {
        let mut frame = match &self.previous {
            Some(previous) => Frame::between(previous, &next),
            None => Frame::cumulative(next.clone()),
        };
        self.recent.follow(&mut frame);
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

/// Opens the report before anything is counted: a bad path fails at once.
fn open(arguments: &Stat, about: Option<Report>) -> Result<Writer> {
    let form = arguments.format.form(View::Report, arguments.selection.group_by.is_some())?;
    let out = destination(arguments, about.is_some_and(Report::is_for_programs))?;
    Ok(Writer::new(form, &arguments.selection, out).of(about))
}

/// Where the report goes; one that is `for_programs` is no text.
fn destination(arguments: &Stat, for_programs: bool) -> Result<Box<dyn Write>> {
    Ok(match &arguments.output {
        Some(path) => Box::new(BufWriter::new(Stoppable(create(path)?))),
        None if arguments.command.is_empty() || !arguments.format.is_text() || for_programs => {
            Box::new(BufWriter::new(Stoppable(io::stdout())))
        }
        None => Box::new(BufWriter::new(Stoppable(io::stderr()))),
    })
}

fn create(path: &Path) -> Result<File> {
    files::create(path).with_context(|| {
        format!("cannot write the report to '{}'", sanitize(&path.to_string_lossy()))
    })
}
