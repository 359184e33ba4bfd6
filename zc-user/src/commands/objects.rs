//! `zc files` and `zc peers`: `zc stat`, of which the report is about files, sockets and pipes.

use std::process::ExitCode;

use anyhow::Result;

use super::{report::Report, stat};
use crate::cli::{Objects, Usage};
use zc_model::object::Which;

/// Runs the verb.
pub(super) async fn run(arguments: &Objects, which: Which) -> Result<ExitCode> {
    let selection = &arguments.stat.selection;
    if selection.group_by.is_some() || selection.sort.is_some() {
        return Err(Usage(
            "the busiest are listed first, each object once: leave out --group-by and --sort, or \
             use zc stat"
                .into(),
        )
        .into());
    }
    if arguments.stat.format.has_columns() {
        return Err(Usage("--columns is for zc stat and zc top: leave it out".into()).into());
    }
    let report =
        Report::Objects { which, most: arguments.max_objects, interval: arguments.interval };
    stat::run(&arguments.stat, &[], Some(report)).await
}
