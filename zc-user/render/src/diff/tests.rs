use zc_common::path::{CopyPath, SocketKind};

use super::*;
use zc_model::{
    counter::CounterId,
    diff::{Options, Payload},
    fixture::sketch::{path, process, snapshot, socket},
    frame::Frame,
    snapshot::{PathSample, Provenance},
};

fn series(copies: bool, runs: u64) -> Series {
    let mut series = Series::new(Kind::Runs);
    for _ in 0..runs {
        let paths = if copies {
            vec![
                path(CopyPath::FileRead, 100, 1_000_003),
                socket(CopyPath::SocketSend, SocketKind::Tcp, 100, 1_000_003),
            ]
        } else {
            vec![PathSample {
                copied_bytes: 0,
                provenance: Provenance::Measured,
                ..path(CopyPath::SendfileToSocket, 10, 1_000_003)
            }]
        };
        let mut sample = process(7, "nginx", &paths);
        sample.counters[CounterId::ModeSwitches] = if copies { 400 } else { 20 };
        series.add(&Frame::cumulative(snapshot(1, &[sample])));
    }
    series
}

fn written(
    runs: u64,
    write: fn(&Report<'_>, &mut dyn std::io::Write) -> std::io::Result<()>,
) -> String {
    let (a, b) = (series(true, runs), series(false, runs));
    let comparison = Comparison::of(&a, &b, Options::default());
    let name = "a_b\u{1b}[31m<script>.json";
    let report = Report {
        a: Side { name, subject: None, series: &a },
        b: Side { name: "b.json", subject: Some("`nginx`"), series: &b },
        comparison: &comparison,
        checked: &[],
    };
    let mut out = Vec::new();
    write(&report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_text_says_what_changed_first_and_what_did_not() {
    let text = written(5, write_text);
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains(
            "Changed: copied -100% (gone) (from 2.00 to 0.00 per payload byte), by reference new (from \
             0.00 to 1.00 per payload byte), moved -50.0% ±1.6 (from 2.00 to 1.00 per payload byte), mode \
             switches -95.0% ±0.3."
        ),
        "{text}"
    );
    let row = |begin: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(begin));
        let line = line.unwrap_or_else(|| panic!("{begin}: {text}"));
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("payload: "), "payload: 4.77 MiB in A, 4.77 MiB in B");
    assert_eq!(row("copied "), "copied 2.00 0.00 -100% (gone) changed");
    assert_eq!(row("mode switches /MiB"), "mode switches /MiB 419 20.97 -95.0% ±0.3 changed");
    assert_eq!(row("file_read moved"), "file_read moved 1.00 0.00 -100% (gone) changed");
    assert_eq!(row("sendfile_to_socket moved"), "sendfile_to_socket moved 0.00 1.00 new changed");
    assert!(text.contains("A: a_b\\u{1b}[31m<script>.json: 5 runs"), "{text}");
}

#[test]
fn of_one_run_each_it_says_that_there_is_no_spread() {
    let text = written(1, write_text);
    assert!(text.contains("Different, in the runs compared: copied -100% (gone)"), "{text}");
    assert!(text.contains("One run or interval on a side: these are facts"), "{text}");
    assert!(!text.contains("  changed"), "{text}");
}

#[test]
fn markdown_has_no_names_that_are_more_than_text() {
    let text = written(5, write_markdown);
    assert!(text.starts_with("**Changed: copied -100% (gone)"), "{text}");
    assert!(
        text.contains("| mode switches /MiB | 419 | 20.97 | **-95.0% ±0.3** | changed |"),
        "{text}"
    );
    assert!(text.contains("- A: a\\_b\\\\u{1b}\\[31m&lt;script&gt;.json: 5 runs"), "{text}");
    assert!(text.contains(" of \\`nginx\\` "), "{text}");
}

#[test]
fn json_has_the_figures_raw() {
    let document: serde_json::Value = serde_json::from_str(&written(5, write_json)).unwrap();
    assert_eq!(document["schema"], "zc-diff/1");
    assert_eq!(document["changed"], true);
    assert_eq!(document["payload"]["a_bytes"], 5_000_015.0);
    let figures = document["figures"].as_array().unwrap();
    let copied = figures.iter().find(|it| it["id"] == "copied_per_byte").unwrap();
    assert_eq!(copied["a"]["value"], 2.0);
    assert_eq!((&copied["verdict"], &copied["change"]), (&"changed".into(), &(-1.0).into()));
    assert_eq!(copied["a"]["provenance"], "measured");
}

#[test]
fn numbers_are_short_and_never_lost() {
    let of = |quantity: &Quantity, basis, value| number(quantity, basis, value);
    assert_eq!(of(&Quantity::Copied, Basis::Byte, 2.0), "2.00");
    assert_eq!(of(&Quantity::Copied, Basis::Byte, 0.0123), "0.0123");
    assert_eq!(of(&Quantity::Copied, Basis::Byte, 0.000_012_3), "1.2e-5");
    assert_eq!(of(&Quantity::CpuTime, Basis::Second, 2.5e8), "25.0% of a CPU");
    assert_eq!(of(&Quantity::CpuTime, Basis::Run, 2.5e8), "250.0 ms");
    assert_eq!(of(&Quantity::ContextSwitches, Basis::Run, 9.4), "9.4");
    let payload = Payload::Path(CopyPath::Tee.into());
    let (a, b) = (series(true, 2), series(true, 2));
    let comparison = Comparison::of(&a, &b, Options { payload, ..Options::default() });
    assert_eq!(comparison.basis, Basis::Run, "there are no bytes to divide by");
}
