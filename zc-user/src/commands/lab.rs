//! `zc lab`: the mechanisms of the textbooks, theory beside measurement.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::{Context as _, Result};

use super::{options, print, stop::Stop};
use crate::{
    cli::{Lab, LabBench, LabRun, LabVerb, Probing},
    lab::{
        catalog::SCENARIOS,
        finding::{Finding, Outcome, Ran},
        peer,
        run::{Bench, Plan, default_directory},
        scenario::Scenario,
        worker,
    },
    output::lab,
    probe::live::Live,
    proc::namespace,
    sample::source::SnapshotSource,
};

/// Runs `zc lab`.
pub(super) async fn run(arguments: &Lab) -> Result<ExitCode> {
    match &arguments.verb {
        LabVerb::List => print(lab::list(SCENARIOS).as_bytes()),
        LabVerb::Run(arguments) => run_all(arguments).await,
        LabVerb::Worker { scenario, size, chunk } => {
            worker::main(scenario.0, *size, *chunk)?;
            Ok(ExitCode::SUCCESS)
        }
        LabVerb::Peer => {
            peer::main()?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn run_all(arguments: &LabRun) -> Result<ExitCode> {
    let scenarios: Vec<&'static Scenario> = if arguments.all {
        SCENARIOS.to_vec()
    } else {
        arguments.scenarios.iter().map(|known| known.0).collect()
    };
    let mut stop = Stop::new()?;
    let mut source = observer(&arguments.probing);
    let observer = match &mut source {
        Ok(live) => Ok(live as &mut dyn SnapshotSource),
        Err(why) => Err(why.as_str()),
    };
    let mut bench = Bench::new(plan(&arguments.bench), observer)?;
    let mut findings = Vec::new();
    for scenario in scenarios {
        tokio::select! {
            finding = bench.run(scenario) => findings.push(finding),
            // Whatever is under way ends with the future that was dropped.
            signal = stop.next() => return Ok(interrupted(signal.as_raw_value())),
        }
    }
    let mut out = io::stdout().lock();
    if arguments.format.json {
        lab::write_json(&findings, &mut out)
    } else {
        lab::write_text(&findings, &mut out)
    }
    .context("cannot write to standard output")?;
    out.flush().context("cannot write to standard output")?;
    Ok(status(&findings))
}

/// The probes, or the reason why there are none: the workloads run without them too.
fn observer(probing: &Probing) -> std::result::Result<Live, String> {
    if !namespace::has_host_pids() {
        return Err("in this PID namespace (a container) processes have other numbers than the \
                    kernel counts by"
            .to_owned());
    }
    Live::start(&options(probing)).map_err(|error| format!("{error:#}"))
}

fn plan(bench: &LabBench) -> Plan {
    Plan {
        size: bench.size,
        chunk: bench.chunk,
        repeat: bench.repeat,
        sink: bench.sink,
        cold: bench.cold,
        file: bench.file.clone(),
        directory: bench.dir.clone().unwrap_or_else(default_directory),
    }
}

/// As a shell tells it.
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
