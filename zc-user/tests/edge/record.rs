//! `zc record` and `zc replay`: what was counted is in the file, however the recorder ended.

use std::{
    collections::HashSet,
    fs,
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::Stdio,
};

use rustix::{
    fs::{FlockOperation, flock},
    process::Signal,
};
use serde_json::Value;
use zc_model::{snapshot::Snapshot, source::SnapshotSource as _};
use zc_recording::{Meta, Recording, Replay, Writer};
use zc_test_support::machine::Machine;

use super::zc::{Running, run, until, zc};

/// Bytes that are copied: a prime.
const SIZE: usize = 1_000_003;

fn recording(path: &Path) -> Recording {
    Recording::open(File::open(path).unwrap()).unwrap()
}

fn snapshots(path: &Path) -> Vec<Snapshot> {
    let mut replay = Replay::new(recording(path), 1.0);
    std::iter::from_fn(|| replay.next().unwrap()).collect()
}

/// Bytes that processes of this name have written to files.
fn written(snapshot: &Snapshot, comm: &str) -> u64 {
    let of_name = snapshot.processes.iter().filter(|process| &*process.comm == comm);
    let paths = of_name.flat_map(|process| &process.paths);
    paths.filter(|path| path.path.id() == "file_write").map(|path| path.moved_bytes).sum()
}

/// The same of the intervals of a replay.
fn replayed_bytes(lines: &[Value], comm: &str) -> u64 {
    let processes = lines.iter().flat_map(|line| line["processes"].as_array().unwrap());
    let of_name = processes.filter(|process| process["comm"] == comm);
    let paths = of_name.flat_map(|process| process["paths"].as_array().unwrap());
    let writes = paths.filter(|path| path["path"] == "file_write");
    writes.map(|path| path["moved_bytes"].as_u64().unwrap()).sum()
}

/// The intervals of `zc replay --json`, with further words.
fn replayed(file: &Path, words: &[&str]) -> Vec<Value> {
    let mut command = zc(["replay", "--json"]);
    command.args(words).arg(file);
    let replayed = run(command).exits(0);
    replayed.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_a_command_does_at_once_is_replayed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("short.zc");
    let to = format!("of={}/b", directory.path().display());
    let mut command = zc(["record", "-o"]);
    command.arg(&file).args(["--", "dd", "if=/dev/zero", &to, &format!("bs={SIZE}"), "count=1"]);
    run(command).exits(0);
    let lines = replayed(&file, &[]);
    assert!(!lines.is_empty(), "from before the command to its end is an interval");
    assert_eq!(replayed_bytes(&lines, "dd"), SIZE as u64);
}

#[test]
fn what_a_command_did_is_recorded_and_replayed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("run.zc");
    let copy = format!("dd if=/dev/zero of={}/b bs={SIZE} count=1", directory.path().display());
    let mut command = zc(["record", "-i", "0.1", "--label", "release=1.2", "-o"]);
    command
        .arg(&file)
        .args(["--", "sh", "-c"])
        .arg(format!("sleep 0.3; {copy}; sleep 0.3; exit 7"));
    run(command).exits(7);

    let snapshots = snapshots(&file);
    assert_eq!(written(snapshots.last().unwrap(), "dd"), SIZE as u64);
    let recording = recording(&file);
    assert!(recording.has_ended());
    assert_eq!(recording.meta().labels["release"], "1.2");

    let mut command = zc(["replay", "--json"]);
    command.arg(&file);
    let replayed = run(command).exits(0);
    let said = replayed.stderr();
    for part in
        ["recorded by zc 0.1.0: sh -c sleep 0.3; dd ", "every 100.0 ms", "labels: release=1.2"]
    {
        assert!(said.contains(part), "{said}");
    }
    let lines: Vec<Value> =
        replayed.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), snapshots.len() - 1, "an interval between each two");
    assert_eq!(replayed_bytes(&lines, "dd"), SIZE as u64);
}

