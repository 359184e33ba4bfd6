//! iperf3 with itself, over loopback in a network namespace of its own.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::traffic::{ip, own_namespace};
use crate::zc::PATIENCE;

/// The port that iperf3 listens on by default.
const PORT: u16 = 5201;

/// A client and its server, and the arguments of the client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Talk {
    /// Arguments of the client.
    pub(crate) words: Vec<String>,
    /// The report of the client, which includes that of the server.
    pub(crate) told: String,
    /// Process ids, once there are such processes.
    pub(crate) client: u64,
    pub(crate) server: u64,
}

/// Runs what the file `plan` lists (a [`Talk`] each), and writes the list with the process ids next
/// to it.
pub(super) fn iperf(program: &Path, plan: &Path) {
    let text = fs::read_to_string(plan).expect("a plan");
    let mut talks: Vec<Talk> = serde_json::from_str(&text).expect("a list of talks");
    own_namespace();
    ip("link set lo up");
    for talk in &mut talks {
        run(program, talk);
    }
    let text = serde_json::to_string(&talks).expect("talks are JSON");
    fs::write(plan.with_extension("results"), text).expect("room");
}

fn run(program: &Path, talk: &mut Talk) {
    // Ends after one client.
    let mut server = Command::new(program)
        .args(["--server", "--one-off", "-4"])
        .stdout(Stdio::null())
        .spawn()
        .expect("iperf3 runs");
    wait_until_it_listens();
    let mut client = Command::new(program)
        .args(["--client", "127.0.0.1", "--json"])
        .args(&talk.words)
        .stdout(File::create(&talk.told).expect("a new file"))
        .spawn()
        .expect("iperf3 runs");
    (talk.client, talk.server) = (client.id().into(), server.id().into());
    let ended = [client.wait(), server.wait()].map(|status| status.expect("a child"));
    assert!(ended.iter().all(|status| status.success()), "{ended:?}: {talk:?}");
}

/// To ask by connecting would be the one client.
fn wait_until_it_listens() {
    let began = Instant::now();
    // `/proc/net/tcp`: local address and port, remote address and port, state; 0A listens.
    let wanted = format!(":{PORT:04X} 00000000:0000 0A");
    while !fs::read_to_string("/proc/self/net/tcp").expect("connections").contains(&wanted) {
        assert!(began.elapsed() < PATIENCE, "iperf3 does not listen");
        thread::sleep(Duration::from_millis(2));
    }
}
