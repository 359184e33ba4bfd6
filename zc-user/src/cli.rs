//! The command line: words only, nothing happens here.

mod config;
mod diff;
mod export;
#[cfg(feature = "lab")]
pub(crate) mod lab;
mod recording;
mod serve;
mod stacks;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{
    Args, Parser, Subcommand, ValueEnum,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use zc_common::path::CopyPath;

use zc_model::{
    column::{Column, Processes, Table as _, View},
    expectation::Expectation,
    filter::{self, Expr, Filter, Operand},
    group::GroupBy,
    snapshot::ProcessId,
    sort::{Direction, Listing},
};
use zc_probe::{
    attach::Options,
    catalog::Part,
    follow::Follow,
    names::{identity, namespace},
};
use zc_render::csv::{PathColumn, Rows};
use zc_serve::connect::Target;

use crate::settings;
#[cfg(feature = "lab")]
pub(crate) use config::look;

pub(crate) use config::{Appearance, Config, ConfigVerb};
pub(crate) use diff::{Diff, Per};
pub(crate) use export::{Export, ExportForm};
pub(crate) use recording::{Mark, Record, Replay, Report, ReportForm};
pub(crate) use serve::Serve;
pub(crate) use stacks::{StackForm, Stacks};

/// The words were understood, but together they make no sense: exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// Shows where the CPU copies data, for which process, on which path.
#[derive(Debug, Parser)]
#[command(
    name = "zc",
    version,
    about = "Shows where the CPU copies data, for which process, on which path",
    long_about = "Shows where the CPU copies data, for which process, on which path (read/write, \
                  sendfile, splice, mmap, O_DIRECT, MSG_ZEROCOPY, io_uring...), and which of those \
                  copies did not have to happen.\n\nWithout a verb, zc is the live dashboard.",
    after_help = "Exit status: 0 success, 1 failure, 2 wrong usage or an unusable --btf or --script file; zc stat -- CMD exits with CMD's status, and with 3 where that is 0 and an --expect is not met.",
    max_term_width = 100,
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
    /// `zc` alone is `zc top`.
    #[command(flatten)]
    pub(crate) top: Top,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show the live dashboard; plain text when the output is not a terminal
    Top(Top),
    /// Run a command, or watch processes, and print the copy breakdown at the end
    Stat(Expecting),
    /// Print which files were read and written, and how many bytes of each
    Files(Objects),
    /// Print which sockets and pipes received and sent bytes, and who is at the other end
    Peers(Objects),
    /// Keep what is counted in a file, to look at it later with `zc replay`
    Record(Record),
    /// Give this moment a name in a recording that is being made
    Mark(Mark),
    /// Look at a recording: in the dashboard, or as text, JSON or CSV
    Replay(Replay),
    /// Write what a recording says: a page for a browser, Markdown or text
    Report(Report),
    /// Serve metrics for Prometheus, and snapshots for zc top --connect, over HTTP
    Serve(Serve),
    /// Compare two runs or recordings: what changed, and whether that is more than chance
    Diff(Diff),
    /// Write a recording in a form of other programs: Parquet, Perfetto, pprof, CSV...
    Export(Export),
    /// Print which code, by its call stack, makes the kernel copy how many bytes
    Stacks(Stacks),
    /// The lab and its tour.
    #[cfg(feature = "lab")]
    #[command(flatten)]
    Lab(lab::Verb),
    /// Check kernel, privileges and terminal, and suggest fixes
    Doctor(Doctor),
    /// Print the settings with their defaults, or check a file of settings
    Config(Config),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff), or the table of metrics (Markdown)
    #[command(hide = true)]
    Docs {
        /// Which document
        document: Document,
        /// Write to this directory instead; man is then one page per subcommand
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
}

/// Documents generated from the code.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Document {
    /// The manual page.
    Man,
    /// Every metric, path and loss.
    Metrics,
}