#[test]
fn a_recorder_that_is_killed_leaves_what_it_has_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("killed.zc");
    let recorder = Running::start(zc(["record", "-i", "0.1", "-o", file.to_str().unwrap()]));
    recorder.attached();
    let has_some = || Recording::open(File::open(&file).unwrap()).is_ok_and(|it| it.len() > 2);
    until("three snapshots", has_some);
    recorder.signal(Signal::KILL);
    drop(recorder);
    let whole = recording(&file);
    assert!(!whole.has_ended() && whole.len() > 2 && whole.damage().places == 0);
    // The tick that was cut off, or one that is cut off here, is said, and the others are replayed.
    let cut = fs::metadata(&file).unwrap().len() - whole.damage().torn - 1;
    File::options().write(true).open(&file).unwrap().set_len(cut).unwrap();
    let mut command = zc(["replay", "--json"]);
    command.arg(&file);
    let replayed = run(command).exits(0);
    assert_eq!(replayed.stdout().lines().count(), whole.len() - 2);
    assert!(replayed.stderr().contains("no whole snapshot"), "{}", replayed.stderr());
}

#[test]
fn the_flight_recorder_writes_when_it_is_asked_to() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("flight.zc");
    let words = ["record", "-i", "0.1", "--flight-recorder", "1m", "-o", file.to_str().unwrap()];
    let recorder = Running::start(zc(words));
    recorder.attached();
    assert!(!file.exists(), "nothing is written until then");
    // The signal may come before the first two snapshots.
    until("two snapshots", || {
        recorder.signal(Signal::USR1);
        file.exists() && recording_of_two(&file)
    });
    recorder.signal(Signal::TERM);
    let (status, _, said) = recorder.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("wrote the last "), "{said}");
    assert!(!directory.path().join("flight.zc.part").exists());
}

#[test]
fn a_dump_that_was_asked_for_is_made_before_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("flight.zc");
    let words = ["record", "--flight-recorder", "1m", "-o", file.to_str().unwrap()];
    let recorder = Running::start(zc(words));
    recorder.attached();
    recorder.signal(Signal::USR1);
    recorder.signal(Signal::INT);
    let (status, _, said) = recorder.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("wrote the last "), "{said}");
    assert!(!recording(&file).is_empty());
}

#[test]
fn a_second_recorder_of_a_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("run.zc");
    let words = ["record", "-i", "0.1", "-o", file.to_str().unwrap()];
    let first = Running::start(zc(words));
    first.attached();
    run(zc(words)).fails(1, &["cannot write the recording to '", "another zc records to it"]);
    first.signal(Signal::INT);
    let (status, _, said) = first.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(recording(&file).has_ended());
}

#[test]
fn a_file_that_is_removed_while_it_is_recorded_to_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("run.zc");
    let recorder = Running::start(zc(["record", "-i", "0.1", "-o", file.to_str().unwrap()]));
    recorder.attached();
    fs::remove_file(&file).unwrap();
    let (status, _, said) = recorder.end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("was removed while zc recorded to it"), "{said}");
}

#[test]
fn what_is_replayed_can_be_chosen() {
    let directory = tempfile::tempdir().unwrap();
    let [plain, threads] = ["plain.zc", "threads.zc"].map(|name| directory.path().join(name));
    let copy = format!("dd if=/dev/zero of={}/b bs={SIZE} count=1", directory.path().display());
    // The shell does not become what it runs, which has another number.
    let script = format!("echo $$; {copy}; true");
    let mut command = zc(["record", "-o"]);
    command.arg(&plain).args(["--", "sh", "-c", &script]);
    let shell = run(command).exits(0).stdout().trim().to_owned();
    let mut command = zc(["record", "--threads", "-o"]);
    command.arg(&threads).args(["--", "sh", "-c", &copy]);
    run(command).exits(0);

    let below = replayed(&plain, &["-p", &shell]);
    assert_eq!(replayed_bytes(&below, "dd"), SIZE as u64, "it descends from {shell}");
    let others = replayed(&plain, &["-p", "4194304"]);
    assert_eq!(replayed_bytes(&others, "dd"), 0);

    let mut by_thread = zc(["replay", "--csv", "--group-by", "thread"]);
    by_thread.arg(&threads);
    let by_thread = run(by_thread).exits(0).stdout();
    assert!(by_thread.contains("dd"), "{by_thread}");
    let plain = plain.to_str().unwrap();
    run(zc(["replay", "--csv", "--group-by", "thread", plain]))
        .fails(2, &["the recording has no threads", "--threads"]);
    run(zc(["replay", "--csv", "--from", "1h", plain]))
        .fails(2, &["the recording ends before that"]);
}

