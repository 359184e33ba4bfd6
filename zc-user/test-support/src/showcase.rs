//! A machine for pictures: a web server, a database and a few others for a minute, each with a life of its own.

use std::sync::Arc;

use zc_common::path::{CopyPath, SocketKind};
use zc_model::{
    counter::{CounterId, Counters},
    snapshot::{
        DeviceSample, Ends, Object, ObjectId, ObjectKind, ObjectSample, Objects, PathId,
        PathSample, ProcessId, ProcessSample, Provenance, Snapshot, SocketId,
    },
};

use crate::machine::{Machine, process};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// How busy something is in a second, percent of its usual rate.
#[derive(Clone, Copy)]
enum Life {
    Steady,
    /// Up and down within ten seconds.
    Waves,
    /// One second in seven.
    Bursts,
    /// Twice as much from the 40th second on.
    Doubles,
    /// Begins in the 45th second.
    Late,
}

impl Life {
    fn percent(self, second: u64, salt: u64) -> u64 {
        // What differs from second to second and from one to the other, up to 15.
        let noise = (second * 2_654_435_761 + salt * 40_503) / 97 % 16;
        match self {
            Self::Steady => 92 + noise,
            Self::Waves => 70 + 12 * ((second + salt) % 10).abs_diff(5) + noise,
            Self::Bursts => {
                if (second + salt).is_multiple_of(7) {
                    500
                } else {
                    8 + noise
                }
            }
            Self::Doubles => {
                if second >= 40 {
                    185 + noise
                } else {
                    92 + noise
                }
            }
            Self::Late => {
                if second >= 45 {
                    90 + noise
                } else {
                    0
                }
            }
        }
    }

    /// What has come together after so many seconds, at so much in an ordinary one.
    fn total(self, seconds: u64, salt: u64, rate: u64) -> u64 {
        (0..seconds).map(|second| rate * self.percent(second, salt) / 100).sum()
    }
}

/// A process: pid, name, life, the bytes of an ordinary second on each path, and those of a call.
type Row = (u32, &'static str, Life, &'static [(CopyPath, u64)], u64);

const ROWS: &[Row] = {
    use CopyPath::*;
    use Life::*;
    &[
        (811, "nginx", Waves, &[(FileRead, 128 * MIB), (SocketSend, 128 * MIB)], 32 * KIB),
        (812, "nginx", Steady, &[(FileRead, 96 * MIB), (SocketSend, 96 * MIB)], 32 * KIB),
        (813, "nginx", Steady, &[(FileRead, 92 * MIB), (SocketSend, 92 * MIB)], 32 * KIB),
        (902, "redis-server", Doubles, &[(SocketRecv, 9 * MIB), (SocketSend, 47 * MIB)], 16 * KIB),
        (1204, "java", Steady, &[(SendfileToSocket, 640 * MIB)], 256 * KIB),
        (2077, "postgres", Waves, &[(DirectRead, 48 * MIB), (FileWrite, 6 * MIB)], 8 * KIB),
        (2081, "postgres", Bursts, &[(FileRead, 11 * MIB)], 8 * KIB),
        (3310, "rsync", Late, &[(FileRead, 88 * MIB), (SocketSend, 30 * MIB)], 256 * KIB),
        (4120, "dockerd", Bursts, &[(PipeRead, 3 * MIB), (FileWrite, 3 * MIB)], 4 * KIB),
        (5008, "python3", Waves, &[(FileRead, 16 * MIB)], 64 * KIB),
        (5230, "fluent-bit", Steady, &[(FileRead, 4 * MIB), (SocketSend, 2 * MIB)], 16 * KIB),
        (6001, "rustc", Waves, &[(FileRead, 5 * MIB), (FileWrite, 7 * MIB)], 32 * KIB),
        (6002, "rustc", Bursts, &[(FileRead, 5 * MIB), (FileWrite, 9 * MIB)], 32 * KIB),
        (6003, "rustc", Waves, &[(FileRead, 3 * MIB), (FileWrite, 4 * MIB)], 32 * KIB),
        (700, "sshd", Steady, &[(SocketRecv, 40 * KIB), (PipeWrite, 40 * KIB)], 4 * KIB),
    ]
};

