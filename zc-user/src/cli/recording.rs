//! The command lines of `zc record`, `zc replay` and `zc report`.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use super::{Appearance, Format, Probing, Selection, interval, pid};

/// `zc record`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Record {
    /// Write the recording to this file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Set the time between two snapshots, in seconds
    #[arg(short, long, value_name = "SECS", default_value = "1", value_parser = interval, allow_negative_numbers = true)]
    pub(crate) interval: Duration,
    /// Record for this many seconds [default: until the command ends, the processes end, or Ctrl-C]
    #[arg(short, long, value_name = "SECS", value_parser = interval, allow_negative_numbers = true)]
    pub(crate) duration: Option<Duration>,
    /// Write this on the recording, such as release=1.2 (repeatable)
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    pub(crate) labels: Vec<(String, String)>,
    /// Keep no more than about this much, such as 100MiB: half of it in FILE, and what was before in FILE.1
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_size: Option<u64>,
    /// Keep the last minutes, such as 10m, in memory (64 MiB at most, or --max-size), and write them to FILE
    /// whenever the signal USR1 arrives
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(crate) flight_recorder: Option<Duration>,
    /// Also record each thread, for zc replay --group-by thread
    #[arg(long)]
    pub(crate) threads: bool,
    /// Also record files, sockets and pipes; zc replay shows these on page 3 and with --json
    #[arg(long)]
    pub(crate) objects: bool,
    /// Maximum number of rows for these
    #[arg(
        long,
        value_name = "N",
        default_value_t = 16_384,
        value_parser = clap::value_parser!(u32).range(64..=1_048_576),
        requires = "objects"
    )]
    pub(crate) max_objects: u32,
    /// Also record call stacks of copies; zc replay shows these on page 5 and with --json
    #[arg(long, conflicts_with = "user_copies")]
    pub(crate) stacks: bool,
    /// Follow only these processes and what descends from them (may be repeated, or separated by commas)
    #[arg(short, long = "pid", value_name = "PID", value_delimiter = ',', value_parser = pid)]
    pub(crate) pids: Vec<u32>,
    /// Follow only processes in this control group or below it; * stands for any text
    #[arg(long = "cgroup", value_name = "PATH")]
    pub(crate) cgroups: Vec<String>,
    /// How to observe.
    #[command(flatten)]
    pub(crate) probing: Probing,
    /// The command to run, with its arguments
    #[arg(last = true, value_name = "CMD", help_heading = "Arguments")]
    pub(crate) command: Vec<OsString>,
}

/// `zc mark`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Mark {
    /// The recording, as it was given to zc record
    #[arg(value_name = "FILE")]
    pub(crate) recording: PathBuf,
    /// The name of the moment, such as 'deployed 42'
    #[arg(value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) text: String,
}

/// `zc replay`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Replay {
    /// The recording; files, sockets, pipes and call stacks that it has are shown in the dashboard and by --json
    #[arg(value_name = "FILE")]
    pub(crate) recording: PathBuf,
    /// Play this many times as fast as it was recorded
    #[arg(long, value_name = "N", default_value = "1", value_parser = speed)]
    pub(crate) speed: f64,
    /// Begin so long after the beginning, such as 90s, 5m or 1h, at a time of day (UTC), such as 15:12, or at the
    /// mark of this name
    #[arg(long, value_name = "TIME|MARK", conflicts_with = "follow")]
    pub(crate) from: Option<String>,
    /// Begin at the end, and go on as long as it is recorded to
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Print this many updates as plain text, then exit
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Which processes.
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Form of the output.
    #[command(flatten)]
    pub(crate) format: Format,
    /// How the dashboard looks.
    #[command(flatten)]
    pub(crate) appearance: Appearance,
}

/// `zc report`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Without --format, the ending of FILE decides: .md is Markdown, .txt is text, and anything else a \
                  page. Without --output, text is written to a terminal, and a page to a file or a pipe."
)]
pub(crate) struct Report {
    /// The recording
    #[arg(value_name = "RECORDING")]
    pub(crate) recording: PathBuf,
    /// Write the report to this file, which is replaced as a whole [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write a page for a browser (one file that needs no network), Markdown or text
    #[arg(long, value_name = "FORM")]
    pub(crate) format: Option<ReportForm>,
    /// Begin so long after the beginning, such as 90s, 5m or 1h, at a time of day (UTC), such as 15:12, or at the
    /// mark of this name
    #[arg(long, value_name = "TIME|MARK")]
    pub(crate) from: Option<String>,
    /// End at such a moment [default: the end of the recording]
    #[arg(long, value_name = "TIME|MARK")]
    pub(crate) to: Option<String>,
    /// Give the report this heading
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// Report only processes of this name, of any bytes; * stands for any text
    #[arg(long = "comm", value_name = "NAME")]
    pub(crate) comms: Vec<OsString>,
    /// Report only processes in this control group or below it; * stands for any text
    #[arg(long = "cgroup", value_name = "PATH")]
    pub(crate) cgroups: Vec<String>,
    /// Do not use colours
    #[arg(long)]
    pub(crate) no_color: bool,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportForm {
    /// A page for a browser.
    Html,
    /// Markdown.
    Markdown,
    /// Text.
    Text,
}

/// A time with its unit: `90s`, `10m`, `1.5h`.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    zc_recording::moment::span(text)
        .ok_or_else(|| "not a time; write it like 90s, 10m or 1h".to_owned())
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.01..=1000.0).contains(&speed) {
        Ok(speed)
    } else {
        Err("must be between 0.01 and 1000".to_owned())
    }
}

fn size(text: &str) -> Result<u64, String> {
    /// Smaller than that, a chunk of a busy host has no room.
    const LEAST: u64 = 1 << 20;
    let size: bytesize::ByteSize =
        text.parse().map_err(|_| "not a size; write it like 100MiB or 2GB".to_owned())?;
    if size.as_u64() < LEAST { Err("must be 1MiB at least".to_owned()) } else { Ok(size.as_u64()) }
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("not KEY=VALUE, such as release=1.2".to_owned()),
    }
}
