//! The laboratory of a tour: a bench with the probes, recreated for every scene.

use std::{fmt::Display, path::PathBuf};

use anyhow::Result;
use rustix::system::uname;

use crate::{
    cli::lab::demo::Demo,
    commands::lab::{borrowed, give_up, observer},
};
use zc_lab::{
    finding::{Finding, Outcome},
    hazard,
    language::fill,
    run::{self, Plan, Unobserved, default_directory},
    scenario::{Scenario, Setting},
    sink::Sink,
    tour::{
        script::{Act, How},
        walk::{Conditions, Exhibit, Laboratory, Progress},
        words::Words,
    },
};
use zc_model::source::SnapshotSource;
use zc_probe::{attach::Options, live::Live};

/// Bytes of the payload: a prime, so that it is recognised, and small, so that a scene is short.
const SIZE: u64 = 16_777_213;
const CHUNK: u64 = 65_536;
const ROUNDS: u32 = 3;

/// What runs the workloads of a tour.
pub(super) struct LiveLaboratory {
    words: &'static Words,
    source: Result<Live, Unobserved>,
    conditions: Conditions,
    progress: Progress,
    size: Option<u64>,
    repeat: Option<u32>,
    directory: PathBuf,
}

impl LiveLaboratory {
    /// Attaches the probes, if that is possible, and gives up what `acts` do not take.
    pub(super) fn open(
        arguments: &Demo,
        options: &Options,
        acts: &[Act],
        words: &'static Words,
    ) -> Result<Self> {
        let mut source = observer(options);
        let directory = arguments.dir.clone().unwrap_or_else(default_directory);
        give_up(&source, &directory, None, runs(acts))?;
        let name = uname();
        let [system, release, machine] =
            [name.sysname(), name.release(), name.machine()].map(|part| part.to_string_lossy());
        let mut conditions = Conditions {
            machine: format!("{system} {release} {machine}"),
            ..Conditions::default()
        };
        match &mut source {
            Ok(live) => conditions.copies = live.next()?.map(|snapshot| snapshot.host.copies),
            Err(why) => {
                conditions.limits = fill(words.nothing_is_counted, &[("why", why)]);
            }
        }
        Ok(Self {
            words,
            source,
            conditions,
            progress: Progress::default(),
            size: arguments.size,
            repeat: arguments.repeat,
            directory,
        })
    }

    fn plan(&self, how: &How) -> Plan {
        Plan {
            size: self.size.or(how.size).unwrap_or(SIZE),
            chunk: how.chunk.unwrap_or(CHUNK),
            repeat: self.repeat.or(how.repeat).unwrap_or(ROUNDS),
            sink: how.sink,
            cold: how.cold,
            file: None,
            directory: self.directory.clone(),
        }
    }
}

/// The scenarios of a tour, each with its sink. Where one is alternated with the baseline, that takes nothing more.
fn runs(acts: &[Act]) -> Vec<(&'static Scenario, Sink)> {
    let of_act = |act: &Act| {
        let sink = act.how().and_then(|how| how.sink);
        let scenarios = act.scenarios().to_vec().into_iter();
        scenarios.map(move |scenario| (scenario, sink.unwrap_or(scenario.sinks[0])))
    };
    acts.iter().flat_map(of_act).collect()
}

impl Laboratory for LiveLaboratory {
    async fn run(&mut self, act: &Act) -> Exhibit {
        if let Act::Hazard(hazard) = act {
            *self.progress.borrow_mut() = self.words.say(hazard.title).into_owned();
            let mut observer = borrowed(&mut self.source);
            let sighting = hazard::show(hazard, &self.directory, &mut observer).await;
            return Exhibit { sighting: Some(sighting), ..Exhibit::default() };
        }
        Exhibit { findings: self.findings(act).await, sighting: None }
    }

    fn progress(&self) -> Progress {
        Progress::clone(&self.progress)
    }

    fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    fn tend(&mut self) {
        if let Ok(live) = &mut self.source {
            // What fails is done the next time, and losses are counted.
            let _ = live.tend();
        }
    }
}

impl LiveLaboratory {
    async fn findings(&mut self, act: &Act) -> Vec<Finding> {
        let Some(how) = act.how() else { return Vec::new() };
        let plan = self.plan(how);
        let observer = borrowed(&mut self.source);
        let scenarios = act.scenarios();
        let mut bench = match run::Bench::new(plan.clone(), observer).await {
            Ok(bench) => bench,
            Err(error) => {
                let why = format!("{error:#}");
                return scenarios.iter().map(|scenario| failed(scenario, &plan, &why)).collect();
            }
        };
        let (words, progress) = (self.words, Progress::clone(&self.progress));
        bench.watch(Box::new(move |scenario, sink, round, rounds| {
            let (scenario, sink) = (words.say(scenario.title), words.say(sink.title()));
            let values: [(&str, &dyn Display); 4] =
                [("scenario", &scenario), ("sink", &sink), ("round", &round), ("rounds", &rounds)];
            *progress.borrow_mut() = fill(words.round, &values);
        }));
        match act {
            Act::Compare([first, second], _) => match bench.compare(first, second).await {
                Ok(comparison) => comparison.findings.into(),
                Err(error) => {
                    let why = format!("{error:#}");
                    scenarios.iter().map(|scenario| failed(scenario, &plan, &why)).collect()
                }
            },
            Act::Step(scenario, _) => vec![bench.run(scenario).await],
            Act::Page | Act::Hazard(_) => Vec::new(),
        }
    }
}

/// A finding of a bench that could not be set up.
fn failed(scenario: &'static Scenario, plan: &Plan, why: &str) -> Finding {
    let setting = Setting {
        size: plan.size,
        chunk: plan.chunk,
        sink: plan.sink.unwrap_or(scenario.sinks[0]),
        cold: plan.cold,
        kernel: (0, 0),
    };
    Finding { scenario, setting, outcome: Outcome::Failed(why.to_owned()) }
}
