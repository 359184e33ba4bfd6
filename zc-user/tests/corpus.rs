//! Replays the inputs of the fuzz targets, which `cargo fuzz` (see `fuzz/Cargo.toml`) began with or has found.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{fs, path::Path};

#[path = "../../fuzz/entries.rs"]
mod entries;

fn replay(target: &str, entry: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut inputs = 0;
    for file in fs::read_dir(corpus).unwrap() {
        let path = file.unwrap().path();
        println!("{}", path.display());
        let data = fs::read(path).unwrap();
        entry(&data);
        // Torn off anywhere, it is no better.
        (0..data.len().min(64)).for_each(|at| entry(&data[..at]));
        inputs += 1;
    }
    assert!(inputs >= 5, "{inputs} inputs for {target}");
}

#[test]
fn filters() {
    replay("filter", entries::filter);
}

#[test]
fn recordings() {
    replay("recording", entries::recording);
}

#[test]
fn documents() {
    replay("document", entries::document);
}

#[test]
fn scripts() {
    replay("script", entries::script);
}

#[test]
fn types() {
    replay("btf", entries::btf);
}

#[test]
fn code() {
    replay("code", entries::code);
}
