//! The session: inputs in, screens out. The world is a parameter, so that tests play whole
//! sessions with scripted keys.

use std::{future::Future, time::Duration};

use anyhow::{Result, anyhow};
use crossterm::event::{Event, KeyEventKind, MouseButton, MouseEventKind};
use ratatui::{
    Terminal,
    backend::Backend,
    layout::{Position, Rect},
};

use zc_render::theme::Theme;

use super::{
    action::{Action, Motion},
    keymap,
    live::Live,
    state::{Effect, State},
    view,
};
use zc_model::{column::Column, filter::Filter, sort::Direction, source::SnapshotSource};

/// The first interval: long enough for a rate, short enough to be there at once.
const FIRST_INTERVAL: Duration = Duration::from_millis(250);
/// Rows that one notch of the mouse wheel scrolls.
const WHEEL_ROWS: usize = 3;

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

/// Something happened outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The next snapshot is due.
    Tick,
    /// Time for housekeeping.
    Tend,
    /// A key, the mouse, or a new size.
    Terminal(Event),
    /// Leave: a signal said so, or the terminal is gone.
    Stop,
    /// Somebody asked us to stop like Ctrl-Z does.
    Suspend,
    /// We were continued.
    Resume,
}

/// Everything outside of the session.
pub trait World {
    /// What is drawn on.
    type Backend: Backend;

    /// What is drawn on.
    fn terminal(&mut self) -> &mut Terminal<Self::Backend>;

    /// Waits for the next input. A tick is due `wait` after the last one; with `None` there are
    /// no more.
    fn next(&mut self, wait: Option<Duration>) -> impl Future<Output = Input>;

    /// Gives the terminal back, stops the job, and returns with the terminal when continued.
    ///
    /// # Errors
    /// When the terminal cannot be taken over again.
    fn suspend(&mut self) -> Result<()>;

    /// Takes over the terminal of a job that was continued.
    ///
    /// # Errors
    /// When the terminal cannot be taken over again.
    fn resume(&mut self) -> Result<()>;
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
    let mut world = Live::open()?;
    session(open, options, &mut world).await
}

/// Runs the dashboard in `world` until its inputs say to leave.
///
/// The source is opened behind the first frame: attaching to the kernel takes its verifier a good
/// part of a second.
///
/// # Errors
/// When the terminal fails, or `open`.
pub async fn session(
    open: impl FnOnce() -> Result<Box<dyn SnapshotSource>>,
    options: Options,
    world: &mut impl World,
) -> Result<()> {
    let mut state = State::new(options, screen(world)?);
    draw(&state, world)?;
    let mut source = open()?;
    let mut ticks = 0_u64;
    loop {
        let wait = match ticks {
            _ if state.has_ended() => None,
            0 => Some(Duration::ZERO),
            1 => Some(source.pace().unwrap_or(state.interval()).min(FIRST_INTERVAL)),
            _ => Some(source.pace().unwrap_or(state.interval())),
        };
        match world.next(wait).await {
            Input::Tick => {
                ticks += 1;
                state.receive(source.next());
            }
            Input::Tend => match source.tend() {
                Ok(()) => continue,
                Err(error) => state.complain(&error),
            },
            Input::Terminal(Event::Resize(width, height)) => {
                state.resize(Rect::new(0, 0, width, height));
            }
            Input::Terminal(event) => {
                let actions = actions(&state, &event);
                if actions.is_empty() {
                    continue;
                }
                for action in actions {
                    match state.update(action) {
                        Effect::None => {}
                        Effect::Quit => return Ok(()),
                        Effect::Suspend => {
                            world.suspend()?;
                            state.resize(screen(world)?);
                        }
                        Effect::Redraw => world.resume()?,
                    }
                }
            }
            Input::Stop => return Ok(()),
            Input::Suspend => {
                world.suspend()?;
                state.resize(screen(world)?);
            }
            Input::Resume => {
                world.resume()?;
                state.resize(screen(world)?);
            }
        }
        draw(&state, world)?;
    }
}

fn screen(world: &mut impl World) -> Result<Rect> {
    let size = world.terminal().size();
    let size = size.map_err(|error| anyhow!("the terminal does not tell its size: {error}"))?;
    Ok(Rect::from((Position::ORIGIN, size)))
}

fn draw(state: &State, world: &mut impl World) -> Result<()> {
    world
        .terminal()
        .draw(|frame| {
            let area = frame.area();
            view::draw(state, area, frame.buffer_mut());
        })
        .map_err(|error| anyhow!("cannot draw on the terminal: {error}"))?;
    Ok(())
}

fn actions(state: &State, event: &Event) -> Vec<Action> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            keymap::action(state.context(), *key).into_iter().collect()
        }
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::ScrollUp => vec![Action::Move(Motion::Up); WHEEL_ROWS],
            MouseEventKind::ScrollDown => vec![Action::Move(Motion::Down); WHEEL_ROWS],
            MouseEventKind::Down(MouseButton::Left) => {
                vec![Action::Click { x: mouse.column, y: mouse.row }]
            }
            _ => Vec::new(),
        },
        // Coming back to a terminal that somebody else scribbled on costs nothing.
        _ => Vec::new(),
    }
}