fn recording_of_two(file: &Path) -> bool {
    let recording = recording(file);
    assert!(recording.has_ended(), "it is never half-written");
    recording.len() > 1
}

#[test]
fn a_full_disk_is_said_and_costs_nothing_that_was_there() {
    run(zc(["record", "-i", "0.1", "-o", "/dev/full"]))
        .fails(1, &["cannot write to the recording '/dev/full'", "No space left on device"]);
}

#[test]
fn what_is_no_recording_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("text");
    fs::write(&file, "ZCREC is what it does not begin with: a blank is no NUL").unwrap();
    let file = file.to_str().unwrap();
    run(zc(["replay", file])).fails(2, &["it is no recording of zc"]);
    run(zc(["replay", "/nowhere/run.zc"]))
        .fails(1, &["cannot read the recording '/nowhere/run.zc'"]);
    run(zc(["replay", directory.path().to_str().unwrap()])).fails(1, &["no regular file"]);
    run(zc(["record", "-o", "/nowhere/run.zc"]))
        .fails(1, &["cannot write the recording to '/nowhere/run.zc'"]);
    for (words, said) in [
        (["--max-size", "1k"], "1MiB at least"),
        (["--flight-recorder", "10"], "90s, 10m or 1h"),
        (["--label", "x"], "KEY=VALUE"),
    ] {
        let refused = run(zc(["record", "-o", "x"].iter().chain(&words))).exits(2);
        assert!(refused.stderr().contains(said), "{}", refused.stderr());
    }
}

#[test]
fn moments_get_names_while_it_is_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("run.zc");
    let zc_mark = format!("{} mark {}", env!("CARGO_BIN_EXE_zc"), file.display());
    let script = format!("{zc_mark} 'began 42' && {zc_mark} 'ended 42'");
    let mut command = zc(["record", "-i", "0.1", "-o"]);
    command.arg(&file).args(["--", "sh", "-c", &script]);
    run(command).exits(0);
    let recording = recording(&file);
    let marks: Vec<_> = recording.marks().iter().map(|(_, mark)| &*mark.text).collect();
    assert_eq!(marks, ["began 42", "ended 42"]);
    let (first, last) = recording.ends();
    assert!(recording.marks().iter().all(|(at, _)| (first..=last).contains(at)));
    let mut command = zc(["replay", "--json", "--from", "ended 42"]);
    command.arg(&file);
    run(command).exits(0);
    // There is no recorder any more.
    let mut command = zc(["mark"]);
    command.arg(&file).arg("late");
    let refused = run(command).exits(1);
    assert!(refused.stderr().contains("no zc records to it here"), "{}", refused.stderr());
    let mut command = zc(["mark"]);
    command.arg(&file).arg("two\nlines");
    run(command).exits(2);
}

#[test]
fn a_mark_in_memory_is_in_the_file_that_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("flight.zc");
    let script = format!(
        "{} mark {file} before && kill -USR1 $PPID && until [ -s {file} ]; do :; done",
        env!("CARGO_BIN_EXE_zc"),
        file = file.display()
    );
    let mut command = zc(["record", "-i", "0.1", "--flight-recorder", "1m", "-o"]);
    command.arg(&file).args(["--", "sh", "-c", &script]);
    run(command).exits(0);
    let recording = recording(&file);
    let marks: Vec<_> = recording.marks().iter().map(|(_, mark)| &*mark.text).collect();
    assert_eq!(marks, ["before"]);
}

/// A recorder that the test plays: its file is locked, as that of a real one.
struct Recorder {
    path: PathBuf,
    writer: Writer,
    file: File,
}

