//! The command line: words only, nothing happens here.

use std::{ffi::OsString, fmt, path::PathBuf, sync::LazyLock, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum, builder::PossibleValue};
use zc_common::path::CopyPath;

use crate::{
    lab::{
        catalog,
        fetch::Protocol,
        hazard::{self, HAZARDS, Hazard},
        scenario::Scenario,
        sink::Sink,
    },
    model::{
        column::{COLUMNS, Column},
        filter::{self, Expr, Filter},
        sort::{Direction, Listing},
    },
    probe::catalog::Group,
};

/// The words were understood, but together they make no sense: exit status 2.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Shows where the CPU copies data, for which process, on which path.
#[derive(Debug, Parser)]
#[command(
    name = "zc",
    version,
    about = "Shows where the CPU copies data, for which process, on which path",
    long_about = "Shows where the CPU copies data, for which process, on which path (read/write, \
                  sendfile, splice, mmap, O_DIRECT, MSG_ZEROCOPY, io_uring...), and which of those \
                  copies did not have to happen.\n\nWithout a verb, zc is the live dashboard.",
    after_help = "Exit status: 0 success, 1 failure, 2 wrong usage; zc stat -- CMD exits with CMD's status.",
    max_term_width = 100,
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// `zc` alone is `zc top`.
    #[command(flatten)]
    pub top: Top,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The live dashboard; plain text when the output is not a terminal
    Top(Top),
    /// Run a command, or watch processes, and print the copy breakdown at the end
    Stat(Stat),
    /// Run the mechanisms of the textbooks, theory beside measurement
    Lab(Lab),
    /// Give the workshop tour: the lab in teaching order, narrated, by itself
    Demo(Demo),
    /// What this kernel, these privileges and this terminal allow, and how to fix what they do not
    Doctor(Doctor),
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
    },
}

/// Documents generated from the code.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Document {
    /// The manual page.
    Man,
    /// Every metric, path and loss.
    Metrics,
}

/// Which processes to show.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Selection")]
pub struct Selection {
    /// Only these processes (may be repeated, or separated by commas)
    #[arg(short, long = "pid", value_name = "PID", value_delimiter = ',', value_parser = pid)]
    pub pids: Vec<u32>,
    /// Only processes of this name; * stands for any text
    #[arg(long = "comm", value_name = "NAME")]
    pub comms: Vec<String>,
    /// Only processes in this control group or below it
    #[arg(long = "cgroup", value_name = "PATH")]
    pub cgroups: Vec<String>,
    /// Only processes that used this copy path, such as sendfile_to_socket
    #[arg(long = "path", value_name = "PATH", value_parser = copy_path)]
    pub paths: Vec<CopyPath>,
    /// Only processes for which this holds, such as 'copied_bytes > 1MiB and comm ~ nginx'
    #[arg(long, value_name = "EXPR", value_parser = expression)]
    pub filter: Option<Expr>,
    /// Sort by this column, such as syscalls; a leading - or + turns the order
    #[arg(long, value_name = "COLUMN", value_parser = sorting, allow_hyphen_values = true)]
    pub sort: Option<Sorting>,
    /// Show at most this many processes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub top: Option<u32>,
}

/// A column and a direction.
#[derive(Clone, Copy, Debug)]
pub struct Sorting {
    column: &'static Column,
    direction: Direction,
}

impl Selection {
    /// The filter that the options amount to.
    #[must_use]
    pub fn filter(&self) -> Filter {
        Filter {
            pids: self.pids.clone(),
            comms: self.comms.clone(),
            cgroups: self.cgroups.clone(),
            paths: self.paths.clone(),
            tracked: false,
            expr: self.filter.clone(),
        }
    }

    /// `listing` with what the options change in it.
    #[must_use]
    pub fn listing(&self, mut listing: Listing) -> Listing {
        if let Some(sorting) = self.sort {
            listing.column = sorting.column;
            listing.direction = sorting.direction;
        }
        if let Some(top) = self.top {
            listing.top = Some(top as usize);
        }
        listing
    }
}

