//! The tour on the whole screen: a page of the dashboard's shell that shows [`crate::tour`].
//! [`text`] is the same without a screen. [`lab`] is a page among those of the dashboard.

mod big;
mod choice;
mod chrome;
mod digits;
mod help;
pub mod lab;
pub mod page;
mod pictures;
mod practice;
mod question;
pub mod run;
pub mod scene;
pub mod summary;
pub mod text;
mod versus;
