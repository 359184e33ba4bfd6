//! The tour on the whole screen: a page of the dashboard's shell that shows [`crate::tour`].
//! [`text`] is the same without a screen. [`lab`] is a page among those of the dashboard.

mod choice;
mod chrome;
pub mod lab;
pub mod page;
mod practice;
mod question;
pub mod run;
pub mod scene;
pub mod summary;
pub mod text;
