//! The way through a script: which scene is shown, the results of the others, how long it stays.
//!
//! It has no clock: the caller passes the time, so that a test can pass any.

use std::{cell::RefCell, future::Future, rc::Rc, time::Duration};

use super::{
    guess::{self, Score},
    reveal::Reveal,
    script::{Act, Narration, Scene, Script, Stay},
    words::Words,
};
use crate::{
    hazard::{self, Sighting},
    judge::finding::{Finding, Outcome},
};
use zc_model::snapshot::Provenance;

/// What runs the workloads of a tour.
pub trait Laboratory {
    /// Runs what a scene runs. To drop the future ends whatever is under way.
    fn run(&mut self, act: &Act) -> impl Future<Output = Exhibit>;

    /// What is under way, in a few words; kept up to date while it runs.
    fn progress(&self) -> Progress;

    /// What the findings depend on: the machine and the provenance of its figures.
    fn conditions(&self) -> &Conditions;

    /// Housekeeping, a few times a second while nothing runs.
    fn tend(&mut self) {}
}

/// The results of a scene.
#[derive(Default)]
pub struct Exhibit {
    /// The results of its scenarios.
    pub findings: Vec<Finding>,
    /// What was seen of its hazard.
    pub sighting: Option<Sighting>,
}

impl Exhibit {
    /// Whether something went wrong, which may not do so a second time.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        let of_hazard = self.sighting.as_ref().map(|sighting| &sighting.outcome);
        matches!(of_hazard, Some(hazard::Outcome::Failed(_)))
            || self.findings.iter().any(|finding| matches!(finding.outcome, Outcome::Failed(_)))
    }
}

/// A few words that the laboratory writes while it runs, and that the screen reads.
pub type Progress = Rc<RefCell<String>>;

/// The machine on which a tour is played.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Kernel and architecture.
    pub machine: String,
    /// The provenance of copy figures here; `None` when nothing is counted.
    pub copies: Option<Provenance>,
    /// What this machine does not let us measure: why, and what to do; empty when there is nothing.
    pub limits: String,
}

/// The pace of a tour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Playback speed factor.
    pub speed: f64,
    /// Wait for a key after each text.
    pub wait: bool,
    /// Draw an answer arrow by arrow, not at once.
    pub animate: bool,
    /// Begin again after the summary, instead of waiting there for a key.
    pub again: bool,
}

/// The slowest and the fastest that a key makes it.
const SPEEDS: (f64, f64) = (0.125, 64.0);
/// What a picture and a table take to look at.
const LOOK: Duration = Duration::from_secs(6);
/// What the table at the end takes to look at.
const LAST_LOOK: Duration = Duration::from_secs(20);

/// Where a scene is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// What is said before the workload.
    Before,
    /// The workload.
    Running,
    /// The results.
    After,
    /// The table at the end of the tour.
    Summary,
}

/// A tour under way.
pub struct Tour {
    script: Script,
    pace: Pace,
    /// The results of each scene; `None` where it has not run.
    results: Vec<Option<Exhibit>>,
    /// How often the CPU copies each byte, as the class guesses, of each scene.
    guesses: Vec<Option<u8>>,
    /// The scene under way; as many as there are scenes at the end.
    at: usize,
    phase: Phase,
    /// The scene that is looked at: another one that has run, or the one under way.
    looking: usize,
    /// Where the user wants to be when the workload has ended.
    wanted: Option<usize>,
    /// Whether the workload under way is the second attempt.
    again: bool,
    reveal: Reveal,
    paused: bool,
    /// Until it goes on by itself, at speed 1; `None`: a key is waited for.
    left: Option<Duration>,
    /// Since the workload began.
    ran_for: Duration,
    over: bool,
}

impl Tour {
    /// At the beginning of `script`.
    #[must_use]
    pub fn new(script: Script, pace: Pace) -> Self {
        let mut tour = Self {
            results: Vec::new(),
            guesses: Vec::new(),
            script,
            pace,
            at: 0,
            phase: Phase::Before,
            looking: 0,
            wanted: None,
            again: false,
            reveal: Reveal::default(),
            paused: false,
            left: None,
            ran_for: Duration::ZERO,
            over: false,
        };
        tour.begin();
        tour
    }

    /// The script.
    #[must_use]
    pub const fn script(&self) -> &Script {
        &self.script
    }

