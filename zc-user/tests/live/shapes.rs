//! Packets of which only a sample is looked at.

use std::{
    io::{Read as _, Write as _},
    process::{Child, Command, Stdio},
    sync::PoisonError,
    time::Duration,
};

use serde_json::Value;
use zc_model::{
    snapshot::{DeviceKind, DeviceSample},
    source::SnapshotSource as _,
};
use zc_probe::{
    attach::Options,
    catalog::{Part, ProbeGroup},
    live::Live,
    shapes::Sampling,
};

use crate::{
    Test,
    devices::ALONE,
    report::number,
    requirement::{self, Skip, program},
    workload::burst::{BYTES, DATAGRAMS},
    zc::workload,
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("shapes::all_bytes_are_counted_when_few_packets_are_looked_at", sampled),
    ("shapes::every_packet_has_one_when_all_are_looked_at", complete),
];

/// Bursts of packets, each in a slice of its own. One in ten is looked at, on average: that all are, or none is, of
/// these happens once in ten thousand runs.
const BURSTS: usize = 91;

/// A datagram with the headers of UDP and IP; loopback counts none of its own.
const PACKET: usize = BYTES + 28;

/// `zc` in this process, with a schedule of its own.
fn start(shapes: Sampling) -> Result<Live, Skip> {
    requirement::administrator()?;
    program("ip")?;
    let shapes = Some(shapes);
    let live = Live::start(&Options { shapes, ..Options::default() }).expect("zc attaches");
    match live.attached().refusal(Part::Group(ProbeGroup::Net)) {
        Some(why) => Err(Skip::Kernel(why.to_string())),
        None => Ok(live),
    }
}

/// Starts a workload.
fn spawn(name: &str) -> Child {
    let [program, word] = workload();
    Command::new(program)
        .args([word.as_os_str(), name.as_ref()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the workload runs")
}

fn complete() -> Result<(), Skip> {
    // No packet is one too many.
    let mut live = start((u32::MAX, Duration::ZERO))?;
    // They have namespaces whose numbers are used again, and devices of the same names.
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for name in ["traffic", "dropped", "requeued"] {
        let output = spawn(name).wait_with_output().expect("the workload runs");
        assert!(output.status.success(), "{name}: {}", output.status);
        live.tend().expect("zc tidies up");
        let snapshot = live.next().expect("zc counts").expect("a snapshot");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let namespaces: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let is_own = |device: &&DeviceSample| {
            device.kind == DeviceKind::Net
                && namespaces.iter().any(|it| it["namespace"].as_u64() == device.namespace)
        };
        let own: Vec<_> = snapshot.devices.iter().filter(is_own).collect();
        assert!(namespaces[0]["lacking"].is_string() || !own.is_empty(), "{name}");
        for device in own {
            assert_eq!(device.shaped_bytes(), device.write_bytes, "{name}: {device:?}");
            assert!(!device.is_sampled());
        }
    }
    Ok(())
}

fn sampled() -> Result<(), Skip> {
    // No packet is few enough, and no slice too short.
    let mut live = start((0, Duration::ZERO))?;
    let mut child = spawn("burst");
    let mut orders = child.stdin.take().expect("a pipe");
    let mut answers = child.stdout.take().expect("a pipe");
    for _ in 0..BURSTS {
        orders.write_all(b".").expect("a reader");
        answers.read_exact(&mut [0]).expect("an answer");
        live.tend().expect("zc tidies up");
    }
    drop(orders);
    let mut kernel = String::new();
    answers.read_to_string(&mut kernel).expect("UTF-8");
    let kernel: Value = serde_json::from_str(&kernel).expect("a line of JSON");
    assert!(child.wait().expect("a child").success());

    let snapshot = live.next().expect("zc counts").expect("a snapshot");
    let own = |device: &&DeviceSample| {
        device.device == "lo" && device.namespace == kernel["namespace"].as_u64()
    };
    let device = snapshot.devices.iter().find(own).expect("its loopback");
    let counts = &kernel["devices"]["lo"];
    assert_eq!(device.write_bytes, (BURSTS * DATAGRAMS * PACKET) as u64);
    assert_eq!(device.write_bytes, number(counts, "tx_bytes"));
    assert_eq!(device.write_requests, number(counts, "tx_packets"));
    assert_eq!(device.read_bytes, number(counts, "rx_bytes"));
    // Whole bursts.
    let looked = device.shaped_bytes();
    assert_eq!(looked % (DATAGRAMS * PACKET) as u64, 0, "{looked}");
    assert!(looked > 0 && looked < device.write_bytes, "{looked} of {}", device.write_bytes);
    assert!(device.is_sampled());
    assert!(device.gathered_share().is_some_and(|share| (0.0..=1.0).contains(&share)));
    Ok(())
}
