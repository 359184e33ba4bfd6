//! To whom a process belongs: its ancestors, and those with which it is merged.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ProcessId, ProcessSample};

/// Whom a process descends from. Its ancestors may have ended, or have done nothing that was counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ancestry {
    /// Its parent when it was first seen; none for short-lived processes merged by name.
    pub parent: Option<Relative>,
    /// Its oldest ancestor below the first process of the machine, or itself.
    pub root: Relative,
}

/// A process and its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Relative {
    /// Identity. The start of one that did nothing that was counted is as coarse as `/proc` gives it.
    pub id: ProcessId,
    /// The leader's name: hostile input, sanitise before display.
    pub comm: Arc<str>,
}

/// What a row of merged processes is known by: its number is 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kin {
    comm: Arc<str>,
    cgroup: Option<Arc<str>>,
    user: Option<u32>,
    root: Option<ProcessId>,
}

impl Kin {
    /// The same with another name.
    #[must_use]
    pub fn named(&self, comm: Arc<str>) -> Self {
        Self { comm, ..self.clone() }
    }
}

impl ProcessSample {
    /// Whether the row stands for several processes that were merged to bound memory.
    #[must_use]
    pub const fn is_merged(&self) -> bool {
        self.id.pid == 0
    }

    /// With which others it is merged.
    #[must_use]
    pub fn kin(&self) -> Kin {
        Kin {
            comm: Arc::clone(&self.comm),
            cgroup: self.cgroup.clone(),
            user: self.user,
            root: self.ancestry.as_deref().map(|it| it.root.id),
        }
    }
}
