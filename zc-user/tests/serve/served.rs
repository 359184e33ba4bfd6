//! A `zc serve` that runs during a test, and what it answers.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::ExitStatus,
};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::zc::{Running, deadline, until, zc};

/// A server on a port of its own and on a unix socket.
pub(crate) struct Served {
    running: Running,
    pub(crate) at: SocketAddr,
    pub(crate) directory: TempDir,
}

impl Served {
    /// Starts it with these words, and ten snapshots a second.
    pub(crate) fn start(words: &[&str]) -> Self {
        Self::at("127.0.0.1:0", words)
    }

    /// The same at this address.
    pub(crate) fn at(address: &str, words: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = format!("unix:{}", socket(directory.path()).display());
        let mut command = zc(["serve", "-i", "0.1", "--listen", address, "--listen", &socket]);
        command.args(words);
        let mut running = Running::start(command);
        let at = address_of(&mut running);
        Self { running, at, directory }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.running.0.id()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        socket(self.directory.path())
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        get(self.at, path)
    }

    /// The metrics, as of a snapshot that was begun after this call.
    pub(crate) fn fresh(&self) -> Metrics {
        let before = self.metrics().number("zc_snapshots_total");
        let mut metrics = self.metrics();
        until("two snapshots more", || {
            metrics = self.metrics();
            metrics.number("zc_snapshots_total") >= before + 2
        });
        metrics
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let answer = self.get("/metrics");
        assert_eq!(answer.status, 200, "{}", answer.text());
        Metrics::read(&answer.text())
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(self) -> (ExitStatus, String) {
        let (status, _, said) = self.running.end();
        (status, said)
    }

    /// Ends it as this signal does: its status, and what is left in its directory.
    pub(crate) fn end_keeping(self, signal: Signal) -> (ExitStatus, Vec<PathBuf>) {
        let Self { running, directory, .. } = self;
        running.signal(signal);
        let (status, ..) = running.end();
        let left = fs::read_dir(directory.path()).unwrap();
        (status, left.map(|entry| entry.unwrap().path()).collect())
    }

    /// Ends it as this signal does.
    pub(crate) fn end(self, signal: Signal) -> (ExitStatus, String) {
        self.running.signal(signal);
        let (status, _, said) = self.running.end();
        (status, said)
    }
}

fn socket(directory: &Path) -> PathBuf {
    directory.join("zc.sock")
}

/// The address that a server says it listens at, once it serves.
fn address_of(running: &mut Running) -> SocketAddr {
    let errors = running.0.stderr.as_mut().unwrap();
    let mut said = String::new();
    for line in BufReader::with_capacity(1, errors).lines() {
        let line = line.unwrap();
        if let Some(addresses) = line.strip_prefix("zc: serving on ") {
            return addresses.split(',').next().unwrap().parse().unwrap();
        }
        said.push_str(&line);
    }
    panic!("zc serve has ended: {said}");
}

/// What a server answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) header: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// A connection that does not wait for an answer without end.
pub(crate) fn dial(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(deadline())).unwrap();
    stream
}

pub(crate) fn get(at: SocketAddr, path: &str) -> Answer {
    ask(dial(at), &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
}

pub(crate) fn post(socket: &Path, path: &str) -> Answer {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(deadline())).unwrap();
    ask(stream, &format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
}

pub(crate) fn ask(mut stream: impl Read + Write, request: &str) -> Answer {
    stream.write_all(request.as_bytes()).unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let end = all.windows(4).position(|window| window == b"\r\n\r\n").expect("a header");
    let body = all.split_off(end + 4);
    let header = String::from_utf8(all).unwrap();
    let status = header.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, header, body }
}

/// Metrics, by their names with their labels, as they were written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    series: BTreeMap<String, String>,
    counters: Vec<String>,
}

impl Metrics {
    /// Reads text 0.0.4: whatever is no comment is a sample.
    pub(crate) fn read(text: &str) -> Self {
        let mut metrics = Self::default();
        for line in text.lines() {
            if let Some(about) = line.strip_prefix("# TYPE ") {
                let (name, kind) = about.split_once(' ').unwrap();
                if kind == "counter" {
                    metrics.counters.push(name.to_owned());
                }
            } else if !line.starts_with('#') {
                let (series, number) = line.rsplit_once(' ').unwrap();
                let before = metrics.series.insert(series.to_owned(), number.to_owned());
                assert_eq!(before, None, "{series} is there twice");
            }
        }
        metrics
    }

    /// The number of a series; 0 if there is none.
    pub(crate) fn number(&self, series: &str) -> u64 {
        self.series.get(series).map_or(0, |number| number.parse().unwrap())
    }

    pub(crate) fn has(&self, series: &str) -> bool {
        self.series.contains_key(series)
    }

    /// The series of a family: their labels as text, and their numbers.
    pub(crate) fn of<'a>(&'a self, family: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
        self.series.iter().filter_map(move |(series, number)| {
            let labels = series.strip_prefix(family)?;
            let is_it = labels.is_empty() || labels.starts_with('{');
            is_it.then(|| (labels, number.parse().unwrap()))
        })
    }

    /// The sum over a family, of the series with this label.
    pub(crate) fn sum(&self, family: &str, label: &str) -> u64 {
        self.of(family).filter(|(labels, _)| labels.contains(label)).map(|(_, number)| number).sum()
    }

    /// Every path that was used.
    pub(crate) fn paths(&self) -> Vec<String> {
        let paths = self.of("zc_moved_bytes_total").map(|(labels, _)| {
            labels.split("path=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
        });
        let mut paths: Vec<_> = paths.collect();
        paths.dedup();
        paths
    }

    /// The parts of the total are the total, of each path.
    #[track_caller]
    pub(crate) fn add_up(&self, group: &str) {
        for path in self.paths() {
            let label = format!("path=\"{path}\"");
            for bytes in ["moved", "copied"] {
                let sum = |part: &str| self.sum(&format!("zc{part}_{bytes}_bytes_total"), &label);
                let parts = sum(&format!("_{group}"))
                    + sum("_other")
                    + sum("_expired")
                    + sum("_unattributed");
                assert_eq!(parts, sum(""), "{bytes} on {path}");
            }
        }
    }

    /// No counter is lower than it was, and none has gone.
    #[track_caller]
    pub(crate) fn rise_from(&self, before: &Self) {
        for (series, number) in &before.series {
            let family = series.split('{').next().unwrap();
            if !before.counters.iter().any(|counter| counter == family) {
                continue;
            }
            let now = self.series.get(series).unwrap_or_else(|| panic!("{series} has gone"));
            let [before, now] = [number, now].map(|number| number.parse::<f64>().unwrap());
            assert!(now >= before, "{series} falls from {before} to {now}");
        }
    }
}
