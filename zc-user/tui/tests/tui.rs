//! The dashboard: whole screens as snapshots, and sessions with scripted keys.
#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "tui/audit.rs"]
mod audit;
#[path = "tui/baseline.rs"]
mod baseline;
#[path = "tui/beyond.rs"]
mod beyond;
#[path = "tui/detail.rs"]
mod detail;
#[path = "tui/hand_on.rs"]
mod hand_on;
#[path = "tui/keys.rs"]
mod keys;
#[path = "tui/matrix.rs"]
mod matrix;
#[path = "tui/pages.rs"]
mod pages;
#[path = "tui/pictures.rs"]
mod pictures;
#[path = "tui/places.rs"]
mod places;
#[path = "tui/preferences.rs"]
mod preferences;
#[path = "tui/recordings.rs"]
mod recordings;
#[path = "tui/screens.rs"]
mod screens;
#[path = "tui/sessions.rs"]
mod sessions;
#[path = "tui/sources.rs"]
mod sources;
#[path = "tui/who.rs"]
mod who;
#[path = "tui/wide.rs"]
mod wide;
#[path = "tui/world.rs"]
mod world;
