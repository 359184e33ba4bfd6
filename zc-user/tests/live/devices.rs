//! Figures of devices, compared with what the kernel reports.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Test,
    report::{Report, number},
    requirement::{self, Skip, program},
    workload::{
        crowded::PAIRS,
        refusal::DROPPED,
        renamed::{BYTES, EACH, MANY, NAMES, PEER},
    },
    zc::{observe, on_disk, workload},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("devices::network_bytes_are_those_of_proc_net_dev", network),
    ("devices::more_interfaces_than_a_cpu_has_slots_for_are_all_counted", crowded),
    ("devices::an_interface_is_its_name_too", renamed),
    ("devices::no_number_of_interfaces_is_too_large", ever_renamed),
    ("devices::packets_that_a_driver_does_not_take_count_once", refused),
    ("devices::disk_bytes_are_those_of_the_block_layer", disk),
];

/// The link-layer header of Ethernet.
const HEADER: u64 = 14;

/// Runs a workload that prints what the kernel says of its devices, a line of JSON for each namespace.
fn compared(name: &str) -> (Report, Vec<Value>) {
    let mut command = Vec::from(workload());
    command.push(name.into());
    let observed = observe(&[], &command);
    let output = String::from_utf8(observed.output.stdout).expect("UTF-8");
    let lines = output.lines().map(|line| serde_json::from_str(line).expect("a line of JSON"));
    (observed.report, lines.collect())
}

fn network() -> Result<(), Skip> {
    requirement::administrator()?;
    program("ip")?;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (report, namespaces) = compared("traffic");
    let mut names = Vec::new();
    for namespace in &namespaces {
        let devices = namespace["devices"].as_object().expect("devices");
        for (name, kernel) in devices.iter().filter(|(_, counts)| number(counts, "tx_bytes") > 0) {
            let device = device(&report, name, &namespace["namespace"]);
            compare(device, kernel, name);
            shapes_within(device, name);
            assert_eq!(number(device, "errors"), 0);
            assert_eq!(device["software"], true, "nothing of it is hardware");
            assert_eq!(device["dma_read_bytes"], Value::Null);
            names.push(name.clone());
        }
    }
    names.sort();
    assert_eq!(names, ["lo", "zca", "zcb"]);
    Ok(())
}

fn crowded() -> Result<(), Skip> {
    requirement::administrator()?;
    program("ip")?;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (report, namespaces) = compared("crowded");
    let devices = namespaces[0]["devices"].as_object().expect("devices");
    let moved = |counts| number(counts, "rx_bytes") + number(counts, "tx_bytes");
    let busy = devices.iter().filter(|(_, counts)| moved(counts) > 0);
    let mut count = 0;
    for (name, kernel) in busy {
        compare(device(&report, name, &namespaces[0]["namespace"]), kernel, name);
        count += 1;
    }
    assert_eq!(count, 2 * PAIRS);
    Ok(())
}

fn renamed() -> Result<(), Skip> {
    requirement::administrator()?;
    program("ip")?;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (report, namespaces) = compared("renamed");
    let mut sum = 0;
    for (name, frames) in NAMES {
        let device = device(&report, name, &namespaces[0]["namespace"]);
        assert_eq!(number(device, "write_requests"), frames as u64, "{name}");
        assert_eq!(number(device, "write_bytes"), (frames * BYTES) as u64, "{name}");
        assert_eq!(number(device, "read_bytes"), 0, "{name}");
        sum += frames;
    }
    let peer = device(&report, PEER, &namespaces[0]["namespace"]);
    assert_eq!(number(peer, "read_requests"), sum as u64);
    assert_eq!(number(peer, "read_bytes"), (sum * BYTES) as u64);
    Ok(())
}

