//! A machine that does the same every second, so that every figure on the screen is known.

use std::sync::Arc;

use zc_common::{
    loss::Loss,
    path::{CopyPath, SocketKind},
};
use zc_model::{
    counter::{CounterId, Counters},
    snapshot::{
        Ancestry, DeviceKind, DeviceSample, Host, Limitation, Losses, Mapped, PathId, PathSample,
        ProcessId, ProcessSample, Provenance, Relative, SchemaVersion, SelfCost, Snapshot,
        SocketId, Unattributed,
    },
};

const MIB: u64 = 1 << 20;

/// What the machine is like.
#[derive(Clone, Copy)]
pub struct Machine {
    /// Where copied bytes come from.
    pub copies: Provenance,
    /// Losses per second.
    pub lost: u64,
    /// Without any process and device.
    pub empty: bool,
}

impl Default for Machine {
    fn default() -> Self {
        Self { copies: Provenance::Measured, lost: 0, empty: false }
    }
}

impl Machine {
    /// A snapshot after this many seconds.
    pub fn after(&self, seconds: u64) -> Snapshot {
        let mut losses = Losses::default();
        losses[Loss::ALL[0]] = self.lost * seconds;
        let limitations = match self.copies {
            Provenance::Modelled => vec![Limitation {
                counter: CounterId::BlockReadBytes.into(),
                provenance: Provenance::Unavailable,
                reason: "this kernel has no block tracepoints".to_owned(),
            }],
            _ => Vec::new(),
        };
        let host = Host {
            name: "workshop".to_owned(),
            kernel: "6.12.48".to_owned(),
            arch: "x86_64".to_owned(),
            cpus: 8,
            page_bytes: 4096,
            clock_ticks: 100,
            copies: self.copies,
            users: [(0, "root".to_owned()), (33, "www-data".to_owned())].into(),
            user_copies: false,
            limitations,
        };
        Snapshot {
            schema: SchemaVersion::CURRENT,
            host: Arc::new(host),
            taken_at_ns: 1_700_000_000_000_000_000 + seconds * 1_000_000_000,
            elapsed_ns: seconds * 1_000_000_000,
            processes: if self.empty {
                Vec::new()
            } else {
                self.processes(seconds).into_iter().map(Arc::new).collect()
            },
            threads: Vec::new(),
            copiers: Vec::new(),
            objects: None,
            stacks: None,
            unattributed: Unattributed {
                counters: counters(seconds, &[(CounterId::BlockWriteBytes, 3 * MIB)]),
                paths: if self.empty {
                    Vec::new()
                } else {
                    vec![self.path(CopyPath::SkbLinearize, seconds, 10, MIB / 2, MIB / 2)]
                },
            },
            devices: if self.empty { Vec::new() } else { devices(seconds) },
            losses,
            self_cost: SelfCost {
                cpu_ns: seconds * 4_000_000,
                rss_bytes: 13 * MIB,
                map_bytes: 9 * MIB,
                program_run_ns: None,
                program_runs: None,
            },
        }
    }

    fn processes(&self, t: u64) -> Vec<ProcessSample> {
        let nginx = [
            self.path(CopyPath::FileRead, t, 1600, 100 * MIB, 100 * MIB),
            self.socket(CopyPath::SocketSend, t, 1600, 100 * MIB, 100 * MIB),
        ];
        let broker = [
            self.path(CopyPath::SendfileToSocket, t, 9000, 900 * MIB, 0),
            self.path(CopyPath::MmapRead, t, 50, MIB, 0),
        ];
        let database = [
            self.path(CopyPath::DirectRead, t, 3000, 48 * MIB, 0),
            self.path(CopyPath::FileWrite, t, 200, 2 * MIB, 2 * MIB),
        ];
        // Busier every second, so that orders change and curves rise.
        let burst = [self.path(CopyPath::PipeWrite, t * t * t, 700, 20 * MIB, 20 * MIB)];
        let disk =
            |bytes| counters(t, &[(CounterId::BlockReadBytes, bytes), BUSY[0], BUSY[1], BUSY[2]]);
        let net = |bytes| {
            let samples = [(CounterId::CpuSamples, 60), (CounterId::CopySamples, 41)];
            let net = (CounterId::NetTxBytes, bytes);
            counters(t, &[net, BUSY[0], BUSY[1], BUSY[2], samples[0], samples[1]])
        };
        let mut served = net(100 * MIB);
        served[CounterId::RelayedFileSocketBytes] = 100 * MIB * t;
        // It has one thread.
        served[CounterId::RelayingContextSwitches] = served[CounterId::ContextSwitchesVoluntary];
        served[CounterId::RelayingCpuSamples] = served[CounterId::CpuSamples];
        vec![
            process(811, "nginx", served, &nginx),
            process(1204, "java", net(900 * MIB), &broker),
            process(2077, "postgres", disk(48 * MIB), &database),
            process(31_337, "burst", counters(t, BUSY), &burst),
            process(4, "evil\x1b[2J\u{202e}\r\n\t", counters(t, BUSY), &[]),
            ProcessSample { kernel: true, ..process(2, "kthreadd", counters(t, &[]), &[]) },
            ProcessSample {
                exited: true,
                merged: 1234,
                ..process(
                    0,
                    "sh",
                    counters(t, BUSY),
                    &[self.path(CopyPath::FileRead, t, 1234, MIB, MIB)],
                )
            },
        ]
    }

