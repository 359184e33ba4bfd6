//! What was found out about this machine when the run began. It is asked once, not for each screen.

use std::sync::{Arc, OnceLock};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub name: String,
    /// Whether all is well.
    pub is_ok: bool,
    /// What was found: may name what others have named.
    pub what: String,
    /// What to do about it.
    pub fix: Option<String>,
}

/// The checks of a run, once it has begun: the source is opened behind the first screen.
#[derive(Clone, Debug, Default)]
pub struct Checks(Arc<OnceLock<Vec<Check>>>);

impl Checks {
    /// Says what was found, once.
    pub fn set(&self, checks: Vec<Check>) {
        // A source is opened once.
        let _ = self.0.set(checks);
    }

    /// What was found; nothing of a recording, or of another machine.
    #[must_use]
    pub fn get(&self) -> &[Check] {
        self.0.get().map_or(&[], Vec::as_slice)
    }
}
