//! A mechanism that runs, and what the dashboard's probes have counted for it so far.

use std::{
    cell::Cell,
    rc::Rc,
    sync::Arc,
    task::{self, Poll},
    time::Duration,
};

use crate::{
    judge::picture,
    run::again::{self, Runner, Running, SECONDS, Told},
    sink::Sink,
    workload::scenario::{Scenario, Setting},
};
use zc_model::{
    counter::CounterId,
    frame::Frame,
    ledger::Copied,
    picture::Picture,
    snapshot::{PathSample, ProcessSample, Provenance},
    value::Quality,
};

/// A run.
pub(super) struct Watched {
    pub(super) scenario: &'static Scenario,
    pub(super) setting: Setting,
    told: Told,
    state: State,
    passed: Duration,
    /// The last interval in which it was counted.
    seen: Option<Arc<Frame>>,
    sum: Sum,
}

enum State {
    Runs(Running),
    /// It has, by itself: with what went wrong, if anything.
    Ended(Option<String>),
    /// The user has stopped it.
    Stopped,
}

/// What was counted since it began.
#[derive(Clone, Copy, Default)]
struct Sum {
    /// On the paths that carry the payload.
    moved: u64,
    copied: u64,
    unknown: u64,
    provenance: Option<Provenance>,
}

impl Watched {
    /// Begins.
    pub(super) fn start(runner: &mut dyn Runner, scenario: &'static Scenario, sink: Sink) -> Self {
        let told: Told = Rc::new(Cell::new(None));
        let running = runner.run(scenario, sink, Rc::clone(&told));
        Self {
            scenario,
            setting: again::setting(scenario, sink, runner.kernel()),
            told,
            state: State::Runs(running),
            passed: Duration::ZERO,
            seen: None,
            sum: Sum::default(),
        }
    }

    pub(super) const fn is_running(&self) -> bool {
        matches!(self.state, State::Runs(_))
    }

