//! `zc top`: the dashboard, or its updates as text, JSON or CSV.

mod archive;
mod hand_on;
mod inspector;

use std::{
    convert::Infallible,
    env,
    fs::File,
    io::{self, BufWriter, IsTerminal as _},
    os::fd::AsFd as _,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use rustix::thread::CapabilitySet;

use self::{
    archive::Stored,
    hand_on::{Keeper, Kept},
    inspector::Inspector,
};
use super::{
    config, doctor,
    lab_page::{self, Shows},
    options_of, privilege,
    replay::elsewhere,
    say, say_ended,
    watch::{groups_exist, subject},
    writer::{UNWRITTEN, Writer},
};
use crate::cli::{Form, Top, Usage};
use zc_model::{
    advice::Recent,
    column::View,
    filter::Filter,
    frame::Frame,
    group::GroupBy,
    snapshot::Snapshot,
    sort::Listing,
    source::{Interrupted, Moment, SnapshotSource},
    watch::Watch,
};
use zc_privilege::raised;
use zc_probe::{attach::Options, follow::Follow, live::Live};
use zc_recording::{Memory, Meta, Past, Replay};
use zc_render::theme::Theme;
use zc_serve::connect::{Remote, Target};
use zc_session::{
    drive,
    output::{Flow, Output},
    stall::Stoppable,
    world::{NoEvents, Real},
};
use zc_tui::{page, state::checks::Checks};

/// Runs `zc top`.
pub(super) async fn run(arguments: &Top) -> Result<ExitCode> {
    if let Some(target) = &arguments.connect {
        return connect(arguments, target).await;
    }
    let watched = raised(|| arguments.selection.watched())?;
    groups_exist(&[], &arguments.selection)?;
    let plain = is_plain(arguments);
    if !plain && arguments.probing.ebpf_log && io::stderr().is_terminal() {
        return Err(Usage(
            "--ebpf-log would write across the dashboard: add 2>FILE, --json or --once".into(),
        )
        .into());
    }
    if !plain {
        refuse_forms(arguments, "--once")?;
    }
    // Once: a control group may come into being at any time.
    let follow = arguments.selection.follow(&watched);
    let filter = arguments.selection.filter(&follow);
    if plain {
        let form = arguments.format.form(View::Once, arguments.selection.group_by.is_some())?;
        let options = probes(arguments, follow)?;
        // Watched before anything is attached: a signal that comes until then ends it as any other.
        let mut world = Real::new(NoEvents)?;
        print(&mut start(&options)?, arguments, filter, form, &mut world).await?;
    } else {
        // Before the dashboard takes the terminal.
        let options = probes(arguments, follow)?;
        let subject = subject(&[], &filter, &[]);
        dashboard(arguments, &options, filter, subject).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What the command line asks of the probes.
fn probes(arguments: &Top, follow: Follow) -> Result<Options> {
    let objects = arguments.objects.then_some(arguments.max_objects);
    let options = options_of(&arguments.probing, follow, objects, arguments.stacks)?;
    let options = arguments.selection.completed(options);
    Ok(Options { threads_apart: options.threads_apart || arguments.threads, ..options })
}

/// Whether updates are printed: there is no dashboard.
fn is_plain(arguments: &Top) -> bool {
    arguments.once
        || arguments.count.is_some()
        || !arguments.format.is_text()
        || !io::stdout().is_terminal()
}

/// Shows what another zc serves. Takes no privileges, not even those to count.
async fn connect(arguments: &Top, target: &Target) -> Result<ExitCode> {
    privilege::drop_unneeded(None, CapabilitySet::empty())?;
    if arguments.selection.group_by == Some(GroupBy::Thread) {
        return Err(Usage("zc serve has no threads: leave out --group-by thread".into()).into());
    }
    let plain = is_plain(arguments);
    if !plain {
        refuse_forms(arguments, "--once")?;
    }
    let filter = elsewhere(&arguments.selection);
    let connect = || Remote::connect(target.clone(), arguments.interval());
    if plain {
        let form = arguments.format.form(View::Once, arguments.selection.group_by.is_some())?;
        let mut world = Real::new(NoEvents)?;
        print(&mut connect()?, arguments, filter, form, &mut world).await?;
    } else {
        let memory = memory(arguments, format!("what {target} counts"));
        let kept = Kept::Memory(memory.clone());
        let open =
            || Ok(Box::new(Past::new(Box::new(connect()?), memory)) as Box<dyn SnapshotSource>);
        let options = dashboard_options(arguments, filter, kept, Shows::AnotherMachine);
        zc_tui::run::run(open, options).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses what the dashboard cannot show; `plain` is the option that prints text instead.
fn refuse_forms(arguments: &Top, plain: &str) -> Result<(), Usage> {
    if arguments.format.has_columns() {
        return Err(Usage(format!("--columns needs text or CSV: add {plain} or --csv")));
    }
    if let Some(by) = arguments.selection.group_by
        && !page::groups().any(|(_, other)| other == Some(by))
    {
        let known: Vec<_> = page::groups().filter_map(|(name, by)| by.and(Some(name))).collect();
        return Err(Usage(format!(
            "the dashboard groups by {}; --group-by {} needs text, CSV or JSON: add {plain}, --csv or --json",
            known.join(", "),
            by.id()
        )));
    }
    Ok(())
}

/// Attaches, and gives up what is not needed after that.
fn start(options: &Options) -> Result<Live> {
    let live = Live::start(options)?;
    privilege::drop_unneeded(Some(&live), CapabilitySet::empty())?;
    Ok(live)
}

async fn dashboard(
    arguments: &Top,
    probes: &Options,
    filter: Filter,
    subject: String,
) -> Result<()> {
    // The user may group by any of these.
    let probes = Options { ancestors: true, users: true, ..probes.clone() };
    let memory = memory(arguments, subject);
    let kept = Kept::Memory(memory.clone());
    let options = dashboard_options(arguments, filter, kept, Shows::ThisMachine);
    let options = zc_tui::run::Options { inspect: Some(Box::new(Inspector)), ..options };
    let checks = options.checks.clone();
    let open = || {
        let live = Live::start(&probes)?;
        checks.set(doctor::of_run(&arguments.probing, live.attached()));
        privilege::drop_unneeded(Some(&live), CapabilitySet::empty())?;
        Ok(Box::new(Past::new(Box::new(live), memory)) as Box<dyn SnapshotSource>)
    };
    zc_tui::run::run(open, options).await
}

/// How far back the dashboard can go.
const PAST: Duration = Duration::from_secs(600);

fn memory(arguments: &Top, subject: String) -> Memory {
    let meta = Meta {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        subject,
        interval_ns: u64::try_from(arguments.interval().as_nanos()).unwrap_or(u64::MAX),
        threads: arguments.threads,
        ..Meta::default()
    };
    Memory::new(meta, PAST)
}

fn dashboard_options(
    arguments: &Top,
    filter: Filter,
    kept: Kept,
    shows: Shows,
) -> zc_tui::run::Options {
    let listing = arguments.selection.listing(Listing::everything());
    let settings = config::of_dashboard();
    let look = arguments.appearance.theme.unwrap_or(settings.theme);
    let graph = arguments.appearance.graph.unwrap_or(settings.graph);
    let no_color = arguments.format.no_color;
    let mut preferences = settings.preferences;
    if arguments.selection.group_by.is_some() {
        preferences.chosen.group = Some(arguments.selection.group_by);
    }
    zc_tui::run::Options {
        interval: arguments.interval.or(settings.interval).unwrap_or(arguments.interval()),
        theme: Theme::of(look, graph, no_color, |name| env::var(name).ok())
            .with_limits(settings.limits),
        preferences,
        recorded: false,
        keeps_past: true,
        hand_on: Some(Box::new(Keeper::new(kept.clone(), env::args_os().skip(1)))),
        archive: Some(Box::new(Stored::new(kept))),
        inspect: None,
        filter,
        sort: (listing.column, listing.direction),
        top: listing.top,
        checks: Checks::default(),
        lab: lab_page::page(shows),
    }
}

/// Plays a recording as if it happened now: printed if `plain`, else in the dashboard.
pub(super) async fn play(
    mut replay: Replay,
    file: &Path,
    arguments: &Top,
    filter: Filter,
    plain: bool,
) -> Result<()> {
    if plain {
        let form = arguments.format.form(View::Once, arguments.selection.group_by.is_some())?;
        let mut world = Real::new(NoEvents)?;
        return print(&mut replay, arguments, filter, form, &mut world).await;
    }
    refuse_forms(arguments, "--count N")?;
    let kept = Kept::File(file.to_owned());
    let options = dashboard_options(arguments, filter, kept, Shows::Recording);
    let options = zc_tui::run::Options { recorded: true, keeps_past: false, ..options };
    zc_tui::run::run(|| Ok(Box::new(replay)), options).await
}

/// One update per interval, until enough have been printed, nothing that is watched is left, a signal arrives or
/// the reader leaves.
async fn print(
    source: &mut dyn SnapshotSource,
    arguments: &Top,
    filter: Filter,
    form: Form,
    world: &mut Real<NoEvents>,
) -> Result<()> {
    let mut printer = Printer::new(arguments, filter, form).context(UNWRITTEN)?;
    drive(source, &mut printer, world).await?;
    printer.end().context(UNWRITTEN)
}

/// Prints what happened between each two snapshots.
struct Printer<'a> {
    arguments: &'a Top,
    filter: Filter,
    writer: Writer,
    /// Where what the notes are about begins, where there are notes.
    first: Option<Snapshot>,
    previous: Option<Snapshot>,
    recent: Recent,
    watch: Watch,
    /// Updates that are still to be printed; `None` for all.
    left: Option<u64>,
    /// Whether the source has nothing new, but will have.
    grows: bool,
    /// What was said of the source, until it is back.
    interruption: Option<String>,
    began: Instant,
}

impl<'a> Printer<'a> {
    /// Whether a source that is away for a moment is waited for: for one update not for long.
    fn is_patient(&self) -> bool {
        /// A busy server is late by seconds.
        const PATIENCE: Duration = Duration::from_secs(20);
        !self.arguments.once || self.began.elapsed() < PATIENCE
    }

    /// Says what keeps the source from going on, once.
    fn interrupted(&mut self, error: &anyhow::Error) {
        if Interrupted::has_begun_again(error) {
            self.previous = None;
            self.first = None;
        }
        let why = error.to_string();
        if self.interruption.as_ref() != Some(&why) {
            say(&why);
            self.interruption = Some(why);
        }
    }

    fn new(arguments: &'a Top, filter: Filter, form: Form) -> Result<Self> {
        // Past the standard library's buffer, which looks for line ends in all that it is given.
        let out =
            io::stdout().as_fd().try_clone_to_owned().context("cannot use standard output")?;
        let out = Box::new(BufWriter::new(Stoppable(File::from(out))));
        let mut writer = Writer::new(form, &arguments.selection, out);
        if arguments.all {
            writer.list_all();
        }
        writer.begin()?;
        Ok(Self {
            arguments,
            writer,
            first: None,
            previous: None,
            recent: Recent::default(),
            watch: Watch::new(filter.watched.clone()),
            filter,
            left: if arguments.once { Some(1) } else { arguments.count },
            grows: false,
            interruption: None,
            began: Instant::now(),
        })
    }

    /// Writes the notes, of all that was printed.
    fn end(&mut self) -> io::Result<()> {
        let (Some(first), Some(last)) = (&self.first, &self.previous) else { return Ok(()) };
        let frame = Frame::between(first, last).select(&self.filter);
        self.writer.end(&frame)
    }
}

impl Output for Printer<'_> {
    type Event = Infallible;

    fn wait(&mut self, pace: Option<Duration>) -> Option<Duration> {
        let interval = pace.unwrap_or_else(|| self.arguments.interval());
        let is_first = self.previous.is_none() && self.interruption.is_none();
        Some(if is_first { Duration::ZERO } else { interval })
    }

    fn receive(&mut self, snapshot: Result<Option<Snapshot>>) -> Result<Flow> {
        let snapshot = match snapshot {
            Err(error) if error.is::<Interrupted>() && self.is_patient() => {
                self.interrupted(&error);
                return Ok(Flow::Continue);
            }
            snapshot => snapshot?,
        };
        let Some(next) = snapshot else {
            return Ok(if self.grows { Flow::Continue } else { Flow::End });
        };
        self.interruption = None;
        let is_first = self.previous.is_none();
        if let Some(previous) = &self.previous {
            let mut frame = Frame::between(previous, &next);
            self.recent.follow(&mut frame);
            let frame = frame.select(&self.filter);
            self.writer.update(&frame).context(UNWRITTEN)?;
            self.left = self.left.map(|left| left - 1);
        }
        if self.first.is_none() && self.writer.has_notes() {
            self.first = Some(next.clone());
        }
        self.watch.look(&next).iter().for_each(|process| say_ended(process.id.pid, &process.comm));
        // Not without an update.
        let is_over = !is_first && (self.left == Some(0) || self.watch.is_over(&next));
        self.previous = Some(next);
        Ok(if is_over { Flow::End } else { Flow::Continue })
    }

    fn at(&mut self, moment: Option<Moment>) {
        self.grows = moment.is_some_and(|moment| moment.grows);
    }

    fn event(&mut self, event: Infallible) -> Result<Flow> {
        match event {}
    }
}
