//! The command line of `zc diff`.

use std::{ffi::OsString, path::PathBuf};

use clap::Args;
use zc_model::diff::{Basis, Condition};

use zc_common::path::CopyPath;

use super::{Written, copy_path, expression};

/// `zc diff`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Exit status: 0 whatever was found; 3 with --exit-code if a figure changed, or if a --fail-if holds \
                        or cannot be known; 2 if a file is neither a recording nor such JSON."
)]
pub(crate) struct Diff {
    /// A recording, or JSON of zc stat, zc stat --repeat, zc replay or zc top
    #[arg(value_name = "A")]
    pub(crate) a: PathBuf,
    /// What to compare with it
    #[arg(value_name = "B")]
    pub(crate) b: PathBuf,
    /// Compare per byte (of payload), second or run; or name the path whose bytes are the payload, such as
    /// socket_send [default: byte, if both have a payload]
    #[arg(long, value_name = "WHAT", value_parser = per)]
    pub(crate) per: Option<Per>,
    /// Call nothing a change that is not larger than this
    #[arg(long, value_name = "PERCENT", default_value = "1%", value_parser = percent)]
    pub(crate) at_least: f64,
    /// Exit with status 3 if a figure changed
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Exit with status 3 if this holds of the change, such as 'copied_per_byte > +5%', or cannot be known
    /// (repeatable)
    #[arg(long, value_name = "EXPR", value_parser = Condition::parse)]
    pub(crate) fail_if: Vec<Condition>,
    /// Compare only processes of this name, of any bytes; * stands for any text
    #[arg(long = "comm", value_name = "NAME")]
    pub(crate) comms: Vec<OsString>,
    /// Compare only processes for which this holds, in each interval or run
    #[arg(long, value_name = "EXPR", value_parser = expression)]
    pub(crate) filter: Option<Written>,
    /// Print JSON (schema zc-diff/1)
    #[arg(long, conflicts_with = "markdown", help_heading = "Output")]
    pub(crate) json: bool,
    /// Print Markdown, such as for a pull request
    #[arg(long, help_heading = "Output")]
    pub(crate) markdown: bool,
}

/// What to compare per.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Per {
    /// This.
    Basis(Basis),
    /// The bytes of this path.
    Path(CopyPath),
}

fn per(text: &str) -> Result<Per, String> {
    match text {
        "byte" => Ok(Per::Basis(Basis::Byte)),
        "second" => Ok(Per::Basis(Basis::Second)),
        "run" => Ok(Per::Basis(Basis::Run)),
        path => copy_path(path.strip_prefix("path.").unwrap_or(path))
            .map(Per::Path)
            .map_err(|error| format!("expected byte, second, run or a path; {error}")),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    match number {
        Some(number) if (0.0..=1000.0).contains(&number) => Ok(number / 100.0),
        _ => Err("not a part in percent, such as 1%".to_owned()),
    }
}
