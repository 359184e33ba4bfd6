//! What was recorded is read back, whatever happened to the file.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    io::{Seek as _, Write as _},
    sync::Arc,
};

use zc_common::path::CopyPath;
use zc_model::{
    counter::{CounterId, Counters},
    frame::Frame,
    snapshot::{Host, PathSample, ProcessSample, Provenance, Snapshot},
    source::SnapshotSource as _,
};
use zc_recording::{
    Damage, Meta, Recording, Replay, Unreadable, Writer,
    delta::Delta,
    frame::{self, HEAD_LEN, Kind, MAGIC, SYNC, VERSION},
};
use zc_test_support::machine::Machine;

/// Snapshots of two chunks and a bit.
const MOST: u64 = 130;

fn meta() -> Meta {
    let labels = [("release".to_owned(), "before".to_owned())].into();
    let subject = "the whole system".to_owned();
    Meta {
        version: "0.1.0".to_owned(),
        subject,
        interval_ns: 1_000_000_000,
        labels,
        threads: true,
        run: 7,
    }
}

/// A machine on which processes come and go, and some do nothing.
fn snapshot(second: u64) -> Snapshot {
    let mut snapshot = Machine::default().after(second);
    snapshot.taken_at_ns = second * 1_000_000_000;
    let mut gone = 0;
    snapshot.processes.retain(|process| {
        gone += 1;
        process.is_merged() || !(gone + second).is_multiple_of(5)
    });
    snapshot.processes.sort_by_key(|process| (process.is_merged(), process.id));
    if second.is_multiple_of(3) {
        // The same again, but not the same memory: it has not changed.
        for process in &mut snapshot.processes {
            *process = Arc::new(process.as_ref().clone());
        }
    }
    snapshot
}

/// A recording, and where each of its frames begins.
struct Recorded {
    bytes: Vec<u8>,
    begins: Vec<usize>,
}

fn recorded(seconds: impl IntoIterator<Item = u64>) -> Recorded {
    let mut writer = Writer::new(meta());
    let mut bytes = writer.begin(1).unwrap();
    let mut begins = Vec::new();
    for second in seconds {
        begins.push(bytes.len());
        bytes.extend(writer.snapshot(&snapshot(second)).unwrap().bytes);
    }
    Recorded { bytes, begins }
}

fn open(bytes: &[u8]) -> Result<Recording, Unreadable> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    Recording::open(file)
}

/// The seconds of all snapshots, each of which must be as it was recorded.
fn seconds(recording: &Recording) -> Vec<u64> {
    let read = |index| {
        let read = recording.snapshot(index).unwrap().unwrap();
        let second = read.taken_at_ns / 1_000_000_000;
        assert_eq!(read, snapshot(second), "second {second}");
        second
    };
    (0..recording.len()).map(read).collect()
}

#[test]
fn a_replay_gives_the_frames_of_the_run() {
    let Recorded { bytes, .. } = recorded(0..MOST);
    let recording = open(&bytes).unwrap();
    assert_eq!(recording.meta(), &meta());
    assert_eq!(recording.damage(), Damage::default());
    assert!(!recording.has_ended());
    let mut replay = Replay::new(recording, 2.0);
    let mut previous = replay.next().unwrap().unwrap();
    for second in 1..MOST {
        assert_eq!(replay.pace(), Some(std::time::Duration::from_millis(500)));
        let next = replay.next().unwrap().unwrap();
        let live = Frame::between(&snapshot(second - 1), &snapshot(second));
        assert_eq!(Frame::between(&previous, &next), live, "second {second}");
        previous = next;
    }
    assert_eq!(replay.next().unwrap(), None);
    replay.seek(77_900_000_000);
    assert_eq!(replay.next().unwrap().unwrap(), snapshot(77));
    replay.seek(0);
    assert_eq!(replay.next().unwrap().unwrap(), snapshot(0));
}

