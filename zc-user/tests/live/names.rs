//! Names that would harm a terminal or a document.

use tempfile::TempDir;

use crate::{
    Test,
    report::Report,
    requirement::{self, Skip},
    zc::{workload, zc},
};

pub(crate) const TESTS: &[(&str, Test)] =
    &[("names::json_stays_a_document", json), ("names::text_stays_printable", text)];

/// What processes call themselves: at most 15 bytes each, the kernel cuts off the rest.
pub(crate) const NAMES: [&[u8]; 7] = [
    b"\x1b]0;owned\x07",
    b"\x1b[2J\x1b[31mred",
    b"two\nlines\r\t",
    b"\"quoted\\\"",
    b"\xff\xfe\xc3 no utf8",
    "\u{202e}txt.exe".as_bytes(),
    b"}],\"a\":[{</b>",
];

/// Runs `zc stat` on a command line with hostile arguments: the heading of the text repeats it.
fn run(format: &[&str]) -> (String, Vec<u8>) {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("new\nline\x1b[31m");
    let report = directory.path().join("report");
    let output = zc()
        .arg("stat")
        .args(format)
        .arg("-o")
        .arg(&report)
        .arg("--")
        .args(workload())
        .arg("names")
        .arg(directory.path())
        .arg(&file)
        .output()
        .expect("zc runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read(report).expect("a report");
    (String::from_utf8(text).expect("UTF-8"), output.stderr)
}

/// Nothing that a terminal would obey, but for the ends of lines.
fn assert_harmless(text: &str) {
    let hostile = |c: &char| (c.is_control() && *c != '\n') || *c == '\u{202e}';
    assert_eq!(text.chars().find(hostile), None, "{text:?}");
}

fn json() -> Result<(), Skip> {
    requirement::ebpf()?;
    let (text, errors) = run(&["--json"]);
    assert_eq!(String::from_utf8_lossy(&errors), "");
    assert_harmless(&text);
    let rows = Report::parse(&text).processes();
    for name in NAMES {
        let name = String::from_utf8_lossy(name);
        let mut rows = rows.iter().filter(|row| row.comm == name);
        let row = rows.next().unwrap_or_else(|| panic!("no row of {name:?} in {rows:?}"));
        assert_eq!(row.path("file_write").bytes, 1009);
        assert!(rows.next().is_none(), "more than one {name:?}");
    }
    Ok(())
}

fn text() -> Result<(), Skip> {
    requirement::ebpf()?;
    let (text, errors) = run(&[]);
    assert_eq!(String::from_utf8_lossy(&errors), "");
    assert_harmless(&text);
    assert!(text.contains(r"new\nline\u{1b}[31m"), "the heading names the command: {text}");
    assert!(text.contains(r"\u{1b}]0;ow"), "{text}");
    // Every line of a table is one line.
    assert!(text.contains(r"two\nlines\r\t"), "{text}");
    Ok(())
}
