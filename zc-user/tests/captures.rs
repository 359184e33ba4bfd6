//! The screens in the documents are the ones that the tests draw from fixtures.
//!
//! `<!-- capture:NAME -->` in a document stands before a block with the screen of the snapshot of that
//! name, `<!-- /capture -->` after it. `cargo xtask docs` writes the blocks.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{fs, path::Path};

const BEGIN: &str = "<!-- capture:";
const END: &str = "<!-- /capture -->";

/// The screen that the dashboard's tests compare with, without blanks at the ends of lines.
fn screen(name: &str) -> String {
    let snapshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("tui/tests/tui/snapshots");
    let path = snapshots.join(format!("tui__screens__{name}.snap"));
    let text = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("no screen '{name}': {}: {error}", path.display()));
    let (_, screen) = text.trim_start_matches("---").split_once("\n---\n").unwrap();
    screen.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// The document with every capture as it is drawn now, and how many there are.
fn current(document: &str) -> (String, usize) {
    let mut text = String::new();
    let mut rest = document;
    let mut found = 0;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (name, after) = after.split_once(" -->").expect("a mark ends on its line");
        let (_, after) = after.split_once(END).expect("a capture ends");
        text += &format!("{before}{BEGIN}{name} -->\n```text\n{}\n```\n{END}", screen(name));
        rest = after;
        found += 1;
    }
    (text + rest, found)
}

#[test]
fn docs_captures_are_the_screens_of_the_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut captures = 0;
    for name in ["README.md", "README.zh.md", "docs/workshop.md"] {
        let path = root.join(name);
        let committed = fs::read_to_string(&path).unwrap();
        let (current, found) = current(&committed);
        if std::env::var_os("ZC_BLESS").is_some() {
            fs::write(&path, &current).unwrap();
        } else {
            assert!(committed == current, "{name} shows an old screen; run 'cargo xtask docs'");
        }
        captures += found;
    }
    assert!(captures > 0, "the README has lost its picture");
}
