//! `zc lab` and `zc demo`: textbook mechanisms, and the tour through them.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use self::{progress::ProgressLine, report::ReportWriter};
use super::{options, print, privilege};
use crate::cli::{
    Probing, Usage,
    lab::{self, Lab, LabBench, LabCompare, LabList, LabRun, LabVerb, Target},
};
use zc_lab::{
    catalog::SCENARIOS,
    child,
    comparison::common_sink,
    fetch,
    finding::{Finding, Outcome, Ran},
    form, hazard as hazards,
    hazard::{HAZARDS, Hazard},
    language::Language,
    mystery::suspect,
    network, receiver, rights,
    run::{Bench, Observer, Plan, Unobserved, default_directory},
    sampled::FREQUENCY,
    scenario::Scenario,
    scratch,
    sink::{Sink, veth},
    unsupported::{EXIT_STATUS, Unsupported},
    worker,
};
use zc_probe::{attach::Options, follow::Follow, live::Live, names::namespace};
use zc_session::{
    work,
    world::{NoEvents, Real},
};

mod demo;
mod hazard;
mod mystery;
mod progress;
mod report;
mod setup;

/// How long a look waits for what is found out about code: no workload runs then, and the first look at a Java
/// machine takes seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// The language that the user chose, or that of the environment.
fn language(chosen: Option<Language>) -> Language {
    chosen.unwrap_or_else(|| Language::of_environment(|name| std::env::var(name).ok()))
}

/// Runs a verb of the lab.
pub(super) async fn verb(verb: &lab::Verb) -> Result<ExitCode> {
    match verb {
        lab::Verb::Lab(arguments) => run(arguments).await,
        lab::Verb::Demo(arguments) => demo::run(arguments).await,
    }
}

/// The exit status of an error of the lab, if it has one of its own.
#[must_use]
pub(super) fn exit_status(error: &anyhow::Error) -> Option<u8> {
    error.is::<Unsupported>().then_some(EXIT_STATUS)
}

