//! Every text output, from fixtures.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use serde_json::{Value, json};
use zc_common::{loss::Loss, path::CopyPath};
use zc_model::{
    column::{Column, Processes, Table as _, View},
    counter::CounterId,
    filter::{Filter, parse},
    fixture::sketch::{path, process as sketch, snapshot},
    frame::Frame,
    group::GroupBy,
    snapshot::{PathSample, Snapshot},
    sort::Listing,
};
use zc_render::{csv::Rows, json as output_json, table};
use zc_test_support::fixtures::{last, snapshots, whole};

fn text(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn stat(frame: &Frame) -> String {
    text(|out| {
        let subject = "The whole machine";
        table::write_stat(frame, subject, &Listing::busiest(20), &of_view(View::Report), out)
    })
}

fn once(frame: &Frame) -> String {
    text(|out| table::write_once(frame, &Listing::busiest(20), &of_view(View::Once), out))
}

fn of_view(view: View) -> Vec<&'static Column> {
    Processes::of_view(view).collect()
}

fn document(frame: &Frame) -> Value {
    let text = text(|out| output_json::write_document(frame, &Listing::everything(), out));
    serde_json::from_str(&text).unwrap()
}

fn csv_of(frame: &Frame, rows: &Rows) -> String {
    text(|out| {
        rows.write_header(out)?;
        rows.write(frame, &Listing::everything(), out)
    })
}

#[test]
fn stat_of_each_fixture() {
    insta::assert_snapshot!("stat_small", stat(&whole("small")));
    insta::assert_snapshot!("stat_modelled", stat(&whole("modelled")));
    insta::assert_snapshot!("stat_exact", stat(&whole("exact")));
    insta::assert_snapshot!("stat_empty", stat(&whole("empty")));
}

#[test]
fn top_once_of_the_last_interval() {
    insta::assert_snapshot!("once_small", once(&last("small")));
    insta::assert_snapshot!("once_modelled", once(&last("modelled")));
    insta::assert_snapshot!("once_empty", once(&last("empty")));
}

#[test]
fn json_of_the_last_interval() {
    let lines = text(|out| output_json::write_line(&last("exact"), &Listing::busiest(2), out));
    assert_eq!(lines.lines().count(), 1);
    insta::assert_snapshot!(
        "json_exact",
        text(|out| output_json::write_document(&last("exact"), &Listing::busiest(2), out))
    );
}

#[test]
fn csv_of_the_last_interval() {
    let rows = Rows::Processes(vec![
        Processes::PID,
        Processes::COMM,
        Processes::CGROUP,
        Processes::STATE,
        Processes::COPIED_BYTES,
        Processes::COPIED_BYTES_PER_SEC,
        Processes::UNKNOWN_MOVED_BYTES,
        Processes::AMPLIFICATION,
        Processes::DOMINANT_PATH,
        Processes::PAGE_CACHE_MISSES,
        Processes::ZEROCOPY_ACHIEVED_BYTES,
        Processes::ADVICE,
    ]);
    insta::assert_snapshot!("csv_small", csv_of(&last("small"), &rows));
    insta::assert_snapshot!("csv_modelled", csv_of(&last("modelled"), &rows));
}

#[test]
fn csv_per_path_of_the_last_interval() {
    insta::assert_snapshot!("csv_paths_small", csv_of(&last("small"), &Rows::per_path(false)));
    insta::assert_snapshot!(
        "csv_paths_modelled",
        csv_of(&last("modelled"), &Rows::per_path(false))
    );
}

#[test]
fn groups_in_every_form() {
    let by = |by| Listing { by: Some(by), ..Listing::everything() };
    let frame = last("small");
    let columns = of_view(View::GroupOnce);
    for group_by in GroupBy::ALL {
        insta::assert_snapshot!(
            format!("once_by_{}", group_by.id()),
            text(|out| table::write_once(&frame, &by(*group_by), &columns, out))
        );
    }
    let columns = of_view(View::GroupReport);
    let subject = "The whole machine";
    insta::assert_snapshot!(
        "stat_by_user",
        text(|out| table::write_stat(&frame, subject, &by(GroupBy::User), &columns, out))
    );
    let csv = |rows: &Rows, group_by| {
        text(|out| {
            rows.write_header(out)?;
            rows.write(&frame, &by(group_by), out)
        })
    };
    let rows = Rows::Processes(vec![
        Processes::GROUP,
        Processes::MEMBERS,
        Processes::UNIT,
        Processes::COPIED_BYTES,
    ]);
    insta::assert_snapshot!("csv_by_container", csv(&rows, GroupBy::Container));
    insta::assert_snapshot!("csv_paths_by_command", csv(&Rows::per_path(true), GroupBy::Command));
}

