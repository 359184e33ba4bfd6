//! Files, sockets and pipes: the rows of the kernel side as samples.

mod describe;
mod flows;
mod kept;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{Array, HashMap as BpfHashMap, MapData},
};
use zc_common::{
    COMM_LEN,
    object::{
        DETAIL_DONE, END_FROM, END_TO, ENDS, Flow, FlowKey, NO_ROOM, ObjectDetail, ObjectKey, Row,
        RowKey, UNKNOWN_OBJECT, outside,
    },
    path::LANES,
    record::LaneCount,
};

use super::{coverage::Coverage, hash::Table, object::map, record_sum::RecordSum};
use describe::Describer;
use kept::Kept;
use zc_model::snapshot::{
    Object, ObjectSample, Objects as Samples, Outside, OutsideSample, PathSample, ProcessId,
    ProcessSample,
};

/// The tables are looked at again after this many times as long as that took, while one is more than half full.
const PAUSE: u32 = 25;
/// The same while none is.
const LONG_PAUSE: u32 = 100;

/// The objects that were seen.
pub(super) struct Objects {
    describer: Describer,
    /// Those that are described: objects of rows and flows that are kept.
    known: HashMap<ObjectKey, Known>,
    rows: Kept<RowKey, Row>,
    flows: Kept<FlowKey, Flow>,
    /// What the rows had that are not kept, by end and lane.
    given_up: Vec<[LaneCount; ENDS]>,
    /// Calls of the flows that are not kept.
    flows_given_up: u64,
    /// When it is time to look for rows that are idle.
    due: Instant,
}

/// An object that is described.
struct Known {
    object: Arc<Object>,
    detail: Detail,
}

/// Whether the kernel side has a description of an object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// It was read.
    There,
    /// It was removed, with the last row.
    Removed,
    /// There is a row again, and so a description, which may differ: the number may be that of another object by now.
    Again,
}

type Details<'a> = BpfHashMap<&'a MapData, ObjectKey, ObjectDetail>;

impl Objects {
    /// For so many rows.
    pub(super) fn new(room: u32) -> Self {
        Self {
            describer: Describer::default(),
            known: HashMap::new(),
            rows: Kept::new(room),
            flows: Kept::new(room),
            given_up: vec![[LaneCount::ZERO; ENDS]; LANES],
            flows_given_up: 0,
            due: Instant::now(),
        }
    }

    /// Looks for rows that are to make room, unless it has done so a moment ago. To be called several times a second.
    ///
    /// # Errors
    /// When a map cannot be read.
    pub(super) fn tend(&mut self, ebpf: &Ebpf) -> Result<()> {
        if Instant::now() < self.due { Ok(()) } else { self.look(ebpf) }
    }

    /// Calls of flows that are not kept.
    pub(super) fn lost_flows(&self) -> u64 {
        self.flows_given_up
    }

    /// What the kernel side has, and what it had. To be called after the records have been read: each call is counted
    /// there first.
    ///
    /// # Errors
    /// When a map cannot be read.
    pub(super) fn sample(
        &mut self,
        ebpf: &Ebpf,
        coverage: &Coverage,
        processes: &[Arc<ProcessSample>],
    ) -> Result<Samples> {
        self.look(ebpf)?;
        let details = details(ebpf)?;
        let names: HashMap<ProcessId, &Arc<str>> =
            processes.iter().map(|process| (process.id, &process.comm)).collect();
        let mut sums: Vec<_> = self.rows.sums().collect();
        let place = |key: &RowKey| (key.object, key.tgid, key.start_ns);
        sums.sort_unstable_by_key(|(key, _)| (place(key), key.end, key.lane));
        let mut sum = [RecordSum::default(), RecordSum::default()];
        let mut rows = Vec::new();
        for lanes in sums.chunk_by(|(one, _), (next, _)| place(one) == place(next)) {
            let [(key, first), ..] = lanes else { continue };
            for (key, row) in lanes {
                if let Some(end) = sum.get_mut(usize::from(key.end)) {
                    end.add_lane(usize::from(key.lane).min(LANES - 1), &row.count);
                }
            }
            let process = ProcessId { pid: key.tgid, start_ns: key.start_ns };
            rows.push(ObjectSample {
                object: self.object(key.object, &details),
                process,
                comm: names.get(&process).map_or_else(|| text(first.comm), |it| Arc::clone(it)),
                from: paths(&mut sum[usize::from(END_FROM)], coverage),
                to: paths(&mut sum[usize::from(END_TO)], coverage),
            });
        }
        let flows = self.flow_samples(&details, &rows);
        Ok(Samples { rows, outside: self.outside_rows(ebpf, coverage)?, flows })
    }

