//! Checks of the files that no compiler makes.

use std::env;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::checkout;
use crate::workspace;

/// Fails if a file contains a path that exists only on the author's machine.
pub(crate) fn no_private_paths() -> Result<()> {
    let private = private_paths();
    let mut found = Vec::new();
    for file in workspace::files()? {
        let path = checkout::root().join(&file);
        // A file that is deleted but not yet committed is still listed.
        if !path.is_file() {
            continue;
        }
        let bytes = fs::read(&path).with_context(|| format!("cannot read '{}'", file.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        found.extend(
            mentions(&text, &private)
                .map(|(line, path)| format!("{}:{line}: names '{path}'", file.display())),
        );
    }
    if !found.is_empty() {
        bail!("paths of a private machine:\n  {}", found.join("\n  "));
    }
    Ok(())
}

/// The directories that differ from machine to machine, as they are on this one.
fn private_paths() -> Vec<String> {
    let root = checkout::root().display().to_string();
    let variables = ["HOME", "CARGO_HOME", "RUSTUP_HOME", "CARGO_TARGET_DIR"];
    let mut paths: Vec<String> = variables.iter().filter_map(|name| env::var(name).ok()).collect();
    paths.push(root);
    // Every file contains "/", and many contain "/src".
    paths.retain(|path| Path::new(path).components().count() > 1);
    paths.iter().map(|path| format!("{}/", path.trim_end_matches('/'))).collect()
}

fn mentions<'a>(text: &'a str, private: &'a [String]) -> impl Iterator<Item = (usize, &'a str)> {
    text.lines().enumerate().flat_map(move |(index, line)| {
        private
            .iter()
            .filter(move |path| line.contains(*path))
            .map(move |path| (index + 1, path.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_path_is_found_with_its_line() {
        let private = vec!["/somewhere/mine/".to_owned()];
        let text = "fine\nsee /somewhere/mine/notes\n/somewhere/minefield is another\n";
        assert_eq!(mentions(text, &private).collect::<Vec<_>>(), [(2, "/somewhere/mine/")]);
    }

    #[test]
    fn the_checkout_itself_is_private() {
        let root = format!("{}/", checkout::root().display());
        assert!(private_paths().contains(&root));
    }
}
