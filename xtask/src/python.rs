//! A Python of the tests' own, with the packages by which they check what `zc` writes.

use std::path::PathBuf;

use anyhow::Result;

use crate::shell;
use crate::workspace;

/// Packages from PyPI, by name.
const PACKAGES: [&str; 1] = ["duckdb"];

/// The interpreter, in the target directory. `None` where it cannot be made, such as without a network: the tests that
/// need it are then skipped, and say so.
///
/// # Errors
///
/// Cargo does not say where the target directory is.
pub(crate) fn prepare() -> Result<Option<PathBuf>> {
    let directory = workspace::target()?.join("python");
    let python = directory.join("bin/python");
    let (at, interpreter) = (directory.to_string_lossy(), python.to_string_lossy());
    let imports = format!("import {}", PACKAGES.join(", "));
    if shell::succeeds(&mut shell::command(&interpreter, &["-c", &imports])) {
        return Ok(Some(python));
    }
    eprintln!("xtask: making a Python environment in '{at}' with {}", PACKAGES.join(", "));
    let install: Vec<_> = ["-m", "pip", "install", "--quiet"].into_iter().chain(PACKAGES).collect();
    let made = shell::run(&mut shell::command("python3", &["-m", "venv", &at]))
        .and_then(|()| shell::run(&mut shell::command(&interpreter, &install)));
    match made {
        Ok(()) => Ok(Some(python)),
        Err(error) => {
            eprintln!("xtask: cannot make it: {error:#}");
            Ok(None)
        }
    }
}
