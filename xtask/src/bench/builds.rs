//! The builds of `zc` that a measurement compares, and how to get those of other revisions.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::shell;
use crate::workspace;

/// Names of what every measurement has.
const TAKEN: [&str; 3] = ["bare", "floor", "zc"];

/// Not a build, but compared like one.
const BPFTRACE: &str = "bpftrace";

/// Stands for the executable of this checkout.
const OWN: &str = "own";

/// How a word begins that names a revision.
const REVISION: &str = "rev:";

const FORM: &str = "NAME=PATH, NAME=rev:REVISION or NAME=own, each with [,without=GROUP]... [,with=SWITCH] [,elsewhere]";

/// What a build can do in addition. The benchmark knows how each is switched on.
const SWITCHES: [&str; 3] = ["objects", "stacks", "user_copies"];

/// What the build of this checkout is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// Another build of `zc`.
    Build(Build),
    /// The equivalent script.
    Bpftrace,
}

/// A build of `zc`, as it is named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Build {
    name: String,
    program: Program,
    /// Probe groups that it leaves out.
    without: Vec<String>,
    /// What is switched on, one of [`SWITCHES`].
    with: Option<String>,
    /// Whether it follows other processes than those that are measured.
    elsewhere: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Program {
    /// The one of this checkout.
    Own,
    Path(PathBuf),
    Revision(String),
}

/// Parses a word of the command line.
pub(super) fn parse(text: &str) -> Result<Compared, String> {
    if text == BPFTRACE {
        return Ok(Compared::Bpftrace);
    }
    let (name, rest) = text.split_once('=').ok_or(format!("expected {FORM}; or '{BPFTRACE}'"))?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || !name.chars().all(is_word) {
        return Err(format!("'{name}' is not a name: letters, digits, '-', '_' and '.' are"));
    }
    if TAKEN.contains(&name) || name == BPFTRACE {
        return Err(format!("'{name}' names another setting; give the build another name"));
    }
    let mut words = rest.split(',');
    let program = match words.next().unwrap_or_default() {
        "" => return Err(format!("'{name}' has no program; expected {FORM}")),
        OWN => Program::Own,
        word => match word.strip_prefix(REVISION) {
            Some(revision) => Program::Revision(revision.to_owned()),
            None => Program::Path(PathBuf::from(word)),
        },
    };
    let name = name.to_owned();
    let mut build = Build { name, program, without: Vec::new(), with: None, elsewhere: false };
    for word in words {
        match word.split_once('=') {
            Some(("without", group)) if !group.is_empty() => build.without.push(group.to_owned()),
            Some(("with", switch)) if SWITCHES.contains(&switch) && build.with.is_none() => {
                build.with = Some(switch.to_owned());
            }
            None if word == "elsewhere" => build.elsewhere = true,
            _ => {
                let switches = SWITCHES.join(", ");
                return Err(format!(
                    "'{word}' is neither without=GROUP, elsewhere, nor with=SWITCH, once, of {switches}"
                ));
            }
        }
    }
    Ok(Compared::Build(build))
}

/// What a measurement compares the build of this checkout with, ready to be measured.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Arguments of the benchmark `cost`.
    pub(super) words: Vec<String>,
    /// Executables that the words name, besides this checkout's.
    pub(super) programs: Vec<PathBuf>,
    pub(super) bpftrace: bool,
}

/// Builds what has to be built. The caller has done the set-up.
pub(super) fn resolve(compared: &[Compared]) -> Result<Comparison> {
    let mut comparison = Comparison::default();
    for it in compared {
        let Compared::Build(build) = it else {
            comparison.bpftrace = true;
            continue;
        };
        let program = build.program.executable()?;
        comparison.words.extend(["--build".to_owned(), build.json(program.as_deref()).to_string()]);
        comparison.programs.extend(program);
    }
    comparison.programs.sort();
    comparison.programs.dedup();
    Ok(comparison)
}

impl Build {
    fn json(&self, program: Option<&Path>) -> Value {
        let Self { name, without, with, elsewhere, .. } = self;
        json!({
            "name": name, "program": program, "without": without, "with": with, "elsewhere": elsewhere
        })
    }
}

impl Program {
    /// The full path; `None` for this checkout's, which the benchmark knows.
    fn executable(&self) -> Result<Option<PathBuf>> {
        match self {
            Self::Own => Ok(None),
            Self::Path(path) => {
                let full = fs::canonicalize(path)
                    .with_context(|| format!("cannot find the build '{}'", path.display()))?;
                ensure!(full.is_file(), "'{}' is not an executable of zc", path.display());
                Ok(Some(full))
            }
            Self::Revision(revision) => executable_of(revision).map(Some),
        }
    }
}

