//! Processors that go offline and come back. In guests only: the host's processors belong to everything on it.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    Test,
    requirement::{self, Skip},
    zc::{Running, zc},
};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] =
    &[("hotplug::a_cpu_that_comes_back_is_sampled_again", comes_back)];

/// Reached only when it fails.
const PATIENCE: Duration = Duration::from_secs(120);

const SWITCH: &str = "/sys/devices/system/cpu/cpu1/online";

fn comes_back() -> Result<(), Skip> {
    requirement::administrator()?;
    if !crate::is_guest() || !Path::new(SWITCH).exists() {
        return Err(Skip::Kernel("it takes a processor away, in guests only".to_owned()));
    }
    // Debian's default takes a capability that zc has given up when the CPU comes back.
    fs::write("/proc/sys/kernel/perf_event_paranoid", "2").unwrap();
    let mut top = Running::start(zc(["top", "--json", "--interval", "0.5"]));
    let first: Value = serde_json::from_str(&top.line()).unwrap();
    let limits = |update: &Value| update["limitations"].to_string();
    if limits(&first).contains("\"cpu_samples\"") {
        return Err(Skip::Kernel("the copy tax is not measured".to_owned()));
    }
    fs::write(SWITCH, "0").unwrap();
    fs::write(SWITCH, "1").unwrap();
    // On the CPU that was away, and nowhere else.
    let mut busy = Command::new("sh");
    busy.args(["-c", "while :; do :; done"]);
    let busy = Running::start(busy);
    let mut only = rustix::thread::CpuSet::new();
    only.set(1);
    let pid = rustix::process::Pid::from_raw(busy.0.id().cast_signed());
    rustix::thread::sched_setaffinity(pid, &only).unwrap();
    // The timer is opened again within half a second, and the kernel samples 99 times a second.
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "the CPU that came back is not sampled");
        let update: Value = serde_json::from_str(&top.line()).unwrap();
        let row = update["processes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["pid"] == busy.0.id())
            .map_or(0, |row| row["counters"]["cpu_samples"].as_u64().unwrap_or(0));
        if row > 10 {
            assert!(limits(&update).contains("came online"), "{}", limits(&update));
            break;
        }
    }
    top.signal(Signal::TERM);
    Ok(())
}
