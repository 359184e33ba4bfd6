//! The part of Python's library that the tests need: a hundredth of all of it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::shell;

/// Imports what the scripts of the tests import, and prints where all modules come from that this
/// takes, those of the interpreter's start among them.
const LIST: &str = "
import os, shutil, socket, sys
for module in list(sys.modules.values()):
    path = getattr(module, '__file__', None)
    if path and os.path.isabs(path):
        print(path)
";

/// The files of all modules.
pub(crate) fn modules(python: &Path) -> Result<Vec<PathBuf>> {
    let program = python.to_str().context("a program whose name is no UTF-8")?;
    // Isolated: without what the user has installed.
    let list = shell::capture(&mut shell::command(program, &["-I", "-c", LIST]))?;
    Ok(list.lines().map(PathBuf::from).collect())
}