/// The executable of a revision: built in a worktree of its own the first time.
fn executable_of(revision: &str) -> Result<PathBuf> {
    let commit = ["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")];
    let commit = shell::capture(&mut shell::command("git", &commit))
        .with_context(|| format!("there is no revision '{revision}' here; see `git log`"))?;
    let commit = commit.trim();
    let directory = workspace::target()?.join("bench").join("revisions");
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot create '{}'", directory.display()))?;
    let executable = directory.join(format!("zc-{commit}"));
    if executable.is_file() {
        return Ok(executable);
    }
    let worktree = Worktree::add(directory.join(commit), commit)?;
    let target = directory.join("target");
    let mut build = shell::cargo(&["build", "--release", "--package", "zc-user", "--bin", "zc"]);
    build.current_dir(&worktree.0).arg("--target-dir").arg(&target);
    shell::run(&mut build)?;
    // Under another name first: one that is incomplete must not be taken for it.
    let part = executable.with_extension("part");
    fs::copy(target.join("release/zc"), &part)
        .and_then(|_| fs::rename(&part, &executable))
        .with_context(|| format!("cannot write '{}'", executable.display()))?;
    Ok(executable)
}

/// A worktree of this repository. It goes when this is dropped.
struct Worktree(PathBuf);

impl Worktree {
    fn add(path: PathBuf, commit: &str) -> Result<Self> {
        let worktree = Self(path);
        // One may be left of a run that was killed.
        worktree.remove();
        let mut add = shell::command("git", &["worktree", "add", "--quiet", "--detach"]);
        shell::run(add.arg(&worktree.0).arg(commit))?;
        Ok(worktree)
    }

    fn remove(&self) {
        let mut remove = shell::command("git", &["worktree", "remove", "--force"]);
        shell::succeeds(remove.arg(&self.0));
    }
}

impl Drop for Worktree {
    fn drop(&mut self) {
        self.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(text: &str) -> Build {
        match parse(text) {
            Ok(Compared::Build(build)) => build,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_build_is_a_path_a_revision_or_this_checkout() {
        let path = build("before=/tmp/zc");
        assert_eq!(path.name, "before");
        assert_eq!(path.program, Program::Path(PathBuf::from("/tmp/zc")));
        assert!(path.without.is_empty());
        let revision = build("v1.0-rc=rev:HEAD~3");
        assert_eq!(revision.program, Program::Revision("HEAD~3".to_owned()));
        assert!(!revision.elsewhere && build("others=own,elsewhere").elsewhere);
        let own = build("bare-net=own,without=net,without=page_cache");
        assert_eq!(own.program, Program::Own);
        assert_eq!(own.without, ["net", "page_cache"]);
        assert_eq!(own.with, None);
        assert_eq!(build("stacks=own,with=stacks").with.as_deref(), Some("stacks"));
        assert_eq!(parse("bpftrace"), Ok(Compared::Bpftrace));
    }

    #[test]
    fn what_is_no_build_is_refused_with_a_reason() {
        let refusals = [
            ("before", "expected NAME=PATH"),
            ("=/tmp/zc", "not a name"),
            ("a b=/tmp/zc", "not a name"),
            ("zc=/tmp/zc", "another setting"),
            ("floor=/tmp/zc", "another setting"),
            ("bpftrace=/tmp/zc", "another setting"),
            ("before=", "has no program"),
            ("before=,without=net", "has no program"),
            ("before=/tmp/zc,net", "without=GROUP"),
            ("before=/tmp/zc,without=", "without=GROUP"),
            ("before=/tmp/zc,with=flows", "of objects, stacks, user_copies"),
            ("before=/tmp/zc,with=stacks,with=objects", "with=SWITCH, once"),
        ];
        for (text, why) in refusals {
            let error = parse(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn the_benchmark_is_given_every_build_once_and_every_executable_once() {
        let own = std::env::current_exe().expect("it runs");
        let word = |name: &str| format!("{name}={},without=net", own.display());
        let compared = [word("a"), word("b"), "c=own".to_owned(), "bpftrace".to_owned()];
        let compared: Vec<_> =
            compared.iter().map(|text| parse(text).expect("it is valid")).collect();
        let comparison = resolve(&compared).expect("the executable exists");
        assert!(comparison.bpftrace);
        assert_eq!(comparison.programs.len(), 1);
        let words: Vec<_> = comparison.words.iter().filter(|word| *word != "--build").collect();
        assert_eq!(comparison.words.len(), 2 * words.len());
        let values: Vec<Value> =
            words.iter().map(|word| serde_json::from_str(word).expect("it is JSON")).collect();
        assert_eq!(values[1]["name"], "b");
        assert_eq!(values[1]["without"], json!(["net"]));
        let expected = json!({
            "name": "c", "program": null, "without": [], "with": null, "elsewhere": false
        });
        assert_eq!(values[2], expected);
        let missing = parse("d=/nowhere/zc").expect("it is valid");
        let error = resolve(&[missing]).expect_err("there is no such file");
        assert!(error.to_string().contains("/nowhere/zc"), "{error}");
    }
}
