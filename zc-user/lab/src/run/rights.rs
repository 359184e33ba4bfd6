//! What the lab's processes may do: the lab keeps what its runs take, and each of its processes gives up what
//! its own part does not take.

use std::{fs, path::Path};

use rustix::{
    fs::{Mode, OFlags, open},
    thread::CapabilitySet,
};
use zc_privilege::takes;

use crate::{
    sink::{self, Sink},
    workload::{
        mechanism::copy_range_reflink,
        scenario::{Scenario, ScenarioGroup, Work},
    },
};

/// Locked memory, which rings and zero-copy sends are charged.
pub(crate) const MEMORY: CapabilitySet = CapabilitySet::IPC_LOCK;

/// Namespaces with devices in them, for servers and virtual links.
const NETWORK: CapabilitySet = CapabilitySet::SYS_ADMIN.union(CapabilitySet::NET_ADMIN);

/// Files and directories that are another user's, which root names.
pub(crate) const FILES: CapabilitySet =
    CapabilitySet::DAC_OVERRIDE.union(CapabilitySet::DAC_READ_SEARCH);

/// What it takes to run `scenario` to `sink`.
#[must_use]
pub fn of_run(scenario: &Scenario, sink: Sink) -> CapabilitySet {
    let mut needs = MEMORY;
    if matches!(sink, Sink::Veth | Sink::VethLinear) || matches!(scenario.work, Work::Program(_)) {
        needs |= NETWORK;
    }
    if scenario.id == copy_range_reflink::SCENARIO.id {
        needs |= CapabilitySet::SYS_ADMIN;
    }
    if scenario.group == ScenarioGroup::Asynchronous && has_restricted_rings() {
        needs |= CapabilitySet::SYS_ADMIN;
    }
    needs
}

/// What it takes to show any hazard.
pub const OF_HAZARDS: CapabilitySet = MEMORY;

/// What it takes to make files in `directory` and to read `file`.
#[must_use]
pub fn of_files(directory: &Path, file: Option<&Path>) -> CapabilitySet {
    let makes = || sink::scratch(directory).is_ok();
    // Opening a pipe would wait for a writer.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let reads = || file.is_none_or(|file| open(file, flags, Mode::empty()).is_ok());
    if takes(FILES, makes) || takes(FILES, reads) { FILES } else { CapabilitySet::empty() }
}

/// Whether only administrators may use io_uring (`kernel.io_uring_disabled`, 6.6).
fn has_restricted_rings() -> bool {
    fs::read_to_string("/proc/sys/kernel/io_uring_disabled").is_ok_and(|value| value.trim() == "1")
}
