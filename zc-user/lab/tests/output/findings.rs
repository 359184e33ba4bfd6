//! Findings of the lab with figures that are known, from no kernel at all.

use std::{collections::BTreeMap, sync::Arc};

use zc_common::{
    loss::Loss,
    path::{CopyPath, SocketKind},
};
use zc_lab::{
    comparison::Comparison,
    finding::{Finding, Outcome, Ran, Spread},
    job::WorkerReport,
    measurement::{Framing, Measurement},
    sampled::{self, Sampled},
    scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    sink::Sink,
    verdict,
};
use zc_model::{
    counter::{CounterId, Counters},
    frame::Frame,
    snapshot::{
        Copier, CopierKind, Host, Limitation, Losses, PathId, PathSample, ProcessId, ProcessSample,
        Provenance, SchemaVersion, SelfCost, Snapshot, SocketId, Unattributed,
    },
};

const SIZE: u64 = 64 << 20;
/// Calls of the run in which something was lost.
const ODD: u64 = 2051;
const CHUNK: u64 = 64 << 10;
const MILLISECOND: f64 = 1e6;

/// Copies twice, as the textbook says.
const COPYING: Scenario = Scenario {
    id: "copying",
    title: "copying",
    group: ScenarioGroup::Transfer,
    lesson: "Every byte is copied on its way in and on its way out, and no program looks at it.",
    theory: Theory {
        cpu_copies: Some(2.0),
        storage_dma: 1,
        network_dma: 1,
        mode_switches: Some(4),
        claim: "the baseline",
    },
    sinks: &[Sink::Tcp, Sink::Pipe],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(|_| Ok(())),
    expect: |setting| Expected {
        moved: vec![(CopyPath::FileRead, setting.size), (CopyPath::SocketSend, setting.size)],
        copied_bytes: 2 * setting.size,
        syscalls: Calls::Exactly(2 * setting.transfers() + 1),
        copies_because: None,
        switches_because: None,
    },
};

/// Copies nothing, and needs one call more than the textbook says.
const REFERRING: Scenario = Scenario {
    id: "referring",
    title: "passing references",
    group: ScenarioGroup::Pipe,
    lesson: "Pages are passed on, bytes are not.",
    theory: Theory { cpu_copies: Some(0.0), mode_switches: Some(2), ..COPYING.theory },
    expect: |setting| Expected {
        moved: vec![(CopyPath::SendfileToSocket, setting.size)],
        copied_bytes: 0,
        syscalls: Calls::AtLeast(setting.transfers() + 1),
        copies_because: None,
        switches_because: Some("a full socket ends a call early"),
    },
    ..COPYING
};

/// The textbook says nothing about it.
const SILENT: Scenario = Scenario {
    id: "silent",
    title: "shared memory",
    group: ScenarioGroup::Memory,
    theory: Theory {
        cpu_copies: None,
        storage_dma: 0,
        network_dma: 0,
        mode_switches: None,
        claim: "processes share the pages",
    },
    sinks: &[Sink::Pipe],
    ..REFERRING
};

/// Copies in user space, too.
const CLONING: Scenario = Scenario {
    id: "cloning",
    title: "clones",
    group: ScenarioGroup::UserSpace,
    lesson: "Each stage clones what it gets.",
    theory: Theory { claim: "as the baseline, and a copy in user space", ..COPYING.theory },
    ..COPYING
};

/// The same without.
const MOVING: Scenario = Scenario { id: "moving", title: "moves", ..CLONING };

pub(crate) fn scenarios() -> [&'static Scenario; 3] {
    [&COPYING, &REFERRING, &SILENT]
}

fn setting(sink: Sink) -> Setting {
    Setting { size: SIZE, chunk: CHUNK, sink, cold: false, kernel: (6, 12) }
}

/// One of each kind of outcome and judgement.
pub(crate) fn all() -> Vec<Finding> {
    let skipped = Outcome::Skipped("this file system has no reflinks; use btrfs or xfs".to_owned());
    let failed = Outcome::Failed("the worker failed: \u{1b}[2Jevil".to_owned());
    let other = |scenario, outcome| Finding { scenario, setting: setting(Sink::Pipe), outcome };
    vec![
        copying(),
        referring(),
        found(&REFERRING, Sink::Tcp, frame(&downgraded(), ODD), Some([0.9, 1.0, 1.1])),
        found(&REFERRING, Sink::Tcp, Err("no privileges".to_owned()), Some([2.0, 2.1, 2.2])),
        other(&SILENT, skipped),
        other(&COPYING, failed),
    ]
}

