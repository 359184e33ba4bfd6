//! What others count for the same process.

use std::{fs, io, path::Path};

use crate::{
    Test,
    report::Report,
    requirement::{self, Skip},
    table::{CHUNK, SIZE},
    zc::{Running, until, zc},
};
use rustix::process::Signal;

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("outside::the_kernel_counts_the_same", kernel),
    ("outside::workers_and_receivers_have_no_privileges", privileges),
    ("outside::servers_have_no_privileges_and_a_network_of_their_own", servers),
];

/// Scenarios whose bytes /proc accounts for.
const SCENARIOS: [&str; 2] = ["read_write", "sendfile"];

/// A worker as the lab starts it; the test is its lab.
struct Worker(Running);

/// What the kernel tells of a process in /proc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    read_bytes: u64,
    written_bytes: u64,
    reads: u64,
    writes: u64,
    voluntary: u64,
    involuntary: u64,
    minor_faults: u64,
    major_faults: u64,
}

impl Worker {
    fn start(scenario: &str, payload: &Path) -> Self {
        let (size, chunk) = (SIZE.to_string(), CHUNK.to_string());
        let parent = std::process::id().to_string();
        let words = ["lab", "--parent", &parent, "worker", scenario];
        let words = words.into_iter().chain(["--size", &size, "--chunk", &chunk]);
        let mut command = zc(words);
        command.stdin(fs::File::open(payload).unwrap());
        let worker = Self(Running::start(command));
        worker.has_stopped();
        worker
    }

    fn pid(&self) -> u32 {
        self.0.0.id()
    }

    fn has_stopped(&self) {
        let file = |name: &str| format!("/proc/{}/{name}", self.pid());
        until("the worker has stopped itself", || {
            let stat = fs::read_to_string(file("stat")).unwrap();
            assert!(!stat.contains(") Z "), "the worker has ended");
            // The kernel reports the stop a moment before the process leaves its CPU, and reports a call
            // only for a process that has left its CPU.
            let left = !fs::read_to_string(file("syscall")).is_ok_and(|told| told == "running\n");
            stat.contains(") T ") && left
        });
    }

    fn counts(&self) -> Counts {
        let read = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", self.pid())).unwrap();
        let (io, status, stat) = (read("io"), read("status"), read("stat"));
        let field = |text: &str, name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().trim_start_matches(':').trim().parse::<u64>().unwrap()
        };
        // After the name, which is in parentheses: state is the third field, minflt the tenth.
        let stat: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        Counts {
            read_bytes: field(&io, "rchar"),
            written_bytes: field(&io, "wchar"),
            reads: field(&io, "syscr"),
            writes: field(&io, "syscw"),
            voluntary: field(&status, "voluntary_ctxt_switches"),
            involuntary: field(&status, "nonvoluntary_ctxt_switches"),
            minor_faults: stat[7].parse().unwrap(),
            major_faults: stat[9].parse().unwrap(),
        }
    }

    /// Lets it work until it stops again.
    fn work(&mut self) {
        let mut sink = self.0.0.stdout.take().unwrap();
        // At its own pace, as the receiver does. It ends with the worker.
        std::thread::spawn(move || io::copy(&mut sink, &mut io::sink()));
        self.0.signal(Signal::CONT);
        self.has_stopped();
    }
}

impl Counts {
    fn since(self, before: Self) -> Self {
        Self {
            read_bytes: self.read_bytes - before.read_bytes,
            written_bytes: self.written_bytes - before.written_bytes,
            reads: self.reads - before.reads,
            writes: self.writes - before.writes,
            voluntary: self.voluntary - before.voluntary,
            involuntary: self.involuntary - before.involuntary,
            minor_faults: self.minor_faults - before.minor_faults,
            major_faults: self.major_faults - before.major_faults,
        }
    }
}

/// A process that handles the payload could do no harm.
fn privileges() -> Result<(), Skip> {
    let directory = tempfile::tempdir().unwrap();
    let payload = directory.path().join("payload");
    fs::write(&payload, "payload").unwrap();
    let worker = Worker::start("read_write", &payload);
    let parent = std::process::id().to_string();
    let mut receiver = zc(["lab", "--parent", &parent, "receiver"]);
    let receiver = Running::start({
        receiver.stdin(std::process::Stdio::piped());
        receiver
    });
    receiver.attached();
    for (pid, kept) in [(worker.pid(), 1 << 14), (receiver.0.id(), 0)] {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().trim_start_matches(':').trim().to_owned()
        };
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            // CAP_IPC_LOCK is the only one that a worker may keep.
            assert_eq!(u64::from_str_radix(&field(set), 16).unwrap() & !kept, 0, "{set}: {status}");
        }
        assert_eq!(field("NoNewPrivs"), "1");
    }
    Ok(())
}

