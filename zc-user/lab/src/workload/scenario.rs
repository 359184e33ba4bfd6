//! What a scenario is: a mechanism as a workload, what the textbook says of it, and what is known of
//! this kernel.

use anyhow::Result;
use zc_common::path::CopyPath;

use super::{job::Job, need::Need, program::Program};
use crate::sink::Sink;
use zc_model::snapshot::{PathSample, ProcessSample};

/// A mechanism of the lab.
pub struct Scenario {
    /// Stable id, as given on the command line.
    pub id: &'static str,
    /// The mechanism, as the literature calls it.
    pub title: &'static str,
    /// The heading it is listed under.
    pub group: ScenarioGroup,
    /// What the reader can see, in two sentences at most.
    pub lesson: &'static str,
    /// What the textbook says.
    pub theory: Theory,
    /// Where the payload can go; the first by default.
    pub sinks: &'static [Sink],
    /// What of the payload has to be in memory when the work begins.
    pub cache: Cache,
    /// What has to be installed.
    pub needs: &'static [&'static Need],
    /// The mechanism.
    pub work: Work,
    /// What is known to happen in a setting.
    pub expect: fn(&Setting) -> Expected,
}

impl Scenario {
    /// What carries the payload of all that a process did: also in other rounds than this setting has.
    pub(crate) fn carried<'a>(
        &self,
        setting: &Setting,
        process: &'a ProcessSample,
    ) -> impl Iterator<Item = &'a PathSample> + use<'a> {
        let expected = (self.expect)(setting).moved;
        process.paths.iter().filter(move |sample| {
            sample.path.is_known_and(|path| expected.iter().any(|(it, _)| *it == path))
        })
    }

    /// Whether copies that the program makes itself are looked for when it runs.
    #[must_use]
    pub fn is_about_user_copies(&self) -> bool {
        self.group == ScenarioGroup::UserSpace
    }
}

/// What of the payload is in the page cache when the work begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// As the user requests: the scenario is about something else.
    Any,
    /// All of it, whatever the user requests.
    Warm,
    /// None of it, whatever the user requests.
    Cold,
}

/// What does the work.
pub enum Work {
    /// A function of this program, run in a worker process.
    Mechanism(fn(&mut Job) -> Result<()>),
    /// A real program that serves the payload.
    Program(&'static Program),
}

/// Headings of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScenarioGroup {
    /// From a file to a sink, one way after the other.
    Transfer,
    /// References in pipes.
    Pipe,
    /// From file to file.
    File,
    /// Zero-copy sends.
    Network,
    /// Asynchronous I/O.
    Asynchronous,
    /// Pages of the address space.
    Memory,
    /// The page cache and readahead.
    PageCache,
    /// Real programs.
    Program,
    /// Copies that programs make themselves.
    UserSpace,
}

impl ScenarioGroup {
    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Pipe => "pipe",
            Self::File => "file",
            Self::Network => "network",
            Self::Asynchronous => "asynchronous",
            Self::Memory => "memory",
            Self::PageCache => "page_cache",
            Self::Program => "program",
            Self::UserSpace => "user_space",
        }
    }

    /// The heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Transfer => "From a file to a sink",
            Self::Pipe => "References in pipes",
            Self::File => "From file to file",
            Self::Network => "Zero-copy sends",
            Self::Asynchronous => "Asynchronous I/O",
            Self::Memory => "Shared pages",
            Self::PageCache => "The page cache",
            Self::Program => "Real programs",
            Self::UserSpace => "Copies in user space",
        }
    }
}

/// What the textbook says about one transfer, of any size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Theory {
    /// Times the CPU copies each byte; `None` where the textbook gives none.
    pub cpu_copies: Option<f64>,
    /// Times a device moves each byte between storage and memory.
    pub storage_dma: u32,
    /// Times a device moves each byte between memory and the network.
    pub network_dma: u32,
    /// Mode switches of one transfer; `None` where the textbook gives none.
    pub mode_switches: Option<u32>,
    /// The claim of the literature, in one sentence.
    pub claim: &'static str,
}

/// The parameters with which a scenario runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Bytes of the payload.
    pub size: u64,
    /// Bytes of one transfer, at most.
    pub chunk: u64,
    /// Where the payload goes.
    pub sink: Sink,
    /// Whether the page cache has to be filled from the storage first.
    pub cold: bool,
    /// Version of the running kernel: major, minor.
    pub kernel: (u32, u32),
}

impl Setting {
    /// Transfers of at most a chunk that the payload takes.
    #[must_use]
    pub const fn transfers(&self) -> u64 {
        self.size.div_ceil(self.chunk)
    }
}

/// What is known to happen in a setting, to the byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Bytes moved on each path that carries payload; no other is used.
    pub moved: Vec<(CopyPath, u64)>,
    /// Bytes that the CPU copies for the payload.
    pub copied_bytes: u64,
    /// System calls between the start and the end of the work.
    pub syscalls: Calls,
    /// Why the copies are not what the theory says; `None` where they are.
    pub copies_because: Option<&'static str>,
    /// Why the mode switches are not what the theory says; `None` where they are.
    pub switches_because: Option<&'static str>,
}

/// How many calls there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// Exactly as many.
    Exactly(u64),
    /// At least as many: how much one call moves depends on how fast the receiver is.
    AtLeast(u64),
}

impl Calls {
    /// Whether `count` calls are as expected.
    #[must_use]
    pub const fn allows(self, count: u64) -> bool {
        match self {
            Self::Exactly(calls) => count == calls,
            Self::AtLeast(calls) => count >= calls,
        }
    }
}
