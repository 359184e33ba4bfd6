//! The document of the dashboard lists all keys, as the help does. `cargo xtask docs` writes the list.

use std::{fmt::Write as _, fs, time::Duration};

use zc_model::{column::Processes, filter::Filter, sort::Direction};
use zc_render::theme::Theme;
use zc_tui::{shell::dashboard, state::checks::Checks};

const BEGIN: &str = "<!-- keys, written by cargo xtask docs -->\n";
const END: &str = "<!-- /keys -->";

/// A table for each section.
fn tables() -> String {
    let sort = (Processes::COPIED_BYTES_PER_SEC, Direction::Descending);
    let (theme, second) = (Theme::new(false, true), Duration::from_secs(1));
    let shell = dashboard(theme, second, Filter::default(), sort, None, Checks::default(), None);
    let mut text = String::new();
    for section in shell.all_keys() {
        let title = section.title.trim_start_matches("Keys: ");
        write!(text, "\n### {title}\n\n| key | what it does |\n| --- | --- |\n").unwrap();
        for (key, help) in section.rows {
            // In a table, a bar ends the cell.
            let [key, help] = [key, help].map(|text| text.replace('|', "\\|"));
            writeln!(text, "| `{key}` | {help} |").unwrap();
        }
    }
    text + "\n"
}

#[test]
fn docs_dashboard_lists_all_keys() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/dashboard.md");
    let committed = fs::read_to_string(path).unwrap();
    let (before, rest) = committed.split_once(BEGIN).expect("it has a list of keys");
    let (_, after) = rest.split_once(END).expect("the list ends");
    let current = format!("{before}{BEGIN}{}{END}{after}", tables());
    assert!(current.matches("\n| `").count() > 40, "these are not all keys");
    if std::env::var_os("ZC_BLESS").is_some() {
        fs::write(path, &current).unwrap();
    } else {
        assert!(committed == current, "dashboard.md has other keys; run 'cargo xtask docs'");
    }
}