    fn path(&self, path: CopyPath, t: u64, ops: u64, moved: u64, copied: u64) -> PathSample {
        PathSample {
            path: PathId::Known(path),
            socket: None,
            ops: ops * t,
            errors: if path == CopyPath::FileWrite { t } else { 0 },
            moved_bytes: moved * t,
            copied_bytes: copied * t,
            assumed_bytes: 0,
            provenance: self.copies,
        }
    }

    fn socket(&self, path: CopyPath, t: u64, ops: u64, moved: u64, copied: u64) -> PathSample {
        let socket = Some(SocketId::Known(SocketKind::Tcp));
        PathSample { socket, ..self.path(path, t, ops, moved, copied) }
    }
}

const BUSY: &[(CounterId, u64)] = &[
    (CounterId::ModeSwitches, 6400),
    (CounterId::ContextSwitchesVoluntary, 320),
    (CounterId::Syscalls, 3200),
];

pub fn counters(t: u64, per_second: &[(CounterId, u64)]) -> Counters {
    let mut counters = Counters::default();
    for (counter, count) in per_second {
        counters[*counter] = count * t;
    }
    counters
}

pub fn process(pid: u32, comm: &str, counters: Counters, paths: &[PathSample]) -> ProcessSample {
    ProcessSample {
        id: ProcessId { pid, start_ns: u64::from(pid) },
        parent: ProcessId { pid: 1, start_ns: 1 },
        comm: comm.into(),
        cgroup: Some(format!("/system.slice/{}.service", comm.trim()).into()),
        user: Some(if pid < 1000 { 33 } else { 1000 }),
        ancestry: Some(Arc::new(ancestry(pid, comm))),
        kernel: false,
        exited: false,
        merged: 1,
        counters,
        paths: paths.to_vec(),
    }
}

/// Those with small numbers descend from one of them.
fn ancestry(pid: u32, comm: &str) -> Ancestry {
    let relative = |pid: u32, comm: &str| Relative {
        id: ProcessId { pid, start_ns: u64::from(pid) },
        comm: comm.into(),
    };
    let parent = (pid > 0).then(|| relative(1, "systemd"));
    let root = if pid < 1000 { relative(700, "supervisor") } else { relative(pid, comm) };
    Ancestry { parent, root }
}

fn devices(t: u64) -> Vec<DeviceSample> {
    let device = |name: &str, kind, software, read: u64, write: u64| DeviceSample {
        device: name.to_owned(),
        kind,
        namespace: (kind == DeviceKind::Net).then_some(4_026_531_840),
        software,
        read_bytes: read * t,
        write_bytes: write * t,
        read_requests: read / 65_536 * t,
        write_requests: write / 65_536 * t,
        errors: 0,
        linear_bytes: 0,
        gather_bytes: if kind == DeviceKind::Net { write * t } else { 0 },
        mapped: None,
    };
    vec![
        device("nvme0n1", DeviceKind::Block, false, 48 * MIB, 3 * MIB),
        device("eth0", DeviceKind::Net, false, 2 * MIB, 1000 * MIB),
        device("lo", DeviceKind::Net, true, 7 * MIB, 7 * MIB),
        DeviceSample {
            mapped: Some(Mapped {
                from_device_bytes: Some(48 * MIB * t),
                to_device_bytes: Some(3 * MIB * t),
                bidirectional_bytes: Some(0),
                unmapped_bytes: None,
                bounced_bytes: None,
            }),
            ..device("0000:00:03.0", DeviceKind::Bus, false, 0, 0)
        },
    ]
}