    /// Reads what the kernel side has, and has idle rows make room there.
    fn look(&mut self, ebpf: &Ebpf) -> Result<()> {
        let began = Instant::now();
        let tables = [map::OBJECT_ROWS, map::OBJECT_FLOWS].map(|name| table(ebpf, name));
        let [rows, flows] = tables;
        let (rows, flows) = (rows?, flows?);
        let contents = rows.all(Row::ZERO).context("cannot read the rows of files and sockets")?;
        for key in self.rows.look(contents) {
            if let Some(known) = self.known.get_mut(&key.object)
                && known.detail == Detail::Removed
            {
                known.detail = Detail::Again;
            }
        }
        let contents = flows.all(Flow::default());
        self.flows.look(contents.context("cannot read from where to where bytes were moved")?);
        let is_filling = self.rows.is_filling() || self.flows.is_filling();
        // First: what makes room now is looked at once more before it is given up, so that it is seen to come back.
        self.give_up();
        self.make_room(ebpf, rows, flows)?;
        let pause = if is_filling { PAUSE } else { LONG_PAUSE };
        self.due = Instant::now() + began.elapsed().min(Duration::from_secs(1)) * pause;
        Ok(())
    }

    /// Removes rows and flows that are idle, and what describes objects of which there is none any more.
    fn make_room(&mut self, ebpf: &Ebpf, rows: Table<'_>, flows: Table<'_>) -> Result<()> {
        let idle: HashSet<_> = self.rows.idle().into_iter().collect();
        let mut idle_flows: HashSet<_> = self.flows.idle().into_iter().collect();
        if idle.is_empty() && idle_flows.is_empty() {
            return Ok(());
        }
        let stays = |key: &&RowKey| !idle.contains(*key);
        let mut used: HashSet<_> =
            self.rows.keys_there().filter(stays).map(|it| it.object).collect();
        let mut unused: HashSet<_> = idle.iter().map(|key| key.object).collect();
        unused.retain(|object| !used.contains(object));
        // Of these objects the descriptions are to go: there is room for as many as there are rows.
        let is_of_unused = |key: &FlowKey| [key.from, key.to].iter().any(|it| unused.contains(it));
        idle_flows.extend(self.flows.unchanged_keys().filter(is_of_unused));
        let stays = |key: &&FlowKey| !idle_flows.contains(*key);
        used.extend(self.flows.keys_there().filter(stays).flat_map(|key| [key.from, key.to]));
        unused.extend(idle_flows.iter().flat_map(|key| [key.from, key.to]));
        unused.retain(|object| !used.contains(object));
        // Before the rows: what takes their place has room for its description then.
        let (details, table) = (details(ebpf)?, table(ebpf, map::OBJECT_DETAILS)?);
        for object in unused {
            self.object(object, &details);
            if let Some(known) = self.known.get_mut(&object)
                && known.detail == Detail::There
                && table.remove(&object).is_ok()
            {
                known.detail = Detail::Removed;
            }
        }
        // What the kernel refuses to remove stays there, and is tried again.
        for key in &idle {
            if let Ok(last) = rows.take(key, Row::ZERO) {
                self.rows.removed(key, last);
            }
        }
        for key in &idle_flows {
            if let Ok(last) = flows.take(key, Flow::default()) {
                self.flows.removed(key, last);
            }
        }
        Ok(())
    }

