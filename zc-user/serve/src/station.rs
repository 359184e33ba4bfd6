//! What is served: an answer to every request, made of the last snapshot.
//!
//! Each body is made when it is first asked for, and once per snapshot, however many ask.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use hyper::body::Bytes;
use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;
use zc_model::{advice::Recent, frame::Frame, snapshot::Snapshot, sort::Listing};
use zc_recording::{Meta, Ring, Writer};
use zc_render::json;

use crate::{
    account::Account,
    collect::{self, About},
    exposition::Format,
    landing,
};

/// The media type of recordings.
pub const RECORDING: &str = "application/vnd.zc.recording";

/// The label of a recording that tells one run of the server from the next.
pub const INSTANCE: &str = "zc_serve";

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// The page for people.
    Landing,
    /// The metrics.
    Metrics(Format),
    /// The last interval, as JSON.
    Json,
    /// The last two snapshots, as a recording.
    Snapshots,
    /// Whether the loop ticks.
    Healthy,
    /// Whether there is something to serve.
    Ready,
    /// What the flight recorder has.
    Dump,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The media type.
    pub content_type: &'static str,
    /// The body, in pieces.
    pub body: Vec<Bytes>,
}

impl Answer {
    fn text(status: u16, text: impl Into<String>) -> Self {
        let mut text = text.into();
        text.push('\n');
        Self { status, content_type: "text/plain; charset=utf-8", body: vec![text.into()] }
    }

    fn body(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status: 200, content_type, body: vec![body.into()] }
    }
}

/// The flight recorder.
struct Flight {
    writer: Writer,
    ring: Ring,
    /// Why the last snapshot is not in it.
    refusal: Option<String>,
}

/// Everything that is served.
pub struct Station {
    about: About,
    meta: Meta,
    /// Where it is served, for people.
    addresses: Vec<String>,
    /// What tells this run from the next one of the same server.
    instance: String,
    account: Account,
    flight: Option<Flight>,
    previous: Option<Snapshot>,
    latest: Option<Snapshot>,
    recent: Recent,
    frame: Option<Frame>,
    ticked: Instant,
    cache: HashMap<What, Answer>,
}

impl Station {
    /// A station that has nothing to serve yet. `meta` says what is counted, and how often.
    #[must_use]
    pub fn new(about: About, meta: Meta, account: Account) -> Self {
        Self {
            about,
            meta,
            addresses: Vec::new(),
            instance: String::new(),
            account,
            flight: None,
            previous: None,
            latest: None,
            recent: Recent::default(),
            frame: None,
            ticked: Instant::now(),
            cache: HashMap::new(),
        }
    }

    /// The same with a flight recorder.
    #[must_use]
    pub fn with_flight(mut self, ring: Option<Ring>) -> Self {
        let writer = Writer::new(self.meta.clone());
        self.flight = ring.map(|ring| Flight { writer, ring, refusal: None });
        self
    }

    /// The same, served at these addresses.
    #[must_use]
    pub fn at(self, addresses: Vec<String>) -> Self {
        Self { addresses, ..self }
    }

    /// The same under this name, which no other run of the server has: readers begin again where it changes.
    #[must_use]
    pub fn called(self, instance: String) -> Self {
        Self { instance, ..self }
    }

    /// The account.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// Takes the next snapshot.
    pub fn take(&mut self, snapshot: Snapshot) {
        self.ticked = Instant::now();
        self.cache.clear();
        self.frame = None;
        let mut frame = match &self.latest {
            Some(latest) => Frame::between(latest, &snapshot),
            None => Frame::cumulative(snapshot.clone()),
        };
        self.recent.follow(&mut frame);
        self.account.take(&snapshot, &frame, since_boot_ns());
        self.frame = Some(frame);
        if let Some(flight) = &mut self.flight {
            flight.keep(&snapshot);
        }
        self.previous = self.latest.take();
        self.latest = Some(snapshot);
    }

