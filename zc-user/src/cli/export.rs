//! The command line of `zc export`.

use std::{ffi::OsString, path::PathBuf};

use super::{Written, expression};
use clap::{Args, ValueEnum};

/// `zc export`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Export {
    /// The recording
    #[arg(value_name = "FILE")]
    pub(crate) recording: PathBuf,
    /// The form
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: ExportForm,
    /// Write to this file, or of Parquet to this directory [default: standard output; required for Parquet]
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
    /// Export only processes of this name, of any bytes; * stands for any text
    #[arg(long = "comm", value_name = "NAME")]
    pub(crate) comms: Vec<OsString>,
    /// Export only processes for which this holds, in each interval
    #[arg(long, value_name = "EXPR", value_parser = expression)]
    pub(crate) filter: Option<Written>,
}

/// A form of another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportForm {
    /// Tables for DuckDB, pandas, ClickHouse: a directory of files
    Parquet,
    /// Counters over time, in the JSON of Chrome's traces: Perfetto
    Perfetto,
    /// Copied bytes by call stack, a line each: flamegraph.pl, speedscope (needs zc record --stacks)
    Folded,
    /// The same for pprof (needs zc record --stacks)
    Pprof,
    /// As zc replay --csv
    Csv,
    /// As zc replay --json: a document per interval and line
    Ndjson,
}