    /// What the tour says by itself.
    #[must_use]
    pub const fn words(&self) -> &'static Words {
        self.script.words
    }

    /// What has to run now.
    #[must_use]
    pub fn due(&self) -> Option<&Act> {
        match self.phase {
            Phase::Running => self.script.scenes.get(self.at).map(|scene| &scene.act),
            Phase::Before | Phase::After | Phase::Summary => None,
        }
    }

    /// What was due has run. What failed is due once more: another process may have been the reason.
    pub fn receive(&mut self, exhibit: Exhibit) {
        if exhibit.has_failed() && !self.again {
            self.again = true;
            self.ran_for = Duration::ZERO;
            return;
        }
        self.reveal = if self.pace.animate { Reveal::of(&exhibit) } else { Reveal::default() };
        if let Some(result) = self.results.get_mut(self.at) {
            *result = Some(exhibit);
        }
        self.phase = Phase::After;
        let after = self.script.scenes.get(self.at).map(|scene| scene.after.clone());
        self.left = self.stay(&after.unwrap_or_default(), LOOK);
        if let Some(wanted) = self.wanted.take() {
            self.go_to(wanted);
        }
    }

    /// Time has passed.
    pub fn pass(&mut self, time: Duration) {
        if self.phase == Phase::Running {
            self.ran_for += time;
            return;
        }
        if self.paused || self.looks_elsewhere() {
            return;
        }
        let time = time.mul_f64(self.pace.speed);
        if self.phase == Phase::After && self.reveal.pass(time) {
            return;
        }
        if let Some(left) = self.left {
            let left = left.saturating_sub(time);
            self.left = Some(left);
            if left.is_zero() {
                self.advance();
            }
        }
    }

    /// Goes on to what comes next, which may be a scene that was seen before.
    pub fn next(&mut self) {
        if self.looks_elsewhere() {
            self.go_to(self.looking + 1);
        } else {
            self.paused = false;
            self.advance();
        }
    }

    /// Goes back to an earlier scene that has run. The tour does not advance until it returns.
    pub fn previous(&mut self) {
        let has_run = |scene: &usize| *scene == self.at || self.result(*scene).is_some();
        if let Some(scene) = (0..self.looking).rev().find(has_run) {
            self.looking = scene;
        }
    }

    /// Goes to a scene, from 0, or to the summary behind the last one: to its result, or to its question if it has not
    /// run. While a workload runs, that waits for its end.
    pub fn go_to(&mut self, scene: usize) {
        let scene = scene.min(self.script.scenes.len());
        if scene == self.at || self.result(scene).is_some() {
            self.looking = scene;
            self.wanted = None;
        } else if self.phase == Phase::Running {
            self.wanted = Some(scene);
        } else {
            self.paused = false;
            self.enter(scene);
        }
    }

    /// Runs the workload of the scene that is looked at once more.
    pub fn run_again(&mut self) {
        let is_workload =
            self.script.scenes.get(self.looking).is_some_and(|scene| scene.act.is_workload());
        if self.phase != Phase::Running && is_workload {
            self.at = self.looking;
            self.start();
        }
    }

    /// Goes on if that is what it waits for, otherwise stops or goes on by itself again.
    pub fn pause_or_go_on(&mut self) {
        if self.looks_elsewhere() {
            self.looking = self.at;
        } else if self.phase == Phase::After && self.reveal.step() {
            // The next arrow.
        } else if self.waits_for_key() {
            self.advance();
        } else {
            self.paused = !self.paused;
        }
    }

    /// Twice as fast.
    pub fn faster(&mut self) {
        self.pace.speed = (self.pace.speed * 2.0).min(SPEEDS.1.max(self.pace.speed));
    }

    /// Half as fast.
    pub fn slower(&mut self) {
        self.pace.speed = (self.pace.speed / 2.0).max(SPEEDS.0.min(self.pace.speed));
    }

    /// Whether the class may guess now how often the CPU copies each byte.
    #[must_use]
    pub fn asks(&self) -> bool {
        let scene = self.script.scenes.get(self.at).filter(|_| !self.looks_elsewhere());
        self.phase == Phase::Before && scene.is_some_and(|scene| guess::asks(&scene.act))
    }

    /// Takes a guess for the scene under way, instead of the one before.
    pub fn guess(&mut self, copies: u8) {
        if self.asks() && copies <= guess::MOST {
            self.guesses[self.at] = Some(copies);
        }
    }

    /// The guess for a scene.
    #[must_use]
    pub fn guess_of(&self, scene: usize) -> Option<u8> {
        self.guesses.get(scene).copied().flatten()
    }

    /// How many guesses were right.
    #[must_use]
    pub fn score(&self) -> Score {
        let guessed = self.guesses.iter().zip(&self.results);
        guessed.filter_map(|(guess, result)| Some(((*guess)?, result.as_ref()?))).collect()
    }

    /// The scene that is looked at, from 0; as many as there are scenes for the summary.
    #[must_use]
    pub const fn looking(&self) -> usize {
        self.looking
    }

    /// The scene under way, from 0; as many as there are scenes for the summary.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Whether another scene than the one under way is looked at.
    #[must_use]
    pub const fn looks_elsewhere(&self) -> bool {
        self.looking != self.at
    }

    /// The scene that is looked at, its phase, and its results so far; `None` for the
    /// summary.
    #[must_use]
    pub fn shown(&self) -> Option<(&Scene, Phase, &[Finding])> {
        let scene = self.script.scenes.get(self.looking)?;
        let phase = match scene.act {
            Act::Page => Phase::Before,
            _ if self.looks_elsewhere() => Phase::After,
            _ => self.phase,
        };
        let result = self.result(self.looking).filter(|_| phase == Phase::After);
        Some((scene, phase, result.map_or(&[], |exhibit| &exhibit.findings)))
    }

    /// The results of a scene, from 0, once it has run.
    #[must_use]
    pub fn result(&self, scene: usize) -> Option<&Exhibit> {
        self.results.get(scene)?.as_ref()
    }

    /// The results of all scenes that have run, in their order.
    pub fn results(&self) -> impl Iterator<Item = &Exhibit> {
        self.results.iter().flatten()
    }

    /// The results of all scenarios that have run.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.results().flat_map(|exhibit| &exhibit.findings)
    }

    /// What was seen of the hazard of the scene that is looked at.
    #[must_use]
    pub fn sighting(&self) -> Option<&Sighting> {
        self.result(self.looking)?.sighting.as_ref()
    }

    /// Whether a scene before the one that is looked at has shown this note.
    #[must_use]
    pub fn has_told(&self, note: &str) -> bool {
        self.earlier(|finding| {
            finding.ran().is_some_and(|ran| ran.verdict.notes.iter().any(|known| known == note))
        })
    }

    /// Whether this holds for a finding of a scene before the one that is looked at.
    pub fn earlier(&self, holds: impl FnMut(&Finding) -> bool) -> bool {
        let earlier = self.results.iter().take(self.looking).flatten();
        earlier.flat_map(|exhibit| &exhibit.findings).any(holds)
    }

    /// How far the scene under way is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// How much of the answer is drawn, where it is drawn arrow by arrow.
    #[must_use]
    pub fn reveal(&self) -> Option<Reveal> {
        let is_under_way = self.phase == Phase::After && !self.looks_elsewhere();
        Some(self.reveal).filter(|reveal| is_under_way && !reveal.is_complete())
    }

    /// Whether answers are drawn arrow by arrow.
    #[must_use]
    pub const fn is_animated(&self) -> bool {
        self.pace.animate
    }

    /// Whether the workload under way has failed, and runs once more.
    #[must_use]
    pub const fn tries_again(&self) -> bool {
        self.again
    }

    /// Whether the user paused it.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether it does not go on without a key.
    #[must_use]
    pub fn waits_for_key(&self) -> bool {
        self.left.is_none() && self.phase != Phase::Running && self.reveal().is_none()
    }

    /// How long until it goes on by itself.
    #[must_use]
    pub fn goes_on_in(&self) -> Option<Duration> {
        let stands = self.paused || self.looks_elsewhere() || self.phase == Phase::Running;
        let left = self.left.filter(|_| !stands && self.reveal().is_none());
        left.map(|left| left.div_f64(self.pace.speed))
    }

    /// For how long the workload has been running.
    #[must_use]
    pub const fn ran_for(&self) -> Duration {
        self.ran_for
    }

    /// Playback speed factor.
    #[must_use]
    pub const fn speed(&self) -> f64 {
        self.pace.speed
    }

    /// Whether the end was reached.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// The first scene, without any result.
    fn begin(&mut self) {
        self.results = self.script.scenes.iter().map(|_| None).collect();
        self.guesses = vec![None; self.script.scenes.len()];
        self.enter(0);
    }

    fn advance(&mut self) {
        match self.phase {
            Phase::Before => match self.script.scenes.get(self.at) {
                Some(scene) if scene.act.is_workload() => self.start(),
                _ => {
                    if let Some(result) = self.results.get_mut(self.at) {
                        *result = Some(Exhibit::default());
                    }
                    self.enter(self.at + 1);
                }
            },
            Phase::Running => {}
            Phase::After => self.enter(self.at + 1),
            Phase::Summary if self.pace.again => self.begin(),
            Phase::Summary => self.over = true,
        }
    }

    fn enter(&mut self, scene: usize) {
        self.at = scene;
        self.looking = scene;
        let Some(scene) = self.script.scenes.get(scene) else {
            self.phase = Phase::Summary;
            // It stays: a summary that is gone before it was read says nothing.
            self.left = (self.pace.again && !self.pace.wait).then_some(LAST_LOOK);
            return;
        };
        if scene.before == Narration::default() && scene.act.is_workload() {
            self.start();
        } else {
            let before = scene.before.clone();
            self.phase = Phase::Before;
            self.left = self.stay(&before, Duration::ZERO);
        }
    }

    fn start(&mut self) {
        self.phase = Phase::Running;
        self.again = false;
        self.ran_for = Duration::ZERO;
    }

    fn stay(&self, said: &Narration, extra: Duration) -> Option<Duration> {
        match said.stay {
            Some(Stay::Key) => None,
            _ if self.pace.wait => None,
            Some(Stay::For(time)) => Some(time),
            None => Some(said.reading_time() + extra),
        }
    }
}

#[cfg(test)]
mod tests;
