//! The lab's outputs, whole.
#![expect(clippy::unwrap_used, reason = "a test")]

use serde_json::{Value, json};
use zc_lab::{
    finding::Finding,
    form::{self, Look, Text},
    hazard::HAZARDS,
    metric::Findings,
};
use zc_render::theme::Theme;

#[path = "output/findings.rs"]
mod findings;

fn text(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn look(columns: u16, color: bool, unicode: bool) -> Look {
    Look { columns, theme: Theme::new(color, unicode) }
}

fn report(findings: &[Finding], look: Look) -> String {
    text(|out| {
        let mut text = Text::new(look, out);
        for finding in findings {
            text.finding(finding)?;
        }
        text.end(findings)
    })
}

fn document(findings: &[Finding]) -> Value {
    serde_json::from_str(&text(|out| form::write_json(findings, out))).unwrap()
}

#[test]
fn a_report_for_people() {
    insta::assert_snapshot!("lab_80", report(&findings::all(), look(80, false, true)));
    insta::assert_snapshot!("lab_wide", report(&findings::all(), look(160, false, true)));
    insta::assert_snapshot!("lab_ascii", report(&[findings::referring()], look(80, false, false)));
}

#[test]
fn reports_for_programs_and_handouts() {
    insta::assert_snapshot!("lab_csv", text(|out| form::write_csv(&findings::all(), out)));
    insta::assert_snapshot!(
        "lab_markdown",
        text(|out| form::write_markdown(&findings::all(), out))
    );
    let findings = [findings::referring()];
    insta::assert_snapshot!("lab_json", text(|out| form::write_json(&findings, out)));
}

#[test]
fn a_comparison_in_words_and_figures() {
    let comparison = findings::comparison();
    insta::assert_snapshot!(
        "lab_compare",
        text(|out| form::write_comparison(&comparison, look(80, false, true), out))
    );
    insta::assert_snapshot!(
        "lab_compare_markdown",
        text(|out| form::write_comparison_markdown(&comparison, out))
    );
    let json = text(|out| form::write_comparison_json(&comparison, out));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["comparison"]["cpu_time"], json!({"min": 0.2, "median": 0.21, "max": 0.25}));
    assert_eq!(json["findings"].as_array().unwrap().len(), 2);
}

#[test]
fn what_there_is_to_run() {
    let scenarios = findings::scenarios();
    insta::assert_snapshot!("lab_list", text(|out| form::write_list(&scenarios, out)));
    insta::assert_snapshot!("lab_list_long", text(|out| form::write_details(&scenarios, 80, out)));
    let list = text(|out| form::write_list_json(&scenarios, HAZARDS, out));
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["schema"], "zc-lab/1");
    let silent = &list["scenarios"][2];
    assert_eq!((&silent["id"], &silent["group"]), (&json!("silent"), &json!("memory")));
    assert_eq!(silent["theory"]["cpu_copies"], Value::Null);
    assert_eq!(silent["sinks"], json!(["pipe"]));
}

#[test]
fn the_lab_fits_on_80_columns_and_uses_more() {
    let findings = findings::all();
    let narrow = report(&findings, look(80, false, true));
    for line in narrow.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let comparison = findings::comparison();
    let compared = text(|out| form::write_comparison(&comparison, look(80, false, true), out));
    assert!(compared.lines().all(|line| line.chars().count() <= 80), "{compared}");
    assert!(!narrow.contains("CTX SW."), "no room");
    assert!(report(&findings, look(160, false, true)).contains("CTX SW."));
}

#[test]
fn colours_change_nothing_else() {
    let findings = findings::all();
    let colored = report(&findings, look(80, true, true));
    assert!(colored.contains("\u{1b}["));
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain += before;
        rest = after.split_once('m').unwrap().1;
    }
    assert_eq!(plain + rest, report(&findings, look(80, false, true)));
}

#[test]
fn what_the_lab_does_not_know_is_null_with_a_reason() {
    let document = document(&findings::all());
    let findings = document["findings"].as_array().unwrap();
    let metric = |finding: usize, id: &str| &findings[finding]["metrics"][id];
    assert_eq!(metric(0, "page_cache_misses")["measured"], Value::Null);
    assert_eq!(metric(0, "page_cache_misses")["provenance"], "unavailable");
    assert_eq!(metric(0, "page_cache_misses")["why"], "this kernel has no tracepoint for it");
    assert_eq!(metric(0, "relative_throughput")["measured"], Value::Null, "it is the baseline");
    assert_eq!(metric(3, "syscalls")["why"], "no privileges");
    assert_eq!(findings[3]["losses"], Value::Null);
    assert_eq!(findings[4]["outcome"], "skipped");
    assert!(findings[4]["why"].as_str().unwrap().contains("reflinks"));
    assert_eq!(findings[4].get("metrics"), None);
    for metric in Findings::figures() {
        assert!(findings[0]["metrics"].get(metric.id).is_some(), "{}", metric.id);
    }
}

