//! Runs commands: prints each on stderr, and reports a failure in one line.

use std::fmt::Write as _;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::checkout;

/// A command that starts in the root of the workspace.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(checkout::root());
    command
}

/// The cargo that started this process, in the root of the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    command(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()), arguments)
}

/// Prints the command and runs it; an error if it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("`{}` failed: {status}", display(command));
    }
    Ok(())
}

/// Prints the command, runs it, and returns its exit status.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    eprintln!("$ {}", display(command));
    command.status().with_context(|| format!("cannot run `{}`", display(command)))
}

/// Runs the command without printing it, and returns its stdout.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run `{}`", display(command)))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed: {}: {}", display(command), output.status, complaint.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether the command succeeds; its output is discarded.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command as a user would type it: environment variables, program, arguments.
pub(crate) fn display(command: &Command) -> String {
    let mut line = String::new();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            let value = quote(&value.to_string_lossy());
            // Writing to a String cannot fail.
            let _ = write!(line, "{}={value} ", name.to_string_lossy());
        }
    }
    let program = command.get_program().to_string_lossy();
    // The full path of cargo would only make the line longer.
    line.push_str(if program.ends_with("/cargo") { "cargo" } else { &program });
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&quote(&argument.to_string_lossy()));
    }
    line
}

/// Quotes a word for a shell, if necessary.
pub(crate) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_displayed_command_can_be_pasted_into_a_shell() {
        let mut command = command("echo", &["plain", "two words", "it's", ""]);
        command.env("NAME", "a b");
        let shown = display(&command);
        assert_eq!(shown, r"NAME='a b' echo plain 'two words' 'it'\''s' ''");
    }

    #[test]
    fn a_failure_names_the_command_and_its_exit_status() {
        let error = run(&mut command("false", &["--now"])).expect_err("false fails");
        assert_eq!(error.to_string(), "`false --now` failed: exit status: 1");
    }
}