/// Which processes to show.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Selection")]
pub(crate) struct Selection {
    /// Follow only these processes and what descends from them (may be repeated, or separated by commas)
    #[arg(short, long = "pid", value_name = "PID", value_delimiter = ',', value_parser = pid)]
    pub(crate) pids: Vec<u32>,
    /// Show only processes of this name, of any bytes; * stands for any text
    #[arg(long = "comm", value_name = "NAME")]
    pub(crate) comms: Vec<OsString>,
    /// Follow only processes in this control group or below it; * stands for any text
    #[arg(long = "cgroup", value_name = "PATH")]
    pub(crate) cgroups: Vec<String>,
    /// Show only processes that used this copy path, such as sendfile_to_socket
    #[arg(long = "path", value_name = "PATH", value_parser = copy_path)]
    pub(crate) paths: Vec<CopyPath>,
    /// Show only processes for which this holds, such as 'nginx and copied > 1 MiB/s'; @name is a filter of the settings
    #[arg(long, value_name = "EXPR", value_parser = expression)]
    pub(crate) filter: Option<Written>,
    /// List groups of processes: by command, tree, parent, cgroup, container, user, thread or path; the dashboard: by
    /// command, parent, container, user or path
    #[arg(long, value_name = "WHAT", value_parser = group_by(), hide_possible_values = true)]
    pub(crate) group_by: Option<GroupBy>,
    /// Sort by this column, such as syscalls; prefix with - (descending) or + (ascending)
    #[arg(long, value_name = "COLUMN", value_parser = sorting, allow_hyphen_values = true)]
    pub(crate) sort: Option<Sorting>,
    /// Show at most this many processes or groups
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) top: Option<u32>,
}

/// An expression, and how it was written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// As it was written.
    pub(crate) text: String,
    /// What it means.
    pub(crate) expr: Expr,
}

/// A column and a direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sorting {
    column: &'static Column,
    direction: Direction,
}

impl Selection {
    /// The processes given by number, as they are now.
    ///
    /// # Errors
    /// When one of them cannot be watched, or control groups have no names here.
    pub(crate) fn watched(&self) -> anyhow::Result<Vec<ProcessId>> {
        anyhow::ensure!(
            self.cgroups.is_empty() || namespace::has_host_cgroups(),
            "cannot select control groups: in this cgroup namespace (a container) their paths are relative to \
             a group whose path is unknown; run zc on the host, or in a container with the host's cgroup \
             namespace (docker run --cgroupns=host)"
        );
        let mut pids = self.pids.clone();
        pids.sort_unstable();
        pids.dedup();
        pids.into_iter().map(identity::find).collect()
    }

    /// Which processes are followed, unless there is a command; `watched` are those given by number.
    pub(crate) fn follow(&self, watched: &[ProcessId]) -> Follow {
        match watched {
            [] if self.cgroups.is_empty() => Follow::All,
            [] => Follow::cgroups(&self.cgroups),
            watched => Follow::Processes(watched.to_vec()),
        }
    }

    /// The filter that the options amount to, in a run that follows `follow`.
    #[must_use]
    pub(crate) fn filter(&self, follow: &Follow) -> Filter {
        // A process that has ended does not say any more which control group it was in.
        let is_by_cgroup = matches!(follow, Follow::Cgroups(_));
        Filter {
            pids: Vec::new(),
            comms: self.comms.clone(),
            cgroups: if is_by_cgroup { Vec::new() } else { self.cgroups.clone() },
            paths: self.paths.clone(),
            followed: follow.is_selective(),
            watched: match follow {
                Follow::Processes(watched) => watched.clone(),
                _ => Vec::new(),
            },
            expr: self.filter.as_ref().map(|written| written.expr.clone()),
            written: self.filter.as_ref().map(|written| written.text.clone()),
        }
    }

    /// `options` with what the groups need to know of processes.
    #[must_use]
    pub(crate) fn completed(&self, options: Options) -> Options {
        let ancestors = matches!(self.group_by, Some(GroupBy::Tree | GroupBy::Parent));
        let is_by_user =
            self.filter.as_ref().is_some_and(|written| written.expr.mentions(Operand::User));
        let users = self.group_by == Some(GroupBy::User) || is_by_user;
        let threads_apart = self.group_by == Some(GroupBy::Thread);
        Options { ancestors, users, threads_apart, ..options }
    }

