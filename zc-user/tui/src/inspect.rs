//! What the machine itself says of one process now: no probe counts that, and no recording has it.

use std::time::Duration;

use zc_model::snapshot::ProcessId;

/// Which process, and what of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The process.
    pub process: ProcessId,
    /// Whether its threads are asked for, one by one.
    pub threads: bool,
}

/// What is known of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its command line: arguments, each followed by a 0, unless the program has written something else there. Empty
    /// where it has none. Hostile input, and it may hold secrets.
    pub command: Vec<u8>,
    /// Whether only the beginning of it is known.
    pub is_cut: bool,
    /// When this was so, since boot.
    pub at: Duration,
    /// How long ago it started.
    pub age: Duration,
    /// How many threads it has.
    pub threads: u64,
    /// Some of them, perhaps all; none unless they were asked for.
    pub some: Vec<Thread>,
}

/// A thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its number.
    pub tid: u32,
    /// Hostile input, sanitise before display.
    pub name: String,
    /// What it does, in a word.
    pub state: &'static str,
    /// CPU time since it started.
    pub cpu: Duration,
}

/// Asks the machine.
pub trait Inspect {
    /// What it says. `None` where the process has ended, or its owner is the only one who may know.
    fn inspect(&mut self, question: Question) -> Option<Answer>;
}
