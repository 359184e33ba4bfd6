//! What is listed of files, sockets and pipes, and what is derived from their rows.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use zc_common::{object::ENDS, path::Place};

use crate::{
    ledger,
    snapshot::{
        Object, ObjectId, ObjectKind, ObjectSample, Objects, OutsideSample, PathSample, ProcessId,
    },
};

/// Which objects a report lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Files and devices.
    Files,
    /// Sockets and pipes.
    Peers,
}

impl Which {
    /// Whether objects of this kind are listed.
    #[must_use]
    pub const fn lists(self, kind: ObjectKind) -> bool {
        kind.has_peer() == matches!(self, Self::Peers)
    }

    /// Of paths of which an end is in no row, those that are about such objects at this end: 0 where bytes came
    /// from, 1 where they went to.
    #[must_use]
    pub fn of_paths(self, paths: &[PathSample], end: usize) -> Vec<PathSample> {
        let is_listed = |sample: &&PathSample| {
            let route = sample.path.known().and_then(|path| path.route());
            let place = route.map(|(from, to)| [from, to][end % ENDS]);
            (place == Some(Place::Buffer)) == (self == Self::Peers)
        };
        paths.iter().filter(is_listed).copied().collect()
    }
}

/// A line of a report: an object, with the processes that used it.
#[derive(Clone, Debug, PartialEq)]
pub struct Used {
    /// The object.
    pub object: Arc<Object>,
    /// The processes, the busiest first.
    pub processes: Vec<(ProcessId, Arc<str>)>,
    /// Paths on which bytes came from it.
    pub from: Vec<PathSample>,
    /// Paths on which bytes went to it.
    pub to: Vec<PathSample>,
}

/// Bytes that calls moved on these paths; pages that were mapped are left out.
#[must_use]
pub fn moved(paths: &[PathSample]) -> u64 {
    sum(paths, false)
}

/// Bytes of pages that were mapped.
#[must_use]
pub fn mapped(paths: &[PathSample]) -> u64 {
    sum(paths, true)
}

fn sum(paths: &[PathSample], mapped: bool) -> u64 {
    let is_it = |sample: &&PathSample| sample.path.is_known_and(|it| it.is_mapped()) == mapped;
    let bytes = paths.iter().filter(is_it).map(|sample| sample.moved_bytes);
    bytes.fold(0, u64::saturating_add)
}

impl Used {
    /// All its paths.
    #[must_use]
    pub fn paths(&self) -> Vec<PathSample> {
        let mut all = self.from.clone();
        ledger::add(&mut all, &self.to);
        all
    }

    fn bytes(&self) -> u64 {
        moved(&self.from).saturating_add(moved(&self.to))
    }
}

impl Objects {
    /// A line for each file, or for each process and socket or pipe, the busiest first.
    #[must_use]
    pub fn used(&self, which: Which) -> Vec<Used> {
        let mut lines: BTreeMap<(ObjectId, Option<ProcessId>), Used> = BTreeMap::new();
        let mut rows: Vec<_> =
            self.rows.iter().filter(|row| which.lists(row.object.kind)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(moved(&row.from).saturating_add(moved(&row.to))));
        for row in rows {
            let process = (which == Which::Peers).then_some(row.process);
            let line = lines.entry((row.object.id, process)).or_insert_with(|| Used {
                object: Arc::clone(&row.object),
                processes: Vec::new(),
                from: Vec::new(),
                to: Vec::new(),
            });
            line.processes.push((row.process, Arc::clone(&row.comm)));
            ledger::add(&mut line.from, &row.from);
            ledger::add(&mut line.to, &row.to);
        }
        let mut lines: Vec<_> = lines.into_values().collect();
        lines.sort_by_key(|line| std::cmp::Reverse((line.bytes(), mapped(&line.from))));
        lines
    }

    /// What is outside the rows and about such objects.
    #[must_use]
    pub fn outside(&self, which: Which) -> Vec<OutsideSample> {
        let part = |sample: &OutsideSample| OutsideSample {
            reason: sample.reason,
            from: which.of_paths(&sample.from, 0),
            to: which.of_paths(&sample.to, 1),
        };
        let parts = self.outside.iter().map(part);
        parts.filter(|part| !part.from.is_empty() || !part.to.is_empty()).collect()
    }

    /// Who is at the other ends.
    #[must_use]
    pub fn peers(&self) -> Peers<'_> {
        let mut peers =
            Peers { by_pipe: HashMap::new(), by_links: HashMap::new(), by_ends: HashMap::new() };
        for row in &self.rows {
            if row.object.kind == ObjectKind::Pipe {
                peers.by_pipe.entry(row.object.id).or_default().push(row);
            }
            if let Some(links) = row.object.ends.as_ref().and_then(|ends| ends.links) {
                peers.by_links.entry(links).or_default().push(row);
            }
            if let Some(ends) = connection(&row.object) {
                peers.by_ends.entry(ends).or_default().push(row);
            }
        }
        peers
    }
}

