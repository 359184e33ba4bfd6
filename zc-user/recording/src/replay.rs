//! A recording as a source of snapshots.

use std::{fs::File, sync::Arc, time::Duration};

use anyhow::{Result, bail};
use zc_model::{
    snapshot::Snapshot,
    source::{Moment, SnapshotSource, Steer, Steered},
};

use crate::Recording;

/// Whether a recording is still recorded, as seen at its end.
#[derive(Debug)]
pub enum Growth {
    /// Nothing more comes.
    Over,
    /// There may be more in the same file, now or later.
    Here,
    /// It goes on in this file.
    In(File),
}

/// Looks whether a recording, whose last file this is, still grows.
type Look = dyn FnMut(&File) -> Growth;

/// Plays a recording, at its own pace or another one.
pub struct Replay {
    recording: Recording,
    next: usize,
    speed: f64,
    /// Processes of the last snapshot.
    processes: usize,
    look: Option<Box<Look>>,
    grows: bool,
}

/// How often it is looked for more at the end of a recording that grows, at most.
const OFTEN: Duration = Duration::from_millis(100);

/// Marks of an interval that are named.
const MARKS: usize = 5;

/// The speeds that the user steps through.
const SPEEDS: [f64; 12] = [0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 1000.0];

impl Replay {
    /// From the beginning, `speed` times as fast as it was recorded.
    #[must_use]
    pub const fn new(recording: Recording, speed: f64) -> Self {
        Self { recording, next: 0, speed, processes: 0, look: None, grows: false }
    }

    /// The same, which goes on at the end as long as `look` says that the recording grows.
    #[must_use]
    pub fn growing(self, look: impl FnMut(&File) -> Growth + 'static) -> Self {
        Self { look: Some(Box::new(look)), ..self }
    }

    /// The recording.
    #[must_use]
    pub const fn recording(&self) -> &Recording {
        &self.recording
    }

    /// Goes on with the interval in which `at_ns` is, ns since the Unix epoch; with the first one or the last one where
    /// it is in none.
    pub fn seek(&mut self, at_ns: u64) {
        let last = self.recording.len().saturating_sub(2);
        self.next = self.last_until(at_ns).unwrap_or(0).min(last);
    }

    /// As if the snapshot of this moment, or the last one, had been given last.
    pub(crate) fn stand_at(&mut self, at_ns: Option<u64>) {
        let last = self.recording.len().saturating_sub(1);
        self.next = at_ns.and_then(|at| self.last_until(at)).unwrap_or(last) + 1;
    }

    /// Goes to where the last snapshots begin, for curves. How many there are.
    pub(crate) fn lead_to_the_end(&mut self) -> usize {
        let many = self.lead().min(self.recording.len());
        self.next = self.recording.len() - many;
        many
    }

    /// Whether this leads to the last snapshot.
    pub(crate) fn is_to_end(&self, steered: Steered) -> bool {
        match steered {
            Steered::Same => false,
            Steered::Next => self.next + 1 >= self.recording.len(),
            Steered::Elsewhere(many) => self.next + many >= self.recording.len(),
        }
    }

    /// The last snapshot that was taken at this time or before.
    fn last_until(&self, at_ns: u64) -> Option<usize> {
        let is_before =
            |index: &usize| self.recording.taken_at_ns(*index).is_some_and(|at| at <= at_ns);
        (0..self.recording.len()).rev().find(is_before)
    }

    /// The first snapshot that was taken at this time or later.
    fn first_from(&self, at_ns: u64) -> Option<usize> {
        let is_after =
            |index: &usize| self.recording.taken_at_ns(*index).is_some_and(|at| at >= at_ns);
        (0..self.recording.len()).find(is_after)
    }

    /// The snapshot that was given last.
    const fn shown(&self) -> usize {
        self.next.saturating_sub(1)
    }

    /// The time between the snapshot before the next one and that.
    fn gap(&self) -> Option<Duration> {
        let before = self.recording.taken_at_ns(self.next.checked_sub(1)?)?;
        let next = self.recording.taken_at_ns(self.next)?;
        Some(Duration::from_nanos(next.saturating_sub(before)))
    }

    /// Looks for more at the end.
    fn look_further(&mut self) -> Result<()> {
        let Self { recording, look, .. } = self;
        let (Some(look), Some(file)) = (look, recording.last_file()) else { return Ok(()) };
        // First, or what was written in between would be missed.
        let growth = look(file);
        recording.look_further()?;
        self.grows = match growth {
            Growth::Over => false,
            Growth::Here => !recording.has_ended(),
            Growth::In(file) => {
                recording.go_on_in(file)?;
                true
            }
        };
        self.next = self.next.saturating_sub(recording.forget_old_files());
        Ok(())
    }

