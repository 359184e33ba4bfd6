//! `zc lab run` for hazards.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use super::{borrowed, interrupted, observer, options, plan, report};
use crate::{
    cli::{Usage, lab::LabRun},
    commands::privilege,
};
use zc_lab::{
    hazard::{self, Hazard, Outcome, Sighting},
    rights,
};
use zc_probe::follow::Follow;
use zc_session::{
    work,
    world::{NoEvents, Real},
};

/// Shows the hazards, one after the other.
pub(super) async fn run(arguments: &LabRun, hazards: &[&'static Hazard]) -> Result<ExitCode> {
    if arguments.report.csv || arguments.report.markdown {
        bail!(Usage("hazards can be printed as text or --json only".to_owned()));
    }
    let options = options(&arguments.probing, Follow::All)?;
    let mut report = report::ReportWriter::open(&arguments.report)?;
    let mut world = Real::new(NoEvents)?;
    let mut source = observer(&options);
    let plan = plan(&arguments.bench);
    let needs = rights::OF_HAZARDS | rights::of_files(&plan.directory, None);
    privilege::drop_unneeded(source.as_ref().ok(), needs)?;
    let mut observer = borrowed(&mut source);
    let directory = plan.directory;
    let mut sightings = Vec::new();
    for hazard in hazards {
        let sighting = hazard::show(hazard, &directory, &mut observer);
        let sighting = match work::run(sighting, &mut world).await? {
            work::Outcome::Done(sighting) => sighting,
            work::Outcome::Stopped(signal) => return Ok(interrupted(signal.number())),
        };
        report.sighting(&sighting).context(report::UNWRITTEN)?;
        sightings.push(sighting);
    }
    report.sightings(&sightings).context(report::UNWRITTEN)?;
    let bad = |sighting: &Sighting| match &sighting.outcome {
        Outcome::Seen(seen) => !seen.is_as_expected(),
        Outcome::Skipped(_) => false,
        Outcome::Failed(_) => true,
    };
    Ok(if sightings.iter().any(bad) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
