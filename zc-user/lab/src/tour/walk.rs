//! The way through a script: which scene is shown, the results of those before, how long it stays.
//!
//! It has no clock: the caller passes the time, so that a test can pass any.

use std::{cell::RefCell, future::Future, rc::Rc, time::Duration};

use super::script::{Act, Narration, Scene, Script, Stay};
use crate::{hazard::Sighting, judge::finding::Finding};
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
    /// The results of each scene so far; the current one has its own from [`Phase::After`] on.
    findings: Vec<Vec<Finding>>,
    sightings: Vec<Option<Sighting>>,
    /// The scene under way; as many as there are scenes at the end.
    at: usize,
    phase: Phase,
    /// The scene that is looked at: an earlier one, or the one under way.
    looking: usize,
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
            script,
            pace,
            findings: Vec::new(),
            sightings: Vec::new(),
            at: 0,
            phase: Phase::Before,
            looking: 0,
            paused: false,
            left: None,
            ran_for: Duration::ZERO,
            over: false,
        };
        tour.enter(0);
        tour
    }

    /// The script.
    #[must_use]
    pub const fn script(&self) -> &Script {
        &self.script
    }

    /// What has to run now.
    #[must_use]
    pub fn due(&self) -> Option<&Act> {
        match self.phase {
            Phase::Running => self.script.scenes.get(self.at).map(|scene| &scene.act),
            Phase::Before | Phase::After | Phase::Summary => None,
        }
    }

    /// What was due has run.
    pub fn receive(&mut self, exhibit: Exhibit) {
        self.findings.push(exhibit.findings);
        self.sightings.push(exhibit.sighting);
        self.phase = Phase::After;
        let after = self.script.scenes.get(self.at).map(|scene| scene.after.clone());
        self.left = self.stay(&after.unwrap_or_default(), LOOK);
    }

    /// Time has passed.
    pub fn pass(&mut self, time: Duration) {
        if self.phase == Phase::Running {
            self.ran_for += time;
            return;
        }
        if self.paused || self.looking < self.at {
            return;
        }
        if let Some(left) = self.left {
            let left = left.saturating_sub(time.mul_f64(self.pace.speed));
            self.left = Some(left);
            if left.is_zero() {
                self.advance();
            }
        }
    }

    /// Goes on to what comes next, which may be a scene that was seen before.
    pub fn next(&mut self) {
        if self.looking < self.at {
            self.looking += 1;
        } else {
            self.paused = false;
            self.advance();
        }
    }

    /// Goes back to an earlier scene. The tour does not advance until it returns.
    pub fn previous(&mut self) {
        self.looking = self.looking.saturating_sub(1);
    }

    /// Goes on if that is what it waits for, otherwise stops or goes on by itself again.
    pub fn pause_or_go_on(&mut self) {
        if self.looking < self.at {
            self.looking = self.at;
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

    /// The scene that is looked at, its phase, and its results so far; `None` for the
    /// summary.
    #[must_use]
    pub fn shown(&self) -> Option<(&Scene, Phase, &[Finding])> {
        let scene = self.script.scenes.get(self.looking)?;
        let phase = match scene.act {
            Act::Page => Phase::Before,
            _ if self.looking < self.at => Phase::After,
            _ => self.phase,
        };
        Some((scene, phase, self.findings.get(self.looking).map_or(&[], Vec::as_slice)))
    }

    /// The results of each scene so far.
    #[must_use]
    pub fn findings(&self) -> &[Vec<Finding>] {
        &self.findings
    }

    /// What was seen of the hazard of the scene that is looked at.
    #[must_use]
    pub fn sighting(&self) -> Option<&Sighting> {
        self.sightings.get(self.looking)?.as_ref()
    }

    /// What was seen of the hazard of each scene so far, where there was one.
    #[must_use]
    pub fn sightings(&self) -> &[Option<Sighting>] {
        &self.sightings
    }

    /// Whether a scene before the one that is looked at has shown this note.
    #[must_use]
    pub fn has_told(&self, note: &str) -> bool {
        let earlier = self.findings.iter().take(self.looking).flatten();
        earlier.filter_map(Finding::ran).any(|ran| ran.verdict.notes.iter().any(|n| n == note))
    }

    /// How far the scene under way is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether the user paused it.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether it does not go on without a key.
    #[must_use]
    pub fn waits_for_key(&self) -> bool {
        self.left.is_none() && self.phase != Phase::Running
    }

    /// How long until it goes on by itself.
    #[must_use]
    pub fn goes_on_in(&self) -> Option<Duration> {
        let standing = self.paused || self.looking < self.at || self.phase == Phase::Running;
        self.left.filter(|_| !standing).map(|left| left.div_f64(self.pace.speed))
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

    fn advance(&mut self) {
        match self.phase {
            Phase::Before => match self.script.scenes.get(self.at).map(|scene| &scene.act) {
                Some(Act::Step(..) | Act::Compare(..) | Act::Hazard(_)) => self.start(),
                Some(Act::Page) | None => {
                    self.findings.push(Vec::new());
                    self.sightings.push(None);
                    self.enter(self.at + 1);
                }
            },
            Phase::Running => {}
            Phase::After => self.enter(self.at + 1),
            Phase::Summary => self.over = true,
        }
    }

    fn enter(&mut self, scene: usize) {
        self.at = scene;
        self.looking = scene;
        let Some(scene) = self.script.scenes.get(scene) else {
            self.phase = Phase::Summary;
            self.left = (!self.pace.wait).then_some(LAST_LOOK);
            return;
        };
        if scene.before == Narration::default() && !matches!(scene.act, Act::Page) {
            self.start();
        } else {
            let before = scene.before.clone();
            self.phase = Phase::Before;
            self.left = self.stay(&before, Duration::ZERO);
        }
    }

    fn start(&mut self) {
        self.phase = Phase::Running;
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
mod tests {
    use super::*;
    use crate::tour::parse::parse;

    const LONG: Duration = Duration::from_secs(100);

    fn tour(text: &str, wait: bool) -> Tour {
        let script = parse(text).map_err(|error| error.to_string()).expect("a script");
        Tour::new(script, Pace { speed: 2.0, wait })
    }

    #[test]
    fn it_walks_through_by_itself_as_fast_as_one_reads() {
        let mut tour = tour("title T\nsay One two.\nstep sendfile\nwait 3\nstep read_write", false);
        assert!(tour.due().is_none());
        // Two words and a moment, at twice the speed.
        assert_eq!(tour.goes_on_in(), Some(Duration::from_millis(800)));
        tour.pass(Duration::from_millis(799));
        assert!(tour.due().is_none());
        tour.pass(Duration::from_millis(1));
        assert!(matches!(tour.due(), Some(Act::Step(scenario, _)) if scenario.id == "sendfile"));
        tour.pass(LONG);
        assert_eq!(tour.ran_for(), LONG, "a workload takes as long as it takes");
        tour.receive(Exhibit::default());
        assert_eq!(tour.goes_on_in(), Some(Duration::from_millis(1500)));
        tour.pass(LONG);
        // Nothing is said before the second: it runs at once.
        assert!(matches!(tour.due(), Some(Act::Step(scenario, _)) if scenario.id == "read_write"));
        tour.receive(Exhibit::default());
        tour.pass(LONG);
        assert_eq!((tour.phase(), tour.is_over()), (Phase::Summary, false));
        tour.pass(LONG);
        assert!(tour.is_over());
    }

    #[test]
    fn a_key_is_waited_for_where_one_is_asked_for() {
        for (text, wait) in [("title T\nwait key", false), ("title T\nsay A.\nwait 1", true)] {
            let mut tour = tour(text, wait);
            tour.pass(LONG);
            assert!(tour.waits_for_key() && tour.phase() == Phase::Before, "{text}");
            tour.pause_or_go_on();
            assert_eq!(tour.phase(), Phase::Summary);
            tour.pass(LONG);
            assert_eq!(tour.is_over(), !wait);
        }
    }

    #[test]
    fn while_it_is_paused_or_looked_back_at_it_stands_still() {
        let mut tour = tour("title A\nsay A.\ntitle B\nsay B.", false);
        tour.pause_or_go_on();
        tour.pass(LONG);
        assert_eq!(tour.at(), 0);
        tour.next();
        assert_eq!((tour.at(), tour.is_paused()), (1, false));
        tour.previous();
        tour.previous();
        tour.pass(LONG);
        assert_eq!((tour.at(), tour.looking(), tour.goes_on_in()), (1, 0, None));
        assert_eq!(tour.shown().map(|(scene, ..)| &*scene.title), Some("A"));
        tour.next();
        assert_eq!((tour.at(), tour.looking()), (1, 1));
        tour.pass(LONG);
        assert_eq!(tour.phase(), Phase::Summary);
    }

    #[test]
    fn keys_change_the_speed_within_limits() {
        let mut tour = tour("title A", false);
        for _ in 0..20 {
            tour.faster();
        }
        assert!((tour.speed() - 64.0).abs() < f64::EPSILON);
        for _ in 0..20 {
            tour.slower();
        }
        assert!((tour.speed() - 0.125).abs() < f64::EPSILON);
    }
}
