//! The examples of docs/filters.md.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{fs, path::Path};

use zc_model::filter;

/// The filters of the tables that have such: what stands in the first cell, in backquotes.
fn examples(text: &str) -> Vec<String> {
    let mut examples = Vec::new();
    let mut is_table = false;
    for line in text.lines() {
        if !line.starts_with('|') {
            is_table = false;
        } else if line == "| filter | selects |" {
            is_table = true;
        } else if is_table && let Some(rest) = line.strip_prefix("| `") {
            let (example, _) = rest.split_once("` | ").unwrap();
            examples.push(example.replace("\\|", "|"));
        }
    }
    examples
}

#[test]
fn every_example_of_the_document_is_a_filter() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/filters.md");
    let text = fs::read_to_string(path).unwrap();
    let examples = examples(&text);
    assert!(examples.len() >= 30, "{examples:?}");
    for example in examples {
        filter::parse(&example).unwrap_or_else(|error| panic!("{example}: {error}"));
    }
    let wrong = "copied > 10MiB/s and usr = root";
    let error = filter::parse(wrong).unwrap_err().to_string();
    let (first, place) = error.split_once('\n').unwrap();
    assert!(text.contains(place), "{error}");
    let (first, _) = first.split_once(" Columns:").unwrap();
    assert!(text.contains(first), "{first}");
}