/// The same groups in both forms of JSON, and their sums are the totals.
#[test]
fn groups_in_json() {
    let frame = last("small");
    for by in GroupBy::ALL {
        let listing = Listing { by: Some(*by), ..Listing::everything() };
        let whole = text(|out| output_json::write_document(&frame, &listing, out));
        let line = text(|out| output_json::write_line(&frame, &listing, out));
        let [whole, line]: [Value; 2] =
            [&whole, &line].map(|text| serde_json::from_str(text).unwrap());
        assert_eq!(whole, line);
        assert_eq!(whole["group_by"], by.id());
        let moved = |entry: &Value| -> u64 {
            let paths = entry["paths"].as_array().unwrap();
            paths.iter().map(|path| path["moved_bytes"].as_u64().unwrap()).sum()
        };
        let groups = whole["groups"].as_array().unwrap();
        let sum: u64 = groups.iter().map(moved).sum();
        assert_eq!(sum + moved(&whole["unattributed"]), moved(&whole["totals"]), "{by:?}");
        let is_null = groups.iter().all(|group| group["counters"]["syscalls"].is_null());
        assert_eq!(is_null, *by == GroupBy::Path);
    }
    let alone = document(&frame);
    assert!(alone.get("groups").is_none() && alone.get("group_by").is_none());
}

#[test]
fn csv_per_path_adds_up_to_the_totals() {
    for name in ["small", "modelled", "exact", "empty"] {
        let frame = last(name);
        let text = csv_of(&frame, &Rows::per_path(false));
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let mut at =
            |id: &str| reader.headers().unwrap().iter().position(|name| name == id).unwrap();
        let (moved, copied) = (at("moved_bytes"), at("copied_bytes"));
        let mut sums = (0, 0);
        for line in reader.records() {
            let line = line.unwrap();
            sums.0 += line[moved].parse::<u64>().unwrap();
            sums.1 += line[copied].parse::<u64>().unwrap_or(0);
        }
        let paths = &frame.totals.paths;
        let moved: u64 = paths.iter().map(|path| path.moved_bytes).sum();
        assert_eq!(sums, (moved, frame.copied(paths).bytes), "{name}");
    }
}

#[test]
fn csv_numbers_are_raw_and_whole_where_they_are_whole() {
    let mut snapshot = snapshots("small").remove(0);
    let process = Arc::make_mut(&mut snapshot.processes[0]);
    // Not a multiple of 2^10: a double cannot hold it.
    process.counters[CounterId::MmapCalls] = u64::MAX;
    process.paths.clear();
    let pid = process.id.pid;
    let rows = Rows::Processes(vec![
        Processes::PID,
        Processes::MMAP_CALLS,
        Processes::COPIED_BYTES_PER_SEC,
        Processes::AMPLIFICATION,
    ]);
    let text = csv_of(&Frame::cumulative(snapshot), &rows);
    let line = text.lines().find(|line| line.split(',').nth(2) == Some(&pid.to_string())).unwrap();
    let cells: Vec<_> = line.split(',').skip(3).collect();
    assert_eq!(cells, ["18446744073709551615", "0", ""]);
}

#[test]
fn csv_of_every_column_is_a_rectangle_of_values() {
    let text = csv_of(&whole("small"), &Rows::default());
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines.len(),
        2 + whole("small").processes.len(),
        "the headings and what is unattributed"
    );
    assert!(lines.iter().all(|line| line.split(',').count() == 2 + Processes::COLUMNS.len()));
    assert!(lines[0].starts_with("taken_at_ns,elapsed_ns,pid,ppid,comm,"));
}

/// Every key of the contract, with the type of its value.
fn assert_has_keys(contract: &Value, document: &Value, place: &str) {
    match (contract, document) {
        (Value::Object(wanted), Value::Object(there)) => {
            for (key, wanted) in wanted {
                let place = format!("{place}.{key}");
                assert!(there.contains_key(key), "{place} is missing");
                assert_has_keys(wanted, &there[key], &place);
            }
        }
        (Value::Array(wanted), Value::Array(there)) => {
            for wanted in wanted {
                assert!(!there.is_empty(), "{place} is empty");
                for (at, there) in there.iter().enumerate() {
                    assert_has_keys(wanted, there, &format!("{place}[{at}]"));
                }
            }
        }
        (Value::Number(_), Value::Number(number)) => assert!(number.is_u64(), "{place}: {number}"),
        (Value::Number(_), Value::Null)
        | (Value::String(_), Value::String(_))
        | (Value::Bool(_), Value::Bool(_)) => {}
        _ => panic!("{place}: expected something like {contract}, found {document}"),
    }
}

