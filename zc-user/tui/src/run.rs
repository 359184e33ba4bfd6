//! The session: inputs in, screens out.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use anyhow::{Result, anyhow};
use crossterm::event::Event;
use ratatui::layout::{Position, Rect, Size};

use super::{
    archive::Archive,
    console::Console,
    hand_on::HandOn,
    inspect::Inspect,
    page::Page,
    shell::{Effect, Preferences, Shell, dashboard},
    state::checks::Checks,
    terminal::clipboard,
    world::{Happening, Surface, World},
};
use zc_model::{
    column::Column,
    filter::Filter,
    snapshot::Snapshot,
    sort::Direction,
    source::{Moment, SnapshotSource, Steer},
};
use zc_render::theme::Theme;
use zc_session::{
    output::{Flow, Output},
    signals::Ending,
    work::NoSource,
};

/// The first interval: long enough for a rate, short enough to be there at once.
const FIRST_INTERVAL: Duration = Duration::from_millis(250);

/// How the dashboard starts.
pub struct Options {
    /// Time between two snapshots of a live source.
    pub interval: Duration,
    /// What the terminal can show.
    pub theme: Theme,
    /// Whether the source is a recording.
    pub recorded: bool,
    /// Whether the source keeps its last minutes.
    pub keeps_past: bool,
    /// Keeps what is to be handed on.
    pub hand_on: Option<Box<dyn HandOn>>,
    /// Has what was counted before.
    pub archive: Option<Box<dyn Archive>>,
    /// Asks the machine, where what is shown is counted on this one.
    pub inspect: Option<Box<dyn Inspect>>,
    /// Filter of the processes.
    pub filter: Filter,
    /// Order of the processes.
    pub sort: (&'static Column, Direction),
    /// List so many of them at most.
    pub top: Option<usize>,
    /// What is found out about this machine when the source is opened.
    pub checks: Checks,
    /// What the user has set.
    pub preferences: Preferences,
    /// The page on which mechanisms run.
    pub lab: Option<Box<dyn Page>>,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The user left, or a page had nothing more to show.
    Left,
    /// Ctrl-C.
    Interrupted,
    /// A signal, or the terminal is gone: then there is none.
    Stopped(Option<Ending>),
}

/// Runs the dashboard on this process's terminal until the user leaves.
///
/// # Errors
/// When there is no terminal, or it fails, or `open` fails. A source that fails later is shown and
/// tried again.
pub async fn run(
    open: impl FnOnce() -> Result<Box<dyn SnapshotSource>>,
    options: Options,
) -> Result<()> {
    let mut world = Console::open()?;
    session(open, options, &mut world).await
}

/// Runs the dashboard in `world` until its inputs say to leave.
///
/// # Errors
/// When the terminal fails, or `open`.
pub async fn session(
    open: impl FnOnce() -> Result<Box<dyn SnapshotSource>>,
    options: Options,
    world: &mut impl World,
) -> Result<()> {
    let Options {
        interval,
        theme,
        recorded,
        keeps_past,
        hand_on,
        archive,
        inspect,
        filter,
        sort,
        top,
        checks,
        preferences,
        lab,
    } = options;
    let mut shell = dashboard(theme, interval, filter, sort, top, checks, lab)
        .of_recording(recorded)
        .with_past(keeps_past)
        .handing_on(hand_on.is_some())
        .with_archive(archive.is_some())
        .with(preferences);
    let ports = Ports { hand_on, archive, inspect };
    drive_with(&mut shell, || open().map(Some), world, ports).await?;
    Ok(())
}

/// Runs `shell` in `world` until its inputs, or a page, say to leave.
///
/// The source, and what goes on behind pages, are opened behind the first screen: attaching to the
/// kernel takes its verifier a good part of a second. Without a source no frames arrive, and time
/// passes as often as pages want it.
///
/// # Errors
/// When the terminal fails, or `open`, or the start of what goes on behind a page.
pub async fn drive(
    shell: &mut Shell<'_>,
    open: impl FnOnce() -> Result<Option<Box<dyn SnapshotSource>>>,
    world: &mut impl World,
) -> Result<Exit> {
    drive_with(shell, open, world, Ports::default()).await
}

/// What a session asks of the world besides a terminal and inputs.
#[derive(Default)]
struct Ports {
    hand_on: Option<Box<dyn HandOn>>,
    archive: Option<Box<dyn Archive>>,
    inspect: Option<Box<dyn Inspect>>,
}

async fn drive_with(
    shell: &mut Shell<'_>,
    open: impl FnOnce() -> Result<Option<Box<dyn SnapshotSource>>>,
    world: &mut impl World,
    ports: Ports,
) -> Result<Exit> {
    let (surface, inputs) = world.parts();
    let mut dashboard = Dashboard {
        shell,
        surface,
        ports,
        has_source: true,
        ticks: 0,
        wait: None,
        exit: Exit::Left,
    };
    dashboard.resize()?;
    dashboard.draw()?;
    let source = open()?;
    dashboard.has_source = source.is_some();
    dashboard.shell.start()?;
    dashboard.draw()?;
    let mut source = source.unwrap_or_else(|| Box::new(NoSource));
    zc_session::drive(source.as_mut(), &mut dashboard, inputs).await?;
    Ok(dashboard.exit)
}

/// A shell on what it is drawn on.
struct Dashboard<'a, 'p, S> {
    shell: &'a mut Shell<'p>,
    surface: &'a mut S,
    ports: Ports,
    has_source: bool,
    ticks: u64,
    /// How long the next tick was waited for.
    wait: Option<Duration>,
    exit: Exit,
}

impl<S: Surface> Dashboard<'_, '_, S> {
    fn until_next_snapshot(&self, pace: Option<Duration>) -> Option<Duration> {
        let context = self.shell.context();
        match self.ticks {
            _ if context.has_ended() => None,
            2.. if context.is_held() => None,
            0 => Some(Duration::ZERO),
            1 => Some(pace.unwrap_or(context.interval()).min(FIRST_INTERVAL)),
            _ => Some(pace.unwrap_or(context.interval())),
        }
    }

