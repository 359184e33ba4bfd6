//! The command line of `zc config`, and of how the dashboard looks.

use std::path::PathBuf;

use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use zc_render::theme::{Graph, Look};

/// `zc config`.
#[derive(Args, Clone, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "The settings are in $XDG_CONFIG_HOME/zc/config.toml, usually ~/.config/zc/config.toml. Options of \
                  the command line go before them."
)]
pub(crate) struct Config {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Option<ConfigVerb>,
}

/// The verbs of `zc config`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Report what is wrong in a file of settings, with line and column; exit 2 if anything is
    Check {
        /// The file [default: that of the user]
        file: Option<PathBuf>,
    },
    /// Print the JSON schema of the file, for editors
    Schema,
}

/// How the dashboard looks.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub(crate) struct Appearance {
    /// Choose the colours of the dashboard [default: auto, or as it is set]
    #[arg(long, value_name = "THEME", value_parser = look())]
    pub(crate) theme: Option<Look>,
    /// Draw the curves of the dashboard with these signs [default: blocks, or as it is set]
    #[arg(long, value_name = "SIGNS", value_parser = graph())]
    pub(crate) graph: Option<Graph>,
}

/// The names of themes.
pub(crate) fn look() -> impl TypedValueParser<Value = Look> {
    PossibleValuesParser::new(Look::ALL.iter().map(|look| look.id()))
        .map(|id| Look::ALL.iter().copied().find(|look| look.id() == id).unwrap_or_default())
}

fn graph() -> impl TypedValueParser<Value = Graph> {
    PossibleValuesParser::new(Graph::ALL.iter().map(|graph| graph.id()))
        .map(|id| Graph::ALL.iter().copied().find(|graph| graph.id() == id).unwrap_or_default())
}
