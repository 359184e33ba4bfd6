//! Where the CPU time of all rounds went, by samples: one round alone has too few.

use std::fmt::Write as _;

use super::finding::{Finding, Outcome, Ran};
use crate::workload::scenario::Scenario;
use zc_model::{
    column::Unit,
    counter::{CounterId, Counters},
    frame::Frame,
    snapshot::{Copier, CopierKind},
    tax,
    user_copies::{self, Share},
    value::Value,
};
use zc_render::human;

/// Samples a second on each CPU while copies in user space are looked for: a hundred milliseconds of CPU time have a
/// hundred then. The rounds of the lab are short, and delay nothing but each other.
pub const FREQUENCY: u32 = 997;

/// So many samples give any share to five percentage points.
const ENOUGH: u64 = 400;

/// How many times the rounds that were asked for there may be for that.
const MOST: u64 = 10;

/// Whether to go on after so many of the rounds that were asked for, in which there were so many samples: not where there
/// would be too few all the same. Only their number decides, so that what they say is not chosen.
#[must_use]
pub fn wants_more(samples: u64, rounds: u64, asked: u64) -> bool {
    let most = MOST * asked;
    samples < ENOUGH && rounds < most && samples * most >= ENOUGH * rounds
}

/// The counters of samples.
const COUNTERS: [CounterId; 2] = [CounterId::CpuSamples, CounterId::CopySamples];

/// Samples of what a scenario did in all rounds.
#[derive(Clone, Debug, Default)]
pub struct Sampled {
    counters: Counters,
    /// Functions that copied, in any order.
    copiers: Vec<Copier>,
}

impl Sampled {
    /// The samples of all these.
    pub fn of<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> Self {
        let mut sampled = Self::default();
        for frame in frames {
            for counter in COUNTERS.into_iter().chain(user_copies::COUNTERS) {
                sampled.counters[counter] += frame.totals.counters[counter];
            }
            for copier in &frame.copiers {
                sampled.add(copier);
            }
        }
        sampled
    }

    /// Adds to the function of another process, too: each round has a process of its own.
    fn add(&mut self, copier: &Copier) {
        let what = |it: &Copier| (it.kind, it.file.clone(), it.function.clone());
        match self.copiers.iter_mut().find(|known| what(known) == what(copier)) {
            Some(known) => {
                known.samples += copier.samples;
                known.fault_samples += copier.fault_samples;
            }
            None => self.copiers.push(copier.clone()),
        }
    }

    /// How many samples there are of a kind.
    #[must_use]
    pub fn count(&self, counter: CounterId) -> u64 {
        self.counters[counter]
    }

    /// The function that copied most, with its file.
    fn foremost(&self) -> Option<String> {
        let samples = |copier: &&Copier| copier.samples + copier.fault_samples;
        let copier = self.copiers.iter().max_by_key(samples)?;
        let file = copier.file.rsplit('/').next().unwrap_or(&copier.file);
        Some(match (&copier.function, copier.kind) {
            (Some(function), _) => format!("{function} in {file}"),
            (None, CopierKind::Library) => format!("a function of {file}"),
            (None, CopierKind::Inlined) => format!("a loop of {file}"),
        })
    }
}

/// What the CPU time was spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// Copies in user space: of a kind, or all.
    User(Share),
    /// The copies of the kernel.
    Kernel,
}