fn contract() -> Value {
    let counters = json!({
        "syscalls": 0, "mode_switches": 0,
        "context_switches_voluntary": 0, "context_switches_involuntary": 0,
        "page_faults_minor": 0, "page_faults_major": 0, "cow_copied_bytes": 0,
        "page_cache_hits": 0, "page_cache_misses": 0,
        "block_read_bytes": 0, "block_write_bytes": 0,
        "net_tx_bytes": 0, "net_rx_bytes": 0,
        "zerocopy_requested_bytes": 0, "zerocopy_achieved_bytes": 0,
        "moved_bytes": 0, "copied_bytes": 0,
    });
    let path = json!({
        "path": "file_read", "ops": 0, "errors": 0, "moved_bytes": 0, "copied_bytes": 0,
        "provenance": "measured",
    });
    json!({
        "schema": "zc/1", "kernel": "6.18.44", "arch": "x86_64", "elapsed_ns": 0,
        "totals": { "counters": counters, "paths": [path] },
        "processes": [{
            "pid": 1, "ppid": 0, "start_ns": 0, "comm": "dd", "exited": true,
            "counters": counters, "provenance": { "copied_bytes": "measured" }, "paths": [],
        }],
        "unattributed": { "counters": counters, "paths": [] },
        "devices": [{
            "device": "nvme0n1", "kind": "block", "dma_read_bytes": 0, "dma_write_bytes": 0,
        }],
        "losses": { "total": 0 },
        "self": {
            "cpu_ns": 0, "rss_bytes": 0, "map_bytes": 0, "program_run_ns": 0, "program_runs": 0,
        },
    })
}

#[test]
fn json_has_every_key_of_the_contract() {
    for name in ["small", "modelled", "exact"] {
        for frame in [whole(name), last(name)] {
            let document = document(&frame);
            assert_eq!(document["schema"], "zc/1");
            assert_has_keys(&contract(), &document, name);
            for process in document["processes"].as_array().unwrap() {
                assert!(process.get("cgroup").is_some(), "null where it is not known");
                if process["paths"] != json!([]) {
                    assert_has_keys(&contract()["totals"]["paths"], &process["paths"], name);
                }
            }
        }
    }
}

#[test]
fn json_of_an_idle_machine_is_complete() {
    let document = document(&whole("empty"));
    assert_eq!(document["processes"], json!([]));
    assert_eq!(document["totals"]["paths"], json!([]));
    assert_eq!(document["totals"]["counters"]["copied_bytes"], 0);
    assert_eq!(document["losses"]["total"], 0);
}

fn process<'a>(document: &'a Value, comm: &str) -> &'a Value {
    let processes = document["processes"].as_array().unwrap();
    processes.iter().find(|process| process["comm"] == comm).unwrap()
}

#[test]
fn what_is_not_available_is_null_and_never_0() {
    let document = document(&whole("modelled"));
    let sender = process(&document, "sender");
    assert_eq!(sender["counters"]["copied_bytes"], Value::Null);
    assert_eq!(sender["counters"]["zerocopy_achieved_bytes"], Value::Null);
    assert_eq!(sender["counters"]["page_cache_misses"], Value::Null);
    assert_eq!(sender["provenance"]["copied_bytes"], "unavailable");
    assert_eq!(sender["provenance"]["zerocopy_achieved_bytes"], "unavailable");
    assert_eq!(sender["provenance"]["cow_copied_bytes"], "modelled");
    assert_eq!(sender["paths"][0]["copied_bytes"], Value::Null);
    assert_eq!(sender["unknown_moved_bytes"], 8 << 20);

    let mixed = process(&document, "mixed");
    assert_eq!(mixed["counters"]["copied_bytes"], 8 << 20);
    assert_eq!(mixed["provenance"]["copied_bytes"], "modelled");
    assert_eq!(mixed["unknown_moved_bytes"], 8 << 20);

    assert_eq!(document["self"]["program_runs"], Value::Null);
    assert!(!csv_of(&whole("modelled"), &Rows::default()).contains("null"));
}