#[test]
fn the_stop_of_the_worker_is_not_counted() {
    let document = document(&[findings::copying()]);
    let metrics = &document["findings"][0]["metrics"];
    assert_eq!(metrics["syscalls"]["measured"], 2049);
    assert_eq!(metrics["context_switches_voluntary"]["measured"], 41);
    assert_eq!(
        metrics["wall_ns"]["spread"],
        json!({
            "min": 25_000_000, "median": 27_500_000, "max": 31_000_000,
        })
    );
}

#[test]
fn csv_of_the_lab_is_a_rectangle() {
    let csv = text(|out| form::write_csv(&findings::all(), out));
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let columns = reader.headers().unwrap().len();
    let lines: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(lines.len(), findings::all().len());
    assert!(lines.iter().all(|line| line.len() == columns));
}

#[test]
fn no_complaint_reaches_a_terminal_as_anything_but_text() {
    let findings = findings::all();
    for output in [
        report(&findings, look(80, false, true)),
        text(|out| form::write_csv(&findings, out)),
        text(|out| form::write_markdown(&findings, out)),
        text(|out| form::write_json(&findings, out)),
    ] {
        assert!(output.contains("evil"), "{output}");
        assert!(!output.contains('\u{1b}'), "{output}");
    }
}

#[test]
fn copies_in_user_space_have_margins() {
    let findings = [findings::cloning(), findings::moving(), findings::copying()];
    insta::assert_snapshot!("lab_user_copies", report(&findings, look(100, false, true)));
    let document = document(&findings);
    let measured =
        |of: usize, id: &str| document["findings"][of]["metrics"][id]["measured"].clone();
    assert_eq!(measured(0, "user_copy_share"), json!(0.385));
    assert_eq!(measured(0, "copy_bill"), json!(0.635));
    assert_eq!(measured(0, "cpu_samples"), json!(400));
    // 38.5 % of half of 12.5 ms.
    assert_eq!(measured(0, "user_copy_ns"), json!(2_406_250));
    assert_eq!(measured(1, "user_copy_share"), json!(0.0));
    // None of 250: less than two percent, and not 0.
    assert!((0.01..0.02).contains(&measured(1, "user_copy_margin").as_f64().unwrap()));
    // It was not asked for there.
    assert_eq!(measured(2, "user_copy_share"), Value::Null);
    assert_eq!(measured(2, "cpu_ns_per_byte"), Value::Null);
    assert!(!report(&findings, look(100, false, true)).contains("  +-  "));
    insta::assert_snapshot!(
        "lab_user_copies_markdown",
        text(|out| form::write_markdown(&findings, out))
    );
}

#[test]
fn too_few_samples_are_no_zero() {
    let document = document(&[findings::moving_briefly()]);
    for id in
        ["user_copy_share", "user_copy_margin", "user_copy_ns", "no_file_share", "cpu_samples"]
    {
        let figure = &document["findings"][0]["metrics"][id];
        assert_eq!(figure["measured"], Value::Null, "{id}");
        assert_eq!(figure["provenance"], "unavailable", "{id}");
        assert!(figure["why"].as_str().unwrap().contains("fewer than 25 samples"), "{id}");
    }
    let text = report(&[findings::moving_briefly()], look(100, false, true));
    assert!(!text.contains("copies in user space take"), "{text}");
    assert!(text.contains("too little CPU time"), "{text}");
}

#[test]
fn a_comparison_of_copies_in_user_space_says_what_shows_them() {
    let [looked_into, no_file, unclear] = findings::comparisons_in_user_space();
    let words =
        |comparison| text(|out| form::write_comparison(comparison, look(80, false, true), out));
    insta::assert_snapshot!("lab_compare_user_copies", words(&looked_into));
    let one_line = |comparison| words(comparison).split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = "No counter of the kernel shows this";
    let of_no_file =
        "code with no file takes an estimated 0.0% +-1.5% of the CPU time instead of 40.0%";
    assert!(one_line(&no_file).contains(of_no_file), "{}", one_line(&no_file));
    assert!(one_line(&no_file).contains(shown) && !one_line(&looked_into).contains(of_no_file));
    let unclear = one_line(&unclear);
    assert!(
        unclear.contains("do not tell these two apart") && !unclear.contains(shown),
        "{unclear}"
    );
}
