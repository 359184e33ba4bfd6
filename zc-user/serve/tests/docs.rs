//! The page about serving names every family.

use std::{fs, path::Path};

use zc_serve::{families, grafana};

const BEGIN: &str = "<!-- families: cargo xtask docs -->\n";
const END: &str = "<!-- end of families -->\n";

/// `cargo xtask docs` writes the table.
#[test]
fn docs_serving_has_the_table_of_families() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/serving.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let wanted = format!("{before}{BEGIN}{}{END}{after}", families::markdown());
    if std::env::var_os("ZC_BLESS").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(
        committed == wanted,
        "docs/serving.md is out of date: the table has changed; run 'cargo xtask docs'"
    );
}

/// `cargo xtask docs` writes the dashboard.
#[test]
fn docs_grafana_is_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contrib/grafana/zc.json");
    let wanted = serde_json::to_string_pretty(&grafana::dashboard()).unwrap() + "\n";
    if std::env::var_os("ZC_BLESS").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == wanted,
        "contrib/grafana/zc.json is out of date: the table has changed; run 'cargo xtask docs'"
    );
}

/// Names of metrics in a text.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(move |c| !is_word(c)).filter(|word| {
        (word.starts_with("zc_") || word.starts_with("process_")) && !word.ends_with('_')
    })
}

#[test]
fn what_is_asked_for_is_exposed() {
    let exposed = |name: &str| families::ALL.iter().any(|family| family.name == name);
    for expression in grafana::expressions() {
        let all: Vec<_> = names(&expression).collect();
        assert!(!all.is_empty(), "{expression}");
        all.iter().for_each(|name| assert!(exposed(name), "{name} in {expression}"));
    }
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contrib/prometheus");
    let mut seen = 0;
    for file in ["zc-alerts.yml", "zc-recording.yml"] {
        let text = fs::read_to_string(rules.join(file)).unwrap();
        // What rules record has colons in its name, which metrics have not.
        let own = |line: &&str| !line.trim_start().starts_with("- record:");
        let text = text.lines().filter(own).collect::<Vec<_>>().join("\n");
        for name in names(&text) {
            assert!(exposed(name), "{name} in {file}");
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}
