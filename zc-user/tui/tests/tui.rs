//! The dashboard: whole screens as snapshots, and sessions with scripted keys.

#[path = "tui/screens.rs"]
mod screens;
#[path = "tui/sessions.rs"]
mod sessions;