impl Spent {
    /// The share; absent where it was not looked for.
    #[must_use]
    pub fn share(self, finding: &Finding) -> Value<'_> {
        self.of(finding, |spent, counters, frame| match spent {
            Self::User(share) => share.of(counters, frame),
            Self::Kernel => tax::copy_tax(counters, frame),
        })
    }

    /// How far it may be off either way, with 95 % confidence.
    #[must_use]
    pub fn margin(self, finding: &Finding) -> Value<'_> {
        self.of(finding, |spent, counters, frame| match spent {
            Self::User(share) => share.margin(counters, frame),
            Self::Kernel => tax::copy_tax_margin(counters, frame),
        })
    }

    /// The same of the CPU time of a round, in nanoseconds: the median of the rounds.
    #[must_use]
    pub fn time(self, finding: &Finding) -> Value<'_> {
        times_cpu(self.share(finding), finding)
    }

    /// How far that may be off.
    #[must_use]
    pub fn time_margin(self, finding: &Finding) -> Value<'_> {
        times_cpu(self.margin(finding), finding)
    }

    fn of<'a>(
        self,
        finding: &'a Finding,
        read: fn(Self, &Counters, &'a Frame) -> Value<'a>,
    ) -> Value<'a> {
        let Some(ran) = finding.ran() else { return Value::Absent };
        if !is_looked_for(finding.scenario, ran) {
            return Value::Absent;
        }
        match &ran.measurement.frame {
            Err(why) => Value::Unavailable(why),
            Ok(frame) if !frame.host.user_copies => {
                Value::Unavailable(match frame.host.limitation(CounterId::CpuSamples) {
                    Some(limitation) => &limitation.reason,
                    None => user_copies::NOT_LOOKED_FOR,
                })
            }
            Ok(frame) => read(self, &ran.sampled.counters, frame),
        }
    }
}

/// Samples in all: how sure the shares are.
#[must_use]
pub fn samples(finding: &Finding) -> Value<'_> {
    match Spent::User(Share::All).share(finding) {
        Value::Real(_, quality) => {
            let ran = finding.ran().map_or(0, |ran| ran.sampled.count(CounterId::CpuSamples));
            Value::Integer(ran, quality)
        }
        other => other,
    }
}

/// Whether copies in user space are of interest: always where the scenario is about them, and otherwise where they
/// were looked for and there are samples enough.
fn is_looked_for(scenario: &Scenario, ran: &Ran) -> bool {
    scenario.is_about_user_copies()
        || ran.measurement.frame.as_ref().is_ok_and(|frame| {
            frame.host.user_copies && ran.sampled.count(CounterId::CpuSamples) >= tax::LEAST_SAMPLES
        })
}

fn times_cpu<'a>(share: Value<'a>, finding: &Finding) -> Value<'a> {
    match (share, finding.ran()) {
        (Value::Real(share, quality), Some(ran)) => Value::Real(share * ran.cpu_ns.median, quality),
        (other, _) => other,
    }
}

/// The share and its ends, of 0 to 1, that the truth lies between with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The least.
    pub low: f64,
    /// What the samples say.
    pub share: f64,
    /// The greatest.
    pub high: f64,
}

impl Interval {
    /// That of a part of the CPU time of a finding, where it is known.
    #[must_use]
    pub fn of(spent: Spent, finding: &Finding) -> Option<Self> {
        let (share, margin) = (spent.share(finding).number()?, spent.margin(finding).number()?);
        Some(Self { low: (share - margin).max(0.0), share, high: (share + margin).min(1.0) })
    }

    /// Whether samples tell the two apart.
    #[must_use]
    pub fn is_apart(self, other: Self) -> bool {
        self.high < other.low || other.high < self.low
    }
}

