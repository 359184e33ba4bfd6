//! The session: inputs in, screens out, and a workload of the lab meanwhile.

use std::{pin::pin, time::Duration};

use anyhow::{Result, anyhow};
use crossterm::event::{Event, KeyEventKind, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::{
    keymap,
    state::{Effect, State},
    view,
};
use crate::tour::walk::{Laboratory, Tour};
use zc_render::theme::Theme;
use zc_tui::{
    action::Motion,
    world::{Input, World},
};

/// How often the screen follows the time.
pub const TICK: Duration = Duration::from_millis(250);

/// How a tour ended.
pub struct Ended {
    /// The tour, as far as it came.
    pub tour: Tour,
    /// Why it ended.
    pub reason: Reason,
}

/// Why a tour ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was over.
    Over,
    /// The user left.
    Left,
    /// Ctrl-C.
    Interrupted,
    /// A signal, or the terminal is gone.
    Stopped,
}

/// Gives the tour in `world`.
///
/// The laboratory is opened behind the first screen: attaching takes a moment.
///
/// # Errors
/// When the terminal fails, or `open`.
pub async fn session<L: Laboratory>(
    tour: Tour,
    open: impl FnOnce() -> Result<L>,
    theme: Theme,
    world: &mut impl World,
) -> Result<Ended> {
    let mut state = State::new(tour, theme);
    draw(&mut state, world)?;
    let mut laboratory = open()?;
    state.progress = laboratory.progress();
    state.conditions = Some(laboratory.conditions().clone());
    loop {
        draw(&mut state, world)?;
        let reason = match state.tour.due().cloned() {
            None => match world.next(Some(TICK)).await {
                Input::Tend => {
                    laboratory.tend();
                    continue;
                }
                input => handle(&mut state, &input, world)?,
            },
            Some(act) => {
                let mut run = pin!(laboratory.run(&act));
                loop {
                    tokio::select! {
                        biased;
                        exhibit = &mut run => {
                            state.happens(|tour| tour.receive(exhibit));
                            break None;
                        }
                        input = world.next(Some(TICK)) => {
                            // Whatever is under way ends with the future that is dropped.
                            if let Some(reason) = handle(&mut state, &input, world)? {
                                break Some(reason);
                            }
                        }
                    }
                    draw(&mut state, world)?;
                }
            }
        };
        if let Some(reason) = reason {
            return Ok(Ended { tour: state.tour, reason });
        }
        if state.tour.is_over() {
            return Ok(Ended { tour: state.tour, reason: Reason::Over });
        }
    }
}

/// What an input does; a reason if it ends the session.
fn handle(state: &mut State, input: &Input, world: &mut impl World) -> Result<Option<Reason>> {
    match input {
        Input::Tick => state.happens(|tour| tour.pass(TICK)),
        Input::Tend => {}
        Input::Stop => return Ok(Some(Reason::Stopped)),
        Input::Suspend => world.suspend()?,
        Input::Resume => world.resume()?,
        Input::Terminal(Event::Key(key)) if key.kind != KeyEventKind::Release => {
            match keymap::action(*key).map(|action| state.update(action)) {
                Some(Effect::Quit) => return Ok(Some(Reason::Left)),
                Some(Effect::Interrupt) => return Ok(Some(Reason::Interrupted)),
                Some(Effect::Suspend) => world.suspend()?,
                Some(Effect::Redraw) => world.resume()?,
                Some(Effect::None) | None => {}
            }
        }
        Input::Terminal(Event::Mouse(mouse)) => match mouse.kind {
            MouseEventKind::ScrollUp => drop(state.update(keymap::Action::Move(Motion::Up))),
            MouseEventKind::ScrollDown => drop(state.update(keymap::Action::Move(Motion::Down))),
            _ => {}
        },
        // A new size is seen when it is drawn on.
        Input::Terminal(_) => {}
    }
    Ok(None)
}

fn draw(state: &mut State, world: &mut impl World) -> Result<()> {
    let size = world.terminal().size();
    let size = size.map_err(|error| anyhow!("the terminal does not tell its size: {error}"))?;
    state.keep_within(view::hidden(state, Rect::from((Position::ORIGIN, size))));
    world
        .terminal()
        .draw(|frame| view::draw(state, frame.area(), frame.buffer_mut()))
        .map_err(|error| anyhow!("cannot draw on the terminal: {error}"))?;
    Ok(())
}
