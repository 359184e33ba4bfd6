use std::collections::BTreeSet;

use zc_common::path::CopyPath;
use zc_model::{
    fixture::sketch::{path, process, snapshot},
    snapshot::{ProcessSample, Snapshot},
};

use super::*;

fn trace(snapshots: &[Snapshot]) -> Value {
    let mut trace = Trace::new(Vec::new()).unwrap();
    trace.mark(2_500_000_000, "re\u{1b}lease").unwrap();
    for pair in snapshots.windows(2) {
        trace.add(&Frame::between(&pair[0], &pair[1])).unwrap();
    }
    let facts = vec![("subject".to_owned(), "x\u{202e}".to_owned())];
    let text = String::from_utf8(trace.finish(&About { facts }).unwrap()).unwrap();
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    serde_json::from_str(&text).unwrap()
}

/// Checks each event by what the format of Chrome's traces demands of its phase.
fn check(trace: &Value) -> &Vec<Value> {
    let events = trace["traceEvents"].as_array().unwrap();
    let mut named = BTreeSet::new();
    for event in events {
        let pid = event["pid"].as_u64().unwrap();
        match event["ph"].as_str().unwrap() {
            "M" => {
                assert_eq!(event["name"], "process_name");
                assert!(event["args"]["name"].is_string());
                assert!(named.insert(pid), "a track has one name: {event}");
            }
            "C" => {
                assert!(named.contains(&pid), "{event}");
                assert!(event["ts"].is_u64() && event["name"].is_string(), "{event}");
                let series = event["args"].as_object().unwrap();
                assert!(!series.is_empty() && series.values().all(Value::is_number), "{event}");
            }
            "i" => assert!(event["s"] == "g" && event["ts"].is_u64(), "{event}"),
            other => panic!("{other}"),
        }
    }
    events
}

fn sample(pid: u32, start_ns: u64, bytes: u64) -> ProcessSample {
    let mut sample = process(pid, "a;\u{1b}[2J", &[path(CopyPath::FileRead, 1, bytes)]);
    sample.id.start_ns = start_ns;
    sample
}

#[test]
fn a_process_that_has_the_number_of_another_one_has_a_track_of_its_own() {
    let snapshots = [
        snapshot(1, &[]),
        snapshot(2, &[sample(7, 1, 101)]),
        snapshot(4, &[sample(7, 1, 101), sample(7, 2, 1_009)]),
    ];
    let document = trace(&snapshots);
    let events = check(&document);
    let rates = |name: &str, ts: u64| -> Vec<(u64, f64)> {
        let of = events.iter().filter(|it| it["ph"] == "C" && it["name"] == name && it["ts"] == ts);
        of.map(|it| (it["pid"].as_u64().unwrap(), it["args"]["file_read"].as_f64().unwrap()))
            .collect()
    };
    // The interval from 1 s to 2 s, and the one from 2 s to 4 s, in which the first process did nothing.
    assert_eq!(rates("copied B/s", 1_000_000), [(1, 101.0), (3, 101.0)]);
    assert_eq!(rates("copied B/s", 2_000_000), [(1, 504.5), (4, 504.5), (3, 0.0)]);
    let names: Vec<_> = events
        .iter()
        .filter(|it| it["ph"] == "M")
        .map(|it| it["args"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["all processes", "other processes", "a;\\u{1b}[2J 7", "a;\\u{1b}[2J 7"]);
}

#[test]
fn copies_that_are_not_known_are_no_series() {
    let zerocopy = process(7, "x", &[path(CopyPath::SocketSendZerocopy, 1, 1_009)]);
    let document = trace(&[snapshot(1, &[]), snapshot(2, &[zerocopy])]);
    let has = |name: &str| {
        check(&document)
            .iter()
            .any(|it| it["name"] == name && it["args"].get("socket_send_zerocopy").is_some())
    };
    assert!(has("moved B/s") && !has("copied B/s"));
}

#[test]
fn processes_beyond_the_bound_share_a_track() {
    let many: Vec<_> = (1..=MOST as u32 + 5).map(|pid| sample(pid, 1, 10)).collect();
    let document = trace(&[snapshot(1, &[]), snapshot(2, &many)]);
    let events = check(&document);
    let tracks: BTreeSet<_> = events.iter().map(|it| it["pid"].as_u64().unwrap()).collect();
    assert_eq!(tracks.len(), MOST + 2);
    let others = events.iter().find(|it| it["ph"] == "C" && it["pid"] == OTHERS).unwrap();
    assert_eq!(others["args"]["file_read"], 50.0);
}
