//! `demo`: the shortest way from a fresh checkout to the guided tour of the lab.

use std::io::IsTerminal as _;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::build;
use crate::privilege;
use crate::setup::{self, Needs};
use crate::shell;

/// A prime, so that the figures are recognised on the screen; small, because the baseline runs once
/// more with every workload.
const SIZE: &str = "4194301";

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
    let mut words = vec!["demo", "--size", SIZE];
    if arguments.text || !std::io::stdout().is_terminal() {
        words.push("--text");
    }
    shell::run(&mut privilege::command(zc, &words)?)?;
    print!("{}", farewell(zc, privilege::is_root()));
    Ok(())
}

/// Where the binary is, and what to type next.
fn farewell(zc: &str, is_root: bool) -> String {
    let sudo = if is_root { "" } else { "sudo " };
    let command = shell::quote(zc);
    format!(
        "\nThe tour ran this binary:\n  {zc}\n\
         Next, watch this machine:\n  {sudo}{command} top\n\
         To have zc on your PATH, with its manual:\n  cargo xtask install\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_ends_with_the_binary_and_the_next_command() {
        let text = farewell("/my src/zc", false);
        assert!(text.contains("\n  /my src/zc\n"), "{text}");
        assert!(text.contains("\n  sudo '/my src/zc' top\n"), "{text}");
        assert!(farewell("/zc", true).contains("\n  /zc top\n"));
    }
}