/// What the samples of a scenario about copies in user space say, in a sentence; `None` for other scenarios, and
/// where there are no figures.
#[must_use]
pub fn note(finding: &Finding) -> Option<String> {
    let ran = finding.ran().filter(|_| finding.scenario.is_about_user_copies())?;
    Spent::User(Share::All).share(finding).number()?;
    let of = |share| {
        let spent = Spent::User(share);
        let [share, margin] = [spent.share(finding), spent.margin(finding)]
            .map(|value| human::value(&value, Unit::Fraction).into_owned());
        human::with_margin(share, &margin)
    };
    let mut words = format!(
        "copies in user space take {} of the CPU time, estimated from {} samples: {} in functions that copy, {} in \
         loops that copy, {} in page faults that these took",
        of(Share::All),
        human::count(ran.sampled.count(CounterId::CpuSamples)),
        of(Share::Library),
        of(Share::Inlined),
        of(Share::Faults),
    );
    let hidden = [(Share::NoFile, "code with no file"), (Share::Unknown, "code not known")];
    let is_zero = |share| Spent::User(share).share(finding).number() == Some(0.0);
    let hidden: Vec<_> = hidden
        .into_iter()
        .filter(|(share, _)| !is_zero(*share))
        .map(|(share, what)| format!("{} in {what}", of(share)))
        .collect();
    if !hidden.is_empty() {
        let _ = write!(words, "; not looked into: {}", hidden.join(", "));
    }
    if let Some(foremost) = ran.sampled.foremost().filter(|_| !is_zero(Share::All)) {
        let _ = write!(words, "; most of them in {foremost}");
    }
    Some(words)
}

/// `finding` with what [`note`] says among its notes.
#[must_use]
pub fn with_note(mut finding: Finding) -> Finding {
    let note = note(&finding);
    if let (Some(note), Outcome::Ran(ran)) = (note, &mut finding.outcome) {
        ran.verdict.notes.push(note);
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use zc_model::fixture::sketch::{process, snapshot};

    fn frame(pid: u32, samples: u64, copiers: &[(&str, u64)]) -> Frame {
        let mut sample = process(pid, "worker", &[]);
        sample.counters[CounterId::CpuSamples] = samples;
        sample.counters[CounterId::LibraryCopySamples] = samples / 2;
        sample.counters[CounterId::Syscalls] = 7;
        let id = sample.id;
        let mut frame = Frame::cumulative(snapshot(1, &[sample]));
        let copier = |(function, samples): &(&str, u64)| Copier {
            process: id,
            kind: CopierKind::Library,
            file: "/usr/lib/libc.so.6".into(),
            function: Some((*function).into()),
            samples: *samples,
            fault_samples: 0,
        };
        frame.copiers = copiers.iter().map(copier).collect();
        frame
    }

    #[test]
    fn samples_of_all_rounds_are_one_figure() {
        let rounds = [
            frame(7, 101, &[("memcpy", 30), ("memmove", 20)]),
            frame(8, 53, &[("memcpy", 2), ("memmove", 19)]),
        ];
        let sampled = Sampled::of(&rounds);
        assert_eq!(sampled.count(CounterId::CpuSamples), 154);
        assert_eq!(sampled.count(CounterId::LibraryCopySamples), 50 + 26);
        // No sample.
        assert_eq!(sampled.count(CounterId::Syscalls), 0);
        // A function is one, whatever process runs it.
        assert_eq!(sampled.foremost().as_deref(), Some("memmove in libc.so.6"));
    }

    #[test]
    fn rounds_go_on_until_there_are_enough_samples_or_no_hope() {
        // 16 in a round.
        assert!(wants_more(80, 5, 5) && wants_more(384, 24, 5) && !wants_more(400, 25, 5));
        // 8 in a round: enough with the last one.
        assert!(wants_more(40, 5, 5) && wants_more(392, 49, 5) && !wants_more(400, 50, 5));
        // Too few in the end, or none at all.
        assert!(!wants_more(35, 5, 5) && !wants_more(0, 1, 1) && !wants_more(399, 50, 5));
    }

    #[test]
    fn intervals_are_apart_when_they_do_not_touch() {
        let interval = |low, high| Interval { low, share: f64::midpoint(low, high), high };
        let few = interval(0.0, 0.05);
        assert!(few.is_apart(interval(0.06, 0.2)) && interval(0.06, 0.2).is_apart(few));
        assert!(!few.is_apart(interval(0.05, 0.2)) && !few.is_apart(few));
        assert!(!few.is_apart(interval(0.01, 0.02)));
    }
}
