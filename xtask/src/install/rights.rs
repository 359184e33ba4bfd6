//! Whether the prefix can be written to, and as whom.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::privilege;
use crate::shell;
use crate::toolchain::on_path;

/// What to put before a command that writes to the prefix.
pub(super) struct Rights {
    sudo: bool,
}

impl Rights {
    /// The rights that writing to these directories below the prefix takes.
    ///
    /// # Errors
    ///
    /// There is no way to write there: what to do.
    pub(super) fn to_write(prefix: &Path, directories: &[&Path]) -> Result<Self> {
        for directory in directories {
            let directory = prefix.join(directory);
            let existing = directory.ancestors().find(|path| path.exists());
            let existing = existing.unwrap_or(Path::new("/"));
            if !existing.is_dir() {
                bail!(
                    "cannot install in '{}': '{}' is not a directory; choose another one with --prefix",
                    prefix.display(),
                    existing.display()
                );
            }
            // Asks the kernel, which knows of capabilities and of file systems that are read-only.
            if shell::succeeds(shell::command("test", &["-w"]).arg(existing)) {
                continue;
            }
            let why = format!(
                "cannot install in '{}': '{}' is not writable",
                prefix.display(),
                existing.display()
            );
            if privilege::is_root() {
                bail!("{why}, not even for root; choose another directory with --prefix");
            }
            if on_path("sudo").is_none() {
                bail!(
                    "{why}, and there is no sudo; run `cargo xtask install --prefix \"$HOME/.local\"`"
                );
            }
            return Ok(Self { sudo: true });
        }
        Ok(Self { sudo: false })
    }

    /// A command that may write there.
    pub(super) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        if !self.sudo {
            return shell::command(program, arguments);
        }
        let words: Vec<&str> = [program].into_iter().chain(arguments.iter().copied()).collect();
        shell::command("sudo", &words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_writes_to_the_prefix_runs_through_sudo() {
        let shown = |sudo| shell::display(&Rights { sudo }.command("install", &["-m", "644"]));
        assert_eq!(shown(true), "sudo install -m 644");
        assert_eq!(shown(false), "install -m 644");
    }
}
