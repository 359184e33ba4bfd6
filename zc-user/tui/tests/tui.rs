//! The dashboard: whole screens as snapshots, and sessions with scripted keys.
#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "tui/preferences.rs"]
mod preferences;
#[path = "tui/recordings.rs"]
mod recordings;
#[path = "tui/screens.rs"]
mod screens;
#[path = "tui/sessions.rs"]
mod sessions;
