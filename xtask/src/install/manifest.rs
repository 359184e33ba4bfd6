//! The list of installed files, which is installed with them.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// Where the list is, below the prefix.
pub(super) const MANIFEST: &str = "share/zc/installed";

/// The files that the last installation in this prefix left; none if there was no installation.
pub(super) fn read(prefix: &Path) -> Result<BTreeSet<PathBuf>> {
    let path = prefix.join(MANIFEST);
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text).with_context(|| format!("'{}' is damaged", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read '{}'", path.display())),
    }
}

/// The list as a text.
pub(super) fn text(files: &BTreeSet<PathBuf>) -> String {
    files.iter().map(|file| format!("{}\n", file.display())).collect()
}

/// All files below a directory, relative to it.
pub(super) fn below(directory: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    let mut open = vec![directory.to_owned()];
    while let Some(parent) = open.pop() {
        let entries =
            fs::read_dir(&parent).with_context(|| format!("cannot read '{}'", parent.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.insert(path.strip_prefix(directory)?.to_owned());
            }
        }
    }
    Ok(files)
}

/// Refuses paths that lead out of the prefix: the files are going to be removed, maybe by root.
fn parse(text: &str) -> Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    for line in text.lines() {
        let path = Path::new(line);
        let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        if line.is_empty() || !is_inside {
            bail!("'{line}' is not a path below the prefix");
        }
        files.insert(path.to_owned());
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let files = BTreeSet::from(["bin/zc", "share/man/man1/zc.1"].map(PathBuf::from));
        assert_eq!(parse(&text(&files)).expect("it is valid"), files);
    }

    #[test]
    fn nothing_outside_of_the_prefix_is_listed() {
        for text in ["/etc/passwd\n", "bin/../../etc/passwd\n", "bin/zc\n\nshare/x\n"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
