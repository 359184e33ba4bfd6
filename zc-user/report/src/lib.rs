//! What a recording says, for people: who copies, on which path, what of it could be avoided, and how all of
//! that is known.
//!
//! A recording becomes a [`content::Report`], which is plain data, and three writers make a page ([`html`]), Markdown
//! ([`markdown`]) and text ([`text`]) of it: they cannot differ in what they say. Strings from outside are in it as they
//! are; each writer has one way to its output, which makes them harmless.

pub mod build;
pub mod content;

pub mod html;
pub mod markdown;
pub mod series;
pub mod text;
pub mod wording;

pub use self::{
    build::Source,
    content::Report,
    series::{Series, Stretch},
};