#[test]
fn a_part_of_a_recording_is_one_frame() {
    let recording = open(&recorded(1..70).bytes).unwrap();
    let live = |from, to| Frame::between(&snapshot(from), &snapshot(to));
    assert_eq!(recording.whole().unwrap(), Some(live(1, 69)));
    assert_eq!(recording.between(2, 65).unwrap(), Some(live(3, 66)));
    assert_eq!(recording.between(0, 69).unwrap(), None);
    let one = open(&recorded(7..8).bytes).unwrap();
    assert_eq!(one.whole().unwrap(), Some(Frame::cumulative(snapshot(7))));
}

#[test]
fn marks_the_end_and_kinds_of_newer_versions() {
    let mut writer = Writer::new(meta());
    let mut bytes = writer.begin(1).unwrap();
    bytes.extend(writer.snapshot(&snapshot(1)).unwrap().bytes);
    bytes.extend(writer.mark(1_500_000_000, "deployed").unwrap());
    frame::append(&mut bytes, Kind::Unknown(77), 1_600_000_000, b"of a newer version");
    bytes.extend(writer.snapshot(&snapshot(2)).unwrap().bytes);
    bytes.extend(writer.end(2_000_000_001));
    let recording = open(&bytes).unwrap();
    assert_eq!(seconds(&recording), [1, 2]);
    let marks: Vec<_> = recording.marks().iter().map(|(at, mark)| (*at, &*mark.text)).collect();
    assert_eq!(marks, [(1_500_000_000, "deployed")]);
    assert!(recording.has_ended());
    assert_eq!(recording.damage(), Damage::default());
}

#[test]
fn what_is_cut_off_ends_with_the_last_whole_frame() {
    let Recorded { bytes, begins } = recorded(0..64);
    // From before the last frames of the first chunk on.
    for cut in begins[58]..bytes.len() {
        let whole = begins.iter().filter(|begin| **begin <= cut).count() - 1;
        let recording = open(&bytes[..cut]).unwrap();
        assert_eq!(recording.len(), whole, "cut at {cut}");
        assert_eq!(recording.damage().torn, (cut - begins[whole]) as u64);
        let last = recording.snapshot(whole - 1).unwrap().unwrap();
        assert_eq!(last, snapshot(whole as u64 - 1));
    }
    assert_eq!(seconds(&open(&bytes).unwrap()).len(), 64);
}

#[test]
fn a_flipped_bit_costs_its_own_frame_and_what_depends_on_it() {
    let Recorded { bytes, begins } = recorded(0..64);
    let mut random = fastrand::Rng::with_seed(1);
    let end_of = |hit: usize| begins.get(hit + 1).copied().unwrap_or(bytes.len());
    // One bit in the head, and one in the payload.
    let places =
        |hit: usize| [begins[hit]..begins[hit] + HEAD_LEN, begins[hit] + HEAD_LEN..end_of(hit)];
    let hits = [0, 1, 30, 59, 60, 61, 63].into_iter();
    for (hit, place) in hits.flat_map(|hit| places(hit).map(|place| (hit, place))) {
        let at = random.usize(place);
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << random.u32(0..8);
        // The keys are the first and the sixty-first.
        let lost = match hit {
            0 => 0..60,
            60 => 60..64,
            hit => hit..hit + 1,
        };
        let expected: Vec<_> =
            (0..64).filter(|second| !lost.contains(&(*second as usize))).collect();
        let recording = open(&damaged).unwrap();
        assert_eq!(seconds(&recording), expected, "bit in byte {at} of frame {hit}");
        let damage = recording.damage();
        assert_eq!(damage.orphans, lost.len() as u64 - 1);
        assert_eq!(damage.bytes + damage.torn, (end_of(hit) - begins[hit]) as u64);
    }
}

#[test]
fn what_is_appended_is_seen() {
    let Recorded { bytes, begins } = recorded(0..70);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes[..begins[10] + 5]).unwrap();
    let mut recording = Recording::open(file.try_clone().unwrap()).unwrap();
    assert_eq!((recording.len(), recording.damage().torn), (10, 5));
    assert!(!recording.look_further().unwrap());
    file.seek(std::io::SeekFrom::End(0)).unwrap();
    file.write_all(&bytes[begins[10] + 5..]).unwrap();
    assert!(recording.look_further().unwrap());
    assert_eq!(seconds(&recording), (0..70).collect::<Vec<_>>());
    assert_eq!(recording.damage(), Damage::default());
}

