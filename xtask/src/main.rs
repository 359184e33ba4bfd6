//! The developer verbs of `zc`. Every verb first installs what it needs, so that each works on a
//! machine that has only rustup's stable toolchain.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod apt;
mod bench;
mod build;
mod checkout;
mod ci;
mod demo;
mod dist;
mod docs;
mod hygiene;
mod install;
mod linker;
mod pictures;
mod privilege;
mod python;
mod setup;
mod shell;
mod test;
#[path = "../../zc-user/probe/build/toolchain.rs"]
mod toolchain;
mod vm;
mod walls;
mod witness;
mod words;
mod workspace;

/// Developer verbs of zc.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Install what the build needs: a toolchain for the BPF target, and bpf-linker.
    Setup(setup::Arguments),
    /// Build `zc`.
    Build(build::Arguments),
    /// Build `zc` and play the guided tour of the lab.
    Demo(demo::Arguments),
    /// Run all tests, including those on the live kernel.
    Test(test::Arguments),
    /// Run all checks that a change must pass before it is merged.
    Ci(ci::Arguments),
    /// Measure the overhead of `zc`.
    Bench(bench::Arguments),
    /// Run real programs under zc and an independent tracer, and compare the two.
    Witness(witness::Arguments),
    /// Run the tests on each kernel of the matrix, in virtual machines.
    Vm(vm::Arguments),
    /// Build the static binary for a release.
    Dist,
    /// Install `zc` with its manual pages and completions.
    Install(install::Arguments),
    /// Find refused words in files, and commit subjects that break the rules.
    Words(words::Arguments),
    /// Write the generated documents, or check that they are up to date.
    Docs(docs::Arguments),
    /// Draw the pictures of the documents from fixtures, or check that they are up to date.
    Pictures(pictures::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().verb {
        Verb::Setup(arguments) => setup::run(&arguments),
        Verb::Build(arguments) => build::run(&arguments),
        Verb::Demo(arguments) => demo::run(&arguments),
        Verb::Test(arguments) => test::run(&arguments),
        Verb::Ci(arguments) => ci::run(&arguments),
        Verb::Bench(arguments) => bench::run(&arguments),
        Verb::Witness(arguments) => witness::run(&arguments),
        Verb::Vm(arguments) => vm::run(&arguments),
        Verb::Dist => dist::run(),
        Verb::Install(arguments) => install::run(&arguments),
        Verb::Words(arguments) => words::run(&arguments),
        Verb::Docs(arguments) => docs::run(&arguments),
        Verb::Pictures(arguments) => pictures::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
