//! The verbs: each wires a source to a sink.

use std::{
    io::{self, ErrorKind, Write as _},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;
use env_logger::Target;
use zc_session::stall::Stoppable;

use crate::cli::{Cli, Probing, Usage, Verb};
use zc_model::object::Which;
use zc_probe::{
    attach::{Options, UnusableBtf},
    follow::Follow,
    names::{cgroup::NoGroup, identity::Unwatchable},
};

use zc_render::sanitize::sanitize;

use self::{report::Report, watch::NotRun};

mod config;
mod diff;
mod docs;
mod doctor;
mod export;
#[cfg(feature = "lab")]
mod lab;
pub(crate) mod lab_page;
mod mark;
mod memory;
mod objects;
mod privilege;
mod record;
mod recorded;
mod recording_report;
mod replay;
mod report;
mod serve;
mod stacks;
mod stat;
mod top;
mod watch;
mod words;
mod writer;

/// Runs the verb.
///
/// # Errors
/// What failed, why, and what to do, for standard error.
pub(crate) fn run(cli: Cli) -> Result<ExitCode> {
    let verb = cli.verb.unwrap_or(Verb::Top(cli.top));
    // Before anything else has a descriptor: those that were passed are known by their numbers.
    let passed =
        if matches!(verb, Verb::Serve(_)) { zc_serve::listen::passed()? } else { Vec::new() };
    if matches!(verb, Verb::Top(_) | Verb::Replay(_)) {
        // What the dashboard saves.
        zc_privilege::caller::keep();
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")?;
    match verb {
        Verb::Top(arguments) => runtime.block_on(top::run(&arguments)),
        Verb::Stat(arguments) => runtime.block_on(stat::verb(&arguments)),
        Verb::Files(arguments) => runtime.block_on(objects::run(&arguments, Which::Files)),
        Verb::Peers(arguments) => runtime.block_on(objects::run(&arguments, Which::Peers)),
        Verb::Record(arguments) => runtime.block_on(record::run(&arguments)),
        Verb::Mark(arguments) => mark::run(&arguments),
        Verb::Replay(arguments) => runtime.block_on(replay::run(&arguments)),
        Verb::Report(arguments) => recording_report::run(&arguments),
        Verb::Serve(arguments) => runtime.block_on(serve::run(&arguments, passed)),
        Verb::Diff(arguments) => diff::run(&arguments),
        Verb::Export(arguments) => export::run(&arguments),
        Verb::Stacks(arguments) => runtime.block_on(stacks::run(&arguments)),
        #[cfg(feature = "lab")]
        Verb::Lab(verb) => runtime.block_on(lab::verb(&verb)),
        Verb::Doctor(arguments) => doctor::run(&arguments),
        Verb::Config(arguments) => config::run(&arguments),
        Verb::Completions { shell } => {
            // In memory first: a closed pipe must not end in a panic of the generator.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "zc", &mut script);
            print(&script)
        }
        Verb::Docs { document, to: None } => print(&docs::text(document)?),
        Verb::Docs { document, to: Some(directory) } => docs::write(document, &directory),
    }
}

/// Says a line on standard error.
fn say(text: &str) {
    // Nothing more can be done when standard error is gone.
    let _ = writeln!(io::stderr(), "zc: {}", sanitize(text));
}

/// Says on standard error that a process that was given by number has ended.
fn say_ended(pid: u32, comm: &str) {
    say(&format!("process {pid} ({comm}) has ended"));
}

/// The exit status that an error stands for.
#[must_use]
pub(crate) fn status(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>()
        || error.is::<Unwatchable>()
        || error.is::<NoGroup>()
        || error.is::<UnusableBtf>()
    {
        return 2;
    }
    #[cfg(feature = "lab")]
    if let Some(status) = lab::exit_status(error) {
        return status;
    }
    error.downcast_ref::<NotRun>().map_or(1, |error| error.status)
}

/// Whether the reader of the output has closed it: zc then exits silently, as any filter does.
#[must_use]
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|error| error.io_error_kind() == Some(ErrorKind::BrokenPipe))
    })
}

fn print(text: &[u8]) -> Result<ExitCode> {
    use std::io::Write as _;
    let mut out = io::stdout().lock();
    out.write_all(text).and_then(|()| out.flush()).context("cannot write to standard output")?;
    Ok(ExitCode::SUCCESS)
}

/// The probe options that the command line asks for, to follow these processes. Prints what takes much memory,
/// so that it has to be called before anything is drawn on the terminal.
///
/// # Errors
/// When there is not that much memory.
fn options(probing: &Probing, follow: Follow) -> Result<Options> {
    options_of(probing, follow, None, false)
}

/// As [`options`], with what another report takes.
fn options_with(probing: &Probing, follow: Follow, about: Option<Report>) -> Result<Options> {
    let stacks = about.is_some_and(Report::takes_stacks);
    options_of(probing, follow, about.and_then(Report::objects), stacks)
}

/// As [`options`], with rows for so many files, sockets and pipes, and with stacks.
fn options_of(
    probing: &Probing,
    follow: Follow,
    objects: Option<u32>,
    stacks: bool,
) -> Result<Options> {
    if probing.ebpf_log {
        // Only the first verb of a process sets it; there is only one.
        let _ = env_logger::Builder::new()
            .filter_module("zc_ebpf", log::LevelFilter::Debug)
            .target(Target::Pipe(Box::new(Stoppable(io::stderr()))))
            .try_init();
    }
    Ok(Options {
        btf: probing.btf.clone(),
        threads: Some(memory::threads(probing, &follow, objects, stacks)?),
        follow,
        diagnostics: probing.ebpf_log,
        verifier_log: probing.ebpf_log,
        without: probing.without.clone(),
        ancestors: false,
        threads_apart: false,
        users: false,
        user_copies: probing.user_copies,
        patience: None,
        objects,
        stacks,
        sampling: None,
        shapes: None,
    })
}
