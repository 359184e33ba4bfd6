use std::time::Duration;

use super::*;
use zc_model::{fixture::sketch::snapshot, snapshot::Snapshot};
use zc_recording::{Meta, Recording};

fn at(second: u64) -> Snapshot {
    snapshot(second, &[])
}

fn keep(place: &mut dyn Keep, writer: &mut Writer, second: u64) {
    if place.wants_chunk() {
        writer.begin_chunk();
    }
    let piece = writer.snapshot(&at(second)).unwrap();
    place.keep(writer, at(second).taken_at_ns, piece).unwrap();
}

fn seconds(path: &Path) -> Vec<u64> {
    let recording = Recording::open(File::open(path).unwrap()).unwrap();
    let read = |index| recording.snapshot(index).unwrap().unwrap().taken_at_ns / 1_000_000_000;
    (0..recording.len()).map(read).collect()
}

#[test]
fn a_file_that_is_full_becomes_the_former_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.zc");
    let mut writer = Writer::new(Meta::default());
    let mut log = Log::at(path.clone(), Some(4096)).unwrap();
    let mut last = 0;
    while !former(&path).exists() || seconds(&path).len() < 3 {
        last += 1;
        keep(&mut log, &mut writer, last);
        assert!(last < 10_000, "it is never full");
    }
    let (before, now) = (seconds(&former(&path)), seconds(&path));
    assert_eq!([before, now].concat(), (1..=last).collect::<Vec<_>>());
    // Each can be read without the other, and is as large as it may be and one snapshot more.
    for file in [&path, &former(&path)] {
        assert!(fs::metadata(file).unwrap().len() < 2 * 4096);
    }
}

#[test]
fn memory_keeps_the_last_minutes_and_no_more_than_it_may() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("flight.zc");
    let ring = |most, span| Flight { path: path.clone(), ring: Ring::new(span, most) };
    let dumped = |mut ring: Flight| {
        let mut writer = Writer::new(Meta::default());
        (1..=1000).for_each(|second| keep(&mut ring, &mut writer, second));
        assert!(ring.dump(&writer).unwrap().starts_with("wrote the last "));
        (seconds(&path), fs::metadata(&path).unwrap().len())
    };
    let (kept, _) = dumped(ring(u64::MAX, Duration::from_secs(150)));
    // Whole chunks of sixty, the newest of which is not whole.
    assert!((150..=210).contains(&kept.len()) && kept.last() == Some(&1000), "{kept:?}");
    let (kept, size) = dumped(ring(8192, Duration::from_secs(150)));
    assert!(size < 8192 + 1024 && kept.last() == Some(&1000), "{size} {kept:?}");
    assert!(kept.is_sorted() && kept.len() < 150);
}

/// A recording of some seconds to this path, after which `change` happens to the file: what is said of the next one,
/// and of the end.
fn said_after(path: &Path, change: impl FnOnce()) -> [Option<String>; 2] {
    let mut writer = Writer::new(Meta::default());
    let mut log = Log::at(path.to_owned(), None).unwrap();
    (1..=3).for_each(|second| keep(&mut log, &mut writer, second));
    change();
    let piece = writer.snapshot(&at(4)).unwrap();
    let next = log.keep(&writer, at(4).taken_at_ns, piece);
    let end = log.end(&writer, at(4).taken_at_ns);
    [next.err(), end.err()].map(|error| error.map(|error| error.to_string()))
}

#[test]
fn a_file_that_others_change_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.zc");
    let other = directory.path().join("other");
    assert_eq!(said_after(&path, || {}), [None, None]);
    assert_eq!(seconds(&path), [1, 2, 3, 4]);
    let said = |all: [Option<String>; 2], words: &str| {
        let said = all.map(Option::unwrap_or_default);
        assert!(said.iter().all(|said| said.contains(words)), "{said:?}");
    };
    said(said_after(&path, || fs::remove_file(&path).unwrap()), "was removed while");
    let replace = || {
        fs::write(&other, "another").unwrap();
        fs::rename(&other, &path).unwrap();
    };
    said(said_after(&path, replace), "was removed while");
    let cut = || File::options().write(true).open(&path).unwrap().set_len(100).unwrap();
    said(said_after(&path, cut), "has 100 bytes, and zc wrote ");
    // All is there, and only its name is another one.
    let [next, end] = said_after(&path, || fs::rename(&path, &other).unwrap());
    assert_eq!(next, None);
    assert!(end.unwrap().contains("under its new name only"));
    assert_eq!(seconds(&other), [1, 2, 3, 4]);
}

#[test]
fn the_file_of_another_is_not_renamed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.zc");
    let mut log = Log::at(path.clone(), Some(0)).unwrap();
    log.append(b"").unwrap();
    fs::rename(&path, directory.path().join("moved")).unwrap();
    fs::write(&path, "another").unwrap();
    let said = log.rotate().unwrap_err().to_string();
    assert!(said.contains("was renamed while"), "{said}");
    assert_eq!(fs::read(&path).unwrap(), b"another");
    assert!(!former(&path).exists());
}

#[test]
fn what_no_name_belongs_to_is_written_all_the_same() {
    let mut writer = Writer::new(Meta::default());
    let path = Path::new("/dev/null");
    let mut log = Log::at(path.into(), None).unwrap();
    (1..=3).for_each(|second| keep(&mut log, &mut writer, second));
    log.end(&writer, at(3).taken_at_ns).unwrap();
}

/// A recording of three seconds.
fn recorded(path: &Path) -> Log {
    let mut log = Log::at(path.to_owned(), None).unwrap();
    let mut writer = Writer::new(Meta::default());
    (1..=3).for_each(|second| keep(&mut log, &mut writer, second));
    log
}

#[test]
fn two_do_not_write_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.zc");
    let first = recorded(&path);
    let refused = |result: Result<Log>| result.err().unwrap().to_string();
    let said = refused(Log::at(path.clone(), None));
    let expected =
        format!("cannot write the recording to '{}': another zc records to it", path.display());
    assert_eq!(said, expected);
    // Nor does one that would put its older half there, or the last minutes.
    let shorter = directory.path().join("run");
    fs::rename(&path, former(&shorter)).unwrap();
    let said = refused(Log::at(shorter.clone(), Some(4096)));
    assert!(said.contains("another zc records to it"), "{said}");
    fs::rename(former(&shorter), &path).unwrap();
    let flight = Flight { path: path.clone(), ring: Ring::new(Duration::from_secs(60), 8192) };
    assert_eq!(flight.check().unwrap_err().to_string(), expected);
    assert_eq!(seconds(&path), [1, 2, 3]);
    drop(first);
    Log::at(path.clone(), None).unwrap();
    assert_eq!(seconds(&path), [1, 2, 3], "until there is something to write");
    drop(recorded(&path));
    assert_eq!(seconds(&path), [1, 2, 3]);
}

#[test]
fn what_is_no_recording_is_not_the_older_half_of_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.zc");
    fs::write(former(&path), "precious").unwrap();
    let said = Log::at(path.clone(), Some(4096)).err().unwrap().to_string();
    assert!(said.contains("no recording of zc") && said.contains("move it"), "{said}");
    assert_eq!(fs::read(former(&path)).unwrap(), b"precious");
    // It may come into being later.
    fs::remove_file(former(&path)).unwrap();
    let mut log = Log::at(path.clone(), Some(0)).unwrap();
    log.append(b"").unwrap();
    fs::write(former(&path), "precious").unwrap();
    assert!(log.rotate().is_err());
    assert_eq!(fs::read(former(&path)).unwrap(), b"precious");
}
