//! The commands of the README work as they stand there.

use std::{fs, path::Path};

use super::zc::{run, zc};

/// The words of a line, made to end soon, and about a process that there is.
fn adapted(line: &str) -> Vec<String> {
    let command = line.split('#').next().unwrap();
    let own = std::process::id().to_string();
    let mut words: Vec<String> = command
        .split_whitespace()
        .skip(1)
        .map(|word| match word {
            "1234" => own.clone(),
            word => word.to_owned(),
        })
        .collect();
    if let Some(at) = words.iter().position(|word| word == "-d") {
        words[at + 1] = "0.2".to_owned();
    }
    // Otherwise it goes on until somebody presses q.
    if words == ["top"] {
        words.extend(["--count", "1", "--interval", "0.1"].map(str::to_owned));
    }
    words
}

#[test]
fn the_commands_of_the_readme_work() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = fs::read_to_string(readme).unwrap();
    let mut tried = 0;
    for block in text.split("```sh\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        for line in block.lines().filter(|line| line.starts_with("zc ")) {
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join("a"), "some text").unwrap();
            let mut command = zc(adapted(line));
            command.current_dir(&directory);
            let finished = run(command).exits(0);
            assert!(!(finished.stdout() + &finished.stderr()).is_empty(), "{line}");
            tried += 1;
        }
    }
    assert!(tried >= 5, "the README has lost its commands");
}