#[test]
fn files_of_one_recorder_are_read_as_one() {
    let files = |bytes: &[&[u8]]| {
        let file = |bytes: &&[u8]| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            file
        };
        Recording::of(bytes.iter().map(file).collect())
    };
    let (before, now) = (recorded(0..70), recorded(70..90));
    let recording = files(&[&before.bytes, &now.bytes]).unwrap();
    assert_eq!(seconds(&recording), (0..90).collect::<Vec<_>>());
    assert_eq!(recording.damage(), Damage::default());
    let cut = &before.bytes[..before.bytes.len() - 1];
    let damage = files(&[cut, &now.bytes]).unwrap().damage();
    assert_eq!((damage.places, damage.torn), (1, 0));
    let refused = files(&[&before.bytes, b"no recording"]).err().unwrap();
    assert!(matches!(refused, Unreadable::Foreign), "{refused}");
}

#[test]
fn what_is_no_recording_is_refused_in_words() {
    let why = |bytes: &[u8]| open(bytes).err().unwrap().to_string();
    assert!(why(b"").contains("no recording"));
    assert!(why(b"%PDF-1.7 and so on").contains("no recording"));
    let Recorded { bytes, begins } = recorded(0..3);
    assert!(why(&bytes[..begins[0] + 9]).contains("no snapshot"));
    let mut newer = bytes.clone();
    newer[MAGIC.len()] = VERSION[0] + 1;
    assert!(why(&newer).contains("use a newer zc"));
    let mut other = bytes;
    // A newer minor version only adds.
    other[MAGIC.len() + 1] = 200;
    assert_eq!(open(&other).unwrap().len(), 3);
}

#[test]
fn a_file_of_beginnings_ends_soon() {
    let Recorded { mut bytes, .. } = recorded(0..3);
    // Each promises as much as there is to the end; read one after the other that is 5 GB.
    for at in (0_u32..200_000).rev() {
        let left = at * 16;
        bytes.extend([&SYNC[..], &left.to_le_bytes(), &[2, 0, 0, 0], &left.to_le_bytes()].concat());
    }
    let recording = open(&bytes).unwrap();
    assert_eq!(seconds(&recording), [0, 1, 2]);
    assert_eq!(recording.damage().torn, 200_000 * 16);
}

#[test]
fn counts_that_no_machine_has_are_refused() {
    let refused = |change: &dyn Fn(&mut Snapshot)| {
        let mut writer = Writer::new(meta());
        let mut bytes = writer.begin(1).unwrap();
        let mut hostile = snapshot(1);
        change(&mut hostile);
        bytes.extend(writer.snapshot(&snapshot(0)).unwrap().bytes);
        // As what differs from a key, and as a key.
        bytes.extend(writer.snapshot(&hostile).unwrap().bytes);
        writer.begin_chunk();
        bytes.extend(writer.snapshot(&hostile).unwrap().bytes);
        let recording = open(&bytes).unwrap();
        assert_eq!(recording.snapshot(0).unwrap().unwrap(), snapshot(0));
        [1, 2].map(|index| recording.snapshot(index).err().map(|error| error.to_string()))
    };
    assert_eq!(refused(&|_| {}), [None, None]);
    let edge = 1_u64 << 62;
    // Two that are possible alone.
    let half = |snapshot: &mut Snapshot| {
        snapshot.unattributed.counters[CounterId::CopiedBytes] = edge / 2;
        snapshot.unattributed.counters[CounterId::Syscalls] = edge / 2;
    };
    let of_process = |snapshot: &mut Snapshot| {
        let process = Arc::make_mut(&mut snapshot.processes[0]);
        process.counters[CounterId::CopiedBytes] = u64::MAX;
    };
    let merged = |snapshot: &mut Snapshot| {
        Arc::make_mut(&mut snapshot.processes[0]).merged = edge;
    };
    let changes: [&dyn Fn(&mut Snapshot); 3] = [&half, &of_process, &merged];
    for change in changes {
        for why in refused(change) {
            let why = why.unwrap();
            assert!(why.contains("no machine can have counted"), "{why}");
        }
    }
    // A time is no count.
    assert_eq!(refused(&|snapshot| snapshot.self_cost.cpu_ns = u64::MAX), [None, None]);
}