/// The form of the output.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct Format {
    /// JSON with stable ids and raw values (schema zc/1)
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// CSV with stable ids and raw values
    #[arg(long)]
    pub csv: bool,
    /// No colours (also: NO_COLOR in the environment)
    #[arg(long)]
    pub no_color: bool,
}

/// How to observe.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Probes")]
pub struct Probing {
    /// Type information of exactly this kernel, for kernels without /sys/kernel/btf/vmlinux
    #[arg(long, value_name = "FILE")]
    pub btf: Option<PathBuf>,
    /// Most threads told apart at a time [default: by the threads there are]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(64..=1_048_576))]
    pub max_threads: Option<u32>,
    /// Print the eBPF programs' own diagnostics on standard error
    #[arg(long)]
    pub ebpf_log: bool,
    /// Leave out a group of probes
    #[arg(long, value_name = "GROUP", value_parser = group)]
    pub without: Vec<Group>,
}

/// `zc top`.
#[derive(Args, Clone, Debug)]
pub struct Top {
    /// Time between updates, in seconds
    #[arg(short, long, value_name = "SECS", default_value = "1", value_parser = interval, allow_negative_numbers = true)]
    pub interval: Duration,
    /// Stop after this many updates
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// One update as plain text, then exit
    #[arg(long, conflicts_with = "count")]
    pub once: bool,
    /// Which processes.
    #[command(flatten)]
    pub selection: Selection,
    /// Form of the output.
    #[command(flatten)]
    pub format: Format,
    /// How to observe.
    #[command(flatten)]
    pub probing: Probing,
}

/// `zc stat`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "The report goes to standard output; with a command, the text report goes to \
                        standard error, as the command's own output has the other."
)]
pub struct Stat {
    /// Watch for this many seconds [default: until the command ends, the processes end, or Ctrl-C]
    #[arg(short, long, value_name = "SECS", value_parser = interval, allow_negative_numbers = true)]
    pub duration: Option<Duration>,
    /// Write the report to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Which processes.
    #[command(flatten)]
    pub selection: Selection,
    /// Form of the output.
    #[command(flatten)]
    pub format: Format,
    /// How to observe.
    #[command(flatten)]
    pub probing: Probing,
    /// The command to run, with its arguments
    #[arg(last = true, value_name = "CMD", help_heading = "Arguments")]
    pub command: Vec<OsString>,
}

/// `zc doctor`.
#[derive(Args, Clone, Debug)]
pub struct Doctor {
    /// JSON
    #[arg(long)]
    pub json: bool,
    /// How to observe.
    #[command(flatten)]
    pub probing: Probing,
}

/// `zc lab`.
#[derive(Args, Clone, Debug)]
pub struct Lab {
    /// The process id of the lab whose part this is
    #[arg(long, value_name = "PID", hide = true)]
    pub parent: Option<u32>,
    /// What to do.
    #[command(subcommand)]
    pub verb: LabVerb,
}