    /// Whether snapshots come as they should.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.ticked.elapsed() <= self.about.interval * 3 + PATIENCE
    }

    /// How long until the next snapshot.
    #[must_use]
    pub fn next_in(&self) -> Duration {
        self.about.interval.saturating_sub(self.ticked.elapsed())
    }

    /// The answer to a request.
    pub fn answer(&mut self, what: What) -> Answer {
        match what {
            What::Healthy if self.is_healthy() => return Answer::text(200, "healthy"),
            What::Healthy => {
                let silent = self.ticked.elapsed().as_secs();
                return Answer::text(503, format!("no snapshot for {silent} s"));
            }
            What::Ready if self.latest.is_some() => return Answer::text(200, "ready"),
            What::Ready => return Answer::text(503, NOTHING),
            What::Dump => return self.dump(),
            _ => {}
        }
        if let Some(answer) = self.cache.get(&what) {
            return answer.clone();
        }
        let answer = self.make(what).unwrap_or_else(|error| {
            Answer::text(500, format!("cannot make this answer: {error:#}"))
        });
        self.cache.insert(what, answer.clone());
        answer
    }

    fn make(&self, what: What) -> Result<Answer> {
        let began = Instant::now();
        Ok(match (what, &self.frame) {
            (What::Metrics(format), _) => {
                let page = collect::page(&self.account, &self.about);
                let page = collect::complete(page, || began.elapsed());
                let text = page.encode(format).context("the encoder of metrics failed")?;
                Answer::body(format.content_type(), text)
            }
            (What::Json, Some(frame)) => {
                let mut text = Vec::new();
                json::write_document(frame, &Listing::everything(), &mut text)?;
                Answer::body("application/json", text)
            }
            (What::Snapshots, Some(_)) => Answer::body(RECORDING, self.snapshots()?),
            (What::Landing, _) => {
                let page = landing::page(&landing::Subject {
                    account: &self.account,
                    about: &self.about,
                    meta: &self.meta,
                    addresses: &self.addresses,
                    has_flight: self.flight.is_some(),
                });
                Answer::body("text/html; charset=utf-8", page)
            }
            _ => Answer::text(503, NOTHING),
        })
    }

    /// The last two snapshots: a reader has an interval at once.
    fn snapshots(&self) -> Result<Vec<u8>> {
        let mut meta = self.meta.clone();
        meta.labels.insert(INSTANCE.to_owned(), self.instance.clone());
        let mut writer = Writer::new(meta);
        let mut bytes = Vec::new();
        let mut last = 0;
        for snapshot in self.previous.iter().chain(&self.latest) {
            if bytes.is_empty() {
                bytes = writer.begin(snapshot.taken_at_ns)?;
            }
            bytes.extend_from_slice(&writer.snapshot(snapshot)?.bytes);
            last = snapshot.taken_at_ns;
        }
        bytes.extend_from_slice(&writer.end(last));
        Ok(bytes)
    }

    fn dump(&self) -> Answer {
        let Some(Flight { writer, ring, refusal }) = &self.flight else {
            let what = "there is no flight recorder; start zc serve with --flight-recorder 10m";
            return Answer::text(404, what);
        };
        match (ring.dump(writer), refusal) {
            (Ok(Some(dump)), _) => {
                let chunks = dump.chunks.into_iter().map(|chunk| Bytes::from_owner(Shared(chunk)));
                let begin = std::iter::once(Bytes::from(dump.begin));
                let body = begin.chain(chunks).chain([Bytes::from(dump.end)]).collect();
                Answer { status: 200, content_type: RECORDING, body }
            }
            (Ok(None), Some(refusal)) => {
                Answer::text(500, format!("nothing was recorded: {refusal}"))
            }
            (Ok(None), None) => Answer::text(503, NOTHING),
            (Err(error), _) => Answer::text(500, format!("cannot make this answer: {error:#}")),
        }
    }
}

impl Flight {
    fn keep(&mut self, snapshot: &Snapshot) {
        if self.ring.wants_chunk() {
            self.writer.begin_chunk();
        }
        self.refusal = match self.writer.snapshot(snapshot) {
            Ok(piece) => {
                self.ring.keep(snapshot.taken_at_ns, piece);
                None
            }
            Err(error) => Some(format!("{error:#}")),
        };
    }
}

/// A chunk of the flight recorder that is being sent.
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// How late snapshots may be, beyond three intervals: a busy machine is no sick server.
const PATIENCE: Duration = Duration::from_secs(5);

const NOTHING: &str = "there is no snapshot yet";

/// Time since boot, suspend included, as processes have it that start.
fn since_boot_ns() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let [seconds, rest] = [now.tv_sec, now.tv_nsec].map(|part| u64::try_from(part).unwrap_or(0));
    seconds * 1_000_000_000 + rest
}

#[cfg(test)]
mod tests;