    pub(super) fn stop(&mut self) {
        if self.is_running() {
            self.state = State::Stopped;
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        if self.is_running() {
            self.passed += time;
        }
    }

    /// Goes on; ready when it has ended.
    pub(super) fn poll(&mut self, task: &mut task::Context<'_>) -> Poll<()> {
        let State::Runs(running) = &mut self.state else { return Poll::Pending };
        let Poll::Ready(ended) = running.as_mut().poll(task) else { return Poll::Pending };
        self.state = State::Ended(ended.err().map(|error| format!("{error:#}")));
        Poll::Ready(())
    }

    /// Takes in what was counted until now, once.
    pub(super) fn follow(&mut self, frame: &Arc<Frame>) {
        let is_new = self.seen.as_ref().is_none_or(|seen| seen.taken_at_ns < frame.taken_at_ns);
        let Some(process) = self.told.get().filter(|_| is_new).and_then(|pid| of(frame, pid))
        else {
            return;
        };
        let copied = Copied::of(self.payload(process), frame.host.copies);
        let sum = &mut self.sum;
        sum.moved += self
            .scenario
            .carried(&self.setting, process)
            .map(|sample| sample.moved_bytes)
            .sum::<u64>();
        sum.copied += copied.bytes;
        sum.unknown += copied.unknown_moved_bytes;
        sum.provenance = sum.provenance.max(Some(copied.provenance));
        self.seen = Some(Arc::clone(frame));
    }

    fn payload<'a>(&self, process: &'a ProcessSample) -> impl Iterator<Item = &'a PathSample> {
        self.scenario.carried(&self.setting, process)
    }

    /// Where it is, in words.
    pub(super) fn state(&self) -> String {
        let pid = self.told.get().map_or_else(String::new, |pid| format!("pid {pid}, "));
        match &self.state {
            State::Runs(_) => {
                format!("{pid}{} of {SECONDS} s", self.passed.as_secs().min(SECONDS))
            }
            State::Ended(None) => format!("{pid}ended; its last figures"),
            State::Ended(Some(_)) => "failed".to_owned(),
            State::Stopped => format!("{pid}stopped; its last figures"),
        }
    }

    /// What went wrong.
    pub(super) fn failure(&self) -> Option<&str> {
        match &self.state {
            State::Ended(why) => why.as_deref(),
            State::Runs(_) | State::Stopped => None,
        }
    }

    /// What was counted in the last interval: the picture of what carries the payload, and the seconds.
    pub(super) fn picture(&self) -> Option<(Picture, f64)> {
        let (frame, process) = self.last()?;
        let paths: Vec<_> = self.payload(process).copied().collect();
        let mut picture = Picture::new(frame, &process.counters, &paths).without_network_device();
        picture.names = picture::names(self.setting.sink);
        Some((picture, frame.seconds()))
    }

    /// The other paths of the last interval on which much moved: what prepares each round.
    pub(super) fn besides(&self) -> Vec<(&PathSample, &Frame)> {
        let Some((frame, process)) = self.last() else { return Vec::new() };
        let carried: Vec<_> = self.payload(process).map(|sample| sample.path).collect();
        let is_much = |sample: &&PathSample| {
            sample.moved_bytes.max(sample.copied_bytes) >= self.setting.size / 100
        };
        let others = process.paths.iter().filter(|sample| !carried.contains(&sample.path));
        others.filter(is_much).map(|sample| (sample, frame)).collect()
    }

    fn last(&self) -> Option<(&Frame, &ProcessSample)> {
        let frame = self.seen.as_deref()?;
        Some((frame, of(frame, self.told.get()?)?))
    }

    /// Times the CPU copied each byte since it began; `None` while nothing was counted that passes the kernel.
    pub(super) fn copies(&self) -> Option<(f64, Quality)> {
        let expected = (self.scenario.expect)(&self.setting);
        let moved: u64 = expected.moved.iter().map(|(_, bytes)| bytes).sum();
        if moved == 0 || self.sum.moved == 0 {
            return None;
        }
        let rounds = ratio(self.sum.moved, moved);
        let quality =
            Quality { provenance: self.sum.provenance?, lower_bound: self.sum.unknown > 0 };
        Some((ratio(self.sum.copied, self.setting.size) / rounds, quality))
    }

    /// How the copies compare with the textbook.
    pub(super) fn judgement(&self) -> Option<String> {
        /// A round is cut by the end of an interval.
        const NEAR: f64 = 0.02;
        let frame = self.seen.as_deref()?;
        let expected = (self.scenario.expect)(&self.setting);
        let Some((measured, quality)) = self.copies() else {
            return expected.moved.is_empty().then(|| {
                "Nothing of it passes the kernel, so that there is nothing to count.".to_owned()
            });
        };
        let because = expected.copies_because;
        let here = ratio(expected.copied_bytes, self.setting.size);
        let why = frame.host.limitation(CounterId::CopiedBytes);
        let why = why.map_or("this kernel does not let zc count them", |it| &*it.reason);
        Some(match quality.provenance {
            _ if quality.lower_bound => unmeasured("copies are not measured", why, because),
            Provenance::Unavailable => unmeasured("copies are not measured", why, because),
            Provenance::Modelled | Provenance::Assumed | Provenance::Unknown(_) => unmeasured(
                "the number of copies (~) follows from the path",
                "this kernel does not let zc trace the functions that copy; moved bytes are measured",
                because,
            ),
            Provenance::Measured if (measured - here).abs() > NEAR => format!(
                "Neither as the textbook says nor as is known of this kernel: {here:.1} copies of each byte."
            ),
            Provenance::Measured => match because {
                Some(because) => format!("Measured. Differs from the textbook, because {because}."),
                None => "Measured: as the textbook says.".to_owned(),
            },
        })
    }
}

fn unmeasured(what: &str, why: &str, because: Option<&str>) -> String {
    let known = because.map_or_else(String::new, |because| {
        format!(" Known of this kernel: it differs from the textbook, because {because}.")
    });
    format!("Theory, not checked here: {what}, for {why}.{known}")
}

/// The process with this id, which may be that of a process that has just ended.
fn of(frame: &Frame, pid: u32) -> Option<&ProcessSample> {
    frame.processes.iter().find(|process| process.id.pid == pid)
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn ratio(a: u64, b: u64) -> f64 {
    a as f64 / b as f64
}
