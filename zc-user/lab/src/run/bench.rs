//! Runs scenarios in rounds that alternate with the baseline.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use super::{observer::Observer, round, server::Server};
use crate::{
    judge::{
        comparison::{Comparison, common_sink},
        finding::{Finding, Outcome, Ran, Spread},
        measurement::Measurement,
        sampled::{self, Sampled},
        verdict,
    },
    sink::Sink,
    unsupported::Unsupported,
    workload::{
        catalog::BASELINE,
        kernel,
        payload::Payload,
        scenario::{Cache, Scenario, Setting, Work},
    },
};
use zc_model::counter::CounterId;

/// How to run scenarios.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Bytes of the payload; ignored with `file`.
    pub size: u64,
    /// Bytes of one transfer, at most.
    pub chunk: u64,
    /// Rounds of each scenario; more where it is about copies in user space, until there are enough samples.
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

/// Called before a round begins, with the scenario, its sink, the number of the round from
/// 1, and their total number.
pub type Watch<'a> = Box<dyn FnMut(&Scenario, Sink, u32, u32) + 'a>;

/// The bench on which scenarios run: a payload, and an observer.
pub struct Bench<'a> {
    plan: Plan,
    payload: Payload,
    observer: Observer<'a>,
    watch: Option<Watch<'a>>,
}

impl<'a> Bench<'a> {
    /// Makes the payload.
    ///
    /// # Errors
    /// When there is no room for it, or the file given cannot be read.
    pub async fn new(plan: Plan, observer: Observer<'a>) -> Result<Self> {
        let payload = match &plan.file {
            Some(file) => Payload::of_file(file).await?,
            None => Payload::generate(&plan.directory, plan.size).await?,
        };
        Ok(Self { plan, payload, observer, watch: None })
    }

    /// Calls `watch` before every round.
    pub fn watch(&mut self, watch: Watch<'a>) {
        self.watch = Some(watch);
    }

    /// Bytes of the payload.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.payload.size
    }

    /// Runs `scenario`, alternating with the baseline.
    pub async fn run(&mut self, scenario: &'static Scenario) -> Finding {
        let sink = match self.plan.sink {
            Some(sink) if scenario.sinks.contains(&sink) => sink,
            _ => scenario.sinks[0],
        };
        self.run_to(scenario, sink).await
    }

    /// Runs `scenario` to `sink`, alternating with the baseline.
    pub async fn run_to(&mut self, scenario: &'static Scenario, sink: Sink) -> Finding {
        let setting = self.setting(scenario, sink);
        let baseline =
            (scenario.id != BASELINE.id && BASELINE.sinks.contains(&sink)).then_some(BASELINE);
        let rounds = self.rounds(scenario, baseline, sink).await;
        let outcome = outcome(rounds.and_then(|rounds| ran(scenario, &setting, rounds)));
        sampled::with_note(Finding { scenario, setting, outcome })
    }

    /// Alternates between two scenarios.
    ///
    /// # Errors
    /// When they have no sink in common.
    pub async fn compare(
        &mut self,
        first: &'static Scenario,
        second: &'static Scenario,
    ) -> Result<Comparison> {
        let none =
            || anyhow!("{} and {} have no common sink; see zc lab list", first.id, second.id);
        let sink = self.plan.sink.or_else(|| common_sink(first, second)).ok_or_else(none)?;
        let rounds = match self.rounds(second, Some(first), sink).await {
            Ok(rounds) => rounds,
            Err(error) => {
                let why = format!("{error:#}");
                let findings = [first, second].map(|scenario| {
                    let why = why.clone();
                    let skipped = error.is::<Unsupported>();
                    let outcome =
                        if skipped { Outcome::Skipped(why) } else { Outcome::Failed(why) };
                    Finding { scenario, setting: self.setting(scenario, sink), outcome }
                });
                return Ok(Comparison { findings, throughput: None, cpu: None });
            }
        };
        let ratio = |of: fn(&Measurement) -> f64, turned: bool| {
            Spread::of(rounds.iter().filter_map(|round| {
                let (a, b) = (of(round.baseline.as_ref()?), of(&round.measurement));
                let (a, b) = if turned { (b, a) } else { (a, b) };
                (a > 0.0).then_some(b / a)
            }))
        };
        let (throughput, cpu) = (ratio(wall, true), ratio(cpu, false));
        let firsts = rounds.iter().filter_map(|round| round.baseline.clone());
        let firsts = firsts.map(|measurement| Round { measurement, baseline: None }).collect();
        let seconds = rounds.into_iter().map(|round| Round { baseline: None, ..round }).collect();
        let finding = |scenario: &'static Scenario, rounds| {
            let setting = self.setting(scenario, sink);
            let outcome = outcome(ran(scenario, &setting, rounds));
            sampled::with_note(Finding { scenario, setting, outcome })
        };
        let findings = [finding(first, firsts), finding(second, seconds)];
        Ok(Comparison { findings, throughput, cpu })
    }

    fn setting(&self, scenario: &Scenario, sink: Sink) -> Setting {
        Setting {
            size: self.payload.size,
            chunk: self.plan.chunk.min(self.payload.size),
            sink,
            cold: match scenario.cache {
                Cache::Any => self.plan.cold,
                Cache::Warm => false,
                Cache::Cold => true,
            },
            kernel: kernel::version(),
        }
    }

    async fn rounds(
        &mut self,
        scenario: &Scenario,
        baseline: Option<&Scenario>,
        sink: Sink,
    ) -> Result<Vec<Round>> {
        let mut server = self.server(scenario, sink).await?;
        let mut reference = match baseline {
            Some(baseline) => self.server(baseline, sink).await?,
            None => None,
        };
        let mut rounds = Vec::new();
        for number in 1.. {
            if let Some(watch) = &mut self.watch {
                watch(scenario, sink, number, number.max(self.plan.repeat));
            }
            let measured = match baseline {
                Some(baseline) => Some(self.round(baseline, sink, reference.as_mut()).await?),
                None => None,
            };
            let measurement = self.round(scenario, sink, server.as_mut()).await?;
            rounds.push(Round { measurement, baseline: measured });
            let are_asked_for = number >= self.plan.repeat;
            if are_asked_for && !wants_more(scenario, baseline, &rounds, self.plan.repeat) {
                break;
            }
        }
        Ok(rounds)
    }

    /// The program that `scenario` is about, running; `None` where it is about none.
    async fn server(&self, scenario: &Scenario, sink: Sink) -> Result<Option<Server>> {
        let Work::Program(program) = scenario.work else { return Ok(None) };
        for need in scenario.needs {
            need.require()?;
        }
        let setting = self.setting(scenario, sink);
        Server::start(program, &setting, &self.payload, &self.plan.directory).await.map(Some)
    }

    /// A round of which the kernel let the probes see everything, and in which TCP sent everything
    /// once, if there is one in a few.
    async fn round(
        &mut self,
        scenario: &Scenario,
        sink: Sink,
        mut server: Option<&mut Server>,
    ) -> Result<Measurement> {
        let mut attempt = 1;
        loop {
            let measurement = self.attempt(scenario, sink, server.as_deref_mut()).await?;
            if !measurement.is_disturbed() || attempt == ATTEMPTS {
                return Ok(measurement);
            }
            attempt += 1;
        }
    }

    async fn attempt(
        &mut self,
        scenario: &Scenario,
        sink: Sink,
        server: Option<&mut Server>,
    ) -> Result<Measurement> {
        let setting = &self.setting(scenario, sink);
        let Self { payload, plan, observer, .. } = self;
        let round = match server {
            Some(server) => round::program(server, setting, payload, observer).await,
            None => round::mechanism(scenario, setting, payload, &plan.directory, observer).await,
        };
        if round.is_err() {
            // The cause is reported rather than its effect.
            payload.has_not_changed()?;
        }
        round
    }
}

