//! The parts of the screen that are not a page.

pub mod canvas;
pub mod chrome;
pub mod footer;
pub mod header;
pub mod menu;
pub mod notice;
pub mod tiny;
