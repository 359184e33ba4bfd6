//! How an answer is drawn: one arrow after the other, while bytes move along the last one.

use std::time::Duration;

use super::walk::Exhibit;

/// How long an arrow is the last one.
const STEP: Duration = Duration::from_millis(1500);
/// How long a byte stays where it is on the screen.
const BEAT: Duration = Duration::from_millis(250);

/// How much of an answer is drawn. It ends by itself: at most [`STEP`] for each arrow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reveal {
    /// Arrows there are.
    arrows: usize,
    /// Arrows that are drawn.
    drawn: usize,
    /// Since the last of them was drawn.
    since: Duration,
}

impl Reveal {
    /// Of these results: nothing is drawn but the first arrow.
    pub(super) fn of(exhibit: &Exhibit) -> Self {
        let arrows = exhibit.findings.iter().filter_map(|finding| {
            let picture = finding.ran()?.picture(&finding.setting)?;
            Some(picture.travelled().len())
        });
        let arrows = arrows.max().unwrap_or(0);
        Self { arrows, drawn: arrows.min(1), since: Duration::ZERO }
    }

    /// Lets time pass; whether it took it.
    pub(super) fn pass(&mut self, time: Duration) -> bool {
        if self.is_complete() {
            return false;
        }
        self.since += time;
        if self.since >= STEP {
            self.step();
        }
        true
    }

    /// Draws the next arrow, or completes the picture; whether there was something to do.
    pub(super) fn step(&mut self) -> bool {
        if self.is_complete() {
            return false;
        }
        self.drawn += 1;
        self.since = Duration::ZERO;
        true
    }

    /// Whether all is drawn, and nothing moves.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.arrows == 0 || self.drawn > self.arrows
    }

    /// Arrows that are drawn.
    #[must_use]
    pub const fn drawn(&self) -> usize {
        self.drawn
    }

    /// How far the bytes are.
    #[must_use]
    pub fn beat(&self) -> u16 {
        beat(self.since)
    }
}

/// How far bytes are after this time.
#[must_use]
pub fn beat(time: Duration) -> u16 {
    u16::try_from(time.as_millis() / BEAT.as_millis()).unwrap_or(u16::MAX)
}
