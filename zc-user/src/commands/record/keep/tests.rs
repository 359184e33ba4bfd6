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
    let mut log =
        Log { file: create(&path).unwrap(), path: path.clone(), size: 0, most: Some(4096) };
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
    let ring = |most, span: Duration| Ring {
        path: path.clone(),
        chunks: VecDeque::new(),
        bytes: 0,
        span_ns: span.as_nanos().try_into().unwrap(),
        most,
        last_ns: 0,
    };
    let dumped = |mut ring: Ring| {
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
