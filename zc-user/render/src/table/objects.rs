//! `zc files` and `zc peers`: what was moved from and to files, sockets and pipes.

use std::{borrow::Cow, io};

use unicode_width::UnicodeWidthStr as _;

use super::{
    flows,
    grid::{Cell, Grid},
    notes::{self, COLUMNS},
    once::write_machine,
};
use crate::{
    human,
    sanitize::{sanitize, truncate, truncate_start},
};
use zc_model::{
    column::{Processes, Unit},
    counter::Counters,
    frame::Frame,
    ledger,
    object::{Peers, Which, mapped, moved},
    row::Row,
    snapshot::{Object, ObjectKind, Outside, PathSample, ProcessId},
    value::{Quality, Value},
};

/// Columns for the name of a process.
pub(super) const PROCESS: usize = 18;

/// The fewest columns for the name of an object.
pub(super) const LEAST: usize = 20;

/// Writes the objects that `which` lists, at most `top` of them, the busiest first.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_objects(
    frame: &Frame,
    which: Which,
    subject: &str,
    top: usize,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let Some(objects) = &frame.objects else { return Ok(()) };
    let used = objects.used(which);
    let (singular, plural) = match which {
        Which::Files => ("file", "files"),
        Which::Peers => ("socket or pipe", "sockets and pipes"),
    };
    writeln!(
        out,
        "{}: {}, {} {}",
        sanitize(subject),
        human::duration(frame.elapsed_ns),
        human::count(used.len() as u64),
        if used.len() == 1 { singular } else { plural },
    )?;
    write_machine(frame, out)?;
    writeln!(out)?;
    let peers = objects.peers();
    let mut lines: Vec<Line> = used
        .iter()
        .take(top)
        .map(|line| Line {
            process: processes(&line.processes),
            name: name(&line.object, &line.processes, &peers),
            from: line.from.clone(),
            to: line.to.clone(),
        })
        .collect();
    if let Some(rest) = used.get(top..).filter(|rest| !rest.is_empty()) {
        let mut line = Line::new(format!("({} more)", human::count(rest.len() as u64)));
        for used in rest {
            ledger::add(&mut line.from, &used.from);
            ledger::add(&mut line.to, &used.to);
        }
        lines.push(line);
    }
    for sample in objects.outside(which) {
        let name = match sample.reason {
            Outside::NoRoom => "(others)",
            Outside::UnknownObject => "(unknown)",
            Outside::NotAttributed => "(not attributed)",
        };
        lines.push(Line { from: sample.from, to: sample.to, ..Line::new(name.to_owned()) });
    }
    if lines.is_empty() {
        writeln!(out, "  No activity.")?;
    } else {
        write_lines(&lines, which, frame, out)?;
    }
    flows::write(frame, which, &peers, top, out)?;
    notes::write(frame, notes::About::Bytes, out)
}

/// A line of the table.
struct Line {
    process: String,
    name: String,
    from: Vec<PathSample>,
    to: Vec<PathSample>,
}

impl Line {
    fn new(name: String) -> Self {
        Self { process: String::new(), name, from: Vec::new(), to: Vec::new() }
    }

    fn paths(&self) -> Vec<PathSample> {
        let mut all = self.from.clone();
        ledger::add(&mut all, &self.to);
        all
    }

    fn mapped(&self) -> u64 {
        mapped(&self.from).saturating_add(mapped(&self.to))
    }
}

fn write_lines(
    lines: &[Line],
    which: Which,
    frame: &Frame,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let has_mapped = lines.iter().any(|line| line.mapped() > 0);
    let (from, to, object) = match which {
        Which::Files => ("READ", "WRITTEN", "FILE"),
        Which::Peers => ("RECEIVED", "SENT", "PEER"),
    };
    let mut headings = vec![(from, true), (to, true), ("COPIED", true)];
    if has_mapped {
        headings.push(("MAPPED", true));
    }
    headings.extend([("PROCESS", false), (object, false)]);
    let cells = |line: &Line| {
        let paths = line.paths();
        let counters = Counters::default();
        let copied = Processes::COPIED_BYTES.of(Row::counts(&counters, &paths), frame);
        let mut cells = vec![
            bytes(moved(&line.from)),
            bytes(moved(&line.to)),
            Cell::value(&copied, Unit::Bytes),
        ];
        if has_mapped {
            cells.push(bytes(line.mapped()));
        }
        cells
    };
    let numbers: Vec<Vec<Cell>> = lines.iter().map(cells).collect();
    let widest = |at: usize| {
        let cells = numbers.iter().map(|cells| cells[at].plain().width());
        cells.chain([headings[at].0.len() + 1]).max().unwrap_or(0)
    };
    let taken: usize = (0..headings.len() - 2).map(|at| widest(at) + 2).sum();
    let process = lines.iter().map(|line| line.process.width()).max().unwrap_or(0);
    // Of the name of a process less, where numbers take what the name of an object needs.
    let spare = COLUMNS.saturating_sub(taken + LEAST + 4);
    let process = process.min(PROCESS).min(spare).max("PROCESS".len());
    let room = COLUMNS.saturating_sub(taken + process + 4).max(LEAST);
    let mut grid = Grid::new(headings);
    for (line, mut cells) in lines.iter().zip(numbers) {
        cells.push(Cell::text(truncate(&line.process, process, "...")));
        cells.push(Cell::text(shortened(&line.name, room)));
        grid.push(cells);
    }
    grid.write(out)
}

