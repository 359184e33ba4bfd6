//! `zc record`: keep snapshots in a file.

mod keep;
mod marks;

use std::{
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use rustix::thread::CapabilitySet;
use tokio::signal::unix::{Signal as Waiting, SignalKind, signal};

use super::{
    options, privilege, say, say_ended,
    watch::{
        Course, Event as Ending, Watch, Watched, exit_code, groups_exist, spawn, subject, watched,
    },
};
use crate::cli::{Record, Selection};
pub(super) use keep::former;
use keep::{Flight, Keep, Log};
use marks::{Marks, Wish};
use zc_model::{snapshot::Snapshot, source::SnapshotSource as _};
use zc_probe::{attach::Options, follow::Follow, live::Live};
use zc_recording::{Meta, Writer};
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
    groups_exist(&arguments.command, &selection)?;
    let ids: Vec<_> = watched.iter().map(|it| it.id).collect();
    let follow =
        if arguments.command.is_empty() { selection.follow(&ids) } else { Follow::Children };
    let filter = selection.filter(&follow);
    // A bad path fails before anything is counted.
    let keep: Box<dyn Keep> = match arguments.flight_recorder {
        None => Box::new(Log::open(arguments)?),
        Some(_) => Box::new(Flight::new(arguments)?),
    };
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
        threads_apart: arguments.threads,
        ..options(&arguments.probing, follow)?
    };
    let mut live = Live::start(&options)?;
    let meta = Meta {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        subject: subject(&arguments.command, &filter, &watched),
        interval_ns: u64::try_from(arguments.interval.as_nanos()).unwrap_or(u64::MAX),
        labels: arguments.labels.iter().cloned().collect(),
        threads: arguments.threads,
        run: run_id(),
    };
    let mut tape = Tape { writer: Writer::new(meta), keep };
    // Before the command, which may set some.
    let marks = Marks::listen(&arguments.output).unwrap_or_else(|error| {
        say(&format!("no marks can be set: {error:#}"));
        Marks::none()
    });
    // Before the command: the first interval begins here, and has all that the command does.
    let first = next(&mut live)?;
    let child = if arguments.command.is_empty() {
        privilege::drop_unneeded(Some(&live), CapabilitySet::empty())?;
        None
    } else {
        let child = spawn(&arguments.command)?;
        privilege::drop_unneeded(Some(&live), CapabilitySet::KILL)?;
        Some(child)
    };
    // What the file had before is gone now, and not if there is nothing to record.
    tape.take(&first)?;
    let watch = Watch::new(watched, child.as_ref());
    let mut recorder = Recorder { watch, tape, arguments, dumps: false };
    let events = Happenings { course: Course::new(child, arguments.duration), dumps, marks };
    let mut world = Real::with(signals, events);
    drive(&mut live, &mut recorder, &mut world).await?;
    privilege::drop_unneeded(Some(&live), CapabilitySet::empty())?;
    let last = next(&mut live)?;
    recorder.tape.take(&last)?;
    if recorder.dumps || world.into_events().still_asked().await {
        recorder.tape.dump();
    }
    say(&recorder.tape.end(last.taken_at_ns)?);
    let ended: &[Watched] = &recorder.watch.watched;
    ended.iter().filter(|it| it.has_ended).for_each(|it| say_ended(it.id.pid, &it.comm));
    Ok(recorder.watch.status.map_or(ExitCode::SUCCESS, exit_code))
}

/// What no two recorders have in common: when it was, and which process.
pub(super) fn run_id() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanoseconds = u64::try_from(now.as_nanos()).unwrap_or_default();
    // 0 is that of recordings that have none.
    (nanoseconds ^ u64::from(std::process::id()).rotate_right(16)).max(1)
}

fn next(live: &mut Live) -> Result<Snapshot> {
    live.next()?.context("the probes returned no snapshot")
}

/// What happens to a recorder.
enum Event {
    /// What it watches comes to an end.
    Ending(Ending),
    /// What is in memory is to be written.
    Dump,
    /// This moment is to get a name.
    Mark(Wish),
}

/// Where that comes from.
struct Happenings {
    course: Course,
    dumps: Option<Waiting>,
    marks: Marks,
}

impl Events for Happenings {
    type Event = Event;

    async fn next(&mut self) -> Event {
        let Self { course, dumps, marks } = self;
        let dump = async {
            match dumps {
                Some(dumps) => dumps.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ending = course.next() => Event::Ending(ending),
            _ = dump => Event::Dump,
            wish = marks.next() => Event::Mark(wish),
        }
    }
}

/// How long a signal may be on its way to the event loop.
const ON_ITS_WAY: Duration = Duration::from_millis(20);

impl Happenings {
    /// Whether a dump has been asked for that was not made: the signal that ends a session is taken first, whichever
    /// of the two was sent before.
    async fn still_asked(mut self) -> bool {
        let Some(dumps) = &mut self.dumps else { return false };
        tokio::time::timeout(ON_ITS_WAY, dumps.recv()).await.is_ok()
    }
}

/// Snapshots, and where they are kept.
struct Tape {
    writer: Writer,
    keep: Box<dyn Keep>,
}

impl Tape {
    fn take(&mut self, snapshot: &Snapshot) -> Result<()> {
        if self.keep.wants_chunk() {
            self.writer.begin_chunk();
        }
        let piece = self.writer.snapshot(snapshot)?;
        self.keep.keep(&self.writer, snapshot.taken_at_ns, piece)
    }

    /// Gives this moment a name.
    fn mark(&mut self, text: &str, file: Option<(u64, u64)>) -> Result<()> {
        ensure!(
            self.keep.is_meant(file),
            "the zc that recorded to it goes on under another name; use that name"
        );
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_ns = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let frame = self.writer.mark(at_ns, text)?;
        self.keep.mark(&frame)
    }

    /// Writes what is in memory. A full disk now need not be one at the next signal.
    fn dump(&mut self) {
        let said = self.keep.dump(&self.writer);
        say(&said.unwrap_or_else(|error| format!("{error:#}")));
    }

    fn end(&mut self, at_ns: u64) -> Result<String> {
        self.keep.end(&self.writer, at_ns)
    }
}

/// Keeps each snapshot.
struct Recorder<'a> {
    watch: Watch,
    tape: Tape,
    arguments: &'a Record,
    /// What is in memory is to be written with the next snapshot, which is to be taken now: what happened just before
    /// it was asked for is what matters.
    dumps: bool,
}

impl Output for Recorder<'_> {
    type Event = Event;

    fn wait(&mut self, _pace: Option<Duration>) -> Option<Duration> {
        Some(if self.dumps { Duration::ZERO } else { self.arguments.interval })
    }

    fn receive(&mut self, snapshot: Result<Option<Snapshot>>) -> Result<Flow> {
        if let Some(snapshot) = snapshot? {
            self.tape.take(&snapshot)?;
        }
        if std::mem::take(&mut self.dumps) {
            self.tape.dump();
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
                self.dumps = true;
                Ok(Flow::Continue)
            }
            Event::Mark(wish) => {
                let set = self.tape.mark(&wish.text, wish.file);
                wish.answer(&set);
                // What cannot be written to any more ends with the next snapshot.
                Ok(Flow::Continue)
            }
        }
    }
}