    fn resize(&mut self) -> Result<()> {
        let size = self.size()?;
        self.shell.resize(Rect::from((Position::ORIGIN, size)));
        Ok(())
    }

    fn draw(&mut self) -> Result<()> {
        let Self { shell, surface, .. } = self;
        surface.begin_frame()?;
        surface
            .terminal()
            .draw(|frame| {
                shell.fit(frame.area());
                shell.draw(frame.area(), frame.buffer_mut());
            })
            .map_err(|error| anyhow!("cannot draw on the terminal: {error}"))?;
        surface.end_frame()
    }

    /// Keeps what is on the screen, and says where.
    fn save(&mut self) -> Result<()> {
        let area = Rect::from((Position::ORIGIN, self.size()?));
        self.shell.fit(area);
        let screen = self.shell.text(area);
        let Some(hand_on) = &mut self.ports.hand_on else { return Ok(()) };
        let saved = self.shell.seen(&screen, |seen| hand_on.save(seen));
        self.shell.say(saved.unwrap_or_else(|| Ok("nothing has been counted yet".to_owned())));
        Ok(())
    }

    /// Gives the terminal the selected line, and the command line that shows it again.
    fn copy_selected(&mut self) -> Result<()> {
        let area = Rect::from((Position::ORIGIN, self.size()?));
        self.shell.fit(area);
        let Some(mut text) = self.shell.selected_text(area) else { return Ok(()) };
        if let Some(hand_on) = &self.ports.hand_on
            && let Some(command) = self.shell.seen(&text, |seen| hand_on.command(seen))
        {
            text.push('\n');
            text.push_str(&command);
            text.push('\n');
        }
        self.copy(&text)
    }