/// How often a round is tried that was disturbed.
const ATTEMPTS: u32 = 6;

/// A round of a scenario, and the round of the baseline before it.
struct Round {
    measurement: Measurement,
    baseline: Option<Measurement>,
}

/// Whether one of the two is about copies in user space, and takes more samples.
fn wants_more(
    scenario: &Scenario,
    baseline: Option<&Scenario>,
    rounds: &[Round],
    asked: u32,
) -> bool {
    let too_few = |scenario: &Scenario, of: fn(&Round) -> Option<&Measurement>| {
        let frames = rounds.iter().filter_map(|round| of(round)?.frame.as_ref().ok());
        let samples = Sampled::of(frames).count(CounterId::CpuSamples);
        scenario.is_about_user_copies()
            && sampled::wants_more(samples, rounds.len() as u64, asked.into())
    };
    too_few(scenario, |round| Some(&round.measurement))
        || baseline.is_some_and(|baseline| too_few(baseline, |round| round.baseline.as_ref()))
}

fn outcome(ran: Result<Ran>) -> Outcome {
    match ran {
        Ok(ran) => Outcome::Ran(Box::new(ran)),
        Err(error) if error.is::<Unsupported>() => Outcome::Skipped(format!("{error:#}")),
        Err(error) => Outcome::Failed(format!("{error:#}")),
    }
}

#[expect(clippy::cast_precision_loss, reason = "2^53 ns are a hundred days")]
fn wall(measurement: &Measurement) -> f64 {
    measurement.report.wall_ns as f64
}

#[expect(clippy::cast_precision_loss, reason = "2^53 ns are a hundred days")]
fn cpu(measurement: &Measurement) -> f64 {
    measurement.report.cpu_ns as f64
}

fn ran(scenario: &Scenario, setting: &Setting, mut rounds: Vec<Round>) -> Result<Ran> {
    let count = u32::try_from(rounds.len()).unwrap_or(u32::MAX);
    let none = || anyhow!("no round was run");
    let wall_ns = Spread::of(rounds.iter().map(|r| wall(&r.measurement))).ok_or_else(none)?;
    let cpu_ns = Spread::of(rounds.iter().map(|r| cpu(&r.measurement))).ok_or_else(none)?;
    let relative = Spread::of(rounds.iter().filter_map(|round| {
        round.baseline.as_ref().map(|baseline| wall(baseline) / wall(&round.measurement))
    }));
    let frames = rounds.iter().filter_map(|round| round.measurement.frame.as_ref().ok());
    let sampled = Sampled::of(frames);
    rounds.sort_by_key(|round| round.measurement.report.wall_ns);
    let median = (rounds.len() - 1) / 2;
    let measurement = rounds.swap_remove(median).measurement;
    let verdict = verdict::judge(scenario, setting, &measurement);
    Ok(Ran { rounds: count, measurement, wall_ns, cpu_ns, relative, sampled, verdict })
}

/// The default directory for files: on a disk, which `/tmp` may not be.
#[must_use]
pub fn default_directory() -> PathBuf {
    let disk = Path::new("/var/tmp");
    if disk.is_dir() { disk.to_owned() } else { std::env::temp_dir() }
}
