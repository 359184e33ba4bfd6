//! A group of probes that is missing takes its own numbers away, and no others.

use serde_json::Value;

use super::{
    agreement::{check, group, provenances},
    zc::{path, run, zc},
};

const GROUPS: [&str; 11] = [
    "faults",
    "page_cache",
    "mmap",
    "block",
    "writeback",
    "dma",
    "swiotlb",
    "iommu",
    "net",
    "io_uring",
    "tax",
];
/// Counters that go with a group.
const LOST: [(&str, &[&str]); 6] = [
    ("faults", &["cow_copied_bytes"]),
    ("page_cache", &["page_cache_hits", "page_cache_misses"]),
    ("mmap", &["mapped_sent_bytes"]),
    ("block", &["block_read_bytes", "block_write_bytes", "block_dirtied_bytes"]),
    ("io_uring", &["uring_ops", "uring_punted_ops"]),
    ("tax", &["cpu_samples", "copy_samples", "relaying_cpu_samples"]),
];
const DD: [&str; 6] = ["--", "dd", "if=/dev/zero", "of=/dev/null", "bs=4099", "count=7"];

/// All groups are left out at once: each attachment costs the kernel's verifier a second.
fn without_all(verb: &'static str) -> Vec<&'static str> {
    std::iter::once(verb).chain(GROUPS.iter().flat_map(|group| ["--without", group])).collect()
}

#[test]
fn what_a_missing_group_would_have_given_is_null_and_not_0() {
    let all = run(zc(["stat", "--json"].iter().chain(&DD))).exits(0).json();
    let less = run(zc(without_all("stat").iter().chain(&["--json"]).chain(&DD))).exits(0).json();
    let lost = LOST.iter().flat_map(|(_, counters)| *counters);
    for (name, value) in less["totals"]["counters"].as_object().unwrap() {
        let before = &all["totals"]["counters"][name];
        if lost.clone().any(|lost| lost == name) {
            assert!(value.is_null() && !before.is_null(), "{name}: {before} became {value}");
        } else {
            assert_eq!(value.is_null(), before.is_null(), "{name}: {before} became {value}");
        }
    }
    assert_eq!(path(&less, "dd", "pseudo_read"), (7, 7 * 4099));
    for (group, _) in LOST {
        let limits = less["limitations"].to_string();
        assert!(limits.contains(&format!("--without {group}")), "{limits}");
    }
}

#[test]
fn what_a_missing_group_would_have_given_is_a_dash_with_a_reason_in_text() {
    let words = without_all("stat");
    let report = run(zc(words.iter().chain(&["--", "true"]))).exits(0).stderr();
    let (_, notes) = report.split_once("\nNotes\n").unwrap();
    let notes = notes.split_whitespace().collect::<Vec<_>>().join(" ");
    for (group, counters) in LOST {
        for counter in counters {
            // The rare ones have no row, but the notes name them all.
            let row = report.lines().find(|line| line.trim_end().ends_with(counter));
            let is_rare = matches!(group, "faults" | "mmap" | "io_uring")
                || *counter == "relaying_cpu_samples";
            assert_eq!(row.is_none(), is_rare, "{report}");
            let first = row.and_then(|row| row.split_whitespace().next());
            assert_eq!(first.unwrap_or("-"), "-", "{report}");
            assert!(notes.contains(counter), "{notes}");
        }
        assert!(notes.contains(&format!("--without {group}")), "{notes}");
    }
}

#[test]
fn doctor_says_what_is_missing_and_calls_it_degraded() {
    let everything = run(zc(["doctor", "--json"])).exits(0).json();
    for finding in everything.as_array().unwrap() {
        assert!(finding["verdict"] == "OK" || finding["verdict"] == "DEGRADED", "{finding}");
    }
    let report = run(zc(without_all("doctor"))).exits(0).stdout();
    // Two groups serve mapped pages.
    let is_replaced = |id| id == "mmap" && group(&everything, "mapped")["provenance"] == "measured";
    for group in GROUPS {
        let row = report.lines().find(|line| line.split_whitespace().nth(1) == Some(group));
        let row = row.unwrap_or_else(|| panic!("no {group} in {report}"));
        if is_replaced(group) {
            assert!(row.starts_with("OK") && row.contains("measured by mapped"), "{row}");
        } else {
            assert!(row.starts_with("DEGRADED") && row.contains("not measured"), "{row}");
        }
    }
}

/// The findings of `zc doctor` and a report of `zc stat`, both without some groups.
fn both(groups: &[&str]) -> (Value, Value) {
    let off: Vec<_> = groups.iter().flat_map(|group| ["--without", group]).collect();
    let findings = run(zc(["doctor", "--json"].iter().chain(&off))).exits(0).json();
    let report = run(zc(["stat", "--json"].iter().chain(&off).chain(&DD))).exits(0).json();
    (findings, report)
}

#[test]
fn mapped_pages_are_what_the_group_that_is_left_makes_of_them() {
    let everything = run(zc(["doctor", "--json"])).exits(0).json();
    // Either may be what this kernel does not have.
    let has =
        |id| group(&everything, id)["what"].as_str().is_some_and(|it| !it.contains("measured"));
    let (mmap, mapped) = (has("mmap"), has("mapped"));
    for (off, expected) in [
        (&["mapped"][..], if mmap { "modelled" } else { "unavailable" }),
        (&["mmap"][..], if mapped { "measured" } else { "unavailable" }),
        (&["mmap", "mapped"][..], "unavailable"),
    ] {
        let (findings, report) = both(off);
        for id in off {
            let finding = group(&findings, id);
            assert_eq!(finding["provenance"], expected, "{finding:#}");
            for path in ["mmap_read", "mmap_write"] {
                assert_eq!(finding["paths"][path], expected, "{finding:#}");
            }
        }
        // Every program maps its own code.
        let rows = provenances(&report, "mmap_read");
        let of_rows = rows.into_iter().collect::<Vec<_>>();
        let expected = if expected == "unavailable" { vec![] } else { vec![expected] };
        assert_eq!(of_rows, expected, "without {off:?}");
        check(&findings, &report);
    }
}

#[test]
fn doctor_and_reports_have_one_provenance_for_each_figure() {
    let copying: Vec<_> = ["copy_files", "copy_late", "copy_faults", "bounce", "kprobes"].into();
    let faults: Vec<_> = ["faults", "copy_faults", "writeback", "tax"].into();
    for off in [vec![], GROUPS.to_vec(), copying, faults] {
        let (findings, report) = both(&off);
        check(&findings, &report);
    }
}
