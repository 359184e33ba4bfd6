//! `zc replay`: look at a recording as if it happened now.

use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
    time::Duration,
};

use anyhow::Result;
use rustix::thread::CapabilitySet;

use super::{privilege, recorded, say, top};
use crate::cli::{Replay as Arguments, Selection, Top, Usage};
use zc_model::{filter::Filter, group::GroupBy};
use zc_probe::follow::Follow;
use zc_recording::Replay;

/// Runs `zc replay`.
pub(super) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let recording = recorded::open(&arguments.recording)?;
    privilege::drop_unneeded(None, CapabilitySet::empty())?;
    if arguments.selection.group_by == Some(GroupBy::Thread) && !recording.meta().threads {
        return Err(Usage(
            "the recording has no threads: record with --threads to group by these".to_owned(),
        )
        .into());
    }
    let begin = match &arguments.from {
        _ if arguments.follow => Some(recording.ends().1),
        Some(from) => Some(recorded::moment(from, &recording)?),
        None => None,
    };
    let plain =
        arguments.count.is_some() || !arguments.format.is_text() || !io::stdout().is_terminal();
    // Programs need not wait.
    let speed = if plain { f64::INFINITY } else { arguments.speed };
    let damage = recording.damage();
    if plain {
        say(&recorded::about(&recording));
    }
    let interval = Duration::from_nanos(recording.interval_ns());
    let mut replay = Replay::new(recording, speed);
    if arguments.follow || !plain {
        replay = replay.growing(recorded::growth(arguments.recording.clone()));
    }
    if let Some(at_ns) = begin {
        replay.seek(at_ns);
    }
    let top = Top {
        interval: Some(interval),
        count: arguments.count,
        once: false,
        all: false,
        connect: None,
        objects: false,
        max_objects: 0,
        stacks: false,
        threads: false,
        selection: arguments.selection.clone(),
        format: arguments.format.clone(),
        appearance: arguments.appearance.clone(),
        probing: crate::cli::Probing::default(),
    };
    let filter = elsewhere(&arguments.selection);
    let played = top::play(replay, &arguments.recording, &top, filter, plain).await;
    if let Some(damage) = recorded::damage(damage) {
        say(&damage);
    }
    played.map(|()| ExitCode::SUCCESS)
}

/// The filter that the options amount to where the processes are not those of this machine, or not those of now.
pub(super) fn elsewhere(selection: &Selection) -> Filter {
    Filter {
        pids: selection.pids.clone(),
        cgroups: selection.cgroups.clone(),
        ..selection.filter(&Follow::All)
    }
}
