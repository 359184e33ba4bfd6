//! The commands of the README and of the workshop work as they stand there.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
};

use super::zc::{Running, run, zc};

/// The words of a line, made to end soon, and about a process that there is. A server is at `server`.
fn adapted(line: &str, server: Option<&str>) -> Vec<String> {
    let command = line.split('#').next().unwrap();
    let own = std::process::id().to_string();
    let mut words: Vec<String> = command
        .split_whitespace()
        .skip(1)
        // That takes a terminal, in which `demo.rs` runs it.
        .filter(|word| *word != "--big")
        .map(|word| match word {
            "1234" => own.clone(),
            word => word.to_owned(),
        })
        .collect();
    if let Some(at) = words.iter().position(|word| word == "-d") {
        words[at + 1] = "0.2".to_owned();
    }
    // What was made to end soon has no fifth second.
    let is_of_sample = words.iter().any(|word| word.starts_with("samples/"));
    if let Some(at) = words.iter().position(|word| word == "--from").filter(|_| !is_of_sample) {
        words[at + 1] = "0.1s".to_owned();
    }
    if let (Some(at), Some(server)) = (words.iter().position(|word| word == "--connect"), server) {
        words[at + 1] = server.to_owned();
        if words.len() == 3 {
            words.push("--once".to_owned());
        }
    }
    // Without a count it runs until the user presses q.
    if words == ["top"] {
        words.extend(["--count", "1", "--interval", "0.1"].map(str::to_owned));
    }
    // The exercise is graded by what is fixed; this is the right one, or not.
    if words.starts_with(&["lab".to_owned(), "mystery".to_owned()]) {
        words.extend(["--seed", "0", "--fix", "alpha", "--seconds", "2"].map(str::to_owned));
    }
    // The whole lab, and the tour through it, are for people with time.
    let runs = words.first().is_some_and(|verb| verb == "demo")
        || words.first().is_some_and(|verb| verb == "lab")
            && words.get(1).is_some_and(|verb| verb == "run" || verb == "compare");
    let sized = |words: &[String]| words.iter().any(|word| word == "--size" || word == "--file");
    let hazard = words.get(2).is_some_and(|word| zc_lab::hazard::find(word).is_some());
    if runs && !hazard && !words.iter().any(|word| word == "--print-script") {
        if !sized(&words) {
            words.extend(["--size", "1048573"].map(str::to_owned));
        }
        if !words.iter().any(|word| word == "--repeat") {
            words.extend(["--repeat", "1"].map(str::to_owned));
        }
    }
    words
}

/// A server on a port of its own, and its address.
fn serve(mut words: Vec<String>) -> (Running, String) {
    words.extend(["--listen", "127.0.0.1:0"].map(str::to_owned));
    let mut running = Running::start(zc(words));
    let said = BufReader::with_capacity(1, running.0.stderr.as_mut().unwrap()).lines();
    let mut said = said.map(Result::unwrap);
    let line = said.find(|line| line.contains("serving on ")).expect("it serves");
    let (_, address) = line.split_once("serving on ").unwrap();
    (running, address.to_owned())
}

/// Runs every line of a block of shell that begins with `zc`, in the order they stand, each
/// document in a directory of its own; returns how many there were.
fn try_all(document: &str) -> usize {
    try_those(document, |_| true)
}

/// The same of some of these lines.
fn try_those(document: &str, is_wanted: fn(&str) -> bool) -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(document);
    let text = fs::read_to_string(path).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples");
    std::os::unix::fs::symlink(samples, directory.path().join("samples")).unwrap();
    let mut tried = 0;
    let mut server: Option<(Running, String)> = None;
    for block in text.split("```sh\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        let lines = block.lines().filter(|line| line.starts_with("zc "));
        for line in lines.filter(|line| is_wanted(line)) {
            fs::write(directory.path().join("a"), "some text").unwrap();
            let _ = fs::remove_file(directory.path().join("b"));
            let (line, into) = match line.split('#').next().unwrap().split_once('>') {
                Some((line, into)) => (line, Some(into.trim())),
                None => (line, None),
            };
            let words = adapted(line, server.as_ref().map(|(_, address)| &**address));
            if words[0] == "serve" {
                server = Some(serve(words));
                tried += 1;
                continue;
            }
            let mut command = zc(words);
            command.current_dir(&directory);
            let finished = run(command).exits(0);
            let said = finished.stdout() + &finished.stderr();
            assert!(!said.is_empty(), "{line}");
            if let Some(into) = into {
                fs::write(directory.path().join(into), finished.stdout()).unwrap();
            }
            tried += 1;
        }
    }
    tried
}

#[test]
fn the_commands_of_the_readme_work() {
    assert!(try_all("README.md") >= 5, "the README has lost its commands");
}

/// The others are those of the English documents, see below.
#[test]
fn the_commands_that_speak_chinese_work() {
    for (document, least) in [("README.zh.md", 2), ("docs/workshop.zh.md", 3)] {
        let tried = try_those(document, |line| line.contains("--lang zh"));
        assert!(tried >= least, "{document} has lost its commands: {tried}");
    }
}

/// The commands of a document, without their options for a language and what is said of them.
fn commands(document: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(document);
    let text = fs::read_to_string(path).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|block| block.split_once("```").unwrap().0);
    let lines = blocks.flat_map(str::lines).map(str::trim).filter(|line| line.starts_with("zc "));
    let command = |line: &str| {
        let line = line.split('#').next().unwrap().replace(" --lang zh", "");
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let mut commands: Vec<_> = lines.map(command).collect();
    commands.sort();
    commands.dedup();
    commands
}

#[test]
fn the_documents_have_the_same_commands_in_each_language() {
    for (english, chinese) in
        [("README.md", "README.zh.md"), ("docs/workshop.md", "docs/workshop.zh.md")]
    {
        assert_eq!(commands(english), commands(chinese), "{chinese}");
    }
}

#[test]
fn the_commands_about_serving_work() {
    assert!(try_all("docs/serving.md") >= 3, "the document has lost its commands");
}

#[test]
fn the_commands_about_recordings_work() {
    assert!(try_all("docs/recordings.md") >= 5, "the document has lost its commands");
}

#[test]
fn the_commands_about_samples_work() {
    assert!(try_all("samples/README.md") >= 2, "the document has lost its commands");
}

#[test]
fn the_commands_about_differences_work() {
    assert!(try_all("docs/diff.md") >= 3, "the document has lost its commands");
}

#[test]
fn the_commands_of_the_workshop_work() {
    assert!(try_all("docs/workshop.md") >= 10, "the workshop has lost its commands");
}
