//! What the fuzz targets do with an input, and the test that replays the corpus. They panic when something is
//! wrong.

use std::{fmt::Display, io::Write as _};

use zc_code::Program;
use zc_lab::tour;
use zc_model::{
    diff::{Comparison, Kind, Options, Series},
    expectation::Expectation,
    filter::{self, Filter},
    frame::Frame,
};
use zc_probe::{btf::Btf, layout, site};
use zc_recording::Recording;
use zc_render::{
    diff::{self, Side},
    json::read::{self, Unreadable},
    sanitize::is_hostile,
    theme::Theme,
};
use zc_report::{Report, Source, html, markdown, text};
use zc_test_support::machine::Machine;

/// An expression of `--filter`, and of `--expect`.
pub(crate) fn filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Expectation::parse(text) {
        Ok(expectation) => {
            let _ = expectation.check(&Frame::cumulative(Machine::default().after(1)));
        }
        Err(error) => is_short(&error),
    }
    match filter::parse(text) {
        Ok(expr) => {
            let frame = Frame::cumulative(Machine::default().after(1));
            let filter = Filter { expr: Some(expr), ..Filter::default() };
            let _ = frame.select(&filter);
        }
        Err(error) => is_short(&error),
    }
}

/// A recording.
pub(crate) fn recording(data: &[u8]) {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(data).expect("the file takes it");
    match Recording::open(file) {
        Ok(recording) => {
            for index in 0..recording.len().min(64) {
                let _ = recording.snapshot(index);
            }
            reports(&recording);
        }
        Err(error) => is_short(&error),
    }
}

/// What `zc report` writes of a recording.
fn reports(recording: &Recording) {
    let source = Source {
        recording,
        stretch: (0, recording.len() - 1),
        filter: &Filter::default(),
        selected: None,
        title: None,
        name: "fuzz.zc",
        command: "zc report fuzz.zc",
        unreadable: &[],
    };
    let Ok(Some(report)) = Report::of(&source) else { return };
    let style = text::Style { theme: Theme::new(false, true), columns: 80 };
    let mut forms = [Vec::new(), Vec::new(), Vec::new()];
    let [page, document, lines] = &mut forms;
    html::write(&report, page).expect("memory takes it");
    markdown::write(&report, document).expect("memory takes it");
    text::write(&report, style, lines).expect("memory takes it");
    for form in forms {
        let form = String::from_utf8(form).expect("text");
        assert!(!form.contains(|c| c != '\n' && is_hostile(c)), "{form:?}");
        assert!(form.len() < 4 << 20, "{} bytes", form.len());
    }
}

/// JSON that `zc diff` compares.
pub(crate) fn document(data: &[u8]) {
    let mut series = Series::new(Kind::Intervals);
    for document in read::read(data).take(64) {
        match document {
            Ok(document) => series.add(&document.frame),
            Err(Unreadable::Content(why)) => return is_short(&why),
            Err(Unreadable::Io(error)) => return is_short(&error),
        }
    }
    let comparison = Comparison::of(&series, &series, Options::default());
    let side = Side { name: "x", subject: None, series: &series };
    let report = diff::Report { a: side, b: side, comparison: &comparison, checked: &[] };
    let mut text = Vec::new();
    diff::write_text(&report, &mut text).expect("memory takes it");
    diff::write_markdown(&report, &mut text).expect("memory takes it");
    let text = String::from_utf8(text).expect("text");
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    diff::write_json(&report, &mut Vec::new()).expect("memory takes it");
    assert!(!comparison.has_changes(), "from a side to itself");
}

/// A script of `zc demo`.
pub(crate) fn script(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Err(error) = tour::parse::parse(&text) {
        is_short(&error);
        // Of the file, nothing: a word that zc has no reason to say is not in it.
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}

/// A BTF file.
pub(crate) fn btf(data: &[u8]) {
    let btf = match Btf::parse(data.to_vec()) {
        Ok(btf) => btf,
        Err(error) => return is_short(&error),
    };
    // What is looked up at every start.
    let _ = layout::offsets(&btf);
    let _ = site::shapes(&btf);
    for tracepoint in ["sys_exit", "sched_switch"] {
        let _ = (btf.tracepoint_id(tracepoint), btf.tracepoint_arguments(tracepoint));
    }
}

/// A file with code, and places in it.
pub(crate) fn code(data: &[u8]) {
    let Some(mut program) = Program::open(data) else { return };
    for place in (0..data.len()).step_by((data.len() / 64).max(1)) {
        let _ = program.at(place as u64);
    }
    let _ = program.at(u64::MAX);
}

/// An error is read on a terminal.
fn is_short(error: &impl Display) {
    let text = error.to_string();
    assert!(text.len() < 16_384, "{} bytes: {text}", text.len());
    let hostile = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(hostile), "{text:?}");
}
