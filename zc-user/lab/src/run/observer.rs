//! What observes a round from outside.

use anyhow::Result;
use zc_model::{snapshot::Snapshot, source::SnapshotSource};

/// What observes: the probes, or nothing. The workloads run and are verified in both cases.
pub enum Observer<'a> {
    /// The probes.
    Probes(&'a mut dyn SnapshotSource),
    /// Nothing is counted.
    Nothing(&'a Unobserved),
}

/// Why nothing is counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unobserved(pub String);

impl Observer<'_> {
    /// Everything that was counted so far; `None` if nothing is counted.
    ///
    /// # Errors
    /// When the probes cannot be read.
    pub(crate) fn look(&mut self) -> Result<Option<Snapshot>> {
        match self {
            Self::Probes(source) => source.next(),
            Self::Nothing(_) => Ok(None),
        }
    }

    /// Why [`Self::look`] returned nothing.
    pub(crate) fn why_nothing(&self) -> Unobserved {
        match self {
            Self::Probes(_) => Unobserved("the probes returned no snapshot".to_owned()),
            Self::Nothing(why) => (*why).clone(),
        }
    }
}
