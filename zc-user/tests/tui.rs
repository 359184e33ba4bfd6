//! The dashboard: whole screens as snapshots, and sessions with scripted keys.
#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "tui/diagrams.rs"]
mod diagrams;
#[path = "tui/laboratory.rs"]
mod laboratory;
#[path = "tui/machine.rs"]
mod machine;
#[path = "tui/screens.rs"]
mod screens;
#[path = "tui/session.rs"]
mod session;
#[path = "tui/sessions.rs"]
mod sessions;
#[path = "tui/tour.rs"]
mod tour;
