//! A server that is up and has responded once: a round requests the payload from it.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    os::fd::OwnedFd,
    path::Path,
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use tokio::time::{Instant, sleep};

use zc_privilege::takes;

use super::{fetch::Fetched, rights};
use crate::{
    process::{
        child::Child,
        network::{Network, is_listening},
        scratch::Scratch,
    },
    unsupported::Unsupported,
    workload::{
        payload::Payload,
        program::{Launch, Port, Program, Protocol, Site},
        scenario::Setting,
    },
};

/// A running server; it ends, and its files with it, when dropped.
pub(crate) struct Server {
    /// Where it listens; `None` where it cannot be kept from other users, and has nothing to hide.
    network: Option<Arc<Network>>,
    // Before the next: files are removed after the process that uses them has ended.
    process: Child,
    _scratch: Scratch,
    port: u16,
    protocol: Protocol,
    version: Option<String>,
}

/// How long a server may take to come up, or to come to rest, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// Time between two looks at a process that is not yet where it has to be.
const PAUSE: Duration = Duration::from_millis(1);

impl Server {
    /// Starts `program` in a directory of its own in `directory`, and has it answer once: a round
    /// finds it with its classes loaded and its code compiled.
    pub(crate) async fn start(
        program: &Program,
        setting: &Setting,
        payload: &Payload,
        directory: &Path,
    ) -> Result<Self> {
        if payload.is_given() && takes(rights::FILES, || payload.open().is_ok()) {
            bail!(
                "cannot serve the file: servers run without privileges, and only these can open it; use \
                 a copy that belongs to you"
            );
        }
        let network = match Network::new().await {
            Ok(network) => Some(Arc::new(network)),
            Err(error) if error.is::<Unsupported>() && !payload.is_given() => None,
            Err(error) => return Err(error),
        };
        let network = network.as_ref();
        let scratch = Scratch::new(directory).await?;
        let port = free_port()?;
        let Launch { first, server, port: choice } =
            (program.launch)(&Site { scratch: &scratch, chunk: setting.chunk, port })?;
        if let Some(first) = first {
            Child::program(None, &first, nothing()?, Stdio::null())?.finished().await?;
        }
        let output = match choice {
            Port::Given => Stdio::null(),
            Port::Printed => Stdio::piped(),
        };
        let mut process = Child::program(network, &server, payload.open()?.into(), output)?;
        let (port, version) = match choice {
            Port::Given => {
                listening(&mut process, port).await?;
                (port, None)
            }
            Port::Printed => printed(&process.line().await?)?,
        };
        let mut server = Self {
            network: network.cloned(),
            process,
            _scratch: scratch,
            port,
            protocol: program.protocol,
            version,
        };
        let fetched = server.fetch().await?;
        server.version = server.version.or(fetched.server);
        Ok(server)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// What it calls itself.
    pub(crate) fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Fetches the payload from it.
    pub(crate) async fn fetch(&mut self) -> Result<Fetched> {
        let port = self.port.to_string();
        let words = ["receiver", "--from", &port, "--protocol", self.protocol.id()];
        let mut receiver =
            Child::spawn_in(self.network.as_ref(), &words, nothing()?, Stdio::null())?;
        match receiver.report().await {
            Ok(fetched) => Ok(fetched),
            // Rather why the server ended than that it does not answer.
            Err(error) => Err(self.process.ended()?.unwrap_or(error)),
        }
    }

    /// Waits until all its threads wait for something: what they did has been counted, as calls
    /// are counted when a thread leaves its CPU.
    pub(crate) async fn rest(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut resting = 0;
        // A thread sleeps in name a moment before it leaves its CPU: once is not enough.
        while resting < 2 {
            resting = if is_resting(self.pid())? { resting + 1 } else { 0 };
            if Instant::now() > deadline {
                bail!("the server does not come to rest within {} s", PATIENCE.as_secs());
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// CPU time that it has used so far, user and system.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        self.process.cpu_time()
    }
}

/// An empty input.
fn nothing() -> Result<OwnedFd> {
    Ok(fs::File::open("/dev/null").context("cannot open /dev/null")?.into())
}

/// A port that was free a moment ago, for a program that cannot choose one itself.
fn free_port() -> Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen on loopback")?;
    Ok(listener.local_addr().context("cannot look at a socket")?.port())
}

async fn listening(process: &mut Child, port: u16) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(error) = process.ended()? {
            return Err(error);
        }
        if is_listening(process.pid(), port)? {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("the server does not listen within {} s", PATIENCE.as_secs());
        }
        sleep(PAUSE).await;
    }
}

/// A port and a version, as the servers on the Java machine print them.
fn printed(line: &[u8]) -> Result<(u16, Option<String>)> {
    let line = String::from_utf8_lossy(line);
    let (port, version) = line.split_once(' ').unwrap_or((&line, ""));
    let port = port.parse().with_context(|| format!("the server prints '{line}', no port"))?;
    Ok((port, (!version.is_empty()).then(|| version.to_owned())))
}

fn is_resting(pid: u32) -> Result<bool> {
    let threads = format!("/proc/{pid}/task");
    let look = || "cannot look at the threads of the server";
    for thread in fs::read_dir(threads).with_context(look)? {
        let stat = match fs::read_to_string(thread.with_context(look)?.path().join("stat")) {
            Ok(stat) => stat,
            // It ended between the two.
            Err(_) => return Ok(false),
        };
        // The name before it may hold anything, even a parenthesis.
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        if state != Some('S') {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_prints_its_port_and_perhaps_its_version() {
        assert_eq!(printed(b"4242").ok(), Some((4242, None)));
        let java = Some((4242, Some("Java 17".to_owned())));
        assert_eq!(printed(b"4242 Java 17").ok(), java);
        assert!(printed(b"Exception in thread").is_err());
    }

    #[test]
    fn a_process_that_runs_does_not_rest() {
        assert!(!is_resting(std::process::id()).expect("it exists"));
    }
}
