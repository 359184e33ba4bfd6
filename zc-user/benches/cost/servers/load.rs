//! A program under load: a server and its client, or a program that loads itself.

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to accept connections, and to end.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// Something whose rate is measured again and again.
pub(crate) struct Load {
    /// For people.
    pub(crate) what: &'static str,
    /// What is counted per second.
    pub(crate) unit: &'static str,
    /// Measures for about so many seconds.
    pub(crate) run: Box<dyn FnMut(u64) -> Result<f64>>,
}

/// A server in the foreground, on loopback. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server(Child);

impl Server {
    /// Starts it; returns when it accepts connections.
    pub(crate) fn start(command: &mut Command, port: u16) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("cannot run '{program}'"))?;
        let mut server = Self(child);
        let started = Instant::now();
        // A connection would be a client's: iperf3 serves one at a time.
        while !listens(port)? {
            if let Some(status) = server.0.try_wait()? {
                bail!("{program} ended before it accepted connections: {status}");
            }
            ensure!(started.elapsed() < PATIENCE, "{program} accepts no connections");
            thread::sleep(POLL);
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Only as long as it has not been waited for is the pid its own. A signal that it handles, so
        // that it ends its workers.
        if let Ok(None) = self.0.try_wait() {
            let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        }
        let deadline = Instant::now() + PATIENCE;
        while let Ok(None) = self.0.try_wait() {
            if Instant::now() > deadline {
                // There is nothing else to be done about one that does not end.
                let _ = self.0.kill();
                let _ = self.0.wait();
                return;
            }
            thread::sleep(POLL);
        }
    }
}

/// Whether a socket of this network namespace listens on a port, over IPv4.
fn listens(port: u16) -> Result<bool> {
    /// `TCP_LISTEN`, `include/net/tcp_states.h`.
    const LISTEN: &str = "0A";
    let table = fs::read_to_string("/proc/self/net/tcp").context("cannot read the sockets")?;
    let port = format!(":{port:04X}");
    Ok(table.lines().any(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (local, state) = (words.next(), words.nth(1));
        local.is_some_and(|local| local.ends_with(&port)) && state == Some(LISTEN)
    }))
}

/// A port of loopback that nothing listens on.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot find a free port")?;
    Ok(listener.local_addr()?.port())
}

/// Runs a client, and takes the rate from what it prints.
pub(crate) fn rate_of(command: &mut Command, parse: fn(&str) -> Option<f64>) -> Result<f64> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot run '{program}'"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} failed: {}: {}", output.status, complaint.trim());
    parse(&text)
        .with_context(|| format!("{program} printed no rate: {} {}", text.trim(), complaint.trim()))
}
