//! The session: inputs in, screens out.

use std::{future::poll_fn, time::Duration};

use anyhow::{Result, anyhow};
use crossterm::event::Event;
use ratatui::layout::{Position, Rect};

use super::{
    console::Console,
    shell::{Effect, Shell, dashboard},
    world::{Input, World},
};
use zc_model::{column::Column, filter::Filter, sort::Direction, source::SnapshotSource};
use zc_render::theme::Theme;

/// The first interval: long enough for a rate, short enough to be there at once.
const FIRST_INTERVAL: Duration = Duration::from_millis(250);

/// How the dashboard starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// Time between two snapshots of a live source.
    pub interval: Duration,
    /// What the terminal can show.
    pub theme: Theme,
    /// Filter of the processes.
    pub filter: Filter,
    /// Order of the processes.
    pub sort: (&'static Column, Direction),
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The user left, or a page had nothing more to show.
    Left,
    /// Ctrl-C.
    Interrupted,
    /// A signal, or the terminal is gone.
    Stopped,
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
    let Options { interval, theme, filter, sort } = options;
    let mut shell = dashboard(theme, interval, filter, sort);
    drive(&mut shell, || open().map(Some), world).await?;
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
    shell.resize(screen(world)?);
    draw(shell, world)?;
    let mut source = open()?;
    shell.start()?;
    draw(shell, world)?;
    let mut ticks = 0_u64;
    loop {
        let wait = match &source {
            Some(source) => until_next_snapshot(shell, source.as_ref(), ticks),
            None => shell.tick(),
        };
        // What goes on behind pages comes first: a key may be meant for what it has to show.
        let input = tokio::select! {
            biased;
            () = poll_fn(|task| shell.poll(task)) => None,
            input = world.next(wait) => Some(input),
        };
        let effect = match input {
            None => Some(Effect::None),
            Some(Input::Tick) => {
                ticks += 1;
                if let Some(source) = &mut source {
                    shell.receive(source.next());
                }
                Some(shell.pass(wait.unwrap_or_default()))
            }
            Some(Input::Tend) => {
                let tended = source.as_mut().map_or(Ok(()), |source| source.tend());
                shell.tend(tended).then_some(Effect::None)
            }
            Some(Input::Terminal(Event::Resize(width, height))) => {
                shell.resize(Rect::new(0, 0, width, height));
                Some(Effect::None)
            }
            Some(Input::Terminal(event)) => shell.handle(&event),
            Some(Input::Stop) => return Ok(Exit::Stopped),
            Some(Input::Suspend) => Some(Effect::Suspend),
            Some(Input::Resume) => Some(Effect::Redraw),
        };
        match effect {
            // Nothing has changed.
            None => continue,
            Some(Effect::None) => {}
            Some(Effect::Quit) => return Ok(Exit::Left),
            Some(Effect::Interrupt) => return Ok(Exit::Interrupted),
            Some(Effect::Suspend) => {
                world.suspend()?;
                shell.resize(screen(world)?);
            }
            Some(Effect::Redraw) => {
                world.resume()?;
                shell.resize(screen(world)?);
            }
        }
        draw(shell, world)?;
    }
}

fn until_next_snapshot(
    shell: &Shell<'_>,
    source: &dyn SnapshotSource,
    ticks: u64,
) -> Option<Duration> {
    let context = shell.context();
    match ticks {
        _ if context.has_ended() => None,
        0 => Some(Duration::ZERO),
        1 => Some(source.pace().unwrap_or(context.interval()).min(FIRST_INTERVAL)),
        _ => Some(source.pace().unwrap_or(context.interval())),
    }
}

fn screen(world: &mut impl World) -> Result<Rect> {
    let size = world.terminal().size();
    let size = size.map_err(|error| anyhow!("cannot read the size of the terminal: {error}"))?;
    Ok(Rect::from((Position::ORIGIN, size)))
}

fn draw(shell: &Shell<'_>, world: &mut impl World) -> Result<()> {
    world
        .terminal()
        .draw(|frame| shell.draw(frame.area(), frame.buffer_mut()))
        .map_err(|error| anyhow!("cannot draw on the terminal: {error}"))?;
    Ok(())
}
