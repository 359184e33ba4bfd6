//! Code that copies.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ProcessId;

/// What kind of code copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopierKind {
    /// A function that only copies, such as `memcpy`.
    Library,
    /// A loop in a function that does more.
    Inlined,
}

impl CopierKind {
    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Library => "library",
            Self::Inlined => "inlined",
        }
    }
}

/// A function of a process in which the sampler found copies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copier {
    /// The process.
    pub process: ProcessId,
    /// What kind of code it is.
    pub kind: CopierKind,
    /// Path of the file with the code, as the process has it: hostile input, sanitise before display.
    pub file: Arc<str>,
    /// Name of the function, where a symbol gives one: hostile, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<Arc<str>>,
    /// Times the sampler found the process there.
    pub samples: u64,
    /// Times the sampler found it in the kernel, at a page fault that the copy took.
    pub fault_samples: u64,
}

impl Copier {
    /// What tells it from others, and puts them into an order.
    #[must_use]
    pub fn order(&self) -> (ProcessId, CopierKind, &str, Option<&str>) {
        (self.process, self.kind, &self.file, self.function.as_deref())
    }
}
