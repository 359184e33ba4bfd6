//! What a machine moved from and to files and peers, and through which stacks: any number of them.

use std::sync::Arc;

use zc_common::path::{CopyPath, SocketKind};
use zc_model::snapshot::{
    DeviceKind, DeviceSample, Ends, FlowSample, FlowVia, FrameKind, Object, ObjectId, ObjectKind,
    ObjectSample, Objects, Outside, OutsideSample, PathId, PathSample, ProcessId, Provenance,
    Snapshot, SocketId, StackEnd, StackFrame, StackSample, Stacks,
};

const MIB: u64 = 1 << 20;

/// The snapshot with so many files, peers, stacks and devices, all of which are busy; the first ones are the
/// busiest.
pub fn with_many(mut snapshot: Snapshot, count: u64) -> Snapshot {
    let seconds = snapshot.elapsed_ns / 1_000_000_000;
    snapshot.objects = Some(Arc::new(objects(seconds, count)));
    snapshot.stacks = Some(Arc::new(stacks(seconds, count)));
    snapshot.devices = (0..count).map(|at| device(seconds, at, count)).collect();
    snapshot
}

fn nginx() -> ProcessId {
    ProcessId { pid: 811, start_ns: 811 }
}

/// Less for each one that comes later, and never 0.
fn share(at: u64, count: u64) -> u64 {
    (count - at) * MIB / count.max(1) + 1_031
}

fn path(path: CopyPath, socket: Option<SocketKind>, ops: u64, bytes: u64) -> PathSample {
    PathSample {
        path: PathId::Known(path),
        socket: socket.map(SocketId::Known),
        ops,
        errors: 0,
        moved_bytes: bytes,
        copied_bytes: bytes,
        assumed_bytes: 0,
        provenance: Provenance::Measured,
    }
}

fn file(at: u64) -> Arc<Object> {
    let name = match at {
        0 => "/srv/www/big.bin".to_owned(),
        1 => "/srv/www/\u{1b}[2J\u{202e}\u{6587}\u{4ef6}/evil\n.bin".to_owned(),
        _ => format!("/var/lib/data/shard-{:03}/segment-{at:08}.log", at % 256),
    };
    Arc::new(Object {
        id: ObjectId { inode: 1 + at, major: 8, ..ObjectId::default() },
        kind: ObjectKind::File,
        name: Some(name),
        is_whole: true,
        is_deleted: false,
        mount_namespace: None,
        ends: None,
    })
}

fn peer(at: u64) -> Arc<Object> {
    Arc::new(Object {
        id: ObjectId { inode: 1_000_000 + at, ..ObjectId::default() },
        kind: ObjectKind::Socket,
        name: Some(format!("socket:[{at}]")),
        is_whole: false,
        is_deleted: false,
        mount_namespace: None,
        ends: Some(Ends {
            protocol: "tcp".to_owned(),
            local: Some("10.0.0.1:8080".to_owned()),
            remote: Some(format!(
                "10.0.{}.{}:{}",
                at / 250 % 250,
                at % 250 + 1,
                1024 + at % 60_000
            )),
            peer_inode: None,
            links: None,
            namespace: 1,
            is_foreign: false,
        }),
    })
}

fn objects(seconds: u64, count: u64) -> Objects {
    let mut all = Objects::default();
    for at in 0..count {
        let bytes = share(at, count) * seconds;
        let row = |object, from, to| ObjectSample {
            object,
            process: nginx(),
            comm: "nginx".into(),
            from,
            to,
        };
        let read = path(CopyPath::FileRead, None, 16 * seconds, bytes);
        let sent = path(CopyPath::SocketSend, Some(SocketKind::Tcp), 16 * seconds, bytes);
        all.rows.push(row(file(at), vec![read], Vec::new()));
        all.rows.push(row(peer(at), Vec::new(), vec![sent]));
        all.flows.push(FlowSample {
            from: file(at),
            to: peer(at),
            process: nginx(),
            comm: "nginx".into(),
            via: FlowVia::Relayed,
            ops: 16 * seconds,
            bytes,
        });
    }
    if count > 0 {
        all.outside.push(OutsideSample {
            reason: Outside::NoRoom,
            from: vec![path(CopyPath::FileRead, None, seconds, 4_099 * seconds)],
            to: Vec::new(),
        });
    }
    all
}

fn frame(kind: FrameKind, module: &str, name: &str) -> Arc<StackFrame> {
    Arc::new(StackFrame { kind, function: Some(name.into()), module: module.into(), offset: 0 })
}

fn stacks(seconds: u64, count: u64) -> Stacks {
    let user = |name: &str| frame(FrameKind::User, "/usr/sbin/nginx", name);
    let kernel: Arc<[_]> = ["_copy_from_iter", "tcp_sendmsg_locked", "sock_write_iter"]
        .map(|name| frame(FrameKind::Kernel, "kernel", name))
        .into();
    let mut rows = Vec::new();
    for at in 0..count {
        let name = if at == 0 { "ngx_writev_chain".to_owned() } else { format!("serve_{at:05}") };
        let row = StackSample {
            process: nginx(),
            comm: "nginx".into(),
            frames: [
                frame(FrameKind::User, "/usr/lib/libc.so.6", "writev"),
                user(&name),
                user("ngx_http_write_filter"),
                user("main"),
            ]
            .into(),
            end: StackEnd::Whole,
            kernel: [].into(),
            path: Some(PathId::Known(CopyPath::SocketSend)),
            socket: Some(SocketId::Known(SocketKind::Tcp)),
            samples: 16 * seconds,
            bytes: (share(at, count) * seconds) as f64,
            variance: (share(at, count) * seconds) as f64 * 65_536.0,
            calls: (16 * seconds) as f64,
            time_samples: 0,
        };
        let time = StackSample {
            kernel: Arc::clone(&kernel),
            path: None,
            socket: None,
            samples: 0,
            bytes: 0.0,
            variance: 0.0,
            calls: 0.0,
            time_samples: 7 * seconds,
            ..row.clone()
        };
        rows.extend([row, time]);
    }
    Stacks { rows, frequency: 99, mean_bytes: 65_536, ..Stacks::default() }
}

fn device(seconds: u64, at: u64, count: u64) -> DeviceSample {
    let bytes = share(at, count) * seconds;
    let (kind, name) = match at % 5 {
        0 | 1 => (DeviceKind::Block, format!("nvme{at}n1")),
        2 | 3 => (DeviceKind::Net, format!("eth{at}")),
        _ => (DeviceKind::Net, "lo".to_owned()),
    };
    DeviceSample {
        device: name,
        kind,
        namespace: (kind == DeviceKind::Net).then_some(4_026_531_840 + at),
        software: at % 5 == 4,
        read_bytes: bytes,
        write_bytes: bytes / 2,
        read_requests: bytes / 65_536,
        write_requests: bytes / 131_072,
        errors: 0,
        linear_bytes: if kind == DeviceKind::Net { bytes / 8 } else { 0 },
        gather_bytes: if kind == DeviceKind::Net { bytes / 2 - bytes / 8 } else { 0 },
        mapped: None,
    }
}
