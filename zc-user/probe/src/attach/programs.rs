//! Loading programs: ahead of attaching them, several at a time.
//!
//! Most of the time that a start takes is the verifier's. The kernel verifies programs of privileged
//! processes at the same time (`bpf_check`, `kernel/bpf/verifier.c`: only others take its mutex), so
//! threads share them. All have ended when [`Loader::load_ahead`] returns, before any privilege is dropped.

use std::{
    collections::HashMap,
    num::NonZero,
    sync::{Mutex, PoisonError},
    thread,
};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    programs::{Program, ProgramError},
};

use super::capacity;
use crate::refusal::Barred;

/// More threads than this do not help: the largest program takes a third of the time of all.
const MOST_THREADS: usize = 4;

/// The programs that the verifier takes longest for, in that order: a thread that began with one of them last
/// would keep the others waiting.
pub(crate) const LARGEST: [&str; 12] = [
    "zc_sys_exit_stacks_kprobe",
    "zc_sys_exit_stacks",
    "zc_sys_exit_stacks_raw",
    "zc_sys_exit_kprobe",
    "zc_sys_exit",
    "zc_sys_exit_raw",
    "zc_uring_end",
    "zc_uring_complete",
    "zc_uring_complete_raw",
    "zc_aio_read_end",
    "zc_aio_write_end",
    "zc_sched_switch",
];

/// What the verifier must know of the hook of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A BTF tracepoint.
    Tracepoint(&'static str),
    /// A function of the kernel image, at its entry or return.
    Function(&'static str),
    /// Nothing: all of this kind are alike until they are attached.
    Any,
}

/// A program to load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Its name in the object.
    pub(crate) program: &'static str,
    /// What it is going to be attached to.
    pub(crate) target: Target,
}

/// Loads the programs of an object.
pub(crate) struct Loader {
    /// The targets of all of them.
    types: aya::Btf,
    /// The outcome for those that were loaded ahead.
    ahead: HashMap<&'static str, Result<(), ProgramError>>,
}

impl Loader {
    /// For programs whose targets are in `types`.
    pub(super) fn new(types: aya::Btf) -> Self {
        Self { types, ahead: HashMap::new() }
    }

    /// Loads programs that are going to be attached. What fails is reported by [`Self::load`], in the order
    /// in which they are attached.
    ///
    /// Where files or memory run short, the programs that are attached first must get them: then nothing is
    /// loaded ahead.
    pub(super) fn load_ahead(&mut self, ebpf: &mut Ebpf, wanted: &[Load]) {
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
        // Each program has a link, too, and each CPU a timer of the sampler.
        let cpus = aya::util::online_cpus().map_or(0, |cpus| cpus.len());
        if threads == 1 || !capacity::may_open(2 * wanted.len() + cpus) {
            return;
        }
        self.ahead = load_all(ebpf, &self.types, wanted, threads);
        let is_barred = |outcome: &Result<(), ProgramError>| {
            outcome.as_ref().is_err_and(|error| Barred::of_program(error).is_some())
        };
        if self.ahead.values().any(is_barred) {
            self.unload(ebpf, wanted);
        }
    }

    /// The program, loaded: now, unless that was done before.
    pub(crate) fn load<'a>(&mut self, ebpf: &'a mut Ebpf, wanted: Load) -> Result<&'a mut Program> {
        let Load { program: name, target } = wanted;
        let program =
            ebpf.program_mut(name).with_context(|| format!("the object has no program {name}"))?;
        match self.ahead.remove(name) {
            Some(outcome) => outcome?,
            None if program.fd().is_ok() => {}
            None => load(program, target, &self.types)?,
        }
        Ok(program)
    }

    /// Takes programs away that are of no use, those among them that are attached, too.
    pub(super) fn unload(&mut self, ebpf: &mut Ebpf, unwanted: &[Load]) {
        for Load { program: name, .. } in unwanted {
            self.ahead.remove(name);
            if let Some(program) = ebpf.program_mut(name) {
                // It fails for one that is not loaded.
                let _ = unload(program);
            }
        }
    }
}

/// Loads programs on so many threads, and returns the outcome of each.
fn load_all(
    ebpf: &mut Ebpf,
    types: &aya::Btf,
    wanted: &[Load],
    threads: usize,
) -> HashMap<&'static str, Result<(), ProgramError>> {
    let mut jobs: Vec<_> = ebpf
        .programs_mut()
        .filter_map(|(name, program)| Some((wanted.iter().find(|it| it.program == name)?, program)))
        .collect();
    // The last one is taken first.
    jobs.sort_by_key(|(load, _)| {
        std::cmp::Reverse(
            LARGEST.iter().position(|name| *name == load.program).unwrap_or(LARGEST.len()),
        )
    });
    let jobs = Mutex::new(jobs);
    let outcomes = Mutex::new(HashMap::with_capacity(wanted.len()));
    let work = || {
        loop {
            // The lock is free again while the program is loaded.
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some((job, program)) = job else { return };
            let outcome = load(program, job.target, types);
            outcomes.lock().unwrap_or_else(PoisonError::into_inner).insert(job.program, outcome);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // Where no thread can be started, this one does the work of all.
            let builder = thread::Builder::new().name("zc-load".to_owned());
            if builder.spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    outcomes.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn load(program: &mut Program, target: Target, types: &aya::Btf) -> Result<(), ProgramError> {
    match (program, target) {
        (Program::BtfTracePoint(program), Target::Tracepoint(name)) => program.load(name, types),
        (Program::FEntry(program), Target::Function(name)) => program.load(name, types),
        (Program::FExit(program), Target::Function(name)) => program.load(name, types),
        (Program::RawTracePoint(program), Target::Any) => program.load(),
        (Program::KProbe(program), Target::Any) => program.load(),
        (Program::PerfEvent(program), Target::Any) => program.load(),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

fn unload(program: &mut Program) -> Result<(), ProgramError> {
    match program {
        Program::BtfTracePoint(program) => program.unload(),
        Program::FEntry(program) => program.unload(),
        Program::FExit(program) => program.unload(),
        Program::RawTracePoint(program) => program.unload(),
        Program::KProbe(program) => program.unload(),
        Program::PerfEvent(program) => program.unload(),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}