pub(crate) fn copying() -> Finding {
    let paths = [path(CopyPath::FileRead, None, SIZE), path(CopyPath::SocketSend, TCP, SIZE)];
    found(&COPYING, Sink::Tcp, frame(&paths, 2050), None)
}

pub(crate) fn referring() -> Finding {
    let paths = [path(CopyPath::SendfileToSocket, TCP, 0)];
    found(&REFERRING, Sink::Tcp, frame(&paths, 1100), Some([2.1, 2.25, 2.6]))
}

/// Both of them, alternating.
pub(crate) fn comparison() -> Comparison {
    let spread = |ends: [f64; 3]| Spread::of(ends);
    Comparison {
        findings: [copying(), referring()],
        throughput: spread([2.1, 2.25, 2.6]),
        cpu: spread([0.2, 0.21, 0.25]),
    }
}

/// Samples of the code of a worker: in all, in copies of the kernel, in functions, in loops and at faults of copies, in
/// code with no file.
type Samples = [u64; 6];

/// A scenario about copies in user space.
fn in_user_space(scenario: &'static Scenario, samples: Samples) -> Finding {
    let paths = [path(CopyPath::FileRead, None, SIZE), path(CopyPath::SocketSend, TCP, SIZE)];
    let mut frame = frame(&paths, 2050).unwrap();
    frame.host = Arc::new(Host { user_copies: true, ..(*frame.host).clone() });
    let counters = [
        CounterId::CpuSamples,
        CounterId::CopySamples,
        CounterId::LibraryCopySamples,
        CounterId::InlinedCopySamples,
        CounterId::CopyFaultSamples,
        CounterId::NoFileSamples,
    ];
    for (counter, samples) in counters.into_iter().zip(samples) {
        frame.totals.counters[counter] = samples;
    }
    let copier = |function: &str, samples| Copier {
        process: frame.processes[0].id,
        kind: CopierKind::Library,
        file: "/lib/libc.so.6".into(),
        function: Some(function.into()),
        samples,
        fault_samples: 0,
    };
    let [_, _, library, ..] = samples;
    frame.copiers = if library > 0 {
        vec![copier("memmove", 1), copier("memcpy", library - 1)]
    } else {
        vec![]
    };
    sampled::with_note(found(scenario, Sink::Tcp, Ok(frame), Some([0.9, 1.0, 1.1])))
}

pub(crate) fn cloning() -> Finding {
    in_user_space(&CLONING, [400, 100, 150, 0, 4, 0])
}

pub(crate) fn moving() -> Finding {
    in_user_space(&MOVING, [250, 100, 0, 0, 0, 0])
}

/// Too little CPU time for a share.
pub(crate) fn moving_briefly() -> Finding {
    in_user_space(&MOVING, [24, 10, 0, 0, 0, 0])
}

/// Two scenarios about copies in user space, of which the first copies: in code that is looked into, in code with no
/// file, or not so that the samples show it.
pub(crate) fn comparisons_in_user_space() -> [Comparison; 3] {
    let spread = |ends: [f64; 3]| Spread::of(ends);
    let compared = |findings| Comparison {
        findings,
        throughput: spread([1.1, 1.25, 1.3]),
        cpu: spread([0.5, 0.55, 0.6]),
    };
    [
        [cloning(), moving()],
        [in_user_space(&CLONING, [400, 100, 0, 0, 0, 160]), moving()],
        [
            in_user_space(&CLONING, [40, 10, 3, 0, 0, 0]),
            in_user_space(&MOVING, [25, 10, 1, 0, 0, 0]),
        ],
    ]
    .map(compared)
}

/// Asked for references, and got copies of a part.
fn downgraded() -> [PathSample; 1] {
    [PathSample {
        provenance: Provenance::Measured,
        ..path(CopyPath::SendfileToSocket, TCP, SIZE / 4)
    }]
}

