//! The command line of `zc lab mystery`.

use std::path::PathBuf;

use clap::builder::TypedValueParser as _;
use clap::{Args, builder::PossibleValuesParser};
use zc_lab::{language::Language, mystery::role::NAMES};

use crate::cli::Probing;

/// `zc lab mystery`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "It starts three programs at a bounded rate (some hundredths of a CPU, 12 MiB of disk), and ends them \
                  with itself. Answers are read from standard input, a line each: the name of a program, or quit.\n\n\
                  Exit status: 0 if the right program was fixed, 1 if not."
)]
pub(crate) struct Mystery {
    /// Fix this program, instead of reading a name from standard input
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(NAMES).map(known))]
    pub(crate) fix: Option<&'static str>,
    /// Seconds to record before and after the fix
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=600))]
    pub(crate) seconds: u32,
    /// Keep the recordings: before.zcr and after.zcr in this directory, for zc diff
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Choose which program does what by this number [default: another one each time]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Language: en or zh [default: zh if the locale is Chinese and UTF-8 (LC_ALL, LC_MESSAGES, LANG), else en]
    #[arg(long, value_name = "LANG", value_enum, hide_possible_values = true)]
    pub(crate) lang: Option<Language>,
    /// Directory for temporary files [default: /var/tmp]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// How to observe.
    #[command(flatten)]
    pub(crate) probing: Probing,
}

/// The name as the lab has it.
fn known(name: String) -> &'static str {
    NAMES.into_iter().find(|known| *known == name).unwrap_or(NAMES[0])
}