    /// `listing` with what the options change in it.
    #[must_use]
    pub(crate) fn listing(&self, mut listing: Listing) -> Listing {
        if let Some(sorting) = self.sort {
            listing.column = sorting.column;
            listing.direction = sorting.direction;
        }
        if let Some(top) = self.top {
            listing.top = Some(top as usize);
        }
        listing.by = self.group_by;
        listing
    }
}

/// What a report looks like.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// For people, with these columns in the table of processes.
    Text(Vec<&'static Column>),
    /// The JSON contract.
    Json,
    /// For spreadsheets.
    Csv(Rows),
}

/// The form of the output.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub(crate) struct Format {
    /// Print JSON with stable ids and raw values (schema zc/1)
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print CSV with stable ids and raw values
    #[arg(long)]
    csv: bool,
    /// Print these columns, such as pid,comm,copied_bytes [CSV default: all]
    #[arg(
        long,
        value_name = "COLUMN",
        value_delimiter = ',',
        value_parser = column_id,
        conflicts_with = "json"
    )]
    columns: Vec<&'static str>,
    /// Print one row per path of each process or group, with the columns of paths (CSV only)
    #[arg(long, requires = "csv", conflicts_with = "json")]
    per_path: bool,
    /// Disable colours (also: NO_COLOR in the environment)
    #[arg(long)]
    pub(crate) no_color: bool,
}

impl Format {
    /// The form that the options ask for; the columns of a text are those of `view` unless the user
    /// chose others.
    pub(crate) fn form(&self, view: View, grouped: bool) -> Result<Form, Usage> {
        if !grouped && self.columns.contains(&Processes::GROUP.id) {
            return Err(Usage("column 'group' needs --group-by".into()));
        }
        let view = match view {
            View::Once if grouped => View::GroupOnce,
            View::Report if grouped => View::GroupReport,
            view => view,
        };
        Ok(match self {
            Self { json: true, .. } => Form::Json,
            Self { csv: true, .. } => Form::Csv(self.rows(grouped)?),
            _ if self.columns.is_empty() => Form::Text(Processes::of_view(view).collect()),
            _ => Form::Text(self.columns()?),
        })
    }

    /// Whether the form is the dashboard's where there is one.
    pub(crate) const fn is_text(&self) -> bool {
        !self.json && !self.csv
    }

    /// Whether the form is CSV.
    pub(crate) const fn is_csv(&self) -> bool {
        self.csv
    }

    /// Whether the user chose columns.
    pub(crate) const fn has_columns(&self) -> bool {
        !self.columns.is_empty()
    }

    fn rows(&self, grouped: bool) -> Result<Rows, Usage> {
        self.refuse_duplicates()?;
        match (self.per_path, self.columns.is_empty()) {
            (true, true) => Ok(Rows::per_path(grouped)),
            (false, true) => Ok(Rows::default()),
            (false, false) => self.columns().map(Rows::Processes),
            (true, false) => self
                .columns
                .iter()
                .map(|id| {
                    let column = PathColumn::from_id(id, grouped);
                    column.ok_or_else(|| not_here(id, &PathColumn::ids(grouped)))
                })
                .collect::<Result<_, _>>()
                .map(Rows::Paths),
        }
    }

    /// A reader that finds columns by their headings would lose one of two.
    fn refuse_duplicates(&self) -> Result<(), Usage> {
        for (at, id) in self.columns.iter().enumerate() {
            if self.columns[..at].contains(id) {
                return Err(Usage(format!("column '{id}' is named twice; name each column once")));
            }
        }
        Ok(())
    }

    fn columns(&self) -> Result<Vec<&'static Column>, Usage> {
        self.refuse_duplicates()?;
        let column = |id: &&str| Column::from_id(id).ok_or_else(|| not_here(id, &Processes::ids()));
        self.columns.iter().map(column).collect()
    }
}

fn not_here(id: &str, known: &str) -> Usage {
    Usage(format!(
        "there is no column '{id}' in this table (rows of paths take --csv --per-path); expected one \
         of {known}"
    ))
}

