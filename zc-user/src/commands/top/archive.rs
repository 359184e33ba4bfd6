//! What was counted before, for pages that show it.

use std::{cell::RefCell, rc::Rc};

use anyhow::Result;
use zc_model::snapshot::Snapshot;
use zc_recording::Recording;
use zc_tui::archive::{Archive, Snapshots};

use super::hand_on::Kept;

/// The last minutes, or a recording.
pub(super) struct Stored {
    kept: Kept,
    /// A recording in a file, once it has been asked for: those of hours take a while to open.
    open: Option<Rc<RefCell<Recording>>>,
}

impl Stored {
    /// What is kept there.
    pub(super) const fn new(kept: Kept) -> Self {
        Self { kept, open: None }
    }

    /// The recording, with all that there is of it until this moment.
    fn recording(&mut self, at_ns: u64) -> Result<Option<Rc<RefCell<Recording>>>> {
        let ends = |recording: &RefCell<Recording>| recording.borrow().ends().1;
        if let Some(open) = &self.open {
            if ends(open) < at_ns {
                open.borrow_mut().look_further()?;
            }
            if ends(open) >= at_ns {
                return Ok(Some(Rc::clone(open)));
            }
        }
        let opened = self.kept.recording()?.map(|recording| Rc::new(RefCell::new(recording)));
        // What is in memory is another one each time.
        self.open = opened.clone().filter(|_| matches!(self.kept, Kept::File(_)));
        Ok(opened)
    }
}

impl Archive for Stored {
    fn until(&mut self, at_ns: u64, most: usize) -> Result<Snapshots> {
        let Some(recording) = self.recording(at_ns)? else {
            return Ok(Box::new(std::iter::empty()));
        };
        let (first, end) = {
            let recording = recording.borrow();
            let is_after = |index: &usize| recording.taken_at_ns(*index) > Some(at_ns);
            let end = (0..recording.len()).find(is_after).unwrap_or(recording.len());
            (end.saturating_sub(most), end)
        };
        let read = move |index: usize| -> Result<Option<Snapshot>> {
            Ok(recording.borrow().snapshot(index)?)
        };
        Ok(Box::new((first..end).filter_map(move |index| read(index).transpose())))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use zc_model::{
        fixture::{Fixture, sketch::snapshot},
        source::SnapshotSource as _,
    };
    use zc_recording::{Memory, Meta, Past};

    use super::*;

    /// So many snapshots, a second apart.
    fn stored(many: u64) -> Stored {
        let memory = Memory::new(Meta::default(), Duration::from_secs(600));
        let at = |second| Snapshot { taken_at_ns: second * 1_000_000_000, ..snapshot(1, &[]) };
        let snapshots = (1..=many).map(at).collect();
        let mut past = Past::new(Box::new(Fixture::new(snapshots)), memory.clone());
        while let Ok(Some(_)) = past.next() {}
        Stored::new(Kept::Memory(memory))
    }

    fn seconds(stored: &mut Stored, until: u64, most: usize) -> Vec<u64> {
        let snapshots = stored.until(until * 1_000_000_000, most).unwrap();
        snapshots.map(|snapshot| snapshot.unwrap().taken_at_ns / 1_000_000_000).collect()
    }

    #[test]
    fn the_last_snapshots_until_a_moment_are_given_in_order() {
        let mut stored = stored(9);
        assert_eq!(seconds(&mut stored, 7, 3), [5, 6, 7]);
        assert_eq!(seconds(&mut stored, 9, 3), [7, 8, 9]);
        assert_eq!(seconds(&mut stored, 100, 2), [8, 9]);
        assert_eq!(seconds(&mut stored, 2, 600), [1, 2]);
        assert!(seconds(&mut stored, 0, 600).is_empty());
        assert!(seconds(&mut self::stored(0), 7, 600).is_empty());
    }
}