impl Recorder {
    fn begin(path: PathBuf) -> Self {
        let subject = "the whole system".to_owned();
        let meta = Meta { subject, interval_ns: 100_000_000, ..Meta::default() };
        let (writer, file) = (Writer::new(meta), Self::create(&path));
        let mut recorder = Self { path, writer, file };
        recorder.write(recorder.writer.begin(1).unwrap());
        recorder
    }

    fn create(path: &Path) -> File {
        let file = File::create_new(path).unwrap();
        flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
        file
    }

    fn write(&mut self, bytes: Vec<u8>) {
        self.file.write_all(&bytes).unwrap();
    }

    fn snapshot(&mut self, second: u64) {
        let piece = self.writer.snapshot(&Machine::default().after(second)).unwrap();
        self.write(piece.bytes);
    }

    /// Goes on in another file, as with --max-size.
    fn rotate(&mut self) {
        let mut former = self.path.clone().into_os_string();
        former.push(".1");
        fs::rename(&self.path, former).unwrap();

        self.file = Self::create(&self.path);
        self.writer.begin_chunk();
        self.write(self.writer.begin(1).unwrap());
    }
}

#[test]
fn a_recording_is_followed_while_it_grows_and_into_its_next_file() {
    let directory = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::begin(directory.path().join("run.zc"));
    (0..5).for_each(|second| recorder.snapshot(second));
    let mut command = zc(["replay", "--follow", "--csv", "--columns", "comm,syscalls"]);
    command.arg(&recorder.path).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut replay = command.spawn().unwrap();
    // It says what it has read: where it begins is known by then.
    let about = BufReader::new(replay.stderr.take().unwrap()).lines().next().unwrap().unwrap();
    assert!(about.contains("5 snapshots"), "{about}");
    let mut lines = BufReader::new(replay.stdout.take().unwrap()).lines();
    let mut times = HashSet::new();
    // One interval at a time: the next one is recorded when this one has been printed.
    let mut wait_for = |count: usize| {
        while times.len() < count {
            let line = lines.next().expect("the replay has ended").unwrap();
            times.extend(line.split(',').next().unwrap().parse::<u64>());
        }
    };
    // It begins with the last interval that there is.
    wait_for(1);
    for second in 5..8 {
        recorder.snapshot(second);
        wait_for(second as usize - 3);
    }
    recorder.rotate();
    for second in 8..10 {
        recorder.snapshot(second);
        wait_for(second as usize - 3);
    }
    let end = recorder.writer.end(1);
    recorder.write(end);
    drop(recorder);
    assert_eq!(replay.wait().unwrap().code(), Some(0));
    assert!(
        lines
            .all(|line| times.contains(&line.unwrap().split(',').next().unwrap().parse().unwrap()))
    );
}

#[test]
fn a_dump_has_what_happened_just_before_it_was_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("flight.zc");
    // Of the whole interval nothing would be in memory yet.
    let script = format!(
        "dd if=/dev/zero of={}/b bs={SIZE} count=3 2>/dev/null && kill -USR1 $PPID && \
         until [ -s {} ]; do :; done",
        directory.path().display(),
        file.display()
    );
    let mut command = zc(["record", "-i", "3600", "--flight-recorder", "2h", "-o"]);
    command.arg(&file).args(["--", "sh", "-c", &script]);
    run(command).exits(0);
    assert_eq!(written(snapshots(&file).last().unwrap(), "dd"), 3 * SIZE as u64);
}

#[test]
fn a_recorder_that_does_not_start_leaves_what_the_file_has() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("run.zc");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/nginx-after.zc");
    fs::copy(sample, &file).unwrap();
    let before = fs::read(&file).unwrap();
    for (words, status) in [
        (&["--btf", "/nonexistent"][..], 2),
        (&["--", "/nonexistent/command"][..], 127),
        (&["--flight-recorder", "1m", "--", "/nonexistent/command"][..], 127),
    ] {
        let mut command = zc(["record", "-o"]);
        command.arg(&file).args(words);
        run(command).exits(status);
        assert!(fs::read(&file).unwrap() == before, "{words:?}");
    }
    let mut command = zc(["record", "-o", "/nonexistent/run.zc", "--flight-recorder", "1m"]);
    command.args(["--", "true"]);
    run(command).exits(1);
}

