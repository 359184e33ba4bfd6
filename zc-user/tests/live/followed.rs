//! Runs that follow some processes only: these are counted exactly, and the others not at all.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::Value;
use tempfile::NamedTempFile;

use crate::{
    Test,
    report::{Count, Report},
    requirement::{self, Skip},
    workload::family::{MOVED, TOUCHED, read_zero},
    zc::{Watch, idle, observe, on_disk, workload},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("followed::a_process_and_its_descendants_are_counted_and_no_others", descent),
    ("followed::members_of_a_control_group_are_counted_and_no_others", members),
    ("followed::a_process_is_a_member_by_one_of_its_threads", threads),
    ("followed::of_a_command_only_members_of_a_control_group_are_shown", command),
    ("followed::each_process_has_the_control_group_that_it_is_in", homes),
    ("followed::zc_leaves_itself_out", itself),
    ("followed::others_take_no_slots", slots),
    ("followed::pages_are_those_of_the_process_that_dirtied_them", dirty),
    ("followed::everything_is_measured_that_is_without", limitations),
];

/// A workload in two halves.
pub(crate) struct Halves {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Halves {
    /// Starts it, and waits for the end of its first half.
    pub(crate) fn start(words: &[&str]) -> Self {
        let [program, word] = workload();
        let mut child = Command::new(program)
            .arg(word)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the workload runs");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut halves = Self { child, lines };
        let pid = halves.line();
        assert_eq!(pid.trim(), halves.pid());
        halves
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line");
        line
    }

    pub(crate) fn go(&mut self) {
        self.child.stdin.as_mut().expect("a pipe").write_all(b"\n").expect("it reads");
    }

    /// Waits for its end. Whether it succeeds.
    pub(crate) fn succeeds(mut self) -> bool {
        self.child.wait().expect("it is a child").success()
    }

