//! The command line by itself: nothing here attaches a probe or needs a privilege.
//!
//! `TRYCMD=overwrite cargo test --test cli` rewrites the expected output in `cmd/`.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    path::Path,
    process::{Command, Stdio},
};

use unicode_width::UnicodeWidthStr as _;

/// What `--help` may fill.
const COLUMNS: usize = 100;

fn zc() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zc"));
    // As if the user had requested backtraces: the output must not contain one.
    command.env("RUST_BACKTRACE", "1").env("COLUMNS", "300").stdin(Stdio::null());
    command
}

/// What it prints when all is well.
fn printed(arguments: &[&str]) -> String {
    let output = zc().args(arguments).output().unwrap();
    assert!(output.status.success(), "zc {arguments:?}: {output:?}");
    assert!(output.stderr.is_empty(), "zc {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The verbs, as the help itself names them, and the hidden one.
fn verbs() -> Vec<String> {
    let help = printed(&["-h"]);
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let (list, _) = list.split_once("\n\n").unwrap();
    let shown = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let named = shown.filter_map(|line| line.split_whitespace().next()).map(str::to_owned);
    let verbs: Vec<_> = named.filter(|verb| verb != "help").chain(["docs".to_owned()]).collect();
    assert!(verbs.iter().any(|verb| verb == "stat"), "{verbs:?}");
    verbs
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_right() {
    trycmd::TestCases::new().env("COLUMNS", "100").case("tests/cmd/*.trycmd").run();
}

#[test]
fn help_fits_a_hundred_columns_and_every_option_is_explained() {
    let mut texts = vec![(String::new(), printed(&["--help"])), (String::new(), printed(&["-h"]))];
    let deeper = ["lab list", "lab run", "lab compare", "config check", "config schema"];
    for verb in verbs().into_iter().chain(deeper.map(str::to_owned)) {
        for option in ["--help", "-h"] {
            let words: Vec<_> = verb.split(' ').chain([option]).collect();
            texts.push((verb.clone(), printed(&words)));
        }
    }
    for (verb, text) in texts {
        assert!(text.contains("Usage: zc"), "zc {verb}:\n{text}");
        for line in text.lines() {
            assert!(line.width() <= COLUMNS, "zc {verb}: too wide: {line}");
        }
        // "- man: ..." is a value, not an option.
        let is_option = |line: &str| line.starts_with('-') && !line.starts_with("- ");
        let options = text.lines().filter(|line| is_option(line.trim_start()));
        for (option, next) in options.map(|line| {
            let after = text.lines().skip_while(|other| other != &line).nth(1);
            (line, after.unwrap_or(""))
        }) {
            // The explanation is on the line of the option or on the next one.
            let explained = option.trim_start().split_once("  ").map_or(next, |(_, words)| words);
            assert!(!explained.trim().is_empty(), "zc {verb}: no words for {option}");
            let ends = explained.trim_end().ends_with('.');
            assert!(!ends, "zc {verb}: options end without a full stop: {explained}");
        }
    }
}

#[test]
fn the_options_shared_by_verbs_are_explained_in_the_same_words() {
    let words = |verb: &str, option: &str| {
        let text = printed(&[verb, "-h"]);
        let line = text.lines().find(|line| line.contains(option));
        let line = line.unwrap_or_else(|| panic!("zc {verb} has no {option}"));
        line.split_once("  ").unwrap().1.trim_start().to_owned()
    };
    for option in ["--pid", "--filter", "--sort", "--json", "--csv", "--no-color", "--btf"] {
        assert_eq!(words("top", option), words("stat", option), "{option}");
    }
}

#[test]
fn completions_name_every_verb_in_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(&["completions", shell]);
        for verb in verbs() {
            assert!(script.contains(&verb), "{shell}: {verb}");
        }
        assert!(script.contains("without"), "{shell}: options are missing");
    }
}

#[test]
fn the_lab_lists_what_it_can_run() {
    let list = printed(&["lab", "list"]);
    let details = printed(&["lab", "list", "--long"]);
    let document: serde_json::Value =
        serde_json::from_str(&printed(&["lab", "list", "--json"])).unwrap();
    let scenarios = document["scenarios"].as_array().unwrap();
    assert!(scenarios.len() > 1, "{document}");
    for scenario in scenarios {
        let id = scenario["id"].as_str().unwrap();
        assert!(list.lines().any(|line| line.starts_with(&format!("  {id} "))), "{id}: {list}");
        assert!(details.contains(&format!("{id}: ")), "{id}: {details}");
        let one = printed(&["lab", "list", id]);
        assert!(details.contains(&one), "{id}: {one}");
    }
    let beyond = details.lines().find(|line| line.width() > 80);
    assert_eq!(beyond, None);
}

#[test]
fn a_shell_takes_its_completions() {
    let script = printed(&["completions", "bash"]);
    let bash = Command::new("bash").args(["-n", "-c", &script]).output().unwrap();
    assert!(bash.status.success() && bash.stderr.is_empty(), "{bash:?}");
}

#[test]
fn documents_are_printed_though_their_verb_is_hidden() {
    assert!(!printed(&["--help"]).contains("docs"));
    let man = printed(&["docs", "man"]);
    assert!(man.contains(".TH zc 1") && man.contains("SYNOPSIS"), "{man}");
    for page in ["zc-top", "zc-stat", "zc-config-check"] {
        assert!(man.contains(&format!(".TH {page} 1")), "{page}");
    }
    assert!(man.starts_with(".ie") || man.find(".TH zc 1") < man.find(".TH zc-top 1"));
    let metrics = printed(&["docs", "metrics"]);
    for id in ["file_read", "sendfile_to_socket", "mode_switches"] {
        assert!(metrics.contains(id), "{id}");
    }
}

#[test]
fn the_manual_has_a_page_per_subcommand() {
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("man1");
    assert_eq!(printed(&["docs", "man", "--to", to.to_str().unwrap()]), "");
    let mut pages: Vec<_> = std::fs::read_dir(&to)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    let mut expected: Vec<_> = verbs()
        .into_iter()
        .filter(|verb| verb != "docs")
        .map(|verb| format!("zc-{verb}.1"))
        .chain(["zc.1".to_owned()])
        .chain(
            ["list", "run", "compare", "mystery", "setup"].map(|verb| format!("zc-lab-{verb}.1")),
        )
        .chain(["check", "schema"].map(|verb| format!("zc-config-{verb}.1")))
        .collect();
    expected.sort();
    assert_eq!(pages, expected);
    for page in pages {
        let text = std::fs::read_to_string(to.join(&page)).unwrap();
        let title = format!(".TH {} 1", page.trim_end_matches(".1"));
        assert!(text.contains(&title) && text.contains("SYNOPSIS"), "{page}: {text}");
        assert!(!text.contains("EXTRA"), "{page}");
        let is_dashboard = ["zc.1", "zc-top.1", "zc-replay.1"].contains(&page.as_str());
        assert_eq!(text.contains(".SH KEYS"), is_dashboard, "{page}");
        assert_eq!(text.contains("\n\\&used this path\n"), text.contains("\\-\\-filter"), "{page}");
        if is_dashboard {
            let key = "\\fB\\&g\\fR\n\\&group by command, process, container, user, parent, path";
            assert!(text.contains(key), "{page}: {text}");
        }
    }
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    // More than a pipe holds is not needed: the reader is gone before the first byte.
    for arguments in [
        &["--help"][..],
        &["completions", "zsh"],
        &["docs", "man"],
        &["docs", "metrics"],
        &["doctor"],
        &["doctor", "--json"],
        &["lab", "list"],
        &["lab", "list", "--long"],
        &["lab", "list", "--json"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = zc().args(arguments).stdout(writer).output().unwrap();
        assert!(output.stderr.is_empty(), "zc {arguments:?}: {output:?}");
        assert_eq!(output.status.code(), Some(0), "zc {arguments:?}");
    }
}

/// `cargo xtask docs` writes the page.
#[test]
fn docs_metrics_is_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let page = printed(&["docs", "metrics"]);
    if std::env::var_os("ZC_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "docs/metrics.md is out of date: the tables have changed; run 'cargo xtask docs'"
    );
}
