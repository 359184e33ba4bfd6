//! The attach matrix: what each kernel lets `zc` measure, as `zc doctor` found it in the guests.
//!
//! `docs/attach-matrix.json` has what the guests reported, and `docs/attach-matrix.md` is a table of
//! it. A run of the guests is compared with the former; a test compares the latter with the former.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::matrix::{KERNELS, Kernel};
use crate::checkout;

/// What the guests reported; kernels by series.
const DATA: &str = "docs/attach-matrix.json";
/// The same as a table.
const TABLE: &str = "docs/attach-matrix.md";

/// What a probe group measures on a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cell {
    provenance: String,
    reason: Option<String>,
}

/// The groups of a kernel, in the order of the report.
type Column = Vec<(String, Cell)>;

/// The columns, by series.
#[derive(Debug, Default)]
struct Matrix(BTreeMap<String, Column>);

/// Compares what the kernels reported in this run with the committed data, or writes that. Each kernel
/// comes with the directory of its results.
pub(crate) fn check(reports: &[(&Kernel, PathBuf)], write: bool) -> Result<()> {
    let path = checkout::root().join(DATA);
    let mut known = Matrix::read(&path)?;
    let mut differences = Vec::new();
    for (kernel, results) in reports {
        let column = report(&results.join("doctor.json"))
            .with_context(|| format!("Linux {}: no report of zc doctor", kernel.series))?;
        let before = known.0.get(kernel.series).map(Vec::as_slice).unwrap_or_default();
        differences.extend(compare(kernel.series, before, &column));
        known.0.insert(kernel.series.to_owned(), column);
    }
    if write {
        known.0.retain(|series, _| KERNELS.iter().any(|kernel| kernel.series == series));
        let text = serde_json::to_string_pretty(&known.json())? + "\n";
        for (path, text) in [(DATA, text), (TABLE, known.table())] {
            let path = checkout::root().join(path);
            fs::write(&path, text).with_context(|| format!("cannot write '{}'", path.display()))?;
        }
        return Ok(());
    }
    if !differences.is_empty() {
        bail!(
            "{DATA} is out of date, or something broke:\n  {}\nif the change is intended, run `cargo xtask vm --write`",
            differences.join("\n  ")
        );
    }
    Ok(())
}

/// The groups in a report of `zc doctor --json`.
fn report(path: &Path) -> Result<Column> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read '{}'", path.display()))?;
    let findings: Value = serde_json::from_str(&text)?;
    let findings = findings.as_array().context("not a list of findings")?;
    let groups: Column = findings.iter().filter_map(cell).collect();
    if groups.is_empty() {
        bail!("no probe was attached: {text}");
    }
    Ok(groups)
}

/// The name of a group, and what it measures.
fn cell(value: &Value) -> Option<(String, Cell)> {
    let provenance = value["provenance"].as_str()?.to_owned();
    let reason = value["reason"].as_str().map(str::to_owned);
    Some((value["group"].as_str()?.to_owned(), Cell { provenance, reason }))
}

/// The differences, a line each.
fn compare(series: &str, before: &[(String, Cell)], now: &[(String, Cell)]) -> Vec<String> {
    let find = |column: &[(String, Cell)], group: &str| {
        column.iter().find(|(known, _)| known == group).map(|(_, cell)| cell.to_string())
    };
    let mut groups: Vec<_> = now.iter().chain(before).map(|(group, _)| group.as_str()).collect();
    groups.sort_unstable();
    groups.dedup();
    let absent = || "nothing".to_owned();
    let differences = groups.into_iter().filter_map(|group| {
        let (old, new) = (find(before, group), find(now, group));
        (old != new).then(|| {
            let (old, new) = (old.unwrap_or_else(absent), new.unwrap_or_else(absent));
            format!("{group} on Linux {series}: {new}, and not {old}")
        })
    });
    differences.collect()
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.provenance)?;
        match &self.reason {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        }
    }
}