/// More interfaces than a table has room for are kept one by one for a while, and added to one row then.
fn ever_renamed() -> Result<(), Skip> {
    requirement::administrator()?;
    program("ip")?;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (report, namespaces) = compared("ever-renamed");
    assert_eq!(report.losses().get("devices_exhausted"), None);
    let namespace = &namespaces[0]["namespace"];
    let own = |row: &&Value| row["namespace"] == *namespace && row["device"] != PEER;
    let rows: Vec<_> = report.devices().iter().filter(own).collect();
    for row in &rows {
        assert_eq!(number(row, "write_requests"), EACH as u64, "{row}");
        assert_eq!(number(row, "write_bytes"), (EACH * BYTES) as u64, "{row}");
    }
    // Interfaces of others may be in that row, too.
    let other =
        report.devices().iter().find(|row| row["device"] == "(other)" && row["kind"] == "net");
    let other = other.unwrap_or_else(|| panic!("no row for the others in {:?}", report.devices()));
    let merged = (MANY - rows.len()) as u64;
    assert!(merged > 0 && number(other, "write_requests") >= merged * EACH as u64, "{other}");
    assert!(number(other, "write_bytes") >= merged * (EACH * BYTES) as u64, "{other}");
    device(&report, &format!("zc{}", MANY - 1), namespace);
    let peer = device(&report, PEER, namespace);
    assert_eq!(number(peer, "read_requests"), (MANY * EACH) as u64);
    assert_eq!(number(peer, "read_bytes"), (MANY * EACH * BYTES) as u64);
    Ok(())
}

/// Expects that no more shapes than packets were counted: fewer, if others on this machine have sent very many packets
/// at the same time. The tests of shapes have all of them.
fn shapes_within(device: &Value, name: &str) {
    let shapes = number(device, "linear_bytes") + number(device, "gather_bytes");
    assert!(shapes <= number(device, "write_bytes"), "{name}: {shapes}");
}

/// Expects the kernel's figures, in both directions.
fn compare(device: &Value, kernel: &Value, name: &str) {
    for (ours, theirs) in [
        ("write_bytes", "tx_bytes"),
        ("write_requests", "tx_packets"),
        ("read_bytes", "rx_bytes"),
        ("read_requests", "rx_packets"),
    ] {
        assert_eq!(number(device, ours), number(kernel, theirs), "{name}, {ours}");
    }
}

/// One after the other, and not next to `network`: the kernel gives the number of a namespace that is gone
/// to the next one, and all of these have a device of the same name and index.
pub(crate) static ALONE: Mutex<()> = Mutex::new(());

fn refused() -> Result<(), Skip> {
    requirement::administrator()?;
    program("ip")?;
    program("tc")?;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let outcomes = [dropped(), requeued()];
    outcomes.into_iter().collect()
}

fn dropped() -> Result<(), Skip> {
    let (report, namespaces) = compared("dropped");
    if let Some(why) = namespaces[0]["lacking"].as_str() {
        return Err(Skip::Kernel(format!("no macvlan devices: {}", why.trim())));
    }
    for name in ["zca", "zcm"] {
        let kernel = &namespaces[0]["devices"][name];
        let device = device(&report, name, &namespaces[0]["namespace"]);
        assert_eq!(number(device, "write_bytes"), number(kernel, "tx_bytes"), "{name}");
        assert_eq!(number(device, "write_requests"), number(kernel, "tx_packets"), "{name}");
        shapes_within(device, name);
        // The queue of the device below never handed its driver what it dropped.
        let refused = if name == "zcm" { DROPPED as u64 } else { 0 };
        assert_eq!(number(device, "errors"), refused, "{name}");
    }
    Ok(())
}

fn requeued() -> Result<(), Skip> {
    let (report, namespaces) = compared("requeued");
    let kernel = &namespaces[0]["devices"]["zca"];
    let device = device(&report, "zca", &namespaces[0]["namespace"]);
    if number(device, "errors") == 0 {
        return Err(Skip::Kernel("its veth devices refuse no packet".to_owned()));
    }
    let packets = number(kernel, "tx_packets");
    assert_eq!(number(device, "write_requests"), packets);
    // Such a device counts packets when the other end takes them, without the header
    // (`veth_xdp_rcv`, `drivers/net/veth.c`).
    assert_eq!(number(device, "write_bytes"), number(kernel, "tx_bytes") + HEADER * packets);
    shapes_within(device, "zca");
    Ok(())
}

