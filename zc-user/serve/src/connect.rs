//! The other end: a source of the snapshots that a `zc serve` has, on this machine or another one.
//!
//! A thread fetches and reads them, so that a server that is slow, or sends what is no recording, keeps nothing
//! waiting. What it may send is bounded, and read as any recording is: as if it were written by an enemy.

mod fetch;

use std::{
    collections::VecDeque,
    fmt,
    path::PathBuf,
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use zc_model::{
    snapshot::Snapshot,
    source::{Interrupted, SnapshotSource},
};
use zc_render::sanitize::sanitize;

use self::fetch::{Fetched, fetch};

/// How long the first answer may take.
const FIRST: Duration = Duration::from_secs(10);
/// How long the display may stand still for an answer that is late.
const STILL: Duration = Duration::from_millis(300);
/// How long after the server's next snapshot it is asked for.
const AFTER: Duration = Duration::from_millis(30);
/// How long until it is asked again when there is nothing new.
const AGAIN: Duration = Duration::from_millis(100);
/// How long until it is asked again after an error: long enough to read that.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// The longest time until it is asked again, whatever it says.
const LONGEST: Duration = Duration::from_secs(60);

/// The shortest interval that a server can have.
const LEAST: Duration = Duration::from_millis(100);
/// Snapshots that are skipped at most.
const MOST_SKIPPED: f64 = 1e6;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// At a unix socket.
    Unix(PathBuf),
    /// At `HOST:PORT`.
    Tcp(String),
}

impl Target {
    /// Reads `unix:PATH` or `HOST:PORT`.
    ///
    /// # Errors
    /// In words, when it is none of these.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").filter(|path| path.starts_with('/')).unwrap_or(path);
            return if path.is_empty() {
                Err("the path of the unix socket is missing".to_owned())
            } else {
                Ok(Self::Unix(path.into()))
            };
        }
        let text = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        let is_one = |host: &str, port: &str| {
            !host.is_empty()
                && port.parse::<u16>().is_ok_and(|port| port > 0)
                && !host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/')
        };
        match text.rsplit_once(':') {
            Some((host, port)) if is_one(host, port) => Ok(Self::Tcp(text.to_owned())),
            _ => Err("expected unix:PATH or HOST:PORT, such as localhost:10620".to_owned()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", sanitize(&path.to_string_lossy())),
            Self::Tcp(address) => f.write_str(&sanitize(address)),
        }
    }
}

/// Snapshots of a server.
pub struct Remote {
    target: Target,
    /// Has the thread fetch once.
    ask: Sender<()>,
    answers: Receiver<Result<Fetched>>,
    is_asked: bool,
    /// Snapshots that are there and were not returned.
    queue: VecDeque<Snapshot>,
    /// Which run of the server they are of.
    instance: Option<String>,
    /// The end of the last one, ns since the server began.
    last_ns: Option<u64>,
    /// Time between two that are returned.
    interval: Duration,
    /// When to ask next.
    due: Instant,
    /// When the last call was.
    called: Instant,
    /// Whether it returned an error, which is to be seen for a while.
    is_interrupted: bool,
}

impl Remote {
    /// Connects to a server. Of its snapshots, one each `interval` is returned.
    ///
    /// # Errors
    /// When it cannot be reached, or is no `zc serve`: with what to do.
    pub fn connect(target: Target, interval: Duration) -> Result<Self> {
        let (ask, asked) = mpsc::channel();
        let (answer, answers) = mpsc::channel();
        let of = target.clone();
        thread::Builder::new()
            .name("zc-connect".to_owned())
            .spawn(move || {
                // Ends with the source.
                while asked.recv().is_ok() && answer.send(fetch(&of)).is_ok() {}
            })
            .context("cannot start a thread")?;
        let now = Instant::now();
        let mut remote = Self {
            target,
            ask,
            answers,
            is_asked: false,
            queue: VecDeque::new(),
            instance: None,
            last_ns: None,
            interval,
            due: now,
            called: now,
            is_interrupted: false,
        };
        remote.ask();
        let refuse = |why: anyhow::Error, target: &Target| {
            why.context(format!(
                "cannot reach zc serve at {target}; see whether it runs there, and its --listen option"
            ))
        };
        match remote.answers.recv_timeout(FIRST) {
            Ok(Ok(fetched)) => {
                let _ = remote.take(fetched);
                Ok(remote)
            }
            Ok(Err(error)) => Err(refuse(error, &remote.target)),
            Err(_) => {
                let why = anyhow::anyhow!("it has not answered for {} s", FIRST.as_secs());
                Err(refuse(why, &remote.target))
            }
        }
    }