#[test]
fn a_few_bytes_that_stand_for_millions_of_values_are_refused() {
    // A hundred bytes or so of a key that would be millions of processes.
    let plain = [&[0xdd, 0, 0x4c, 0x4b, 0x40][..], &vec![0x90; 5_000_000]].concat();
    let packed = zstd::bulk::compress(&plain, 1).unwrap();
    assert!(packed.len() < 1000);
    let mut bytes = Writer::new(meta()).begin(1).unwrap();
    frame::append(&mut bytes, Kind::Key, 1, &packed);
    let refused = open(&bytes).unwrap().snapshot(0).err().unwrap().to_string();
    assert!(refused.contains("more than 4000000 values"), "{refused}");

    let mut large = snapshot(1);
    large.host = Arc::new(Host {
        users: (0..4_000_000).map(|user| (user, String::new())).collect(),
        ..large.host.as_ref().clone()
    });
    let error = Writer::new(meta()).snapshot(&large).err().unwrap().to_string();
    assert!(error.contains("4000000 values") && error.contains("-p or --cgroup"), "{error}");
}

#[test]
fn damage_that_does_not_end_is_not_searched_to_the_end() {
    let Recorded { bytes, begins } = recorded(0..3);
    let holed = |hole: u64| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        file.seek(std::io::SeekFrom::Current(hole.cast_signed())).unwrap();
        file.write_all(&bytes[begins[0]..]).unwrap();
        Recording::open(file).unwrap()
    };
    let found = holed(1 << 20);
    assert_eq!(seconds(&found), [0, 1, 2, 0, 1, 2]);
    assert_eq!(found.damage(), Damage { bytes: 1 << 20, places: 1, ..Damage::default() });
    // The hole takes no room on the disk. Searched through, it takes minutes.
    let hole = 64 << 30;
    let mut given_up = holed(hole);
    assert_eq!(seconds(&given_up), [0, 1, 2]);
    let unseen = hole + (bytes.len() - begins[0]) as u64;
    assert_eq!(given_up.damage(), Damage { unseen, ..Damage::default() });
    assert!(!given_up.look_further().unwrap());
    assert_eq!(given_up.damage(), Damage { unseen, ..Damage::default() });
}

#[test]
fn without_what_was_asked_for_the_interval_is_what_it_was() {
    let Recorded { mut bytes, begins } = recorded(3..6);
    assert_eq!(open(&bytes).unwrap().interval_ns(), 1_000_000_000);
    bytes[begins[0] - 1] ^= 1;
    let damaged = open(&bytes).unwrap();
    assert_eq!(damaged.meta().interval_ns, 0);
    assert_eq!(damaged.interval_ns(), 1_000_000_000);
}

#[test]
fn what_a_file_was_made_of_is_read_from_its_beginning() {
    let file = |bytes: &[u8]| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    };
    let Recorded { bytes, begins } = recorded(0..3);
    assert_eq!(Recording::meta_of(file(&bytes)).unwrap(), Some(meta()));
    assert_eq!(Recording::meta_of(file(&bytes[..begins[0] - 1])).unwrap(), None);
    assert!(matches!(Recording::meta_of(file(b"none")), Err(Unreadable::Foreign)));
}

