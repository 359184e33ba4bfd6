//! The arrows between the modules of this crate: what is drawn does not reach back into what is known,
//! and a page does not know the shell that it is in.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Each module uses only those before it.
const ORDER: [&str; 15] = [
    "hand_on", "archive", "inspect", "action", "keymap", "line", "state", "widget", "view", "page",
    "shell", "terminal", "world", "console", "run",
];

/// The modules of the crate that this source names.
fn used(source: &str) -> Vec<String> {
    let code: Vec<&str> =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut modules = Vec::new();
    for (start, path) in code.match_indices("crate::") {
        let rest = &code[start + path.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            modules.push(word(rest));
            continue;
        };
        // The names at the first level of `crate::{a::b, c::{d, e}}`.
        let (mut depth, mut begins) = (1, true);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => begins = true,
                _ if begins && c.is_alphabetic() => {
                    modules.push(word(&group[at..]));
                    begins = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    // `super::*` of the tests in a file names nothing.
    modules.retain(|module| !module.is_empty());
    modules
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            sources(&entry.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        found.push(path.to_owned());
    }
}

#[test]
fn each_module_uses_only_those_before_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    let rank = |module: &str| ORDER.iter().position(|other| *other == module);
    let mut arrows = 0;
    for path in paths {
        let relative = path.strip_prefix(&root).unwrap();
        let module = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = module.trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let mut source = fs::read_to_string(&path).unwrap();
        if relative.components().count() == 1 {
            source = source.replace("super::", "crate::");
        }
        let own = rank(module).unwrap_or_else(|| panic!("'{module}' has no place in ORDER"));
        for other in used(&source) {
            let other_rank = rank(&other).unwrap_or_else(|| panic!("{other}: {relative:?}"));
            assert!(other_rank <= own, "{} uses {other}", relative.display());
            arrows += usize::from(other_rank < own);
        }
    }
    assert!(arrows > 20, "only {arrows} uses were found");
}

#[test]
fn groups_of_modules_are_understood() {
    let source = "use crate::{\n    action::Motion,\n    state::{Context, rows::Rows},\n};\n// crate::no\nuse crate::view::canvas;";
    assert_eq!(used(source), ["action", "state", "view"]);
}