/// The verbs of the lab.
#[derive(Clone, Debug, Subcommand)]
pub enum LabVerb {
    /// List the scenarios; by name, or with --long, what each is about
    List(LabList),
    /// Run scenarios, each in turns with read + write
    Run(LabRun),
    /// Run two scenarios in turns, and say how the second does beside the first
    Compare(LabCompare),
    /// Install the programs that scenarios are about, as far as they are missing (Debian, root)
    #[command(after_help = "Only installs packages. Debian enables nginx for the next boot, and \
                            without systemd starts it: disable it if you mind.")]
    Setup {
        /// Only look: exit status 1 if something is missing
        #[arg(long)]
        check: bool,
    },
    /// One round of one scenario, from standard input to standard output
    #[command(hide = true)]
    Worker {
        /// The scenario
        #[arg(value_parser = scenario)]
        scenario: Known,
        /// Bytes of the payload
        #[arg(long)]
        size: u64,
        /// Bytes of one transfer
        #[arg(long)]
        chunk: usize,
    },
    /// One case of one hazard, with a file on standard input
    #[command(hide = true)]
    Hazard {
        /// The hazard
        #[arg(value_parser = hazard)]
        hazard: &'static Hazard,
        /// The number of the case
        #[arg(long)]
        case: usize,
    },
    /// Check what arrives on standard input, or what a server sends
    #[command(hide = true)]
    Peer {
        /// The port of a server on loopback, to be asked for the payload
        #[arg(long, value_name = "PORT", requires = "protocol")]
        from: Option<u16>,
        /// How it is asked
        #[arg(long, value_enum, requires = "from")]
        protocol: Option<Protocol>,
    },
    /// Become another program, which ends with the lab
    #[command(hide = true)]
    Exec {
        /// The program, with its arguments
        #[arg(last = true, required = true, value_name = "CMD")]
        command: Vec<OsString>,
    },
    /// Make a directory, and remove it at the end of standard input
    #[command(hide = true)]
    Scratch {
        /// Where
        directory: PathBuf,
    },
    /// Hand over two sockets that are connected over a pair of veth devices
    #[command(hide = true)]
    Veth {
        /// Without scatter-gather
        #[arg(long)]
        linear: bool,
    },
}

impl LabVerb {
    /// Whether it is a part of the lab that only the lab itself starts, and that ends with it.
    #[must_use]
    pub const fn is_inner(&self) -> bool {
        match self {
            Self::List(_) | Self::Run(_) | Self::Compare(_) | Self::Setup { .. } => false,
            // It has to outlive the lab, if only to clean up.
            Self::Scratch { .. } => false,
            Self::Worker { .. }
            | Self::Hazard { .. }
            | Self::Peer { .. }
            | Self::Exec { .. }
            | Self::Veth { .. } => true,
        }
    }
}

/// A scenario that exists.
#[derive(Clone, Copy)]
pub struct Known(pub &'static Scenario);

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.id)
    }
}

/// A scenario or a hazard that exists.
#[derive(Clone, Copy, Debug)]
pub enum Subject {
    /// A scenario.
    Scenario(Known),
    /// A hazard.
    Hazard(&'static Hazard),
}

impl Subject {
    /// The scenario, if it is one.
    #[must_use]
    pub const fn scenario(self) -> Option<&'static Scenario> {
        match self {
            Self::Scenario(known) => Some(known.0),
            Self::Hazard(_) => None,
        }
    }

    /// The hazard, if it is one.
    #[must_use]
    pub const fn hazard(self) -> Option<&'static Hazard> {
        match self {
            Self::Scenario(_) => None,
            Self::Hazard(hazard) => Some(hazard),
        }
    }
}

/// `zc lab list`.
#[derive(Args, Clone, Debug)]
pub struct LabList {
    /// Say what these are about
    #[arg(value_name = "NAME", value_parser = subject)]
    pub subjects: Vec<Subject>,
    /// Say what each is about
    #[arg(long)]
    pub long: bool,
    /// JSON with stable ids (schema zc-lab/1)
    #[arg(long, conflicts_with = "long")]
    pub json: bool,
}

/// `zc lab compare`.
#[derive(Args, Clone, Debug)]
pub struct LabCompare {
    /// What the other is compared with; see zc lab list
    #[arg(value_name = "A", value_parser = scenario)]
    pub first: Known,
    /// The other
    #[arg(value_name = "B", value_parser = scenario)]
    pub second: Known,
    /// How to run them.
    #[command(flatten)]
    pub bench: LabBench,
    /// Form of the output.
    #[command(flatten)]
    pub report: LabReport,
    /// How to observe.
    #[command(flatten)]
    pub probing: Probing,
}

