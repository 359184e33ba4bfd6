//! The command line of `zc lab`, and of `zc demo`.

pub(crate) mod demo;
pub(crate) mod mystery;

use std::{ffi::OsString, fmt, path::PathBuf, sync::LazyLock};

use clap::{Args, Subcommand, ValueEnum, builder::PossibleValue};

use self::{demo::Demo, mystery::Mystery};
use super::Probing;
use zc_lab::{
    catalog,
    hazard::{self, HAZARDS, Hazard},
    program::Protocol,
    scenario::Scenario,
    sink::Sink,
};
use zc_model::filter;

/// The verbs that the lab brings.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run textbook I/O mechanisms and compare theory with measurement
    Lab(Lab),
    /// Play the guided tour of the lab
    Demo(Demo),
}

/// `zc lab`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Lab {
    /// The process id of the lab that started this process
    #[arg(long, value_name = "PID", hide = true)]
    pub(crate) parent: Option<u32>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: LabVerb,
}

/// The verbs of the lab.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum LabVerb {
    /// List the scenarios; with names or --long, explain them
    List(LabList),
    /// Run scenarios, alternating with the read/write baseline
    Run(LabRun),
    /// Alternate between two scenarios, and report how the second compares with the first
    Compare(LabCompare),
    /// Install the programs that scenarios need and that are missing (Debian, root)
    #[command(
        after_help = "Only installs packages. Debian starts nginx at the next boot, and at once \
                            where there is no systemd; disable it if you do not want that."
    )]
    Setup {
        /// Check only; exit 1 if anything is missing
        #[arg(long)]
        check: bool,
    },
    /// Find out which of three programs copies too much, fix it, and see what that saved
    Mystery(Mystery),
    /// Be one of the programs of the mystery, as standard input says
    #[command(hide = true)]
    Suspect {
        /// Its name
        name: String,
        /// Where its file is
        directory: PathBuf,
    },
    /// Run one round of one scenario, or many, from standard input to standard output
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
        /// Again and again for so many seconds, without an observer
        #[arg(long)]
        seconds: Option<u64>,
    },
    /// Run one case of one hazard, with a file on standard input
    #[command(hide = true)]
    Hazard {
        /// The hazard
        #[arg(value_parser = hazard)]
        hazard: &'static Hazard,
        /// The number of the case
        #[arg(long)]
        case: usize,
    },
    /// Verify the payload that arrives on standard input, or that a server sends
    #[command(hide = true)]
    Receiver {
        /// The port of a server on loopback, from which to request the payload
        #[arg(long, value_name = "PORT", requires = "protocol")]
        from: Option<u16>,
        /// The protocol of the request
        #[arg(long, value_enum, requires = "from")]
        protocol: Option<Protocol>,
    },
    /// Exec a program that is killed when the lab exits
    #[command(hide = true)]
    Exec {
        /// The program, with its arguments
        #[arg(last = true, required = true, value_name = "CMD")]
        command: Vec<OsString>,
    },
    /// Create a directory, and remove it at the end of standard input
    #[command(hide = true)]
    Scratch {
        /// Where
        directory: PathBuf,
    },
    /// Create a network namespace, and pass it on
    #[command(hide = true)]
    Network,
    /// Create a veth pair, and pass on two sockets that are connected over it
    #[command(hide = true)]
    Veth {
        /// Without scatter-gather
        #[arg(long)]
        linear: bool,
    },
}

impl LabVerb {
    /// Whether it is an internal subcommand: only the lab starts it, and it is killed when the lab exits.
    #[must_use]
    pub(crate) const fn is_internal(&self) -> bool {
        match self {
            Self::List(_)
            | Self::Run(_)
            | Self::Compare(_)
            | Self::Setup { .. }
            | Self::Mystery(_) => false,
            // It outlives the lab, to clean up.
            Self::Scratch { .. } => false,
            Self::Worker { .. }
            | Self::Suspect { .. }
            | Self::Hazard { .. }
            | Self::Receiver { .. }
            | Self::Exec { .. }
            | Self::Network
            | Self::Veth { .. } => true,
        }
    }
}

/// A scenario that exists.
#[derive(Clone, Copy)]
pub(crate) struct Known(pub &'static Scenario);

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.id)
    }
}

/// A scenario or a hazard that exists.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    /// A scenario.
    Scenario(Known),
    /// A hazard.
    Hazard(&'static Hazard),
}

impl Subject {
    /// The scenario, if it is one.
    #[must_use]
    pub(crate) const fn scenario(self) -> Option<&'static Scenario> {
        match self {
            Self::Scenario(known) => Some(known.0),
            Self::Hazard(_) => None,
        }
    }

    /// The hazard, if it is one.
    #[must_use]
    pub(crate) const fn hazard(self) -> Option<&'static Hazard> {
        match self {
            Self::Scenario(_) => None,
            Self::Hazard(hazard) => Some(hazard),
        }
    }
}