    fn copy(&mut self, text: &str) -> Result<()> {
        self.shell.say(if text.len() > clipboard::MOST {
            Err(anyhow!("too long for the clipboard of a terminal: w saves it"))
        } else {
            self.surface.copy(text)?;
            Ok("copied, if this terminal lets programs do that".to_owned())
        });
        Ok(())
    }

    fn size(&mut self) -> Result<Size> {
        let size = self.surface.terminal().size();
        size.map_err(|error| anyhow!("cannot read the size of the terminal: {error}"))
    }

    /// Does what the shell asks for, and draws it.
    fn apply(&mut self, effect: Effect) -> Result<Flow> {
        match effect {
            Effect::None => {}
            Effect::Save => self.save()?,
            Effect::Quit => return Ok(self.leave(Exit::Left)),
            Effect::Interrupt => return Ok(self.leave(Exit::Interrupted)),
            Effect::Copy(text) => self.copy(&text)?,
            Effect::CopySelected => self.copy_selected()?,
            Effect::Suspend => {
                self.surface.suspend()?;
                self.resize()?;
            }
            Effect::Redraw => {
                self.surface.resume()?;
                self.resize()?;
            }
        }
        self.inspect();
        self.draw()?;
        Ok(Flow::Continue)
    }

    /// Asks the machine what the page on the screen wants to know.
    fn inspect(&mut self) {
        let Some(inspect) = &mut self.ports.inspect else { return };
        if let Some(question) = self.shell.question() {
            let answer = inspect.inspect(question);
            self.shell.answer(question, answer);
        }
    }

    fn leave(&mut self, exit: Exit) -> Flow {
        self.exit = exit;
        Flow::End
    }
}

impl<S: Surface> Output for Dashboard<'_, '_, S> {
    type Event = Happening;

    fn wait(&mut self, pace: Option<Duration>) -> Option<Duration> {
        self.wait =
            if self.has_source { self.until_next_snapshot(pace) } else { self.shell.tick() };
        self.wait
    }

    fn receive(&mut self, snapshot: Result<Option<Snapshot>>) -> Result<Flow> {
        self.ticks += 1;
        if self.has_source {
            self.shell.receive(snapshot);
        }
        let effect = self.shell.pass(self.wait.unwrap_or_default());
        self.apply(effect)
    }

    fn lead_up(&mut self, snapshot: Result<Option<Snapshot>>) -> Result<()> {
        self.shell.lead_up(snapshot);
        Ok(())
    }

    fn steer(&mut self) -> Option<Steer> {
        self.shell.steer()
    }

    fn steered(&mut self, moved: Result<bool>) -> Result<Flow> {
        self.shell.steered(moved);
        self.apply(Effect::None)
    }

    fn at(&mut self, moment: Option<Moment>) {
        self.shell.at(moment);
    }

    fn tended(&mut self, outcome: Result<()>) -> Result<Flow> {
        let mut is_new = self.shell.tend(outcome);
        if let Some(archive) = &mut self.ports.archive {
            is_new |= self.shell.recall(archive.as_mut());
        }
        if is_new { self.apply(Effect::None) } else { Ok(Flow::Continue) }
    }

    fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.shell.poll(task)
    }

    fn advanced(&mut self) -> Result<Flow> {
        self.apply(Effect::None)
    }

    fn signal(&mut self, signal: Ending) -> Result<Flow> {
        Ok(self.leave(Exit::Stopped(Some(signal))))
    }

    fn event(&mut self, happening: Happening) -> Result<Flow> {
        match happening {
            Happening::Terminal(Event::Resize(columns, rows)) => {
                self.surface.resized(columns, rows);
                // What is drawn on may be a part of it.
                self.resize()?;
                self.apply(Effect::None)
            }
            Happening::Terminal(event) => {
                self.shell.handle(&event).map_or(Ok(Flow::Continue), |effect| self.apply(effect))
            }
            Happening::Suspend => self.apply(Effect::Suspend),
            Happening::Resume => self.apply(Effect::Redraw),
            Happening::Closed => Ok(self.leave(Exit::Stopped(None))),
        }
    }
}
