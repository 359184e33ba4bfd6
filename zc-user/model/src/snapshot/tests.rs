use serde_json::{Value, json};

use super::*;
use crate::{
    column::{Processes, Table as _},
    fixture::sketch::{path, process, snapshot, socket},
    frame::Frame,
    row::Row,
};

/// A snapshot as a newer version of `zc` may write it: with an id of its own wherever there is one.
fn newer(seconds: u64, bytes: u64) -> Value {
    let known = [
        path(CopyPath::FileRead, 2, bytes),
        socket(CopyPath::SocketSend, SocketKind::Tcp, 1, bytes),
    ];
    let mut snapshot = serde_json::to_value(snapshot(seconds, &[process(7, "x", &known)])).unwrap();
    snapshot["processes"][0]["counters"]["dreams"] = json!(3 * bytes);
    let paths = snapshot["processes"][0]["paths"].as_array_mut().unwrap();
    let mut rdma = paths[0].clone();
    rdma["path"] = json!("rdma_read");
    rdma["provenance"] = json!("sampled");
    let mut quic = paths[1].clone();
    quic["socket"] = json!("quic");
    paths.extend([rdma, quic]);
    snapshot["losses"]["ring_torn"] = json!(5);
    snapshot["host"]["limitations"] =
        json!([{"counter": "dreams", "provenance": "sampled", "reason": "it was day"}]);
    snapshot["devices"] = json!([{
        "device": "gpu0", "kind": "gpu", "software": false, "read_bytes": 1, "write_bytes": 2,
        "read_requests": 1, "write_requests": 1, "errors": 0, "linear_bytes": 0, "gather_bytes": 0,
    }]);
    snapshot
}

fn read(snapshot: &Value) -> Snapshot {
    serde_json::from_value(snapshot.clone()).unwrap()
}

#[test]
fn ids_of_a_newer_version_survive() {
    let written = newer(1, 100);
    let snapshot = read(&written);
    assert_eq!(serde_json::to_value(&snapshot).unwrap(), written);
    assert_eq!(snapshot.host.provenance(CounterId::CopiedBytes), Provenance::Measured);
    assert_eq!(snapshot.losses.total(), 5);
}

#[test]
fn figures_of_unknown_ids_are_listed_and_reconcile() {
    let frame = Frame::between(&read(&newer(1, 100)), &read(&newer(3, 1100)));
    let paths = &frame.processes[0].paths;
    let listed: Vec<_> = paths
        .iter()
        .map(|sample| {
            let socket = sample.socket.map(Id::id);
            (sample.path.id(), socket, sample.moved_bytes, sample.provenance.id())
        })
        .collect();
    assert_eq!(
        listed,
        [
            ("file_read", None, 1000, "measured"),
            ("socket_send", Some("tcp"), 1000, "measured"),
            ("socket_send", Some("quic"), 1000, "measured"),
            ("rdma_read", None, 1000, "sampled"),
        ]
    );
    assert_eq!(&frame.totals.paths, paths);
    assert_eq!(frame.totals.counters[CounterId::MovedBytes], 4000);
    let counters = serde_json::to_value(&frame.totals.counters).unwrap();
    assert_eq!(counters["dreams"], json!(3000));
    assert!(frame.losses.occurred().next().is_none(), "the loss was before");

    // Each column can be read, and the sum is no more trustworthy than its unknown part.
    for column in Processes::COLUMNS {
        let _ = column.of(Row::totals(&frame), &frame);
    }
    let copied = Processes::COPIED_BYTES.of(Row::totals(&frame), &frame);
    assert_eq!(copied.number(), Some(4000.0));
    assert_eq!(copied.quality().unwrap().provenance.id(), "sampled");
    let payload = Processes::AMPLIFICATION.of(Row::totals(&frame), &frame);
    assert_eq!(payload.number(), Some(1.5), "what is not known carries no payload");
}

#[test]
fn a_process_with_nothing_but_an_unknown_counter_is_active() {
    let mut process = process(7, "x", &[]);
    assert!(!process.is_active());
    process.counters = serde_json::from_value(json!({"dreams": 0})).unwrap();
    assert!(!process.is_active());
    process.counters = serde_json::from_value(json!({"dreams": 1})).unwrap();
    assert!(process.is_active());
}

#[test]
fn a_snapshot_names_its_schema_version_first() {
    let mut written = newer(1, 100);
    let text = serde_json::to_string(&read(&written)).unwrap();
    assert!(text.starts_with(r#"{"schema":1,"#), "{text}");
    written.as_object_mut().unwrap().remove("schema");
    assert_eq!(read(&written).schema, SchemaVersion::CURRENT, "files before it had none");

    let text = text.replacen(r#""schema":1"#, r#""schema":2"#, 1).replace("\"host\"", "\"ghost\"");
    let error = serde_json::from_str::<Snapshot>(&text).unwrap_err().to_string();
    assert!(error.contains("schema version 2"), "{error}");
    assert!(error.contains("reads versions up to 1: use a newer zc"), "{error}");
}

#[test]
fn what_cannot_be_an_id_is_refused() {
    for id in ["", "\u{1b}[2J", "two words", &"x".repeat(65)] {
        let error = serde_json::from_value::<PathId>(json!(id)).unwrap_err().to_string();
        assert!(error.contains("is not an id") && !error.contains('\u{1b}'), "{error}");
    }
}