/// The ends of a connection on this machine: the namespace, the near end, the far end.
type Connection<'a> = (u32, &'a str, &'a str, &'a str);

fn connection(object: &Object) -> Option<Connection<'_>> {
    let ends = object.ends.as_ref()?;
    // Of a unix socket only one end has a name, which many connections share.
    if ends.protocol == "unix" {
        return None;
    }
    Some((ends.namespace, &ends.protocol, ends.local.as_deref()?, ends.remote.as_deref()?))
}

/// The processes that used sockets and pipes, by these.
#[derive(Debug)]
pub struct Peers<'a> {
    by_pipe: HashMap<ObjectId, Vec<&'a ObjectSample>>,
    by_links: HashMap<[u64; 2], Vec<&'a ObjectSample>>,
    by_ends: HashMap<Connection<'a>, Vec<&'a ObjectSample>>,
}

impl<'a> Peers<'a> {
    /// The processes that were seen to use the other end of an object; of a pipe those that write to it where one of
    /// `own` reads, and read where one of them writes. None where the other end was not seen: another machine, a process that is not followed, or one that has
    /// moved nothing; nor where it may be one of two, because a number was used again.
    #[must_use]
    pub fn of(&self, object: &Object, own: &[ProcessId]) -> Vec<(ProcessId, &'a str)> {
        let rows = match &object.ends {
            None => self.by_pipe.get(&object.id).filter(|_| object.kind == ObjectKind::Pipe),
            Some(ends) => match ends.links {
                Some([near, far]) => self.by_links.get(&[far, near]),
                None => connection(object).and_then(|(namespace, protocol, local, remote)| {
                    self.by_ends.get(&(namespace, protocol, remote, local))
                }),
            },
        };
        let Some(rows) = rows else { return Vec::new() };
        let is_socket = object.ends.is_some();
        if is_socket && rows.windows(2).any(|rows| rows[0].object.id != rows[1].object.id) {
            return Vec::new();
        }
        // Of a pipe: those who use it the other way round than one of its own, as far as that was seen.
        let of_own = |row: &&&ObjectSample| own.contains(&row.process);
        let takes = rows.iter().filter(of_own).any(|row| !row.from.is_empty());
        let gives = rows.iter().filter(of_own).any(|row| !row.to.is_empty());
        let is_opposite =
            |row: &ObjectSample| takes && !row.to.is_empty() || gives && !row.from.is_empty();
        let is_other =
            |row: &&&ObjectSample| is_socket || !own.contains(&row.process) && is_opposite(row);
        let others = rows.iter().filter(is_other);
        let mut found: Vec<_> = others.map(|row| (row.process, &*row.comm)).collect();
        found.sort_unstable();
        found.dedup_by_key(|(process, _)| *process);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zc_common::path::CopyPath;

    use crate::fixture::sketch::path;

    #[test]
    fn of_a_pipe_those_are_peers_who_use_it_the_other_way_round() {
        let object = Arc::new(Object {
            id: ObjectId { inode: 1, ..ObjectId::default() },
            kind: ObjectKind::Pipe,
            name: None,
            is_whole: false,
            is_deleted: false,
            mount_namespace: None,
            ends: None,
        });
        let id = |pid| ProcessId { pid, start_ns: 1 };
        let row = |pid, from: &[PathSample], to: &[PathSample]| ObjectSample {
            object: Arc::clone(&object),
            process: id(pid),
            comm: "x".into(),
            from: from.to_vec(),
            to: to.to_vec(),
        };
        let (reads, writes) =
            ([path(CopyPath::PipeRead, 1, 101)], [path(CopyPath::PipeWrite, 1, 303)]);
        // One writer, two readers, and one that did both.
        let rows = vec![
            row(1, &[], &writes),
            row(2, &reads, &[]),
            row(3, &reads, &[]),
            row(4, &reads, &writes),
        ];
        let objects = Objects { rows, ..Objects::default() };
        let peers = objects.peers();
        let of = |pid| {
            let found = peers.of(&object, &[id(pid)]);
            found.into_iter().map(|(process, _)| process.pid).collect::<Vec<_>>()
        };
        assert_eq!(of(1), [2, 3, 4]);
        assert_eq!(of(2), [1, 4]);
        assert_eq!(of(4), [1, 2, 3]);
        assert!(of(9).is_empty(), "nothing is known of that one");
    }
}
