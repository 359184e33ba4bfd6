//! Recordings whose every figure is known.
#![expect(clippy::unwrap_used, reason = "a test")]
#![allow(dead_code, reason = "each test program uses a part")]

use std::{
    io::{Seek as _, Write as _},
    sync::Arc,
};

use zc_common::path::{CopyPath, SocketKind};
use zc_model::{
    counter::CounterId,
    filter::Filter,
    fixture::sketch::{path, socket},
    id::Id,
    snapshot::{
        DeviceSample, Ends, FlowSample, FlowVia, FrameKind, Limitation, Object, ObjectId,
        ObjectKind, ObjectSample, Objects, PathSample, ProcessId, Provenance, Snapshot, StackEnd,
        StackFrame, StackSample, Stacks,
    },
};
use zc_recording::{Meta, Recording, Writer};
use zc_report::{Report, Source};
use zc_test_support::machine::Machine;

/// Names that want to be markup, or to be obeyed by a terminal.
pub(crate) const HOSTILE: [&str; 5] = [
    "</title></svg><script>document.title=1</script>",
    "\"><img src=x onerror=alert(1)>",
    "| x | ![y](http://z) |",
    "a\u{202e}b\u{1b}[31mc\r\n\td\u{0}",
    "'&lt;&amp;<!--",
];

/// A recording of these snapshots.
pub(crate) fn recording(
    snapshots: impl IntoIterator<Item = Snapshot>,
    marks: &[(u64, &str)],
) -> Recording {
    let meta = Meta {
        version: "0.1.0".to_owned(),
        subject: "the whole system".to_owned(),
        interval_ns: 1_000_000_000,
        labels: [("release".to_owned(), HOSTILE[1].to_owned())].into(),
        threads: false,
        run: 1,
    };
    let mut writer = Writer::new(meta);
    let mut file = tempfile::tempfile().unwrap();
    let mut last = 0;
    for snapshot in snapshots {
        if last == 0 {
            file.write_all(&writer.begin(snapshot.taken_at_ns).unwrap()).unwrap();
        }
        last = snapshot.taken_at_ns;
        file.write_all(&writer.snapshot(&snapshot).unwrap().bytes).unwrap();
        for (_, text) in marks.iter().filter(|(at, _)| *at == last) {
            file.write_all(&writer.mark(last, text).unwrap()).unwrap();
        }
    }
    file.write_all(&writer.end(last)).unwrap();
    file.rewind().unwrap();
    Recording::open(file).unwrap()
}

/// What is reported of all of it.
pub(crate) fn report(recording: &Recording) -> Report {
    let source = Source {
        recording,
        stretch: (0, recording.len() - 1),
        filter: &Filter::default(),
        selected: None,
        title: None,
        name: "run.zc",
        command: "zc report run.zc",
        unreadable: &[],
    };
    Report::of(&source).unwrap().unwrap()
}

/// A machine with files, sockets and stacks, for so many seconds.
pub(crate) fn busy(seconds: u64) -> Recording {
    let snapshots =
        (1..=seconds).map(|second| with_objects(Machine::default().after(second), second));
    let begin = Machine::default().after(1).taken_at_ns;
    let marks = [(begin + 2_000_000_000, "deploy"), (begin + 3_000_000_000, HOSTILE[0])];
    recording(snapshots, &marks)
}

/// The same with names that want to be markup wherever there is a name.
pub(crate) fn hostile(seconds: u64) -> Recording {
    let snapshots = (1..=seconds).map(|second| {
        let mut snapshot = with_objects(Machine::default().after(second), second);
        let mut names = HOSTILE.iter().cycle();
        let mut host = (*snapshot.host).clone();
        host.name = HOSTILE[0].to_owned();
        host.kernel = HOSTILE[1].to_owned();
        snapshot.host = Arc::new(host);
        for process in &mut snapshot.processes {
            let mut changed = (**process).clone();
            if let Some(name) = names.next() {
                changed.comm = (*name).into();
                changed.cgroup = Some(format!("/{name}").into());
            }
            *process = Arc::new(changed);
        }
        let objects = snapshot.objects.as_mut().map(Arc::make_mut).unwrap();
        for row in &mut objects.rows {
            row.comm = HOSTILE[3].into();
            let object = Arc::make_mut(&mut row.object);
            object.name = Some(format!("/tmp/{}", HOSTILE[0]));
            if let Some(ends) = &mut object.ends {
                ends.remote = Some(HOSTILE[1].to_owned());
                ends.protocol = HOSTILE[2].to_owned();
            }
        }
        let stacks = snapshot.stacks.as_mut().map(Arc::make_mut).unwrap();
        for row in &mut stacks.rows {
            row.comm = HOSTILE[4].into();
            let frame = |name: &&str| {
                let function = Some((**name).into());
                Arc::new(StackFrame {
                    kind: FrameKind::User,
                    function,
                    module: HOSTILE[0].into(),
                    offset: 0,
                })
            };
            row.frames = HOSTILE.iter().map(frame).collect();
        }
        for device in &mut snapshot.devices {
            device.device = format!("{}{}", HOSTILE[1], device.device);
        }
        snapshot
    });
    recording(snapshots, &[])
}