    fn ask(&mut self) {
        // The thread ends after this, not before.
        self.is_asked = self.ask.send(()).is_ok();
    }

    /// Takes what is new of an answer. Whether the server has begun again since the one before.
    fn take(&mut self, fetched: Fetched) -> bool {
        let Fetched { snapshots, instance, interval, next_in } = fetched;
        self.is_asked = false;
        let has_restarted = self.instance.as_ref().is_some_and(|known| *known != instance);
        if has_restarted {
            self.last_ns = None;
            self.queue.clear();
        }
        let is_first = has_restarted || self.instance.is_none();
        self.instance = Some(instance);
        let last_ns = self.last_ns;
        let is_new = |snapshot: &Snapshot| last_ns.is_none_or(|last| snapshot.elapsed_ns > last);
        let mut new: Vec<_> = snapshots.into_iter().filter(is_new).collect();
        // Of a server that is faster, each second one, each third one...
        let ratio = self.interval.div_duration_f64(interval.max(LEAST)).round();
        if ratio > 1.0 && !is_first {
            new.drain(..new.len().saturating_sub(1));
        }
        let now = Instant::now();
        if new.is_empty() {
            self.due = now + next_in.unwrap_or(AGAIN).clamp(AGAIN, LONGEST);
        } else {
            let skipped = interval.mul_f64((ratio - 1.0).clamp(0.0, MOST_SKIPPED));
            let wait = next_in.unwrap_or(self.interval).saturating_add(skipped + AFTER);
            self.due = now + wait.min(LONGEST.max(self.interval));
            self.last_ns = new.last().map(|snapshot| snapshot.elapsed_ns);
            self.queue.extend(new);
        }
        has_restarted
    }

    /// An error that ends nothing. It is asked again after a while.
    fn interrupted(&mut self, why: String, begins_again: bool) -> anyhow::Error {
        self.due = Instant::now() + AFTER_ERROR;
        self.is_interrupted = true;
        Interrupted { why, begins_again }.into()
    }
}

impl SnapshotSource for Remote {
    fn next(&mut self) -> Result<Option<Snapshot>> {
        self.called = Instant::now();
        self.is_interrupted = false;
        let end = self.called + STILL;
        loop {
            if let Some(snapshot) = self.queue.pop_front() {
                return Ok(Some(snapshot));
            }
            if end < self.due {
                let why = format!("waiting for the next snapshot of zc serve at {}", self.target);
                return Err(Interrupted { why, begins_again: false }.into());
            }
            if !self.is_asked {
                self.ask();
            }
            match self.answers.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(Ok(fetched)) => {
                    if self.take(fetched) {
                        let why = format!(
                            "zc serve at {} has started again: its figures begin again",
                            self.target
                        );
                        return Err(self.interrupted(why, true));
                    }
                    if self.queue.is_empty() {
                        let until = self.due.min(end);
                        thread::sleep(until.saturating_duration_since(Instant::now()));
                    }
                }
                Ok(Err(error)) => {
                    self.is_asked = false;
                    let why = format!(
                        "cannot reach zc serve at {}: {error:#}; trying again",
                        self.target
                    );
                    return Err(self.interrupted(why, false));
                }
                Err(RecvTimeoutError::Timeout) => {
                    let why = format!(
                        "zc serve at {} has nothing new, or does not answer; waiting",
                        self.target
                    );
                    return Err(self.interrupted(why, false));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("the thread that fetches snapshots has ended")
                }
            }
        }
    }

    fn pace(&self) -> Option<Duration> {
        if self.queue.is_empty() || self.is_interrupted {
            Some(self.due.saturating_duration_since(self.called))
        } else {
            Some(Duration::ZERO)
        }
    }
}

#[cfg(test)]
mod tests;