/// A worker of each, observed by `zc` and by the kernel's own accounting from stop to stop.
fn kernel() -> Result<(), Skip> {
    requirement::ebpf()?;
    let directory = tempfile::tempdir().unwrap();
    let payload = directory.path().join("payload");
    fs::write(&payload, vec![7; usize::try_from(SIZE).unwrap()]).unwrap();
    let mut workers: Vec<_> = SCENARIOS.iter().map(|id| Worker::start(id, &payload)).collect();
    let pids: Vec<_> = workers.iter().map(|worker| worker.pid().to_string()).collect();
    let stat = Running::start(zc(["stat", "--json", "--pid", &pids.join(",")]));
    stat.attached();
    let told: Vec<_> = workers
        .iter_mut()
        .map(|worker| {
            let before = worker.counts();
            worker.work();
            worker.counts().since(before)
        })
        .collect();
    stat.signal(Signal::INT);
    let (status, report, stderr) = stat.end();
    assert!(status.success(), "{stderr}");
    let report = Report::parse(&report);
    for ((scenario, worker), told) in SCENARIOS.iter().zip(&workers).zip(told) {
        let process = report.process(worker.pid().into());
        let counted = |id: &str| process.counter(id);
        // The first that `zc` sees of a process that was there before may be a switch: then it
        // counts from this switch on.
        for (kind, switches) in [("voluntary", told.voluntary), ("involuntary", told.involuntary)] {
            let seen = counted(&format!("context_switches_{kind}"));
            let all = switches.saturating_sub(1)..=switches;
            assert!(all.contains(&seen), "{scenario}: {seen} {kind} switches of {told:?}");
        }
        assert_eq!(counted("page_faults_minor"), told.minor_faults, "{scenario}: {told:?}");
        assert_eq!(counted("page_faults_major"), told.major_faults, "{scenario}: {told:?}");
        let moved = |paths: &[&str]| -> (u64, u64) {
            let counts = paths.iter().map(|path| process.path(path));
            counts.fold((0, 0), |(bytes, ops), count| (bytes + count.bytes, ops + count.ops))
        };
        let read = moved(&["file_read", "sendfile_to_pipe"]);
        let written = moved(&["pipe_write", "sendfile_to_pipe"]);
        assert_eq!(read, (told.read_bytes, told.reads), "{scenario}: {told:?}");
        assert_eq!(written, (told.written_bytes, told.writes), "{scenario}: {told:?}");
        assert_eq!(told.written_bytes, SIZE, "{scenario}: {told:?}");
    }
    Ok(())
}

/// The payload of a server may be a file that only its user may read.
fn servers() -> Result<(), Skip> {
    requirement::administrator()?;
    requirement::program("nginx")?;
    let payload = tempfile::NamedTempFile::new().unwrap();
    fs::write(payload.path(), vec![7; 100_003]).unwrap();
    let file = payload.path().to_str().unwrap();
    let words = ["lab", "run", "nginx_sendfile", "--file", file, "--repeat", "1000", "--quiet"];
    let lab = Running::start(zc(words));
    let mut server = None;
    until("there is a server", || {
        server = server_of(lab.0.id());
        server.is_some()
    });
    let server = server.unwrap();
    let status = fs::read_to_string(format!("/proc/{server}/status")).unwrap();
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        let value = status.lines().find_map(|line| line.strip_prefix(set)).unwrap();
        assert_eq!(value.trim_start_matches(':').trim(), "0000000000000000", "{set}");
    }
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let network = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();
    assert_ne!(network(&server.to_string()), network("self"));
    lab.signal(Signal::TERM);
    assert_eq!(lab.end().0.code(), Some(143));
    Ok(())
}

/// The server that a lab has started and that runs its own program by now.
fn server_of(lab: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{lab}/task/{lab}/children")).unwrap();
    let is_server = |pid: &u32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "nginx\n")
    };
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).find(is_server)
}