#[test]
fn a_software_device_does_no_dma() {
    let document = document(&whole("small"));
    let devices = document["devices"].as_array().unwrap();
    let device = |name: &str| devices.iter().find(|device| device["device"] == name).unwrap();
    assert_eq!(device("lo")["dma_read_bytes"], Value::Null);
    assert_eq!(device("lo")["read_bytes"], 1_500_000);
    assert_eq!(device("nvme0n1")["dma_write_bytes"], 36 << 20);
}

#[test]
fn a_device_on_its_bus_has_mappings_and_no_bytes_of_its_own() {
    let document = document(&whole("small"));
    let devices = document["devices"].as_array().unwrap();
    let bus = devices.iter().find(|device| device["kind"] == "bus").unwrap();
    for own in ["dma_read_bytes", "dma_write_bytes", "read_bytes", "write_bytes", "errors"] {
        assert_eq!(bus[own], Value::Null, "{own}: another view of what devices moved");
    }
    assert_eq!(bus["mapped"]["to_device_bytes"], 36 << 20);
    assert_eq!(bus["mapped"]["unmapped_bytes"], Value::Null, "not known is not 0");
    let others = devices.iter().filter(|device| device["kind"] != "bus");
    assert!(others.into_iter().all(|device| device.get("mapped").is_none()));
}

#[test]
fn a_share_of_a_sample_is_marked() {
    let mut frame = whole("small");
    let share = |frame: &Frame| {
        let document = document(frame);
        let devices = document["devices"].as_array().unwrap();
        devices.iter().find(|device| device["device"] == "eth0").unwrap().clone()
    };
    let all = share(&frame);
    assert!(all["gathered_share"].is_number());
    assert_eq!(all.get("provenance"), None, "measured");
    let device = frame.devices.iter_mut().find(|device| device.device == "eth0").unwrap();
    (device.linear_bytes, device.gather_bytes) = (1000, 3000);
    let sample = share(&frame);
    assert_eq!(sample["gathered_share"], 0.75);
    assert_eq!(sample["provenance"], json!({ "gathered_share": "modelled" }));
    assert_eq!(sample["write_bytes"], all["write_bytes"], "all of them are counted");
}

#[test]
fn one_row_per_path_with_its_sockets() {
    let document = document(&whole("small"));
    let paths = document["totals"]["paths"].as_array().unwrap();
    let sends: Vec<_> = paths.iter().filter(|row| row["path"] == "socket_send").collect();
    assert_eq!(sends.len(), 1);
    let sockets = sends[0]["sockets"].as_object().unwrap();
    assert_eq!(sockets.keys().collect::<Vec<_>>(), ["tcp", "udp", "unix"]);
    let sum: u64 = sockets.values().map(|kind| kind["moved_bytes"].as_u64().unwrap()).sum();
    assert_eq!(sends[0]["moved_bytes"], sum);
}

#[test]
fn processes_are_listed_by_copied_bytes_then_pid() {
    let document = document(&whole("small"));
    let order: Vec<_> =
        document["processes"].as_array().unwrap().iter().map(|p| &p["pid"]).collect();
    assert_eq!(order, [1310, 1400, 0, 1500, 1201, 1600, 90, 700]);
}

#[test]
fn the_sum_of_the_intervals_is_what_was_counted_in_the_end() {
    for name in ["small", "modelled", "exact", "empty"] {
        let snapshots = snapshots(name);
        let mut sum = Frame::cumulative(snapshots[0].clone()).totals.counters;
        let mut lost = snapshots[0].losses.total();
        for pair in snapshots.windows(2) {
            let frame = Frame::between(&pair[0], &pair[1]);
            sum.add(&frame.totals.counters);
            lost += frame.losses.total();
        }
        let end = Frame::cumulative(snapshots.last().unwrap().clone());
        let mut counted = end.totals.counters;
        // In 'small', a process is gone from the second snapshot on.
        for process in &snapshots[0].processes {
            if !snapshots.last().unwrap().processes.iter().any(|end| end.id == process.id) {
                counted.add(&process.counters);
            }
        }
        assert_eq!(sum, counted, "{name}");
        assert_eq!(lost, end.losses.total(), "{name}");
    }
}

#[test]
fn totals_reconcile_with_what_they_are_made_of() {
    for name in ["small", "modelled", "exact", "empty"] {
        let frame = last(name);
        let mut sum = frame.unattributed.counters.clone();
        for process in &frame.processes {
            sum.add(&process.counters);
        }
        assert_eq!(frame.totals.counters, sum, "{name}");
        let moved = |paths: &[PathSample]| paths.iter().map(|path| path.moved_bytes).sum::<u64>();
        assert_eq!(
            frame.totals.counters[CounterId::MovedBytes],
            moved(&frame.totals.paths),
            "{name}"
        );
    }
}

