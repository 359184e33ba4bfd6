//! A script that was read: scenes in their order.

use std::time::Duration;

use zc_render::{sanitize::width, wrap};

use super::words::Words;
use crate::{hazard::Hazard, sink::Sink, workload::scenario::Scenario};

/// The tour that `zc demo` plays by default.
pub const BUILT_IN: &str = include_str!("tour.zcdemo");

/// A tour.
#[derive(Clone)]
pub struct Script {
    /// Its name.
    pub name: String,
    /// What the tour says by itself, in the language of the script.
    pub words: &'static Words,
    /// What is shown, in order; never empty.
    pub scenes: Vec<Scene>,
}

/// One stop of the tour: at most one workload, and what is said before and after it.
#[derive(Clone)]
pub struct Scene {
    /// The heading.
    pub title: String,
    /// What runs.
    pub act: Act,
    /// What is said before it runs.
    pub before: Narration,
    /// What is said when it has run.
    pub after: Narration,
}

/// What is said at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narration {
    /// The sentences, with a blank between them.
    pub text: String,
    /// How long it stays; `None`: as long as it takes to read.
    pub stay: Option<Stay>,
}

/// How long something stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// This long, at speed 1.
    For(Duration),
    /// Until a key is pressed.
    Key,
}

/// What a scene runs.
#[derive(Clone)]
pub enum Act {
    /// Nothing: words only.
    Page,
    /// One scenario.
    Step(&'static Scenario, How),
    /// Two scenarios in the same setting.
    Compare([&'static Scenario; 2], How),
    /// A hazard, reproduced where it does no harm.
    Hazard(&'static Hazard),
}

/// In what setting a workload runs, as far as the script says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// Where the payload goes; the scenario's own choice otherwise.
    pub sink: Option<Sink>,
    /// Bytes of the payload.
    pub size: Option<u64>,
    /// Bytes of one transfer.
    pub chunk: Option<u64>,
    /// Rounds.
    pub repeat: Option<u32>,
    /// Drop the payload from the page cache before every round.
    pub cold: bool,
}

impl Act {
    /// The scenarios that it runs.
    #[must_use]
    pub fn scenarios(&self) -> &[&'static Scenario] {
        match self {
            Self::Page | Self::Hazard(_) => &[],
            Self::Step(scenario, _) => std::slice::from_ref(scenario),
            Self::Compare(both, _) => both,
        }
    }

    /// Whether something runs.
    #[must_use]
    pub const fn is_workload(&self) -> bool {
        !matches!(self, Self::Page)
    }

    /// The setting, for a scenario.
    #[must_use]
    pub const fn how(&self) -> Option<&How> {
        match self {
            Self::Page | Self::Hazard(_) => None,
            Self::Step(_, how) | Self::Compare(_, how) => Some(how),
        }
    }
}

impl Narration {
    /// How long it takes to read at speed 1: two hundred words or three hundred characters of a script without blanks a
    /// minute, and a moment to find it.
    #[must_use]
    pub fn reading_time(&self) -> Duration {
        let mut time = Duration::ZERO;
        for piece in wrap::pieces(&self.text) {
            let wide = piece.text.chars().filter(|c| width(c.encode_utf8(&mut [0; 4])) > 1).count();
            time += match u32::try_from(wide).unwrap_or(u32::MAX) {
                0 => Duration::from_millis(300),
                wide => Duration::from_millis(200).saturating_mul(wide),
            };
        }
        if time.is_zero() { time } else { time + Duration::from_secs(1) }
    }
}
