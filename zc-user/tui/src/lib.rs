//! The dashboard: one shell, and a page for each thing to look at.
//!
//! [`run`] takes inputs from a [`world::World`] and gives them to the [`shell`]. The shell keeps the
//! stack of pages; a [`page::Page`] handles its keys and clicks, and draws itself from the
//! [`state::Context`] that all pages share. What it wants of the shell it returns as a
//! [`page::Intent`].
//!
//! State knows no drawing, drawing knows no page, and no page knows the shell; a test keeps these
//! arrows. The world is a parameter, so whole sessions run in tests.

pub mod action;
pub mod archive;
pub mod console;
pub mod hand_on;
pub mod inspect;
pub mod keymap;
pub mod line;
pub mod page;
pub mod run;
pub mod shell;
pub mod state;
pub mod terminal;
pub mod view;
pub mod widget;
pub mod world;
