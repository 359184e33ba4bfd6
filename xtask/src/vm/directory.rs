//! Directories of the guests.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Creates a directory and its parents.
pub(crate) fn create(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot create '{}'", directory.display()))
}
