//! What is remembered while the page is open: rates, and since when advice has held.

use std::{collections::VecDeque, time::Duration};

use anyhow::Result;

use super::{
    past::Past,
    subject::{Key, Subject},
};
use crate::{archive::Archive, state::Context};
use zc_model::{
    advice::Rule,
    frame::Frame,
    history::{History, Track as Curve},
    ledger::{self, PathSum},
    snapshot::PathSample,
};

/// Ten minutes of one-second intervals.
pub(super) const MOST: usize = 600;

/// Rates of one interval, bytes per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    pub(super) copied: f64,
    pub(super) by_reference: f64,
}

/// The rates so far: those that are known when the page is opened, what follows, and what is read of the time before.
#[derive(Default)]
pub(super) struct Track {
    points: VecDeque<Point>,
    /// The moment of the newest point.
    taken_at_ns: u64,
    /// The length of its interval.
    elapsed_ns: u64,
    /// The number of the newest point.
    newest: u64,
    /// Points that followed those that were known.
    since: usize,
    past: Past,
    /// Command and rule, and the moment from which on each frame had it.
    held: Vec<(String, Rule, u64)>,
}

impl Track {
    /// A frame is on the screen; `subject` is what is of it there, if anything is.
    pub(super) fn look(
        &mut self,
        key: &Key,
        frame: &Frame,
        subject: Option<&Subject>,
        context: &Context,
    ) {
        if frame.taken_at_ns == self.taken_at_ns {
            return;
        }
        let follows = self.follows(frame);
        if follows {
            if self.points.len() >= MOST {
                self.points.pop_front();
            }
            let point = subject.map(|subject| rates(subject.row().paths, frame));
            self.points.push_back(point.unwrap_or_default());
            self.since += 1;
        } else {
            self.begin(key, context.history());
            (self.since, self.past) = (0, Past::Wanted(frame.taken_at_ns));
        }
        self.newest = context.history().frames();
        self.taken_at_ns = frame.taken_at_ns;
        self.elapsed_ns = frame.elapsed_ns;
        let before = if follows { std::mem::take(&mut self.held) } else { Vec::new() };
        let since = |command: &str, rule: Rule| {
            let found = before.iter().find(|(it, of, _)| it == command && *of == rule);
            found.map_or(frame.taken_at_ns.saturating_sub(frame.elapsed_ns), |(.., since)| *since)
        };
        let advice = subject.into_iter().flat_map(|subject| &subject.advice);
        self.held = advice
            .map(|(command, one)| (command.clone(), one.rule, since(command, one.rule)))
            .collect();
    }

    /// Whether a frame is the next one: not after a pause, nor elsewhere in time.
    fn follows(&self, frame: &Frame) -> bool {
        let begins = frame.taken_at_ns.saturating_sub(frame.elapsed_ns);
        self.taken_at_ns > 0 && begins.abs_diff(self.taken_at_ns) <= frame.elapsed_ns / 4
    }

    fn begin(&mut self, key: &Key, history: &History) {
        let curve: Option<&Curve> = match key {
            Key::Process(key) => history.process(key.id()),
            Key::Group(_, id) => history.group(*id),
        };
        let points = curve.into_iter().flat_map(Curve::points);
        #[expect(clippy::cast_precision_loss, reason = "drawn in eighths of a line")]
        let point = |it: zc_model::history::Point| Point {
            copied: it.copied_bytes_per_sec as f64,
            by_reference: it.zero_copied_bytes_per_sec as f64,
        };
        self.points = points.map(point).collect();
    }

    /// Reads on in what was before; whether that is known now.
    pub(super) fn recall(
        &mut self,
        key: &Key,
        archive: &mut dyn Archive,
        context: &Context,
    ) -> Result<bool> {
        let Some(before) = self.past.go_on(key, archive, context)? else { return Ok(false) };
        let known = self.points.len().saturating_sub(self.since);
        // What is kept may be less.
        if before.len() > known {
            let since = self.points.split_off(known);
            self.points = before.into_iter().chain(since).collect();
            self.points.drain(..self.points.len().saturating_sub(MOST));
        }
        Ok(true)
    }

    /// Whether more of what was before is going to be known.
    pub(super) const fn is_reading(&self) -> bool {
        self.past.is_expected()
    }

    /// The rates, oldest first.
    pub(super) fn points(&self) -> impl ExactSizeIterator<Item = Point> + '_ {
        self.points.iter().copied()
    }

    /// The number of the newest point.
    pub(super) const fn newest(&self) -> u64 {
        self.newest
    }

    /// The moment of the newest point, ns since the Unix epoch, and the length of its interval, seconds.
    #[expect(clippy::cast_precision_loss, reason = "a few digits are shown")]
    pub(super) fn now(&self) -> (u64, f64) {
        (self.taken_at_ns, self.elapsed_ns as f64 / 1e9)
    }

    /// How long a rule has held for a command, as far as this page has seen it.
    pub(super) fn held(&self, command: &str, rule: Rule) -> Option<Duration> {
        let (.., since) = self.held.iter().find(|(it, of, _)| it == command && *of == rule)?;
        Some(Duration::from_nanos(self.taken_at_ns.saturating_sub(*since)))
    }
}

/// What was copied and moved on these paths in a frame.
pub(super) fn rates(paths: &[PathSample], frame: &Frame) -> Point {
    let rate = |bytes: u64| frame.per_second(bytes).unwrap_or(0.0);
    Point {
        copied: rate(PathSum::of(paths).copied_bytes),
        by_reference: rate(ledger::zero_copied_bytes(paths)),
    }
}