/// Runs `zc lab`.
async fn run(arguments: &Lab) -> Result<ExitCode> {
    if arguments.verb.is_internal() && !child::follow(arguments.parent)? {
        bail!(Usage("internal subcommand; use `zc lab run`".to_owned()));
    }
    match &arguments.verb {
        LabVerb::List(arguments) => list(arguments),
        LabVerb::Run(arguments) => run_all(arguments).await,
        LabVerb::Compare(arguments) => compare(arguments).await,
        LabVerb::Mystery(arguments) => mystery::run(arguments).await,
        LabVerb::Suspect { name, directory } => {
            suspect::main(name, directory)?;
            Ok(ExitCode::SUCCESS)
        }
        LabVerb::Worker { scenario, size, chunk, seconds } => {
            match seconds {
                Some(seconds) => worker::again(scenario.0, *size, *chunk, *seconds)?,
                None => worker::main(scenario.0, *size, *chunk)?,
            }
            Ok(ExitCode::SUCCESS)
        }
        LabVerb::Hazard { hazard, case } => {
            hazards::main(hazard, *case)?;
            Ok(ExitCode::SUCCESS)
        }
        LabVerb::Receiver { from, protocol } => {
            match from.zip(*protocol) {
                Some((port, protocol)) => fetch::main(port, protocol)?,
                None => receiver::main()?,
            }
            Ok(ExitCode::SUCCESS)
        }
        LabVerb::Setup { check } => setup::run(*check),
        LabVerb::Exec { command } => match child::exec(command)? {},
        LabVerb::Scratch { directory } => {
            scratch::main(directory)?;
            Ok(ExitCode::SUCCESS)
        }
        LabVerb::Network => {
            network::main()?;
            Ok(ExitCode::SUCCESS)
        }
        LabVerb::Veth { linear } => {
            veth::main(!linear)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn list(arguments: &LabList) -> Result<ExitCode> {
    let named = &arguments.subjects;
    let some: Vec<&Scenario> = named.iter().filter_map(|subject| subject.scenario()).collect();
    let some_hazards: Vec<&Hazard> = named.iter().filter_map(|subject| subject.hazard()).collect();
    let listed = if named.is_empty() { SCENARIOS } else { &some[..] };
    let hazards = if named.is_empty() { HAZARDS } else { &some_hazards[..] };
    let mut text = Vec::new();
    if arguments.json {
        form::write_list_json(listed, hazards, &mut text)?;
    } else if arguments.long || !named.is_empty() {
        let look = report::look(false, io::stdout().is_terminal());
        form::write_details(listed, usize::from(look.columns), &mut text)?;
        form::write_hazard_details(hazards, usize::from(look.columns), &mut text)?;
    } else {
        form::write_list(listed, &mut text)?;
        form::write_hazards(hazards, &mut text)?;
    }
    print(&text)
}

async fn run_all(arguments: &LabRun) -> Result<ExitCode> {
    let subjects = &arguments.subjects;
    let hazards: Vec<&Hazard> = subjects.iter().filter_map(|subject| subject.hazard()).collect();
    if !hazards.is_empty() {
        if hazards.len() < subjects.len() {
            bail!(Usage(
                "hazards have no theory to compare with; run them without scenarios".to_owned()
            ));
        }
        return hazard::run(arguments, &hazards).await;
    }
    let runs = runs(arguments)?;
    let options = options_of(&arguments.probing, runs.iter().map(|(scenario, _)| *scenario))?;
    let mut report = ReportWriter::open(&arguments.report)?;
    let mut world = Real::new(NoEvents)?;
    let mut source = observer(&options);
    let plan = plan(&arguments.bench);
    give_up(&source, &plan.directory, plan.file.as_deref(), runs.iter().copied())?;
    let progress = ProgressLine::new(runs.len(), arguments.report.quiet);
    let bench = Bench::new(plan, borrowed(&mut source));
    let mut bench = match work::run(bench, &mut world).await? {
        work::Outcome::Done(bench) => bench?,
        work::Outcome::Stopped(signal) => return Ok(interrupted(signal.number())),
    };
    bench.watch(Box::new(|scenario, sink, round, of| progress.round(scenario, sink, round, of)));
    let mut text = report.text();
    let mut findings = Vec::new();
    for (scenario, sink) in runs {
        progress.next();
        let finding = match work::run(bench.run_to(scenario, sink), &mut world).await? {
            work::Outcome::Done(finding) => finding,
            work::Outcome::Stopped(signal) => return Ok(interrupted(signal.number())),
        };
        progress.clear();
        if let Some(text) = &mut text {
            text.finding(&finding).context(report::UNWRITTEN)?;
        }
        findings.push(finding);
    }
    match &mut text {
        Some(text) => text.end(&findings).context(report::UNWRITTEN)?,
        None => report.findings(&findings)?,
    }
    Ok(status(&findings))
}

async fn compare(arguments: &LabCompare) -> Result<ExitCode> {
    let (first, second) = (arguments.first.0, arguments.second.0);
    match arguments.bench.sink {
        Some(Target::All) => bail!(Usage("zc lab compare takes one sink, not all".to_owned())),
        Some(Target::Only(sink)) => {
            check(first, sink)?;
            check(second, sink)?;
        }
        None if common_sink(first, second).is_none() => {
            let words =
                format!("{} and {} have no common sink; see zc lab list", first.id, second.id);
            bail!(Usage(words))
        }
        None => {}
    }
    let options = options_of(&arguments.probing, [first, second])?;
    let mut report = ReportWriter::open(&arguments.report)?;
    let mut world = Real::new(NoEvents)?;
    let mut source = observer(&options);
    let plan = plan(&arguments.bench);
    let sink = plan.sink.or_else(|| common_sink(first, second));
    give_up(
        &source,
        &plan.directory,
        plan.file.as_deref(),
        [first, second].into_iter().zip(sink.into_iter().cycle()),
    )?;
    let progress = ProgressLine::new(1, arguments.report.quiet);
    let bench = Bench::new(plan, borrowed(&mut source));
    let mut bench = match work::run(bench, &mut world).await? {
        work::Outcome::Done(bench) => bench?,
        work::Outcome::Stopped(signal) => return Ok(interrupted(signal.number())),
    };
    bench.watch(Box::new(|scenario, sink, round, of| progress.round(scenario, sink, round, of)));
    progress.next();
    let comparison = match work::run(bench.compare(first, second), &mut world).await? {
        work::Outcome::Done(comparison) => comparison?,
        work::Outcome::Stopped(signal) => return Ok(interrupted(signal.number())),
    };
    progress.clear();
    report.comparison(&comparison)?;
    Ok(status(&comparison.findings))
}

/// What to run, in order. With `--all`, a scenario that does not have the sink keeps its own.
fn runs(arguments: &LabRun) -> Result<Vec<(&'static Scenario, Sink)>> {
    let scenarios: Vec<&'static Scenario> = if arguments.all {
        SCENARIOS.to_vec()
    } else {
        arguments.subjects.iter().filter_map(|subject| subject.scenario()).collect()
    };
    let mut runs = Vec::new();
    for scenario in scenarios {
        match arguments.bench.sink {
            Some(Target::All) => runs.extend(scenario.sinks.iter().map(|sink| (scenario, *sink))),
            Some(Target::Only(sink)) if scenario.sinks.contains(&sink) => {
                runs.push((scenario, sink));
            }
            Some(Target::Only(sink)) if !arguments.all => check(scenario, sink)?,
            Some(Target::Only(_)) | None => runs.push((scenario, scenario.sinks[0])),
        }
    }
    Ok(runs)
}

/// # Errors
/// When the scenario does not have the sink.
fn check(scenario: &Scenario, sink: Sink) -> Result<()> {
    if scenario.sinks.contains(&sink) {
        return Ok(());
    }
    let sinks: Vec<_> = scenario.sinks.iter().map(|sink| sink.id()).collect();
    bail!(Usage(format!(
        "{} has no sink '{}'; expected one of {}",
        scenario.id,
        sink.id(),
        sinks.join(", ")
    )))
}

/// The probe options to observe these scenarios with: those that are about copies in user space take a look at code.
fn options_of(
    probing: &Probing,
    scenarios: impl IntoIterator<Item = &'static Scenario>,
) -> Result<Options> {
    let is_about_them = scenarios.into_iter().any(Scenario::is_about_user_copies);
    let user_copies = probing.user_copies || is_about_them;
    let options = options(&Probing { user_copies, ..probing.clone() }, Follow::All)?;
    let (sampling, patience) = (Some(FREQUENCY), Some(PATIENCE));
    Ok(if user_copies { Options { sampling, patience, ..options } } else { options })
}

fn borrowed(source: &mut std::result::Result<Live, Unobserved>) -> Observer<'_> {
    match source {
        Ok(live) => Observer::Probes(live),
        Err(why) => Observer::Nothing(why),
    }
}

/// The probes, or the reason why there are none: the workloads run without them too.
fn observer(options: &Options) -> std::result::Result<Live, Unobserved> {
    if !namespace::has_host_pids() {
        return Err(Unobserved(
            "this is a PID namespace (a container), where process ids differ from those \
                    that the kernel counts by"
                .to_owned(),
        ));
    }
    Live::start(options).map_err(|error| Unobserved(format!("{error:#}")))
}

/// Gives up what these runs do not take.
fn give_up(
    source: &std::result::Result<Live, Unobserved>,
    directory: &Path,
    file: Option<&Path>,
    runs: impl IntoIterator<Item = (&'static Scenario, Sink)>,
) -> Result<()> {
    let of_runs = runs.into_iter().map(|(scenario, sink)| rights::of_run(scenario, sink));
    let needs = of_runs.fold(rights::of_files(directory, file), |all, needs| all | needs);
    privilege::drop_unneeded(source.as_ref().ok(), needs)
}

fn plan(bench: &LabBench) -> Plan {
    Plan {
        size: bench.size,
        chunk: bench.chunk,
        repeat: bench.repeat,
        sink: match bench.sink {
            Some(Target::Only(sink)) => Some(sink),
            Some(Target::All) | None => None,
        },
        cold: bench.cold,
        file: bench.file.clone(),
        directory: bench.dir.clone().unwrap_or_else(default_directory),
    }
}

/// The exit status of a process that a signal ended, as a shell reports it.
fn interrupted(signal: i32) -> ExitCode {
    ExitCode::from(u8::try_from(128 + signal).unwrap_or(1))
}

fn status(findings: &[Finding]) -> ExitCode {
    let bad = |finding: &Finding| {
        matches!(finding.outcome, Outcome::Failed(_))
            || finding.ran().is_some_and(Ran::is_unexplained)
    };
    if findings.iter().any(bad) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
