//! What the user has seen of what was lost, and when `zc` itself stood still.

use std::time::Duration;

use zc_model::{
    frame::Frame,
    snapshot::{LossId, Losses},
};

/// An interval that was much longer than it was to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// How much longer.
    pub by: Duration,
    /// When it ended, ns since the Unix epoch.
    pub until_ns: u64,
}

/// What is remembered of losses.
#[derive(Clone, Debug, Default)]
pub struct Lost {
    acknowledged: Losses,
    /// The interval that applied when the last frame came.
    interval: Duration,
    stops: u64,
    last: Option<Stop>,
}

impl Lost {
    /// A frame has come; `interval` is how long it was to be.
    pub(super) fn look(&mut self, frame: &Frame, interval: Duration) {
        /// A busy machine is late by less.
        const SLACK: Duration = Duration::from_secs(1);
        // It may have been changed while the user waited.
        let wanted = interval.max(self.interval);
        self.interval = interval;
        let took = Duration::from_nanos(frame.elapsed_ns);
        if took > wanted.saturating_mul(2).saturating_add(SLACK) {
            self.stops += 1;
            self.last = Some(Stop { by: took - wanted, until_ns: frame.taken_at_ns });
        }
    }

    /// The user has seen these losses.
    pub(super) fn acknowledge(&mut self, losses: &Losses) {
        self.acknowledged.clone_from(losses);
    }

    /// What comes is counted from the beginning.
    pub(super) fn begin_again(&mut self) {
        self.acknowledged = Losses::default();
    }

    /// What was lost since the user has seen it.
    pub(crate) fn unseen<'a>(
        &'a self,
        losses: &'a Losses,
    ) -> impl Iterator<Item = (LossId, u64)> + 'a {
        let seen = move |loss: LossId| {
            let found = self.acknowledged.iter().find(|(it, _)| *it == loss);
            found.map_or(0, |(_, count)| count)
        };
        let unseen =
            losses.occurred().map(move |(loss, count)| (loss, count.saturating_sub(seen(loss))));
        unseen.filter(|(_, count)| *count > 0)
    }

    /// How often it stood still, and the last time that it did.
    #[must_use]
    pub fn stops(&self) -> Option<(u64, Stop)> {
        self.last.map(|last| (self.stops, last))
    }
}
