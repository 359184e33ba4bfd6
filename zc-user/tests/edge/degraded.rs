//! A group of probes that is missing takes its own numbers away, and no others.

use super::zc::{path, run, zc};

const GROUPS: [(&str, &[&str]); 3] = [
    ("faults", &["cow_copied_bytes"]),
    ("page_cache", &["page_cache_hits", "page_cache_misses"]),
    ("block", &["block_read_bytes", "block_write_bytes"]),
];
const DD: [&str; 6] = ["--", "dd", "if=/dev/zero", "of=/dev/null", "bs=4099", "count=7"];

#[test]
fn what_a_missing_group_would_have_given_is_null_and_not_0() {
    let all = run(zc(["stat", "--json"].iter().chain(&DD))).exits(0).json();
    for (group, counters) in GROUPS {
        let less = ["stat", "--json", "--without", group];
        let document = run(zc(less.iter().chain(&DD))).exits(0).json();
        for (name, value) in document["totals"]["counters"].as_object().unwrap() {
            if counters.contains(&name.as_str()) {
                assert!(value.is_null(), "without {group}: {name} is {value}");
                assert!(!all["totals"]["counters"][name].is_null(), "{name}");
            } else {
                let there = !all["totals"]["counters"][name].is_null();
                assert_eq!(!value.is_null(), there, "without {group}: {name}");
            }
        }
        assert_eq!(path(&document, "dd", "pseudo_read"), (7, 7 * 4099), "without {group}");
        let limits = document["limitations"].to_string();
        assert!(limits.contains(&format!("--without {group}")), "{limits}");
    }
}

#[test]
fn what_a_missing_group_would_have_given_is_a_dash_with_a_reason_in_text() {
    for (group, counters) in GROUPS {
        let report = run(zc(["stat", "--without", group, "--", "true"])).exits(0).stderr();
        for counter in counters {
            // The rare ones have no row, but the notes name them all.
            let row = report.lines().find(|line| line.trim_end().ends_with(counter));
            assert_eq!(row.is_none(), group == "faults", "without {group}: {report}");
            let first = row.and_then(|row| row.split_whitespace().next());
            assert_eq!(first.unwrap_or("-"), "-", "without {group}: {report}");
            let (_, notes) = report.split_once("\nNotes\n").unwrap();
            assert!(notes.contains(counter), "without {group}: {notes}");
        }
        let words: Vec<_> = report.split_whitespace().collect();
        assert!(words.join(" ").contains(&format!("--without {group}")), "{report}");
    }
}

#[test]
fn doctor_says_what_is_missing_and_calls_it_degraded() {
    for group in ["faults", "page_cache", "mmap", "block", "net", "io_uring"] {
        let report = run(zc(["doctor", "--without", group])).exits(0).stdout();
        let row =
            report.lines().find(|line| line.split_whitespace().nth(1) == Some(group)).unwrap();
        assert!(row.starts_with("DEGRADED") && row.contains("not measured"), "{row}");
    }
    let everything = run(zc(["doctor", "--json"])).exits(0).json();
    for finding in everything.as_array().unwrap() {
        assert!(finding["verdict"] == "OK" || finding["verdict"] == "DEGRADED", "{finding}");
    }
}
