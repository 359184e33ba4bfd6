//! The dashboard: `Event -> keymap -> Action -> State::update -> draw(&State, area, buf)`.
//!
//! Drawing is pure, the outside world (source, keys, clock, terminal) comes in through
//! [`run::World`], so whole sessions run in tests.

pub mod action;
pub mod keymap;
pub mod line;
pub mod live;
pub mod run;
pub mod state;
pub mod terminal;
pub mod view;
pub mod widget;