/// `zc lab list`.
#[derive(Args, Clone, Debug)]
pub(crate) struct LabList {
    /// Explain these
    #[arg(value_name = "NAME", value_parser = subject)]
    pub(crate) subjects: Vec<Subject>,
    /// Explain each
    #[arg(long)]
    pub(crate) long: bool,
    /// Print JSON with stable ids (schema zc-lab/1)
    #[arg(long, conflicts_with = "long")]
    pub(crate) json: bool,
}

/// `zc lab compare`.
#[derive(Args, Clone, Debug)]
pub(crate) struct LabCompare {
    /// The scenario to compare with; see zc lab list
    #[arg(value_name = "A", value_parser = scenario)]
    pub(crate) first: Known,
    /// The scenario that is compared
    #[arg(value_name = "B", value_parser = scenario)]
    pub(crate) second: Known,
    /// How to run them.
    #[command(flatten)]
    pub(crate) bench: LabBench,
    /// Form of the output.
    #[command(flatten)]
    pub(crate) report: LabReport,
    /// How to observe.
    #[command(flatten)]
    pub(crate) probing: Probing,
}

/// The form of the lab's output.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub(crate) struct LabReport {
    /// Print JSON with stable ids and raw values (schema zc-lab/1)
    #[arg(long, conflicts_with_all = ["csv", "markdown"])]
    pub(crate) json: bool,
    /// Print CSV with stable ids and raw values, one line per scenario
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) csv: bool,
    /// Print Markdown: a table and the verdicts
    #[arg(long)]
    pub(crate) markdown: bool,
    /// Write the report to this file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Show no progress on standard error
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Disable colours (also: NO_COLOR in the environment)
    #[arg(long)]
    pub(crate) no_color: bool,
}

/// Where payloads go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
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
            Self::All => Some(PossibleValue::new("all").help("Every sink of the scenario")),
        }
    }
}

/// `zc lab run`.
#[derive(Args, Clone, Debug)]
pub(crate) struct LabRun {
    /// Scenarios or hazards; see zc lab list
    #[arg(value_name = "NAME", value_parser = subject, required_unless_present = "all", conflicts_with = "all")]
    pub(crate) subjects: Vec<Subject>,
    /// Run every scenario
    #[arg(long)]
    pub(crate) all: bool,
    /// How to run them.
    #[command(flatten)]
    pub(crate) bench: LabBench,
    /// Form of the output.
    #[command(flatten)]
    pub(crate) report: LabReport,
    /// How to observe.
    #[command(flatten)]
    pub(crate) probing: Probing,
}

/// How scenarios are run.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Workload")]
pub(crate) struct LabBench {
    /// Payload size in bytes, such as 64MiB
    #[arg(long, value_name = "BYTES", default_value = "67108859", value_parser = bytes)]
    pub(crate) size: u64,
    /// Size of one transfer in bytes
    #[arg(long, value_name = "BYTES", default_value = "64KiB", value_parser = chunk)]
    pub(crate) chunk: u64,
    /// Number of rounds, alternating with the read/write baseline; more for copies in user space, until there
    /// are enough samples
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) repeat: u32,
    /// Where the payload goes [default: the first sink of each scenario]; with --all, scenarios
    /// without this sink keep their own
    #[arg(long, value_enum)]
    pub(crate) sink: Option<Target>,
    /// Drop the payload from the page cache before every round
    #[arg(long)]
    pub(crate) cold: bool,
    /// Use this file as the payload (it is only read)
    #[arg(long, value_name = "PATH", conflicts_with = "size")]
    pub(crate) file: Option<PathBuf>,
    /// Directory for temporary files [default: /var/tmp]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

pub(super) fn bytes(text: &str) -> Result<u64, String> {
    match text.parse::<bytesize::ByteSize>() {
        Ok(size) if size.0 > 0 => Ok(size.0),
        _ => Err("expected a number of bytes, such as 65536, 64KiB or 1GiB".to_owned()),
    }
}

fn chunk(text: &str) -> Result<u64, String> {
    match bytes(text)? {
        // MAX_RW_COUNT (include/linux/fs.h): 2 GiB less a page.
        size if size <= 1 << 30 => Ok(size),
        _ => Err("must be at most 1GiB (no call moves more than 2GiB)".to_owned()),
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
    hazard::find(text).ok_or_else(|| "unknown hazard".to_owned())
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
        format!("unknown scenario{meant} Scenarios: {}", known.join(", "))
    })
}