/// How to observe.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Probes")]
pub(crate) struct Probing {
    /// Read type information of exactly this kernel from FILE, if it has no /sys/kernel/btf/vmlinux
    #[arg(long, value_name = "FILE")]
    pub(crate) btf: Option<PathBuf>,
    /// Maximum number of threads tracked individually; each takes 2.2 KiB of kernel memory while it lives
    /// [default: based on the current thread count and the available memory]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(64..=1_048_576))]
    pub(crate) max_threads: Option<u32>,
    /// Also show copies that programs make themselves: samples their code, and looks at its files
    #[arg(long)]
    pub(crate) user_copies: bool,
    /// Print the eBPF programs' own diagnostics on standard error
    #[arg(long)]
    pub(crate) ebpf_log: bool,
    /// Disable a probe group, or a hook type such as functions or kprobes (repeatable)
    #[arg(long, value_name = "GROUP", value_parser = part)]
    pub(crate) without: Vec<Part>,
}

/// `zc top`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Top {
    /// Set the time between updates, in seconds [default: 1; of the dashboard: as it is set]
    #[arg(short, long, value_name = "SECS", value_parser = interval, allow_negative_numbers = true)]
    pub(crate) interval: Option<Duration>,
    /// Stop after this many updates
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Print one update as plain text, then exit
    #[arg(long, conflicts_with = "count")]
    pub(crate) once: bool,
    /// Print all processes, also those that did nothing [default: at most 20 that did something; the dashboard,
    /// JSON and CSV have all]
    #[arg(long)]
    pub(crate) all: bool,
    /// Show what a zc serve counts, here or on another machine: needs no privileges
    #[arg(
        long,
        value_name = "unix:PATH|HOST:PORT",
        value_parser = Target::parse,
        conflicts_with_all = [
            "btf", "max_threads", "user_copies", "ebpf_log", "without", "objects", "stacks", "threads"
        ]
    )]
    pub(crate) connect: Option<Target>,
    /// Also count files, sockets and pipes, for page 3; each call that moves data costs more then
    #[arg(long, help_heading = "Probes")]
    pub(crate) objects: bool,
    /// Maximum number of rows for these
    #[arg(
        long,
        value_name = "N",
        default_value_t = 16_384,
        value_parser = clap::value_parser!(u32).range(64..=1_048_576),
        requires = "objects",
        help_heading = "Probes"
    )]
    pub(crate) max_objects: u32,
    /// Also take call stacks of copies, for page 5
    #[arg(long, conflicts_with = "user_copies", help_heading = "Probes")]
    pub(crate) stacks: bool,
    /// Also count each thread, for the page of a process
    #[arg(long, help_heading = "Probes")]
    pub(crate) threads: bool,
    /// Which processes.
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Form of the output.
    #[command(flatten)]
    pub(crate) format: Format,
    /// How the dashboard looks.
    #[command(flatten)]
    pub(crate) appearance: Appearance,
    /// How to observe.
    #[command(flatten)]
    pub(crate) probing: Probing,
}

impl Top {
    /// Time between updates of text; those of the dashboard are as the user has set them.
    pub(crate) fn interval(&self) -> Duration {
        self.interval.unwrap_or(Duration::from_secs(1))
    }
}

/// `zc stat`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "The report goes to standard output; with a command, the text report goes to \
                        standard error, as the command's own output has the other."
)]
pub(crate) struct Stat {
    /// Watch for this many seconds [default: until the command ends, the processes end, or Ctrl-C]
    #[arg(short, long, value_name = "SECS", value_parser = interval, allow_negative_numbers = true)]
    pub(crate) duration: Option<Duration>,
    /// Write the report to this file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Which processes.
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Form of the output.
    #[command(flatten)]
    pub(crate) format: Format,
    /// How to observe.
    #[command(flatten)]
    pub(crate) probing: Probing,
    /// The command to run, with its arguments
    #[arg(last = true, value_name = "CMD", help_heading = "Arguments")]
    pub(crate) command: Vec<OsString>,
}