/// The form of the lab's output.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct LabReport {
    /// JSON with stable ids and raw values (schema zc-lab/1)
    #[arg(long, conflicts_with_all = ["csv", "markdown"])]
    pub json: bool,
    /// CSV with stable ids and raw values, a line per scenario
    #[arg(long, conflicts_with = "markdown")]
    pub csv: bool,
    /// Markdown: a table and the verdicts
    #[arg(long)]
    pub markdown: bool,
    /// Write the report to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// No progress on standard error
    #[arg(short, long)]
    pub quiet: bool,
    /// No colours (also: NO_COLOR in the environment)
    #[arg(long)]
    pub no_color: bool,
}

/// Where payloads go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To one sink.
    Only(Sink),
    /// To each that the scenario has.
    All,
}

impl ValueEnum for Target {
    fn value_variants<'a>() -> &'a [Self] {
        static TARGETS: LazyLock<Vec<Target>> = LazyLock::new(|| {
            Sink::value_variants().iter().copied().map(Target::Only).chain([Target::All]).collect()
        });
        &TARGETS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Only(sink) => sink.to_possible_value(),
            Self::All => Some(PossibleValue::new("all").help("Each of them that the scenario has")),
        }
    }
}

/// `zc lab run`.
#[derive(Args, Clone, Debug)]
pub struct LabRun {
    /// Scenarios, or hazards; see zc lab list
    #[arg(value_name = "NAME", value_parser = subject, required_unless_present = "all", conflicts_with = "all")]
    pub subjects: Vec<Subject>,
    /// Every scenario
    #[arg(long)]
    pub all: bool,
    /// How to run them.
    #[command(flatten)]
    pub bench: LabBench,
    /// Form of the output.
    #[command(flatten)]
    pub report: LabReport,
    /// How to observe.
    #[command(flatten)]
    pub probing: Probing,
}

/// How scenarios are run.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Workload")]
pub struct LabBench {
    /// Bytes of the payload, such as 64MiB
    #[arg(long, value_name = "BYTES", default_value = "67108859", value_parser = bytes)]
    pub size: u64,
    /// Bytes of one transfer
    #[arg(long, value_name = "BYTES", default_value = "64KiB", value_parser = chunk)]
    pub chunk: u64,
    /// Rounds, in turns with read + write
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repeat: u32,
    /// Where the payload goes [default: what each scenario is about]; with --all, scenarios that
    /// do not have it keep their own
    #[arg(long, value_enum)]
    pub sink: Option<Target>,
    /// Drop the payload from the page cache before every round
    #[arg(long)]
    pub cold: bool,
    /// Use this file as the payload; it is only read
    #[arg(long, value_name = "PATH", conflicts_with = "size")]
    pub file: Option<PathBuf>,
    /// Where files are made [default: /var/tmp]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// `zc demo`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "A script has one instruction per line: tour TEXT, title TEXT, say TEXT, step SCENARIO [OPTION]..., \
                  compare SCENARIO SCENARIO [OPTION]..., hazard NAME, wait SECONDS|key, # comment. Options: sink=NAME, \
                  size=BYTES, chunk=BYTES, repeat=N, cold. --print-script prints an example; \
                  docs/workshop.md explains it.\n\nExit status: 1 if a workload failed, or turned out \
                  as nobody expected."
)]
pub struct Demo {
    /// Print the tour as text, as without a terminal
    #[arg(long)]
    pub text: bool,
    /// Wait for a key wherever there is something to read
    #[arg(long)]
    pub wait: bool,
    /// Times as fast as one reads
    #[arg(long, value_name = "N", default_value = "1", value_parser = speed, allow_negative_numbers = true)]
    pub speed: f64,
    /// Give the tour of this script
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Print the script of the built-in tour, then exit
    #[arg(long, exclusive = true)]
    pub print_script: bool,
    /// No colours (also: NO_COLOR in the environment)
    #[arg(long)]
    pub no_color: bool,
    /// Bytes of the payload, whatever the script says [default: 16777213]
    #[arg(long, value_name = "BYTES", value_parser = bytes, help_heading = "Workload")]
    pub size: Option<u64>,
    /// Rounds of each workload, whatever the script says [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000), help_heading = "Workload")]
    pub repeat: Option<u32>,
    /// Where files are made [default: /var/tmp]
    #[arg(long, value_name = "DIR", help_heading = "Workload")]
    pub dir: Option<PathBuf>,
    /// How to observe.
    #[command(flatten)]
    pub probing: Probing,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if (0.05..=1000.0).contains(&speed) => Ok(speed),
        _ => Err("between 0.05 and 1000 are possible".to_owned()),
    }
}

