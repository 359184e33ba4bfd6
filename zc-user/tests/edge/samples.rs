//! The sample recordings of the repository are read, and say what they said when they were recorded.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;
use zc_recording::Recording;

use super::zc::{run, zc};

/// What nginx served: so often a file of 8,388,593 bytes and two of 65,537.
const TIMES: u64 = 100;
const SERVED: u64 = TIMES * (8_388_593 + 2 * 65_537);
/// The heads of its answers.
const HEADS: u64 = TIMES * 717;
/// What the lab moved each time.
const PAYLOAD: u64 = 33_554_393;

fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../samples").join(name)
}

/// Bytes moved and copied on each path that was used, in the whole recording.
fn totals(name: &str) -> BTreeMap<String, (u64, u64)> {
    let recording = Recording::open(std::fs::File::open(sample(name)).unwrap()).unwrap();
    assert!(recording.has_ended() && recording.damage() == Default::default(), "{name}");
    let frame = recording.whole().unwrap().unwrap();
    let path = |path: &zc_model::snapshot::PathSample| {
        (path.path.id().to_owned(), (path.moved_bytes, path.copied_bytes))
    };
    frame.totals.paths.iter().map(path).collect()
}

/// The intervals of `zc replay --json`.
fn replayed(name: &str, words: &[&str]) -> Vec<Value> {
    let mut command = zc(["replay", "--json"]);
    command.args(words).arg(sample(name));
    let replayed = run(command).exits(0);
    replayed.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn moved(lines: &[Value], path: &str) -> u64 {
    let paths = lines.iter().flat_map(|line| line["totals"]["paths"].as_array().unwrap());
    let of_path = paths.filter(|it| it["path"] == path);
    of_path.map(|it| it["moved_bytes"].as_u64().unwrap()).sum()
}

#[test]
fn nginx_copied_twice_before_and_not_at_all_after() {
    let before = totals("nginx-before.zc");
    assert_eq!(before["file_read"], (SERVED, SERVED));
    assert_eq!(before["socket_send"], (SERVED + HEADS, SERVED + HEADS));
    assert!(!before.contains_key("sendfile_to_socket"), "{before:?}");
    let after = totals("nginx-after.zc");
    assert_eq!(after["sendfile_to_socket"], (SERVED, 0));
    assert_eq!(after["socket_send"], (HEADS, HEADS));
    assert!(!after.contains_key("file_read"), "{after:?}");
}

#[test]
fn the_intervals_of_a_sample_add_up_to_it_and_have_its_files() {
    let lines = replayed("nginx-before.zc", &[]);
    assert_eq!(moved(&lines, "file_read"), SERVED);
    let objects = lines.iter().flat_map(|line| line["objects"].as_array().unwrap());
    let mut files = BTreeMap::<String, u64>::new();
    for object in objects {
        for path in object["from"].as_array().into_iter().flatten() {
            if path["path"] == "file_read" {
                let name = object["name"].as_str().unwrap_or_default().to_owned();
                *files.entry(name).or_default() += path["moved_bytes"].as_u64().unwrap();
            }
        }
    }
    let large = files.iter().find(|(name, _)| name.ends_with("/large")).unwrap();
    let small = files.iter().find(|(name, _)| name.ends_with("/small")).unwrap();
    assert_eq!((*large.1, *small.1), (TIMES * 8_388_593, 2 * TIMES * 65_537));
}

#[test]
fn the_lab_is_found_by_its_marks() {
    for (mark, path) in [("sendfile", "sendfile_to_socket"), ("splice", "splice_file_pipe")] {
        // From the mark on all of it is there.
        assert_eq!(moved(&replayed("lab.zc", &["--from", mark]), path), PAYLOAD, "{mark}");
    }
    assert_eq!(moved(&replayed("lab.zc", &["--from", "splice"]), "sendfile_to_socket"), 0);
}