    /// Lets it do its second half; what it says of it.
    fn finish(mut self) -> Value {
        self.go();
        let line = self.line();
        assert!(self.child.wait().expect("it is a child").success());
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

impl Drop for Halves {
    fn drop(&mut self) {
        // After a panic only: otherwise it has been waited for.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Watches a family that says who has read how much: each has, and no other process. Once more while something
/// was lost, which may be what anybody on this machine did.
fn watch_readers(watch: impl Fn() -> Result<(Report, Value), Skip>) -> Result<Report, Skip> {
    let mut reads = Value::Null;
    let again = || {
        let (report, said) = watch()?;
        reads = said;
        Ok(report)
    };
    let report = Report::complete(again, idle)?;
    report.assert_complete();
    let reads: Vec<(u64, u64, u64)> = serde_json::from_value(reads).expect("who read");
    for (pid, ops, bytes) in &reads {
        let expected = Count { ops: *ops, errors: 0, bytes: *bytes };
        assert_eq!(report.process(*pid).path("pseudo_read"), expected, "of process {pid}");
    }
    for row in report.processes() {
        let is_known = reads.iter().any(|(pid, ..)| *pid == row.pid);
        assert!(is_known || row.path("pseudo_read").ops == 0, "a stranger: {row:?}");
    }
    Ok(report)
}

fn descent() -> Result<(), Skip> {
    requirement::ebpf()?;
    let report = watch_readers(|| {
        let family = Halves::start(&["descent"]);
        let watch = Watch::start(&["--json", "--pid", &family.pid()]);
        read_zero(13, 1013);
        let reads = family.finish();
        Ok((watch.finish(), reads))
    })?;
    // One more has only ended.
    assert!(report.processes().len() <= 5, "{:?}", report.processes());
    Ok(())
}

/// A control group of its own, which goes with the test.
pub(crate) struct Group {
    pub(crate) directory: PathBuf,
    path: String,
}

impl Group {
    pub(crate) fn new() -> Result<Self, Skip> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
        let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "));
        let place = mount.and_then(|line| line.split(' ').nth(4));
        let place = place.ok_or_else(|| Skip::Kernel("cgroup v2 is not mounted".to_owned()))?;
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = format!("/zc-test-{}-{number}", std::process::id());
        let directory = Path::new(place).join(path.trim_start_matches('/'));
        fs::create_dir(&directory)
            .map_err(|error| Skip::Kernel(format!("no control group can be made: {error}")))?;
        Ok(Self { directory, path })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // After a panic there may be none below, or members in one.
        let _ = fs::remove_dir(self.directory.join("below"));
        let _ = fs::remove_dir(&self.directory);
    }
}

fn members() -> Result<(), Skip> {
    requirement::administrator()?;
    let report = watch_readers(|| {
        let group = Group::new()?;
        let directory = group.directory.to_str().expect("text");
        let family = Halves::start(&["members", directory, &format!("{directory}-late")]);
        let late = format!("{}-late", group.path);
        let watch = Watch::start(&["--json", "--cgroup", &group.path, "--cgroup", &late]);
        read_zero(13, 1013);
        let reads = family.finish();
        Ok((watch.finish(), reads))
    })?;
    assert_eq!(report.processes().len(), MOVED + 5, "{:?}", report.processes());
    let before = report.processes().into_iter().filter(|row| row.path("pseudo_read").ops == 3);
    for moved in before {
        // It has taken many more before it was moved.
        assert!(moved.counter("page_faults_minor") < TOUCHED as u64, "{moved:?}");
    }
    Ok(())
}

fn threads() -> Result<(), Skip> {
    requirement::administrator()?;
    let report = watch_readers(|| {
        let group = Group::new()?;
        let threads = group.directory.join("below");
        fs::create_dir(&threads).expect("a group below");
        fs::write(threads.join("cgroup.type"), "threaded")
            .map_err(|error| Skip::Kernel(format!("a group cannot be threaded: {error}")))?;
        let path = |directory: &Path| directory.to_str().expect("text").to_owned();
        let family = Halves::start(&["threaded", &path(&group.directory), &path(&threads)]);
        let watch = Watch::start(&["--json", "--cgroup", &format!("{}/below", group.path)]);
        let reads = family.finish();
        Ok((watch.finish(), reads))
    })?;
    assert_eq!(report.processes().len(), 2, "{:?}", report.processes());
    Ok(())
}

fn command() -> Result<(), Skip> {
    requirement::administrator()?;
    let report = watch_readers(|| {
        let group = Group::new()?;
        let [program, word] = workload();
        let directory = group.directory.as_os_str();
        let command = [program.as_os_str(), word.as_os_str(), "parted".as_ref(), directory];
        let observed = observe(&["--cgroup", &group.path], &command);
        let reads = serde_json::from_slice(&observed.output.stdout).expect("who read");
        Ok((observed.report, reads))
    })?;
    assert_eq!(report.processes().len(), 1, "{:?}", report.processes());
    Ok(())
}

/// Where it was last, not where its parent is; and that one process has moved says nothing of others.
fn homes() -> Result<(), Skip> {
    requirement::administrator()?;
    let group = Group::new()?;
    let mut family = Halves::start(&["homes", group.directory.to_str().expect("text")]);
    let watch = Watch::start(&["--json", "--pid", &family.pid()]);
    family.go();
    let pids: [u64; 4] = serde_json::from_str(&family.line()).expect("who they are");
    let report = watch.finish();
    family.go();
    assert!(family.child.wait().expect("it is a child").success());
    let text = fs::read_to_string("/proc/self/cgroup").expect("control groups");
    let own = text.lines().find_map(|line| line.strip_prefix("0::")).expect("one of cgroup v2");
    // With groups of v1, the root of v2 is where processes are of which nothing is known.
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    let is_known = own != "/" || !mounts.contains(" - cgroup ");
    let own = is_known.then_some(own);
    let [parent, child, moved, ended] = pids.map(|pid| report.process(pid).cgroup);
    assert_eq!([parent.as_deref(), child.as_deref()], [own; 2]);
    assert_eq!([moved, ended], [Some(group.path.clone()), Some(group.path.clone())]);
    Ok(())
}

/// `zc` descends from the process that it has to follow.
fn itself() -> Result<(), Skip> {
    requirement::ebpf()?;
    let own = std::process::id();
    let watch = Watch::start(&["--json", "--pid", &own.to_string()]);
    read_zero(17, 1013);
    let zc = watch.pid();
    let report = watch.finish();
    let reads = report.process(u64::from(own)).path("pseudo_read");
    assert!(reads.ops >= 17 && reads.bytes >= 17 * 1013, "{reads:?}");
    assert!(report.processes().iter().all(|row| row.pid != zc), "{:?}", report.processes());
    Ok(())
}

/// The table has 64 slots.
fn slots() -> Result<(), Skip> {
    requirement::ebpf()?;
    let report = watch_readers(|| {
        let family = Halves::start(&["descent"]);
        let watch = Watch::start(&["--json", "--max-threads", "64", "--pid", &family.pid()]);
        let [program, word] = workload();
        let crowd = Command::new(program).arg(word).args(["crowd", "307"]).status();
        assert!(crowd.expect("the workload runs").success());
        let reads = family.finish();
        Ok((watch.finish(), reads))
    })?;
    assert_eq!(report.totals().get("tee"), None, "the crowd is counted");
    Ok(())
}

fn dirty() -> Result<(), Skip> {
    const PAGE: usize = 4096;
    requirement::ebpf()?;
    let directory = on_disk();
    let mut file = NamedTempFile::new_in(directory.path()).expect("a file");
    let content = vec![2; 101 * PAGE];
    file.write_all(&content).and_then(|()| file.as_file().sync_all()).expect("room");
    let path = file.path().to_str().expect("text").to_owned();

    let bytes = 61 * PAGE;
    let mut family = Halves::start(&["dirty", &path, &bytes.to_string()]);
    let pid = u64::from(family.child.id());
    let watch = Watch::start(&["--json", "--pid", &family.pid()]);
    family.go();
    family.line();
    // A process that is not followed brings them to the disk, then others of the same file.
    let stranger = File::options().write(true).open(file.path()).expect("it is there");
    stranger.sync_all().expect("it can be written");
    stranger.write_all_at(&content[bytes..], bytes as u64).expect("room");
    stranger.sync_all().expect("it can be written");
    let io = fs::read_to_string(format!("/proc/{pid}/io")).expect("it is alive");
    family.go();
    assert!(family.child.wait().expect("it is a child").success());
    let report = watch.finish();
    let writer = report.process(pid);
    let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    let written = written.and_then(|bytes| bytes.parse::<u64>().ok()).expect("a number");
    assert!(written >= bytes as u64, "what the kernel says");
    match writer.known("block_dirtied_bytes") {
        Some(dirtied) => assert_eq!(dirtied, written),
        None => return Err(Skip::Kernel("pages that are dirtied are not visible".to_owned())),
    }
    Ok(())
}

/// A program that the verifier refuses in such a run only would be a limitation more.
fn limitations() -> Result<(), Skip> {
    requirement::ebpf()?;
    let own = std::process::id().to_string();
    let all = Watch::start(&["--json"]).finish();
    for options in [["--pid", &own], ["--cgroup", "/"]] {
        let some = Watch::start(&[&["--json"], &options[..]].concat()).finish();
        assert_eq!(some.limitations(), all.limitations(), "{options:?}");
    }
    Ok(())
}