    /// Gives up rows and flows of which there are too many.
    fn give_up(&mut self) {
        let (rows, flows) = (self.rows.give_up(), self.flows.give_up());
        if rows.is_empty() && flows.is_empty() {
            return;
        }
        for (key, row) in rows {
            let lane = usize::from(key.lane).min(LANES - 1);
            self.given_up[lane][usize::from(key.end) % ENDS].add(&row.count);
        }
        for (_, flow) in flows {
            self.flows_given_up += flow.ops;
        }
        let of_flows = self.flows.keys().flat_map(|key| [key.from, key.to]);
        let used: HashSet<_> = self.rows.keys().map(|key| key.object).chain(of_flows).collect();
        self.known.retain(|key, _| used.contains(key));
        self.describer.forget_all_but(self.known.values().map(|known| &*known.object));
    }

    fn object(&mut self, key: ObjectKey, details: &Details<'_>) -> Arc<Object> {
        if let Some(Known { object, detail: Detail::There | Detail::Removed }) =
            self.known.get(&key)
        {
            return Arc::clone(object);
        }
        // Another CPU may be writing it.
        let detail = details.get(&key, 0).ok().filter(|detail| detail.flags & DETAIL_DONE != 0);
        if detail.is_none()
            && let Some(known) = self.known.get(&key)
        {
            return Arc::clone(&known.object);
        }
        let object = Arc::new(self.describer.object(key, detail.as_ref()));
        if detail.is_some() {
            let known = Known { object: Arc::clone(&object), detail: Detail::There };
            self.known.insert(key, known);
        }
        object
    }

    /// What is in no row.
    fn outside_rows(&self, ebpf: &Ebpf, coverage: &Coverage) -> Result<Vec<OutsideSample>> {
        let counts = ebpf.map(map::OBJECTS_OUTSIDE).context("the object has no OBJECTS_OUTSIDE")?;
        let counts: Array<&MapData, LaneCount> = counts.try_into()?;
        let paths_of = |reason, end| -> Result<Vec<PathSample>> {
            let end = usize::from(end);
            let mut sum = RecordSum::default();
            for (lane, given_up) in self.given_up.iter().enumerate() {
                let count = counts.get(&outside(reason, end, lane), 0);
                sum.add_lane(lane, &count.context("cannot read what is in no row")?);
                if reason == NO_ROOM {
                    sum.add_lane(lane, &given_up[end]);
                }
            }
            Ok(paths(&mut sum, coverage))
        };
        let mut rows = Vec::new();
        let reasons = [(NO_ROOM, Outside::NoRoom), (UNKNOWN_OBJECT, Outside::UnknownObject)];
        for (number, reason) in reasons {
            let (from, to) = (paths_of(number, END_FROM)?, paths_of(number, END_TO)?);
            if !from.is_empty() || !to.is_empty() {
                rows.push(OutsideSample { reason, from, to });
            }
        }
        Ok(rows)
    }
}

fn table<'a>(ebpf: &'a Ebpf, name: &str) -> Result<Table<'a>> {
    ebpf.map(name).and_then(Table::of).with_context(|| format!("the object has no {name}"))
}

fn details(ebpf: &Ebpf) -> Result<Details<'_>> {
    let details = ebpf.map(map::OBJECT_DETAILS).context("the object has no OBJECT_DETAILS")?;
    Ok(details.try_into()?)
}

fn paths(sum: &mut RecordSum, coverage: &Coverage) -> Vec<PathSample> {
    sum.take_sample(coverage).1
}

/// A name as the kernel has it.
fn text(words: [u64; COMM_LEN / 8]) -> Arc<str> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into()
}
