//! The modules of the crate build on each other without a circle: what derives less does not know
//! what derives more from it. Cargo keeps the arrows between crates, this test those within one.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn modules_import_each_other_in_one_direction() {
    let imports = of_crate();
    assert!(imports["frame"].contains("snapshot"), "{imports:?}");
    let circle = circle(&imports);
    assert!(circle.is_empty(), "these modules import each other: {}", circle.join(", "));
}

#[test]
fn a_circle_is_found() {
    let text = "use crate::{a::B, deep::{self, c::D}};\nuse super::e::F;\n#[cfg(test)]\nmod tests { use crate::no::G; }";
    assert_eq!(named(text), ["a", "deep", "e"].map(str::to_owned).into());
    let imports: Imports = [("a", "b"), ("b", "c"), ("c", "b"), ("d", "a")]
        .map(|(from, to)| (from.to_owned(), [to.to_owned()].into()))
        .into();
    assert_eq!(circle(&imports), ["a", "b", "c", "d"]);
    let straight: Imports = imports.into_iter().filter(|(from, _)| from != "c").collect();
    assert!(circle(&straight).is_empty());
}

/// The modules at the root of the crate that each of them names; a file in a folder counts for the
/// module of that folder.
fn of_crate() -> Imports {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut imports = Imports::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inside = path.strip_prefix(&src).unwrap().with_extension("");
            let module = inside.iter().next().unwrap().to_str().unwrap().to_owned();
            if module != "lib" && !inside.ends_with("tests") {
                let text = fs::read_to_string(path).unwrap();
                imports.entry(module).or_default().extend(named(&text));
            }
        }
    }
    let modules: BTreeSet<String> = imports.keys().cloned().collect();
    for (module, named) in &mut imports {
        named.retain(|other| other != module && modules.contains(other));
    }
    imports
}

/// The first names after `crate::` and `super::`, up to the tests of the file.
fn named(text: &str) -> BTreeSet<String> {
    let code: String = text
        .split("#[cfg(test)]\nmod ")
        .next()
        .into_iter()
        .flat_map(str::lines)
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut names = BTreeSet::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let rest = &code[at + start.len()..];
            match rest.strip_prefix('{') {
                Some(list) => names.extend(heads(list)),
                None => names.extend([word(rest)]),
            }
        }
    }
    names
}

/// The first name of each entry of a list in braces, whose opening brace is left out.
fn heads(list: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, symbol) in list.char_indices() {
        match symbol {
            '{' => depth += 1,
            '}' if depth == 0 => {
                heads.push(word(&list[start..at]));
                return heads;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.push(word(&list[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The modules that are in a circle or lead to one; none if there is no circle.
fn circle(imports: &Imports) -> Vec<&str> {
    let mut left: BTreeSet<&str> = imports.keys().map(String::as_str).collect();
    loop {
        let leaves: Vec<&str> = left
            .iter()
            .copied()
            .filter(|module| !imports[*module].iter().any(|other| left.contains(other.as_str())))
            .collect();
        if leaves.is_empty() {
            return left.into_iter().collect();
        }
        for leaf in leaves {
            left.remove(leaf);
        }
    }
}