    /// Goes to the place of snapshot `index`, of which the first one has no interval before it.
    fn go(&mut self, index: usize) -> Steered {
        let target = index.clamp(1, self.recording.len().saturating_sub(1).max(1));
        if self.next > 0 && target == self.shown() {
            return Steered::Same;
        }
        if target == self.next {
            return Steered::Next;
        }
        let begin = target.saturating_sub(self.lead());
        self.next = begin;
        Steered::Elsewhere(target.min(self.recording.len() - 1) - begin + 1)
    }

    /// Snapshots that lead up to a place, for curves. Those of large machines take long to read.
    fn lead(&self) -> usize {
        (60_000 / (self.processes + 1)).clamp(2, 60)
    }

    /// The next of the usual speeds in this direction.
    fn change_speed(&mut self, faster: bool) {
        let next = if faster {
            SPEEDS.iter().find(|speed| **speed > self.speed)
        } else {
            SPEEDS.iter().rfind(|speed| **speed < self.speed)
        };
        self.speed = next.copied().unwrap_or(self.speed);
    }

    /// The place of the mark that is next after what is shown, or before it: the interval that ends with or after it.
    fn mark(&self, forward: bool) -> Option<usize> {
        let shown = self.shown();
        let mut places = self.recording.marks().iter().filter_map(|(at, _)| self.first_from(*at));
        if forward { places.find(|at| *at > shown) } else { places.rfind(|at| *at < shown) }
    }
}

impl SnapshotSource for Replay {
    fn next(&mut self) -> Result<Option<Snapshot>> {
        if self.next >= self.recording.len() {
            self.look_further()?;
        }
        let snapshot = self.recording.snapshot(self.next)?;
        if let Some(snapshot) = &snapshot {
            self.processes = snapshot.processes.len();
            self.next += 1;
        }
        Ok(snapshot)
    }

    fn pace(&self) -> Option<Duration> {
        let own = Duration::from_nanos(self.recording.interval_ns());
        if self.next >= self.recording.len() && self.grows {
            return Some(own.min(OFTEN));
        }
        Some(self.gap().unwrap_or(own).div_f64(self.speed))
    }

    fn moment(&self) -> Option<Moment> {
        let (first_ns, last_ns) = self.recording.ends();
        let shown = self.shown();
        let at_ns = self.recording.taken_at_ns(shown)?;
        let before = shown.checked_sub(1).and_then(|index| self.recording.taken_at_ns(index));
        let is_here = |at: u64| at <= at_ns && before.is_none_or(|before| at > before);
        let here = self.recording.marks().iter().filter(|(at, _)| is_here(*at));
        let mut marks: Vec<_> = here.map(|(_, mark)| &*mark.text).take(MARKS + 1).collect();
        if marks.len() > MARKS {
            marks[MARKS] = "...";
        }
        let mark = (!marks.is_empty()).then(|| Arc::from(marks.join(", ")));
        Some(Moment { first_ns, last_ns, at_ns, speed: self.speed, grows: self.grows, mark })
    }

    fn steer(&mut self, steer: &Steer) -> Result<Steered> {
        let shown = self.shown();
        Ok(match steer {
            Steer::Snapshots(count) => {
                if *count > 0 && self.next >= self.recording.len() {
                    self.look_further()?;
                }
                let count = isize::try_from(*count)?;
                self.go(shown.saturating_add_signed(count))
            }
            Steer::Seconds(seconds) => {
                let at = self.recording.taken_at_ns(shown).unwrap_or_default();
                let to = at.saturating_add_signed(seconds.saturating_mul(1_000_000_000));
                let to = self.last_until(to).unwrap_or(0);
                // Over a gap, too, each step is one.
                let step = isize::try_from(seconds.signum())?;
                self.go(if to == shown { shown.saturating_add_signed(step) } else { to })
            }
            Steer::NextMark => self.mark(true).map_or(Steered::Same, |place| self.go(place)),
            Steer::PreviousMark => self.mark(false).map_or(Steered::Same, |place| self.go(place)),
            Steer::Named(text) => {
                let at = self.recording.find(text)?;
                let last = self.recording.len() - 1;
                self.go(self.first_from(at).unwrap_or(last))
            }
            Steer::Now => self.go(self.recording.len().saturating_sub(1)),
            Steer::Mark(_) => bail!("a recording gets marks while it is made: zc mark FILE TEXT"),
            Steer::Faster | Steer::Slower => {
                self.change_speed(*steer == Steer::Faster);
                Steered::Same
            }
        })
    }
}
