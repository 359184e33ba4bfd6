//! Interfaces that move more packets than are counted one by one, compared with what the kernel reports.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Lines, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Test,
    report::number,
    requirement::{self, Skip, program},
    workload::flood::{FLOOD, STOP, TRICKLE},
    zc::{workload, zc},
};

pub(crate) const TESTS: &[(&str, Test)] =
    &[("packets::totals_stay_those_of_proc_net_dev_when_their_source_changes", changes)];

/// How long to wait for a change of the source: several looks at rates, and the time for which it has to be calm.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often the source changes, there and back.
const ROUNDS: usize = 3;

/// Snapshots at which nothing may change any more.
const STILL: usize = 5;

/// A program with its output, line by line.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(command: &mut Command) -> (Self, Option<ChildStdin>) {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it runs");
        let stdout = child.stdout.take().expect("a pipe");
        let stdin = child.stdin.take();
        (Self { child, lines: BufReader::new(stdout).lines() }, stdin)
    }

    fn line(&mut self) -> Value {
        let line = self.lines.next().expect("more lines").expect("UTF-8");
        serde_json::from_str(&line).expect("a line of JSON")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Received and sent bytes and packets, by device.
type Totals = BTreeMap<String, [u64; 4]>;

struct Observer {
    zc: Running,
    namespace: Value,
    /// What had passed before.
    before: Totals,
    totals: Totals,
}

/// What an interval says of loopback.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    /// It moved something, and who counted it.
    by_kernel: Option<bool>,
    is_uncertain: bool,
}

/// What the kernel says.
fn figures(kernel: &Value) -> Totals {
    let devices = kernel["devices"].as_object().expect("devices");
    let of =
        |counts| ["rx_bytes", "tx_bytes", "rx_packets", "tx_packets"].map(|it| number(counts, it));
    devices.iter().map(|(name, counts)| (name.clone(), of(counts))).collect()
}

impl Observer {
    /// Adds the next interval to the totals.
    fn next(&mut self) -> Seen {
        let snapshot = self.zc.line();
        let mut seen = Seen::default();
        for row in snapshot["devices"].as_array().expect("devices") {
            if row["namespace"] != self.namespace {
                continue;
            }
            let name = row["device"].as_str().expect("a name").to_owned();
            let figures = ["read_bytes", "write_bytes", "read_requests", "write_requests"]
                .map(|figure| number(row, figure));
            if name == "lo" && figures[2] > 0 {
                seen.by_kernel = Some(row["counted_by"] == "kernel");
            }
            seen.is_uncertain |= row.get("uncertain_packets").is_some();
            assert_eq!(row.get("gaps"), None, "{row}");
            let total = self.totals.entry(name).or_default();
            (0..4).for_each(|at| total[at] += figures[at]);
        }
        seen
    }

    /// Waits until the figures of loopback are from there, and certain, in two intervals: packets that passed
    /// while this was not yet so count in the first.
    fn await_source(&mut self, by_kernel: bool) {
        let wanted = Seen { by_kernel: Some(by_kernel), is_uncertain: false };
        let began = Instant::now();
        let mut intervals = 0;
        while intervals < 2 {
            let seen = self.next();
            intervals = if seen == wanted { intervals + 1 } else { 0 };
            assert!(began.elapsed() < PATIENCE, "{seen:?}, not {wanted:?}");
        }
    }

    /// Expects the kernel's figures, and that they stay.
    fn compare(&mut self, kernel: &Value) {
        let mut expected = figures(kernel);
        assert_eq!(expected["lo"][3], number(kernel, "datagrams"), "nothing else passes there");
        for (name, figures) in &mut expected {
            (0..4).for_each(|at| figures[at] -= self.before[name][at]);
        }
        for _ in 0..STILL {
            self.next();
        }
        assert_eq!(self.totals, expected);
    }
}

/// The limit of packets per second is in a file: no packet, or all that others may send.
fn changes() -> Result<(), Skip> {
    requirement::administrator()?;
    program("ip")?;
    let [program, verb] = workload();
    let mut flood = Command::new(program);
    let (mut flood, stdin) =
        Running::start(flood.args([verb.as_os_str(), "flood".as_ref()]).stdin(Stdio::piped()));
    let mut stdin = stdin.expect("a pipe");
    let mut command = |command| stdin.write_all(&[command]).expect("it reads");
    let namespace = flood.line()["namespace"].clone();
    // What passed before zc is in the kernel's figures.
    command(FLOOD);
    command(STOP);
    let before = figures(&flood.line());
    let directory = TempDir::new().expect("a directory");
    let limit = directory.path().join("limit");
    let set = |most: u64| {
        let new = directory.path().join("new");
        fs::write(&new, most.to_string()).expect("room");
        fs::rename(&new, &limit).expect("the same directory");
    };
    set(u64::MAX);
    let mut zc = zc();
    zc.args(["top", "--json", "-i", "0.2", "--most-packets"]).arg(&limit);
    let zc = Running::start(&mut zc).0;
    let mut observer = Observer { zc, namespace, before, totals: Totals::new() };
    // It counts from here on.
    observer.next();
    for _ in 0..ROUNDS {
        for (what, most, by_kernel) in [(FLOOD, 0, true), (TRICKLE, u64::MAX, false)] {
            set(most);
            command(what);
            observer.await_source(by_kernel);
            command(STOP);
            observer.compare(&flood.line());
        }
    }
    Ok(())
}