/// The files of a recorder that began another one, with what each has recorded: seconds.
fn two_files(directory: &Path, first: &[u64], second: &[u64], runs: [u64; 2]) -> PathBuf {
    let path = directory.join("run.zc");
    let mut former = path.clone().into_os_string();
    former.push(".1");
    for (name, seconds, run) in [(former.as_ref(), first, runs[0]), (&*path, second, runs[1])] {
        let meta = Meta { interval_ns: 1_000_000_000, run, ..Meta::default() };
        let mut writer = Writer::new(meta);
        let mut bytes = writer.begin(1).unwrap();
        for second in seconds {
            bytes.extend(writer.snapshot(&Machine::default().after(*second)).unwrap().bytes);
        }
        fs::write(name as &Path, bytes).unwrap();
    }
    path
}

#[test]
fn two_runs_are_never_one_recording() {
    let directory = tempfile::tempdir().unwrap();
    let one = two_files(directory.path(), &[1, 2, 3], &[4, 5], [7, 7]);
    assert_eq!(replayed(&one, &[]).len(), 4);
    let two = two_files(directory.path(), &[1, 2, 3], &[4, 5], [7, 8]);
    assert_eq!(replayed(&two, &[]).len(), 1);
    // The recorder was killed when it had just begun another file, or before.
    let path = two_files(directory.path(), &[1, 2, 3], &[], [7, 7]);
    assert_eq!(replayed(&path, &[]).len(), 2);
    fs::write(&path, "").unwrap();
    assert_eq!(replayed(&path, &[]).len(), 2);
    fs::remove_file(&path).unwrap();
    assert_eq!(replayed(&path, &[]).len(), 2);
}

#[test]
fn a_replay_from_the_end_has_the_last_interval() {
    let directory = tempfile::tempdir().unwrap();
    let path = two_files(directory.path(), &[], &[1, 2, 3, 4], [7, 7]);
    for from in ["end", "3s"] {
        let lines = replayed(&path, &["--from", from]);
        let times: Vec<_> = lines.iter().map(|line| line["elapsed_ns"].as_u64()).collect();
        assert_eq!(times, [Some(1_000_000_000)], "{from}");
    }
}

#[test]
fn a_follower_says_when_the_file_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::begin(directory.path().join("run.zc"));
    (0..5).for_each(|second| recorder.snapshot(second));
    let mut command = zc(["replay", "--follow", "--csv", "--columns", "comm"]);
    command.arg(&recorder.path).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut replay = command.spawn().unwrap();
    let mut said = BufReader::new(replay.stderr.take().unwrap()).lines();
    let about = said.next().unwrap().unwrap();
    assert!(about.contains("5 snapshots"), "{about}");
    // As a recorder does that is started again.
    recorder.file.set_len(0).unwrap();
    let said: Vec<String> = said.map(Result::unwrap).collect();
    assert!(said.iter().any(|line| line.contains("replaced or cut")), "{said:?}");
    assert_eq!(replay.wait().unwrap().code(), Some(1));
}

#[test]
fn a_mark_is_for_the_file_that_is_meant() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("run.zc");
    // The recorder is there, and records to a file that has another name by now.
    let moved = directory.path().join("moved.zc");
    let script = format!(
        "until [ -s {file} ]; do :; done; mv {file} {moved}; echo other > {file}; {zc} mark {file} wrong && exit 7; \
         rm {file}; mv {moved} {file}",
        file = file.display(),
        moved = moved.display(),
        zc = env!("CARGO_BIN_EXE_zc"),
    );
    let mut command = zc(["record", "-i", "0.1", "-o"]);
    command.arg(&file).args(["--", "sh", "-c", &script]);
    let recorded = run(command).exits(0);
    assert!(recorded.stderr().contains("goes on under another name"), "{}", recorded.stderr());
    assert!(recording(&file).marks().is_empty());
}