/// The machine after so many seconds.
#[must_use]
pub fn after(seconds: u64) -> Snapshot {
    let mut snapshot = Machine::default().after(seconds);
    snapshot.processes = ROWS.iter().map(|row| Arc::new(sample(row, seconds))).collect();
    snapshot.processes.sort_by_key(|process| process.id);
    for device in &mut snapshot.devices {
        let (read, written) = match device.device.as_str() {
            "nvme0n1" => (71, 16),
            "eth0" => (9, 1_020),
            _ => (7, 7),
        };
        busy(device, seconds, read * MIB, written * MIB);
    }
    snapshot.objects = Some(Arc::new(objects(seconds)));
    snapshot
}

fn busy(device: &mut DeviceSample, seconds: u64, read: u64, written: u64) {
    device.read_bytes = Life::Waves.total(seconds, 3, read);
    device.write_bytes = Life::Waves.total(seconds, 4, written);
}

fn sample((pid, comm, life, paths, call): &Row, seconds: u64) -> ProcessSample {
    let salt = u64::from(*pid);
    let total = |rate: u64| life.total(seconds, salt, rate);
    let paths: Vec<_> = paths.iter().map(|(on, rate)| path(*on, total(*rate), *call)).collect();
    let calls: u64 = paths.iter().map(|path| path.ops).sum();
    let copied: u64 = paths.iter().map(|path| path.copied_bytes).sum();
    let mut counters = Counters::default();
    counters[CounterId::Syscalls] = calls + calls / 9;
    counters[CounterId::ModeSwitches] = 2 * counters[CounterId::Syscalls];
    counters[CounterId::ContextSwitchesVoluntary] = calls / 11;
    counters[CounterId::RelayingContextSwitches] = calls / 11;
    // 99 samples for each GiB that is copied, and half as many of other work.
    counters[CounterId::CopySamples] = copied * 99 / (1 << 30);
    counters[CounterId::CpuSamples] = counters[CounterId::CopySamples] * 3 / 2;
    counters[CounterId::RelayingCpuSamples] = counters[CounterId::CpuSamples];
    if *comm == "nginx" {
        counters[CounterId::RelayedFileSocketBytes] = paths[0].moved_bytes;
    }
    process(*pid, comm, counters, &paths)
}

fn path(path: CopyPath, bytes: u64, call: u64) -> PathSample {
    let is_socket =
        matches!(path, CopyPath::SocketSend | CopyPath::SocketRecv | CopyPath::SendfileToSocket);
    PathSample {
        path: PathId::Known(path),
        socket: is_socket.then_some(SocketId::Known(SocketKind::Tcp)),
        ops: bytes / call,
        errors: 0,
        moved_bytes: bytes,
        copied_bytes: path.modelled_copies().unwrap_or(1) * bytes,
        assumed_bytes: 0,
        provenance: Provenance::Measured,
    }
}

