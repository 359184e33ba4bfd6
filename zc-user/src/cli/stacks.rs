//! The words of `zc stacks`.

use clap::{Args, ValueEnum};

use super::Stat;

/// `zc stacks`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Bytes are estimates from samples, with their margin. --top limits how many stacks the text lists; forms \
                  for programs have all of them, and go to standard output, also with a command."
)]
pub(crate) struct Stacks {
    /// Print text, folded stacks (for flame graphs), a pprof profile, or JSON
    #[arg(long = "format", value_name = "FORM", help_heading = "Output")]
    pub(crate) form: Option<StackForm>,
    /// Count CPU time spent copying, in nanoseconds, in place of bytes (folded stacks only)
    #[arg(long, help_heading = "Output")]
    pub(crate) time: bool,
    /// What is watched, and where the report goes.
    #[command(flatten)]
    pub(crate) stat: Stat,
}

/// The form of a report about stacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum StackForm {
    /// For people
    #[default]
    Text,
    /// A line for each stack, for flame graphs
    Folded,
    /// A compressed profile, for pprof and Perfetto
    Pprof,
    /// JSON with stable ids and raw values
    Json,
}