pub(super) fn bytes(bytes: u64) -> Cell {
    Cell::value(&Value::Integer(bytes, Quality::MEASURED), Unit::Bytes)
}

/// `nginx[4711]`, or how many processes there are. Safe for a terminal.
#[must_use]
pub fn processes(processes: &[(ProcessId, std::sync::Arc<str>)]) -> String {
    let [(first, comm), others @ ..] = processes else { return String::new() };
    let comm = sanitize(comm);
    if others.is_empty() {
        return one(*first, &comm);
    }
    let is_same = others.iter().all(|(_, other)| sanitize(other) == comm);
    let count = human::count(processes.len() as u64);
    if is_same { format!("{comm} ({count})") } else { format!("{comm}, ... ({count})") }
}

fn one(process: ProcessId, comm: &str) -> String {
    if process == ProcessId::default() {
        return super::once::UNATTRIBUTED.to_owned();
    }
    format!("{comm}[{}]", process.pid)
}

/// What an object is called that these processes use. Safe for a terminal.
#[must_use]
pub fn name(
    object: &Object,
    users: &[(ProcessId, std::sync::Arc<str>)],
    peers: &Peers<'_>,
) -> String {
    let mut name = match (&object.ends, &object.name) {
        (Some(_), _) => socket(object),
        (None, Some(path)) => {
            let path = sanitize(path);
            let is_path = matches!(object.kind, ObjectKind::File | ObjectKind::BlockDevice);
            match object.is_whole || !is_path || path.starts_with("memfd:") {
                true => path.into_owned(),
                false => format!(".../{path}"),
            }
        }
        (None, None) => {
            format!("? ({}:{} {})", object.id.major, object.id.minor, object.id.inode)
        }
    };
    let own: Vec<_> = users.iter().map(|(process, _)| *process).collect();
    let found = peers.of(object, &own);
    if let [(process, comm), others @ ..] = &found[..] {
        let more = if others.is_empty() { "" } else { ", ..." };
        name.push_str(&format!(" = {}{more}", one(*process, &sanitize(comm))));
    }
    if object.is_deleted {
        name.push_str(" (deleted)");
    }
    if let Some(namespace) = object.mount_namespace {
        name.push_str(&format!(" (mnt {namespace})"));
    }
    name
}

/// `tcp 10.0.0.7:51234 on :80`: the other end, and where it is connected to.
fn socket(object: &Object) -> String {
    let Some(ends) = &object.ends else { return String::new() };
    let mut name = ends.protocol.clone();
    match (&ends.local, &ends.remote) {
        (Some(local), Some(remote)) => {
            let port = local.rsplit(':').next().unwrap_or_default();
            name.push_str(&format!(" {} on :{port}", sanitize(remote)));
        }
        (None, Some(remote)) => name.push_str(&format!(" {}", sanitize(remote))),
        (Some(local), None) if ends.protocol == "unix" => {
            name.push_str(&format!(" {}", sanitize(local)));
        }
        (Some(local), None) => name.push_str(&format!(" * on {}", sanitize(local))),
        (None, None) => name.push_str(&format!(" [{}]", object.id.inode)),
    }
    if ends.is_foreign {
        name.push_str(&format!(" (net {})", ends.namespace));
    }
    name
}

