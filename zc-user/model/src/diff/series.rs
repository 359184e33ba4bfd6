//! One side of a comparison: the runs of a command, or the intervals of a recording.

use std::collections::BTreeSet;

use super::observation::Observation;
use crate::{frame::Frame, snapshot::Losses};

/// What the observations of a side are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Runs of a command, which do not depend on each other.
    Runs,
    /// Intervals that follow each other: what happens in one goes on in the next.
    Intervals,
}

/// Stretches of a recording that are kept at most; half of it when there are more.
const MOST: usize = 64;

/// Stretches that a recording is divided into: so few that what goes on from one to the next matters little.
const STRETCHES: usize = 16;

/// One side of a comparison.
#[derive(Clone, Debug)]
pub struct Series {
    /// What the observations are.
    pub kind: Kind,
    /// Runs or intervals.
    pub count: u64,
    /// Of runs, those that ended with a status other than 0.
    pub failed: u64,
    /// Kernel release, architecture and host name.
    pub hosts: BTreeSet<[String; 3]>,
    /// What was lost.
    pub losses: Losses,
    observations: Vec<Observation>,
    /// Intervals in an observation.
    each: usize,
    /// Intervals in the last one.
    filled: usize,
}

impl Series {
    /// Without anything yet.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            count: 0,
            failed: 0,
            hosts: BTreeSet::new(),
            losses: Losses::default(),
            observations: Vec::new(),
            each: 1,
            filled: 0,
        }
    }

    /// Adds the next run or interval. However many there are, the memory that this takes is bounded.
    pub fn add(&mut self, frame: &Frame) {
        let host = &frame.host;
        self.hosts.insert([host.kernel.clone(), host.arch.clone(), host.name.clone()]);
        self.losses = self.losses.zip_with(&frame.losses, u64::saturating_add);
        self.push(Observation::of(frame));
    }

    pub(super) fn push(&mut self, observation: Observation) {
        self.count += 1;
        if self.kind == Kind::Intervals {
            if self.filled > 0
                && self.filled < self.each
                && let Some(last) = self.observations.last_mut()
            {
                last.add(observation);
                self.filled += 1;
                return;
            }
            if self.observations.len() == MOST {
                self.observations = joined(std::mem::take(&mut self.observations), 2);
                self.each *= 2;
            }
        }
        self.observations.push(observation);
        self.filled = 1;
    }

    /// Runs, or stretches of a recording of about the same length.
    pub(super) fn observations(&self) -> Vec<Observation> {
        match self.kind {
            Kind::Runs => self.observations.clone(),
            Kind::Intervals => {
                let each = self.observations.len().div_ceil(STRETCHES).max(1);
                let mut joined = joined(self.observations.clone(), each);
                // The last one may be a fraction of the others, of which the spread says nothing.
                if joined.len() > 2
                    && let Some(last) = joined.pop()
                    && let Some(before) = joined.last_mut()
                {
                    if last.seconds * 2.0 < before.seconds {
                        before.add(last);
                    } else {
                        joined.push(last);
                    }
                }
                joined
            }
        }
    }
}

/// Every `each` of them as one.
fn joined(observations: Vec<Observation>, each: usize) -> Vec<Observation> {
    let mut joined: Vec<Observation> = Vec::new();
    for (at, observation) in observations.into_iter().enumerate() {
        match joined.last_mut() {
            Some(last) if at % each > 0 => last.add(observation),
            _ => joined.push(observation),
        }
    }
    joined
}
