//! `words`: finds words that do not appear in this project, and commit subjects that are no actions.
//!
//! The words are in `xtask/words.txt`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::checkout;
use crate::shell;
use crate::workspace;
use list::List;

mod list;
mod subject;

/// The list, which alone may contain the words.
const LIST: &str = "xtask/words.txt";

/// The files that are searched, by their extension. A file without one is a script.
const EXTENSIONS: [&str; 10] =
    ["rs", "md", "toml", "trycmd", "zcdemo", "sh", "java", "html", "bt", "py"];

/// The legal texts, which are not ours.
const LEGAL: &str = "LICENSE-";

/// The last commit before subjects were checked.
const UNCHECKED: &str = "bd75881ba87b4d175429189b23206f1d754a4625";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Search only these files and directories, and no commit subjects
    paths: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut found = 0;
    for path in &arguments.paths {
        if !path.exists() {
            bail!("cannot search '{}': no such file or directory", path.display());
        }
    }
    let only = arguments.paths.iter().map(fs::canonicalize).collect::<Result<Vec<_>, _>>()?;
    let mut print = |findings: Vec<String>| {
        found += findings.len();
        findings.iter().for_each(|finding| println!("{finding}"));
    };
    print(in_files(&only)?);
    if only.is_empty() {
        match in_subjects()? {
            Subjects::Searched(findings) => print(findings),
            Subjects::Unknown(why) => eprintln!("xtask: commit subjects are not checked: {why}"),
        }
    }
    if found > 0 {
        bail!("{found} refused words and commit subjects: see above; {LIST} has the list");
    }
    Ok(())
}

/// The refused words in the files of the checkout, a line for each: `file:line: word -> instead`.
/// If `only` has paths, in those below them.
pub(crate) fn in_files(only: &[PathBuf]) -> Result<Vec<String>> {
    let list = list()?;
    let mut findings = Vec::new();
    for file in workspace::files()? {
        let path = checkout::root().join(&file);
        let is_chosen = only.is_empty() || only.iter().any(|parent| path.starts_with(parent));
        // A file that is deleted but not yet committed is still listed.
        if !is_chosen || !is_searched(&file) || !path.is_file() {
            continue;
        }
        let bytes = fs::read(&path).with_context(|| format!("cannot read '{}'", file.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        findings.extend(list.find(&text).into_iter().map(|finding| {
            format!(
                "{}:{}: {} -> {}",
                file.display(),
                finding.line,
                finding.phrase,
                finding.instead
            )
        }));
    }
    Ok(findings)
}

/// What the search through the commit subjects came to.
pub(crate) enum Subjects {
    /// A line for each that is refused: `commit: subject: complaint -> instead`.
    Searched(Vec<String>),
    /// There is not enough history, and why.
    Unknown(String),
}

/// Searches the subjects of all commits since they are checked.
pub(crate) fn in_subjects() -> Result<Subjects> {
    let git = |arguments: &[&str]| shell::command("git", arguments);
    if !shell::succeeds(&mut git(&["merge-base", "--is-ancestor", UNCHECKED, "HEAD"])) {
        let why = format!("commit {} is not in the history of this checkout", &UNCHECKED[..12]);
        return Ok(Subjects::Unknown(why));
    }
    let list = list()?;
    let range = format!("{UNCHECKED}..HEAD");
    let log = shell::capture(&mut git(&["log", "--no-merges", "--format=%h %s", &range]))?;
    let mut findings = Vec::new();
    for line in log.lines() {
        let (commit, subject) = line.split_once(' ').unwrap_or((line, ""));
        let complaints = subject::complaints(subject, &list);
        findings.extend(complaints.iter().map(|it| format!("commit {commit}: {subject}: {it}")));
    }
    Ok(Subjects::Searched(findings))
}

fn list() -> Result<List> {
    let path = checkout::root().join(LIST);
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read '{}'", path.display()))?;
    List::parse(&text)
}

fn is_searched(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    match file.extension().and_then(OsStr::to_str) {
        Some(extension) => EXTENSIONS.contains(&extension),
        None => !name.starts_with(LEGAL) && !name.starts_with('.'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_read_and_does_not_refuse_itself() {
        let list = list().expect("it is valid");
        assert!(!list.find(&["who", "ever"].concat()).is_empty());
        assert!(!is_searched(Path::new(LIST)));
    }

    #[test]
    fn sources_documents_and_scripts_are_searched() {
        for file in ["a.rs", "docs/a.md", "Cargo.toml", "tests/a.trycmd", ".ci/run"] {
            assert!(is_searched(Path::new(file)), "{file}");
        }
        for file in ["LICENSE-MIT", "Cargo.lock", ".gitignore", "a.snap", "docs/a.json"] {
            assert!(!is_searched(Path::new(file)), "{file}");
        }
    }
}