/// The name in that many columns: of a path the last component, and as much of the beginning as there is room for.
#[must_use]
pub fn shortened(name: &str, room: usize) -> Cow<'_, str> {
    const GAP: &str = "...";
    if name.width() <= room {
        return Cow::Borrowed(name);
    }
    let Some(at) = name.rfind('/').filter(|at| *at > 0) else {
        return truncate(name, room, GAP);
    };
    let last = &name[at..];
    match room.checked_sub(last.width()) {
        Some(left) if left > GAP.len() => {
            Cow::Owned(format!("{}{last}", truncate(&name[..at], left, GAP)))
        }
        _ => truncate_start(name, room, GAP),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use zc_common::path::{CopyPath, SocketKind};
    use zc_model::{
        fixture::sketch::{path, process, snapshot, socket},
        snapshot::{Ends, ObjectId, ObjectSample, Objects, Snapshot},
    };

    use super::*;

    #[test]
    fn a_path_is_shortened_before_its_last_component() {
        let path = "/var/lib/docker/overlay2/0123456789abcdef/www/index.html";
        assert_eq!(shortened(path, 80), path);
        assert_eq!(shortened(path, 30), "/var/lib/docker/.../index.html");
        assert_eq!(shortened(path, 14), ".../index.html");
        assert_eq!(shortened(path, 8), "....html");
        assert_eq!(shortened("tcp 10.0.0.7:51234 on :80", 12), "tcp 10.0....");
    }

    fn object(inode: u64, kind: ObjectKind, name: &str) -> Object {
        Object {
            id: ObjectId { inode, ..ObjectId::default() },
            kind,
            name: Some(name.to_owned()),
            is_whole: true,
            is_deleted: false,
            mount_namespace: None,
            ends: None,
        }
    }

    fn row(object: Object, pid: u32, from: &[PathSample], to: &[PathSample]) -> ObjectSample {
        let process = ProcessId { pid, start_ns: pid.into() };
        let (from, to) = (from.to_vec(), to.to_vec());
        ObjectSample { object: Arc::new(object), process, comm: "cat".into(), from, to }
    }

    fn frame() -> Frame {
        let read = path(CopyPath::FileRead, 3, 3_003);
        let received = socket(CopyPath::SocketRecv, SocketKind::Tcp, 1, 101);
        let sent = socket(CopyPath::SocketSend, SocketKind::Tcp, 2, 202);
        let hostile = format!("/tmp/\u{1b}[31m/{}", "long/".repeat(40));
        let end = |local: &str, remote: &str| Ends {
            protocol: "tcp".to_owned(),
            local: Some(local.to_owned()),
            remote: Some(remote.to_owned()),
            peer_inode: None,
            links: None,
            namespace: 1,
            is_foreign: false,
        };
        let socket = |inode, local, remote| Object {
            ends: Some(end(local, remote)),
            ..object(inode, ObjectKind::Socket, "socket:[1]")
        };
        let rows = vec![
            row(object(1, ObjectKind::File, "/etc/hosts"), 7, &[read], &[]),
            row(object(1, ObjectKind::File, "/etc/hosts"), 8, &[read], &[]),
            row(object(2, ObjectKind::File, &hostile), 7, &[read], &[]),
            row(socket(3, "10.0.0.1:80", "10.0.0.1:4711"), 7, &[received], &[sent]),
            row(socket(4, "10.0.0.1:4711", "10.0.0.1:80"), 8, &[sent], &[received]),
        ];
        let total = path(CopyPath::FileRead, 10, 10_010);
        let processes = [process(7, "cat", &[total, received, sent, received, sent])];
        let objects = Some(Arc::new(Objects { rows, ..Objects::default() }));
        Frame::cumulative(Snapshot { objects, ..snapshot(1, &processes) })
    }

    fn text(which: Which) -> Vec<String> {
        let mut out = Vec::new();
        write_objects(&frame(), which, "cat", 20, &mut out).unwrap();
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn files_are_listed_once_and_what_no_row_has_is_below_them() {
        let lines = text(Which::Files);
        assert_eq!(lines[0], "cat: 1.000 s, 2 files");
        let of = |name: &str| {
            let line = lines.iter().find(|line| line.contains(name));
            line.unwrap_or_else(|| panic!("{lines:#?}")).split_whitespace().collect::<Vec<_>>()
        };
        assert_eq!(of("/etc/hosts")[..2], ["5.87", "KiB"]);
        assert!(of("/etc/hosts").contains(&"(2)"), "both processes");
        assert_eq!(of("(not attributed)")[..2], ["1001", "B"]);
        assert!(lines.iter().all(|line| line.width() <= COLUMNS), "{lines:#?}");
        assert!(!lines.concat().contains('\u{1b}'));
    }

    #[test]
    fn a_peer_on_this_machine_is_named() {
        let lines = text(Which::Peers);
        assert!(
            lines.iter().any(|line| line.ends_with("tcp 10.0.0.1:4711 on :80 = cat[8]")),
            "{lines:#?}"
        );
        assert!(
            lines.iter().any(|line| line.ends_with("tcp 10.0.0.1:80 on :4711 = cat[7]")),
            "{lines:#?}"
        );
    }
}