impl Matrix {
    fn read(path: &Path) -> Result<Self> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read '{}'", path.display()));
            }
        };
        Self::parse(&text).with_context(|| format!("'{}' is not valid", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text)?;
        let columns = value.as_object().context("not an object")?;
        let columns = columns.iter().map(|(series, groups)| {
            let groups = groups.as_array().map(Vec::as_slice).unwrap_or_default();
            (series.clone(), groups.iter().filter_map(cell).collect())
        });
        Ok(Self(columns.collect()))
    }

    fn json(&self) -> Value {
        let columns = self.0.iter().map(|(series, column)| {
            let groups = column.iter().map(|(group, cell)| {
                let mut value = json!({ "group": group, "provenance": cell.provenance });
                if let Some(reason) = &cell.reason {
                    value["reason"] = json!(reason);
                }
                value
            });
            (series.clone(), groups.collect::<Value>())
        });
        Value::Object(columns.collect())
    }

    /// The document.
    fn table(&self) -> String {
        let columns: Vec<_> = KERNELS
            .iter()
            .filter_map(|kernel| Some((kernel.series, self.0.get(kernel.series)?)))
            .collect();
        let mut groups: Vec<&str> = Vec::new();
        for (_, column) in &columns {
            for (group, _) in *column {
                if !groups.contains(&group.as_str()) {
                    groups.push(group);
                }
            }
        }
        let mut text = String::from(HEADING);
        let series: Vec<_> = columns.iter().map(|(series, _)| format!("Linux {series}")).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| probes | {} |", series.join(" | "));
        let _ = writeln!(text, "| --- |{}", " --- |".repeat(columns.len()));
        let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
        for group in groups {
            let cells: Vec<_> = columns
                .iter()
                .map(|(series, column)| {
                    let Some((_, cell)) = column.iter().find(|(known, _)| known == group) else {
                        return "-".to_owned();
                    };
                    if let Some(reason) = &cell.reason {
                        let reason = format!("`{group}` is {}: {reason}", cell.provenance);
                        match reasons.iter_mut().find(|(known, _)| *known == reason) {
                            Some((_, kernels)) => kernels.push(series),
                            None => reasons.push((reason, vec![series])),
                        }
                    }
                    cell.provenance.clone()
                })
                .collect();
            let _ = writeln!(text, "| `{group}` | {} |", cells.join(" | "));
        }
        if !reasons.is_empty() {
            text.push_str("\n## Why not measured\n\n");
        }
        for (reason, kernels) in reasons {
            let _ = writeln!(text, "- {}: {reason}", kernels.join(", "));
        }
        text
    }
}

const HEADING: &str = "# What each kernel lets `zc` measure

<!-- Written by `cargo xtask vm --write` from what the virtual machines report. Do not edit. -->

Debian's kernels for x86-64, as `zc doctor` finds them. *Measured*: counted where it happens.
*Modelled*: derived from what was measured, as the path is known to behave. *Unavailable*: shown as
a dash, never as 0.

";

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(text: &str) -> Matrix {
        Matrix::parse(text).expect("it is valid")
    }

    /// The table has what the guests reported, and no edits by hand.
    #[test]
    fn docs_attach_matrix() {
        let data = checkout::root().join(DATA);
        let table = Matrix::read(&data).expect("the data can be read").table();
        let path = checkout::root().join(TABLE);
        if std::env::var_os("ZC_BLESS").is_some() {
            fs::write(&path, &table).expect("the table can be written");
        }
        let written = fs::read_to_string(&path).expect("the table can be read");
        assert_eq!(written, table, "{TABLE} is out of date: run `cargo xtask docs`");
    }

    #[test]
    fn a_table_has_a_reason_for_all_that_is_not_measured() {
        let text = matrix(
            r#"{"5.10": [{"group": "core", "provenance": "measured"},
                         {"group": "dma", "provenance": "unavailable", "reason": "no event"}],
                "6.1": [{"group": "dma", "provenance": "unavailable", "reason": "no event"}],
                "7.2": [{"group": "core", "provenance": "measured"}]}"#,
        )
        .table();
        let lines: Vec<_> = text.lines().skip_while(|line| !line.starts_with('|')).collect();
        assert_eq!(
            lines,
            [
                "| probes | Linux 5.10 | Linux 6.1 | Linux 7.2 |",
                "| --- | --- | --- | --- |",
                "| `core` | measured | - | measured |",
                "| `dma` | unavailable | unavailable | - |",
                "",
                "## Why not measured",
                "",
                "- 5.10, 6.1: `dma` is unavailable: no event",
            ]
        );
    }

    #[test]
    fn what_has_changed_is_named() {
        let known = matrix(
            r#"{"5.10": [{"group": "core", "provenance": "measured"}],
                "6.1": [{"group": "core", "provenance": "unavailable", "reason": "why"},
                        {"group": "net", "provenance": "measured"}]}"#,
        );
        let (before, now) = (&known.0["5.10"], &known.0["6.1"]);
        assert!(compare("5.10", before, before).is_empty());
        assert_eq!(
            compare("5.10", before, now),
            [
                "core on Linux 5.10: unavailable (why), and not measured",
                "net on Linux 5.10: measured, and not nothing",
            ]
        );
    }
}
