//! The machine that screens are looked at with: any number of processes, files, peers, stacks and devices.

use std::sync::Arc;

use anyhow::Result;
use zc_common::path::{CopyPath, SocketKind};
use zc_model::{
    counter::CounterId,
    snapshot::{PathId, PathSample, ProcessSample, Provenance, Snapshot, SocketId},
};
use zc_test_support::{
    listed::with_many,
    machine::{Machine, counters, process},
    session::Session,
};
use zc_tui::hand_on::{HandOn, Seen};

pub(crate) const MIB: u64 = 1 << 20;

/// So much on a path, all of it copied.
pub(crate) fn copied(on: CopyPath, bytes: u64) -> PathSample {
    let socket = matches!(on, CopyPath::SocketSend | CopyPath::SocketRecv);
    PathSample {
        path: PathId::Known(on),
        socket: socket.then_some(SocketId::Known(SocketKind::Tcp)),
        ops: bytes / 65_536,
        errors: 0,
        moved_bytes: bytes,
        copied_bytes: bytes,
        assumed_bytes: 0,
        provenance: Provenance::Measured,
    }
}

/// A server that reads files and sends them, so much in a second.
pub(crate) fn server(pid: u32, comm: &str, rate: u64, seconds: u64) -> ProcessSample {
    let bytes = rate * seconds;
    let paths = [copied(CopyPath::FileRead, bytes), copied(CopyPath::SocketSend, bytes)];
    let mut server = process(pid, comm, counters(seconds, &[]), &paths);
    server.counters[CounterId::RelayedFileSocketBytes] = bytes;
    server.counters[CounterId::Syscalls] = 7 * seconds;
    server
}

/// Ten thousand processes are so many for each name.
const NAMESAKES: u32 = 10;

/// The machine after so many seconds with so many rows in each table: at most five, or more of the same.
pub(crate) fn after(machine: Machine, rows: u64, seconds: u64) -> Snapshot {
    let machine = Machine { empty: rows == 0, ..machine };
    let mut snapshot = machine.after(seconds);
    // The others have names that take turns at the top, and have tests of their own.
    snapshot.processes.retain(|process| [811, 1204, 2077].contains(&process.id.pid));
    let mut more = vec![
        server(812, "nginx", 37 * MIB, seconds),
        server(4001, "数据库服务器", 11 * MIB, seconds),
    ];
    let crowd = u32::try_from(rows.saturating_sub(5)).unwrap();
    more.extend((0..crowd).map(|at| {
        let name = format!("worker-{:04}", at / NAMESAKES);
        server(10_000 + at, &name, u64::from(crowd - at) * 997, seconds)
    }));
    if rows > 0 {
        more[1].counters[CounterId::BlockReadBytes] = 3 * MIB * seconds;
        for mut process in more {
            process.paths.iter_mut().for_each(|path| path.provenance = machine.copies);
            snapshot.processes.push(Arc::new(process));
        }
    }
    snapshot.processes.sort_by_key(|process| process.id);
    with_many(snapshot, rows)
}

/// This machine for ten seconds, with its past; what is handed on is kept nowhere.
pub(crate) fn session(machine: Machine, rows: u64) -> Session {
    // Few of many are ever taken.
    let seconds = if rows > 5 { 4 } else { 10 };
    let mut session =
        Session::playing((0..seconds).map(|second| after(machine, rows, second)).collect());
    session.hand_on = Some(Box::new(Nowhere));
    session.with_past()
}

struct Nowhere;

impl HandOn for Nowhere {
    fn save(&mut self, _: &Seen<'_>) -> Result<String> {
        Ok(String::from("saved as nowhere.txt"))
    }

    fn command(&self, _: &Seen<'_>) -> String {
        String::from("zc top")
    }
}
