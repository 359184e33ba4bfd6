//! A part of a recording as one frame.

use zc_model::frame::Frame;

use crate::{Recording, Unreadable};

impl Recording {
    /// What happened between snapshots `from` and `to`; of a recording with one snapshot, what had happened until
    /// then. `None` if there is no such snapshot.
    ///
    /// # Errors
    /// When one of the two cannot be read any more.
    pub fn between(&self, from: usize, to: usize) -> Result<Option<Frame>, Unreadable> {
        let Some(last) = self.snapshot(to)? else { return Ok(None) };
        if from >= to {
            return Ok(Some(Frame::cumulative(last)));
        }
        Ok(self.snapshot(from)?.map(|first| Frame::between(&first, &last)))
    }

    /// What happened in all of it.
    ///
    /// # Errors
    /// As [`Self::between`].
    pub fn whole(&self) -> Result<Option<Frame>, Unreadable> {
        self.between(0, self.len().saturating_sub(1))
    }
}
