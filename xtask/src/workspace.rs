//! What cargo and git know of the checkout: the target directory, the host, the files.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::shell;

/// Cargo's target directory, wherever the environment puts it.
pub(crate) fn target() -> Result<PathBuf> {
    let metadata =
        shell::capture(&mut shell::cargo(&["metadata", "--no-deps", "--format-version=1"]))?;
    let metadata: Value =
        serde_json::from_str(&metadata).context("cannot read cargo's metadata")?;
    let directory = metadata["target_directory"].as_str().context("cargo names no target")?;
    Ok(PathBuf::from(directory))
}

/// The triple of this machine, as rustc spells it.
pub(crate) fn host_triple() -> Result<String> {
    let verbose = shell::capture(&mut shell::command("rustc", &["-vV"]))?;
    let host = verbose.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host")?.to_owned())
}

/// The files that git tracks or would add, relative to the root.
pub(crate) fn files() -> Result<Vec<PathBuf>> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let list = shell::capture(&mut shell::command("git", &list))?;
    Ok(list.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from).collect())
}
