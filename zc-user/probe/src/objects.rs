//! Files, sockets and pipes: the rows of the kernel side as samples.

mod describe;
mod flows;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{Array, HashMap as BpfHashMap, MapData},
};
use zc_common::{
    COMM_LEN,
    object::{
        DETAIL_DONE, END_FROM, END_TO, NO_ROOM, ObjectDetail, ObjectKey, Row, RowKey,
        UNKNOWN_OBJECT, outside,
    },
    path::LANES,
    record::LaneCount,
};

use super::{coverage::Coverage, object::map, record_sum::RecordSum};
use describe::Describer;
use zc_model::snapshot::{
    Object, ObjectSample, Objects as Samples, Outside, OutsideSample, PathSample, ProcessId,
    ProcessSample,
};

/// The objects that were seen.
#[derive(Default)]
pub(super) struct Objects {
    describer: Describer,
    /// Those that are described: as many as the kernel side has.
    known: HashMap<ObjectKey, Arc<Object>>,
}

/// Counts of a process and an object, by end.
#[derive(Default)]
struct Sum {
    ends: [RecordSum; 2],
    /// The name of the first thread.
    comm: [u64; COMM_LEN / 8],
}

impl Objects {
    /// What the kernel side has. To be called after the records have been read: each call is counted there first.
    ///
    /// # Errors
    /// When a map cannot be read.
    pub(super) fn sample(
        &mut self,
        ebpf: &Ebpf,
        coverage: &Coverage,
        processes: &[Arc<ProcessSample>],
    ) -> Result<Samples> {
        let mut sums: BTreeMap<(ObjectKey, ProcessId), Sum> = BTreeMap::new();
        let rows = ebpf.map(map::OBJECT_ROWS).context("the object has no OBJECT_ROWS")?;
        let rows: BpfHashMap<&MapData, RowKey, Row> = rows.try_into()?;
        for row in rows.iter() {
            let (key, row) = row.context("cannot read the rows of files and sockets")?;
            let process = ProcessId { pid: key.tgid, start_ns: key.start_ns };
            let sum = sums.entry((key.object, process)).or_default();
            if let Some(end) = sum.ends.get_mut(usize::from(key.end)) {
                end.add_lane(usize::from(key.lane).min(LANES - 1), &row.count);
            }
            sum.comm = row.comm;
        }
        let details = ebpf.map(map::OBJECT_DETAILS).context("the object has no OBJECT_DETAILS")?;
        let details: BpfHashMap<&MapData, ObjectKey, ObjectDetail> = details.try_into()?;
        let names: HashMap<ProcessId, &Arc<str>> =
            processes.iter().map(|process| (process.id, &process.comm)).collect();
        let rows = sums.into_iter().map(|((key, process), mut sum)| ObjectSample {
            object: self.object(key, &details),
            process,
            comm: names.get(&process).map_or_else(|| text(sum.comm), |name| Arc::clone(name)),
            from: paths(&mut sum.ends[usize::from(END_FROM)], coverage),
            to: paths(&mut sum.ends[usize::from(END_TO)], coverage),
        });
        let rows: Vec<_> = rows.collect();
        let flows = self.flows(ebpf, &details, &rows)?;
        Ok(Samples { rows, outside: outside_rows(ebpf, coverage)?, flows })
    }

    fn object(
        &mut self,
        key: ObjectKey,
        details: &BpfHashMap<&MapData, ObjectKey, ObjectDetail>,
    ) -> Arc<Object> {
        if let Some(known) = self.known.get(&key) {
            return Arc::clone(known);
        }
        // Another CPU may be writing it.
        let detail = details.get(&key, 0).ok().filter(|detail| detail.flags & DETAIL_DONE != 0);
        let object = Arc::new(self.describer.object(key, detail.as_ref()));
        if detail.is_some() {
            self.known.insert(key, Arc::clone(&object));
        }
        object
    }
}

fn paths(sum: &mut RecordSum, coverage: &Coverage) -> Vec<PathSample> {
    sum.take_sample(coverage).1
}

/// What is in no row.
fn outside_rows(ebpf: &Ebpf, coverage: &Coverage) -> Result<Vec<OutsideSample>> {
    let counts = ebpf.map(map::OBJECTS_OUTSIDE).context("the object has no OBJECTS_OUTSIDE")?;
    let counts: Array<&MapData, LaneCount> = counts.try_into()?;
    let paths_of = |reason, end| -> Result<Vec<PathSample>> {
        let mut sum = RecordSum::default();
        for lane in 0..LANES {
            let count = counts.get(&outside(reason, usize::from(end), lane), 0);
            sum.add_lane(lane, &count.context("cannot read what is in no row")?);
        }
        Ok(paths(&mut sum, coverage))
    };
    let mut rows = Vec::new();
    for (number, reason) in [(NO_ROOM, Outside::NoRoom), (UNKNOWN_OBJECT, Outside::UnknownObject)] {
        let (from, to) = (paths_of(number, END_FROM)?, paths_of(number, END_TO)?);
        if !from.is_empty() || !to.is_empty() {
            rows.push(OutsideSample { reason, from, to });
        }
    }
    Ok(rows)
}

/// A name as the kernel has it.
fn text(words: [u64; COMM_LEN / 8]) -> Arc<str> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into()
}
