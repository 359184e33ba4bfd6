//! What a report of a run is about.

use std::time::Duration;

use zc_model::object::Which;
use zc_render::folded::Weight;

use crate::cli::StackForm;

/// What a run counts and reports in addition to, or in place of, what `zc stat` does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Report {
    /// Files, or sockets and pipes.
    Objects {
        /// What is listed.
        which: Which,
        /// Rows that there are at most.
        most: u32,
        /// How often, where it is not once at the end.
        interval: Option<Duration>,
    },
    /// Call stacks.
    Stacks {
        /// The form of the report.
        form: StackForm,
        /// What lines of folded stacks count.
        weight: Weight,
    },
}

impl Report {
    /// How often there is one, where it is not once at the end.
    pub(super) const fn interval(self) -> Option<Duration> {
        match self {
            Self::Objects { interval, .. } => interval,
            Self::Stacks { .. } => None,
        }
    }

    /// Rows of files, sockets and pipes, where these are counted.
    pub(super) const fn objects(self) -> Option<u32> {
        match self {
            Self::Objects { most, .. } => Some(most),
            Self::Stacks { .. } => None,
        }
    }

    /// Whether stacks are taken.
    pub(super) const fn takes_stacks(self) -> bool {
        matches!(self, Self::Stacks { .. })
    }

    /// Whether it is in a form of its own, which is not for people.
    pub(super) const fn is_for_programs(self) -> bool {
        matches!(
            self,
            Self::Stacks { form: StackForm::Folded | StackForm::Pprof | StackForm::Json, .. }
        )
    }
}