fn with_objects(mut snapshot: Snapshot, t: u64) -> Snapshot {
    const MIB: u64 = 1 << 20;
    let nginx = ProcessId { pid: 811, start_ns: 811 };
    let object = |inode, kind, name: &str| Object {
        id: ObjectId { inode, ..ObjectId::default() },
        kind,
        name: Some(name.to_owned()),
        is_whole: true,
        is_deleted: false,
        mount_namespace: None,
        ends: None,
    };
    let page = Arc::new(object(1, ObjectKind::File, "/srv/www/index.html"));
    let client = |inode: u64| {
        let ends = Ends {
            protocol: "tcp".to_owned(),
            local: Some("10.0.0.1:80".to_owned()),
            remote: Some(format!("10.0.0.2:{}", 40_000 + inode)),
            peer_inode: None,
            links: None,
            namespace: 1,
            is_foreign: false,
        };
        Arc::new(Object { ends: Some(ends), ..object(inode, ObjectKind::Socket, "socket:[1]") })
    };
    let row = |object: &Arc<Object>, from: &[PathSample], to: &[PathSample]| ObjectSample {
        object: Arc::clone(object),
        process: nginx,
        comm: "nginx".into(),
        from: from.to_vec(),
        to: to.to_vec(),
    };
    let read = path(CopyPath::FileRead, 1_600 * t, 100 * MIB * t);
    let sent = socket(CopyPath::SocketSend, SocketKind::Tcp, 800 * t, 50 * MIB * t);
    let (one, other) = (client(7), client(8));
    let flow = |to: &Arc<Object>| FlowSample {
        from: Arc::clone(&page),
        to: Arc::clone(to),
        process: nginx,
        comm: "nginx".into(),
        via: FlowVia::Relayed,
        ops: 800 * t,
        bytes: 50 * MIB * t,
    };
    let rows = vec![row(&page, &[read], &[]), row(&one, &[], &[sent]), row(&other, &[], &[sent])];
    let flows = vec![flow(&one), flow(&other)];
    snapshot.objects = Some(Arc::new(Objects { rows, flows, ..Objects::default() }));
    let frame = |name: &str| {
        let function = Some(name.into());
        Arc::new(StackFrame {
            kind: FrameKind::User,
            function,
            module: "/usr/sbin/nginx".into(),
            offset: 0,
        })
    };
    let stack = |names: &[&str], path, samples: u64| StackSample {
        process: nginx,
        comm: "nginx".into(),
        frames: names.iter().map(|name| frame(name)).collect(),
        end: StackEnd::Whole,
        kernel: [].into(),
        path: Some(Id::Known(path)),
        socket: None,
        samples: samples * t,
        bytes: (samples * t * MIB) as f64,
        variance: (samples * t) as f64 * (MIB as f64).powi(2),
        calls: 1.0,
        time_samples: 0,
    };
    let rows = vec![
        stack(&["read", "ngx_read_file", "ngx_http_send", "main"], CopyPath::FileRead, 100),
        stack(&["writev", "ngx_writev", "ngx_http_send", "main"], CopyPath::SocketSend, 97),
    ];
    snapshot.stacks =
        Some(Arc::new(Stacks { rows, frequency: 99, mean_bytes: MIB, ..Stacks::default() }));
    snapshot
}

/// Names of a hundred thousand characters, and thousands of deep stacks, files and devices.
pub(crate) fn crowded() -> Recording {
    let long = |at: usize| format!("{at}{}", "<&\u{202e}".repeat(33_000));
    let snapshots = (1..=2).map(|second| {
        let mut snapshot = with_objects(Machine::default().after(second), second);
        let mut host = (*snapshot.host).clone();
        host.name = long(0);
        host.limitations = (0..90)
            .map(|at| Limitation {
                counter: CounterId::CpuSamples.into(),
                provenance: Provenance::Unavailable,
                reason: long(at),
            })
            .collect();
        snapshot.host = Arc::new(host);
        for (at, process) in snapshot.processes.iter_mut().enumerate() {
            Arc::make_mut(process).comm = long(at).into();
            Arc::make_mut(process).cgroup = Some(long(at).into());
        }
        let objects = snapshot.objects.as_mut().map(Arc::make_mut).unwrap();
        let row = objects.rows[0].clone();
        objects.rows.extend((100..3_000).map(|inode| {
            let mut row = row.clone();
            let object = Arc::make_mut(&mut row.object);
            object.id.inode = inode;
            object.name = Some(format!("/{inode}/{}", "<&".repeat(100)));
            row
        }));
        let stacks = snapshot.stacks.as_mut().map(Arc::make_mut).unwrap();
        let row = stacks.rows[0].clone();
        stacks.rows = (0..3_000_usize)
            .map(|at| {
                let frame = |depth: usize| {
                    let function = Some(format!("f{}_{depth}", at % (depth + 2)).into());
                    let (kind, module) = (FrameKind::User, "x".into());
                    Arc::new(StackFrame { kind, function, module, offset: 0 })
                };
                StackSample { frames: (0..150).map(frame).collect(), ..row.clone() }
            })
            .collect();
        let device = snapshot.devices[0].clone();
        snapshot
            .devices
            .extend((0..300).map(|at| DeviceSample { device: long(at), ..device.clone() }));
        snapshot
    });
    recording(snapshots, &[])
}
