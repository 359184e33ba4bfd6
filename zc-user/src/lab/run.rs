//! Running scenarios: rounds in turns with the baseline, and what comes of them.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use rustix::system::uname;

use super::{
    catalog::BASELINE,
    finding::{Finding, Outcome, Ran, Spread},
    measurement::Measurement,
    payload::Payload,
    round,
    scenario::{Scenario, Setting, Work},
    sink::Sink,
    stage::Unsupported,
    verdict,
};
use crate::sample::source::SnapshotSource;

/// What observes: the probes, or the reason why there are none.
pub type Observer<'a> = std::result::Result<&'a mut dyn SnapshotSource, &'a str>;

/// How to run scenarios.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Bytes of the payload; ignored with `file`.
    pub size: u64,
    /// Bytes of one transfer, at most.
    pub chunk: u64,
    /// Rounds of each scenario.
    pub repeat: u32,
    /// Where the payload goes, instead of each scenario's own choice.
    pub sink: Option<Sink>,
    /// Drop the payload from the page cache before every round.
    pub cold: bool,
    /// A file to use as the payload.
    pub file: Option<PathBuf>,
    /// Where files are made.
    pub directory: PathBuf,
}

/// The bench on which scenarios run: a payload, and an observer.
pub struct Bench<'a> {
    plan: Plan,
    payload: Payload,
    observer: Observer<'a>,
}

impl<'a> Bench<'a> {
    /// Makes the payload.
    ///
    /// # Errors
    /// When there is no room for it, or the file given cannot be read.
    pub fn new(plan: Plan, observer: Observer<'a>) -> Result<Self> {
        let payload = match &plan.file {
            Some(file) => Payload::of_file(file)?,
            None => Payload::generate(&plan.directory, plan.size)?,
        };
        Ok(Self { plan, payload, observer })
    }

    /// Bytes of the payload.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.payload.size
    }

    /// Runs `scenario`, in turns with the baseline.
    pub async fn run(&mut self, scenario: &'static Scenario) -> Finding {
        let sink = match self.plan.sink {
            Some(sink) if scenario.sinks.contains(&sink) => sink,
            _ => scenario.sinks[0],
        };
        let setting = self.setting(sink);
        let baseline =
            (scenario.id != BASELINE.id && BASELINE.sinks.contains(&sink)).then_some(BASELINE);
        let rounds = self.rounds(scenario, baseline, &setting).await;
        let outcome = rounds.and_then(|rounds| ran(scenario, &setting, rounds));
        let outcome = match outcome {
            Ok(ran) => Outcome::Ran(Box::new(ran)),
            Err(error) if error.is::<Unsupported>() => Outcome::Skipped(format!("{error:#}")),
            Err(error) => Outcome::Failed(format!("{error:#}")),
        };
        Finding { scenario, setting, outcome }
    }

    fn setting(&self, sink: Sink) -> Setting {
        Setting {
            size: self.payload.size,
            chunk: self.plan.chunk.min(self.payload.size),
            sink,
            cold: self.plan.cold,
            kernel: kernel_version(),
        }
    }

    async fn rounds(
        &mut self,
        scenario: &Scenario,
        baseline: Option<&Scenario>,
        setting: &Setting,
    ) -> Result<Vec<Round>> {
        let mut rounds = Vec::new();
        for _ in 0..self.plan.repeat {
            let baseline = match baseline {
                Some(baseline) => Some(self.round(baseline, setting).await?),
                None => None,
            };
            let measurement = self.round(scenario, setting).await?;
            rounds.push(Round { measurement, baseline });
        }
        Ok(rounds)
    }

    async fn round(&mut self, scenario: &Scenario, setting: &Setting) -> Result<Measurement> {
        let Self { payload, plan, observer, .. } = self;
        match scenario.work {
            Work::Mechanism(_) => {
                round::mechanism(scenario, setting, payload, &plan.directory, observer).await
            }
        }
    }
}

/// A round of a scenario, and the round of the baseline before it.
struct Round {
    measurement: Measurement,
    baseline: Option<Measurement>,
}

fn ran(scenario: &Scenario, setting: &Setting, mut rounds: Vec<Round>) -> Result<Ran> {
    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are a hundred days")]
    fn wall(measurement: &Measurement) -> f64 {
        measurement.report.wall_ns as f64
    }
    let none = || anyhow!("no round was run");
    let wall_ns = Spread::of(rounds.iter().map(|r| wall(&r.measurement))).ok_or_else(none)?;
    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are a hundred days")]
    let cpu = rounds.iter().map(|round| round.measurement.report.cpu_ns as f64);
    let cpu_ns = Spread::of(cpu).ok_or_else(none)?;
    let relative = Spread::of(rounds.iter().filter_map(|round| {
        round.baseline.as_ref().map(|baseline| wall(baseline) / wall(&round.measurement))
    }));
    rounds.sort_by_key(|round| round.measurement.report.wall_ns);
    let median = (rounds.len() - 1) / 2;
    let measurement = rounds.swap_remove(median).measurement;
    let verdict = verdict::judge(scenario, setting, &measurement);
    Ok(Ran { measurement, wall_ns, cpu_ns, relative, verdict })
}

/// Major and minor version of the running kernel; zeros if it tells none.
fn kernel_version() -> (u32, u32) {
    let name = uname();
    let release = name.release().to_string_lossy();
    let mut parts = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().ok());
    let mut part = || parts.next().flatten().unwrap_or(0);
    (part(), part())
}

/// Where files are made unless another directory is asked for: on a disk, which `/tmp` may not be.
#[must_use]
pub fn default_directory() -> PathBuf {
    let disk = Path::new("/var/tmp");
    if disk.is_dir() { disk.to_owned() } else { std::env::temp_dir() }
}
