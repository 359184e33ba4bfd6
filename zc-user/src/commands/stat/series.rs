//! `zc stat --repeat`: the same command several times, with the probes attached once.

use std::{
    io::{self, ErrorKind, Write},
    process::{ExitCode, ExitStatus},
    time::Duration,
};

use anyhow::{Context as _, Result};
use rustix::thread::CapabilitySet;

use super::{UNMET, check, destination};
use crate::{
    cli::{Form, Stat, Usage},
    commands::{
        options, privilege, say,
        watch::{Course, Event, Watch, code, spawn, subject, watched},
    },
};
use zc_model::{
    column::{Column, View},
    diff::{Kind, Series},
    expectation::Expectation,
    frame::Frame,
    snapshot::Snapshot,
    sort::Listing,
    source::SnapshotSource as _,
};
use zc_probe::{follow::Follow, live::Live};
use zc_render::{
    csv,
    json::{self, Run},
    table,
};
use zc_session::{
    drive,
    output::{Flow, Output},
    signals::{Ending, Signals},
    world::Real,
};

/// Runs the command `repeat` times.
pub(super) async fn run(
    arguments: &Stat,
    expected: &[Expectation],
    repeat: u32,
) -> Result<ExitCode> {
    // The command and the processes to watch exclude each other.
    watched(&arguments.command, &arguments.selection)?;
    let mut report = Report::new(arguments)?;
    let mut signals = Signals::new()?;
    let filter = arguments.selection.filter(&Follow::Children);
    let options = options(&arguments.probing, Follow::Children)?;
    let mut live = Live::start(&arguments.selection.completed(options))?;
    let mut series = Series::new(Kind::Runs);
    let mut last = None;
    let mut notes = Vec::new();
    let (mut status, mut is_met) = (0, true);
    for number in 1..=repeat {
        let before = next(&mut live)?;
        let child = spawn(&arguments.command)?;
        if number == repeat {
            // Until then they are the command's: what it is started with next is what it was started with before.
            privilege::drop_unneeded(Some(&live), CapabilitySet::KILL)?;
        }
        let mut one = One { watch: Watch::new(Vec::new(), Some(&child)), is_asked: false };
        let mut world = Real::with(signals, Course::new(Some(child), arguments.duration));
        drive(&mut live, &mut one, &mut world).await?;
        signals = world.into_signals();
        let frame = Frame::between(&before, &next(&mut live)?).select(&filter);
        let run = Run {
            number,
            of: repeat,
            status: one.status(!expected.is_empty()),
            interrupted: one.is_asked,
        };
        if run.status != 0 {
            let said = format!("run {number} of {repeat} ended with status {}", run.status);
            say(&said);
            notes.push(said + ".");
            status = if status == 0 { run.status } else { status };
        }
        match report.run(&frame, run) {
            // The reader has seen enough and left.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            written => written.context("cannot write the report")?,
        }
        if run.interrupted {
            notes.push(format!("Interrupted in run {number} of {repeat}, which is left out."));
            break;
        }
        is_met &= check(expected, &frame, &format!("run {number}: "));
        series.failed += u64::from(run.status != 0);
        series.add(&frame);
        last = Some(frame);
    }
    privilege::drop_unneeded(Some(&live), CapabilitySet::empty())?;
    match last {
        Some(frame) => {
            let subject = subject(&arguments.command, &filter, &[]);
            match report.end(&frame, &subject, &series, &notes) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                written => written.context("cannot write the report")?,
            }
        }
        None => say("no run was completed"),
    }
    Ok(if status == 0 && !is_met { UNMET.into() } else { status.into() })
}

fn next(live: &mut Live) -> Result<Snapshot> {
    live.next()?.context("the probes returned no snapshot")
}

/// One run.
struct One {
    watch: Watch,
    /// A signal asked to end.
    is_asked: bool,
}

impl One {
    /// As a shell has it. A command that was ended because its time was up has not failed, where that is what is
    /// expected.
    fn status(&self, is_test: bool) -> u8 {
        if self.watch.is_time_up && is_test {
            return 0;
        }
        self.watch.status.map_or(0, |status: ExitStatus| code(status))
    }
}

impl Output for One {
    type Event = Event;

    fn wait(&mut self, _pace: Option<Duration>) -> Option<Duration> {
        None
    }

    fn receive(&mut self, _snapshot: Result<Option<Snapshot>>) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    fn tended(&mut self, outcome: Result<()>) -> Result<Flow> {
        self.watch.tended(outcome)
    }

    fn signal(&mut self, signal: Ending) -> Result<Flow> {
        self.is_asked = true;
        Ok(self.watch.signal(signal))
    }

    fn event(&mut self, event: Event) -> Result<Flow> {
        self.watch.event(event)
    }
}

/// Where runs are reported.
struct Report {
    form: Reported,
    everything: Listing,
    out: Box<dyn Write>,
}

/// In which form.
enum Reported {
    /// Means, at the end.
    Text,
    /// A document per run.
    Json,
    /// A line per run.
    Csv(Vec<&'static Column>),
}

impl Report {
    fn new(arguments: &Stat) -> Result<Self> {
        let wrong = |what: &str| {
            let why = "with --repeat, figures are sums over all processes";
            anyhow::Error::from(Usage(format!("{what} is not possible with --repeat: {why}")))
        };
        let selection = &arguments.selection;
        let form = match arguments.format.form(View::Report, selection.group_by.is_some())? {
            Form::Json => Reported::Json,
            _ if selection.group_by.is_some() => return Err(wrong("--group-by")),
            Form::Text(_) if arguments.format.has_columns() => {
                return Err(wrong("--columns without --csv"));
            }
            Form::Text(_) => Reported::Text,
            Form::Csv(csv::Rows::Paths(_)) => return Err(wrong("--per-path")),
            Form::Csv(csv::Rows::Processes(columns)) if arguments.format.has_columns() => {
                Reported::Csv(columns)
            }
            Form::Csv(_) => Reported::Csv(csv::run_columns()),
        };
        let out = destination(arguments, false)?;
        let everything = selection.listing(Listing::everything());
        let mut report = Self { form, everything, out };
        if let Reported::Csv(columns) = &report.form {
            csv::write_runs_header(columns, &mut report.out)
                .and_then(|()| report.out.flush())
                .context("cannot write the report")?;
        }
        Ok(report)
    }

    /// Reports a run, where each has something of its own.
    fn run(&mut self, frame: &Frame, run: Run) -> io::Result<()> {
        match &self.form {
            Reported::Text => return Ok(()),
            Reported::Json => json::write_run(frame, &self.everything, run, &mut self.out)?,
            Reported::Csv(columns) => csv::write_run(frame, run, columns, &mut self.out)?,
        }
        self.out.flush()
    }

    /// Reports what all runs amount to.
    fn end(
        &mut self,
        last: &Frame,
        subject: &str,
        series: &Series,
        notes: &[String],
    ) -> io::Result<()> {
        if let Reported::Text = self.form {
            table::write_runs(last, subject, series, notes, &mut self.out)?;
            self.out.flush()?;
        }
        Ok(())
    }
}
