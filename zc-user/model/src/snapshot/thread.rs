//! Threads of processes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{PathSample, ProcessId};
use crate::counter::Counters;

/// What one thread did, or those of one name that have ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThreadSample {
    /// Thread id, and the start of the thread; 0 for threads that have ended.
    pub id: ProcessId,
    /// The process that it is a thread of.
    pub process: ProcessId,
    /// Its name, as the kernel has it: hostile input, sanitise before display.
    pub comm: Arc<str>,
    /// How many threads that have ended this sample stands for: those whose thread id is 0.
    pub ended: u64,
    /// Counters that belong to no path.
    pub counters: Counters,
    /// The paths that were used.
    pub paths: Vec<PathSample>,
}

impl ThreadSample {
    /// Whether the sample is that of threads that have ended.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.id.pid == 0
    }
}
