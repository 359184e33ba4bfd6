//! The command line of `zc demo`.

use std::path::PathBuf;

use clap::Args;

use super::bytes;
use crate::cli::{Probing, look};
use zc_lab::language::Language;
use zc_render::theme::Look;

/// Options of a tour that is played.
const PLAYS: [&str; 18] = [
    "text",
    "wait",
    "again",
    "no_animation",
    "speed",
    "script",
    "report",
    "no_color",
    "big",
    "theme",
    "size",
    "repeat",
    "dir",
    "btf",
    "max_threads",
    "user_copies",
    "ebpf_log",
    "without",
];

/// `zc demo`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "A script has one instruction per line: tour TEXT, title TEXT, say TEXT, step SCENARIO [OPTION]..., \
                  compare SCENARIO SCENARIO [OPTION]..., hazard NAME, wait SECONDS|key, # comment. Options: sink=NAME, \
                  size=BYTES, chunk=BYTES, repeat=N, cold. --print-script prints an example; \
                  docs/workshop.md explains it.\n\nExit status: 1 if a workload failed, or its result \
                  is unexplained."
)]
pub(crate) struct Demo {
    /// Print the tour as text, as when the output is not a terminal
    #[arg(long)]
    pub(crate) text: bool,
    /// Wait for a key after each text
    #[arg(long)]
    pub(crate) wait: bool,
    /// Begin again after the summary, for a stand [default: the summary stays until a key]
    #[arg(long = "loop", conflicts_with = "text")]
    pub(crate) again: bool,
    /// Draw each answer at once, not arrow by arrow
    #[arg(long)]
    pub(crate) no_animation: bool,
    /// Playback speed factor
    #[arg(long, value_name = "N", default_value = "1", value_parser = speed, allow_negative_numbers = true)]
    pub(crate) speed: f64,
    /// Play this script instead of the built-in tour
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
    /// Print the script of the built-in tour, then exit
    #[arg(long, conflicts_with_all = PLAYS)]
    pub(crate) print_script: bool,
    /// Language: en or zh [default: zh if the locale is Chinese and UTF-8 (LC_ALL, LC_MESSAGES, LANG), else en]
    #[arg(long, value_name = "LANG", value_enum, hide_possible_values = true)]
    pub(crate) lang: Option<Language>,
    /// Write a handout to this file at the end: exercises, then solutions with what this machine did; Markdown if it
    /// ends in .md, text if in .txt, else a page for a browser
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Begin with big figures and few words, for a projector; b shows them, or the ordinary page
    #[arg(long, conflicts_with = "text")]
    pub(crate) big: bool,
    /// Choose the colours, such as light for a bright projector [default: as the dashboard's]
    #[arg(long, value_name = "THEME", value_parser = look(), conflicts_with = "text")]
    pub(crate) theme: Option<Look>,
    /// Disable colours (also: NO_COLOR in the environment)
    #[arg(long)]
    pub(crate) no_color: bool,
    /// Payload size in bytes (overrides the script) [default: 16777213]
    #[arg(long, value_name = "BYTES", value_parser = bytes, help_heading = "Workload")]
    pub(crate) size: Option<u64>,
    /// Number of rounds of each workload (overrides the script) [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000), help_heading = "Workload")]
    pub(crate) repeat: Option<u32>,
    /// Directory for temporary files [default: /var/tmp]
    #[arg(long, value_name = "DIR", help_heading = "Workload")]
    pub(crate) dir: Option<PathBuf>,
    /// How to observe.
    #[command(flatten)]
    pub(crate) probing: Probing,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if (0.05..=1000.0).contains(&speed) => Ok(speed),
        _ => Err("must be between 0.05 and 1000".to_owned()),
    }
}