fn bytes(text: &str) -> Result<u64, String> {
    match text.parse::<bytesize::ByteSize>() {
        Ok(size) if size.0 > 0 => Ok(size.0),
        _ => Err("not a number of bytes, such as 65536, 64KiB or 1GiB".to_owned()),
    }
}

fn chunk(text: &str) -> Result<u64, String> {
    match bytes(text)? {
        // MAX_RW_COUNT (include/linux/fs.h): 2 GiB less a page.
        size if size <= 1 << 30 => Ok(size),
        _ => Err("at most 1GiB: no call moves more than 2GiB".to_owned()),
    }
}

fn subject(text: &str) -> Result<Subject, String> {
    if let Some(hazard) = hazard::find(text) {
        return Ok(Subject::Hazard(hazard));
    }
    scenario(text).map(Subject::Scenario).map_err(|error| {
        let hazards: Vec<_> = HAZARDS.iter().map(|hazard| hazard.id).collect();
        format!("{error}; and the hazards {}", hazards.join(", "))
    })
}

fn hazard(text: &str) -> Result<&'static Hazard, String> {
    hazard::find(text).ok_or_else(|| "no such hazard".to_owned())
}

fn scenario(text: &str) -> Result<Known, String> {
    catalog::find(text).map(Known).ok_or_else(|| {
        let known: Vec<_> = catalog::SCENARIOS.iter().map(|scenario| scenario.id).collect();
        let beginnings = known.iter().copied().filter(|id| id.starts_with(text));
        // The shortest is the nearest.
        let meant = match beginnings.min_by_key(|id| id.len()) {
            Some(id) => format!("; did you mean '{id}'?"),
            None => filter::nearest(text, known.iter().copied()),
        };
        format!("there is no such scenario{meant} Scenarios: {}", known.join(", "))
    })
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
        return Err("between 0.1 and 86400 seconds are possible".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

fn copy_path(text: &str) -> Result<CopyPath, String> {
    CopyPath::from_id(text).ok_or_else(|| {
        let known: Vec<_> = CopyPath::ALL.iter().map(|path| path.id()).collect();
        format!("no such copy path; there are {}", known.join(", "))
    })
}

fn expression(text: &str) -> Result<Expr, String> {
    filter::parse(text).map_err(|error| error.to_string())
}

fn sorting(text: &str) -> Result<Sorting, String> {
    let (id, direction) = match text.split_at_checked(1) {
        Some(("-", id)) => (id, Some(Direction::Descending)),
        Some(("+", id)) => (id, Some(Direction::Ascending)),
        _ => (text, None),
    };
    let column = Column::from_id(id).ok_or_else(|| {
        let known: Vec<_> = COLUMNS.iter().map(|column| column.id).collect();
        format!("no such column; there are {}", known.join(", "))
    })?;
    Ok(Sorting { column, direction: direction.unwrap_or_else(|| Direction::natural(column)) })
}

fn group(text: &str) -> Result<Group, String> {
    Group::ALL
        .iter()
        .copied()
        .filter(|group| *group != Group::Core)
        .find(|group| group.id() == text)
        .ok_or_else(|| {
            let known: Vec<_> = Group::ALL[1..].iter().map(|group| group.id()).collect();
            format!("no such group that can be left out; there are {}", known.join(", "))
        })
}
