//! The page about serving names every family.

use std::{fs, path::Path};

use zc_serve::families;

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