fn device<'a>(report: &'a Report, name: &str, namespace: &Value) -> &'a Value {
    let same = |row: &&Value| row["device"] == name && row["namespace"] == *namespace;
    let mut rows = report.devices().iter().filter(same);
    let row = rows.next().unwrap_or_else(|| panic!("no device {name} in {:?}", report.devices()));
    assert!(rows.next().is_none(), "{name} is there twice");
    row
}

/// A loop device of our own: no other program has a reason to use it.
pub(crate) struct Loop {
    pub(crate) device: PathBuf,
    _file: TempDir,
}

impl Loop {
    pub(crate) fn new(bytes: u64) -> Result<Self, Skip> {
        let directory = on_disk();
        let file = directory.path().join("disk");
        fs::File::create(&file).and_then(|file| file.set_len(bytes)).expect("room");
        let output = Command::new(program("losetup")?)
            .args(["--find", "--show"])
            .arg(&file)
            .output()
            .expect("losetup runs");
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            return Err(Skip::Kernel(format!("no loop device: {}", why.trim())));
        }
        let device = String::from_utf8_lossy(&output.stdout).trim().into();
        Ok(Self { device, _file: directory })
    }

    fn name(&self) -> String {
        self.device.file_name().expect("a name").to_string_lossy().into_owned()
    }

    /// Bytes read and written since the device exists (`Documentation/block/stat.rst`).
    fn totals(&self) -> [u64; 2] {
        let text = fs::read_to_string(format!("/sys/block/{}/stat", self.name())).expect("sysfs");
        let fields: Vec<u64> =
            text.split_whitespace().map(|field| field.parse().expect("a number")).collect();
        // In sectors of 512 bytes, whatever the device has.
        [fields[2] * 512, fields[6] * 512]
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").arg("--detach").arg(&self.device).status();
    }
}

fn dd(from: &Path, to: &Path, flag: &str, bytes: u64, count: u64) -> Result<Report, Skip> {
    let words = [
        program("dd")?.to_string_lossy().into_owned(),
        format!("if={}", from.display()),
        format!("of={}", to.display()),
        format!("bs={bytes}"),
        format!("count={count}"),
        flag.to_owned(),
        "status=none".to_owned(),
        "conv=notrunc".to_owned(),
    ];
    Ok(observe(&[], &words).report)
}

fn disk() -> Result<(), Skip> {
    requirement::administrator()?;
    let disk = Loop::new(1 << 20)?;
    let before = disk.totals();
    let wrote = dd(Path::new("/dev/zero"), &disk.device, "oflag=direct", 12_288, 37)?;
    let between = disk.totals();
    let read = dd(&disk.device, Path::new("/dev/null"), "iflag=direct", 20_480, 23)?;
    let after = disk.totals();

    let (written_bytes, read_bytes) = (37 * 12_288, 23 * 20_480);
    assert_eq!(between[1] - before[1], written_bytes, "what the kernel says");
    let row = device(&wrote, &disk.name(), &Value::Null);
    assert_eq!(number(row, "write_bytes"), written_bytes);
    assert_eq!(number(row, "errors"), 0);
    assert_eq!(row["dma_write_bytes"], Value::Null, "a loop device has no hardware");

    // A disk manager may have looked at the device as soon as it had been written to.
    let row = device(&read, &disk.name(), &Value::Null);
    let seen = number(row, "read_bytes");
    assert!((read_bytes..=after[0] - between[0]).contains(&seen), "{seen} read");
    assert_eq!(number(row, "write_bytes"), 0);
    let issued = |report: &Report, counter: &str| {
        report.processes().iter().map(|row| row.counter(counter)).sum::<u64>()
    };
    assert!(issued(&wrote, "block_write_bytes") >= written_bytes);
    assert!(issued(&read, "block_read_bytes") >= read_bytes);
    Ok(())
}
