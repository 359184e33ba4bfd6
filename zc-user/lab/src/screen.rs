//! The workshop tour on the whole screen: [`crate::tour`] drawn like the dashboard.
//!
//! As there: keys come from one table, drawing is pure, and the outside world is a parameter, so
//! that whole tours run in tests. [`text`] is the same without a screen.

pub mod keymap;
pub mod run;
pub mod scene;
pub mod state;
pub mod summary;
pub mod text;
pub mod view;
