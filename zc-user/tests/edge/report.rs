//! `zc report`: where it goes, in which form, and that its figures are those of the replay.

use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::{MetadataExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;
use zc_render::human;

use super::{
    pty::Pty,
    zc::{ZC, run, zc},
};

/// Bytes that are copied: a prime.
const SIZE: usize = 20_000_003;

/// A recording of a program that writes so many bytes.
fn recorded() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("run.zc");
    let to = format!("of={}/b", directory.path().display());
    let mut command = zc(["record", "-i", "0.1", "--objects", "-o"]);
    command.arg(&file).args(["--", "dd", "if=/dev/zero", &to, &format!("bs={SIZE}"), "count=1"]);
    run(command).exits(0);
    (directory, file)
}

fn report(file: &Path, words: &[&OsStr]) -> Command {
    let mut command = zc(["report"]);
    command.arg(file).args(words);
    command
}

#[test]
fn figures_are_those_of_the_replay() {
    let (_directory, file) = recorded();
    let mut command = zc(["replay", "--json"]);
    command.arg(&file);
    let lines = run(command).exits(0).stdout();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let counter = |id: &str| -> u64 {
        let of = |line: &Value| line["totals"]["counters"][id].as_u64();
        lines.iter().filter_map(of).sum()
    };
    let (copied, moved) = (counter("copied_bytes"), counter("moved_bytes"));
    assert!(copied >= SIZE as u64, "{copied}");
    let text = run(report(&file, &["--format", "text"].map(OsStr::new))).exits(0).stdout();
    let of = |id: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(&format!("{id} ")));
        line.unwrap_or_else(|| panic!("{id}: {text}")).to_owned()
    };
    assert!(of("copied_bytes").contains(&human::bytes(copied)), "{copied}: {text}");
    assert!(of("moved_bytes").contains(&human::bytes(moved)), "{moved}: {text}");
    assert!(of("syscalls").contains(&human::count(counter("syscalls"))), "{text}");
    // The file, by its name, with the bytes that dd wrote.
    assert!(of(&format!("{}/b", file.parent().unwrap().display())).contains("19.1 MiB"), "{text}");
}

#[test]
fn the_form_is_that_of_the_place_unless_it_is_named() {
    let (directory, file) = recorded();
    let is_page = |text: &str| text.starts_with("<!DOCTYPE html>") && text.ends_with("</html>\n");
    let is_markdown = |text: &str| text.starts_with("# Copies in run.zc\n");
    let is_text = |text: &str| text.starts_with("Copies in run.zc\n");
    let to = |name: &str, words: &[&str]| {
        let out = directory.path().join(name);
        let words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
        run(report(&file, &[&[OsStr::new("-o"), out.as_os_str()], &words[..]].concat())).exits(0);
        fs::read_to_string(out).unwrap()
    };
    assert!(is_page(&to("a.html", &[])) && is_page(&to("b", &[])));
    assert!(is_markdown(&to("a.md", &[])) && is_text(&to("a.txt", &[])));
    assert!(is_text(&to("b.md", &["--format", "text"])));
    assert!(is_page(&run(report(&file, &[])).exits(0).stdout()), "into a pipe");
    let named = to("c.md", &["--title", "Release 1.2 | <b>"]);
    assert!(named.starts_with("# Release 1.2 \\| \\<b\\>\n"), "{named}");
}

#[test]
fn a_terminal_gets_text_and_no_page() {
    let (_directory, file) = recorded();
    let file = file.to_str().unwrap();
    let on_terminal = |words: &[&str]| {
        let terminal = Pty::open(80, 24);
        let status = terminal.spawn(&[&["report", file], words].concat()).wait().unwrap();
        (status.code(), terminal.rest())
    };
    let (status, text) = on_terminal(&[]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("Copies in run.zc"), "{text}");
    assert!(!text.contains("<html"), "{text}");
    let (status, text) = on_terminal(&["--format", "html"]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("write it to a file"), "{text}");
}

#[test]
fn a_part_of_a_recording_is_what_lies_between() {
    let (_directory, file) = recorded();
    let with = |words: &[&str]| {
        let words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
        run(report(&file, &words))
    };
    with(&["--from", "99h"]).fails(2, &["the recording ends before that"]);
    with(&["--to", "nowhere"]).fails(2, &["there is no mark of this name"]);
    with(&["--from", "end", "--to", "start"]).fails(2, &["--to is not after --from"]);
    let text = with(&["--format", "text", "--from", "0s", "--to", "0.001s"]).exits(0).stdout();
    assert!(text.contains("snapshots") && text.contains(" 1 to 2 of "), "{text}");
    with(&["--format", "text", "--comm", "nothing"])
        .fails(2, &["nothing in the recording is of nothing"]);
}

#[test]
fn what_cannot_be_read_is_in_the_report() {
    let (directory, file) = recorded();
    let mut bytes = fs::read(&file).unwrap();
    bytes.truncate(bytes.len() - 5);
    let cut = directory.path().join("cut.zc");
    fs::write(&cut, &bytes).unwrap();
    let finished = run(report(&cut, &["--format", "text"].map(OsStr::new))).exits(0);
    for said in [finished.stdout(), finished.stderr()] {
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("are no whole snapshot"), "{said}");
    }
    assert!(finished.stdout().contains("The recording is not whole"));
    fs::write(&cut, "no recording").unwrap();
    run(report(&cut, &[])).fails(2, &["it is no recording of zc"]);
}

#[test]
fn a_file_is_replaced_as_a_whole_or_not_at_all() {
    let (directory, file) = recorded();
    let out = directory.path().join("report.html");
    fs::write(&out, "before").unwrap();
    let before = fs::metadata(&out).unwrap().ino();
    run(report(&file, &[OsStr::new("-o"), out.as_os_str()])).exits(0);
    assert!(fs::read_to_string(&out).unwrap().ends_with("</html>\n"));
    assert_ne!(fs::metadata(&out).unwrap().ino(), before, "another file has its name now");
    assert!(!directory.path().join("report.html.part").exists());
    // A link stays one.
    let link = directory.path().join("link.html");
    symlink(&out, &link).unwrap();
    run(report(&file, &[OsStr::new("-o"), link.as_os_str()])).exits(0);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    // The recording itself is not written over, by whatever name.
    let own = directory.path().join("own.html");
    fs::hard_link(&file, &own).unwrap();
    let size = fs::metadata(&file).unwrap().len();
    run(report(&file, &[OsStr::new("-o"), own.as_os_str()])).fails(2, &["is the recording"]);
    assert_eq!(fs::metadata(&file).unwrap().len(), size);
    let nowhere = directory.path().join("no/report.html");
    run(report(&file, &[OsStr::new("-o"), nowhere.as_os_str()]))
        .fails(1, &["cannot write the report"]);
    let full = Path::new("/dev/full");
    run(report(&file, &[OsStr::new("-o"), full.as_os_str()]))
        .fails(1, &["cannot write the report"]);
    assert!(full.exists() && !ZC.is_empty());
}
