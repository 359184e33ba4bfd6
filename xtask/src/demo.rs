//! `demo`: the shortest way from a fresh checkout to a copy breakdown of a real program.
//!
//! On a terminal it opens the dashboard on everything that runs. Otherwise it copies one file with
//! two programs that do it differently and prints what the kernel did for each.

use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::build;
use crate::privilege;
use crate::setup::{self, Needs};
use crate::shell;
use crate::workspace;

/// Not a multiple of any block size, so that the figures are recognised on the screen.
const FILE_BYTES: usize = 64 * 1024 * 1024 + 7;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Print text even if this is a terminal
    #[arg(long)]
    text: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::prepare(Needs::default())?;
    let zc = build::zc(false)?;
    let zc = zc.to_str().context("the target directory is not valid UTF-8")?;
    if std::io::stdout().is_terminal() && !arguments.text {
        return shell::run(&mut privilege::command(zc, &["top"])?);
    }

    let directory = Scratch::create()?;
    let (source, copy) = (directory.path("source"), directory.path("copy"));
    write_source(Path::new(&source))?;
    let (from, to) = (format!("if={source}"), format!("of={copy}"));
    for (heading, program) in [
        (
            "dd reads into its own memory and writes from there",
            &["dd", &from, &to, "bs=64K", "status=none"][..],
        ),
        ("cp asks the kernel to copy", &["cp", &source, &copy]),
    ] {
        println!("\n{FILE_BYTES} bytes, {heading}:\n");
        std::io::stdout().flush().context("cannot write to stdout")?;
        shell::run(&mut privilege::command(zc, &[&["stat", "--"], program].concat())?)?;
        // cp then finds no file to overwrite, like dd.
        fs::remove_file(&copy).with_context(|| format!("cannot remove '{copy}'"))?;
    }
    Ok(())
}

fn write_source(path: &Path) -> Result<()> {
    // Not zeros, which file systems may store as a hole and then have nothing to copy.
    let bytes: Vec<u8> = (0..FILE_BYTES).map(|at| (at % 251) as u8).collect();
    fs::write(path, bytes).with_context(|| format!("cannot write '{}'", path.display()))
}

/// A directory of ours under the target directory, a real disk where `/tmp` may be memory.
struct Scratch(PathBuf);

impl Scratch {
    fn create() -> Result<Self> {
        let path = workspace::target()?.join(format!("demo-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("cannot create '{}'", path.display()))?;
        Ok(Self(path))
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("xtask: cannot remove '{}': {error}", self.0.display());
        }
    }
}