#[test]
fn what_only_counts_is_written_as_what_it_has_counted() {
    let key = snapshot(1);
    let busy = |snapshot: &Snapshot| {
        snapshot.processes.iter().position(|process| process.paths.len() == 2).unwrap()
    };
    let change = |change: fn(&mut ProcessSample)| {
        let mut next = key.clone();
        let at = busy(&next);
        change(Arc::make_mut(&mut next.processes[at]));
        let delta = Delta::between(&key, &next);
        let single = |snapshot: &Snapshot| {
            snapshot.processes.iter().filter(|process| !process.is_merged()).count()
        };
        let is_update = (delta.updated.len(), single(&delta.snapshot)) == (1, 0);
        assert!(delta.apply(&key) == next, "it is as it was");
        is_update
    };
    assert!(change(|process| process.counters[CounterId::Syscalls] += 7));
    assert!(change(|process| process.paths[1].moved_bytes += 7));
    // New ones: before the others, between them, after them.
    for place in 0..3 {
        let insert = [
            |process: &mut ProcessSample| process.paths.insert(0, new_path()),
            |process: &mut ProcessSample| process.paths.insert(1, new_path()),
            |process: &mut ProcessSample| process.paths.insert(2, new_path()),
        ];
        assert!(change(insert[place]), "{place}");
    }
    assert!(change(|process| {
        process.paths.insert(1, new_path());
        process.paths[0].ops += 1;
        process.paths[2].errors += 1;
        process.counters[CounterId::CpuSamples] = 0;
    }));
    // More than counts has changed.
    assert!(!change(|process| process.paths.truncate(1)));
    assert!(!change(|process| process.exited = true));
    assert!(!change(|process| process.comm = "another".into()));
    assert!(!change(|process| process.cgroup = None));
}

fn new_path() -> PathSample {
    PathSample {
        path: CopyPath::KernelCopy.into(),
        socket: None,
        ops: 1,
        errors: 0,
        moved_bytes: 0,
        copied_bytes: 11,
        assumed_bytes: 0,
        provenance: Provenance::Measured,
    }
}

#[test]
fn a_chunk_that_most_of_the_machine_is_not_in_ends_early() {
    // Seconds of the pieces that begin a chunk, where so many processes come after the first one.
    let one = Arc::clone(&snapshot(1).processes[0]);
    let begins = |crowd: u32| {
        let mut writer = Writer::new(meta());
        let crowded = |second: u64| {
            let mut snapshot = snapshot(second);
            let more = (0..if second > 0 { crowd } else { 0 }).map(|number| {
                let mut process = ProcessSample::clone(&one);
                process.id.pid = 1_000_000 + number;
                process.counters[CounterId::Syscalls] += second;
                Arc::new(process)
            });
            snapshot.processes.splice(1..1, more);
            snapshot
        };
        let pieces = (0..130).map(|second| writer.snapshot(&crowded(second)).unwrap().begins_chunk);
        let seconds = pieces.enumerate().filter(|(_, begins)| *begins);
        seconds.map(|(second, _)| second).collect::<Vec<_>>()
    };
    assert_eq!(begins(0), [0, 60, 120]);
    assert_eq!(begins(100), [0, 60, 120]);
    assert_eq!(begins(1_000), [0, 6, 66, 126]);
}

#[test]
fn processes_are_found_whatever_their_order() {
    let key = snapshot(1);
    let mut next = key.clone();
    next.processes.reverse();
    let delta = Delta::between(&key, &next);
    let merged = next.processes.iter().filter(|process| process.is_merged()).count();
    assert_eq!((delta.gone.len(), delta.updated.len()), (0, 0));
    assert_eq!(delta.snapshot.processes.len(), merged);
    let first = next.processes.iter().position(|process| !process.is_merged()).unwrap();
    let gone = next.processes.remove(first).id;
    assert_eq!(Delta::between(&key, &next).gone, [gone]);
    let back = Delta::between(&next, &key);
    assert!(back.gone.is_empty());
    assert!(back.snapshot.processes.iter().any(|process| process.id == gone));
}

#[test]
fn counters_that_are_0_take_no_room() {
    let none = Counters::default();
    assert_eq!(rmp_serde::to_vec_named(&none).unwrap(), [0x80], "an empty map");
    let mut some = none.clone();
    some[CounterId::Syscalls] = 7;
    some[CounterId::CpuSamples] = 0;
    let bytes = rmp_serde::to_vec_named(&some).unwrap();
    assert_eq!(bytes.len(), 1 + 1 + "syscalls".len() + 1);
    assert_eq!(rmp_serde::from_slice::<Counters>(&bytes).unwrap(), some);
}
