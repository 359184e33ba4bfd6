//! One answer of a server, within bounds of time and size.

use std::{
    fs::File,
    io::{self, ErrorKind, Read, Write},
    net::{TcpStream, ToSocketAddrs as _},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::fs::{MemfdFlags, memfd_create};
use zc_model::snapshot::Snapshot;
use zc_recording::Recording;
use zc_render::sanitize::{sanitize, truncate};

use super::Target;
use crate::{http::NEXT, station::INSTANCE};

/// How long an answer may take in all.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes that an answer may have: two snapshots of tens of thousands of processes.
const MOST: usize = 64 << 20;
/// Bytes that its header may have.
const MOST_HEADER: usize = 16 << 10;
/// Bytes of a text that are shown.
const MOST_TEXT: usize = 200;

/// What a server has.
pub(super) struct Fetched {
    /// The last two at most, in order.
    pub(super) snapshots: Vec<Snapshot>,
    /// Which run of the server it is.
    pub(super) instance: String,
    /// Time between two snapshots.
    pub(super) interval: Duration,
    /// When the next one is due.
    pub(super) next_in: Option<Duration>,
}

/// Asks a server for its last snapshots.
pub(super) fn fetch(target: &Target) -> Result<Fetched> {
    let deadline = Instant::now() + PATIENCE;
    let answer = match target {
        Target::Unix(path) => exchange(UnixStream::connect(path)?, "zc", deadline)?,
        Target::Tcp(address) => exchange(dial(address, deadline)?, address, deadline)?,
    };
    let answer = Answer::read(&answer)?;
    if answer.status != 200 {
        bail!("it answers {}: {}", answer.status, answer.text());
    }
    read(answer.body, answer.next_in)
}

/// Reads a recording that anyone can have sent.
fn read(body: &[u8], next_in: Option<Duration>) -> Result<Fetched> {
    let mut file = File::from(memfd_create("zc-connect", MemfdFlags::CLOEXEC)?);
    file.write_all(body)?;
    let recording = Recording::open(file).context("what answers there is no zc serve")?;
    let first = recording.len().saturating_sub(2);
    let mut snapshots = Vec::new();
    for index in first..recording.len() {
        snapshots.extend(recording.snapshot(index).context("cannot read a snapshot that it sent")?);
    }
    snapshots.sort_by_key(|snapshot| snapshot.elapsed_ns);
    Ok(Fetched {
        snapshots,
        instance: recording.meta().labels.get(INSTANCE).cloned().unwrap_or_default(),
        interval: Duration::from_nanos(recording.interval_ns()),
        next_in,
    })
}

fn dial(address: &str, deadline: Instant) -> Result<TcpStream> {
    let addresses = address
        .to_socket_addrs()
        .with_context(|| format!("there is no host of that name: '{}'", sanitize(address)))?;
    let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
    for one in addresses {
        match TcpStream::connect_timeout(&one, left(deadline)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last.into())
}

/// A stream whose calls can have a deadline.
trait Timed: Read + Write {
    fn within(&self, time: Duration) -> io::Result<()>;
}

impl Timed for TcpStream {
    fn within(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time)).and_then(|()| self.set_write_timeout(Some(time)))
    }
}

impl Timed for UnixStream {
    fn within(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time)).and_then(|()| self.set_write_timeout(Some(time)))
    }
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(late()) } else { Ok(left) }
}

fn late() -> io::Error {
    let text = format!("no whole answer within {} s", PATIENCE.as_secs());
    io::Error::new(ErrorKind::TimedOut, text)
}

/// Sends the request, and takes all until the end of the stream. Version 1.0: then no proxy cuts it into chunks.
fn exchange(mut stream: impl Timed, host: &str, deadline: Instant) -> Result<Vec<u8>> {
    stream.within(left(deadline)?)?;
    stream.write_all(
        format!("GET /snapshot.zc HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            .as_bytes(),
    )?;
    let mut answer = Vec::new();
    let mut step = vec![0; 1 << 16];
    loop {
        stream.within(left(deadline)?)?;
        match stream.read(&mut step) {
            Ok(0) => return Ok(answer),
            Ok(got) => answer.extend_from_slice(&step[..got]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {
                return Err(late().into());
            }
            Err(error) => return Err(error.into()),
        }
        ensure!(answer.len() <= MOST, "its answer has more than {} MiB", MOST >> 20);
    }
}

/// An answer, taken apart.
struct Answer<'a> {
    status: u16,
    next_in: Option<Duration>,
    body: &'a [u8],
}

impl<'a> Answer<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self> {
        const END: &[u8] = b"\r\n\r\n";
        const FOREIGN: &str = "what answers there does not speak HTTP";
        let start = &bytes[..bytes.len().min(MOST_HEADER)];
        let end = start.windows(END.len()).position(|window| window == END).context(FOREIGN)?;
        let header = std::str::from_utf8(&bytes[..end]).context(FOREIGN)?;
        let mut lines = header.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.strip_prefix("HTTP/1."))
            .and_then(|line| line.split(' ').nth(1))
            .and_then(|status| status.parse().ok())
            .context(FOREIGN)?;
        let mut answer = Self { status, next_in: None, body: &bytes[end + END.len()..] };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case(NEXT) {
                answer.next_in = value.parse().ok().map(Duration::from_millis);
            } else if name.eq_ignore_ascii_case("content-length") {
                let length: usize = value.parse().context(FOREIGN)?;
                ensure!(answer.body.len() >= length, "its answer ends early");
                answer.body = &answer.body[..length];
            }
        }
        Ok(answer)
    }

    /// The body in a line, for people.
    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(MOST_TEXT)]);
        truncate(&sanitize(text.trim()), MOST_TEXT, "...").into_owned()
    }
}