/// `zc stat` itself; other verbs share what it watches, and expect nothing.
#[derive(Args, Clone, Debug)]
pub(crate) struct Expecting {
    /// Exit with status 3 unless this holds in the end of the sums over all processes watched, such as
    /// 'copies_per_byte <= 1.05' or 'path.sendfile_to_socket > 0' (repeatable). What is not known is not met
    #[arg(long, value_name = "EXPR", value_parser = expectation)]
    pub(crate) expect: Vec<Expectation>,
    /// Run the command this many times, and print means with their spread; JSON has a document per run, CSV a line,
    /// and what is expected is checked of each run
    #[arg(
        short,
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=10_000),
        requires = "command"
    )]
    pub(crate) repeat: Option<u32>,
    /// What is watched, and where the report goes.
    #[command(flatten)]
    pub(crate) stat: Stat,
}

/// `zc files` and `zc peers`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Objects {
    /// Print a report for each interval of this many seconds, instead of one at the end
    #[arg(short, long, value_name = "SECS", value_parser = interval, allow_negative_numbers = true)]
    pub(crate) interval: Option<Duration>,
    /// Maximum number of rows, one per process, object and path; each takes 1.4 KiB of kernel memory. Idle
    /// rows make room; what finds none is counted together
    #[arg(
        long,
        value_name = "N",
        default_value_t = 16_384,
        value_parser = clap::value_parser!(u32).range(64..=1_048_576),
        help_heading = "Probes"
    )]
    pub(crate) max_objects: u32,
    /// What is watched, and where the report goes.
    #[command(flatten)]
    pub(crate) stat: Stat,
}

/// `zc doctor`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Doctor {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// How to observe.
    #[command(flatten)]
    pub(crate) probing: Probing,
}

fn pid(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(pid) if pid > 0 => Ok(pid),
        _ => Err("not a process id; --comm selects by name".to_owned()),
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if !(0.1..=86_400.0).contains(&seconds) {
        return Err("must be between 0.1 and 86400 seconds".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

fn copy_path(text: &str) -> Result<CopyPath, String> {
    CopyPath::from_id(text).ok_or_else(|| {
        let known: Vec<_> = CopyPath::ALL.iter().map(|path| path.id()).collect();
        format!("unknown copy path; expected one of {}", known.join(", "))
    })
}

fn expression(text: &str) -> Result<Written, String> {
    // Only where one of them may be named: text does not depend on settings otherwise.
    let named = if text.contains('@') { settings::filters() } else { Vec::new() };
    let expr = filter::parse_named(text, &named).map_err(|error| error.to_string())?;
    let text = filter::expand(text, &named).map_err(|error| error.to_string())?;
    Ok(Written { text, expr })
}

fn expectation(text: &str) -> Result<Expectation, String> {
    Expectation::parse(text).map_err(|error| error.to_string())
}

fn group_by() -> impl TypedValueParser<Value = GroupBy> {
    let ids = GroupBy::ALL.iter().map(|by| PossibleValue::new(by.id()).help(by.help()));
    PossibleValuesParser::new(ids.collect::<Vec<_>>())
        .map(|id| GroupBy::ALL.iter().copied().find(|by| by.id() == id).unwrap_or(GroupBy::Command))
}

fn sorting(text: &str) -> Result<Sorting, String> {
    let (id, direction) = match text.split_at_checked(1) {
        Some(("-", id)) => (id, Some(Direction::Descending)),
        Some(("+", id)) => (id, Some(Direction::Ascending)),
        _ => (text, None),
    };
    let column = Column::from_id(id)
        .ok_or_else(|| format!("unknown column; expected one of {}", Processes::ids()))?;
    Ok(Sorting { column, direction: direction.unwrap_or_else(|| Direction::natural(column)) })
}

/// A column of processes or of their paths: `--per-path` decides which it must be.
fn column_id(text: &str) -> Result<&'static str, String> {
    let of_processes = Processes::COLUMNS.iter().map(|column| column.id);
    let of_paths = PathColumn::all(false).map(PathColumn::id);
    of_processes
        .chain(of_paths)
        .find(|id| *id == text)
        .ok_or_else(|| format!("unknown column; expected one of {}", Processes::ids()))
}

fn part(text: &str) -> Result<Part, String> {
    Part::all().find(|part| part.id() == text).ok_or_else(|| {
        let known: Vec<_> = Part::all().map(Part::id).collect();
        format!("unknown probe group; expected one of {}", known.join(", "))
    })
}