const TCP: Option<SocketId> = Some(SocketId::Known(SocketKind::Tcp));

fn path(path: CopyPath, socket: Option<SocketId>, copied_bytes: u64) -> PathSample {
    PathSample {
        path: PathId::Known(path),
        socket,
        ops: SIZE / CHUNK,
        errors: 0,
        moved_bytes: SIZE,
        copied_bytes,
        assumed_bytes: 0,
        provenance: Provenance::Modelled,
    }
}

fn found(
    scenario: &'static Scenario,
    sink: Sink,
    frame: Result<Frame, String>,
    relative: Option<[f64; 3]>,
) -> Finding {
    let setting = setting(sink);
    let (slow, fast) = ([25.0, 27.5, 31.0], [10.0, 12.5, 14.0]);
    let times = if relative.is_some() { fast } else { slow }.map(|ms| ms * MILLISECOND);
    let cpu = times.map(|ns| ns / 2.0);
    let measurement = Measurement {
        about_pages: false,
        frame,
        framing: Framing::STOP,
        size: SIZE,
        report: WorkerReport { wall_ns: 1, cpu_ns: 1, told: None, completions: None, digest: None },
        departure: None,
        sent_again: None,
    };
    let verdict = verdict::judge(scenario, &setting, &measurement);
    let sampled = Sampled::of(measurement.frame.as_ref().ok());
    let outcome = Outcome::Ran(Box::new(Ran {
        rounds: 3,
        measurement,
        wall_ns: Spread::of(times).unwrap(),
        cpu_ns: Spread::of(cpu).unwrap(),
        relative: relative.and_then(Spread::of),
        sampled,
        verdict,
    }));
    Finding { scenario, setting, outcome }
}

/// What a worker did that used these paths, with so many calls, one of which stopped it.
fn frame(paths: &[PathSample], syscalls: u64) -> Result<Frame, String> {
    let mut counters = Counters::default();
    for (counter, count) in [
        (CounterId::Syscalls, syscalls),
        (CounterId::ModeSwitches, 2 * syscalls + 6),
        (CounterId::ContextSwitchesVoluntary, 42),
        (CounterId::ContextSwitchesInvoluntary, 7),
        (CounterId::PageFaultsMinor, 3),
        (CounterId::PageCacheHits, SIZE / 4096),
        (CounterId::NetTxBytes, SIZE),
    ] {
        counters[counter] = count;
    }
    let limitation = |counter: CounterId, provenance, reason: &str| Limitation {
        counter: counter.into(),
        provenance,
        reason: reason.to_owned(),
    };
    let host = Host {
        name: "workshop".to_owned(),
        kernel: "6.12.48".to_owned(),
        arch: "x86_64".to_owned(),
        cpus: 8,
        page_bytes: 4096,
        clock_ticks: 100,
        copies: Provenance::Modelled,
        users: BTreeMap::new(),
        user_copies: false,
        limitations: vec![
            limitation(CounterId::CopiedBytes, Provenance::Modelled, "no copy hooks"),
            limitation(
                CounterId::PageCacheMisses,
                Provenance::Unavailable,
                "this kernel has no tracepoint for it",
            ),
        ],
    };
    let worker = ProcessSample {
        id: ProcessId { pid: 42, start_ns: 42 },
        parent: ProcessId { pid: 1, start_ns: 1 },
        comm: "zc".into(),
        cgroup: None,
        user: None,
        ancestry: None,
        kernel: false,
        exited: false,
        merged: 1,
        counters,
        paths: paths.to_vec(),
    };
    let mut losses = Losses::default();
    losses[Loss::ALL[0]] = u64::from(syscalls == ODD);
    Ok(Frame::cumulative(Snapshot {
        schema: SchemaVersion::CURRENT,
        host: Arc::new(host),
        taken_at_ns: 1_700_000_000_000_000_000,
        elapsed_ns: 1_000_000_000,
        processes: vec![Arc::new(worker)],
        threads: Vec::new(),
        copiers: Vec::new(),
        objects: None,
        stacks: None,
        unattributed: Unattributed::default(),
        devices: Vec::new(),
        losses,
        self_cost: SelfCost::default(),
    }))
}
