use std::{fs::File, io::Write as _};

use zc_common::path::CopyPath;
use zc_model::fixture::sketch::{path, process, snapshot};
use zc_recording::{Recording, ring::IN_MEMORY};

use super::*;
use crate::{by::By, guard::Limits};

fn station() -> Station {
    let about = About {
        version: "0.0.7",
        started: Duration::from_secs(1),
        interval: Duration::from_secs(1),
        probes: Vec::new(),
    };
    let meta = Meta { interval_ns: 1_000_000_000, ..Meta::default() };
    let account = Account::new(By::Command, Limits { groups: 10, age_ns: 0 });
    Station::new(about, meta, account).called("one".to_owned())
}

fn second(second: u64) -> Snapshot {
    snapshot(second, &[process(7, "a", &[path(CopyPath::FileRead, second, second * 101)])])
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.concat()).unwrap()
}

fn recording(answer: &Answer) -> Recording {
    assert_eq!((answer.status, answer.content_type), (200, RECORDING));
    let mut file: File = tempfile::tempfile().unwrap();
    file.write_all(&answer.body.concat()).unwrap();
    Recording::open(file).unwrap()
}

#[test]
fn before_the_first_snapshot_there_are_metrics_and_nothing_else() {
    let mut station = station();
    for what in [What::Ready, What::Json, What::Snapshots] {
        assert_eq!(station.answer(what).status, 503, "{what:?}");
    }
    assert_eq!(station.answer(What::Healthy).status, 200);
    assert_eq!(station.answer(What::Dump).status, 404);
    let metrics = station.answer(What::Metrics(Format::Prometheus));
    assert_eq!(metrics.status, 200);
    assert!(text(&metrics).contains("\nzc_snapshots_total 0\n"));
    assert!(text(&station.answer(What::Landing)).contains("no snapshot yet"));
}

#[test]
fn a_body_is_made_once_per_snapshot_and_shared() {
    let mut station = station();
    station.take(second(1));
    let [first, again] = [(); 2].map(|()| station.answer(What::Metrics(Format::OpenMetrics)));
    assert_eq!(first.body[0].as_ptr(), again.body[0].as_ptr());
    assert!(text(&first).contains("zc_moved_bytes_total{path=\"file_read\",socket=\"\"} 101\n"));
    station.take(second(2));
    let next = station.answer(What::Metrics(Format::OpenMetrics));
    assert!(text(&next).contains("zc_moved_bytes_total{path=\"file_read\",socket=\"\"} 202\n"));
}

#[test]
fn the_last_two_snapshots_are_a_recording_of_one_run() {
    let mut station = station();
    station.take(second(1));
    let one = recording(&station.answer(What::Snapshots));
    assert_eq!((one.len(), one.has_ended()), (1, true));
    station.take(second(2));
    station.take(second(3));
    let two = recording(&station.answer(What::Snapshots));
    let read = |index| two.snapshot(index).unwrap().unwrap();
    assert_eq!((two.len(), read(0), read(1)), (2, second(2), second(3)));
    assert_eq!(two.meta().labels[INSTANCE], "one");
}

#[test]
fn the_interval_is_the_last_one() {
    let mut station = station();
    station.take(second(1));
    station.take(second(4));
    let document = text(&station.answer(What::Json));
    assert!(document.contains("\"moved_bytes\": 303"), "{document}");
}

#[test]
fn the_flight_recorder_has_all_snapshots_that_it_has_room_for() {
    let mut station = station().with_flight(Some(Ring::new(Duration::from_secs(600), IN_MEMORY)));
    assert_eq!(station.answer(What::Dump).status, 503);
    (1..=70).for_each(|at| station.take(second(at)));
    let dump = recording(&station.answer(What::Dump));
    assert_eq!((dump.len(), dump.has_ended()), (70, true));
    assert_eq!(dump.snapshot(69).unwrap().unwrap(), second(70));
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_does_not_tick_is_not_healthy() {
    let mut station = station();
    station.take(second(1));
    tokio::time::advance(Duration::from_secs(8)).await;
    assert_eq!(station.answer(What::Healthy).status, 200);
    tokio::time::advance(Duration::from_secs(1)).await;
    let answer = station.answer(What::Healthy);
    assert_eq!((answer.status, &*text(&answer)), (503, "no snapshot for 9 s\n"));
    assert_eq!(station.answer(What::Ready).status, 200);
}
