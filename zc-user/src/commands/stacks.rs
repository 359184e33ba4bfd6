//! `zc stacks`: `zc stat`, of which the report is about call stacks.

use std::{
    io::{IsTerminal as _, stdout},
    process::ExitCode,
};

use anyhow::Result;

use super::{report::Report, stat};
use crate::cli::{StackForm, Stacks, Usage};
use zc_render::folded::Weight;

/// Runs the verb.
pub(super) async fn run(arguments: &Stacks) -> Result<ExitCode> {
    let stat = &arguments.stat;
    if stat.selection.group_by.is_some() || stat.selection.sort.is_some() {
        return Err(Usage(
            "the stacks that copied most are listed first: leave out --group-by and --sort, or use \
             zc stat"
                .into(),
        )
        .into());
    }
    if stat.format.is_csv() || stat.format.has_columns() {
        return Err(Usage(
            "stacks are no table: leave out --csv and --columns, and use --format folded, pprof or \
             json"
                .into(),
        )
        .into());
    }
    if stat.probing.user_copies {
        return Err(Usage(
            "--user-copies is for zc stat and zc top: zc stacks samples the kernel's copies".into(),
        )
        .into());
    }
    let form = match (arguments.form, stat.format.is_text()) {
        (None, false) => StackForm::Json,
        (None, true) => StackForm::Text,
        (Some(StackForm::Json), _) | (Some(_), true) => arguments.form.unwrap_or_default(),
        (Some(_), false) => {
            return Err(Usage("--json and --format name two forms: leave out one".into()).into());
        }
    };
    if stat.selection.top.is_some() && matches!(form, StackForm::Folded | StackForm::Pprof) {
        return Err(
            Usage("flame graphs and profiles take all stacks: leave out --top".into()).into()
        );
    }
    if form == StackForm::Pprof && stat.output.is_none() && stdout().is_terminal() {
        return Err(Usage(
            "a pprof profile is not text: write it to a file with -o FILE, or pipe it".into(),
        )
        .into());
    }
    if arguments.time && form != StackForm::Folded {
        return Err(Usage("--time is for --format folded: the other forms have both".into()).into());
    }
    let weight = if arguments.time { Weight::Time } else { Weight::Bytes };
    stat::run(stat, &[], Some(Report::Stacks { form, weight })).await
}