/// What a process reads, writes, sends to or receives from: the name of a file or the address of a peer, the path, and the
/// bytes of an ordinary second.
type Use = (u32, &'static str, CopyPath, u64);

const USED: &[Use] = {
    use CopyPath::*;
    &[
        (811, "/srv/www/video/keynote.mp4", FileRead, 88 * MIB),
        (811, "/srv/www/images/hero.webp", FileRead, 33 * MIB),
        (811, "/srv/www/assets/app.js", FileRead, 7 * MIB),
        (811, "203.0.113.7:55120", SocketSend, 88 * MIB),
        (811, "203.0.113.90:41022", SocketSend, 33 * MIB),
        (811, "198.51.100.23:60114", SocketSend, 7 * MIB),
        (812, "/srv/www/video/keynote.mp4", FileRead, 80 * MIB),
        (812, "/srv/www/fonts/inter.woff2", FileRead, 16 * MIB),
        (812, "198.51.100.4:52210", SocketSend, 80 * MIB),
        (812, "192.0.2.61:49800", SocketSend, 16 * MIB),
        (813, "/srv/www/video/tour.mp4", FileRead, 92 * MIB),
        (813, "192.0.2.118:58812", SocketSend, 92 * MIB),
        (902, "10.0.3.5:38114", SocketRecv, 9 * MIB),
        (902, "10.0.3.9:40206", SocketSend, 47 * MIB),
        (1204, "/var/lib/kafka/orders-3/00000000000041.log", SendfileToSocket, 410 * MIB),
        (1204, "/var/lib/kafka/clicks-0/00000000000187.log", SendfileToSocket, 230 * MIB),
        (2077, "/var/lib/postgresql/base/16384/24601", DirectRead, 48 * MIB),
        (2077, "/var/lib/postgresql/pg_wal/0000000100000A41", FileWrite, 6 * MIB),
        (2081, "/var/lib/postgresql/base/16384/24598", FileRead, 11 * MIB),
        (3310, "/home/backup/2026-11/home.tar", FileRead, 88 * MIB),
        (3310, "10.0.9.2:873", SocketSend, 30 * MIB),
        (4120, "/var/lib/docker/containers/9c1f/json.log", FileWrite, 3 * MIB),
        (5008, "/data/features/part-0007.parquet", FileRead, 16 * MIB),
        (5230, "/var/log/nginx/access.log", FileRead, 4 * MIB),
        (5230, "10.0.7.7:24224", SocketSend, 2 * MIB),
        (6001, "/build/target/libserde.rlib", FileRead, 5 * MIB),
        (6001, "/build/target/zc.o", FileWrite, 7 * MIB),
        (6002, "/build/target/libserde.rlib", FileRead, 5 * MIB),
        (6002, "/build/target/model.o", FileWrite, 9 * MIB),
        (6003, "/build/target/libserde.rlib", FileRead, 3 * MIB),
        (6003, "/build/target/tui.o", FileWrite, 4 * MIB),
    ]
};

fn objects(seconds: u64) -> Objects {
    Objects { rows: USED.iter().map(|used| used_by(used, seconds)).collect(), ..Objects::default() }
}

fn used_by((pid, name, on, rate): &Use, seconds: u64) -> ObjectSample {
    let (_, comm, life, _, call) = ROWS.iter().find(|row| row.0 == *pid).unwrap();
    let bytes = life.total(seconds, u64::from(*pid), *rate);
    let path = vec![path(*on, bytes, *call)];
    let writes = matches!(on, CopyPath::FileWrite | CopyPath::SocketSend);
    let (from, to) = if writes { (Vec::new(), path) } else { (path, Vec::new()) };
    ObjectSample {
        object: Arc::new(object(name)),
        process: ProcessId { pid: *pid, start_ns: u64::from(*pid) },
        comm: (*comm).into(),
        from,
        to,
    }
}

/// The file of that name, or the connection to that address.
fn object(name: &str) -> Object {
    // The same for a name that comes twice.
    let number = USED.iter().position(|used| used.1 == name).unwrap() as u64 + 1;
    let is_file = name.starts_with('/');
    let ends = Ends {
        protocol: "tcp".to_owned(),
        local: Some("10.0.0.1:443".to_owned()),
        remote: Some(name.to_owned()),
        peer_inode: None,
        links: None,
        namespace: 1,
        is_foreign: false,
    };
    Object {
        id: ObjectId { inode: number, major: if is_file { 8 } else { 0 }, ..ObjectId::default() },
        kind: if is_file { ObjectKind::File } else { ObjectKind::Socket },
        name: is_file.then(|| name.to_owned()),
        is_whole: is_file,
        is_deleted: false,
        mount_namespace: None,
        ends: (!is_file).then_some(ends),
    }
}
