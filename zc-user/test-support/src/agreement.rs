//! What `zc doctor` says of each path and counter, compared with what a report says of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// How uncertain a figure is: the order of `Provenance`.
const ORDER: [&str; 4] = ["measured", "assumed", "modelled", "unavailable"];

/// Paths on which it depends on more than the call whether it copies.
const EVIDENT: [&str; 8] = [
    "direct_read",
    "direct_write",
    "sendfile_to_socket",
    "sendfile_to_pipe",
    "splice_file_pipe",
    "splice_pipe_socket",
    "splice_socket_pipe",
    "copy_range_copied",
];

fn rank(provenance: &str) -> usize {
    ORDER.iter().position(|known| *known == provenance).unwrap()
}

/// The finding of a probe group.
pub fn group<'a>(findings: &'a Value, group: &str) -> &'a Value {
    let mut groups = findings.as_array().unwrap().iter();
    groups.find(|it| it["group"] == group).unwrap_or_else(|| panic!("no {group}: {findings:#}"))
}

/// The provenance of each path or counter. Several groups may serve one: they say the same of it.
fn said<'a>(findings: &'a Value, figures: &str) -> BTreeMap<&'a str, &'a str> {
    let mut said = BTreeMap::new();
    for finding in findings.as_array().unwrap() {
        for (id, provenance) in finding[figures].as_object().into_iter().flatten() {
            let provenance = provenance.as_str().unwrap();
            assert_eq!(*said.entry(id.as_str()).or_insert(provenance), provenance, "{id}");
        }
    }
    said
}

/// Where the copies on a path come from, in all rows of a report.
pub fn provenances<'a>(report: &'a Value, path: &str) -> BTreeSet<&'a str> {
    let rows = rows(report).filter(|row| row["path"] == path);
    rows.map(|row| row["provenance"].as_str().unwrap()).collect()
}

fn rows(report: &Value) -> impl Iterator<Item = &Value> {
    let processes = report["processes"].as_array().unwrap().iter();
    processes.flat_map(|process| process["paths"].as_array().unwrap())
}

/// Every row of `report` has the provenance that the findings of `zc doctor --json` have for its path,
/// and every limitation the one of its counter, under the same options.
pub fn check(findings: &Value, report: &Value) {
    let paths = said(findings, "paths");
    assert!(!paths.is_empty(), "{findings:#}");
    for row in rows(report) {
        let path = row["path"].as_str().unwrap();
        let provenance = row["provenance"].as_str().unwrap();
        let agrees = match (paths[path], provenance) {
            (said, provenance) if said == provenance => true,
            // A copy on a measured path has no site.
            ("measured", "assumed") => true,
            // What holds no data of its own copies, as far as is known.
            ("modelled", "assumed") => path.contains("pseudo"),
            // Nothing shows what a call did, on a path where that depends.
            ("modelled", "unavailable") => EVIDENT.contains(&path),
            // What is certain of them.
            ("unavailable", "modelled") => path == "kernel_copy",
            _ => false,
        };
        assert!(agrees, "{path} is {provenance}, and doctor says {}", paths[path]);
    }
    let mut limited: BTreeMap<&str, &str> = BTreeMap::new();
    for limit in report["limitations"].as_array().unwrap() {
        let [counter, provenance] =
            ["counter", "provenance"].map(|key| limit[key].as_str().unwrap());
        let worst = limited.entry(counter).or_insert(provenance);
        if rank(provenance) > rank(worst) {
            *worst = provenance;
        }
    }
    for (counter, provenance) in said(findings, "counters") {
        let limit = limited.get(counter).copied().unwrap_or("measured");
        assert_eq!(limit, provenance, "{counter}: {:#}", report["limitations"]);
    }
}
