//! Counters over time in the JSON of Chrome's traces, which Perfetto and others show: a track for each process, with
//! bytes copied and moved per second and path, and marks as instants.

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, Write},
};

use serde_json::{Map, Value, json};
use zc_model::{
    column::{Processes, per_second},
    frame::Frame,
    row::Row,
    snapshot::{Kin, PathId, ProcessId, Provenance},
    value::Value as Cell,
};
use zc_render::{json::Escaping, sanitize::sanitize};

use crate::About;

/// Processes that have a track of their own; what more there are have one together.
const MOST: usize = 10_000;

/// The track of all processes, and of those that have none of their own. Others have greater numbers.
const ALL: u64 = 1;
const OTHERS: u64 = 2;

/// A trace that is written.
pub struct Trace<W> {
    out: W,
    is_first: bool,
    tracks: HashMap<Who, Track>,
    others: Track,
    total: Track,
    /// When the last interval ended, ns since the Unix epoch.
    end_ns: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    One(ProcessId),
    Merged(Kin),
    Unattributed,
}

/// What a track shows, and has shown: a counter that is not written keeps its value.
#[derive(Clone, Debug, Default)]
struct Track {
    id: u64,
    paths: Vec<PathId>,
    was_active: bool,
}

impl<W: Write> Trace<W> {
    /// Begins a trace.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(b"{\"displayTimeUnit\":\"ms\",\"traceEvents\":[")?;
        let mut trace = Self {
            out,
            is_first: true,
            tracks: HashMap::new(),
            others: Track { id: OTHERS, ..Track::default() },
            total: Track { id: ALL, ..Track::default() },
            end_ns: 0,
        };
        trace.name(ALL, "all processes")?;
        trace.name(OTHERS, "other processes")?;
        Ok(trace)
    }

    fn event(&mut self, event: &Value) -> io::Result<()> {
        use serde::Serialize as _;
        self.out.write_all(if self.is_first { b"\n" } else { b",\n" })?;
        self.is_first = false;
        let formatter = Escaping(serde_json::ser::CompactFormatter);
        event.serialize(&mut serde_json::Serializer::with_formatter(&mut self.out, formatter))?;
        Ok(())
    }

    fn name(&mut self, id: u64, name: &str) -> io::Result<()> {
        self.event(&json!({"ph": "M", "name": "process_name", "pid": id, "args": {"name": name}}))
    }

    /// Adds an interval: its rates begin with it.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn add(&mut self, frame: &Frame) -> io::Result<()> {
        let at = frame.taken_at_ns.saturating_sub(frame.elapsed_ns) / 1000;
        self.end_ns = frame.taken_at_ns;
        let mut total = std::mem::take(&mut self.total);
        self.track(&mut total, at, Row::totals(frame), frame)?;
        let more = json!({
            "ph": "C", "name": "switches per second", "pid": ALL, "ts": at,
            "args": {
                "mode": number(&Processes::MODE_SWITCHES_PER_SEC.of(Row::totals(frame), frame)),
                "waits": number(&Processes::CONTEXT_SWITCHES_VOLUNTARY_PER_SEC.of(Row::totals(frame), frame)),
                "preempted": number(&Processes::CONTEXT_SWITCHES_INVOLUNTARY_PER_SEC.of(Row::totals(frame), frame)),
            },
        });
        self.event(&more)?;
        self.total = total;
        let mut seen: BTreeMap<u64, ()> = BTreeMap::new();
        let mut others = Vec::new();
        let rows = frame
            .processes
            .iter()
            .filter(|process| process.is_active())
            .map(|process| {
                let who = match process.is_merged() {
                    true => Who::Merged(process.kin()),
                    false => Who::One(process.id),
                };
                let name = if process.is_merged() {
                    format!("{} (short-lived)", sanitize(&process.comm))
                } else {
                    format!("{} {}", sanitize(&process.comm), process.id.pid)
                };
                (who, name, Row::counts(&process.counters, &process.paths))
            })
            .chain(frame.unattributed.is_active().then(|| {
                (Who::Unattributed, "(unattributed)".to_owned(), Row::unattributed(frame))
            }));
        for (who, name, row) in rows {
            let mut track = match self.tracks.remove(&who) {
                Some(track) => track,
                None if self.tracks.len() < MOST => {
                    let id = OTHERS + 1 + self.tracks.len() as u64;
                    self.name(id, &name)?;
                    Track { id, ..Track::default() }
                }
                None => {
                    zc_model::ledger::add(&mut others, row.paths);
                    continue;
                }
            };
            self.track(&mut track, at, row, frame)?;
            seen.insert(track.id, ());
            self.tracks.insert(who, track);
        }
        // What did nothing in this interval falls to 0.
        let idle: Vec<_> = self
            .tracks
            .iter()
            .filter(|(_, track)| track.was_active && !seen.contains_key(&track.id))
            .map(|(who, _)| who.clone())
            .collect();
        let nothing = zc_model::counter::Counters::default();
        for who in idle {
            let Some(mut track) = self.tracks.remove(&who) else { continue };
            self.track(&mut track, at, Row::counts(&nothing, &[]), frame)?;
            track.was_active = false;
            self.tracks.insert(who, track);
        }
        let mut rest = std::mem::take(&mut self.others);
        if rest.was_active || !others.is_empty() {
            self.track(&mut rest, at, Row::counts(&nothing, &others), frame)?;
            rest.was_active = !others.is_empty();
        }
        self.others = rest;
        Ok(())
    }

    /// Writes what a row moved and copied, path by path.
    fn track(&mut self, track: &mut Track, at: u64, row: Row<'_>, frame: &Frame) -> io::Result<()> {
        for sample in row.paths {
            if !track.paths.contains(&sample.path) {
                track.paths.push(sample.path);
            }
        }
        track.was_active = true;
        if track.paths.is_empty() {
            return Ok(());
        }
        let (mut copied, mut moved) = (Map::new(), Map::new());
        for path in &track.paths {
            let samples = || row.paths.iter().filter(|sample| sample.path == *path);
            let rate = |bytes: u64| {
                let quality = zc_model::value::Quality::MEASURED;
                number(&per_second(Cell::Integer(bytes, quality), frame))
            };
            let sum = |bytes: fn(&zc_model::snapshot::PathSample) -> u64| {
                samples().map(bytes).fold(0, u64::saturating_add)
            };
            moved.insert(path.id().to_owned(), rate(sum(|sample| sample.moved_bytes)));
            // What is not known is no 0: the counter has no such series.
            if samples().all(|sample| sample.provenance != Provenance::Unavailable) {
                copied.insert(path.id().to_owned(), rate(sum(|sample| sample.copied_bytes)));
            }
        }
        let id = track.id;
        if !copied.is_empty() {
            self.event(&json!({
                "ph": "C", "name": "copied B/s", "pid": id, "ts": at, "args": copied,
            }))?;
        }
        self.event(&json!({"ph": "C", "name": "moved B/s", "pid": id, "ts": at, "args": moved}))
    }

    /// Adds a moment that was given a name, ns since the Unix epoch.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn mark(&mut self, at_ns: u64, text: &str) -> io::Result<()> {
        let name = sanitize(text);
        self.event(&json!({
            "ph": "i", "s": "g", "name": name, "pid": ALL, "tid": 0, "ts": at_ns / 1000,
        }))
    }

    /// Ends the trace, where the last interval ended.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn finish(mut self, about: &About) -> io::Result<W> {
        use serde::Serialize as _;
        // A rate lasts until the next one, or until the end of the trace: that is when the last event is.
        if self.end_ns > 0 {
            self.mark(self.end_ns, "end of the recording")?;
        }
        self.out.write_all(b"\n],\"otherData\":")?;
        let facts: Map<_, _> = about
            .facts
            .iter()
            .map(|(key, value)| (sanitize(key).into_owned(), Value::from(sanitize(value))))
            .collect();
        let formatter = Escaping(serde_json::ser::CompactFormatter);
        facts.serialize(&mut serde_json::Serializer::with_formatter(&mut self.out, formatter))?;
        self.out.write_all(b"}\n")?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// A number, or 0 over no time at all.
fn number(cell: &Cell<'_>) -> Value {
    cell.number().map_or(Value::from(0), Value::from)
}

#[cfg(test)]
mod tests;
