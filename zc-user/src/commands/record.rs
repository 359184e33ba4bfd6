//! `zc record`: keep snapshots in a file.

mod keep;

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, Result};
use rustix::thread::CapabilitySet;
use tokio::signal::unix::{Signal as Waiting, SignalKind, signal};

use super::{
    options, privilege, say_ended,
    watch::{Course, Event as Ending, Watch, Watched, exit_code, spawn, subject, watched},
};
use crate::cli::{Record, Selection};
pub(super) use keep::former;
use keep::{Keep, Log, Ring};
use zc_model::{snapshot::Snapshot, source::SnapshotSource as _};
use zc_probe::{attach::Options, follow::Follow, live::Live};
use zc_recording::{Meta, Writer};
use zc_render::sanitize::sanitize;
use zc_session::{
    drive,
    output::{Flow, Output},
    signals::{Ending as Asked, Signals},
    world::{Events, Real},
};

/// Runs `zc record`.
pub(super) async fn run(arguments: &Record) -> Result<ExitCode> {
    let selection = Selection {
        pids: arguments.pids.clone(),
        cgroups: arguments.cgroups.clone(),
        ..Selection::default()
    };
    let watched = watched(&arguments.command, &selection)?;
    let ids: Vec<_> = watched.iter().map(|it| it.id).collect();
    let follow =
        if arguments.command.is_empty() { selection.follow(&ids) } else { Follow::Children };
    let filter = selection.filter(&follow);
    // A bad path fails before anything is counted.
    let file = arguments.flight_recorder.is_none().then(|| Log::open(arguments)).transpose()?;
    let signals = Signals::new()?;
    let dumps = arguments
        .flight_recorder
        .map(|_| signal(SignalKind::user_defined1()).context("cannot watch the signal USR1"))
        .transpose()?;
    // Those who look at it later may ask for any groups.
    let options = Options {
        ancestors: true,
        users: true,
        objects: arguments.objects.then_some(arguments.max_objects),
        stacks: arguments.stacks,
        ..options(&arguments.probing, follow)?
    };
    let mut live = Live::start(&options)?;
    let child = if arguments.command.is_empty() {
        privilege::drop_unneeded(Some(&live), CapabilitySet::empty())?;
        None
    } else {
        let child = spawn(&arguments.command)?;
        privilege::drop_unneeded(Some(&live), CapabilitySet::KILL)?;
        Some(child)
    };
    let meta = Meta {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        subject: subject(&arguments.command, &filter, &watched),
        interval_ns: u64::try_from(arguments.interval.as_nanos()).unwrap_or(u64::MAX),
        labels: arguments.labels.iter().cloned().collect(),
    };
    let keep: Box<dyn Keep> = match file {
        Some(log) => Box::new(log),
        None => Box::new(Ring::new(arguments)),
    };
    let watch = Watch::new(watched, child.as_ref());
    let mut recorder = Recorder { watch, writer: Writer::new(meta), keep, arguments, first: true };
    let events = Happenings { course: Course::new(child, arguments.duration), dumps };
    drive(&mut live, &mut recorder, &mut Real::with(signals, events)).await?;
    privilege::drop_unneeded(Some(&live), CapabilitySet::empty())?;
    let last = live.next()?.context("the probes returned no snapshot")?;
    let at_ns = last.taken_at_ns;
    recorder.keep(&last)?;
    say(&recorder.keep.end(&recorder.writer, at_ns)?);
    let ended: &[Watched] = &recorder.watch.watched;
    ended.iter().filter(|it| it.has_ended).for_each(|it| say_ended(it.id.pid, &it.comm));
    Ok(recorder.watch.status.map_or(ExitCode::SUCCESS, exit_code))
}

fn say(text: &str) {
    // Nothing more can be done when standard error is gone.
    let _ = writeln!(io::stderr(), "zc: {}", sanitize(text));
}

/// What happens to a recorder.
enum Event {
    /// What it watches comes to an end.
    Ending(Ending),
    /// What is in memory is to be written.
    Dump,
}

/// Where that comes from.
struct Happenings {
    course: Course,
    dumps: Option<Waiting>,
}

impl Events for Happenings {
    type Event = Event;

    async fn next(&mut self) -> Event {
        let Self { course, dumps } = self;
        let dump = async {
            match dumps {
                Some(dumps) => dumps.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ending = course.next() => Event::Ending(ending),
            _ = dump => Event::Dump,
        }
    }
}

/// Keeps each snapshot.
struct Recorder<'a> {
    watch: Watch,
    writer: Writer,
    keep: Box<dyn Keep>,
    arguments: &'a Record,
    first: bool,
}

impl Recorder<'_> {
    fn keep(&mut self, snapshot: &Snapshot) -> Result<()> {
        if self.keep.wants_chunk() {
            self.writer.begin_chunk();
        }
        let piece = self.writer.snapshot(snapshot)?;
        self.keep.keep(&self.writer, snapshot.taken_at_ns, piece)
    }
}

impl Output for Recorder<'_> {
    type Event = Event;

    fn wait(&mut self, _pace: Option<Duration>) -> Option<Duration> {
        // Rates begin with the first interval.
        Some(if std::mem::take(&mut self.first) { Duration::ZERO } else { self.arguments.interval })
    }

    fn receive(&mut self, snapshot: Result<Option<Snapshot>>) -> Result<Flow> {
        if let Some(snapshot) = snapshot? {
            self.keep(&snapshot)?;
        }
        Ok(Flow::Continue)
    }

    fn tended(&mut self, outcome: Result<()>) -> Result<Flow> {
        self.watch.tended(outcome)
    }

    fn signal(&mut self, signal: Asked) -> Result<Flow> {
        Ok(self.watch.signal(signal))
    }

    fn event(&mut self, event: Event) -> Result<Flow> {
        match event {
            Event::Ending(ending) => self.watch.event(ending),
            Event::Dump => {
                let said = self.keep.dump(&self.writer);
                // A full disk now need not be one at the next signal.
                let said = said.unwrap_or_else(|error| format!("{error:#}"));
                say(&said);
                Ok(Flow::Continue)
            }
        }
    }
}