#[test]
fn no_name_reaches_a_terminal_as_anything_but_text() {
    let frame = whole("small");
    let outputs = [
        stat(&frame),
        once(&frame),
        text(|out| {
            let subject = "\u{1b}]0;x\u{7} \u{9b}2J";
            table::write_stat(&frame, subject, &Listing::everything(), Processes::COLUMNS, out)
        }),
        text(|out| table::write_once(&frame, &Listing::everything(), Processes::COLUMNS, out)),
        csv_of(&frame, &Rows::default()),
        csv_of(&frame, &Rows::per_path(false)),
        text(|out| output_json::write_document(&frame, &Listing::everything(), out)),
        text(|out| output_json::write_line(&frame, &Listing::everything(), out)),
    ];
    for output in outputs {
        assert!(output.contains("evil"), "{output}");
        let hostile = output.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(hostile, None, "{output}");
    }
    let document = document(&frame);
    assert_eq!(process(&document, "\u{1b}[mevil\n\u{202e}")["pid"], 1500, "JSON is lossless");
}

#[test]
fn text_fits_on_80_columns() {
    for name in ["small", "modelled", "exact", "empty"] {
        for output in [stat(&whole(name)), once(&last(name))] {
            for line in output.lines() {
                assert!(line.chars().count() <= 80, "{line}");
            }
        }
    }
}

#[test]
fn a_selection_is_what_every_output_shows() {
    let expr = Some(parse("path == sendfile_to_socket").unwrap());
    let frame = whole("small").select(&Filter { expr, ..Filter::default() });
    let document = document(&frame);
    assert_eq!(document["processes"].as_array().unwrap().len(), 1);
    assert_eq!(document["totals"]["counters"], process(&document, "nginx")["counters"]);
    assert!(!stat(&frame).contains("relay"));
}

/// Two processes, what threads without a slot did, and a loss that the kernel counts for the whole machine.
fn crowded() -> Snapshot {
    let read = |bytes| [path(CopyPath::FileRead, 1, bytes)];
    let mut all = snapshot(1, &[sketch(7, "chosen", &read(11)), sketch(8, "other", &read(13))]);
    all.unattributed.paths = read(1009).to_vec();
    all.losses[Loss::SlotsExhausted] = 3;
    all.losses[Loss::ProbeRecursions] = 350;
    all
}

/// The sum of a column of CSV.
fn sum(text: &str, column: &str) -> u64 {
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let at = reader.headers().unwrap().iter().position(|name| name == column).unwrap();
    reader.records().map(|line| line.unwrap()[at].parse::<u64>().unwrap()).sum()
}

#[test]
fn what_threads_did_without_a_slot_is_in_every_form() {
    let comms = vec!["chosen".into()];
    let chosen = Filter { comms, ..Filter::default() };
    let followed = Filter { followed: true, ..Filter::default() };
    for (filter, moved) in [(Filter::default(), 1033), (followed, 1033), (chosen, 1020)] {
        let frame = Frame::cumulative(crowded()).select(&filter);
        for rows in [Rows::default(), Rows::per_path(false)] {
            assert_eq!(sum(&csv_of(&frame, &rows), "moved_bytes"), moved, "{filter:?}");
        }
        let document = document(&frame);
        assert_eq!(document["totals"]["counters"]["moved_bytes"], moved);
        assert_eq!(document["unattributed"]["counters"]["moved_bytes"], 1009);
        for text in [stat(&frame), once(&frame)] {
            let rows = text.lines().filter(|line| line.contains("(unattributed) "));
            assert!(rows.count() >= 1, "{text}");
            assert!(text.contains("--max-threads"), "{text}");
            assert_eq!(text.contains("that the filter"), frame.scope.filtered, "{text}");
        }
    }
}

#[test]
fn losses_on_the_machine_are_not_those_of_what_is_followed() {
    let title = "Losses on this machine, of any process: ";
    let frame = Frame::cumulative(crowded());
    let text = stat(&frame);
    assert!(text.contains("\nLosses: 353\n") && !text.contains(title), "{text}");
    let text = stat(&frame.clone().select(&Filter { followed: true, ..Filter::default() }));
    assert!(text.contains("\nLosses: 3\n") && text.contains(&format!("{title}350\n")), "{text}");
    let comms = vec!["chosen".into()];
    let text = once(&frame.select(&Filter { comms, ..Filter::default() }));
    assert!(!text.contains("\nLosses: ") && text.contains(&format!("{title}353\n")), "{text}");
}
