//! iperf3, whose two ends say how many bytes of payload they have sent and received.
//!
//! Apart from the payload they exchange control messages, over TCP too, and do not report how many
//! bytes. But one end receives what the other end sends: both must have the same number of bytes.

use std::{fs, sync::LazyLock};

use libtest_mimic::Trial;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    report::{Process, Report, number},
    requirement::{self, Skip, program},
    runner::trial,
    workload::Talk,
    zc::{observe, workload},
};

/// Bytes of a call, a prime.
const BLOCK: &str = "10007";
/// Bytes to be sent at least.
const BYTES: &str = "1000003";

/// Most bytes of control messages that one end sends.
const TALK: u64 = 16_384;

/// Further options of the client: which end sends, and how.
const WAYS: [(&str, &[&str]); 4] = [
    ("sends", &[]),
    ("sends_by_sendfile", &["--zerocopy"]),
    ("receives", &["--reverse"]),
    ("receives_by_sendfile", &["--reverse", "--zerocopy"]),
];

struct Runs {
    report: Report,
    talks: Vec<(Talk, Value)>,
}

fn runs() -> Result<&'static Runs, Skip> {
    static RUNS: LazyLock<Result<Runs, Skip>> = LazyLock::new(run_all);
    requirement::administrator()?;
    RUNS.as_ref().map_err(Clone::clone)
}

/// How often iperf3 is run again whose receiver read payload after it had stopped counting.
const ATTEMPTS: usize = 5;

fn run_all() -> Result<Runs, Skip> {
    let mut runs = run_once()?;
    for _ in 0..ATTEMPTS {
        if (0..WAYS.len()).all(|place| runs.counted_to_the_end(place)) {
            break;
        }
        runs = run_once()?;
    }
    Ok(runs)
}

impl Runs {
    /// Whether the receiver of a way read no more than it counted: otherwise there is nothing to compare.
    fn counted_to_the_end(&self, place: usize) -> bool {
        let (talk, told) = &self.talks[place];
        let [client, server] = [talk.client, talk.server].map(|pid| self.report.process(pid));
        let reverse = WAYS[place].1.contains(&"--reverse");
        let (sender, receiver) = if reverse { (server, client) } else { (client, server) };
        let total = |row: &Process, way: &str| row.path(&format!("{way}:tcp")).bytes;
        let by_file = WAYS[place].1.contains(&"--zerocopy");
        let payload = if by_file { 0 } else { number(&told["end"]["sum_sent"], "bytes") };
        let received = number(&told["end"]["sum_received"], "bytes");
        total(&receiver, "socket_recv") + payload == received + total(&sender, "socket_send")
    }
}

fn run_once() -> Result<Runs, Skip> {
    program("ip")?;
    let iperf3 = program("iperf3")?;
    let directory = TempDir::new().expect("a directory");
    let talk = |(name, options): &(&str, &[&str])| Talk {
        words: ["--length", BLOCK, "--bytes", BYTES]
            .iter()
            .chain(*options)
            .map(|word| (*word).to_owned())
            .collect(),
        told: directory.path().join(name).to_string_lossy().into_owned(),
        client: 0,
        server: 0,
    };
    let plan = directory.path().join("plan");
    let talks: Vec<_> = WAYS.iter().map(talk).collect();
    fs::write(&plan, serde_json::to_string(&talks).expect("a plan is JSON")).expect("room");
    let mut command = Vec::from(workload());
    command.extend(["iperf".into(), iperf3, plan.clone()]);
    let report = observe(&[], &command).report;
    let text = fs::read_to_string(plan.with_extension("results")).expect("results");
    let talks: Vec<Talk> = serde_json::from_str(&text).expect("results are JSON");
    let told = |talk: Talk| {
        let text = fs::read_to_string(&talk.told).expect("iperf3 has written");
        (talk, serde_json::from_str(&text).expect("iperf3 has written JSON"))
    };
    Ok(Runs { report, talks: talks.into_iter().map(told).collect() })
}

/// A test per way.
pub(super) fn trials() -> Vec<Trial> {
    let ways = WAYS.iter().enumerate();
    ways.map(|(place, (name, options))| {
        let (reverse, zerocopy) = (options.contains(&"--reverse"), options.contains(&"--zerocopy"));
        trial(format!("witness::iperf3_{name}"), move || agrees(place, reverse, zerocopy))
    })
    .collect()
}

fn agrees(place: usize, reverse: bool, zerocopy: bool) -> Result<(), Skip> {
    let runs = runs()?;
    let (talk, told) = &runs.talks[place];
    let ends = [talk.client, talk.server].map(|pid| runs.report.process(pid));
    let [sender, receiver] = if reverse { [&ends[1], &ends[0]] } else { [&ends[0], &ends[1]] };
    let sent = number(&told["end"]["sum_sent"], "bytes");
    let received = number(&told["end"]["sum_received"], "bytes");
    // The sender says that it has sent enough, and what has not been read by then never is: on a busy
    // machine all of it.
    assert!(sent > 0 && sent >= received, "{sent} sent, {received} received");

    let bytes = |row: &Process, path: &str| row.path(path).bytes;
    let (payload, path) =
        if zerocopy { ("sendfile_to_socket", 0) } else { ("socket_send:tcp", sent) };
    assert!(bytes(sender, payload) >= sent, "{:?}", sender.paths);
    if zerocopy {
        assert_eq!(bytes(sender, payload), sent, "{:?}", sender.paths);
        assert_eq!(sender.copied(payload).0, Some(0), "{:?}", sender.paths);
        check_provenance(sender, payload);
        // Nothing is copied on the way either: loopback gathers.
        assert_eq!(sender.copied("skb_linearize"), (None, "absent"));
    }
    // The control messages that each end sent, as each end counts them.
    let by_sender = bytes(sender, "socket_send:tcp") - path;
    let by_receiver = bytes(receiver, "socket_send:tcp");
    assert_eq!(bytes(receiver, "socket_recv:tcp") - received, by_sender, "{:?}", receiver.paths);
    assert_eq!(bytes(sender, "socket_recv:tcp"), by_receiver, "{:?}", sender.paths);
    assert!(by_sender <= TALK && by_receiver <= TALK, "{by_sender} and {by_receiver} of talk");
    // Sockets copy what they are given and what they give.
    for row in [sender, receiver] {
        for way in ["socket_send", "socket_recv"] {
            check_provenance(row, way);
            let copied = row.copied(way);
            assert_eq!(copied.0, Some(bytes(row, &format!("{way}:tcp"))), "{way}: {copied:?}");
        }
    }
    Ok(())
}

/// The guests of `cargo xtask vm` let copies be measured; other kernels may not.
fn check_provenance(row: &Process, path: &str) {
    let provenance = row.copied(path).1;
    let known: &[_] = if std::env::var_os("ZC_VM_RESULTS").is_some() {
        &["measured"]
    } else {
        &["measured", "modelled"]
    };
    assert!(known.contains(&provenance), "{path}: {provenance}");
}
