//! The walls between the packages: what a package must not depend on, however indirectly.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::shell;

/// A package, and those that it must not depend on.
///
/// The arrows go from the probes to the screen: nothing below knows what is above, and only the binary
/// knows both the probes and what shows their counts.
const WALLS: [(&str, &[&str]); 11] = [
    // It looks at files, and knows neither processes nor samples.
    ("zc-code", &["aya", "tokio", "ratatui", "clap", "zc-common", "zc-model", "zc-probe"]),
    (
        "zc-model",
        &[
            "aya",
            "tokio",
            "ratatui",
            "clap",
            "zc-probe",
            "zc-session",
            "zc-render",
            "zc-report",
            "zc-tui",
            "zc-lab",
        ],
    ),
    ("zc-probe", &["ratatui", "clap", "zc-session", "zc-render", "zc-report", "zc-tui", "zc-lab"]),
    (
        "zc-session",
        &["aya", "ratatui", "clap", "zc-probe", "zc-render", "zc-report", "zc-tui", "zc-lab"],
    ),
    (
        "zc-recording",
        &[
            "aya",
            "tokio",
            "ratatui",
            "clap",
            "zc-probe",
            "zc-session",
            "zc-render",
            "zc-report",
            "zc-tui",
            "zc-lab",
        ],
    ),
    (
        "zc-render",
        &["aya", "tokio", "clap", "zc-probe", "zc-session", "zc-report", "zc-tui", "zc-lab"],
    ),
    (
        "zc-export",
        &[
            "aya",
            "tokio",
            "clap",
            "arrow",
            "zc-probe",
            "zc-session",
            "zc-recording",
            "zc-report",
            "zc-serve",
            "zc-tui",
            "zc-lab",
        ],
    ),
    ("zc-report", &["aya", "tokio", "clap", "zc-probe", "zc-session", "zc-tui", "zc-lab"]),
    ("zc-serve", &["aya", "clap", "zc-probe", "zc-report", "zc-tui", "zc-lab"]),
    ("zc-tui", &["aya", "clap", "zc-probe", "zc-report", "zc-lab"]),
    ("zc-lab", &["aya", "zc-probe", "zc-report"]),
];

/// A line for each dependency through a wall, with the packages that lead to it. Asks cargo what each
/// package depends on with all its features; tests and build scripts do not count.
///
/// # Errors
///
/// The workspace does not have a package of the table, which then protects nothing.
pub(crate) fn breaches() -> Result<Vec<String>> {
    let members = members()?;
    let mut breaches = Vec::new();
    for (package, forbidden) in WALLS {
        ensure!(
            members.iter().any(|member| member == package),
            "cannot check the walls of {package}: there is no such package; \
             change the table in xtask/src/walls.rs"
        );
        let arguments = [
            "tree",
            "--package",
            package,
            "--edges",
            "normal",
            "--all-features",
            "--prefix",
            "depth",
            "--format",
            " {p}",
        ];
        let tree = shell::capture(&mut shell::cargo(&arguments))?;
        breaches.extend(chains(&tree, forbidden)?);
    }
    Ok(breaches)
}

/// The names of the packages of the workspace.
fn members() -> Result<Vec<String>> {
    let arguments = ["metadata", "--no-deps", "--format-version=1"];
    let metadata = shell::capture(&mut shell::cargo(&arguments))?;
    let metadata: Value =
        serde_json::from_str(&metadata).context("cannot read cargo's metadata")?;
    let packages = metadata["packages"].as_array().context("cargo names no packages")?;
    Ok(packages.iter().filter_map(|it| Some(it["name"].as_str()?.to_owned())).collect())
}

/// The chains of packages that end with a forbidden one, in what `cargo tree` printed: lines of a
/// depth and a package, each below the nearest one with a smaller depth.
fn chains(tree: &str, forbidden: &[&str]) -> Result<Vec<String>> {
    let mut chain: Vec<&str> = Vec::new();
    let mut chains = Vec::new();
    for line in tree.lines().filter(|line| !line.trim().is_empty()) {
        let parts = line.split_once(' ').and_then(|(depth, rest)| {
            Some((depth.parse::<usize>().ok()?, rest.split_whitespace().next()?))
        });
        let (depth, name) = parts.with_context(|| format!("cannot read cargo's tree: '{line}'"))?;
        chain.truncate(depth);
        chain.push(name);
        if forbidden.contains(&name) {
            chains.push(chain.join(" -> "));
        }
    }
    Ok(chains)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "0 model v0.1.0 (/src/model)\n1 common v0.1.0 (/src/common)\n\
                        2 aya v0.14.0\n3 aya-obj v0.3.0\n2 libc v0.2.1\n1 serde v1.0.0\n\
                        2 serde_core v1.0.0\n1 aya v0.14.0 (*)\n";

    #[test]
    fn a_breach_names_the_packages_that_lead_to_it() {
        let found = chains(TREE, &["aya", "serde_core"]).expect("it is a tree");
        assert_eq!(
            found,
            ["model -> common -> aya", "model -> serde -> serde_core", "model -> aya"]
        );
    }

    #[test]
    fn a_name_that_only_begins_like_a_forbidden_one_is_no_breach() {
        assert_eq!(chains(TREE, &["ser", "tokio", "obj"]).expect("it is a tree"), [""; 0]);
    }

    #[test]
    fn cargo_is_understood() {
        let tree = shell::capture(&mut shell::cargo(&[
            "tree",
            "--package",
            "xtask",
            "--edges",
            "normal",
            "--prefix",
            "depth",
            "--format",
            " {p}",
        ]))
        .expect("cargo knows this package");
        let found = chains(&tree, &["anyhow"]).expect("it is a tree");
        assert_eq!(found, ["xtask -> anyhow"]);
    }
}
